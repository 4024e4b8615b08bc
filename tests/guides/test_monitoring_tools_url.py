"""A server beside the API server, over real HTTP: what is sent there, what is taken from it, what is kept."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.cluster.other_server import OtherLimits, OtherServer, checked_address
from kuberunbooks.cluster.recorder import RecordingSource
from kuberunbooks.errors import (
    BadAnswer,
    BadParameter,
    ClusterError,
    NotCollected,
    Refused,
    ServerFault,
    TimedOut,
    TlsFailed,
    Unreachable,
)
from kuberunbooks.redaction import Redactor
from tests.support.api_server import serve_case
from tests.support.live import open_live
from tests.support.made_cases import make_case, pod
from tests.support.made_prometheus import answering, vector

HASTY = OtherLimits(connect=0.5, read=0.5, total=1.0, body=1000)


@contextmanager
def talking(reply: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that treats its first connection as `reply` does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)

        def serve() -> None:
            try:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    reply(connection)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_question_goes_out_with_its_options_and_nothing_that_says_who_asks() -> None:
    with answering({"prom/api/v1/query": vector(({}, "1"))}) as server:
        body = OtherServer(f"{server.url}/prom/").get("api/v1/query", [("query", 'up{a="b c"} == 0')])
        path, query, headers = server.asked[0]
    assert json.loads(body)["status"] == "success"
    assert (path, query["query"]) == ("prom/api/v1/query", 'up{a="b c"} == 0')
    assert "authorization" not in headers
    assert "cookie" not in headers


def test_a_token_comes_from_its_file_and_only_goes_where_nobody_reads_along(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc.def\n")
    with answering({"x": b"{}"}) as server:
        OtherServer(server.url, str(file)).get("x")
        assert server.asked[0][2]["authorization"] == "Bearer abc.def"
    with pytest.raises(BadParameter, match="unencrypted"):
        OtherServer("http://prometheus.example.com", str(file))
    OtherServer("https://prometheus.example.com", str(file))


@pytest.mark.parametrize("content", [None, "", "two words", "line\nline", "tökén"])
def test_a_token_file_without_a_token_is_refused_and_its_content_not_told(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(BadParameter) as caught:
        OtherServer("https://prometheus.example.com", str(file))
    assert not content or content not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "prometheus.example.com",
        "ftp://x",
        "http://",
        "https://user:hunter2@x",
        "http://x/?a=b",
        "http://x/#a",
        "file:///etc/passwd",
        "http://x:port",
        "http://[::1",
    ],
)
def test_other_addresses_are_refused_without_telling_a_password(url: str) -> None:
    with pytest.raises(BadParameter) as caught:
        checked_address(url)
    assert "hunter2" not in str(caught.value)


def test_an_address_is_named_by_host_and_port() -> None:
    assert checked_address(" https://prometheus.example.com/prom ") == "prometheus.example.com"
    assert checked_address("http://127.0.0.1:9090") == "127.0.0.1:9090"


def test_a_redirect_is_not_followed() -> None:
    with answering({"elsewhere": b"{}"}) as other:
        location = f"{other.url}/elsewhere".encode()
        with answering({"x": (302, location)}) as server, pytest.raises(BadAnswer, match="redirects to"):
            OtherServer(server.url).get("x")
        assert other.asked == []


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ((401, b""), Refused, "does not let us ask"),
        ((403, b"<html>"), Refused, "does not let us ask"),
        ((200, b"<!doctype html><form>"), BadAnswer, "web page"),
        ((400, {"status": "error", "error": "parse error at char 3"}), Refused, "parse error at char 3"),
        (
            (422, {"status": "error", "error": "query processing would load too many samples"}),
            Refused,
            "samples",
        ),
        ((503, {"status": "error", "error": "query timed out"}), ServerFault, "query timed out"),
        ((404, b"404 page not found\n"), Refused, "404"),
        ((200, b"x" * 1001), BadAnswer, "larger than 1000 bytes"),
    ],
)
def test_what_is_no_answer_is_an_error_in_words(answer: object, error: type[ClusterError], says: str) -> None:
    with answering({"x": answer}) as server, pytest.raises(error, match=says):
        OtherServer(server.url, limits=HASTY).get("x")


def test_a_server_that_is_not_there_is_told_by_name() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port} cannot be reached: connection refused"):
        OtherServer(f"http://127.0.0.1:{port}").get("x")
    with pytest.raises(Unreachable, match="does not resolve"):
        OtherServer("http://prometheus.invalid").get("x")


def test_a_server_that_does_not_answer_is_not_waited_for() -> None:
    with talking(lambda _: threading.Event().wait(2)) as url, pytest.raises(TimedOut):
        OtherServer(url, limits=HASTY).get("x")


def test_a_server_that_drips_is_not_waited_for() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(30):
            connection.sendall(b"x")
            threading.Event().wait(0.1)

    with talking(drip) as url, pytest.raises(TimedOut):
        OtherServer(url, limits=HASTY).get("x")


def test_a_cut_answer_and_one_in_plain_text_for_tls_are_told() -> None:
    def cut(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    with talking(cut) as url, pytest.raises(Unreachable, match="without a whole answer"):
        OtherServer(url, limits=HASTY).get("x")
    with talking(cut) as url, pytest.raises(TlsFailed, match="no trusted connection"):
        OtherServer(url.replace("http:", "https:"), limits=HASTY).get("x")


def test_answers_enter_the_case_and_are_given_again_without_asking(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [pod()])
    answers = {
        "api/v1/query": vector(({"up": "1"}, "3")),
        "broken": (400, {"status": "error", "error": "no"}),
    }
    with serve_case(case) as api, answering(answers) as server:
        recorder = RecordingSource(open_live(api, tmp_path))
        cluster, other = Cluster(recorder), OtherServer(server.url)
        ask = lambda: other.get("api/v1/query", [("query", "up"), ("time", "1")])  # noqa: E731
        live = cluster.elsewhere("prometheus/elsewhere/up", ask)
        assert cluster.elsewhere("prometheus/elsewhere/up", ask) == live
        assert len(server.asked) == 1, "remembered"
        with pytest.raises(Refused, match="no"):
            cluster.elsewhere("prometheus/elsewhere/bad", lambda: other.get("broken"))
        with pytest.raises(Unreachable):
            cluster.elsewhere("prometheus/elsewhere/gone", lambda: OtherServer("http://127.0.0.1:9").get("x"))
        assert cluster.coverage.requests == 3
        recorder.write(tmp_path / "out.zip", Redactor())
        cluster.close()

    def never() -> bytes:
        raise AssertionError("a case asks nobody")

    replayed = Cluster(CaseSource(tmp_path / "out.zip"))
    assert json.loads(replayed.elsewhere("prometheus/elsewhere/up", never)) == json.loads(live)
    with pytest.raises(Refused, match="no"):
        replayed.elsewhere("prometheus/elsewhere/bad", never)
    with pytest.raises(ClusterError, match="cannot be reached"):
        replayed.elsewhere("prometheus/elsewhere/gone", never)
    with pytest.raises(NotCollected):
        replayed.elsewhere("prometheus/elsewhere/never-asked", never)


def test_the_clusters_credentials_are_not_sent_to_another_server(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [pod()])
    with serve_case(case, token="cluster-token") as api, answering({"x": b"{}"}) as server:
        cluster = Cluster(open_live(api, tmp_path))
        cluster.raw("version")
        cluster.elsewhere("prometheus/elsewhere/x", lambda: OtherServer(server.url).get("x"))
        cluster.close()
        assert api.requests[0].headers["authorization"] == "Bearer cluster-token"
        assert "cluster-token" not in str(server.asked)


def test_a_proxied_answer_is_kept_under_the_name_of_its_question(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [pod()])
    path = "api/v1/namespaces/monitoring/services/http:prom:9090/proxy/api/v1/query_range"
    with (
        answering({"api/v1/query_range": vector()}) as server,
        serve_case(case, services={"monitoring/prom": server.url}) as api,
    ):
        recorder = RecordingSource(open_live(api, tmp_path))
        cluster = Cluster(recorder)
        live = cluster.raw(
            path, (("query", "up"), ("start", "1.5")), name="prometheus/monitoring/prom:9090/up"
        )
        recorder.write(tmp_path / "out.zip", Redactor())
        cluster.close()
        assert server.asked[0][1] == {"query": "up", "start": "1.5"}
    replayed = Cluster(CaseSource(tmp_path / "out.zip"))
    later = (("query", "up"), ("start", "99.9"))
    assert json.loads(replayed.raw(path, later, name="prometheus/monitoring/prom:9090/up")) == json.loads(
        live
    )
