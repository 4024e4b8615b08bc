"""Reading `nft list table ip kube-proxy` in the forms the releases write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kuberunbooks.guides.rules.nftables_rules import read_nftables
from kuberunbooks.guides.rules.service_chain_hash import nftables_chain

STICKY_SIX = """\
table ip6 kube-proxy {
	map no-endpoint-services {
		type ipv6_addr . inet_proto . inet_service : verdict
		elements = { fd00:96::b . tcp . 443 comment "shop/api:https" : goto reject-chain,
			     fd00:96::c . udp . 53 comment "shop/here" : drop }
	}

	map service-ips {
		type ipv6_addr . inet_proto . inet_service : verdict
		elements = { fd00:96::a . tcp . 80 : goto service-AAAAAAAA-shop/web/tcp/http }
	}

	chain service-AAAAAAAA-shop/web/tcp/http {
		ip6 saddr @affinity-BBBBBBBB-shop/web/tcp/http__fd00.10..5/8080 goto endpoint-BBBBBBBB-shop/web/tcp/http__fd00.10..5/8080
		ip6 saddr @affinity-CCCCCCCC-shop/web/tcp/http__fd00.10..6/8080 goto endpoint-CCCCCCCC-shop/web/tcp/http__fd00.10..6/8080
		numgen random mod 2 vmap { 0 : goto endpoint-BBBBBBBB-shop/web/tcp/http__fd00.10..5/8080,
					   1 : goto endpoint-CCCCCCCC-shop/web/tcp/http__fd00.10..6/8080 }
	}

	chain endpoint-BBBBBBBB-shop/web/tcp/http__fd00.10..5/8080 {
		ip6 saddr fd00:10::5 jump mark-for-masquerade
		update @affinity-BBBBBBBB-shop/web/tcp/http__fd00.10..5/8080 { ip6 saddr }
		meta l4proto tcp dnat to [fd00:10::5]:8080
	}

	chain endpoint-CCCCCCCC-shop/web/tcp/http__fd00.10..6/8080 {
		meta l4proto tcp dnat ip6 to [fd00:10::6]:8080
	}
}
"""  # noqa: E101, E501
FORMS = """\
table ip kube-proxy { # handle 4
	map service-ips { # handle 9
		elements = { 10.96.0.10 . tcp . 80 : goto service-AAAAAAAA-shop/one/tcp/,
			     10.96.0.11 . tcp . 80 : goto service-AAAAAAAB-shop/old/tcp/,
			     10.96.0.12 . sctp . 80 : goto service-AAAAAAAC-shop/lost/sctp/ }
	}

	chain service-AAAAAAAA-shop/one/tcp/ { # handle 12
		meta l4proto tcp dnat to 10.0.0.1:8080 # handle 13
	}

	chain service-AAAAAAAB-shop/old/tcp/ {
		ip daddr 10.96.0.11 tcp dport 80 ip saddr != 10.0.0.0/8 jump mark-for-masquerade
		dnat ip addr . port to numgen random mod 2 map { 0 : 10.0.0.2 . 80, 1 : 10.0.0.3 . 80 }
	}

	chain service-AAAAAAAC-shop/lost/sctp/ {
		numgen random mod 1 vmap { 0 : goto endpoint-DDDDDDDD-shop/lost/sctp/__10.0.0.4/80 }
	}
}
table ip other {
	map service-ips {
		elements = { 10.96.0.99 . tcp . 80 : goto service-AAAAAAAA-shop/one/tcp/ }
	}
}
"""  # noqa: E101


def recorded(incident: Callable[[str], Path]) -> str:
    """The recorded table."""
    path = incident("services-nftables") / "transcripts" / "005.json"
    return str(json.loads(path.read_text())["stdout"])


def test_the_recorded_table_leads_each_service_to_its_endpoints(incident: Callable[[str], Path]) -> None:
    dump = read_nftables(recorded(incident))
    assert dump is not None
    way = dump.ways["10.96.253.89", "tcp", 80]
    assert way.backends == {"10.244.0.52:80", "10.244.0.61:80", "10.244.0.66:80"}
    assert way.owner == "services/hostnames:default"
    assert dump.ways["10.96.149.124", "tcp", 80].owner == "services/lb"
    assert dump.refusals["10.96.242.98", "tcp", 80].owner == "services/wrong-selector"
    assert (len(dump.ways), len(dump.refusals)) == (7, 11)
    assert dump.node_ports == {("tcp", 30478)}
    assert not any(one.local for one in dump.refusals.values())
    for (_, protocol, _), one in dump.ways.items():
        namespace, _, rest = one.owner.partition("/")
        name, _, port = rest.partition(":")
        assert one.chain == nftables_chain("service", namespace, name, protocol, port)


def test_ipv6_and_affinity_lead_over_the_chains_of_endpoints() -> None:
    dump = read_nftables(STICKY_SIX)
    assert dump is not None
    assert dump.families == {6}
    assert dump.ways["fd00:96::a", "tcp", 80].backends == {"[fd00:10::5]:8080", "[fd00:10::6]:8080"}
    assert not dump.refusals["fd00:96::b", "tcp", 443].local
    assert dump.refusals["fd00:96::c", "udp", 53].local


def test_one_endpoint_older_forms_handles_and_other_tables() -> None:
    dump = read_nftables(FORMS)
    assert dump is not None
    assert dump.ways["10.96.0.10", "tcp", 80].backends == {"10.0.0.1:8080"}
    assert dump.ways["10.96.0.11", "tcp", 80].backends == {"10.0.0.2:80", "10.0.0.3:80"}
    assert not dump.ways["10.96.0.12", "sctp", 80].backends, "the chain of the endpoint is not there"
    assert ("10.96.0.99", "tcp", 80) not in dump.ways, "a table of somebody else"


@pytest.mark.parametrize("text", ["", "nftables\n", "*nat\nCOMMIT\n"])
def test_other_texts_are_no_nftables_rules(text: str) -> None:
    assert read_nftables(text) is None


def test_a_ruleset_without_the_table_is_not_proxied() -> None:
    dump = read_nftables("table ip nat {\n\tchain KUBE-SERVICES {\n\t}\n}\n")
    assert dump is not None
    assert not dump.is_proxied
