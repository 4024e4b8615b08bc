"""The services guide about the Service itself: existence, type, ports, what really listens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.guides.rules.listening_ports import listening_ports
from tests.support.made_cases import event, node, pod, workload
from tests.support.services import endpoint, endpoint_slice, service

Examine = Callable[..., Any]


def web(name: str = "web-1", *, ports: Any = None, address: str = "10.0.0.1", **more: Any) -> dict[str, Any]:
    """A ready pod with the label app=web."""
    container: dict[str, Any] = {"name": "app", "image": "shop/web:1"}
    if ports is not None:
        container["ports"] = ports
    return pod(
        name,
        labels={"app": "web"},
        spec={"containers": [container]},
        status={"podIP": address, "podIPs": [{"ip": address}]},
        **more,
    )


def asked(url: str, code: int, *, by: str = "client", status: str = "000") -> dict[str, Any]:
    """A transcript of curl in a pod."""
    why = {0: "", 7: "curl: (7) Failed to connect: Couldn't connect to server", 28: "curl: (28) timed out"}[
        code
    ]
    return {
        "target": {"kind": "pod", "namespace": "shop", "pod": by},
        "argv": ["curl", "-sS", "-m", "3", url],
        "stdout": f"{status}\n",
        "stderr": why,
        "exit_code": code,
        "at": "2026-11-23T12:00:00Z",
    }


@pytest.fixture
def heard(tmp_path: Path) -> Callable[..., str]:
    """Writes transcripts and gives the file's path."""

    def write(*transcripts: dict[str, Any]) -> str:
        path = tmp_path / "heard.json"
        path.write_text(json.dumps(list(transcripts)))
        return str(path)

    return write


def run(examine: Examine, items: list[dict[str, Any]], target: str = "service/web", **options: Any) -> Any:
    """All steps of the services guide on these objects."""
    nodes = [] if any(one["kind"] == "Node" for one in items) else [node()]
    found = examine([*items, *nodes], target, guide="services", **options)
    for one in found.findings:
        if one.severity in ("critical", "warning"):
            assert one.title != one.code, one.code
            assert one.next, one.code
    return found


def right(**more: Any) -> list[dict[str, Any]]:
    """A Service with its pod and its slice."""
    slices = endpoint_slice("web", [endpoint("web-1")])
    return [service(**more), web(ports=[{"containerPort": 80}]), slices]


def test_a_service_that_is_right_gives_no_alarm_and_no_claim_of_what_was_not_checked(
    examine: Examine,
) -> None:
    found = run(examine, right())
    assert not found.serious()
    assert {"ServiceExists", "ServiceDefinitionOk", "ServiceEndpointsHealthy"} <= found.codes()
    for id_ in ("SV-08", "SV-11"):
        assert found.steps[id_].status == "skipped"
        assert "request" in found.steps[id_].verdict


def test_a_service_that_does_not_exist_is_said_with_what_looks_like_it(examine: Examine) -> None:
    for target in ("service/webb", "webb"):
        found = run(examine, right(), target)
        assert found.headline.code == "ServiceMissing"
        assert "service/web" in found.headline.summary


def test_a_service_in_another_namespace_is_named_as_its_clients_should(examine: Examine) -> None:
    elsewhere = service("api")
    elsewhere["metadata"]["namespace"] = "backend"
    found = run(examine, [*right(), elsewhere], "service/api")
    assert found.headline.code == "ServiceInOtherNamespace"
    assert "api.backend" in found.headline.summary


def test_an_external_name_needs_no_endpoints(examine: Examine) -> None:
    found = run(
        examine,
        [service(selector={}, type="ExternalName", clusterIP="", externalName="db.example.com", ports=[])],
    )
    assert not found.serious()
    assert "db.example.com" in found.one("ServiceTypeNote").title


def test_an_external_name_that_is_an_address_is_told(examine: Examine) -> None:
    found = run(
        examine, [service(selector={}, type="ExternalName", clusterIP="", externalName="10.1.2.3", ports=[])]
    )
    assert found.headline.code == "ServiceExternalNameIsAddress"


def test_a_load_balancer_is_given_some_minutes_for_its_address(examine: Examine) -> None:
    fresh = run(examine, right(created=200, type="LoadBalancer"))
    assert "LoadBalancerPending" not in fresh.codes()
    late = run(examine, right(created=900, type="LoadBalancer"))
    assert late.headline.code == "LoadBalancerPending"
    assert "no controller" not in late.headline.summary or late.closing.coverage.event_window.seconds


def test_what_the_load_balancers_controller_says_is_quoted(examine: Examine) -> None:
    items = right(created=900, type="LoadBalancer")
    said = event(items[0], "SyncLoadBalancerFailed", "quota exceeded: 5 addresses", type_="Warning")
    found = run(examine, [*items, said])
    assert "quota exceeded: 5 addresses" in found.headline.summary


def test_a_load_balancer_with_an_address_is_quiet(examine: Examine) -> None:
    items = right(created=9000, type="LoadBalancer")
    items[0]["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}
    assert not run(examine, items).serious()


def test_a_port_the_client_uses_must_be_listed(examine: Examine) -> None:
    ports = [{"name": "http", "port": 8080, "targetPort": 80, "protocol": "TCP"}]
    items = [
        service(ports=ports),
        web(ports=[{"containerPort": 80}]),
        endpoint_slice("web", [endpoint("web-1")], ports=[{"name": "http", "port": 80, "protocol": "TCP"}]),
    ]
    found = run(examine, items, client_port=80)
    assert found.headline.code == "ServicePortNotListed"
    assert "8080 leads to port 80" in found.headline.summary
    assert not run(examine, items, client_port=8080).serious()


def test_a_target_port_nobody_declares_is_only_likely_wrong(examine: Examine) -> None:
    items = right(ports=[{"port": 80, "targetPort": 9376, "protocol": "TCP"}])
    found = run(examine, items)
    one = found.one("ServiceTargetPortMismatch")
    assert (one.severity, one.confidence) == ("warning", "likely")


def test_a_target_port_that_is_refused_is_the_cause_for_sure(
    examine: Examine, heard: Callable[..., str]
) -> None:
    items = [
        service(ports=[{"port": 80, "targetPort": 9376, "protocol": "TCP"}]),
        web(ports=[{"containerPort": 80}]),
        endpoint_slice("web", [endpoint("web-1")], ports=[{"name": "", "port": 9376, "protocol": "TCP"}]),
    ]
    file = heard(asked("http://10.0.0.1:9376/", 7), asked("http://10.96.0.10:80/", 7))
    found = run(examine, items, transcripts=file)
    assert found.headline.code == "ServiceTargetPortMismatch"
    assert (found.headline.severity, found.headline.confidence) == ("critical", "confirmed")
    assert {"ServiceIpFailed", "PodEndpointUnreachable"} <= found.serious()


def test_a_target_port_nobody_declares_but_that_answers_is_right(
    examine: Examine, heard: Callable[..., str]
) -> None:
    items = right(ports=[{"port": 80, "targetPort": 9376, "protocol": "TCP"}])
    found = run(examine, items, transcripts=heard(asked("http://10.0.0.1:9376/", 0, status="200")))
    assert "ServiceTargetPortMismatch" not in found.codes()


def test_listening_ports_decide_where_no_request_was_made(
    examine: Examine, heard: Callable[..., str]
) -> None:
    items = right(ports=[{"port": 80, "targetPort": 9376, "protocol": "TCP"}])
    listing = {
        "target": {"kind": "pod", "namespace": "shop", "pod": "web-1"},
        "argv": ["ss", "-lnt"],
        "stdout": "State Recv-Q Send-Q Local Address:Port Peer\nLISTEN 0 511 0.0.0.0:80 0.0.0.0:*  \n",
        "exit_code": 0,
    }
    assert run(examine, items, transcripts=heard(listing)).headline.severity == "critical"
    listing["stdout"] = "LISTEN 0 511 *:9376 *:* \n"
    assert not run(examine, items, transcripts=heard(listing)).serious()


def test_a_quoted_number_in_a_manifest_is_told(examine: Examine, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
        'spec:\n  ports: [{port: 80, targetPort: "9376"}]\n'
    )
    found = run(examine, right(), manifest=str(file))
    assert found.headline.code == "ServiceNumericStringPort"
    file.write_text(file.read_text().replace('"9376"', "9376"))
    assert not run(examine, right(), manifest=str(file)).serious()


def test_a_manifest_that_cannot_be_read_is_said(examine: Examine) -> None:
    found = run(examine, right(), manifest="/no/such/file.yaml")
    assert "ManifestUnreadable" in found.codes()


def test_a_workload_is_looked_at_with_the_services_that_select_it(examine: Examine) -> None:
    other = service("other", {"app": "other"})
    items = [*right(), other, workload("Deployment", "web", replicas=0)]
    found = run(examine, items, "pod/web-1")
    assert [one.name for one in found.session._target.services] == ["web"]


def test_a_pod_no_service_selects_is_an_answer_and_no_alarm(examine: Examine) -> None:
    lonely = pod("cron", labels={"app": "cron"})
    found = run(examine, [*right(), lonely], "pod/cron")
    assert not found.serious()
    assert found.headline.code == "ServicesNone"


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("LISTEN 0 511 0.0.0.0:80 0.0.0.0:* \nLISTEN 0 511 [::]:443 [::]:* \n", {80, 443}),
        ("tcp        0      0 0.0.0.0:8080            0.0.0.0:*               LISTEN\n", {8080}),
        ("LISTEN 0 511 127.0.0.1:9000 0.0.0.0:* \n", set()),
        ("sh: ss: not found", None),
    ],
)
def test_what_listens_on_loopback_only_is_not_reached(text: str, ports: set[int] | None) -> None:
    assert listening_ports(text) == ports
