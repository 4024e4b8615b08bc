"""Service triage: endpoints, selectors and ports of the Services in front of the pods."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.guides.rules.near_miss import Shapes, distance
from tests.support.made_cases import ago, make_case, node, owner, pod, running, workload
from tests.support.services import endpoint, endpoint_slice, service

Examine = Callable[..., Any]


def web(
    name: str = "web-1", *, labels: dict[str, str] | None = None, ports: Any = None, **more: Any
) -> dict[str, Any]:
    """A pod with the label app=web and an address; `ports` are what its container declares."""
    container: dict[str, Any] = {"name": "app", "image": "shop/web:1"}
    if ports is not None:
        container["ports"] = ports
    return pod(
        name,
        labels={"app": "web"} if labels is None else labels,
        spec={"containers": [container]},
        **{"status": {"podIP": "10.0.0.1"}, **more},
    )


def unready(name: str, **more: Any) -> dict[str, Any]:
    """A running pod with an address that is not ready."""
    return web(name, ready=False, containers=[running(ready=False)], **more)


def assert_complete(found: Any) -> None:
    """Every text of the Service steps could be filled in."""
    for one in found.findings:
        if one.step in ("DP-12", "DP-13"):
            assert one.title != one.code
            assert one.summary != one.code
            assert all(step.command for step in one.next)


def step_codes(found: Any) -> set[str]:
    """The codes of the Service steps that are more than ok."""
    return {one.code for one in found.findings if one.step in ("DP-12", "DP-13") and one.severity != "ok"}


def test_every_broken_service_of_a_namespace_is_named_with_its_reason(diagnose: Callable[..., Any]) -> None:
    found = diagnose("services")
    assert_complete(found)
    by_service = {
        (one.subject.name, one.code): one for one in found.findings if one.subject.kind == "Service"
    }
    assert by_service["wrong-selector", "ServiceSelectorMatchesNothing"].severity == "critical"
    near = by_service["wrong-selector", "ServiceSelectorNearMiss"]
    assert near.facts["differences"] == [["version=v2", "version=v1"]]
    assert near.facts["near"] == "deployment/hostnames"
    assert by_service["wrong-port-name", "ServiceNamedPortMissing"].facts["names"] == ["http"]
    assert "9376" in by_service["wrong-port", "ServiceTargetPortMismatch"].summary
    assert by_service["udp-mismatch", "ServiceProtocolMismatch"].facts["declared_protocols"] == ["TCP"]


def test_services_that_are_right_or_need_no_pods_are_not_blamed(diagnose: Callable[..., Any]) -> None:
    found = diagnose("services")
    blamed = {
        one.subject.name for one in found.findings if one.subject.kind == "Service" and one.severity != "ok"
    }
    assert not blamed & {"hostnames", "headless", "external", "lb", "no-selector"}


def test_faults_of_other_services_are_no_alarm_about_pods_that_are_reached(
    diagnose: Callable[..., Any],
) -> None:
    found = diagnose("services", "deployment/hostnames")
    severities = {one.severity for one in found.findings if one.step in ("DP-12", "DP-13")}
    assert severities == {"info", "ok"}


def test_a_service_without_ready_endpoints_supports_the_probe_failure_and_does_not_hide_it(
    diagnose: Callable[..., Any],
) -> None:
    found = diagnose("probes", "deployment/catalog")
    assert found.one("ServiceEndpointsNotReady").facts["behind"] == ["deployment/catalog"]
    assert found.headline.code == "ReadinessProbeFailing"


def test_a_service_with_an_endpoint_for_every_pod_is_one_quiet_line(examine: Examine) -> None:
    found = examine([web(), service(), endpoint_slice("web", [endpoint("web-1")])])
    assert found.one("ServiceEndpointsHealthy").subject.name == "web"
    assert step_codes(found) == set()


def test_pods_that_become_endpoints_in_two_address_families_count_once(examine: Examine) -> None:
    slices = [
        endpoint_slice("web", [endpoint("web-1")]),
        endpoint_slice("web", [endpoint("web-1", address="fd00::1")], suffix="b"),
    ]
    assert step_codes(examine([web(), service(), *slices])) == set()


def test_an_endpoint_that_is_terminating_is_no_fault(examine: Examine) -> None:
    slices = endpoint_slice("web", [endpoint("web-1"), endpoint("web-0", ready=False, terminating=True)])
    assert step_codes(examine([web(), service(), slices])) == set()


def test_some_unready_pods_make_a_warning_and_all_of_them_a_critical_finding(examine: Examine) -> None:
    some = [web(), unready("web-2"), service()]
    some.append(endpoint_slice("web", [endpoint("web-1"), endpoint("web-2", ready=False)]))
    partly = examine(some).one("ServiceEndpointsNotReady")
    assert (partly.severity, partly.facts["not_ready"]) == ("warning", ["web-2"])


def test_no_ready_pod_at_all_is_critical(examine: Examine) -> None:
    none = examine([unready("web-1"), service(), endpoint_slice("web", [endpoint("web-1", ready=False)])])
    assert none.one("ServiceEndpointsNotReady").severity == "critical"


def test_an_unready_neighbour_is_no_alarm_about_a_single_pod_that_is_ready(examine: Examine) -> None:
    items = [web(), unready("web-2"), node(), service()]
    items.append(endpoint_slice("web", [endpoint("web-1"), endpoint("web-2", ready=False)]))
    assert examine(items, "pod/web-1").serious() == set()


def test_a_pod_that_was_just_made_is_given_a_minute_to_become_ready(examine: Examine) -> None:
    fresh = unready("web-2", creationTimestamp=ago(20))
    slices = endpoint_slice("web", [endpoint("web-1"), endpoint("web-2", ready=False)])
    assert "ServiceEndpointsNotReady" not in examine([web(), fresh, service(), slices]).codes()


def test_a_ready_pod_that_is_missing_from_the_slices_is_named(examine: Examine) -> None:
    found = examine([web(), web("web-2"), service(), endpoint_slice("web", [endpoint("web-1")])])
    assert_complete(found)
    assert found.one("ServiceEndpointCountMismatch").facts["absent"] == ["web-2"]


def test_a_pod_that_became_ready_seconds_ago_may_still_be_missing_from_the_slices(examine: Examine) -> None:
    late = web("web-2", status={
        "podIP": "10.0.0.2",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": ago(10)}],
    })  # fmt: skip
    found = examine([web(), late, service(), endpoint_slice("web", [endpoint("web-1")])])
    assert "ServiceEndpointCountMismatch" not in found.codes()


def test_the_right_value_under_the_wrong_key_is_a_near_miss(examine: Examine) -> None:
    found = examine([web(), service(selector={"run": "shop-web"}), web("api-1", labels={"app": "shop-web"})])
    assert found.one("ServiceSelectorNearMiss").facts["differences"] == [["run=shop-web", "app=shop-web"]]


def test_sharing_only_a_common_label_is_no_near_miss(examine: Examine) -> None:
    pods = [web(labels={"app": "web", "part-of": "shop"})]
    found = examine([*pods, service("billing", {"app": "billing", "part-of": "shop"})])
    assert "ServiceSelectorMatchesNothing" in found.codes()
    assert "ServiceSelectorNearMiss" not in found.codes()


def test_a_service_of_other_pods_says_nothing_about_a_target_that_it_resembles(examine: Examine) -> None:
    pods = [web(labels={"app": "web", "version": "v1"}), web("web-2", labels={"app": "web", "version": "v2"})]
    other = service("web-next", {"app": "web", "version": "v2"})
    found = examine([*pods, other, endpoint_slice("web-next", [endpoint("web-2")])], "pod/web-1")
    assert step_codes(found) == set()


def test_a_service_of_a_workload_scaled_to_zero_is_no_fault(examine: Examine) -> None:
    found = examine([workload("Deployment", "web", replicas=0), service(), endpoint_slice("web", None)])
    assert step_codes(found) == set()


def test_a_service_made_seconds_ago_is_not_judged(examine: Examine) -> None:
    assert step_codes(examine([web(), service("new", {"app": "nobody"}, created=10)])) == set()


def test_a_port_number_is_not_doubted_when_the_pods_declare_no_ports(examine: Examine) -> None:
    ports = [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]
    found = examine([web(), service(ports=ports), endpoint_slice("web", [endpoint("web-1")])])
    assert step_codes(found) == set()


def test_a_second_port_that_is_not_declared_is_only_mentioned(examine: Examine) -> None:
    ports = [
        {"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"},
        {"name": "metrics", "port": 9090, "targetPort": 9090, "protocol": "TCP"},
    ]
    carried = [{"name": "http", "port": 80}, {"name": "metrics", "port": 9090}]
    items = [web(ports=[{"containerPort": 80}]), service(ports=ports)]
    found = examine([*items, endpoint_slice("web", [endpoint("web-1")], ports=carried)])
    assert found.one("ServiceTargetPortMismatch").severity == "info"


def test_a_port_name_that_only_a_sidecar_declares_is_found(examine: Examine) -> None:
    sidecar = {
        "name": "proxy",
        "restartPolicy": "Always",
        "ports": [{"name": "mesh", "containerPort": 15000}],
    }
    behind = pod(
        "web-1",
        labels={"app": "web"},
        spec={"containers": [{"name": "app"}], "initContainers": [sidecar]},
        status={"podIP": "10.0.0.1"},
    )
    ports = [{"port": 80, "targetPort": "mesh", "protocol": "TCP"}]
    found = examine([behind, service(ports=ports), endpoint_slice("web", [endpoint("web-1")])])
    assert "ServiceNamedPortMissing" not in found.codes()


def test_services_that_may_not_be_listed_are_unknown_and_not_absent(examine: Examine) -> None:
    found = examine([web()], without=("Service",))
    assert found.steps["DP-12"].status == "refused"
    assert "ServiceEndpointsHealthy" not in found.codes()


def record_partly(folder: Path, *paths: str) -> None:
    """Says in the case's manifest that of these lists only a selection was recorded."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["partial"] = {path: ["labelSelector=app=other"] for path in paths}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_pods_that_were_not_recorded_may_stand_behind_a_service(tmp_path: Path) -> None:
    items = [web("api-1", labels={"app": "api"}), service(), endpoint_slice("web", [endpoint("web-1")])]
    record_partly(make_case(tmp_path, items), "api/v1/namespaces/shop/pods")
    session = notebook.open("pods", case=str(tmp_path), namespace="shop")
    codes = {one.code for step in (session.endpoints(), session.selectors()) for one in step.data.findings}
    assert not codes & {"ServiceSelectorMatchesNothing", "ServiceNoEndpoints"}


def test_slices_that_were_not_recorded_are_unknown_and_not_empty(tmp_path: Path) -> None:
    record_partly(
        make_case(tmp_path, [web(), service()]), "apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
    )
    session = notebook.open("pods", case=str(tmp_path), namespace="shop")
    result = session.endpoints().data
    assert result.status == "refused"
    assert {one.code for one in result.findings} == {"EvidenceUnavailable"}


def test_a_new_service_without_endpoints_is_not_called_right(examine: Examine) -> None:
    found = examine([web(), service(created=10), endpoint_slice("web", None)])
    assert "ServiceEndpointsHealthy" not in found.codes()


def test_odd_values_in_services_and_slices_break_nothing(examine: Examine) -> None:
    odd = service("odd")
    odd["spec"]["ports"] = None
    odd["spec"]["selector"] = None
    slices = endpoint_slice("web", [{"addresses": [], "conditions": {}, "targetRef": None}], ports=None)
    examine([web(), odd, service(), slices])


@pytest.mark.parametrize(
    ("left", "right", "edits"), [("hostnames", "hostname", 1), ("web", "api", 3), ("a", "abcd", 3)]
)
def test_edit_distance(left: str, right: str, edits: int) -> None:
    assert distance(left, right) == edits


def test_a_mistyped_value_is_near_and_a_short_one_is_not() -> None:
    shapes = Shapes(
        [("shop", {"app": "hostnames"}, "deployment/hostnames"), ("shop", {"app": "db"}, "deployment/db")]
    )
    near = shapes.nearest("shop", {"app": "hostnmaes"})
    assert near is not None
    assert near.who == "deployment/hostnames"
    assert shapes.nearest("shop", {"app": "dc"}) is None
    assert shapes.nearest("other", {"app": "hostnmaes"}) is None


def test_a_thousand_services_and_five_thousand_pods_are_judged_without_comparing_each_with_each(
    tmp_path: Path,
) -> None:
    items: list[dict[str, Any]] = []
    for number in range(1000):
        labels = {"app": f"app-{number}", "tier": "web"}
        names = [f"app-{number}-{index}" for index in range(5)]
        items += [
            web(name, labels=labels, ownerReferences=owner("ReplicaSet", f"app-{number}")) for name in names
        ]
        items.append(service(f"app-{number}", labels))
        items.append(endpoint_slice(f"app-{number}", [endpoint(name) for name in names]))
    session = notebook.open("pods", case=str(make_case(tmp_path, items)), namespace="shop")
    session.endpoints()
    started = time.perf_counter()
    result = session.endpoints().data
    session.selectors()
    # Comparing all with all takes over ten seconds; these take about 0.1 on a slow machine.
    assert time.perf_counter() - started < 1.5
    assert [one.facts["number"] for one in result.findings] == [1000]
