"""What nslookup, dig and getent print is read as they mean it: of the server, or of the name."""

from __future__ import annotations

import pytest

from kuberunbooks.cluster import Transcript
from kuberunbooks.guides.rules.lookup_output import Lookup, read_lookup
from kuberunbooks.guides.rules.pasted_session import sessions
from tests.support.made_dns import refused, resolved, unknown

BUSYBOX = "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n"
OLD_BUSYBOX = "Server:    10.96.0.10\nAddress 1: 10.96.0.10 kube-dns.kube-system.svc.cluster.local\n\n"
DIG_HEAD = "; <<>> DiG 9.18 <<>> {name}\n;; ->>HEADER<<- opcode: QUERY, status: {status}, id: 1\n"
DIG_SERVER = ";; SERVER: 10.96.0.10#53(10.96.0.10) (UDP)\n"


def read(command: str, stdout: str = "", stderr: str = "", code: int | None = 0) -> Lookup:
    found = read_lookup(Transcript(argv=command.split(), stdout=stdout, stderr=stderr, exit_code=code))
    assert found is not None
    return found


def test_an_answer_of_bind_has_the_addresses_after_the_name_only() -> None:
    text = resolved("web", full="web.shop.svc.cluster.local", address="10.96.7.7")
    found = read("nslookup web", text + "Name:\tweb.shop.svc.cluster.local\nAddress: fd00::7\n")
    assert (found.told, found.server, found.addresses) == ("resolved", "10.96.0.10", ("10.96.7.7", "fd00::7"))
    assert found.full == "web.shop.svc.cluster.local"
    assert not found.explicit


def test_an_answer_of_old_busybox_has_numbered_addresses_with_names() -> None:
    text = OLD_BUSYBOX + "Name:      web\nAddress 1: 10.96.7.7 web.shop.svc.cluster.local\n"
    assert read("nslookup web", text).addresses == ("10.96.7.7",)


def test_an_answer_counts_although_busybox_complains_of_other_domains() -> None:
    text = BUSYBOX + "** server can't find web.cluster.local: NXDOMAIN\n\nName:\tweb.shop.svc.cluster.local\n"
    found = read("nslookup web", text + "Address: 10.96.7.7\n", code=1)
    assert (found.told, found.why) == ("resolved", ())


def test_refused_and_timed_out_in_one_run_speak_of_the_server() -> None:
    text = ";; communications error to 10.96.0.10#53: timed out\n" + refused()
    found = read("nslookup -timeout=2 web", text, "command terminated with exit code 1\n", 1)
    assert (found.told, found.server) == ("silent", "10.96.0.10")
    assert found.why == ("timed out", "connection refused")


def test_a_timeout_of_busybox_speaks_of_the_server() -> None:
    found = read("nslookup web", ";; connection timed out; no servers could be reached\n", code=1)
    assert (found.told, found.why) == ("silent", ("timed out",))


def test_nxdomain_speaks_of_the_name() -> None:
    assert read("nslookup web", unknown("web"), code=1).told == "absent"
    assert read("nslookup web.shop.svc.cluster.local", unknown("web.shop.svc.cluster.local")).told == "absent"


def test_a_second_server_that_answers_decides() -> None:
    text = ";; communications error to 10.96.0.10#53: timed out\n" + unknown("web", server="10.96.0.11")
    assert read("nslookup web", text).told == "absent"


def test_servfail_is_a_server_that_cannot_tell() -> None:
    text = "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\n** server can't find web: SERVFAIL\n"
    found = read("nslookup web", text)
    assert (found.told, found.why) == ("failing", ("SERVFAIL",))


def test_busybox_does_not_search_for_names_with_a_dot_and_so_proves_nothing() -> None:
    assert read("nslookup web.shop", BUSYBOX + "** server can't find web.shop: NXDOMAIN\n").told == "nothing"
    searched = "** server can't find web.shop.svc.cluster.local: NXDOMAIN\n"
    assert read("nslookup web", BUSYBOX + searched).told == "absent"
    full = "web.shop.svc.cluster.local"
    assert read(f"nslookup {full}", BUSYBOX + f"** server can't find {full}: NXDOMAIN\n").told == "absent"


def test_old_busybox_does_not_say_whether_it_was_the_server_or_the_name() -> None:
    assert read("nslookup web", OLD_BUSYBOX, "nslookup: can't resolve 'web'\n", 1).told == "unclear"


def test_a_name_without_an_address_is_no_failure() -> None:
    assert read("nslookup web", BUSYBOX + "*** Can't find web: No answer\n").told == "nothing"


def test_the_server_of_the_command_is_the_one_that_was_asked() -> None:
    found = read("nslookup web.shop.svc.cluster.local 10.96.0.10", refused())
    assert (found.explicit, found.server) == (True, "10.96.0.10")
    assert read("dig @10.96.0.10 web.shop.svc.cluster.local", DIG_SERVER).explicit


def test_dig_has_answers_aliases_and_a_status() -> None:
    answer = "db.shop.svc.cluster.local. 5 IN CNAME db.example.com.\ndb.example.com. 9 IN A 192.0.2.9\n"
    head = DIG_HEAD.format(name="x", status="NOERROR")
    found = read("dig db.shop.svc.cluster.local", head + answer + DIG_SERVER)
    assert (found.told, found.alias, found.addresses) == ("resolved", "db.example.com", ("192.0.2.9",))
    missing = DIG_HEAD.format(name="x", status="NXDOMAIN") + DIG_SERVER
    assert read("dig web.shop.svc.cluster.local", missing).told == "absent"
    assert read("dig web", missing).told == "nothing", "dig does not use the search list"
    assert read("dig +search web", missing).told == "absent"
    assert (
        read("dig web.shop.svc.cluster.local", ";; connection timed out; no servers could be reached").told
        == "silent"
    )
    assert read("dig AAAA web.shop.svc.cluster.local", head + DIG_SERVER).told == "nothing"


def test_dig_short_prints_only_the_addresses() -> None:
    found = read("dig +short web.shop.svc.cluster.local", "10.96.7.7\n")
    assert (found.told, found.addresses) == ("resolved", ("10.96.7.7",))


def test_getent_says_nothing_but_its_status() -> None:
    found = read("getent hosts web", "10.96.7.7       web.shop.svc.cluster.local\n")
    assert (found.told, found.addresses, found.full) == (
        "resolved",
        ("10.96.7.7",),
        "web.shop.svc.cluster.local",
    )
    assert read("getent hosts web", code=2).told == "unclear"


def test_one_command_in_a_shell_is_that_command() -> None:
    one = Transcript(argv=["sh", "-c", "nslookup web"], stdout=resolved("web"))
    found = read_lookup(one)
    assert found is not None
    assert found.name == "web"
    several = Transcript(argv=["sh", "-c", "nslookup web; nslookup db"], stdout=resolved("web"))
    assert read_lookup(several) is None


@pytest.mark.parametrize(
    "command",
    [
        "nslookup -type=SRV web",
        "nslookup 10.96.7.7",
        "dig -x 10.96.7.7",
        "dig TXT web",
        "curl http://web",
        "getent passwd",
        "nslookup",
        "sh -c 'echo",
    ],
)
def test_what_asks_for_no_address_of_a_name_is_no_lookup(command: str) -> None:
    assert read_lookup(Transcript(argv=command.split(), stdout="x")) is None


def test_a_tool_that_is_not_there_says_nothing() -> None:
    error = 'OCI runtime exec failed: exec failed: exec: "nslookup": executable file not found in $PATH'
    assert read_lookup(Transcript(argv=["nslookup", "web"], stderr=error, exit_code=126)) is None
    assert (
        read_lookup(
            Transcript(argv=["sh", "-c", "nslookup web"], stderr="sh: nslookup: not found", exit_code=127)
        )
        is None
    )


def test_a_pasted_session_is_taken_apart_at_its_prompts() -> None:
    text = f"/ # nslookup web\n{resolved('web')}/ # cat /etc/resolv.conf\nnameserver 10.96.0.10\n/ # exit\n"
    first, second = sessions(Transcript(stdout=text))
    assert first.argv == ["nslookup", "web"]
    assert "Name:\tweb" in first.stdout
    assert second.argv == ["cat", "/etc/resolv.conf"]


def test_a_pasted_kubectl_exec_says_which_pod() -> None:
    text = f"me@laptop:~$ kubectl exec -n shop pod/client -c app -- nslookup web\n{refused()}"
    (one,) = sessions(Transcript(stdout=text))
    assert (one.target.namespace, one.target.pod, one.argv) == ("shop", "client", ["nslookup", "web"])


def test_a_trace_of_sh_tells_the_commands() -> None:
    text = f"+ nslookup web\n{resolved('web')}+ nslookup kubernetes.default\n{unknown('kubernetes.default')}"
    assert [one.argv[1] for one in sessions(Transcript(stdout=text))] == ["web", "kubernetes.default"]


def test_answers_pasted_without_commands_are_known_by_what_they_say() -> None:
    pieces = list(sessions(Transcript(stdout=resolved("web.shop.svc.cluster.local") + unknown("db"))))
    found = [read_lookup(one) for one in pieces]
    assert [(one.name, one.told) for one in found if one] == [
        ("web.shop.svc.cluster.local", "resolved"),
        ("db", "absent"),
    ]


def test_a_pasted_log_is_no_lookup() -> None:
    assert read_lookup(Transcript(stdout="2026 GET / 200\nconnection refused by upstream\n")) is None
    assert read_lookup(Transcript(stdout="*nat\n:KUBE-SERVICES - [0:0]\n")) is None


def test_a_huge_paste_is_left_alone() -> None:
    assert list(sessions(Transcript(stdout="# nslookup web\n" + "x" * 2_000_000))) == []
