"""What autoscalers need and say, what a kubelet's summary holds, what metrics-server's log complains of."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kuberunbooks.cluster.decode import decode_item
from kuberunbooks.cluster.logs import parse_log
from kuberunbooks.guides.resource_metrics.server_log import complaints
from kuberunbooks.guides.resource_metrics.server_pods import version_of
from kuberunbooks.guides.rules.autoscaling import needed_apis, trouble_of
from kuberunbooks.guides.rules.autoscaling_readings import readings
from kuberunbooks.guides.rules.kubelet_summary import read_summary
from kuberunbooks.objects import Container, HorizontalPodAutoscaler
from tests.support.made_cases import NOW
from tests.support.made_metrics import (
    NO_API,
    NO_REQUEST,
    SCRAPE,
    TIMEOUT,
    WAITS,
    X509,
    able,
    active,
    by_cpu,
    external,
    hpa,
    now_cpu,
)

PODS = {
    "type": "Pods",
    "pods": {"metric": {"name": "hits"}, "target": {"type": "AverageValue", "averageValue": "1k"}},
}
OBJECT = {
    "type": "Object",
    "object": {
        "metric": {"name": "hits"},
        "describedObject": {"kind": "Ingress", "name": "main"},
        "target": {"type": "Value", "value": "2k"},
    },
}
CONTAINER = {
    "type": "ContainerResource",
    "containerResource": {
        "name": "memory",
        "container": "app",
        "target": {"type": "Utilization", "averageUtilization": 80},
    },
}


def viewed(*conditions: dict[str, Any], **more: Any) -> HorizontalPodAutoscaler:
    return decode_item(HorizontalPodAutoscaler, msgspec.json.encode(hpa(*conditions, **more)), "made")[0]


def test_every_kind_of_metric_names_the_api_it_is_read_from() -> None:
    one = viewed(metrics=[by_cpu(), CONTAINER, PODS, OBJECT, external(), {"type": "FromTheFuture"}])
    assert needed_apis(one) == {
        "metrics.k8s.io": ["cpu", "memory of container app"],
        "custom.metrics.k8s.io": ["hits", "hits of Ingress main"],
        "external.metrics.k8s.io": ["queue"],
    }


def test_a_metric_is_compared_with_its_target_whatever_its_unit() -> None:
    now = [
        now_cpu(90),
        {"type": "Pods", "pods": {"metric": {"name": "hits"}, "current": {"averageValue": "1500m"}}},
        {"type": "Object", "object": {"metric": {"name": "hits"}, "current": {"value": "3k"}}},
    ]
    found = readings(viewed(metrics=[by_cpu(), PODS, OBJECT], now=now))
    assert [(one.now, one.wanted, one.part) for one in found] == [
        ("90 %", "60 %", 1.5),
        ("1.5", "1000", 0.0015),
        ("3000", "2000", 1.5),
    ]


def test_values_of_fewer_metrics_than_there_are_stand_for_none_of_them() -> None:
    found = readings(viewed(metrics=[external(), by_cpu()], now=[now_cpu(90)]))
    assert [(one.now, one.part, one.failed) for one in found] == [("", None, False), ("", None, False)]


@pytest.mark.parametrize(
    ("conditions", "kind", "group"),
    [
        ((able(), active("False", "FailedGetResourceMetric", NO_API)), "no api", "metrics.k8s.io"),
        ((able(), active("False", "FailedGetResourceMetric", NO_REQUEST)), "no request", "metrics.k8s.io"),
        ((able("BackoffBoth", "False"), active()), "other", ""),
    ],
)
def test_trouble_is_told_by_the_condition_and_its_message(
    conditions: tuple[dict[str, Any], ...], kind: str, group: str
) -> None:
    trouble = trouble_of(viewed(*conditions))
    assert trouble is not None
    assert (trouble.kind, trouble.group) == (kind, group)


def test_conditions_that_hold_or_are_not_there_are_no_trouble() -> None:
    assert trouble_of(viewed(able(), active())) is None
    assert trouble_of(viewed()) is None


@pytest.mark.parametrize("body", [b"", b"[]", b'{"node": 7}', b"\xff", b'{"pods": [{"podRef": null}]}'])
def test_a_summary_that_is_none_gives_nothing(body: bytes) -> None:
    assert read_summary(body, "n1") is None


def test_a_summary_is_read_as_the_metrics_api_would_say_it_and_cites_the_kubelet() -> None:
    body = (
        b'{"node": {"cpu": {"usageNanoCores": 1500000000}, "memory": {"workingSetBytes": 1048576}}, "pods": '
        b'[{"podRef": {"name": "web-1", "namespace": "shop"}, "containers": [{"name": "app", "cpu": {}}]}]}'
    )
    found = read_summary(body, "n1")
    assert found is not None
    assert found.node.usage == {"cpu": "1.500000000", "memory": "1048576"}
    assert found.pods[0].containers[0].usage == {}
    assert found.pods[0].cite("timestamp").source == "nodes/n1/stats/summary#shop/web-1"


def log_of(*lines: str, at: str = "2026-11-23T11:59:00.0Z") -> Any:
    return parse_log("logs/x.log", "".join(f"{at} {line}\n" for line in lines).encode())


def test_complaints_are_counted_by_kind_with_their_nodes() -> None:
    lines = [SCRAPE.format(error=X509, node="n1"), SCRAPE.format(error=TIMEOUT, node="n2")]
    lines += [SCRAPE.format(error=TIMEOUT, node="n3"), WAITS]
    first, second = complaints(log_of(*lines), NOW)
    assert (first.kind, first.lines, first.nodes, first.number) == ("timeout", 2, ["n2", "n3"], 3)
    assert (second.kind, second.nodes) == ("tls", ["n1"])
    assert second.quote.startswith('Get "https://10.0.0.1:10250')


def test_the_spelling_of_old_releases_is_known() -> None:
    line = (
        "E1123 11:58:00.0 1 manager.go:111] unable to fully collect metrics: [unable to fully scrape metrics "
        "from source kubelet_summary:n1: unable to fetch metrics from Kubelet n1 (n1): Get "
        "https://n1:10250/stats/summary?only_cpu_and_memory=true: dial tcp: lookup n1: no such host"
    )
    (one,) = complaints(log_of(line), NOW)
    assert (one.kind, one.nodes) == ("timeout", ["n1"])


def test_complaints_of_some_time_ago_are_history() -> None:
    assert complaints(log_of(SCRAPE.format(error=X509, node="n1"), at="2026-11-23T11:30:00.0Z"), NOW) == []


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.k8s.io/metrics-server/metrics-server:v0.8.0", (0, 8, 0)),
        ("602401143452.dkr.ecr.eu/eks/metrics-server:v0.7.2-eksbuild.1", (0, 7, 2)),
        ("registry.k8s.io/metrics-server/metrics-server@sha256:abc", ()),
        ("registry.test/other:v0.1.0", ()),
    ],
)
def test_the_version_is_that_of_the_image_tag(image: str, version: tuple[int, ...]) -> None:
    assert version_of(Container(name="metrics-server", image=image)) == version
