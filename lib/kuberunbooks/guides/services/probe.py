"""The probe pod: who asks where no client was named, or where the client's image lacks the tools.

It holds what Pod Security level restricted asks for, no token and hardly any memory, and it ends by
itself. Its labels are only ours, so no Service and no controller takes it for its own; and so no network
policy knows it: where policies let in only some pods, its failures would say nothing, and it is not let
ask. Called by `asking`; what became of one, `client_pod` reads from its recorded state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kuberunbooks.acting import LIFETIME, Action, make_pod
from kuberunbooks.acting.actions import MANAGED_BY, OURS
from kuberunbooks.cluster import Cluster, Transcript
from kuberunbooks.objects import Namespace, NetworkPolicy, Pod

from ..rules.network_policies import Party, isolating
from ..rules.service_match import Backing
from .policy_situations import Judge, families_of, is_judged, target_ports

NAME = "services-probe"
CONTAINER = "probe"
IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.39"
"""The image of upstream's page "Debugging DNS Resolution": nslookup, curl, and both architectures."""

_LABELS = {MANAGED_BY: OURS}
_NOBODY = 65534
_HOPELESS = (
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff",
)  # fmt: skip


def probe_pod(name: str, namespace: str, image: str, node: str) -> Action:
    """The pod, to be made on `node` if the scheduler can (empty: anywhere)."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    resources = {
        "requests": {"cpu": "10m", "memory": "16Mi"},
        "limits": {"cpu": "200m", "memory": "64Mi"},
    }
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **({"affinity": _preferred(node)} if node else {}),
    }
    container = {"name": CONTAINER, "securityContext": context, "resources": resources}
    command = ["sleep", str(LIFETIME)]
    by_hand = {"spec": {**spec, "containers": [{**container, "image": image, "command": command}]}}
    overrides = json.dumps(by_hand, separators=(",", ":"))
    manifest = {"metadata": {"name": name, "namespace": namespace}, "spec": by_hand["spec"]}
    kubectl = ["kubectl", "run", name, "-n", namespace, f"--image={image}", f"--overrides={overrides}"]
    return make_pod(
        manifest,
        words=f"make a pod that asks, in namespace {namespace}, and remove it again",
        kubectl=kubectl,
        profile="restricted",
    )


def _preferred(node: str) -> Mapping[str, Any]:
    """Where the client is, its node's rules count; elsewhere it is still better than nowhere."""
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    preferred = [{"weight": 100, "preference": term}]
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


def is_probe(pod: Pod) -> bool:
    """Whether a pod is one that a run made to ask."""
    ours = pod.metadata.labels.get(MANAGED_BY) == OURS
    return ours and pod.name.startswith(f"{NAME}-")


def is_running(pod: Pod) -> bool:
    """Whether commands can be run in it."""
    states = pod.status.container_statuses
    return any(one.name == CONTAINER and one.state.running is not None for one in states)


def is_decided(pod: Pod) -> bool:
    """Whether waiting longer changes nothing."""
    return is_running(pod) or pod.is_terminal or why_not(pod).partition(":")[0] in _HOPELESS


def why_not(pod: Pod) -> str:
    """Why it does not run, in the kubelet's or the scheduler's words; empty when nobody says."""
    for one in pod.status.container_statuses:
        waiting, ended = one.state.waiting, one.state.terminated
        if one.name == CONTAINER and waiting is not None:
            return ": ".join(filter(None, (waiting.reason, waiting.message)))
        if one.name == CONTAINER and ended is not None:
            return f"{ended.reason}: exit code {ended.exit_code}"
    unmet = (one for one in pod.status.conditions if one.status == "False" and one.message)
    condition = next(unmet, None)
    return f"{condition.reason}: {condition.message}" if condition is not None else pod.status.message


def held_back(cluster: Cluster, namespace: str, backings: Sequence[Backing]) -> tuple[str, list[Backing]]:
    """Why a pod without labels may ask nothing there at all, and the Services it may send requests to.

    A policy that limits what leaves such a pod, or whom the pods let in, makes of its failures none of the
    Service's; so does a policy that could not be read.
    """
    own = cluster.look(NetworkPolicy, namespace, whole=True)
    if not own.complete:
        return "the network policies of its namespace could not be read", []
    selecting = isolating(own, namespace, _LABELS, "Egress")
    if selecting:
        return f"NetworkPolicy {selecting[0].name} limits what leaves it", []
    asker = Party(namespace, _LABELS, ())
    return "", [one for one in backings if _lets_in(cluster, one, asker)]


def _lets_in(cluster: Cluster, backing: Backing, asker: Party) -> bool:
    service = backing.service
    listed = cluster.look(NetworkPolicy, service.namespace, whole=True)
    judge = Judge(listed, lambda name: _labels_of(cluster, name))
    families = families_of(service)
    return listed.complete and all(
        judge.judge(judge.profile(pod), port, families, asker).access in ("open", "admitted")
        for pod in backing.pods
        if is_judged(pod)
        for port in target_ports(service, judge.profile(pod), 0)
    )


def _labels_of(cluster: Cluster, name: str) -> Mapping[str, str] | None:
    found = cluster.find(Namespace, "", name).object
    return None if found is None else found.metadata.labels


def could_not_run(one: Transcript) -> bool:
    """Whether the image lacks the tool, or has one of that name with other options."""
    if one.exit_code in (126, 127):
        return True
    said = f"{one.stderr}\n{one.stdout[:200]}" if one.exit_code else ""
    return any(word in said for word in _NO_TOOL)


_NO_TOOL = (
    "executable file not found",
    "OCI runtime exec failed",
    "failed to exec in container",
    "not found in $PATH",
    "Usage: nslookup",
    "nvalid option",
    "nrecognized option",
)
