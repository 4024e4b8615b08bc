"""Makes a case of any size out of recorded pods: the input of the scale benchmark and of scale tests.

Pods are copies of a recorded healthy pod (managedFields and all, about 7 KB each)
under other names; one in `sick_every` is a copy of a recorded sick one. What they are
copies of depends on the guide that is measured.
"""

from __future__ import annotations

import copy
import functools
import tarfile
from pathlib import Path
from typing import Any, Literal

import msgspec

Make = Literal["deployments", "init containers", "statefulsets"]
"""What the pods are: of a Deployment, with an init container (the sick ones fail there), of StatefulSets."""

PODS_OF_A_SET = 10

INCIDENTS = Path(__file__).resolve().parent.parent / "tests" / "incidents"


@functools.cache
def recorded(incident: str, path: str) -> dict[str, Any]:
    """A file of a recorded incident, decoded; not to be changed."""
    with tarfile.open(INCIDENTS / f"{incident}.tar.gz") as archive:
        member = archive.extractfile(f"{incident}/{path}")
        assert member is not None
        found: dict[str, Any] = msgspec.json.decode(member.read())
        return found


def _pod(incident: str, prefix: str) -> dict[str, Any]:
    listed = recorded(incident, f"api/v1/namespaces/{incident}/pods.json")["items"]
    return copy.deepcopy(next(pod for pod in listed if pod["metadata"]["name"].startswith(prefix)))


def _patterns(make: Make) -> tuple[dict[str, Any], dict[str, Any]]:
    """A healthy and a sick pod to copy."""
    if make == "statefulsets":
        return _pod("statefulsets", "db-0"), _pod("statefulsets", "db-1")
    healthy = _pod("healthy", "frontend")
    if make == "deployments":
        return healthy, _pod("crashloop", "payments")
    sick = _pod("init-containers", "init-fails")
    healthy["spec"]["initContainers"] = sick["spec"]["initContainers"][:1]
    healthy["status"]["initContainerStatuses"] = sick["status"]["initContainerStatuses"][:1]
    return healthy, sick


def write_case(
    folder: Path,
    pods: int,
    *,
    sick_every: int = 100,
    nodes: int = 50,
    namespace: str = "big",
    make: Make = "deployments",
) -> Path:
    """Writes a case with one namespace of `pods` pods on `nodes` nodes; gives its folder back."""
    healthy, sick = _patterns(make)
    node = recorded("healthy", "api/v1/nodes.json")["items"][0]
    items = []
    for number in range(pods):
        pod = copy.deepcopy(sick if sick_every and number % sick_every == sick_every - 1 else healthy)
        name = f"{pod['metadata'].get('generateName') or pod['metadata']['name'] + '-'}{number:05d}"
        if make == "statefulsets":
            name = _join_set(pod, number)
        pod["metadata"].update(name=name, namespace=namespace, uid=f"00000000-0000-0000-0000-{number:012d}")
        pod["spec"]["nodeName"] = f"node-{number % nodes}"
        items.append(pod)
    write_list(folder / f"api/v1/namespaces/{namespace}/pods.json", "PodList", items)
    machines = []
    for number in range(nodes):
        machine = copy.deepcopy(node)
        machine["metadata"]["name"] = f"node-{number}"
        machines.append(machine)
    write_list(folder / "api/v1/nodes.json", "NodeList", machines)
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
            for item in copy.deepcopy(recorded(incident, f"{path.format(incident)}.json")["items"]):
                item["metadata"]["namespace"] = namespace
                taken.append(item)
        write_list(folder / f"{path.format(namespace)}.json", plural, taken)
    write_list(
        folder / f"apis/apps/v1/namespaces/{namespace}/statefulsets.json", "", _sets(pods, namespace, make)
    )
    write_list(folder / "api/v1/namespaces.json", "NamespaceList", [{"metadata": {"name": namespace}}])
    (folder / "version.json").write_bytes(msgspec.json.encode(recorded("healthy", "version.json")))
    return folder


def _join_set(pod: dict[str, Any], number: int) -> str:
    """Makes the pod one of a StatefulSet of ten; gives its name."""
    owner, ordinal = f"db{number // PODS_OF_A_SET:04d}", number % PODS_OF_A_SET
    pod["metadata"]["ownerReferences"][0].update(name=owner, uid=owner)
    pod["metadata"]["labels"].update(
        {"app": owner, "statefulset.kubernetes.io/pod-name": f"{owner}-{ordinal}"},
        **{"apps.kubernetes.io/pod-index": str(ordinal)},
    )
    return f"{owner}-{ordinal}"


def _sets(pods: int, namespace: str, make: Make) -> list[dict[str, Any]]:
    if make != "statefulsets":
        return []
    path = "apis/apps/v1/namespaces/statefulsets/statefulsets.json"
    pattern = next(one for one in recorded("statefulsets", path)["items"] if one["metadata"]["name"] == "db")
    sets = []
    for number in range(pods // PODS_OF_A_SET):
        one = copy.deepcopy(pattern)
        name = f"db{number:04d}"
        one["metadata"].update(name=name, namespace=namespace, uid=name)
        one["spec"]["replicas"] = PODS_OF_A_SET
        one["spec"]["selector"]["matchLabels"]["app"] = name
        one["spec"]["template"]["metadata"]["labels"]["app"] = name
        one["status"].update(
            replicas=PODS_OF_A_SET, readyReplicas=PODS_OF_A_SET, currentReplicas=PODS_OF_A_SET
        )
        sets.append(one)
    return sets


def write_list(path: Path, kind: str, items: list[dict[str, Any]]) -> None:
    """Writes a list as the API server gives it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = kind if kind.endswith("List") else ""
    path.write_bytes(msgspec.json.encode({"kind": name, "apiVersion": "v1", "metadata": {}, "items": items}))
