"""SV-03: what NetworkPolicies let in to the pods behind a Service, and whether they are enforced at all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.findings import Finding, StepResult, Table, headline
from tests.support.made_cases import ago, make_case, node, pod

Look = Callable[..., StepResult]


def service(name: str = "web", app: str = "web", ports: Any = None, **spec: Any) -> dict[str, Any]:
    """A Service of namespace shop that sends port 80 to the container port named http."""
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": ago(7200)},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.96.0.10",
            "selector": {"app": app},
            "ports": ports or [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
            **spec,
        },
    }


def served(name: str = "web-1", app: str = "web", address: str = "10.0.0.1", **more: Any) -> dict[str, Any]:
    """A pod that names its port 8080 http."""
    container = {"name": "app", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}]}
    labels = more.pop("labels", {"app": app})
    spec = {"containers": [container], **more.pop("spec", {})}
    status = {"podIP": address, "podIPs": [{"ip": address}]}
    return pod(name, labels=labels, spec=spec, status=status, **more)


def asking(namespace: str = "shop", *, spec: dict[str, Any] | None = None, **labels: str) -> dict[str, Any]:
    """The client, pod/client at 10.0.0.99."""
    status = {"podIP": "10.0.0.99", "podIPs": [{"ip": "10.0.0.99"}]}
    return pod("client", namespace, labels=labels, spec=spec, status=status)


def policy(
    name: str = "guard",
    *,
    app: str | None = "web",
    ingress: Any = None,
    namespace: str = "shop",
    created: float = 7200,
    **spec: Any,
) -> dict[str, Any]:
    """A policy for the pods `app=web`; without rules it lets nothing in."""
    selector = {"matchLabels": {"app": app}} if app else {}
    return {
        "kind": "NetworkPolicy",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": ago(created),
            "generation": 1,
        },
        "spec": {"podSelector": selector, **({} if ingress is None else {"ingress": ingress}), **spec},
    }


def egress(*rules: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    """A policy of the client's."""
    return policy("leash", app=None, namespace=namespace, policyTypes=["Egress"], egress=list(rules))


def frontend(**more: Any) -> dict[str, Any]:
    """A policy that lets in pods role=frontend only."""
    return policy(ingress=[{"from": [{"podSelector": {"matchLabels": {"role": "frontend"}}}], **more}])


def namespace(name: str, **labels: str) -> dict[str, Any]:
    """A namespace with labels."""
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name, "labels": labels}}


def curl(
    url: str, code: int = 0, status: int = 200, *, who: str = "client", at: float = 10, where: str = "shop"
) -> dict[str, Any]:
    """What curl said in a pod of namespace shop."""
    place = {"kind": "pod", "namespace": where, "pod": who} if who else {"kind": "node", "node": "n1"}
    error = "" if not code else f"curl: ({code}) no answer\n"
    stdout = f"{status if not code else '000'}\n"
    return {
        "target": place,
        "argv": ["curl", "-sS", "-o", "/dev/null", url],
        "stdout": stdout,
        "stderr": error,
        "exit_code": code,
        "at": ago(at),
    }


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """The step alone, on these objects; `said` are transcripts, `groups` the API groups served."""

    def run(
        items: Iterable[dict[str, Any]],
        target: str = "service/web",
        *,
        said: Iterable[dict[str, Any]] = (),
        groups: Iterable[str] = (),
        without: Iterable[str] = (),
        space: str = "shop",
        **options: Any,
    ) -> StepResult:
        case = make_case(tmp_path / f"case{time.monotonic_ns()}", items, without=without)
        (case / "apis.json").write_text(json.dumps({"groups": [{"name": one} for one in groups]}))
        (case / "transcripts").mkdir()
        for number, one in enumerate(said):
            (case / "transcripts" / f"{number:03}.json").write_text(json.dumps(one))
        session = notebook.open("services", case=str(case), namespace=space, target=target, **options)
        assert session.start.failure is None, session.start.failure
        result: StepResult = session.policies().data
        assert result.status != "failed", result.error
        return result

    return run


def codes(result: StepResult) -> dict[str, str]:
    """Severity by code."""
    return {one.code: one.severity for one in result.findings}


def only(result: StepResult, code: str) -> Finding:
    """The only finding of this code."""
    (found,) = [one for one in result.findings if one.code == code]
    return found


# The recorded incident


@pytest.mark.parametrize("name", ["services", "services-nftables"])
def test_the_recorded_policy_restricts_sources_and_is_not_enforced(
    name: str, incident: Callable[[str], Path]
) -> None:
    session = notebook.open(
        "services", case=str(incident(name)), namespace="services", target="service/hostnames"
    )
    result = session.policies().data
    found = only(result, "NetworkPolicyRestrictsSources")
    assert found.severity == "warning"
    assert "only pods role=frontend" in found.summary
    assert "spec.ingress[0].from" in {one.path for one in found.evidence}
    answered = only(result, "NetworkPolicyNotEnforced")
    assert "Pod client is none of those" in answered.summary
    assert "HTTP 200" in answered.summary
    assert answered.evidence[0].source.startswith("pod/client transcripts/")


def test_the_recorded_client_that_got_an_answer_is_told_so(incident: Callable[[str], Path]) -> None:
    case = str(incident("services"))
    session = notebook.open(
        "services", case=case, namespace="services", target="service/hostnames", client="services/pod/client"
    )
    result = session.policies().data
    assert codes(result) == {"NetworkPolicyRestrictsSources": "info", "NetworkPolicyNotEnforced": "info"}
    assert "not enforced" in only(result, "NetworkPolicyRestrictsSources").summary


def test_one_policy_is_told_once_for_all_services_of_a_namespace(incident: Callable[[str], Path]) -> None:
    session = notebook.open("services", case=str(incident("services")), namespace="services", target="")
    result = session.policies().data
    found = only(result, "NetworkPolicyRestrictsSources")
    assert found.facts["services"] == ["headless", "hostnames", "lb", "udp-mismatch", "wrong-port"]
    (table,) = [one for one in result.exhibits if isinstance(one, Table)]
    assert len(table.rows) == 1


def test_a_namespace_without_policies_has_none(incident: Callable[[str], Path]) -> None:
    session = notebook.open("services", case=str(incident("healthy")), namespace="healthy", target="")
    assert codes(session.policies().data) == {"NetworkPolicyNone": "ok"}


# What comes in


def test_a_policy_for_other_pods_is_none(look: Look) -> None:
    result = look([service(), served(), policy(app="db")])
    assert codes(result) == {"NetworkPolicyNone": "ok"}
    assert result.exhibits == []


def test_a_policy_for_egress_only_is_none_for_what_comes_in(look: Look) -> None:
    assert codes(look([service(), served(), policy(policyTypes=["Egress"])])) == {"NetworkPolicyNone": "ok"}


@pytest.mark.parametrize("peers", [[{}], [{"from": []}], [{"from": [{"namespaceSelector": {}}]}]])
def test_a_policy_that_lets_everybody_in_is_no_alarm(look: Look, peers: Any) -> None:
    result = look([service(), served(), policy(ingress=peers)])
    assert codes(result) == {"NetworkPolicyNone": "ok"}
    assert "everybody in" in result.findings[0].title


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_letting_in_every_pod_is_not_enough_for_clients_outside(look: Look, kind: str) -> None:
    result = look([service(type=kind), served(), policy(ingress=[{"from": [{"namespaceSelector": {}}]}])])
    assert codes(result) == {"NetworkPolicyRestrictsSources": "warning"}
    assert "only pods of the cluster" in result.findings[0].summary


def test_a_policy_without_rules_denies_all(look: Look) -> None:
    result = look([service(), served(), policy()])
    found = only(result, "NetworkPolicyDeniesAllIngress")
    assert codes(result) == {"NetworkPolicyDeniesAllIngress": "critical"}
    assert (found.evidence[1].path, found.evidence[1].value) == ("spec.ingress", "absent")
    assert found.since is not None


def test_another_policy_lets_in_what_the_first_denies(look: Look) -> None:
    result = look([service(), served(), policy("deny", app=None), policy("open", ingress=[{}])])
    assert codes(result) == {"NetworkPolicyNone": "ok"}


def test_a_policy_of_another_namespace_does_not_count(look: Look) -> None:
    assert codes(look([service(), served(), policy(namespace="other", app=None)])) == {
        "NetworkPolicyNone": "ok"
    }


def test_denying_only_some_of_the_pods_is_a_warning(look: Look) -> None:
    result = look(
        [
            service(),
            served(),
            served("web-2", labels={"app": "web", "v": "2"}),
            policy(app=None, podSelector={"matchLabels": {"v": "2"}}),
        ]
    )
    assert codes(result) == {"NetworkPolicyDeniesAllIngress": "warning"}
    assert "some of the pods" in result.findings[0].summary


@pytest.mark.parametrize("port", ["http", 8080])
def test_the_port_that_counts_is_the_pods(look: Look, port: int | str) -> None:
    result = look([service(), served(), policy(ingress=[{"ports": [{"port": port}]}])])
    assert codes(result) == {"NetworkPolicyNone": "ok"}


@pytest.mark.parametrize(
    "port", [{"port": 80}, {"port": 8080, "protocol": "UDP"}, {"port": "web"}, {"port": 1, "endPort": 8079}]
)
def test_a_rule_for_another_port_does_not_let_the_service_in(look: Look, port: dict[str, Any]) -> None:
    result = look([service(), served(), policy(ingress=[{"ports": [port]}])])
    found = only(result, "NetworkPolicyPortNotAllowed")
    assert found.severity == "critical"
    assert "8080/TCP" in found.summary
    assert found.evidence[-1].path == "spec.ingress[0].ports"


def test_of_several_ports_one_that_is_closed_is_a_warning_unless_the_client_uses_it(look: Look) -> None:
    ports = [
        {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"},
        {"name": "metrics", "port": 9090, "targetPort": 9090, "protocol": "TCP"},
    ]
    items = [service(ports=ports), served(), policy(ingress=[{"ports": [{"port": 8080}]}])]
    assert codes(look(items)) == {"NetworkPolicyPortNotAllowed": "warning"}
    assert codes(look(items, client_port=9090)) == {"NetworkPolicyPortNotAllowed": "critical"}
    assert codes(look(items, client_port=80)) == {"NetworkPolicyNone": "ok"}


def test_a_name_is_looked_up_in_each_pod(look: Look) -> None:
    odd = served("web-2")
    odd["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 9999}]
    by_name = policy(ingress=[{"ports": [{"port": "http"}]}])
    by_number = policy(ingress=[{"ports": [{"port": 8080}]}])
    assert codes(look([service(), served(), odd, by_name])) == {"NetworkPolicyNone": "ok"}
    assert codes(look([service(), served(), odd, by_number])) == {"NetworkPolicyPortNotAllowed": "warning"}


def test_a_target_port_no_pod_names_is_another_steps_business(look: Look) -> None:
    ports = [{"port": 80, "targetPort": "nothing", "protocol": "TCP"}]
    result = look([service(ports=ports), served(), policy()])
    assert (result.findings, result.status) == ([], "skipped")


def test_a_headless_service_without_ports_is_judged_too(look: Look) -> None:
    headless = service(clusterIP="None")
    headless["spec"]["ports"] = []
    assert codes(look([headless, served(), policy()])) == {"NetworkPolicyDeniesAllIngress": "critical"}
    assert codes(look([headless, served(), frontend()])) == {"NetworkPolicyRestrictsSources": "warning"}


def test_pods_on_the_nodes_network_are_not_judged(look: Look) -> None:
    result = look([service(), served(spec={"hostNetwork": True}), policy()])
    assert result.findings == []
    assert result.status == "skipped"
    assert "node's network" in getattr(result.exhibits[0], "text", "")


def test_pods_that_are_gone_are_not_judged(look: Look) -> None:
    gone = served("web-2", phase="Failed", labels={"app": "web", "old": "y"})
    result = look([service(), served(), gone, policy(podSelector={"matchLabels": {"old": "y"}})])
    assert codes(result) == {"NetworkPolicyNone": "ok"}


def test_a_service_without_pods_is_not_judged(look: Look) -> None:
    result = look([service(), policy(app=None)])
    assert (result.findings, result.status) == ([], "skipped")


def test_policies_that_could_not_be_read_claim_nothing(look: Look) -> None:
    result = look([service(), served(), policy()], without=["NetworkPolicy"])
    assert codes(result) == {"EvidenceUnavailable": "info"}
    assert result.status == "refused"


# The client


def test_a_client_that_is_let_in_is_fine(look: Look) -> None:
    result = look([service(), served(), frontend(), asking(role="frontend")], client="client")
    assert codes(result) == {"NetworkPolicyAllowsClient": "ok"}


def test_a_client_that_is_kept_out_is_told(look: Look) -> None:
    result = look([service(), served(), frontend(), asking(role="other")], client="client")
    found = only(result, "NetworkPolicyDeniesClient")
    assert (found.severity, found.confidence) == ("critical", "likely")
    assert "pod client is none of them" in found.summary
    assert found.next[1].command == "kubectl get pod client -n shop --show-labels"


def test_a_request_that_was_dropped_confirms_it(look: Look) -> None:
    items = [service(), served(), frontend(), asking(role="other")]
    found = only(
        look(items, client="client", said=[curl("http://10.96.0.10/", 28)]), "NetworkPolicyDeniesClient"
    )
    assert found.confidence == "confirmed"
    assert found.evidence[-1].source == "pod/client transcripts/000.json"


def test_a_client_of_another_namespace_needs_its_namespaces_labels(look: Look) -> None:
    peers = [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]
    items = [service(), served(), policy(ingress=[{"from": peers}]), asking("desk")]
    good, bad = namespace("desk", team="b"), namespace("desk", team="x")
    given = {"client": "desk/client"}
    assert codes(look([*items, good], **given)) == {"NetworkPolicyAllowsClient": "ok"}
    assert codes(look([*items, bad], **given)) == {"NetworkPolicyDeniesClient": "critical"}
    unread = look(items, without=["Namespace"], **given)
    assert codes(unread) == {"NetworkPolicyRestrictsSources": "info"}
    assert "could not be read" in unread.findings[0].summary


def test_where_no_policy_applies_the_client_makes_no_difference(look: Look) -> None:
    assert codes(look([service(), served(), asking()], client="client")) == {"NetworkPolicyNone": "ok"}


def test_of_several_services_a_client_need_not_reach_all(look: Look) -> None:
    items = [service(), served(), frontend(), service("api", "api"), served("api-1", "api"), asking()]
    assert codes(look(items, "", client="client")) == {"NetworkPolicyDeniesClient": "warning"}


def test_a_client_on_the_nodes_network_is_not_judged(look: Look) -> None:
    items = [service(), served(), frontend(), asking(spec={"hostNetwork": True})]
    result = look(items, client="client")
    assert codes(result) == {"NetworkPolicyRestrictsSources": "warning"}
    assert any("client client uses the node's network" in getattr(one, "text", "") for one in result.exhibits)


def test_a_dual_stack_client_is_compared_by_the_services_family(look: Look) -> None:
    client = asking()
    client["status"]["podIPs"] = [{"ip": "10.0.0.99"}, {"ip": "fd00::99"}]
    items = [served(), client]
    six = policy(ingress=[{"from": [{"ipBlock": {"cidr": "fd00::/16"}}]}])
    both = policy(
        ingress=[{"from": [{"ipBlock": {"cidr": "fd00::/16"}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}]}]
    )
    four, dual = service(ipFamilies=["IPv4"]), service(ipFamilies=["IPv4", "IPv6"])
    given = {"client": "client"}
    assert codes(look([*items, four, six], **given)) == {"NetworkPolicyDeniesClient": "critical"}
    assert codes(look([*items, dual, both], **given)) == {"NetworkPolicyAllowsClient": "ok"}
    assert codes(look([*items, dual, six], **given)) == {"NetworkPolicyRestrictsSources": "info"}


# Is it enforced?


@pytest.mark.parametrize(
    "url",
    ["http://10.96.0.10/", "http://10.0.0.1:8080/", "http://web/", "http://web.shop.svc.cluster.local/"],
)
def test_an_answer_that_a_policy_forbids_shows_it_is_not_enforced(look: Look, url: str) -> None:
    for denying in (policy(), policy(ingress=[{"ports": [{"port": 1}]}])):
        result = look([service(), served(), denying, asking()], said=[curl(url)])
        assert set(codes(result).values()) == {"info"}
        assert "NetworkPolicyNotEnforced" in codes(result)
        other = next(one for one in result.findings if one.code != "NetworkPolicyNotEnforced")
        assert "not enforced" in other.summary


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("no answer", curl("http://10.96.0.10/", 28)),
        ("refused", curl("http://10.96.0.10/", 7)),
        ("from a node", curl("http://10.96.0.10/", who="")),
        ("a pod asks itself", curl("http://10.0.0.1:8080/", who="web-1")),
        ("its own Service, which may have chosen itself", curl("http://10.96.0.10/", who="web-1")),
        ("another address", curl("http://10.96.0.77/")),
        ("another port", curl("http://10.96.0.10:81/")),
        ("a proxy in the client", curl("http://10.96.0.10/", status=503)),
        ("before the policy was made", curl("http://10.96.0.10/", at=7300)),
        ("a pod nobody knows", curl("http://10.96.0.10/", who="gone")),
    ],
)
def test_what_does_not_show_it(look: Look, why: str, said: dict[str, Any]) -> None:
    result = look([service(), served(), policy(), asking()], said=[said])
    assert codes(result) == {"NetworkPolicyDeniesAllIngress": "critical"}, why


def test_an_answer_to_a_pod_that_is_let_in_shows_nothing(look: Look) -> None:
    items = [service(), served(), frontend(), asking(role="frontend")]
    assert codes(look(items, said=[curl("http://10.96.0.10/")])) == {
        "NetworkPolicyRestrictsSources": "warning"
    }


def test_an_answer_shows_nothing_while_one_of_the_pods_is_open(look: Look) -> None:
    guarded = served("web-2", labels={"app": "web", "v": "2"}, address="10.0.0.2")
    items = [service(), served(), guarded, policy(podSelector={"matchLabels": {"v": "2"}}), asking()]
    assert "NetworkPolicyNotEnforced" not in codes(look(items, said=[curl("http://10.96.0.10/")]))
    assert "NetworkPolicyNotEnforced" in codes(look(items, said=[curl("http://10.0.0.2:8080/")]))


# What leaves the client

TO_WEB = {"to": [{"podSelector": {"matchLabels": {"app": "web"}}}]}
TO_DNS = {"ports": [{"port": 53, "protocol": "UDP"}]}


@pytest.mark.parametrize(
    "rule",
    [TO_WEB, {}, {**TO_WEB, "ports": [{"port": 8080}]}, {**TO_WEB, "ports": [{"port": "http"}]},
     {"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}]}],
)  # fmt: skip
def test_a_client_whose_own_policy_lets_it_out_is_fine(look: Look, rule: dict[str, Any]) -> None:
    result = look([service(), served(), egress(rule, TO_DNS), asking()], client="client")
    assert codes(result) == {"NetworkPolicyAllowsClient": "ok"}


@pytest.mark.parametrize(
    "rule",
    [
        {"to": [{"podSelector": {"matchLabels": {"app": "db"}}}]},
        {**TO_WEB, "ports": [{"port": 80}]},
        {"to": [{"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.1/32"]}}]},
    ],
)
def test_a_client_whose_own_policy_keeps_it_in_is_told(look: Look, rule: dict[str, Any]) -> None:
    result = look([service(), served(), egress(rule, TO_DNS), asking()], client="client")
    found = only(result, "NetworkPolicyEgressBlocked")
    assert codes(result) == {"NetworkPolicyEgressBlocked": "critical"}
    assert (found.subject.text, found.evidence[0].path) == ("pod/client", "spec.egress")


def test_without_a_client_nobodys_egress_is_judged(look: Look) -> None:
    assert codes(look([service(), served(), egress(), asking()])) == {"NetworkPolicyNone": "ok"}


def test_the_clients_policies_are_those_of_its_own_namespace(look: Look) -> None:
    items = [service(), served(), asking("desk"), namespace("desk")]
    blocked = look([*items, egress(TO_WEB, TO_DNS, namespace="desk")], client="desk/client")
    assert codes(blocked) == {"NetworkPolicyEgressBlocked": "critical"}, "app=web of desk, not of shop"
    assert codes(look([*items, egress(namespace="shop")], client="desk/client")) == {
        "NetworkPolicyNone": "ok"
    }


def test_a_block_that_holds_the_services_address_leaves_it_open(look: Look) -> None:
    by_address = {"to": [{"ipBlock": {"cidr": "10.96.0.0/16"}}]}
    result = look([service(), served(), egress(by_address, TO_DNS), asking()], client="client")
    assert (result.findings, result.status) == ([], "skipped")


def test_a_clients_policies_that_could_not_be_read_leave_it_open(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [service(), served(), asking("desk"), namespace("desk")])
    (case / "apis/networking.k8s.io/v1/namespaces/desk/networkpolicies.json").unlink()
    session = notebook.open(
        "services", case=str(case), namespace="shop", target="service/web", client="desk/client"
    )
    result = session.policies().data
    assert (result.findings, result.status) == ([], "skipped")


def test_reaching_some_of_the_pods_is_a_warning(look: Look) -> None:
    rule = {"to": [{"podSelector": {"matchLabels": {"v": "2"}}}]}
    pods = [served(), served("web-2", labels={"app": "web", "v": "2"})]
    result = look([service(), *pods, egress(rule, TO_DNS), asking()], client="client")
    assert codes(result) == {"NetworkPolicyEgressBlocked": "warning"}


def test_an_answer_the_clients_own_policy_forbids_is_no_alarm(look: Look) -> None:
    items = [service(), served(), egress(TO_DNS), asking()]
    result = look(items, client="client", said=[curl("http://10.96.0.10/")])
    assert codes(result) == {"NetworkPolicyEgressBlocked": "info", "NetworkPolicyNotEnforced": "info"}
    dropped = look(items, client="client", said=[curl("http://10.96.0.10/", 28)])
    assert only(dropped, "NetworkPolicyEgressBlocked").confidence == "confirmed"


@pytest.mark.parametrize("more", [[], [{"ports": [{"port": 53}]}], [{"ports": [{"port": 443}]}]])
def test_a_policy_that_forgets_the_dns_is_told(look: Look, more: list[dict[str, Any]]) -> None:
    result = look([service(), served(), egress(TO_WEB, *more), asking()], client="client")
    assert codes(result)["NetworkPolicyBlocksDns"] == "critical"
    assert "53/UDP" in only(result, "NetworkPolicyBlocksDns").summary


@pytest.mark.parametrize(
    "rule",
    [
        TO_DNS,
        {"ports": [{"port": 5353, "protocol": "UDP"}]},
        {"ports": [{"port": "dns", "protocol": "UDP"}]},
        {**TO_DNS, "to": [{"namespaceSelector": {}}]},
        {**TO_DNS, "to": [{"ipBlock": {"cidr": "169.254.20.10/32"}}]},
        {
            **TO_DNS,
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
        },
    ],
)
def test_a_policy_that_lets_lookups_out_is_fine(look: Look, rule: dict[str, Any]) -> None:
    server = pod("dns-1", "kube-system", labels={"k8s-app": "kube-dns"}, status={"podIP": "10.0.9.9"})
    result = look([service(), served(), egress(TO_WEB, rule), asking(), server], client="client")
    assert codes(result) == {"NetworkPolicyAllowsClient": "ok"}


def test_lookups_to_other_pods_than_the_dns_do_not_help(look: Look) -> None:
    rule = {**TO_DNS, "to": [{"podSelector": {}}]}
    items = [service(), served(), egress(TO_WEB, rule), asking()]
    server = pod("dns-1", "kube-system", labels={"k8s-app": "kube-dns"}, status={"podIP": "10.0.9.9"})
    assert "NetworkPolicyBlocksDns" in codes(look([*items, server], client="client"))
    by_label = {**TO_DNS, "to": [{"namespaceSelector": {"matchLabels": {"dns": "x"}}}]}
    other = [service(), served(), egress(TO_WEB, by_label), asking()]
    assert "NetworkPolicyBlocksDns" in codes(look([*other, server], client="client"))
    assert "NetworkPolicyBlocksDns" not in codes(look(other, client="client")), "no DNS pod was read"


def test_a_lookup_that_was_answered_shows_that_the_dns_is_reached(look: Look) -> None:
    place = {"kind": "pod", "namespace": "shop", "pod": "client"}
    told = "Server: 10.96.0.10\nAddress: 10.96.0.10#53\n\n** server can't find web: NXDOMAIN\n"
    lost = ";; communications error to 10.96.0.10#53: timed out\n;; no servers could be reached\n"
    said = {"target": place, "argv": ["nslookup", "web"], "exit_code": 0}
    items = [service(), served(), egress(TO_WEB), asking()]
    assert "NetworkPolicyBlocksDns" not in codes(
        look(items, client="client", said=[{**said, "stdout": told}])
    )
    assert "NetworkPolicyBlocksDns" in codes(look(items, client="client", said=[{**said, "stdout": lost}]))


# Other kinds of policies


def test_policies_of_other_apis_are_named_and_nothing_is_then_called_fine(look: Look) -> None:
    result = look([service(), served()], groups=["apps", "cilium.io", "policy.networking.k8s.io"])
    vendors = [one.facts["api_group"] for one in result.findings if one.code == "NetworkPolicyVendorPresent"]
    assert sorted(vendors) == ["cilium.io", "policy.networking.k8s.io"]
    assert codes(result)["NetworkPolicyNone"] == "info"
    assert "not looked at" in only(result, "NetworkPolicyNone").summary


def test_ordinary_api_groups_are_no_policies(look: Look) -> None:
    assert codes(look([service(), served()], groups=["apps", "policy", "networking.k8s.io"])) == {
        "NetworkPolicyNone": "ok"
    }


# The headline


def slices() -> dict[str, Any]:
    """The EndpointSlice of Service web with its ready pod."""
    ready = {
        "addresses": ["10.0.0.1"],
        "conditions": {"ready": True},
        "targetRef": {"kind": "Pod", "name": "web-1"},
    }
    labels = {"kubernetes.io/service-name": "web"}
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {"name": "web-a", "namespace": "shop", "labels": labels, "creationTimestamp": ago(7200)},
        "addressType": "IPv4",
        "endpoints": [ready],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


@pytest.mark.parametrize(
    ("guard", "code"),
    [
        (policy(), "NetworkPolicyDeniesAllIngress"),
        (policy(ingress=[{"ports": [{"port": 80}]}]), "NetworkPolicyPortNotAllowed"),
        (frontend(), "NetworkPolicyDeniesClient"),
        (egress(TO_DNS), "NetworkPolicyEgressBlocked"),
    ],
)
def test_a_policy_that_explains_the_timeouts_is_the_headline(
    guard: dict[str, Any], code: str, tmp_path: Path
) -> None:
    case = make_case(tmp_path / "case", [node(), service(), served(), slices(), guard, asking()])
    (case / "transcripts").mkdir()
    for number, url in enumerate(["http://10.96.0.10/", "http://10.0.0.1:8080/"]):
        (case / "transcripts" / f"{number}.json").write_text(json.dumps(curl(url, 28)))
    session = notebook.open(
        "services", case=str(case), namespace="shop", target="service/web", client="client"
    )
    for name in session.step_names:
        getattr(session, name)()
    best = headline([one for step in session.steps for one in step.findings])
    assert best is not None
    assert best.code == code


# Many


def test_many_situations_of_one_kind_are_one_finding_with_a_bounded_table(look: Look) -> None:
    items: list[dict[str, Any]] = []
    for number in range(40):
        app = f"a{number}"
        peers = [{"podSelector": {"matchLabels": {"role": app}}}]
        items += [service(app, app), served(f"{app}-1", app), policy(app, app=app, ingress=[{"from": peers}])]
    result = look(items, "")
    assert only(result, "NetworkPolicyRestrictsSources").facts["number"] == 40
    (table,) = [one for one in result.exhibits if isinstance(one, Table)]
    assert (len(table.rows), table.omitted) == (30, 10)


def test_a_big_namespace_is_judged_quickly(look: Look) -> None:
    items: list[dict[str, Any]] = []
    for number in range(400):
        app = f"a{number}"
        items.append(service(app, app))
        items += [served(f"{app}-{one}", app, f"10.{number // 256}.{number % 256}.{one}") for one in range(5)]
    items += [
        policy(f"p{number}", app=f"a{number}", ingress=[{"from": [{"podSelector": {}}]}])
        for number in range(200)
    ]
    items.append(asking())
    result = look(items, "", client="client")
    assert codes(result) == {"NetworkPolicyAllowsClient": "ok"}
    assert result.seconds < 1.5
