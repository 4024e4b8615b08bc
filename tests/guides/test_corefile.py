"""A Corefile: what is certain is said, what comes from elsewhere is not guessed."""

from __future__ import annotations

import pytest

from kuberunbooks.guides.rules.corefile import forward_loops, read_corefile
from tests.support.made_dns import COREFILE


def test_the_file_kubeadm_writes_is_whole() -> None:
    found = read_corefile(COREFILE)
    assert (found.broken, found.whole) == ("", True)
    assert found.zones == {"cluster.local", "in-addr.arpa", "ip6.arpa"}
    assert [one.text for one in found.named("forward")] == ["forward . /etc/resolv.conf"]
    assert found.named("forward")[0].line == 13
    assert found.ports == {"53"}
    assert found.named("pods", "max_concurrent", "ttl") == []


def test_zones_of_the_block_hold_where_the_plugin_names_none() -> None:
    assert read_corefile("corp.example.:53 {\n kubernetes\n}\n").zones == {"corp.example"}


def test_a_block_on_one_line_and_comments_are_understood() -> None:
    found = read_corefile("# { {\n.:53 {\n forward . 8.8.8.8 { max_concurrent 10 }\n kubernetes x # }\n}\n")
    assert found.broken == ""
    assert found.zones == {"x"}


def test_snippets_stand_where_they_are_imported() -> None:
    found = read_corefile("(k8s) {\n kubernetes cluster.local\n}\n.:53 {\n import k8s\n}\n")
    assert found.whole
    assert found.zones == {"cluster.local"}
    assert len(found.blocks) == 1


@pytest.mark.parametrize(
    "text",
    [
        ".:53 {\n import /etc/coredns/custom/*.override\n}\n",
        "import ../custom/*.server\n.:53 {\n errors\n}\n",
        ".:53 {\n kubernetes {$DOMAIN}\n}\n",
    ],
)
def test_what_comes_from_elsewhere_makes_it_not_whole(text: str) -> None:
    assert not read_corefile(text).whole


@pytest.mark.parametrize(
    ("text", "where"),
    [(".:53 {\n errors\n health {\n}\n", "line 1"), (".:53 {\n errors\n}\n}\n", "line 4")],
)
def test_braces_that_do_not_fit_are_said(text: str, where: str) -> None:
    assert where in read_corefile(text).broken


def test_a_forward_to_itself_is_a_loop() -> None:
    def loops(line: str, *, host_network: bool = False) -> int:
        return len(
            forward_loops(read_corefile(f".:53 {{\n {line}\n}}\n"), ["10.96.0.10"], host_network=host_network)
        )

    assert loops("forward . 10.96.0.10") == 1
    assert loops("forward . dns://10.96.0.10:53") == 1
    assert loops("forward . 8.8.8.8 127.0.0.1") == 1
    assert loops("forward . 127.0.0.1", host_network=True) == 0
    assert loops("forward . 127.0.0.1:5353") == 0
    assert loops("forward . /etc/resolv.conf") == 0
    assert loops("forward . tls://9.9.9.9") == 0
    assert loops("forward . [::1]:53") == 1


def test_nothing_and_nonsense_are_read_without_failing() -> None:
    assert read_corefile("").blocks == ()
    assert read_corefile('"{ } {').zones == set()
