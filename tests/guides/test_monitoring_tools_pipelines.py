"""Metrics APIs, autoscalers that go by them, and the tools of a cluster; all objects are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Diagnosis
from tests.support.made_cases import ago, make_case, node, owner, pod, running
from tests.support.made_prometheus import prometheus_pod, service

GUIDE = "monitoring-tools"
NONE = {"ResourcePipelineAbsent", "CustomMetricsAbsent", "ExternalMetricsAbsent", "PrometheusNotFound"}


def api_service(
    group: str, *, status: str = "True", reason: str = "Passed", since: float = 7000, version: str = "v1beta1"
) -> dict[str, Any]:
    """An APIService behind Service monitoring/adapter."""
    condition = {"type": "Available", "status": status, "reason": reason, "lastTransitionTime": ago(since)}
    if status != "True":
        condition["message"] = (
            "endpoints for service/adapter in monitoring have no addresses with port name https"
        )
    return {
        "kind": "APIService",
        "apiVersion": "apiregistration.k8s.io/v1",
        "metadata": {"name": f"{version}.{group}", "creationTimestamp": ago(9000)},
        "spec": {
            "group": group,
            "version": version,
            "service": {"namespace": "monitoring", "name": "adapter", "port": 443},
        },
        "status": {"conditions": [condition]},
    }


def hpa(name: str = "web", *, metric: dict[str, Any] | None = None, **condition: str) -> dict[str, Any]:
    """A HorizontalPodAutoscaler of shop/NAME by cpu, or by the metric given."""
    cpu = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
    }
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": ago(9000)},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1,
            "maxReplicas": 5,
            "metrics": [metric or cpu],
        },
        "status": {"conditions": [condition] if condition else []},
    }


PODS_METRIC = {
    "type": "Pods",
    "pods": {
        "metric": {"name": "http_requests"},
        "target": {"type": "AverageValue", "averageValue": "10"},
    },
}
EXTERNAL_METRIC = {
    "type": "External",
    "external": {
        "metric": {"name": "queue_length"},
        "target": {"type": "Value", "value": "30"},
    },
}


def test_a_cluster_without_anything_is_told_so_and_nothing_is_wrong(
    examine: Callable[..., Diagnosis],
) -> None:
    found = examine([node(), pod()], guide=GUIDE)
    assert found.codes() == NONE
    assert found.serious() == set()
    assert "not found" not in found.closing.verdict


def test_pipelines_that_answer_are_good_and_their_metrics_counted(tmp_path: Path) -> None:
    groups = ("metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io")
    case = make_case(tmp_path / "case", [pod(), *map(api_service, groups)])
    for group, names in (
        ("custom.metrics.k8s.io", ["pods/http_requests", "namespaces/http_requests", "pods/errors"]),
        ("external.metrics.k8s.io", ["externalmetrics"]),
    ):
        path = case / "raw" / "apis" / group / "v1beta1.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        resources = [{"name": name, "namespaced": True, "kind": "MetricValueList"} for name in names]
        path.write_text(json.dumps({"kind": "APIResourceList", "resources": resources}))
    found = Diagnosis(case, "", "shop", guide=GUIDE)
    assert found.one("ResourcePipelinePresent").severity == "ok"
    assert found.one("CustomMetricsServed").title == "Custom metrics are served: 3 metrics"
    assert "by Service monitoring/adapter" in found.one("CustomMetricsServed").summary
    assert found.one("ExternalMetricsServed").title == "External metrics are served"
    assert found.serious() == set()


@pytest.mark.parametrize(
    ("group", "code"),
    [
        ("metrics.k8s.io", "ResourcePipelineUnavailable"),
        ("custom.metrics.k8s.io", "CustomMetricsUnavailable"),
        ("external.metrics.k8s.io", "ExternalMetricsUnavailable"),
    ],
)
def test_a_pipeline_that_does_not_answer_is_a_warning_and_one_that_just_starts_is_not(
    examine: Callable[..., Diagnosis], group: str, code: str
) -> None:
    down = api_service(group, status="False", reason="MissingEndpoints", since=600)
    found = examine([pod(), down], guide=GUIDE)
    assert found.serious() == {code}
    assert "since 10 min: endpoints for service/adapter" in found.headline.summary
    starting = api_service(group, status="False", reason="MissingEndpoints", since=30)
    assert examine([pod(), starting], guide=GUIDE).serious() == set()


def test_of_two_versions_the_one_that_answers_counts(examine: Callable[..., Diagnosis]) -> None:
    group = "custom.metrics.k8s.io"
    old = api_service(group)
    new = api_service(group, status="False", reason="MissingEndpoints", version="v1beta2")
    assert "CustomMetricsServed" in examine([old, new], guide=GUIDE).codes()


@pytest.mark.parametrize(
    ("metric", "group"),
    [
        (None, "metrics.k8s.io"),
        (PODS_METRIC, "custom.metrics.k8s.io"),
        (EXTERNAL_METRIC, "external.metrics.k8s.io"),
    ],
)
def test_an_autoscaler_whose_metrics_nobody_serves_is_critical(
    examine: Callable[..., Diagnosis], metric: dict[str, Any] | None, group: str
) -> None:
    found = examine([pod(), hpa(metric=metric)], guide=GUIDE)
    assert found.headline.code == "HpaMetricUnserved"
    assert f"needs the API {group}, and this cluster does not have it" in found.headline.summary
    assert examine([pod(), hpa(metric=metric), api_service(group)], guide=GUIDE).serious() == set()


def test_an_autoscaler_whose_api_does_not_answer_is_critical_with_the_reason(
    examine: Callable[..., Diagnosis],
) -> None:
    down = api_service("custom.metrics.k8s.io", status="False", reason="MissingEndpoints", since=600)
    found = examine([pod(), hpa(metric=PODS_METRIC), down], guide=GUIDE)
    assert found.headline.code == "HpaMetricUnserved"
    assert "does not answer: endpoints for service/adapter" in found.headline.summary
    assert any(
        step.command.startswith("kubectl get apiservice v1beta1.custom") for step in found.headline.next
    )


def test_many_autoscalers_of_one_missing_api_are_one_finding(examine: Callable[..., Diagnosis]) -> None:
    found = examine([pod(), *(hpa(f"web-{index}") for index in range(40))], guide=GUIDE)
    one = found.one("HpaMetricUnserved")
    assert one.count == 40
    assert one.title.startswith("40 autoscalers cannot scale")


def test_an_autoscaler_that_is_switched_off_asks_for_nothing(examine: Callable[..., Diagnosis]) -> None:
    off = hpa(type="ScalingActive", status="False", reason="ScalingDisabled", message="scaling is disabled")
    assert examine([pod(), off], guide=GUIDE).serious() == set()


def test_unreadable_apiservices_claim_nothing_unless_apis_proves_it(tmp_path: Path) -> None:
    case = make_case(tmp_path / "one", [pod(), hpa()], without=("APIService",))
    found = Diagnosis(case, "", "shop", guide=GUIDE)
    assert found.steps["MT-01"].status == "skipped"
    assert found.serious() == set()
    (case / "apis.json").write_text(json.dumps({"kind": "APIGroupList", "groups": [{"name": "apps"}]}))
    found = Diagnosis(case, "", "shop", guide=GUIDE)
    assert found.serious() == {"HpaMetricUnserved"}
    groups = [{"name": "metrics.k8s.io"}]
    (case / "apis.json").write_text(json.dumps({"kind": "APIGroupList", "groups": groups}))
    assert Diagnosis(case, "", "shop", guide=GUIDE).serious() == set()


def test_unreadable_autoscalers_are_not_called_fine(tmp_path: Path) -> None:
    case = make_case(tmp_path / "one", [pod()], without=("HorizontalPodAutoscaler",))
    assert Diagnosis(case, "", "shop", guide=GUIDE).steps["MT-06"].status == "skipped"


def tool(kind: str, image: str, *, labels: dict[str, str], ready: bool = True, **more: Any) -> dict[str, Any]:
    """A pod of a tool in namespace monitoring."""
    made = pod(
        f"{kind}-0",
        "monitoring",
        labels=labels,
        ready=ready,
        ownerReferences=owner("StatefulSet", kind),
        **more,
    )
    made["spec"]["containers"] = [{"name": "main", "image": image}]
    return made


def daemon_set(name: str, image: str, *, desired: int, ready: int, **meta: Any) -> dict[str, Any]:
    """A DaemonSet in namespace monitoring."""
    return {
        "kind": "DaemonSet",
        "apiVersion": "apps/v1",
        "metadata": {"name": name, "namespace": "monitoring", "creationTimestamp": ago(9000), **meta},
        "spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}},
        "status": {"desiredNumberScheduled": desired, "numberReady": ready},
    }


def rows(found: Diagnosis) -> dict[str, list[str]]:
    """The table of tools, by tool."""
    table = found.steps["MT-05"].exhibits[0]
    return {row[0]: row for row in table.rows}  # type: ignore[union-attr]


def test_the_tools_are_told_with_version_and_readiness(examine: Callable[..., Diagnosis]) -> None:
    registry = "registry.k8s.io"
    ksm = f"{registry}/kube-state-metrics/kube-state-metrics:v2.8.0@sha256:abc"
    npd = f"{registry}/node-problem-detector/node-problem-detector:v0.8.19"
    items = [
        node("n1"),
        node("n2"),
        prometheus_pod(),
        service(),
        tool("alertmanager", "quay.io/prometheus/alertmanager:v0.25.0", labels={"app": "alertmanager"}),
        tool("ksm", ksm, labels={"k8s-app": "kube-state-metrics"}),
        tool("ms", "mirror.corp:5000/metrics-server:v0.7.1", labels={"k8s-app": "metrics-server"}),
        daemon_set("ne", "quay.io/prometheus/node-exporter:v1.5.0", desired=1, ready=1),
        daemon_set("npd", npd, desired=2, ready=2),
    ]
    found = examine(items, guide=GUIDE)
    shown = rows(found)
    assert shown["Prometheus"][1:] == ["monitoring", "statefulset/prometheus-k8s", "v2.42.0", "1/1"]
    assert shown["kube-state-metrics"][3] == "v2.8.0"
    assert shown["metrics-server"][3] == "v0.7.1"
    assert shown["node-exporter"][4] == "1/1, on 1 of 2 Linux nodes"
    assert shown["node-problem-detector"][4] == "2/2, on 2 of 2 Linux nodes"
    assert shown["metrics adapter"][2] == "none found"
    assert found.serious() == set()
    assert "PrometheusFound" in found.codes()


@pytest.mark.parametrize(
    ("image", "labels", "kind"),
    [
        ("quay.io/openshift/ocp@sha256:0", {"app.kubernetes.io/name": "prometheus"}, "Prometheus"),
        ("prom/prometheus", {"app": "prometheus"}, "Prometheus"),
        (
            "victoriametrics/victoria-metrics:v1.93.0",
            {"app.kubernetes.io/name": "vmsingle"},
            "VictoriaMetrics",
        ),
    ],
)
def test_a_tool_is_known_by_its_image_or_by_its_labels(
    examine: Callable[..., Diagnosis], image: str, labels: dict[str, str], kind: str
) -> None:
    assert kind in rows(examine([tool("one", image, labels=labels)], guide=GUIDE))


def test_what_only_has_the_label_of_another_image_is_not_counted_twice(
    examine: Callable[..., Diagnosis],
) -> None:
    push = tool("push", "prom/alertmanager:v0.25.0", labels={"app": "prometheus"})
    found = examine([push], guide=GUIDE)
    assert rows(found)["Alertmanager"][4] == "1/1"
    assert "PrometheusNotFound" in found.codes()


def test_thanos_counts_where_it_answers_questions(examine: Callable[..., Diagnosis]) -> None:
    store = tool("store", "quay.io/thanos/thanos:v0.32.0", labels={"app.kubernetes.io/name": "thanos-store"})
    store["spec"]["containers"][0]["args"] = ["store"]
    query = tool("query", "quay.io/thanos/thanos:v0.32.0", labels={"app.kubernetes.io/name": "thanos-query"})
    query["spec"]["containers"][0]["args"] = ["query", "--endpoint=dnssrv+_grpc"]
    found = examine([store, query], guide=GUIDE)
    assert rows(found)["Thanos query"][2] == "statefulset/query"


def unready(since: float, **more: Any) -> dict[str, Any]:
    """A Prometheus pod that is not ready since so many seconds."""
    made = prometheus_pod(ready=False, **more)
    made["status"]["conditions"][1] |= {"reason": "ContainersNotReady", "lastTransitionTime": ago(since)}
    return made


def test_a_prometheus_that_is_not_ready_is_a_warning_that_leads_to_the_pods_runbook(
    examine: Callable[..., Diagnosis],
) -> None:
    found = examine([unready(1800)], guide=GUIDE)
    assert found.headline.code == "PrometheusUnhealthy"
    assert found.headline.next[0].command == "runbook run pods -n monitoring -p target=pod/prometheus-k8s-0"
    assert found.steps["MT-07"].status == "skipped"
    assert "none of its pods is ready" in found.steps["MT-07"].verdict


@pytest.mark.parametrize(
    "items",
    [
        [unready(300)],  # reads back its log
        [unready(60, containers=[running("prometheus", restarts=1)])],
        [unready(5000), prometheus_pod("prometheus-k8s-1")],
    ],
    ids=["starting", "just restarted", "one of a pair"],
)
def test_a_prometheus_that_starts_or_has_a_partner_is_no_alarm(
    examine: Callable[..., Diagnosis], items: Iterable[dict[str, Any]]
) -> None:
    found = examine(list(items), guide=GUIDE)
    assert found.one("PrometheusUnhealthy").severity == "info"
    assert found.serious() == set()


def test_a_tool_none_of_whose_pods_is_ready_is_a_warning(examine: Callable[..., Diagnosis]) -> None:
    labels = {"app.kubernetes.io/name": "kube-state-metrics"}
    down = tool("ksm", "kube-state-metrics:v2.8.0", labels=labels, ready=False)
    found = examine([down], guide=GUIDE)
    assert found.serious() == {"MonitoringToolDown"}
    assert "restarts, readiness and limits have no history" in found.headline.summary
    exporter = daemon_set("ne", "quay.io/prometheus/node-exporter:v1.5.0", desired=3, ready=0)
    assert examine([exporter], guide=GUIDE).serious() == {"MonitoringToolDown"}
    partly = daemon_set("ne", "quay.io/prometheus/node-exporter:v1.5.0", desired=3, ready=1)
    assert examine([partly], guide=GUIDE).serious() == set()
    nowhere = daemon_set("ne", "quay.io/prometheus/node-exporter:v1.5.0", desired=0, ready=0)
    assert examine([nowhere], guide=GUIDE).serious() == set()


def test_the_api_of_the_operator_is_told_where_no_prometheus_runs(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [pod()])
    groups = [{"name": "monitoring.coreos.com"}]
    (case / "apis.json").write_text(json.dumps({"kind": "APIGroupList", "groups": groups}))
    found = Diagnosis(case, "", "shop", guide=GUIDE)
    assert "although the API of its operator is served" in found.one("PrometheusNotFound").summary
