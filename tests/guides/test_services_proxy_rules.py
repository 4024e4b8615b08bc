"""The services guide about the rules of kube-proxy: do they lead to the endpoints there are?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.guides.test_services_definition import heard, web
from tests.guides.test_services_definition import run as run_services
from tests.support.made_cases import ago, node
from tests.support.proxy_dumps import iptables, ipvs, nftables, on_node, rejecting
from tests.support.services import endpoint, endpoint_slice, service

__all__ = ["heard"]

Examine = Callable[..., Any]
Heard = Callable[..., str]
BOTH = ["10.0.0.1:80", "10.0.0.2:80"]
MODES = {"iptables": iptables, "ipvs": ipvs, "nftables": nftables}


def run(examine: Examine, items: list[dict[str, Any]], target: str = "service/web", **options: Any) -> Any:
    """All steps of the services guide; every text of the proxy's steps is a whole sentence."""
    found = run_services(examine, items, target, **options)
    for one in found.findings:
        if one.step in ("SV-12", "SV-13", "SV-14", "SV-15"):
            assert one.title != one.code, one.code
            assert not one.summary[0].islower(), one.summary
            assert one.summary.endswith((".", "…")), one.summary
            for text in (one.title, one.summary, one.explanation, *(each.why for each in one.next)):
                assert "  " not in text, text
                assert "None" not in text.split()[1:], text
            assert one.evidence, one.code
    return found


def two(*, hints: bool = False, on: str = "n1", **spec: Any) -> list[dict[str, Any]]:
    """A Service with two ready pods, web-1 on n1 and web-2."""
    ends = [endpoint("web-1"), endpoint("web-2", address="10.0.0.2")]
    ends[0]["nodeName"], ends[1]["nodeName"] = "n1", on
    if hints:
        for one in ends:
            one["hints"] = {"forZones": [{"name": "a"}]}
    ports = [{"containerPort": 80}]
    pods = [web(ports=ports), web("web-2", address="10.0.0.2", ports=ports, on=on)]
    return [service(**spec), *pods, endpoint_slice("web", ends), node(), node("n2")]


@pytest.mark.parametrize("mode", MODES)
def test_rules_that_lead_to_every_ready_endpoint_are_good(examine: Examine, heard: Heard, mode: str) -> None:
    found = run(examine, two(), transcripts=heard(on_node(MODES[mode](BOTH))))
    good = found.one("ProxyRulesOk")
    assert good.facts["mode"] == mode
    assert "all its 2 endpoints" in good.summary
    assert found.serious() <= {"KubeProxyIpvsDeprecated"}


@pytest.mark.parametrize("mode", MODES)
def test_rules_that_lead_to_some_only_are_a_warning(examine: Examine, heard: Heard, mode: str) -> None:
    found = run(examine, two(), transcripts=heard(on_node(MODES[mode](BOTH[:1]))))
    assert found.headline.code == "ProxyRulesPartial"
    assert found.headline.facts["absent"] == ["10.0.0.2:80"]
    assert "n1" in found.headline.summary
    assert "ProxyRulesOk" not in found.codes()


@pytest.mark.parametrize("mode", MODES)
def test_no_rule_at_all_is_critical(examine: Examine, heard: Heard, mode: str) -> None:
    text = ipvs() if mode == "ipvs" else MODES[mode]()
    found = run(examine, two(), transcripts=heard(on_node(text)))
    assert found.headline.code == "ProxyRulesMissing"
    assert "10.96.0.10 port 80" in found.headline.summary


@pytest.mark.parametrize(
    "texts",
    [(iptables(), rejecting()), (ipvs([]),), (nftables(refused=True),)],
    ids=["iptables", "ipvs", "nft"],
)
def test_turning_away_what_has_endpoints_is_critical(
    examine: Examine, heard: Heard, texts: tuple[str, ...]
) -> None:
    found = run(examine, two(), transcripts=heard(*map(on_node, texts)))
    assert found.headline.code == "ProxyRejectsService"
    assert found.headline.severity == "critical"
    assert "2 ready endpoints" in found.headline.summary


def test_turning_away_what_has_no_endpoint_is_as_it_should_be(examine: Examine, heard: Heard) -> None:
    items = [service(), endpoint_slice("web", None), node()]
    found = run(examine, items, transcripts=heard(on_node(iptables()), on_node(rejecting())))
    assert found.one("ProxyRejectsService").severity == "info"
    assert found.headline.code != "ProxyRejectsService"
    assert "ProxyRulesMissing" not in found.codes()


def test_rules_read_before_the_endpoints_were_ready_accuse_nobody(examine: Examine, heard: Heard) -> None:
    # The pods became ready 6,900 s ago.
    for at in (7000, 6870):
        found = run(examine, two(), transcripts=heard(on_node(iptables(BOTH[:1]), at=at)))
        assert not found.serious()
        assert "ProxyRulesOk" not in found.codes()
        found = run(
            examine, two(), transcripts=heard(on_node(iptables(), at=at), on_node(rejecting(), at=at))
        )
        assert not found.serious()


def test_rules_read_later_than_that_do_accuse_and_say_nothing_of_gone_pods(
    examine: Examine, heard: Heard
) -> None:
    found = run(examine, two(), transcripts=heard(on_node(iptables(BOTH[:1]), at=600)))
    assert found.headline.code == "ProxyRulesPartial"
    more = [*BOTH, "10.0.0.9:80"]
    found = run(examine, two(), transcripts=heard(on_node(iptables(more), at=600)))
    assert not found.serious()
    assert "ProxyRulesOk" not in found.codes()
    notes = [one.text for one in found.steps["SV-13"].exhibits if hasattr(one, "text")]
    assert any("10 min before" in text for text in notes)


def test_an_endpoint_that_is_no_more_is_told_by_rules_of_the_same_moment(
    examine: Examine, heard: Heard
) -> None:
    found = run(examine, two(), transcripts=heard(on_node(iptables([*BOTH, "10.0.0.9:80"]), at=2)))
    assert found.headline.code == "ProxyRulesPartial"
    assert found.headline.facts["stale"] == ["10.0.0.9:80"]


def test_rules_without_a_time_are_held_against_now_but_only_likely(examine: Examine, heard: Heard) -> None:
    found = run(examine, two(), transcripts=heard(on_node(iptables(BOTH[:1]), at=None)))
    assert found.one("ProxyRulesPartial").confidence == "likely"


def test_a_pod_that_is_long_not_ready_and_still_in_the_rules_is_told(examine: Examine, heard: Heard) -> None:
    items = two()
    items[2] = web("web-2", address="10.0.0.2", ready=False, ports=[{"containerPort": 80}])
    items[3]["endpoints"][1]["conditions"] = {"ready": False, "serving": False, "terminating": False}
    found = run(examine, items, transcripts=heard(on_node(iptables(BOTH), at=600)))
    assert found.one("ProxyRulesPartial").facts["stale"] == ["10.0.0.2:80"]


def test_endpoints_that_end_may_still_be_used_while_there_are_no_others(
    examine: Examine, heard: Heard
) -> None:
    items = two()
    for one in items[3]["endpoints"]:
        one["conditions"] = {"ready": False, "serving": True, "terminating": True}
    found = run(examine, items, transcripts=heard(on_node(iptables(BOTH))))
    assert "ProxyRulesOk" in found.codes()
    assert not {"ProxyRulesPartial", "ProxyRulesMissing", "ProxyRejectsService"} & found.codes()


def test_internal_traffic_policy_local_wants_the_endpoints_of_the_node_only(
    examine: Examine, heard: Heard
) -> None:
    items = two(on="n2", internalTrafficPolicy="Local")
    found = run(examine, items, transcripts=heard(on_node(iptables(BOTH[:1]))))
    assert "ProxyRulesOk" in found.codes()
    found = run(examine, items, transcripts=heard(on_node(iptables(BOTH[1:]))))
    assert "ProxyRulesPartial" in found.codes()
    found = run(examine, items, transcripts=heard(on_node(iptables(BOTH[:1]), node="")))
    assert "ProxyRulesPartial" not in found.codes()


def test_a_node_without_local_endpoints_drops_by_design(examine: Examine, heard: Heard) -> None:
    items = [*two(internalTrafficPolicy="Local"), node("n3")]
    told = heard(on_node(iptables(), node="n3"), on_node(rejecting(local=True), node="n3"))
    found = run(examine, items, transcripts=told)
    dropped = found.one("ProxyRejectsService")
    assert dropped.severity == "info"
    assert "internalTrafficPolicy" in dropped.summary


def test_with_hints_some_of_the_endpoints_are_enough(examine: Examine, heard: Heard) -> None:
    found = run(examine, two(hints=True), transcripts=heard(on_node(iptables(BOTH[:1]))))
    assert "ProxyRulesOk" in found.codes()
    found = run(examine, two(hints=True), transcripts=heard(on_node(iptables())))
    assert found.headline.code == "ProxyRulesMissing"


def test_rules_of_one_family_say_nothing_of_the_other(examine: Examine, heard: Heard) -> None:
    items = two(clusterIPs=["10.96.0.10", "fd00:96::a"], ipFamilies=["IPv4", "IPv6"])
    six = endpoint_slice("web", [endpoint("web-1", address="fd00:10::5")], suffix="six")
    items.append({**six, "addressType": "IPv6"})
    found = run(examine, items, transcripts=heard(on_node(iptables(BOTH))))
    assert "ProxyRulesOk" in found.codes()
    assert not {"ProxyRulesMissing", "ProxyRulesPartial"} & found.codes()
    other = nftables().replace("table ip ", "table ip6 ")
    found = run(examine, items, transcripts=heard(on_node(nftables(BOTH)), on_node(other)))
    assert found.one("ProxyRulesMissing").facts["address"] == "fd00:96::a"


def test_an_address_that_leads_to_another_service_is_no_rule_of_this_one(
    examine: Examine, heard: Heard
) -> None:
    found = run(examine, two(), transcripts=heard(on_node(iptables(BOTH, name="old/gone"))))
    assert found.headline.code == "ProxyRulesMissing"
    assert "old/gone" in found.headline.summary


def test_services_that_kube_proxy_does_not_serve_are_not_judged(examine: Examine, heard: Heard) -> None:
    told = heard(on_node(iptables()))
    labelled = two()
    labelled[0]["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": "other"}
    external = [
        service(type="ExternalName", clusterIP="", externalName="db.example.com", selector={}, ports=[])
    ]
    for items in (two(clusterIP="None"), labelled, external):
        found = run(examine, items, transcripts=told)
        assert found.steps["SV-13"].status == "skipped"
        assert "ProxyRulesMissing" not in found.codes()


def test_a_new_service_is_not_in_the_rules_yet(examine: Examine, heard: Heard) -> None:
    items = two()
    items[0]["metadata"]["creationTimestamp"] = ago(20)
    found = run(examine, items, transcripts=heard(on_node(iptables())))
    assert not found.serious()


def test_rules_of_a_mode_that_is_not_in_use_are_not_held_against_anybody(
    examine: Examine, heard: Heard
) -> None:
    mode = on_node("nftables", "curl", "-sS", "http://127.0.0.1:10249/proxyMode")
    told = heard(on_node(iptables()), on_node(nftables(BOTH)), mode)
    found = run(examine, two(), transcripts=told)
    assert found.one("ProxyRulesOk").facts["mode"] == "nftables"
    assert not found.serious()
    bare = on_node("*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-KUBELET-CANARY - [0:0]\nCOMMIT\n")
    found = run(examine, two(), transcripts=heard(bare))
    assert found.steps["SV-13"].status == "skipped"


def test_a_node_in_mode_iptables_without_any_of_its_chains_has_no_rules(
    examine: Examine, heard: Heard
) -> None:
    bare = on_node("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")
    found = run(examine, two(), transcripts=heard(bare, on_node("iptables")))
    assert found.headline.code == "ProxyRulesMissing"


def test_the_newest_rules_of_a_node_count(examine: Examine, heard: Heard) -> None:
    told = heard(on_node(iptables(BOTH[:1]), at=300), on_node(iptables(BOTH), at=5))
    found = run(examine, two(), transcripts=told)
    assert "ProxyRulesOk" in found.codes()
    assert not found.serious()


def test_two_nodes_are_judged_apart(examine: Examine, heard: Heard) -> None:
    told = heard(on_node(iptables(BOTH)), on_node(iptables(BOTH[:1]), node="n2"))
    found = run(examine, two(), transcripts=told)
    assert found.one("ProxyRulesPartial").facts["nodes"] == ["n2"]
    assert found.one("ProxyRulesOk").facts["nodes"] == ["n1"]


def test_without_rules_nothing_is_claimed_and_how_to_get_them_is_said(examine: Examine) -> None:
    found = run(examine, two())
    step = found.steps["SV-13"]
    assert step.status == "skipped"
    assert "iptables-save" in step.exhibits[0].text
    assert not found.serious()


def test_a_pasted_file_of_a_named_node_is_read(examine: Examine, tmp_path: Path) -> None:
    pasted = tmp_path / "rules.txt"
    pasted.write_text("root@n1:~# iptables-save\n" + iptables(BOTH) + rejecting(address="10.96.0.99"))
    found = run(examine, two(), transcripts=str(pasted), transcripts_node="n1")
    assert found.one("ProxyRulesOk").facts["nodes"] == ["n1"]


def test_many_services_without_rules_are_one_finding(examine: Examine, heard: Heard) -> None:
    items: list[dict[str, Any]] = [node(), web(ports=[{"containerPort": 80}])]
    for number in range(30):
        items.append(service(f"web-{number}", clusterIP=f"10.96.1.{number}"))
        items.append(endpoint_slice(f"web-{number}", [endpoint("web-1")]))
    found = run(examine, items, "", transcripts=heard(on_node(iptables())))
    missing = found.one("ProxyRulesMissing")
    assert missing.count == 30
    assert "30 Services" in missing.summary


@pytest.mark.parametrize("name", ["services", "services-nftables"])
def test_the_recorded_service_has_the_rules_it_should(name: str, diagnose: Callable[..., Any]) -> None:
    found = diagnose(name, "service/hostnames", namespace="services", guide="services")
    assert "all its 3 endpoints" in found.one("ProxyRulesOk").summary
    assert not {"ProxyRulesMissing", "ProxyRulesPartial", "ProxyRejectsService"} & found.codes()


@pytest.mark.parametrize("name", ["services", "services-nftables"])
def test_the_recorded_service_without_endpoints_is_turned_away_by_design(
    name: str, diagnose: Callable[..., Any]
) -> None:
    found = diagnose(name, "service/wrong-selector", namespace="services", guide="services")
    assert found.one("ProxyRejectsService").severity == "info"
    assert "ProxyRulesMissing" not in found.codes()


@pytest.mark.parametrize("name", ["services", "services-nftables"])
def test_all_recorded_services_are_judged_and_none_is_accused(
    name: str, diagnose: Callable[..., Any]
) -> None:
    found = diagnose(name, "", namespace="services", guide="services")
    assert found.one("ProxyRulesOk").facts["number"] == 4
    assert not {"ProxyRulesMissing", "ProxyRulesPartial"} & found.serious()


def test_a_thousand_services_and_their_rules_are_compared_in_seconds(
    examine: Examine, tmp_path: Path
) -> None:
    items: list[dict[str, Any]] = [node(), web(ports=[{"containerPort": 80}])]
    text = ["*nat", ":KUBE-SERVICES - [0:0]"]
    for number in range(1000):
        address = f"10.97.{number // 250}.{number % 250}"
        items.append(service(f"web-{number}", clusterIP=address))
        items.append(endpoint_slice(f"web-{number}", [endpoint("web-1")]))
        text += iptables(["10.0.0.1:80"], address=address, name=f"shop/web-{number}").splitlines()[2:-1]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(on_node("\n".join([*text, "COMMIT", ""]))))
    found = run(examine, items, "", transcripts=str(path))
    assert found.one("ProxyRulesOk").facts["number"] == 1000
    assert found.steps["SV-13"].seconds < 3
    table = next(one for one in found.steps["SV-13"].exhibits if hasattr(one, "rows"))
    assert len(table.rows) < 100
    assert table.omitted == 1000 - len(table.rows)


def test_a_node_port_without_a_rule_is_told(examine: Examine, heard: Heard) -> None:
    items = two(type="NodePort", ports=[{"port": 80, "targetPort": 80, "protocol": "TCP", "nodePort": 30080}])
    chain = "-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-EXT-AAAAAAAAAAAAAAAA\n"
    without = iptables(BOTH).replace("COMMIT", ":KUBE-NODEPORTS - [0:0]\nCOMMIT")
    found = run(examine, items, transcripts=heard(on_node(without)))
    assert "node port 30080" in found.one("ProxyRulesMissing").summary
    found = run(examine, items, transcripts=heard(on_node(without.replace("COMMIT", f"{chain}COMMIT"))))
    assert "ProxyRulesOk" in found.codes()
