"""Services and EndpointSlices made by hand, for the guides' tests."""

from __future__ import annotations

from typing import Any

from tests.support.made_cases import ago


def service(
    name: str = "web",
    selector: dict[str, str] | None = None,
    *,
    ports: list[dict[str, Any]] | None = None,
    created: float = 7200,
    **spec: Any,
) -> dict[str, Any]:
    """A Service of namespace shop that selects `app=web` and forwards port 80."""
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "creationTimestamp": ago(created),
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.96.0.10",
            "selector": {"app": "web"} if selector is None else selector,
            "ports": ports or [{"port": 80, "targetPort": 80, "protocol": "TCP"}],
            **spec,
        },
    }


def endpoint(
    name: str, *, ready: bool = True, terminating: bool = False, address: str = "10.0.0.1"
) -> dict[str, Any]:
    """An endpoint that is the pod of this name."""
    return {
        "addresses": [address],
        "conditions": {"ready": ready, "serving": ready, "terminating": terminating},
        "targetRef": {"kind": "Pod", "namespace": "shop", "name": name},
    }


def endpoint_slice(
    of: str, endpoints: list[dict[str, Any]] | None, *, ports: Any = "", suffix: str = "a"
) -> dict[str, Any]:
    """An EndpointSlice of a Service; its port has no name and is 80 unless said otherwise."""
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": f"{of}-{suffix}",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": of},
            "creationTimestamp": ago(7200),
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "", "port": 80, "protocol": "TCP"}] if ports == "" else ports,
    }
