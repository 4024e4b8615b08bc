"""Whether a pod may run on a node: name, selector, required node affinity, taints.

The filters NodeUnschedulable, NodeName, TaintToleration and NodeAffinity of the
scheduler, computed again: a message is as old as the last attempt, newer servers
withhold the taint, and one filter hides what the next would have said. Used by the
resources, host port and placement steps of the pods guide.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kuberunbooks.objects import Node, Pod, PodSpec, SelectorRequirement, Taint, Toleration, requirement_holds
from kuberunbooks.objects.pod import NodeSelector, NodeSelectorTerm

# Taints the node controller sets itself when a node no longer reports (well-known labels and taints).
LOST_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
CORDON_TAINT = "node.kubernetes.io/unschedulable"
_BLOCKING = ("NoSchedule", "NoExecute")


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether one toleration covers a taint (core/v1 `ToleratesTaint`).

    No effect covers every effect; no key with operator Exists covers every taint.
    """
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and toleration.operator in ("", "Equal") and toleration.value == taint.value


def untolerated_taints(spec: PodSpec, node: Node) -> list[Taint]:
    """The taints that keep the pod off the node; PreferNoSchedule keeps nobody off."""
    return [
        taint
        for taint in node.spec.taints
        if taint.effect in _BLOCKING and not any(tolerates(one, taint) for one in spec.tolerations)
    ]


def is_cordoned(spec: PodSpec, node: Node) -> bool:
    """spec.unschedulable, unless the pod tolerates the taint that stands for it (as DaemonSet pods do)."""
    if not node.spec.unschedulable:
        return False
    cordon = Taint(key=CORDON_TAINT, effect="NoSchedule")
    return not any(tolerates(one, cordon) for one in spec.tolerations)


def is_lost(node: Node) -> bool:
    """The node controller tainted it because it stopped reporting or is not ready."""
    return any(taint.key in LOST_TAINTS for taint in node.spec.taints)


def term_matches(term: NodeSelectorTerm, labels: Mapping[str, str], name: str) -> bool:
    """One alternative of a node affinity; an empty one matches no node. Fields know only metadata.name."""
    if not term.match_expressions and not term.match_fields:
        return False
    return all(requirement_holds(one, labels) for one in term.match_expressions) and all(
        requirement_holds(one, {"metadata.name": name}) for one in term.match_fields
    )


def selector_matches(selector: NodeSelector | None, node: Node) -> bool:
    """Whether any alternative matches; no selector matches every node (also nodeAffinity of volumes)."""
    if selector is None:
        return True
    return any(term_matches(term, node.metadata.labels, node.name) for term in selector.node_selector_terms)


def required_affinity(spec: PodSpec) -> NodeSelector | None:
    """spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution, or None."""
    affinity = spec.affinity.node_affinity if spec.affinity else None
    return affinity.required_during_scheduling_ignored_during_execution if affinity else None


def is_selected(spec: PodSpec, node: Node) -> bool:
    """Whether nodeSelector and required node affinity let the pod onto the node."""
    labels = node.metadata.labels
    return all(labels.get(key) == value for key, value in spec.node_selector.items()) and selector_matches(
        required_affinity(spec), node
    )


def pinned_nodes(spec: PodSpec) -> set[str] | None:
    """The node names the required affinity pins the pod to (as a DaemonSet's pods are); None: not pinned."""
    selector = required_affinity(spec)
    if selector is None or not selector.node_selector_terms:
        return None
    names: set[str] = set()
    for term in selector.node_selector_terms:
        pins = [one for one in term.match_fields if one.key == "metadata.name" and one.operator == "In"]
        if not pins:
            return None
        names.update(pins[0].values)
    return names


def requirements(spec: PodSpec) -> list[SelectorRequirement]:
    """Everything asked of a node's labels: nodeSelector as In, then every expression of the affinity."""
    asked = [SelectorRequirement(key, "In", [value]) for key, value in spec.node_selector.items()]
    selector = required_affinity(spec)
    if selector is not None:
        for term in selector.node_selector_terms:
            asked += [one for one in term.match_expressions if one not in asked]
    return asked


def requirement_text(one: SelectorRequirement) -> str:
    """`accelerator=a100`, `zone in (a, b)`, `gpu exists`, `cores > 8`."""
    values = ", ".join(one.values)
    match one.operator:
        case "In":
            return f"{one.key}={values}" if len(one.values) == 1 else f"{one.key} in ({values})"
        case "NotIn":
            return f"{one.key}!={values}" if len(one.values) == 1 else f"{one.key} not in ({values})"
        case "Exists":
            return f"{one.key} exists"
        case "DoesNotExist":
            return f"{one.key} absent"
        case "Gt" | "Lt":
            return f"{one.key} {'>' if one.operator == 'Gt' else '<'} {values}"
        case _:
            return f"{one.key} {one.operator} {values}".strip()


def near_misses(one: SelectorRequirement, nodes: Iterable[Node], most: int = 3) -> list[str]:
    """What nodes carry that comes close to a requirement none meets: `accelerator=v100 on node gpu-1`.

    The same key with another value first, then keys spelt almost alike.
    """
    same: dict[str, str] = {}
    alike: dict[str, str] = {}
    for node in nodes:
        for key, value in node.metadata.labels.items():
            if key == one.key:
                same.setdefault(f"{key}={value}", node.name)
            elif _spelt_alike(key, one.key):
                alike.setdefault(f"{key}={value}", node.name)
    found = {**same, **alike}
    return [f"{label} on node {name}" for label, name in list(found.items())[:most]]


def _spelt_alike(key: str, wanted: str) -> bool:
    """Same word with a slip or another prefix: `Accelerator`, `acelerator`, `example.com/accelerator`."""
    if key.rpartition("/")[2].lower() == wanted.rpartition("/")[2].lower():
        return True
    if abs(len(key) - len(wanted)) > 2:
        return False
    return difflib.SequenceMatcher(None, key.lower(), wanted.lower()).ratio() >= 0.85


HostPort = tuple[str, str, int]
"""(host address, protocol, port); the address 0.0.0.0 stands for all."""


def host_ports_of(spec: PodSpec) -> list[HostPort]:
    """The ports a pod takes on its node, of containers and sidecars."""
    found: list[HostPort] = []
    sidecars = [container for container in spec.init_containers if container.is_sidecar]
    for container in (*spec.containers, *sidecars):
        for port in container.ports:
            if port.host_port:
                one = (port.host_ip or "0.0.0.0", port.protocol or "TCP", port.host_port)  # noqa: S104
                if one not in found:
                    found.append(one)
    return found


def ports_clash(one: HostPort, other: HostPort) -> bool:
    """Same protocol and port, and same address or either on all (the scheduler's `CheckConflict`)."""
    return one[1:] == other[1:] and (one[0] == other[0] or "0.0.0.0" in (one[0], other[0]))  # noqa: S104


def port_holders(wanted: Sequence[HostPort], pods: Iterable[Pod]) -> Iterator[tuple[Pod, HostPort]]:
    """The pods that hold one of the wanted host ports, with the port they hold."""
    for pod in pods:
        for held in host_ports_of(pod.spec):
            if any(ports_clash(held, one) for one in wanted):
                yield pod, held
                break
