"""MT-01, MT-03, MT-04: which metrics APIs the cluster serves, and how many metrics stand in them.

Each is an API group that another server answers behind the API server (APIService).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Finding, Subject, finding
from kuberunbooks.objects import NOT_JSON, APIService, Evidence, Time

from ..resource_metrics.target import Measured
from ..rules.autoscaling import CUSTOM_API, EXTERNAL_API, RESOURCE_API
from ..rules.conditions import cite_condition
from ..rules.thresholds import METRICS_STARTING
from ..step import NotChecked, Yielded, step

PipelineState = Literal["served", "unavailable", "absent", "unknown"]

# keda-operator-metrics-apiserver lists this one name, whatever it serves (KEDA 2.9 and later).
_ANY_METRIC = "externalmetrics"


class Pipeline(NamedTuple):
    """A metrics API: whether it is there and answers, by its newest APIService where that was read.

    `why` is what its condition Available says, or why nothing is known.
    """

    group: str
    state: PipelineState
    service: APIService | None = None
    why: str = ""
    since: Time = None

    @property
    def backend(self) -> str:
        """The Service behind it, `kube-system/metrics-server`; empty where that was not read."""
        behind = self.service.spec.service if self.service is not None else None
        return f"{behind.namespace}/{behind.name}" if behind is not None else ""


class _Named(msgspec.Struct):
    name: str = ""


class _Groups(msgspec.Struct):
    groups: list[_Named] | None = None


class _Resources(msgspec.Struct):
    resources: list[_Named] | None = None


@step("MT-01", title="Is there a resource metrics pipeline?")
def resource_pipeline(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Does anything serve cpu and memory of pods and nodes to `kubectl top` and to autoscalers?"""
    yield from _judge(
        pipeline(RESOURCE_API, cluster), cluster, target,
        ("ResourcePipelinePresent", "ResourcePipelineAbsent", "ResourcePipelineUnavailable"),
    )  # fmt: skip


@step("MT-03", title="Are custom metrics served?")
def custom_metrics(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Does an adapter serve metrics of pods and other objects to autoscalers, and how many?"""
    yield from _judge(
        pipeline(CUSTOM_API, cluster), cluster, target,
        ("CustomMetricsServed", "CustomMetricsAbsent", "CustomMetricsUnavailable"),
    )  # fmt: skip


@step("MT-04", title="Are external metrics served?")
def external_metrics(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Does an adapter serve metrics of things outside the cluster to autoscalers, and how many?"""
    yield from _judge(
        pipeline(EXTERNAL_API, cluster), cluster, target,
        ("ExternalMetricsServed", "ExternalMetricsAbsent", "ExternalMetricsUnavailable"),
    )  # fmt: skip


def pipeline(group: str, cluster: Cluster) -> Pipeline:
    """How a metrics API stands: by its APIService, or where those may not be read by /apis."""
    listed = cluster.look(APIService)
    ours = [one for one in listed if one.spec.group == group]
    if ours:
        newest = max(ours, key=lambda one: one.spec.version)
        serving = next((one for one in ours if one.is_condition_true("Available")), None)
        if serving is not None or newest.is_local:
            return Pipeline(group, "served", serving or newest)
        said = newest.condition("Available")
        if said is None:
            return Pipeline(group, "unavailable", newest, "it has no condition Available yet")
        return Pipeline(group, "unavailable", newest, said.message or said.reason, said.last_transition_time)
    if listed.complete:
        return Pipeline(group, "absent")
    return _by_discovery(group, cluster, listed.why)


def served_groups(cluster: Cluster) -> set[str] | None:
    """The API groups of /apis; None where that could not be read."""
    try:
        return {one.name for one in msgspec.json.decode(cluster.raw("apis"), type=_Groups).groups or []}
    except (ClusterError, *NOT_JSON):
        return None


def _by_discovery(group: str, cluster: Cluster, why: str) -> Pipeline:
    groups = served_groups(cluster)
    # What is registered and does not answer is listed here too: absence is proof, presence is none.
    return Pipeline(group, "unknown" if groups is None or group in groups else "absent", why=why)


def _judge(
    found: Pipeline, cluster: Cluster, target: Measured, codes: tuple[str, str, str]
) -> Iterator[Finding | NotChecked]:
    served, absent, unavailable = codes
    subject = Subject(kind="APIService", namespace="", name=f"v1beta1.{found.group}")
    facts: dict[str, Any] = {"api": found.group, "backend": found.backend}
    if found.state == "unknown":
        yield NotChecked(
            f"Whether {found.group} is served is not known: the APIServices could not be read ({found.why})."
        )
    elif found.state == "absent":
        cited = Evidence("apis/apiregistration.k8s.io/v1/apiservices", f"spec.group={found.group}", "absent")
        yield finding(absent, subject, evidence=cited, **facts)
    elif found.service is not None:
        one = found.service
        cited_condition = cite_condition(one, "Available", "status", "reason", "message")
        if found.state == "served":
            yield finding(served, one, evidence=cited_condition, **facts, metrics=_metrics(found, cluster))
            return
        lasts = (cluster.now - found.since).total_seconds() if found.since is not None else None
        yield finding(
            unavailable,
            one,
            severity="info"
            if (lasts if lasts is not None else one.age(cluster.now)) < METRICS_STARTING
            else None,
            evidence=cited_condition,
            since=found.since,
            **facts,
            why=found.why,
            lasts=lasts,
            backend_namespace=one.spec.service.namespace if one.spec.service else "",
            backend_name=one.spec.service.name if one.spec.service else "",
        )


def _metrics(found: Pipeline, cluster: Cluster) -> int | None:
    """How many metrics the API lists; None where it lists none by name, or that could not be read."""
    if found.service is None or found.group == RESOURCE_API:
        return None
    spec = found.service.spec
    try:
        body = cluster.raw(f"apis/{spec.group}/{spec.version}", patient=False)
        names = {one.name for one in msgspec.json.decode(body, type=_Resources).resources or []}
    except (ClusterError, *NOT_JSON):
        return None
    return None if names == {_ANY_METRIC} else len(names)
