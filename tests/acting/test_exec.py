"""Commands in containers: over real websockets, run as real processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from kuberunbooks import errors
from kuberunbooks.acting.exec import text
from tests.support.api_server import Fault
from tests.support.exec_server import V4, V5, Asked, Said, local_process, wait_until

Shop = Callable[..., Any]
Make = Callable[..., Any]


@pytest.mark.parametrize("protocol", [V4, V5])
def test_both_streams_come_apart_with_the_exit_code(protocol: str, shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.protocols = [protocol]
        found = container(server).run("sh", "-c", "echo out; echo wrong >&2; exit 42")
    assert found == (b"out\n", b"wrong\n", 42, False, "")


def test_a_command_that_ends_well_has_exit_code_zero(shop: Shop, container: Make) -> None:
    with shop() as server:
        found = container(server).run("true")
    assert found == (b"", b"", 0, False, "")


def test_arguments_arrive_as_they_are(shop: Shop, container: Make) -> None:
    said = ["a b", "$HOME", "`id`", "é&=%20+", "", "--", "'\""]
    with shop() as server:
        found = container(server).run("printf", "[%s]", *said)
        asked: Asked = server.exec.asked[0]
    assert asked.argv == ("printf", "[%s]", *said)
    assert found.stdout.decode() == "".join(f"[{one}]" for one in said)


def test_standard_input_is_sent_and_ended_by_v5(shop: Shop, container: Make) -> None:
    sent = bytes(range(256)) * 8000
    with shop() as server:
        found = container(server).run("cat", stdin=sent, most_bytes=1 << 22)
    assert (found.stdout, found.exit_code) == (sent, 0)


def test_empty_standard_input_ends_at_once(shop: Shop, container: Make) -> None:
    with shop() as server:
        assert container(server).run("wc", "-c", stdin=b"").stdout.strip() == b"0"


def test_v4_cannot_end_standard_input_so_the_deadline_does(shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.protocols = [V4]
        found = container(server).run("cat", stdin=b"abc", command=1.0)
    assert (found.stdout, found.exit_code, found.partial) == (b"abc", None, True)
    assert "did not end within 1 s" in found.why


def test_a_command_that_never_reads_its_input_does_not_stall(shop: Shop, container: Make) -> None:
    with shop() as server:
        started = time.monotonic()
        found = container(server).run("sleep", "60", stdin=b"x" * (8 << 20), command=1.0)
    assert found.partial
    assert time.monotonic() - started < 5


def test_a_command_that_hangs_is_given_up_at_its_deadline(shop: Shop, container: Make) -> None:
    with shop() as server:
        started = time.monotonic()
        found = container(server).run("sh", "-c", "echo begun; sleep 60", command=1.0)
        waited = time.monotonic() - started
        assert wait_until(lambda: server.exec.processes[0].poll() is not None)
    assert 0.9 < waited < 4
    assert found == (
        b"begun\n",
        b"",
        None,
        True,
        "it did not end within 1 s and may still run in the container",
    )


def test_a_flood_is_cut_at_the_limit_and_memory_stays_small(shop: Shop, container: Make) -> None:
    with shop() as server:
        before = psutil.Process().memory_info().rss
        found = container(server).run("yes", most_bytes=1 << 20)
        grown = psutil.Process().memory_info().rss - before
    assert len(found.stdout) == 1 << 20
    assert (found.exit_code, found.partial) == (None, True)
    assert found.why == "its output was cut off after 1048576 bytes"
    assert grown < 64 << 20


def test_both_streams_share_the_limit(shop: Shop, container: Make) -> None:
    with shop() as server:
        found = container(server).run("sh", "-c", "yes >&2 & yes", most_bytes=100_000)
    assert len(found.stdout) + len(found.stderr) == 100_000
    assert found.partial


def test_output_of_exactly_the_limit_is_whole(shop: Shop, container: Make) -> None:
    with shop() as server:
        found = container(server).run("head", "-c", "65536", "/dev/zero", most_bytes=65536)
    assert (len(found.stdout), found.exit_code, found.partial) == (65536, 0, False)


def test_a_connection_that_breaks_leaves_what_came_before_it(shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.misbehaviour.cut_after = 70_000
        found = container(server).run("head", "-c", "1000000", "/dev/zero")
    assert found.exit_code is None
    assert found.partial
    assert 60_000 <= len(found.stdout) <= 70_000
    assert found.why == "the connection ended before the command did"


def test_an_end_without_exit_code_is_not_taken_for_success(shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.misbehaviour.no_status = True
        found = container(server).run("echo", "x")
    assert (found.stdout, found.exit_code, found.partial) == (b"x\n", None, True)


def test_a_server_that_dies_in_the_middle_is_noticed(shop: Shop, container: Make) -> None:
    with shop() as server:
        inside = container(server)
        threading.Timer(0.5, server.stop).start()
        found = inside.run("sh", "-c", "echo begun; sleep 30")
    assert found.stdout == b"begun\n"
    assert found.partial


@pytest.mark.parametrize(
    "status",
    [b"", b"null", b"[1]", b"not json", b"\xff\xfe", b'{"status":', b'{"status":"Failure"}', b"{" * 100_000],
)
def test_an_odd_status_is_never_success(status: bytes, shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.misbehaviour.status = status
        found = container(server).run("echo", "x")
    assert found.exit_code != 0
    assert found.stdout == b"x\n"


def test_output_that_comes_after_the_exit_code_is_kept(shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.misbehaviour.early = True
        found = container(server).run("echo", "first")
    assert found == (b"first\nlate\n", b"", 0, False, "")


def test_messages_in_many_frames_with_pings_between_are_put_together(shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.misbehaviour.fragment = 7
        server.exec.misbehaviour.ping = True
        found = container(server).run("seq", "200")
    assert found.stdout == "".join(f"{one}\n" for one in range(1, 201)).encode()
    assert found.exit_code == 0


def test_text_messages_are_read_like_binary_ones(shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.misbehaviour.as_text = True
        assert container(server).run("echo", "x").stdout == b"x\n"


def test_a_dripping_server_does_not_outlast_the_deadline(shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.misbehaviour.drip = 0.05
        started = time.monotonic()
        found = container(server).run("head", "-c", "1000", "/dev/zero", command=1.0)
    assert found.partial
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff" * 300,
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x01x",  # a message of a terabyte
        b"\x82\x81\x00\x00\x00\x00\x01",  # masked, which no server may
        b"\x82\x00\x82\x01\x07\x82\x02\xff\x01",  # empty, an unknown channel, an end nobody asked for
        b"\x80\x03\x01ab",  # the rest of a message that never began
        b"\x02\x03\x01ab",  # a message that never ends
        b"\x88\x00",  # goodbye at once
    ],
)
def test_garbage_is_never_taken_for_an_answer(garbage: bytes, shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.misbehaviour.garbage = garbage
        found = container(server).run("true", command=3.0)
    assert (found.exit_code, found.partial) == (None, True)


def test_bytes_that_are_no_text_come_as_they_are(shop: Shop, container: Make) -> None:
    said = r"printf '\377\376\000ok\303'"
    with shop() as server:
        found = container(server).run("sh", "-c", said)
    assert found.stdout == b"\xff\xfe\x00ok\xc3"
    assert text(found.stdout, partial=False) == "\ufffd\ufffd\x00ok\ufffd"


def test_a_character_cut_in_two_by_the_limit_is_left_out() -> None:
    assert text("né".encode()[:-1], partial=True) == "n"
    assert text("né".encode()[:-1], partial=False) == "n\ufffd"
    assert text("né".encode(), partial=True) == "né"


def test_a_command_that_is_not_in_the_image_ends_as_with_kubectl(shop: Shop, container: Make) -> None:
    with shop() as server:
        found = container(server).run("no-such-tool")
    assert (found.exit_code, found.partial) == (1, False)
    assert found.stderr.startswith(b"error: Internal error occurred: ")
    assert b'exec: "no-such-tool"' in found.stderr


def test_commands_run_side_by_side_and_beside_reads_without_mixing(shop: Shop, container: Make) -> None:
    with shop() as server:
        inside = container(server)
        said: dict[int, bytes] = {}
        reads: list[bytes] = []

        def run(number: int) -> None:
            said[number] = inside.run("sh", "-c", f"sleep 0.2; echo {number}").stdout

        threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
        threads += [
            threading.Thread(target=lambda: reads.append(inside.live.raw("version"))) for _ in range(6)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert said == {number: f"{number}\n".encode() for number in range(6)}
    assert len(set(reads)) == 1


def test_credentials_and_impersonation_go_along(shop: Shop, container: Make) -> None:
    user = {"token": "s3cret", "as": "bob", "as-groups": ["dev", "ops"]}
    with shop(token="s3cret") as server:
        assert container(server, user=user).run("true").exit_code == 0
        headers = {name.lower(): value for name, value in server.requests[-1].headers.items()}
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["impersonate-user"] == "bob"
    assert headers["user-agent"].startswith("kuberunbooks/")
    assert "origin" not in headers


# --- refusals --------------------------------------------------------------------------------------------


def test_a_refused_exec_is_forbidden_in_the_servers_words(shop: Shop, container: Make) -> None:
    with (
        shop(deny=["create pods/exec", "get pods/exec"]) as server,
        pytest.raises(errors.Forbidden, match="pods/exec is forbidden") as caught,
    ):
        container(server).run("true")
    assert "runbook-prober" in caught.value.advice


def test_a_pod_that_is_not_there_is_said(shop: Shop, container: Make) -> None:
    with shop() as server:
        inside = container(server)
        inside.pod = "gone"
        with pytest.raises(errors.NotFound, match='pods "gone" not found'):
            inside.run("true")


def test_a_container_that_is_not_there_is_said(shop: Shop, container: Make) -> None:
    with shop() as server:
        inside = container(server)
        inside.name = "nobody"
        with pytest.raises(errors.Refused, match="container nobody is not valid") as caught:
            inside.run("true")
    assert caught.value.status == 400


def test_credentials_that_are_not_accepted_are_said_with_the_context(shop: Shop, container: Make) -> None:
    with (
        shop(token="right") as server,
        pytest.raises(errors.Unauthorized, match="credentials of context 'test'"),
    ):
        container(server, user={"token": "wrong"}).run("true")


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault("exec", redirect="https://login.example/x"), errors.BadAnswer, "redirects to login.example"),
        (Fault("exec", body=b"<html>log in</html>", type="text/html"), errors.BadAnswer, "with a web page"),
        (Fault("exec", body=b"{}"), errors.BadAnswer, r"without the upgrade to a websocket \(200\)"),
        (Fault("exec", status=403, body=b"<html>no</html>"), errors.BadAnswer, "with a web page"),
        (Fault("exec", status=429), errors.Throttled, "Too many requests"),
        (Fault("exec", status=502, body=b"bad gateway"), errors.ServerFault, "bad gateway"),
        (Fault("exec", reset=True), errors.Unreachable, "."),
        (Fault("exec", hang=30), errors.TimedOut, "did not answer .* within 0.5 s"),
        (Fault("exec", status=101, body=b""), errors.BadAnswer, "by another protocol"),
    ],
)
def test_what_is_no_upgrade_is_one_sentence(
    fault: Fault, kind: type[Exception], words: str, shop: Shop, container: Make
) -> None:
    with shop(faults=[fault]) as server, pytest.raises(kind, match=words):
        container(server).run("true", upgrade=0.5 if fault.hang else 10.0)


def test_a_server_that_speaks_no_known_protocol_is_refused(shop: Shop, container: Make) -> None:
    with shop() as server:
        server.exec.protocols = []
        with pytest.raises(errors.BadAnswer, match="by another protocol"):
            container(server).run("true")


def test_no_server_at_all_is_unreachable(shop: Shop, container: Make) -> None:
    with shop() as server:
        inside = container(server)
    with pytest.raises(errors.Unreachable, match="refused the connection"):
        inside.run("true")


# --- the way there ---------------------------------------------------------------------------------------


def test_a_scripted_answer_comes_over_the_same_wire(shop: Shop, container: Make) -> None:
    def run(asked: Asked) -> Said:
        return Said(b"hello " + asked.container.encode(), b"", 7)

    with shop(run=run) as server:
        inside = container(server)
        found = inside.run("anything")
    assert (found.stdout, found.exit_code) == (b"hello " + inside.name.encode(), 7)


def test_every_local_process_of_a_test_is_gone_with_its_server(shop: Shop, container: Make) -> None:
    with shop(run=local_process) as server:
        container(server).run("sleep", "100", command=0.3)
    assert wait_until(lambda: server.exec.processes[0].poll() is not None)
