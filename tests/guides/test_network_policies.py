"""What NetworkPolicies let through: every part of the API's semantics, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from kuberunbooks.guides.rules.network_policies import (
    Direction,
    Party,
    PodPort,
    Rule,
    admits,
    admits_every_pod,
    admits_everybody,
    concerns,
    describe_peers,
    describe_ports,
    describe_ways,
    is_in_block,
    isolating,
    rules_of,
)
from kuberunbooks.objects import NetworkPolicy
from kuberunbooks.objects.network import IpBlock

HTTP = PodPort(8080, "TCP", frozenset({"http"}))
DNS = PodPort(53, "UDP")
IPV4 = frozenset({"IPv4"})
NAMESPACES: dict[str, dict[str, str]] = {"shop": {"team": "a"}, "desk": {"team": "b"}}


def policy(spec: dict[str, Any], name: str = "one", namespace: str = "shop") -> NetworkPolicy:
    """A policy as the API server stores it."""
    body = {"metadata": {"name": name, "namespace": namespace}, "spec": {"podSelector": {}, **spec}}
    return msgspec.json.decode(msgspec.json.encode(body), type=NetworkPolicy)


def rules(*entries: dict[str, Any], direction: Direction = "Ingress") -> list[Rule]:
    """The rules of a policy of namespace shop with these entries."""
    return rules_of([policy({direction.lower(): list(entries)})], direction)


def sources(*peers: dict[str, Any]) -> list[Rule]:
    """One rule with these `from` peers."""
    return rules({"from": list(peers)})


def pod(namespace: str = "shop", *addresses: str, **labels: str) -> Party:
    """A pod that asks."""
    return Party(namespace, labels, addresses or ("10.0.0.5",))


def known(name: str) -> Mapping[str, str] | None:
    """The labels of a namespace that was read."""
    return NAMESPACES[name]


def unknown(name: str) -> Mapping[str, str] | None:
    """Namespaces could not be read."""
    del name
    return None


def unasked(name: str) -> Mapping[str, str] | None:
    """No namespace may be read."""
    raise AssertionError(name)


def selector(**labels: str) -> dict[str, Any]:
    """A selector by labels."""
    return {"matchLabels": labels}


# Which policies isolate a pod


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ({}, True, False),
        ({"policyTypes": []}, True, False),
        ({"policyTypes": None}, True, False),
        ({"egress": [{}]}, True, True),
        ({"egress": []}, True, False),
        ({"policyTypes": ["Ingress"], "egress": [{}]}, True, False),
        ({"policyTypes": ["Egress"]}, False, True),
        ({"policyTypes": ["Ingress", "Egress"]}, True, True),
    ],
)
def test_absent_policy_types_mean_ingress_and_egress_only_with_egress_rules(
    spec: dict[str, Any], ingress: bool, egress: bool
) -> None:
    one = policy(spec)
    assert (concerns(one, "Ingress"), concerns(one, "Egress")) == (ingress, egress)


def test_an_empty_pod_selector_selects_every_pod_of_its_namespace_and_of_no_other() -> None:
    one = policy({"podSelector": {}})
    assert isolating([one], "shop", {"app": "web"}, "Ingress") == [one]
    assert isolating([one], "shop", {}, "Ingress") == [one]
    assert isolating([one], "desk", {"app": "web"}, "Ingress") == []


@pytest.mark.parametrize(
    ("expression", "matching", "other"),
    [
        ({"key": "app", "operator": "In", "values": ["web", "api"]}, {"app": "api"}, {"app": "db"}),
        ({"key": "app", "operator": "NotIn", "values": ["db"]}, {}, {"app": "db"}),
        ({"key": "app", "operator": "Exists"}, {"app": "x"}, {"role": "x"}),
        ({"key": "app", "operator": "DoesNotExist"}, {"role": "x"}, {"app": "x"}),
    ],
)
def test_expressions_select_pods(
    expression: dict[str, Any], matching: dict[str, str], other: dict[str, str]
) -> None:
    one = policy({"podSelector": {"matchExpressions": [expression]}})
    assert isolating([one], "shop", matching, "Ingress") == [one]
    assert isolating([one], "shop", other, "Ingress") == []


def test_labels_and_expressions_of_one_selector_must_both_hold() -> None:
    expression = {"key": "canary", "operator": "DoesNotExist"}
    one = policy({"podSelector": {"matchLabels": {"app": "web"}, "matchExpressions": [expression]}})
    assert isolating([one], "shop", {"app": "web"}, "Ingress") == [one]
    assert isolating([one], "shop", {"app": "web", "canary": "y"}, "Ingress") == []


# Peers


def test_a_pod_selector_alone_means_pods_of_the_policys_own_namespace() -> None:
    only = sources({"podSelector": selector(role="frontend")})
    assert admits(only, pod("shop", role="frontend"), unasked) is True
    assert admits(only, pod("shop", role="backend"), unasked) is False
    assert admits(only, pod("desk", role="frontend"), unasked) is False


def test_an_empty_pod_selector_lets_in_the_whole_namespace() -> None:
    only = sources({"podSelector": {}})
    assert admits(only, pod("shop"), unasked) is True
    assert admits(only, pod("desk"), unasked) is False


def test_a_namespace_selector_alone_means_all_pods_of_matching_namespaces() -> None:
    only = sources({"namespaceSelector": selector(team="b")})
    assert admits(only, pod("desk", app="x"), known) is True
    assert admits(only, pod("shop", app="x"), known) is False


def test_a_namespace_selector_with_expressions() -> None:
    expression = {"key": "team", "operator": "NotIn", "values": ["b"]}
    only = sources({"namespaceSelector": {"matchExpressions": [expression]}})
    assert admits(only, pod("shop"), known) is True
    assert admits(only, pod("desk"), known) is False


def test_an_empty_namespace_selector_lets_in_every_pod_without_reading_a_namespace() -> None:
    assert admits(sources({"namespaceSelector": {}}), pod("desk"), unasked) is True


def test_the_name_label_of_a_namespace_needs_no_reading() -> None:
    only = sources({"namespaceSelector": selector(**{"kubernetes.io/metadata.name": "desk"})})
    assert admits(only, pod("desk"), unasked) is True
    assert admits(only, pod("shop"), unasked) is False


def test_both_selectors_in_one_peer_must_hold() -> None:
    both = sources({"podSelector": selector(role="ops"), "namespaceSelector": selector(team="b")})
    assert admits(both, pod("desk", role="ops"), known) is True
    assert admits(both, pod("desk", role="dev"), known) is False
    assert admits(both, pod("shop", role="ops"), known) is False


def test_selectors_in_two_peers_are_alternatives() -> None:
    either = sources({"podSelector": selector(role="ops")}, {"namespaceSelector": selector(team="b")})
    assert admits(either, pod("desk", role="dev"), known) is True
    assert admits(either, pod("shop", role="ops"), known) is True
    assert admits(either, pod("shop", role="dev"), known) is False


def test_namespaces_that_could_not_be_read_leave_it_open() -> None:
    only = sources({"podSelector": selector(role="ops"), "namespaceSelector": selector(team="b")})
    assert admits(only, pod("desk", role="ops"), unknown) is None
    assert admits(only, pod("desk", role="dev"), unknown) is False, "its own labels decide"
    either = sources({"namespaceSelector": selector(team="b")}, {"podSelector": {}})
    assert admits(either, pod("shop"), unknown) is True, "another peer lets it in"


def test_a_kind_of_peer_nobody_knows_leaves_it_open() -> None:
    assert admits(sources({"nodeSelector": {}}), pod(), unasked) is None


def test_an_address_block_matches_the_pods_address_and_not_what_is_excepted() -> None:
    block = sources({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]}})
    assert admits(block, pod("desk", "10.0.0.5"), unasked) is True
    assert admits(block, pod("desk", "10.2.0.5"), unasked) is False
    assert admits(block, pod("desk", "192.168.0.5"), unasked) is False


def test_an_address_block_of_ipv6() -> None:
    block = IpBlock(cidr="fd00::/16", except_=["fd00:1::/32"])
    assert is_in_block("fd00:2::1", block) is True
    assert is_in_block("fd00:1::1", block) is False
    assert is_in_block("10.0.0.1", block) is False


@pytest.mark.parametrize(
    "block", [{"cidr": "no address"}, {"cidr": "10.0.0.0/8", "except": ["x"]}, {"cidr": ""}]
)
def test_a_block_that_is_none_leaves_it_open(block: dict[str, Any]) -> None:
    assert admits(sources({"ipBlock": block}), pod(), unasked) is None


def test_a_pod_without_an_address_leaves_a_block_open() -> None:
    assert admits(sources({"ipBlock": {"cidr": "10.0.0.0/8"}}), Party("shop", {}, ()), unasked) is None


def test_of_a_dual_stack_pod_both_addresses_must_agree() -> None:
    client = pod("desk", "10.0.0.5", "fd00::5")
    four, six = {"ipBlock": {"cidr": "10.0.0.0/8"}}, {"ipBlock": {"cidr": "fd00::/16"}}
    assert admits(sources(four), client, unasked) is None
    assert admits(sources(four, six), client, unasked) is True
    assert admits(sources({"ipBlock": {"cidr": "192.168.0.0/16"}}), client, unasked) is False


@pytest.mark.parametrize("entry", [{}, {"from": None}, {"from": []}])
def test_no_peers_are_everybody(entry: dict[str, Any]) -> None:
    assert admits(rules(entry), pod("desk"), unasked) is True
    assert admits_everybody(rules(entry), IPV4)


def test_no_rules_are_nobody() -> None:
    assert admits([], pod(), unasked) is False
    assert not admits_everybody([], IPV4)
    assert rules_of([policy({"ingress": None}), policy({"ingress": []})], "Ingress") == []


def test_all_addresses_are_everybody_as_far_as_the_families_go() -> None:
    four, six = {"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}
    assert admits_everybody(sources(four), IPV4)
    assert not admits_everybody(sources(four), frozenset({"IPv4", "IPv6"}))
    assert admits_everybody([*sources(four), *sources(six)], frozenset({"IPv4", "IPv6"}))
    some = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}
    assert not admits_everybody(sources(some), IPV4)


def test_every_pod_is_let_in_only_by_an_empty_namespace_selector() -> None:
    assert admits_every_pod(sources({"namespaceSelector": {}}))
    assert admits_every_pod(sources({"namespaceSelector": {}, "podSelector": {}}))
    assert not admits_every_pod(sources({"namespaceSelector": {}, "podSelector": selector(a="b")}))
    assert not admits_every_pod(sources({"podSelector": {}}))


def test_policies_add_up() -> None:
    first = policy({"ingress": [{"from": [{"podSelector": selector(role="a")}]}]}, "first")
    second = policy({"ingress": [{"from": [{"podSelector": selector(role="b")}]}]}, "second")
    together = rules_of([first, second, policy({}, "deny-all")], "Ingress")
    assert admits(together, pod(role="a"), unasked) is True
    assert admits(together, pod(role="b"), unasked) is True
    assert admits(together, pod(role="c"), unasked) is False


# Ports


@pytest.mark.parametrize(
    ("ports", "fits"),
    [
        (None, True),
        ([], True),
        ([{"port": 8080}], True),
        ([{"port": 8080, "protocol": "TCP"}], True),
        ([{"port": 8080, "protocol": "UDP"}], False),
        ([{"port": 80}], False),
        ([{"port": "http"}], True),
        ([{"port": "http", "protocol": "UDP"}], False),
        ([{"port": "web"}], False),
        ([{"protocol": "TCP"}], True),
        ([{"protocol": "UDP"}], False),
        ([{"port": 8000, "endPort": 9000}], True),
        ([{"port": 8080, "endPort": 8080}], True),
        ([{"port": 8081, "endPort": 9000}], False),
        ([{"port": 8000, "endPort": 8079}], False),
        ([{"port": 8000, "endPort": 9000, "protocol": "SCTP"}], False),
        ([{"port": 53, "protocol": "UDP"}, {"port": 8080}], True),
    ],
)
def test_ports_by_number_name_range_and_protocol(ports: Any, fits: bool) -> None:
    (one,) = rules({"ports": ports})
    assert one.fits(HTTP) is fits


def test_a_name_means_a_port_only_in_the_pods_that_give_it() -> None:
    (one,) = rules({"ports": [{"port": "http"}]})
    assert not one.fits(PodPort(8080, "TCP", frozenset({"metrics"})))
    assert one.fits(PodPort(9090, "TCP", frozenset({"http"})))


def test_whichever_port_there_is_fits_every_rule() -> None:
    assert all(one.fits(None) for one in rules({"ports": [{"port": 80}]}, {}))


def test_ports_and_peers_belong_together_rule_by_rule() -> None:
    found = rules(
        {"from": [{"podSelector": selector(role="web")}], "ports": [{"port": 8080}]},
        {"from": [{"podSelector": selector(role="dns")}], "ports": [{"port": 53, "protocol": "UDP"}]},
    )
    for port, role, expected in [(HTTP, "web", True), (HTTP, "dns", False), (DNS, "dns", True)]:
        assert admits([one for one in found if one.fits(port)], pod(role=role), unasked) is expected


def test_egress_rules_have_destinations() -> None:
    (one,) = rules(
        {"to": [{"podSelector": selector(app="db")}], "ports": [{"port": 5432}]}, direction="Egress"
    )
    assert (one.path, one.peers_path) == ("spec.egress[0]", "spec.egress[0].to")
    assert admits([one], pod(app="db"), unasked) is True
    assert admits([one], pod(app="web"), unasked) is False


# Words


def test_peers_and_ports_are_described_as_a_reader_takes_them() -> None:
    found = rules(
        {"from": [{"podSelector": selector(role="a")}, {"podSelector": {}}], "ports": [{"port": "http"}]},
        {
            "from": [
                {"namespaceSelector": selector(team="a"), "podSelector": selector(role="b")},
                {"namespaceSelector": {}},
                {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
            ],
            "ports": [{"port": 80, "endPort": 90}, {"protocol": "UDP"}],
        },
        {},
    )
    assert describe_peers(found) == [
        "pods role=a of namespace shop",
        "pods of namespace shop",
        "pods role=b of namespaces team=a",
        "pods of all namespaces",
        "10.0.0.0/8 except 10.1.0.0/16",
    ]
    assert describe_ports(found) == ["http/TCP", "80-90/TCP", "every port/UDP", "every port"]
    assert describe_ways(found)[0] == "pods role=a of namespace shop or pods of namespace shop at http/TCP"
    assert describe_ways(found)[2] == "anywhere"
