"""Thousands of pods behind a thousand Services: the services guide against reading the same bytes.

Matching selectors and policies with pods must not grow as Services × pods: twice of both
may take twice the time, not four times. Run by `make bench`.
"""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.big_namespace import recorded, write_case, write_list
from benchmarks.one_pod import kubeconfig
from benchmarks.scale import FLOOR, OURS, best_of
from benchmarks.table import Row, limit_row, ratio_row
from kuberunbooks import notebook
from tests.support.api_server import serve_case

RATIO = 1.5
DOUBLING = 3.0
"""What twice the Services, pods and policies may take, as a multiple; four would be Services × pods."""
MEMORY = 400
REQUESTS = 30
SERVICES, PODS, POLICIES = 1000, 5000, 200
SICK = {"all healthy": 0, "1 pod in 100 sick": 100}


def measure() -> list[Row]:
    """Time and memory for the whole namespace, and how both halves of it compare."""
    rows = []
    for what, sick_every in SICK.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = write_services(Path(scratch) / "case", SERVICES, PODS, POLICIES, sick_every=sick_every)
            floor, ours = best_of(FLOOR, folder), best_of(OURS, folder, "services")
        name = f"services: {SERVICES:,} Services, {PODS:,} pods, {POLICIES} policies, {what}"
        rows.append(ratio_row(name, ours["seconds"], floor["seconds"], "reading and parsing", RATIO))
        rows.append(limit_row(f"{name}: peak memory", ours["mb"], MEMORY, "MB"))
    with tempfile.TemporaryDirectory() as scratch:
        half = write_services(Path(scratch) / "half", SERVICES // 2, PODS // 2, POLICIES // 2)
        whole = write_services(Path(scratch) / "whole", SERVICES, PODS, POLICIES)
        small, large = best_of(OURS, half, "services"), best_of(OURS, whole, "services")
    rows.append(
        ratio_row(
            "services: twice the Services, pods and policies",
            large["seconds"],
            small["seconds"],
            "half of them",
            DOUBLING,
        )
    )
    rows += [
        limit_row(
            f"services: one Service of {services:,}, over HTTP", requests(services), REQUESTS, "requests"
        )
        for services in (SERVICES // 10, SERVICES)
    ]
    return rows


def requests(services: int) -> int:
    """The requests of all steps on one Service among that many, with five pods each."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_services(Path(scratch) / "case", services, 5 * services, services // 5)
        with serve_case(folder) as server, kubeconfig(server.kubeconfig(Path(scratch) / "config")):
            session = notebook.open("services", namespace="big", target="service/app-7")
            assert session.start.failure is None, session.start.failure
            for name in session.step_names:
                getattr(session, name)()
            session.summary()
            return server.count()


def write_services(folder: Path, services: int, pods: int, policies: int, *, sick_every: int = 0) -> Path:
    """A case whose pods stand behind so many Services of their own, a slice each; gives its folder back."""
    write_case(folder, pods, sick_every=sick_every)
    path = folder / "api/v1/namespaces/big/pods.json"
    items = msgspec.json.decode(path.read_bytes())["items"]
    behind: dict[int, list[dict[str, Any]]] = {}
    for number, pod in enumerate(items):
        pod["metadata"]["labels"]["app"] = f"app-{number % services}"
        address = f"10.{100 + number // 65536}.{number // 256 % 256}.{number % 256}"
        pod["status"].update(podIP=address, podIPs=[{"ip": address}])
        behind.setdefault(number % services, []).append(pod)
    write_list(path, "PodList", items)
    write_list(
        folder / "api/v1/namespaces/big/services.json",
        "ServiceList",
        [_service(number) for number in range(services)],
    )
    write_list(
        folder / "apis/discovery.k8s.io/v1/namespaces/big/endpointslices.json",
        "EndpointSliceList",
        [_slice(number, behind.get(number, [])) for number in range(services)],
    )
    write_list(
        folder / "apis/networking.k8s.io/v1/namespaces/big/networkpolicies.json",
        "NetworkPolicyList",
        [_policy(number) for number in range(policies)],
    )
    return folder


def _service(number: int) -> dict[str, Any]:
    one = _named("services", "api/v1/namespaces/services/services.json", "hostnames")
    one["metadata"].update(name=f"app-{number}", namespace="big", uid=f"service-{number}")
    address = f"10.96.{number // 256}.{number % 256}"
    ports = [{"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}]
    one["spec"].update(
        selector={"app": f"app-{number}"}, clusterIP=address, clusterIPs=[address], ports=ports
    )
    return one


def _slice(number: int, pods: list[dict[str, Any]]) -> dict[str, Any]:
    path = "apis/discovery.k8s.io/v1/namespaces/services/endpointslices.json"
    one = copy.deepcopy(recorded("services", path)["items"][0])
    pattern = next(each for each in recorded("services", path)["items"] if each["endpoints"])["endpoints"][0]
    one["metadata"].update(name=f"app-{number}-x", namespace="big", uid=f"slice-{number}")
    one["metadata"]["labels"]["kubernetes.io/service-name"] = f"app-{number}"
    one["ports"] = [{"name": "http", "port": 80, "protocol": "TCP"}]
    one["endpoints"] = [
        {
            **copy.deepcopy(pattern),
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": ready, "serving": ready, "terminating": False},
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": {
                "kind": "Pod",
                "namespace": "big",
                "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
            },
        }
        for pod in pods
        for ready in [all(each["ready"] for each in pod["status"]["containerStatuses"])]
    ]
    return one


def _policy(number: int) -> dict[str, Any]:
    one = _named(
        "services", "apis/networking.k8s.io/v1/namespaces/services/networkpolicies.json", "only-frontend"
    )
    one["metadata"].update(name=f"policy-{number}", namespace="big", uid=f"policy-{number}")
    one["spec"]["podSelector"] = {"matchLabels": {"app": f"app-{number}"}}
    return one


def _named(incident: str, path: str, name: str) -> dict[str, Any]:
    listed = recorded(incident, path)["items"]
    return copy.deepcopy(next(one for one in listed if one["metadata"]["name"] == name))
