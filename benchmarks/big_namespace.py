"""Makes a case of any size out of recorded pods: the input of the scale benchmark and of scale tests.

Pods are copies of a recorded healthy pod (managedFields and all, about 7 KB each)
under other names; one in `sick_every` is a copy of a recorded crash-looping pod.
"""

from __future__ import annotations

import copy
import tarfile
from pathlib import Path
from typing import Any

import msgspec

INCIDENTS = Path(__file__).resolve().parent.parent / "tests" / "incidents"


def _recorded(incident: str, path: str) -> dict[str, Any]:
    with tarfile.open(INCIDENTS / f"{incident}.tar.gz") as archive:
        member = archive.extractfile(f"{incident}/{path}")
        assert member is not None
        found: dict[str, Any] = msgspec.json.decode(member.read())
        return found


def write_case(
    folder: Path, pods: int, *, sick_every: int = 100, nodes: int = 50, namespace: str = "big"
) -> Path:
    """Writes a case with one namespace of `pods` pods on `nodes` nodes; gives its folder back."""
    healthy = next(
        pod
        for pod in _recorded("healthy", "api/v1/namespaces/healthy/pods.json")["items"]
        if pod["metadata"]["name"].startswith("frontend")
    )
    sick = next(
        pod
        for pod in _recorded("crashloop", "api/v1/namespaces/crashloop/pods.json")["items"]
        if pod["metadata"]["name"].startswith("payments")
    )
    node = _recorded("healthy", "api/v1/nodes.json")["items"][0]
    items = []
    for number in range(pods):
        pod = copy.deepcopy(sick if sick_every and number % sick_every == sick_every - 1 else healthy)
        base = pod["metadata"]["generateName"]
        pod["metadata"].update(
            name=f"{base}{number:05d}", namespace=namespace, uid=f"00000000-0000-0000-0000-{number:012d}"
        )
        pod["spec"]["nodeName"] = f"node-{number % nodes}"
        items.append(pod)
    _write(folder / f"api/v1/namespaces/{namespace}/pods.json", "PodList", items)
    machines = []
    for number in range(nodes):
        machine = copy.deepcopy(node)
        machine["metadata"]["name"] = f"node-{number}"
        machines.append(machine)
    _write(folder / "api/v1/nodes.json", "NodeList", machines)
    for path in (
        "api/v1/namespaces/{}/events",
        "apis/apps/v1/namespaces/{}/replicasets",
        "apis/apps/v1/namespaces/{}/deployments",
        "api/v1/namespaces/{}/services",
        "apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    ):
        plural = path.rpartition("/")[2]
        taken: list[dict[str, Any]] = []
        for incident in ("healthy", "crashloop"):
            for item in _recorded(incident, f"{path.format(incident)}.json")["items"]:
                item["metadata"]["namespace"] = namespace
                taken.append(item)
        _write(folder / f"{path.format(namespace)}.json", plural, taken)
    _write(folder / "api/v1/namespaces.json", "NamespaceList", [{"metadata": {"name": namespace}}])
    (folder / "version.json").write_bytes(msgspec.json.encode(_recorded("healthy", "version.json")))
    return folder


def _write(path: Path, kind: str, items: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    name = kind if kind.endswith("List") else ""
    path.write_bytes(msgspec.json.encode({"kind": name, "apiVersion": "v1", "metadata": {}, "items": items}))
