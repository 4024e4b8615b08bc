"""A metrics pipeline and autoscalers made by hand, in the real API's format: made, not recorded.

Messages are those of Kubernetes 1.36's controllers and of metrics-server 0.8.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conftest import Diagnosis
from tests.support.containers import write_log
from tests.support.made_cases import ago, make_case, node, owner, pod, workload

Made = dict[str, Any]

API = "v1beta1.metrics.k8s.io"
SYSTEM = "kube-system"
SCRAPE = 'E1123 11:58:00.000000       1 scraper.go:149] "Failed to scrape node" err="{error}" node="{node}"'
X509 = (
    r"Get \"https://10.0.0.1:10250/metrics/resource\": tls: failed to verify certificate: x509: cannot "
    r"validate certificate for 10.0.0.1 because it doesn't contain any IP SANs"
)
TIMEOUT = r"Get \"https://10.0.0.1:10250/metrics/resource\": dial tcp 10.0.0.1:10250: i/o timeout"
REFUSED = r"request failed, status: \"403 Forbidden\""
WAITS = 'server.go:191] "Failed probe" probe="metric-storage-ready" err="no metrics to serve"'
_FAILED = "the HPA was unable to compute the replica count: failed to get cpu utilization: "
_UNABLE = f"{_FAILED}unable to get metrics for resource cpu"
_FETCH = f"{_UNABLE}: unable to fetch metrics from resource metrics API: "
NO_API = f"{_FETCH}the server could not find the requested resource (get pods.metrics.k8s.io)"
BUSY = f"{_FETCH}the server is currently unable to handle the request (get pods.metrics.k8s.io)"
NO_REQUEST = f"{_FAILED}missing request for cpu in container app of Pod web-1"
NO_SAMPLES = f"{_FAILED}did not receive metrics for targeted pods (pods might be unready)"


def api_service(
    status: str = "True", reason: str = "Passed", message: str = "all checks passed", **more: Any
) -> Made:
    """The APIService of the metrics API, served by kube-system/metrics-server."""
    return {
        "kind": "APIService",
        "metadata": {"name": API, "uid": "uid-api", "creationTimestamp": ago(90000)},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "service": {"namespace": SYSTEM, "name": "metrics-server", "port": 443},
            "insecureSkipTLSVerify": True,
        },
        "status": {
            "conditions": [condition("Available", status, reason, message, since=more.get("since", 3600))]
        },
    }


def service() -> Made:
    """The Service in front of metrics-server."""
    return {
        "kind": "Service",
        "metadata": {
            "name": "metrics-server",
            "namespace": SYSTEM,
            "uid": "uid-ms",
            "creationTimestamp": ago(90000),
        },
        "spec": {"selector": {"k8s-app": "metrics-server"}, "ports": [{"port": 443, "targetPort": "https"}]},
    }


def server(
    *,
    ready: bool = True,
    age: float = 7200,
    image: str = "registry.k8s.io/metrics-server/metrics-server:v0.8.0",
    **more: Any,
) -> Made:
    """A pod of metrics-server, as old as it has been ready."""
    made = pod(
        "metrics-server-7d8f9-abcde",
        SYSTEM,
        ready=ready,
        containers=[
            {
                "name": "metrics-server",
                "ready": ready,
                "restartCount": 0,
                "state": {"running": {"startedAt": ago(age)}},
            }
        ],
        spec={
            "containers": [
                {
                    "name": "metrics-server",
                    "image": image,
                    "args": ["--metric-resolution=15s", "--cert-dir=/tmp"],
                }
            ]
        },
        labels={"k8s-app": "metrics-server", "pod-template-hash": "7d8f9"},
        ownerReferences=owner("ReplicaSet", "metrics-server-7d8f9"),
        creationTimestamp=ago(age),
        **more,
    )
    for one in made["status"]["conditions"]:
        one["lastTransitionTime"] = ago(age)
    return made


def pipeline(**more: Any) -> list[Made]:
    """A whole pipeline: API, Service, a ready pod that is measured itself."""
    return [api_service(), service(), server(**more), pod_usage("metrics-server-7d8f9-abcde", SYSTEM)]


def machine(
    name: str = "n1", *, cpu: str = "4", memory: str = "8Gi", capacity: str = "", **more: Any
) -> Made:
    """A node that has been ready for two hours."""
    made = node(name, **more)
    made["status"]["allocatable"] |= {"cpu": cpu, "memory": memory}
    made["status"]["capacity"] = {"cpu": cpu, "memory": capacity or memory}
    return made


def node_usage(name: str = "n1", *, cpu: str = "500m", memory: str = "2Gi", age: float = 20) -> Made:
    """What a node uses, as the metrics API says it."""
    return {
        "kind": "NodeMetrics",
        "metadata": {"name": name, "creationTimestamp": ago(0)},
        "timestamp": ago(age),
        "window": "20.044s",
        "usage": {"cpu": cpu, "memory": memory},
    }


def pod_usage(name: str = "web-1", namespace: str = "shop", *, age: float = 20, **usage: str) -> Made:
    """What the container `app` of a pod uses."""
    return {
        "kind": "PodMetrics",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": ago(0)},
        "timestamp": ago(age),
        "window": "15.2s",
        "containers": [{"name": "app", "usage": {"cpu": "10m", "memory": "20Mi"} | usage}],
    }


def member(
    name: str = "web-1",
    *,
    requests: Made | None = None,
    limits: Made | None = None,
    age: float = 3600,
    **more: Any,
) -> Made:
    """A pod of deployment/web whose container has been running as long as the pod."""
    resources = {"requests": requests or {}, "limits": limits or {}}
    made = pod(
        name,
        containers=[
            {"name": "app", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": ago(age)}}}
        ],
        spec={"containers": [{"name": "app", "image": "shop/web:1", "resources": resources}]},
        labels={"app": "web", "pod-template-hash": "5d4f"},
        ownerReferences=owner("ReplicaSet", "web-5d4f"),
        creationTimestamp=ago(age),
        **more,
    )
    made["status"]["startTime"] = ago(age)
    return made


def web(*, requests: Made | None = None, limits: Made | None = None, replicas: int = 1) -> list[Made]:
    """deployment/web with its ReplicaSet, and what its template requests."""
    top = workload("Deployment", "web", replicas=replicas)
    top["spec"]["template"]["spec"]["containers"][0]["resources"] = {
        "requests": requests or {},
        "limits": limits or {},
    }
    below = workload(
        "ReplicaSet", "web-5d4f", app="web", replicas=replicas, ownerReferences=owner("Deployment", "web")
    )
    return [top, below]


def condition(
    type_: str, status: str = "True", reason: str = "", message: str = "", *, since: float = 600
) -> Made:
    """An entry of status.conditions."""
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": ago(since),
    }


def able(reason: str = "ReadyForNewScale", status: str = "True", message: str = "", **more: Any) -> Made:
    """AbleToScale."""
    return condition(
        "AbleToScale", status, reason, message or "recommended size matches current size", **more
    )


def active(status: str = "True", reason: str = "ValidMetricFound", message: str = "", **more: Any) -> Made:
    """ScalingActive."""
    said = "the HPA was able to successfully calculate a replica count from cpu resource utilization"
    return condition("ScalingActive", status, reason, message or said, **more)


def within(status: str = "False", reason: str = "DesiredWithinRange", **more: Any) -> Made:
    """ScalingLimited."""
    return condition(
        "ScalingLimited", status, reason, "the desired count is within the acceptable range", **more
    )


WORKS = (able(), active(), within())


def by_cpu(percent: int = 60) -> Made:
    """spec.metrics[]: cpu, in percent of the request."""
    return {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}},
    }


def now_cpu(percent: int) -> Made:
    """status.currentMetrics[]: cpu, in percent of the request."""
    return {
        "type": "Resource",
        "resource": {
            "name": "cpu",
            "current": {"averageUtilization": percent, "averageValue": f"{percent}m"},
        },
    }


def external(name: str = "queue") -> Made:
    """spec.metrics[]: a metric from outside the cluster."""
    return {
        "type": "External",
        "external": {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": "10"}},
    }


def hpa(
    *conditions: Made,
    name: str = "web",
    scales: str = "web",
    kind: str = "Deployment",
    metrics: list[Made] | None = None,
    now: list[Made] | None = None,
    replicas: int = 3,
    desired: int | None = None,
    least: int = 2,
    most: int = 6,
    age: float = 7200,
    behavior: Made | None = None,
    scaled: float = 3600,
) -> Made:
    """A HorizontalPodAutoscaler of deployment/web."""
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": ago(age)},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": scales},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": metrics if metrics is not None else [by_cpu()],
            **({"behavior": behavior} if behavior else {}),
        },
        "status": {
            "currentReplicas": replicas,
            "desiredReplicas": replicas if desired is None else desired,
            "lastScaleTime": ago(scaled),
            "currentMetrics": now,
            "conditions": list(conditions),
        },
    }


def look(
    folder: Path,
    items: list[Made],
    target: str = "",
    *,
    namespace: str = "shop",
    log: str = "",
    groups: tuple[str, ...] = ("apps", "autoscaling", "metrics.k8s.io"),
    without: tuple[str, ...] = (),
    raw: dict[str, str] | None = None,
) -> Diagnosis:
    """The resource-metrics guide on these objects; `log` is that of metrics-server, `raw` other answers."""
    case = make_case(folder / "case", items, without=without)
    (case / "apis.json").write_text(
        json.dumps({"kind": "APIGroupList", "groups": [{"name": one} for one in groups]})
    )
    if log:
        write_log(case, log, pod="metrics-server-7d8f9-abcde", name="metrics-server", namespace=SYSTEM)
    for name, text in (raw or {}).items():
        path = case / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Diagnosis(case, target, namespace, guide="resource-metrics")
