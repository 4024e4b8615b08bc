"""Which monitoring tools run in the cluster, told by labels and images.

A handful of requests whatever the cluster's size: pods by the labels that the tools' charts
and manifests give them, and the DaemonSets, of which there are few. What runs under labels
and images of its own making is not found, and nothing is concluded from that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing, Query
from kuberunbooks.objects import Container, DaemonSet, Pod

PROMETHEUS = "Prometheus"
ALERTMANAGER = "Alertmanager"
KUBE_STATE_METRICS = "kube-state-metrics"
NODE_EXPORTER = "node-exporter"
METRICS_SERVER = "metrics-server"
PROBLEM_DETECTOR = "node-problem-detector"
ADAPTER = "metrics adapter"
THANOS = "Thanos query"
VICTORIA = "VictoriaMetrics"
OPERATOR = "prometheus-operator"

EXPECTED = (
    PROMETHEUS, ALERTMANAGER, KUBE_STATE_METRICS, NODE_EXPORTER, METRICS_SERVER, PROBLEM_DETECTOR, ADAPTER,
)  # fmt: skip
"""What a cluster may well have; the report says of each whether it was found."""

ANSWERING = (PROMETHEUS, THANOS, VICTORIA)
"""What answers PromQL, in the order in which it is asked."""

# The last part of an image's name, as their projects publish them.
_IMAGES = {
    "prometheus": PROMETHEUS,
    "alertmanager": ALERTMANAGER,
    "kube-state-metrics": KUBE_STATE_METRICS,
    "node-exporter": NODE_EXPORTER,
    "metrics-server": METRICS_SERVER,
    "metrics-server-amd64": METRICS_SERVER,
    "node-problem-detector": PROBLEM_DETECTOR,
    "prometheus-adapter": ADAPTER,
    "k8s-prometheus-adapter": ADAPTER,
    "k8s-prometheus-adapter-amd64": ADAPTER,
    "keda-metrics-apiserver": ADAPTER,
    "thanos": THANOS,
    "victoria-metrics": VICTORIA,
    "vmselect": VICTORIA,
    "prometheus-operator": OPERATOR,
}
# app.kubernetes.io/name, k8s-app or app, as charts and manifests set them.
_NAMES = {
    "prometheus": PROMETHEUS,
    "prometheus-server": PROMETHEUS,
    "alertmanager": ALERTMANAGER,
    "kube-state-metrics": KUBE_STATE_METRICS,
    "node-exporter": NODE_EXPORTER,
    "prometheus-node-exporter": NODE_EXPORTER,
    "metrics-server": METRICS_SERVER,
    "node-problem-detector": PROBLEM_DETECTOR,
    "prometheus-adapter": ADAPTER,
    "keda-operator-metrics-apiserver": ADAPTER,
    "thanos-query": THANOS,
    "thanos-querier": THANOS,
    "victoria-metrics-single": VICTORIA,
    "vmselect": VICTORIA,
    "vmsingle": VICTORIA,
    "prometheus-operator": OPERATOR,
    "kube-prometheus-stack-prometheus-operator": OPERATOR,
}
_LABELS = ("app.kubernetes.io/name", "k8s-app", "app")
_ON_EVERY_NODE = (NODE_EXPORTER, PROBLEM_DETECTOR)
_IMAGE = re.compile(r"(?:.*/)?(?P<name>[^/:@]+)(?::(?P<tag>[^@]+))?(?:@.*)?")


class Tool(NamedTuple):
    """A tool found: its kind, whose pods they are, and how many of them are ready.

    `pods` is empty for what runs on every node: a list of those would grow with the cluster.
    """

    kind: str
    namespace: str
    workload: str
    version: str
    ready: int
    wanted: int
    pods: list[Pod]
    daemon_set: DaemonSet | None = None


class Tools(NamedTuple):
    """The tools found; `complete` False: there may be more that could not be read, because of `why`."""

    found: list[Tool]
    complete: bool
    why: str

    def of(self, *kinds: str) -> list[Tool]:
        """Those of a kind, by the order of the kinds, those with ready pods first."""
        return sorted(
            (one for one in self.found if one.kind in kinds),
            key=lambda one: (not one.ready, kinds.index(one.kind), one.namespace, one.workload),
        )


def find_tools(cluster: Cluster) -> Tools:
    """All tools in all namespaces."""
    selectors = [f"{label} in ({','.join(sorted(_NAMES))})" for label in _LABELS]
    cluster.prefetch(*(Query(Pod, labels=one) for one in selectors), Query(DaemonSet))
    listings: list[Listing[Pod]] = [cluster.look(Pod, labels=one) for one in selectors]
    daemon_sets = cluster.look(DaemonSet)
    pods = {(pod.namespace, pod.name): pod for listing in listings for pod in listing}
    found = [*_of_pods(pods.values()), *_of_daemon_sets(daemon_sets)]
    gaps = [one.why for one in listings if not one.complete]
    gaps += [] if daemon_sets.complete else [daemon_sets.why]
    return Tools(found, not gaps, gaps[0] if gaps else "")


def tool_container(pod: Pod, kind: str) -> Container | None:
    """The container of a pod that is the tool."""
    return next((one for one in pod.spec.containers if _kind_of_image(one) == kind), None)


def _of_pods(pods: Iterable[Pod]) -> list[Tool]:
    grouped: dict[tuple[str, str, str], list[Pod]] = {}
    for pod in pods:
        kind = _kind(pod)
        if kind and kind not in _ON_EVERY_NODE and not pod.is_terminal:
            grouped.setdefault((kind, pod.namespace, _workload(pod)), []).append(pod)
    return [
        Tool(
            kind,
            namespace,
            workload,
            _version(members[0].spec.containers, kind),
            sum(pod.is_ready for pod in members),
            len(members),
            sorted(members, key=lambda pod: pod.name),
        )
        for (kind, namespace, workload), members in grouped.items()
    ]


def _of_daemon_sets(listed: Iterable[DaemonSet]) -> list[Tool]:
    found = []
    for one in listed:
        containers = one.template.spec.containers
        kinds = [kind for container in containers if (kind := _kind_of_image(container)) in _ON_EVERY_NODE]
        named = _kind_of_labels(one.metadata.labels)
        kind = kinds[0] if kinds else named if named in _ON_EVERY_NODE else ""
        if kind:
            version = _version(containers, kind)
            found.append(Tool(kind, one.namespace, one.kind_name, version, one.ready, one.desired, [], one))
    return found


def _kind(pod: Pod) -> str:
    """By the first container whose image is a tool's, else by its labels (a private build)."""
    kinds = [kind for one in pod.spec.containers if (kind := _kind_of_image(one))]
    # Beside a Prometheus, Thanos is its sidecar.
    if PROMETHEUS in kinds:
        return PROMETHEUS
    return kinds[0] if kinds else _kind_of_labels(pod.metadata.labels)


def _kind_of_image(container: Container) -> str:
    match = _IMAGE.fullmatch(container.image)
    kind = _IMAGES.get(match["name"], "") if match else ""
    if kind == THANOS and not {"query", "query-frontend"} & {*container.command, *container.args}:
        return ""  # its store, compactor and so on know of no alerts and answer no questions
    return kind


def _kind_of_labels(labels: dict[str, str]) -> str:
    return next((kind for label in _LABELS if (kind := _NAMES.get(labels.get(label, ""), ""))), "")


def _version(containers: Iterable[Container], kind: str) -> str:
    images = [match for one in containers if (match := _IMAGE.fullmatch(one.image))]
    tags = [match["tag"] for match in images if _IMAGES.get(match["name"]) == kind]
    return (tags[0] or "") if tags else ""


def _workload(pod: Pod) -> str:
    """`deployment/web` where its ReplicaSet is named so, else its controller, else the pod itself."""
    owner = pod.controller
    if owner is None or owner.kind == "Node":
        return pod.kind_name
    hash_ = pod.metadata.labels.get("pod-template-hash", "")
    if owner.kind == "ReplicaSet" and hash_ and owner.name.endswith(f"-{hash_}"):
        return f"deployment/{owner.name.removesuffix(f'-{hash_}')}"
    return owner.kind_name
