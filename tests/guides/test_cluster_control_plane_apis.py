"""Webhooks, aggregated APIs, certificates and the API server's numbers, both ways. Made, not recorded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.cluster.validity import Validity, validities
from kuberunbooks.guides.rules.api_load import api_load
from kuberunbooks.guides.rules.certificates import last_of, of_bundle, state_of
from tests.support.control_planes import (
    ClusterCase,
    api_service,
    certificate,
    config_map,
    control_plane,
    leaders,
    members,
    meta,
    signing_request,
    static_pod,
    system_spaces,
    webhook,
)
from tests.support.made_cases import NOW, pod

DAY = timedelta(days=1)


@pytest.fixture
def cluster(tmp_path: Path) -> ClusterCase:
    return ClusterCase(tmp_path / "case")


def well() -> list[dict[str, Any]]:
    return [*system_spaces(), *members("cp-1", "w-1"), *leaders(), *control_plane()]


def backend(
    *, ready: bool = True, on: str = "w-1", turned: float = 6900, age: float = 7200
) -> list[dict[str, Any]]:
    """Namespace, Service, slice and pod behind the webhook `policy`."""
    space = "policy-system"
    labels = {"app": "policy"}
    service = meta("Service", "policy", "v1", namespace=space)
    slices = meta("EndpointSlice", "policy-x", "discovery.k8s.io/v1", namespace=space)
    slices["metadata"]["labels"] = {"kubernetes.io/service-name": "policy"}
    made = pod("policy-1", space, on=on, ready=ready, labels=labels)
    made["status"]["conditions"][1]["lastTransitionTime"] = _ago(turned)
    made["metadata"]["creationTimestamp"] = _ago(age)
    return [
        meta("Namespace", space, "v1"),
        {**service, "spec": {"selector": labels, "ports": [{"port": 443}]}},
        {
            **slices,
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.9"], "conditions": {"ready": ready}}],
        },
        made,
    ]


def _ago(seconds: float) -> str:
    return f"{NOW - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def test_a_webhook_whose_service_answers_is_fine(cluster: ClusterCase) -> None:
    found = cluster.run([*well(), webhook(), *backend()])
    assert found.serious() == set()


def test_one_that_fails_closed_with_nobody_behind_it_refuses_pods(cluster: ClusterCase) -> None:
    found = cluster.run([*well(), webhook(), *backend(ready=False)])
    one = found.headline
    assert (one.code, one.severity) == ("WebhookBackendDown", "critical")
    assert "has no ready endpoint" in one.summary
    assert one.since == NOW - timedelta(seconds=6900)
    assert "FailureModeOperatorError" not in found.codes()


@pytest.mark.parametrize(
    ("change", "behind"),
    [
        ({"fails": "Ignore"}, {"ready": False}),
        ({"namespaceSelector": {"matchLabels": {"policy": "on"}}}, {"ready": False}),
    ],
)
def test_one_that_lets_pass_or_is_called_for_no_namespace_does_no_harm(
    change: dict[str, Any], behind: dict[str, Any], cluster: ClusterCase
) -> None:
    found = cluster.run([*well(), webhook(**change), *backend(**behind)])
    assert found.serious() == set()


@pytest.mark.parametrize("behind", [{"turned": 20}, {"age": 40}])
def test_a_backend_that_is_just_starting_is_a_note(behind: dict[str, Any], cluster: ClusterCase) -> None:
    found = cluster.run([*well(), webhook(), *backend(ready=False, **behind)])
    assert found.one("WebhookBackendDown").severity == "info"
    assert found.serious() == set()


def test_an_installation_under_way_is_a_note(cluster: ClusterCase) -> None:
    found = cluster.run([*well(), webhook(age=30)])
    assert found.one("WebhookBackendDown").severity == "info"
    assert "FailureModeOperatorError" not in found.codes()


@pytest.mark.parametrize(("group", "resource"), [("cert-manager.io", "certificates"), ("", "configmaps")])
def test_a_webhook_the_cluster_can_live_without_is_a_warning(
    group: str, resource: str, cluster: ClusterCase
) -> None:
    own = webhook(resources=[resource], group=group)
    found = cluster.run([*well(), own, *backend(ready=False)])
    assert found.one("WebhookBackendDown").severity == "warning"


def test_several_webhooks_of_one_service_are_one_finding(cluster: ClusterCase) -> None:
    found = cluster.run([*well(), webhook(), webhook("other"), *backend(ready=False)])
    one = found.one("WebhookBackendDown")
    assert "and 1 more there" in one.summary
    deleted = next(step.command for step in one.next if step.changes)
    assert deleted == (
        "kubectl delete validatingwebhookconfiguration/policy validatingwebhookconfiguration/other"
    )


def test_a_lost_node_explains_the_webhook_that_ran_there(cluster: ClusterCase) -> None:
    items = [*system_spaces(), *members("cp-1"), *members("w-9", ready="Unknown", since=400), *leaders()]
    found = cluster.run([*items, webhook(), *backend(ready=False, on="w-9", turned=400)])
    assert found.headline.code == "NodeStatusUnknown"
    assert "WebhookBackendDown" in found.serious()


def test_a_service_that_was_not_read_is_not_called_absent(cluster: ClusterCase) -> None:
    found = cluster.run([*well(), webhook(), *backend(ready=False)], without=("Service", "EndpointSlice"))
    assert "WebhookBackendDown" not in found.codes()


def test_an_api_that_is_not_available_is_a_warning_with_its_reason(cluster: ClusterCase) -> None:
    found = cluster.run(
        [*well(), api_service("v1.apps", local=True), api_service("v1beta1.x.example", available=False)]
    )
    one = found.headline
    assert (one.code, one.severity) == ("AggregatedApiDown", "warning")
    assert "x.example/v1beta1" in one.summary
    assert one.since == NOW - timedelta(seconds=7200)


def test_available_and_local_apis_and_ones_that_just_restart_are_no_alarm(cluster: ClusterCase) -> None:
    apis = [
        api_service("v1.apps", local=True),
        api_service("v1beta1.metrics.k8s.io"),
        api_service("v1.young.example", available=False, since=30),
    ]
    found = cluster.run([*well(), *apis])
    assert found.serious() == set()
    assert found.one("AggregatedApiDown").severity == "info"


def test_certificates_that_ended_or_will_are_told_with_what_they_are_for(cluster: ClusterCase) -> None:
    old = certificate(begins=NOW - 365 * DAY, ends=NOW - 2 * DAY)
    soon = certificate(begins=NOW - 3600 * DAY, ends=NOW + 12 * DAY)
    root = config_map("kube-root-ca.crt", {"ca.crt": soon.decode()})
    found = cluster.run([*well(), webhook(ca=old), *backend(), root])
    ending = {one.facts["purpose"]: one for one in found.findings if one.code == "CertificateExpiring"}
    assert {name: one.severity for name, one in ending.items()} == {
        "webhook policy.example.com": "critical",
        "the API server itself": "warning",
    }
    assert "2 days ago" in ending["webhook policy.example.com"].summary


def test_an_old_certificate_beside_its_successor_is_no_trouble(cluster: ClusterCase) -> None:
    both = certificate(begins=NOW - 365 * DAY, ends=NOW - DAY) + certificate(
        begins=NOW - DAY, ends=NOW + 364 * DAY
    )
    found = cluster.run([*well(), webhook(ca=both), *backend()])
    assert "CertificateExpiring" not in found.codes()


def test_what_is_no_certificate_is_passed_over() -> None:
    assert of_bundle("not base64!") == []
    assert of_bundle("bm8gUEVN") == []
    assert validities("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----") == []
    assert validities("-----BEGIN CERTIFICATE-----\n" * 1000) == []
    assert last_of([]) is None


@pytest.mark.parametrize(
    ("life", "left", "state"),
    [
        (365, 29, "ends soon"),
        (365, 31, "valid"),
        (90, 10, "valid"),
        (90, 8, "ends soon"),
        (1, 0.01, "valid"),
        (365, -1, "ended"),
    ],
)
def test_a_certificate_is_due_by_the_life_it_was_made_for(life: float, left: float, state: str) -> None:
    one = Validity(NOW - (life - left) * DAY, NOW + left * DAY)
    assert state_of(one, NOW) == state


def test_a_kubelet_that_waits_for_its_certificate_is_a_warning(cluster: ClusterCase) -> None:
    found = cluster.run([*well(), signing_request("csr-1", age=1800)])
    one = found.one("KubeletCertificateUnsigned")
    assert one.severity == "warning"
    assert "30 min" in one.summary


@pytest.mark.parametrize(
    "requests",
    [
        [signing_request("csr-1", age=60)],
        [signing_request("csr-1", decided="Approved")],
        [signing_request("csr-1", age=3600), signing_request("csr-2", age=60, decided="Approved")],
        [signing_request("csr-1", signer="example.com/own")],
        [signing_request("csr-1", signer="kubernetes.io/kubelet-serving")],
    ],
)
def test_requests_that_are_young_signed_or_of_others_are_no_alarm(
    requests: list[dict[str, Any]], cluster: ClusterCase
) -> None:
    assert cluster.run([*well(), *requests]).serious() == set()


def _metrics(*, slow: int = 10, of: int = 10_000, storage: int = 50 << 20) -> str:
    label = 'component="apiserver",group="",resource="pods",scope="namespace",verb="GET",version="v1"'
    name = "apiserver_request_duration_seconds"
    return "\n".join(
        [
            f"# TYPE {name} histogram",
            f'{name}_bucket{{{label},le="0.1"}} {of - slow - 100}',
            f'{name}_bucket{{{label},le="1"}} {of - slow}',
            f'{name}_bucket{{{label},le="+Inf"}} {of}',
            f"{name}_sum{{{label}}} {of * 0.05}",
            f"{name}_count{{{label}}} {of}",
            f"{name}_count{{{label.replace('GET', 'WATCH')}}} 500000",
            f'apiserver_request_total{{code="200",verb="GET"}} {of}',
            'apiserver_request_total{code="503",verb="GET"} 7',
            'apiserver_current_inflight_requests{request_kind="readOnly"} 3',
            f'apiserver_storage_size_bytes{{storage_cluster_id="etcd-0"}} {storage}',
            "etcd_request_duration_seconds_count 1000",
            "etcd_request_duration_seconds_sum 4",
            f"process_start_time_seconds {(NOW - 9 * DAY).timestamp()}",
        ]
    )


def test_the_numbers_of_a_quick_api_server_are_shown_and_conclude_nothing(cluster: ClusterCase) -> None:
    found = cluster.run(well(), files={"raw/metrics.txt": _metrics()})
    shown = found.steps["CL-14"].exhibits
    assert shown[0].rows == [["GET", "10,000", "50 ms", "0.1%"]]
    assert "9 days" in shown[0].caption
    assert found.serious() == set()


def test_one_that_has_been_slow_on_the_whole_is_a_warning(cluster: ClusterCase) -> None:
    found = cluster.run(well(), files={"raw/metrics.txt": _metrics(slow=900)})
    assert found.headline.code == "ApiServerSlow"
    assert found.headline.facts["percent"] == 9
    few = cluster.run(well(), files={"raw/metrics.txt": _metrics(slow=90, of=900)})
    assert few.serious() == set()


def test_a_database_near_its_quota_is_a_warning_where_the_quota_is_known(cluster: ClusterCase) -> None:
    files = {"raw/metrics.txt": _metrics(storage=int(1.9 * 1024**3))}
    found = cluster.run(well(), files=files)
    assert found.one("EtcdNearlyFull").facts["percent"] == 95
    large = [one for one in well() if one["metadata"]["name"] != "etcd-cp-1"]
    member = static_pod("etcd")
    member["spec"]["containers"][0]["command"] = ["etcd", f"--quota-backend-bytes={8 * 1024**3}"]
    assert "EtcdNearlyFull" not in cluster.run([*large, member], files=files).codes()
    managed = [one for one in well() if one["kind"] != "Pod"]
    assert "EtcdNearlyFull" not in cluster.run(managed, files=files).codes()


def test_metrics_of_something_else_or_odd_ones_are_no_numbers(cluster: ClusterCase) -> None:
    assert api_load(b"up 1\n") is None
    assert api_load(b"<html>") is None
    odd = api_load(_metrics().replace("10000", "NaN").encode())
    assert odd is None or odd.verbs == []
    found = cluster.run(
        well(), files={"errors/metrics.403.json": '{"kind":"Status","code":403,"message":"no"}'}
    )
    assert found.steps["CL-14"].status == "skipped"
