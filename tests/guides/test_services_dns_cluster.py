"""SV-07: the cluster's DNS, its Service, pods, configuration and logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from tests.conftest import Diagnosis
from tests.support.api_server import serve_case
from tests.support.made_cases import ago, make_case, node, running
from tests.support.made_dns import (
    COREFILE,
    DNS_IP,
    RESOLV_CONF,
    Items,
    check_words,
    client,
    core_dns,
    looked_up,
    made,
    refused,
    resolved,
    said,
    unknown,
    web,
    write_transcripts,
)
from tests.support.proxy_dumps import iptables, on_node, rejecting

Look = Callable[..., Any]
ALWAYS = "kubernetes.default"
CRASHED = {
    **running("coredns", ready=False, restarts=5),
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {
        "terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(60), "startedAt": ago(62)}
    },
}
LOOP = '[FATAL] plugin/loop: Loop (127.0.0.1:42071 -> :53) detected for zone ".", see https://coredns.io/plugins/loop'
UPSTREAM = "[ERROR] plugin/errors: 2 example.com. A: read udp 10.0.0.53:4->192.0.2.53:53: i/o timeout"


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """`look(items)`: the services guide on service/web, with transcripts and logs when given."""

    def run(
        items: Items,
        transcripts: list[dict[str, Any]] | None = None,
        *,
        logs: dict[str, list[str]] | None = None,
        raw: dict[str, Any] | None = None,
        without: tuple[str, ...] = (),
        **options: Any,
    ) -> Any:
        case = make_case(tmp_path / "case", [*items, node()], without=without)
        for name, lines in (logs or {}).items():
            path = case / "logs/kube-system" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in lines))
        for name, body in (raw or {}).items():
            path = case / "raw" / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(body))
        if transcripts:
            options["transcripts"] = write_transcripts(tmp_path, transcripts)
        found = Diagnosis(case, "service/web", "shop", guide="services", **options)
        check_words(found)
        return found

    return run


def is_quiet(found: Any) -> bool:
    """Whether there is no alarm."""
    return not found.serious()


def at(seconds: float, line: str) -> str:
    """A line of a log with its time."""
    return f"{ago(seconds)} {line}"


def proof(text: str, **where: Any) -> list[dict[str, Any]]:
    """The lookup of the name every cluster has."""
    return [said(f"nslookup {ALWAYS}", text, **where)]


def test_a_healthy_dns_is_no_alarm(look: Look) -> None:
    found = look([*web(), *core_dns()])
    assert found.serious() == set()
    assert found.one("ClusterDnsReady").severity == "info"


def test_that_a_name_resolves_is_the_proof(look: Look) -> None:
    text = resolved(ALWAYS, "10.96.0.1", full="kubernetes.default.svc.cluster.local")
    found = look([*web(), client(), *core_dns()], proof(text))
    assert found.one("ClusterDnsOk").severity == "ok"
    assert found.serious() == set()


def test_that_it_does_not_is_said_even_where_the_objects_are_right(look: Look) -> None:
    found = look([*web(), client(), *core_dns()], proof(refused()))
    assert found.one("ClusterDnsFailing").severity == "critical"
    assert found.headline.code == "ClusterDnsFailing"


def test_busybox_that_does_not_search_proves_nothing(look: Look) -> None:
    bare = f"Server:\t\t{DNS_IP}\nAddress:\t{DNS_IP}:53\n\n** server can't find {ALWAYS}: NXDOMAIN\n\n"
    found = look([*web(), client(), *core_dns()], proof(bare))
    assert found.serious() == set()


# ------------------------------------------------------------------ there is none
EMPTY = made("ConfigMap", "kube-root-ca.crt", "kube-system", data={})


def test_no_dns_service_is_critical_and_explains_what_does_not_resolve(look: Look) -> None:
    asked = [said("cat /etc/resolv.conf", RESOLV_CONF), *looked_up(short=refused(), full=refused())]
    found = look([*web(), client(), EMPTY], [*asked, *proof(refused())])
    one = found.one("DnsServiceMissing")
    assert one.severity == "critical"
    assert DNS_IP in one.summary
    assert found.headline is one
    assert {"ServiceDnsFails", "ClusterDnsFailing"} <= found.codes()


def test_no_dns_service_is_seen_without_any_lookup(look: Look) -> None:
    assert look([*web(), EMPTY]).headline.code == "DnsServiceMissing"


def test_what_is_wrong_with_the_service_itself_goes_first(look: Look) -> None:
    items = web(selector={"app": "nobody"})
    found = look([items[0], items[1], EMPTY])
    assert "DnsServiceMissing" in found.codes()
    assert found.headline.subject.name == "web"


def test_kube_system_that_was_not_read_claims_nothing(look: Look) -> None:
    found = look(web(), proof(refused()))
    assert "DnsServiceMissing" not in found.codes()
    assert "ClusterDnsFailing" in found.codes()
    assert look(web()).steps["SV-07"].status == "skipped"


@pytest.mark.parametrize(
    "other",
    [
        made(
            "Service",
            "rke2-coredns-rke2-coredns",
            "kube-system",
            labels={"k8s-app": "kube-dns"},
            spec={"clusterIP": "10.43.0.10"},
        ),
        made("Service", "coredns", "kube-system", spec={"clusterIP": "10.43.0.10"}),
        made("Service", "names", "kube-system", spec={"clusterIP": DNS_IP}),
        made(
            "Service",
            "dns-default",
            "openshift-dns",
            spec={"clusterIP": "172.30.0.10", "ports": [{"port": 53, "protocol": "UDP"}]},
        ),
    ],
)
def test_a_dns_of_another_name_is_not_missing(look: Look, other: dict[str, Any]) -> None:
    found = look([*web(), EMPTY, other], [said("cat /etc/resolv.conf", RESOLV_CONF)])
    assert "DnsServiceMissing" not in found.codes()


def test_a_namespace_for_the_dns_that_was_not_read_may_hold_it(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [*web(), EMPTY, node(), made("Namespace", "openshift-dns", "")])
    (case / "api/v1/namespaces/openshift-dns/services.json").unlink()
    found = Diagnosis(case, "service/web", "shop", guide="services")
    assert found.serious() == set()
    assert "openshift-dns" in found.steps["SV-07"].verdict


def test_a_dns_that_answers_is_not_missing(look: Look) -> None:
    full = "web.shop.svc.cluster.local"
    found = look([*web(), client(), EMPTY], looked_up(full=resolved(full)))
    assert found.serious() == set()


def test_a_server_that_answers_at_all_is_not_missing(look: Look) -> None:
    asked = [
        said("cat /etc/resolv.conf", RESOLV_CONF),
        *looked_up(full=unknown("web.shop.svc.cluster.local")),
    ]
    found = look([*web(), client(), EMPTY], asked)
    assert "DnsServiceMissing" not in found.codes()
    assert "ServiceDnsFails" in found.codes()


def test_a_server_on_the_node_is_not_missing(look: Look) -> None:
    text = RESOLV_CONF.replace(DNS_IP, "169.254.169.254")
    assert is_quiet(look([*web(), client(), EMPTY], [said("cat /etc/resolv.conf", text)]))


def test_other_services_with_dns_in_their_name_are_not_judged_as_the_dns(look: Look) -> None:
    other = made(
        "Service",
        "external-dns",
        "kube-system",
        spec={"clusterIP": "10.96.5.5", "selector": {"app": "x"}, "ports": [{"port": 7979}]},
    )
    found = look([*web(), EMPTY, other])
    assert found.serious() == set()
    assert "external-dns" in found.steps["SV-07"].verdict
    assert found.steps["SV-07"].findings == []


def test_nodes_that_run_the_dns_themselves_have_no_service_for_it(look: Look) -> None:
    auto = node("n2")
    auto["metadata"]["labels"] = {"eks.amazonaws.com/compute-type": "auto"}
    assert is_quiet(look([*web(), EMPTY, auto]))


def test_the_address_the_kubelet_hands_out_is_named(look: Look) -> None:
    configz = {"kubeletconfig": {"clusterDNS": ["10.77.0.10"], "clusterDomain": "cluster.local"}}
    found = look([*web(), EMPTY], raw={"nodes/n1/configz": configz})
    assert "10.77.0.10" in found.one("DnsServiceMissing").summary


# ------------------------------------------------------------------ what stands behind it
def test_no_ready_pod_is_critical_and_explains_the_endpoints(look: Look) -> None:
    found = look([*web(), *core_dns(ready=False)])
    one = found.one("DnsPodsUnhealthy")
    assert one.severity == "critical"
    assert found.headline is one
    assert "DnsNoEndpoints" in found.codes()


def test_pods_that_are_not_ready_are_no_more_than_a_warning_where_names_resolve(look: Look) -> None:
    resolving = looked_up(full=resolved("web.shop.svc.cluster.local"))
    found = look([*web(), client(), *core_dns(ready=False)], resolving)
    assert {one.severity for one in found.steps["SV-07"].findings} == {"warning"}


def test_no_pod_at_all_is_critical(look: Look) -> None:
    service, _, _, config = core_dns()
    found = look([*web(), service, config])
    assert "has no pods" in found.one("DnsPodsUnhealthy").summary


def test_one_of_two_pods_is_a_warning(look: Look) -> None:
    items = core_dns()
    other = core_dns(ready=False)[1]
    other["metadata"] |= {"name": "coredns-2", "uid": "uid-2"}
    one = look([*web(), *items, other]).one("DnsPodsUnhealthy")
    assert one.severity == "warning"
    assert "coredns-2" in one.summary


def test_a_rollout_of_the_dns_is_no_alarm(look: Look) -> None:
    items = core_dns()
    fresh, leaving = core_dns(ready=False)[1], core_dns(ready=False)[1]
    fresh["metadata"] |= {"name": "coredns-2", "uid": "uid-2", "creationTimestamp": ago(10)}
    leaving["metadata"] |= {"name": "coredns-3", "uid": "uid-3", "deletionTimestamp": ago(-10)}
    assert is_quiet(look([*web(), *items, fresh, leaving]))


def test_slices_without_the_ready_pods_are_said(look: Look) -> None:
    service, member, _, config = core_dns()
    found = look([*web(), service, member, config])
    assert found.one("DnsNoEndpoints").severity == "critical"
    assert "DnsPodsUnhealthy" not in found.codes()


def test_pods_and_slices_that_were_not_read_claim_nothing(look: Look) -> None:
    found = look([*web(), *core_dns()], without=("ConfigMap",))
    assert is_quiet(found)


# ------------------------------------------------------------------ the Corefile
def test_a_corefile_without_the_kubernetes_plugin_serves_no_service(look: Look) -> None:
    found = look([*web(), *core_dns(corefile=".:53 {\n errors\n forward . 8.8.8.8\n}\n")])
    assert found.one("CorefileKubernetesMissing").severity == "critical"


def test_a_plugin_that_may_be_imported_is_not_missing(look: Look) -> None:
    assert is_quiet(look([*web(), *core_dns(corefile=".:53 {\n import /etc/coredns/custom/*.override\n}\n")]))


def test_pods_that_search_another_domain_than_is_served(look: Look) -> None:
    text = RESOLV_CONF.replace("cluster.local", "corp.example")
    found = look([*web(), client(), *core_dns()], [said("cat /etc/resolv.conf", text)])
    one = found.one("CorefileDomainMismatch")
    assert "corp.example" in one.summary
    assert "cluster.local" in one.summary


def test_a_domain_that_is_rewritten_is_served(look: Look) -> None:
    corefile = COREFILE.replace("    ready\n", "    rewrite name suffix .corp.example. .cluster.local.\n")
    text = RESOLV_CONF.replace("cluster.local", "corp.example")
    found = look([*web(), client(), *core_dns(corefile=corefile)], [said("cat /etc/resolv.conf", text)])
    assert "CorefileDomainMismatch" not in found.codes()


def test_a_domain_nobody_told_is_not_compared(look: Look) -> None:
    assert is_quiet(look([*web(), *core_dns(corefile=COREFILE.replace("cluster.local", "corp.example"))]))


def test_a_corefile_that_forwards_to_itself(look: Look) -> None:
    corefile = COREFILE.replace("/etc/resolv.conf", DNS_IP)
    assert look([*web(), *core_dns(corefile=corefile)]).one("CorefileForwardLoop").severity == "warning"


def test_a_corefile_that_forwards_nothing_matters_only_for_external_names(look: Look) -> None:
    corefile = ".:53 {\n kubernetes cluster.local\n}\n"
    assert look([*web(), *core_dns(corefile=corefile)]).one("CorefileForwardMissing").severity == "info"


def test_a_corefile_that_forwards_nothing_is_a_warning_for_an_external_name(look: Look) -> None:
    service = made("Service", "web", "shop", spec={"type": "ExternalName", "externalName": "db.example.com"})
    found = look([service, *core_dns(corefile=".:53 {\n kubernetes cluster.local\n}\n")])
    assert found.one("CorefileForwardMissing").severity == "warning"


def test_a_broken_corefile_is_critical_where_nothing_runs(look: Look) -> None:
    broken = COREFILE.rstrip("}\n")
    assert look([*web(), *core_dns(corefile=broken)]).one("CorefileInvalid").severity == "warning"


def test_a_broken_corefile_explains_pods_that_do_not_start(look: Look) -> None:
    found = look([*web(), *core_dns(corefile=COREFILE.rstrip("}\n"), ready=False, status=CRASHED)])
    assert found.one("CorefileInvalid").severity == "critical"
    assert found.headline.code == "CorefileInvalid"


# ------------------------------------------------------------------ logs
def test_a_loop_is_read_from_the_log_of_the_run_before(look: Look) -> None:
    found = look(
        [*web(), *core_dns(ready=False, status=CRASHED)],
        logs={"coredns-1/coredns.log": [at(30, ".:53")], "coredns-1/coredns.previous.log": [at(61, LOOP)]},
    )
    assert found.one("CoreDnsLoop").severity == "critical"
    assert found.headline.code == "CoreDnsLoop"


def test_a_loop_of_long_ago_is_history(look: Look) -> None:
    found = look(
        [*web(), *core_dns(ready=False, status=CRASHED)], logs={"coredns-1/coredns.log": [at(90_000, LOOP)]}
    )
    assert "CoreDnsLoop" not in found.codes()


def test_errors_that_repeat_are_a_warning_and_name_the_nameserver(look: Look) -> None:
    lines = [at(100 + index, UPSTREAM) for index in range(5)]
    failing = proof(unknown(ALWAYS))
    found = look([*web(), client(), *core_dns()], failing, logs={"coredns-1/coredns.log": lines})
    one = found.one("CoreDnsErrors")
    assert one.severity == "warning"
    assert "192.0.2.53" in one.summary
    assert any("Log of coredns-1" in str(each) for each in found.steps["SV-07"].exhibits)


def test_logs_are_not_read_while_nothing_is_wrong(look: Look) -> None:
    found = look([*web(), *core_dns()], logs={"coredns-1/coredns.log": [at(100, UPSTREAM)] * 5})
    assert is_quiet(found)


@pytest.mark.parametrize(
    "lines", [[at(100, UPSTREAM)], [at(90_000, UPSTREAM)] * 9, [at(9, "[INFO] 127.0.0.1")] * 9]
)
def test_a_hiccup_and_old_errors_are_no_matter(look: Look, lines: list[str]) -> None:
    found = look(
        [*web(), client(), *core_dns()], proof(unknown(ALWAYS)), logs={"coredns-1/coredns.log": lines}
    )
    assert "CoreDnsErrors" not in found.codes()


def test_a_coredns_that_cannot_read_the_api_server_says_so(look: Look) -> None:
    line = "[ERROR] plugin/kubernetes: Failed to watch *v1.Service: dial tcp 10.96.0.1:443: i/o timeout"
    found = look([*web(), *core_dns(ready=False)], logs={"coredns-1/coredns.log": [at(20, line)] * 4})
    assert "cannot read Services from the API server" in found.one("CoreDnsErrors").summary


# ------------------------------------------------------------------ live
def asked_live(
    case: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, deny: tuple[str, ...] = ()
) -> tuple[Any, list[str]]:
    """The steps about names on a live cluster, and what they asked for."""
    with serve_case(case, deny=list(deny)) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(folder / "config")))
        session = notebook.open("services", namespace="shop", target="service/web", client="pod/client")
        before = len(server.requests)
        for name in ("lookups", "node_lookup", "resolv_conf", "cluster_dns"):
            getattr(session, name)()
        return session, [one.path for one in server.requests[before:]]


def test_a_healthy_dns_costs_four_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(tmp_path / "case", [*web(), client(), node(), *core_dns()])
    session, asked = asked_live(case, tmp_path, monkeypatch)
    assert sorted(path.rpartition("/")[2] for path in asked if "kube-system" in path) == [
        "coredns",
        "endpointslices",
        "pods",
        "services",
    ]
    assert [path for path in asked if "kube-system" not in path] == []
    assert {one.code for step in session.steps for one in step.findings} == {"ClusterDnsReady"}


def test_that_there_is_no_dns_is_found_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(tmp_path / "case", [*web(), client(), node(), EMPTY])
    session, asked = asked_live(case, tmp_path, monkeypatch)
    assert "DnsServiceMissing" in {one.code for step in session.steps for one in step.findings}
    assert len(asked) <= 5


def test_a_refused_kube_system_claims_nothing_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(tmp_path / "case", [*web(), client(), node(), EMPTY])
    session, _ = asked_live(case, tmp_path, monkeypatch, deny=("list services",))
    assert "DnsServiceMissing" not in {one.code for step in session.steps for one in step.findings}
    assert session.steps[-1].status == "skipped"


# ------------------------------------------------------------------ recorded
def test_the_recorded_cluster_has_no_dns(diagnose: Callable[..., Any]) -> None:
    found = diagnose("services", "service/hostnames", guide="services")
    assert found.headline.code == "DnsServiceMissing"
    assert found.one("DnsServiceMissing").facts["why"] == ["connection refused", "timed out"]
    assert {"ServiceDnsFails", "ClusterDnsFailing"} <= found.codes()


def test_the_recorded_cluster_has_no_dns_without_lookups_either(diagnose: Callable[..., Any]) -> None:
    found = diagnose("services-nftables", "service/hostnames", namespace="services", guide="services")
    assert "10.96.0.10" in found.one("DnsServiceMissing").summary
    assert found.one("ResolvConfOk").subject.name == "client"


def test_a_case_without_kube_system_claims_nothing_of_the_dns(diagnose: Callable[..., Any]) -> None:
    found = diagnose("healthy", guide="services")
    assert {found.steps[one].status for one in ("SV-04", "SV-05", "SV-06", "SV-07")} == {"skipped"}


# ------------------------------------------------------- rules of a node, where kube-system cannot be read
WEB_RULES = iptables(["10.0.0.1:80"], address="10.96.7.7") + rejecting(address="10.96.7.8", name="shop/off")
DNS_RULES = iptables(["10.0.0.53:53"], address=DNS_IP, name="kube-system/kube-dns").replace(
    "dport 80", "dport 53"
)


def asked_in_vain(rules: str, answer: str = "") -> list[dict[str, Any]]:
    """What a client's resolv.conf, its lookup and the rules of its node say."""
    return [
        said("cat /etc/resolv.conf", RESOLV_CONF),
        *proof(answer or refused()),
        on_node(rules, "iptables-save"),
    ]


def test_rules_that_do_not_know_the_server_pods_ask_tell_that_there_is_no_dns(look: Look) -> None:
    found = look([*web(), client()], asked_in_vain(WEB_RULES))
    one = found.one("DnsServiceMissing")
    assert one.confidence == "likely"
    assert DNS_IP in one.summary
    assert "kube-system has no" not in one.summary


@pytest.mark.parametrize(
    "heard",
    [
        asked_in_vain(WEB_RULES + DNS_RULES),
        asked_in_vain(WEB_RULES, resolved(ALWAYS, "10.96.0.1", full="kubernetes.default.svc.cluster.local")),
        asked_in_vain(WEB_RULES, unknown(ALWAYS)),
        asked_in_vain(iptables(["10.0.0.1:80"], address="10.96.7.7")),
        asked_in_vain("*filter\nCOMMIT\n*nat\nCOMMIT\n"),
        asked_in_vain(WEB_RULES)[1:],
    ],
    ids=["known there", "answered", "answered no", "half of the rules", "no kube-proxy", "server not known"],
)
def test_rules_that_prove_nothing_claim_no_missing_dns(look: Look, heard: list[dict[str, Any]]) -> None:
    assert "DnsServiceMissing" not in look([*web(), client()], heard).codes()
