"""The services guide about endpoints: selector, slices, stale ones, and what narrows the traffic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.guides.test_services_definition import right, run, web
from tests.support.made_cases import ago, node, pod, stopped, workload
from tests.support.services import endpoint, endpoint_slice, service

Examine = Callable[..., Any]
MANAGED = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}


def managed(one: dict[str, Any]) -> dict[str, Any]:
    """A slice that the controller keeps."""
    one["metadata"]["labels"].update(MANAGED)
    return one


@pytest.mark.parametrize("target", ["service/web", ""])
def test_the_label_that_just_misses_is_shown(examine: Examine, target: str) -> None:
    found = run(
        examine, [service(selector={"run": "webshop"}), pod("web-1", labels={"app": "webshop"})], target
    )
    assert found.headline.code == "ServiceSelectorMatchesNothing"
    assert "app=webshop where it wants run=webshop" in found.headline.summary
    assert "ServiceSelectorNearMiss" in found.codes()


def test_a_selector_for_which_a_workload_makes_no_pods_is_not_wrong(examine: Examine) -> None:
    found = run(examine, [service(), workload("Deployment", "web", replicas=0), endpoint_slice("web", None)])
    assert "ServiceSelectorMatchesNothing" not in found.codes()
    assert found.headline.code == "ServiceScaledToZero"
    assert "deployment/web is scaled to 0" in found.headline.summary


def test_why_the_pods_are_not_ready_is_the_headline(examine: Examine) -> None:
    crashing = web(ready=False, containers=[stopped(code=1, restarts=9)])
    items = [service(), crashing, endpoint_slice("web", [endpoint("web-1", ready=False)]), node()]
    found = run(examine, items)
    assert "ServiceEndpointsNotReady" in found.serious()
    assert found.headline.subject.kind == "Pod"


def test_slices_of_both_families_are_one_endpoint(examine: Examine) -> None:
    six = endpoint_slice("web", [endpoint("web-1", address="fd00::1")], suffix="six")
    six["addressType"] = "IPv6"
    families = {"clusterIPs": ["10.96.0.10", "fd00:96::a"], "ipFamilies": ["IPv4", "IPv6"]}
    items = [*right(**families), six]
    items[1]["status"]["podIPs"] = [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]
    assert not run(examine, items).serious()


def test_a_family_without_endpoints_is_told(examine: Examine) -> None:
    found = run(examine, right(clusterIPs=["10.96.0.10", "fd00:96::a"], ipFamilies=["IPv4", "IPv6"]))
    assert found.headline.code == "ServiceFamilyWithoutEndpoints"
    assert "IPv6" in found.headline.title


def test_a_service_without_selector_is_wrong_only_without_endpoints(examine: Examine) -> None:
    found = run(examine, [service(selector={})])
    assert (found.headline.code, found.headline.severity) == ("ServiceNoSelector", "critical")
    by_hand = endpoint_slice("web", [{"addresses": ["192.0.2.7"], "conditions": {}}])
    assert not run(examine, [service(selector={}), by_hand]).serious()


def test_an_endpoint_of_a_pod_that_is_gone_is_stale(examine: Examine) -> None:
    items = [service(), web(), managed(endpoint_slice("web", [endpoint("web-1"), endpoint("web-0")]))]
    found = run(examine, items)
    assert "web-0" in found.one("EndpointSliceStale").summary


@pytest.mark.parametrize(
    "change",
    [
        {"conditions": {"ready": False, "terminating": True}},
        {"targetRef": {"kind": "Pod", "namespace": "shop", "name": "web-1"}},
        {"targetRef": None},
    ],
)
def test_an_endpoint_that_ends_or_is_no_pod_is_not_stale(examine: Examine, change: dict[str, Any]) -> None:
    other = {**endpoint("web-0"), **change}
    found = run(examine, [service(), web(), managed(endpoint_slice("web", [endpoint("web-1"), other]))])
    assert "EndpointSliceStale" not in found.codes()


def test_an_endpoint_with_an_earlier_address_of_its_pod_is_stale(examine: Examine) -> None:
    items = [service(), web(), managed(endpoint_slice("web", [endpoint("web-1", address="10.0.0.99")]))]
    assert "another address" in run(examine, items).one("EndpointSliceStale").summary


def test_a_pod_made_anew_this_minute_is_not_called_stale(examine: Examine) -> None:
    items = [
        service(),
        web(creationTimestamp=ago(20)),
        managed(endpoint_slice("web", [endpoint("web-1", address="10.0.0.99")])),
    ]
    assert "EndpointSliceStale" not in run(examine, items).codes()


def test_slices_that_could_not_be_read_accuse_nobody(examine: Examine) -> None:
    found = run(examine, right(), without=("EndpointSlice",))
    assert not found.serious()
    assert found.steps["SV-10"].status == "refused"
    assert "ServiceEndpointsHealthy" not in found.codes()


def test_a_selector_that_finds_nothing_is_told_without_slices_too(examine: Examine) -> None:
    items = [service(selector={"app": "webb"}), web()]
    found = run(examine, items, without=("EndpointSlice",))
    assert found.headline.code == "ServiceSelectorMatchesNothing"


def test_the_endpoints_are_shown_with_their_pods_those_without_traffic_first(examine: Examine) -> None:
    items = [
        service(),
        web("web-1"),
        web("web-2", ready=False, address="10.0.0.2", containers=[stopped(code=1, restarts=9)]),
        web("web-3", address="10.0.0.3"),
        endpoint_slice(
            "web",
            [
                endpoint("web-1"),
                endpoint("web-2", ready=False),
                endpoint("web-0", ready=False, terminating=True),
            ],
        ),
    ]
    (table,) = run(examine, items).steps["SV-10"].exhibits
    assert [(row[0], row[2], row[-1]) for row in table.rows] == [
        ("web-0", "ending", "not selected"),
        ("web-2", "not ready", "Error 0/1"),
        ("web-3", "in no slice", "Running 1/1"),
        ("web-1", "ready", "Running 1/1"),
    ]


@pytest.mark.parametrize(
    "items",
    [
        [service(created=20)],
        [service(selector={}, type="ExternalName", externalName="db.example.com", ports=[])],
    ],
)
def test_a_service_that_cannot_be_judged_yet_is_not_called_fine(
    examine: Examine, items: list[dict[str, Any]]
) -> None:
    assert run(examine, items).steps["SV-10"].status == "skipped"


def local(examine: Examine, client_node: str) -> Any:
    """A Service that is Local, with its endpoint on n1, asked from a client."""
    items = right(internalTrafficPolicy="Local")
    items[2]["endpoints"][0]["nodeName"] = "n1"
    client = pod("client", labels={"app": "client"}, on=client_node)
    return run(examine, [*items, client, node("n1"), node("n2")], client="pod/client")


def test_local_traffic_needs_an_endpoint_on_the_clients_node(examine: Examine) -> None:
    found = local(examine, "n2")
    assert found.headline.code == "ServiceInternalLocalNoEndpoint"
    assert not local(examine, "n1").serious()


def test_what_narrows_the_traffic_is_a_note_and_no_alarm(examine: Examine) -> None:
    items = right(
        sessionAffinity="ClientIP",
        type="NodePort",
        externalTrafficPolicy="Local",
        trafficDistribution="PreferClose",
    )
    items[2]["endpoints"] = [
        {
            **endpoint(f"web-{n}", address=f"10.0.0.{n}"),
            "nodeName": f"n{n}",
            "hints": {"forZones": [{"name": f"z{n}"}]},
        }
        for n in (1, 2)
    ]
    items.append(web("web-2", ports=[{"containerPort": 80}], address="10.0.0.2"))
    found = run(examine, items)
    assert not found.serious()
    assert {"ServiceSessionAffinity", "ServiceExternalLocal", "ServiceTopologyHints"} <= found.codes()


def test_hints_that_not_every_endpoint_has_are_not_used(examine: Examine) -> None:
    items = right()
    items[2]["endpoints"] = [
        {**endpoint("web-1"), "hints": {"forZones": [{"name": "z1"}]}},
        endpoint("web-2", address="10.0.0.2"),
    ]
    items.append(web("web-2", ports=[{"containerPort": 80}], address="10.0.0.2"))
    assert "ServiceTopologyHints" not in run(examine, items).codes()
