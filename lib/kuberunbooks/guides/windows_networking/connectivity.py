"""WN-03: has a Windows pod any network at all? Only tests run in the pod itself tell."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Subject, finding
from kuberunbooks.objects import Pod

from ..rules.windows_host import vm_adapters
from ..rules.windows_pods import is_host_process
from ..rules.windows_probes import Reach, reaches
from ..rules.windows_session import Piece
from ..step import NotChecked, Yielded, step
from .borrowed import no_pods
from .heard import heard, in_pods
from .target import WindowsNetworking

_LEAST = 2
"""Different addresses that failed before a pod counts as cut off."""
_CITED = 4


@step(
    "WN-03",
    title="Have Windows pods any network?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#troubleshooting-network",
)
def connectivity(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Does TCP get from a Windows pod to anything, at least to a pod on its own node?"""
    spoofing = list(_spoofing(target, cluster))
    by_pod = pod_reaches(target, cluster)
    judged = False
    for pod, tests in by_pod:
        tcp = [one for one in tests if one.tool == "tcp" and one.outcome != "unresolved"]
        if not tcp:
            continue
        judged = True
        yield _judged(pod, tcp, target, [piece for piece, off in spoofing if off])
    if not any(pod_is_cut_off(tests, target, pod) for pod, tests in by_pod):
        for piece, off in spoofing:
            if off:
                yield _spoofing_off(piece)
    if judged:
        return
    if not target.windows.pods:
        yield NotChecked(no_pods(target))
        return
    example = next((pod for pod in target.windows.pods if _can_test(pod)), None)
    if example is None:
        yield NotChecked("No Windows pod runs from which a connection could be tried.")
        return
    yield _untested(example, target)


def pod_reaches(target: WindowsNetworking, cluster: Cluster) -> list[tuple[Pod, list[Reach]]]:
    """The tests of the network that were run in the pods for Windows."""
    found: list[tuple[Pod, list[Reach]]] | None = target.memo.get("pod reaches")
    if found is None:
        pods = {(pod.namespace, pod.name): pod for pod in target.windows.pods}
        tests: dict[tuple[str, str], list[Reach]] = {}
        for piece in in_pods(target, cluster):
            key = _key(piece, pods)
            if key in pods:
                tests.setdefault(key, []).extend(reaches(piece))
        target.memo["pod reaches"] = found = [(pods[key], of) for key, of in tests.items() if of]
    return found


def _key(piece: Piece, pods: dict[tuple[str, str], Pod]) -> tuple[str, str]:
    """Who ran it; a pasted `kubectl exec` without a namespace means the only pod of that name."""
    if piece.namespace:
        return (piece.namespace, piece.pod)
    same = [key for key in pods if key[1] == piece.pod]
    return same[0] if len(same) == 1 else ("", piece.pod)


def pod_is_cut_off(tests: list[Reach], target: WindowsNetworking, pod: Pod) -> bool:
    """TCP failed to every address, and one of them was of a pod on the same node."""
    tcp = [one for one in tests if one.tool == "tcp" and one.outcome != "unresolved"]
    hosts = {one.host for one in tcp}
    return (
        len(hosts) >= _LEAST
        and all(one.outcome == "dropped" for one in tcp)
        and bool(hosts & _neighbours(target, pod))
    )


def _neighbours(target: WindowsNetworking, pod: Pod) -> set[str]:
    """The addresses of the other pods on its node that are ready."""
    return {
        address
        for other in target.windows.pods
        if other.spec.node_name == pod.spec.node_name and other.uid != pod.uid and other.is_ready
        for address in other.addresses
        if not other.spec.host_network
    }


def _judged(pod: Pod, tcp: list[Reach], target: WindowsNetworking, off: list[Piece]) -> Finding:
    through = [one for one in tcp if one.outcome != "dropped"]
    if through:
        return finding(
            "WindowsPodReaches",
            pod,
            evidence=through[0].piece.cite(through[0].line),
            hosts=list(dict.fromkeys(f"{one.host}:{one.port}" for one in through)),
            failed=list(dict.fromkeys(f"{one.host}:{one.port}" for one in tcp if one.outcome == "dropped")),
        )
    failed = list(dict.fromkeys(f"{one.host}:{one.port}" for one in tcp))
    cited = [one.piece.cite(one.line) for one in tcp[:_CITED]]
    if pod_is_cut_off(tcp, target, pod):
        return finding(
            "WindowsPodNoNetwork",
            pod,
            evidence=[*cited, *(piece.cite("MacAddressSpoofing : Off") for piece in off[:1])],
            failed=failed,
            node=pod.spec.node_name,
            spoofing_off=bool(off),
        )
    return finding(
        "WindowsPodTestsFail",
        pod,
        evidence=cited,
        failed=failed,
        node=pod.spec.node_name,
        neighbour=min(_neighbours(target, pod), default=""),
    )


def _spoofing(target: WindowsNetworking, cluster: Cluster) -> Iterator[tuple[Piece, bool]]:
    """What Hyper-V says of the machines' adapters: whether one of them may not change its MAC address."""
    for piece in heard(target, cluster):
        found = list(vm_adapters(piece.records))
        if found:
            yield piece, any(not one.spoofing for one in found)


def _spoofing_off(piece: Piece) -> Finding:
    machines = [one.machine for one in vm_adapters(piece.records) if not one.spoofing]
    return finding(
        "WindowsMacSpoofingOff",
        Subject(kind="Cluster", namespace="", name="cluster"),
        evidence=piece.cite("MacAddressSpoofing : Off"),
        machines=[one for one in dict.fromkeys(machines) if one],
    )


def _can_test(pod: Pod) -> bool:
    running = any(status.state.running for status in pod.status.container_statuses)
    return running and bool(pod.addresses) and not pod.spec.host_network and not is_host_process(pod.spec)


def _untested(pod: Pod, target: WindowsNetworking) -> Finding:
    others = [one for one in target.windows.pods if _can_test(one) and one.uid != pod.uid]
    near = next((one for one in others if one.spec.node_name == pod.spec.node_name), None)
    far = next((one for one in others if one.spec.node_name != pod.spec.node_name), None)
    return finding(
        "WindowsPodUntested",
        pod,
        evidence=pod.cite("status.podIP"),
        node=pod.spec.node_name,
        near=_way_to(near),
        far=_way_to(far),
    )


def _way_to(pod: Pod | None) -> str:
    """`http://10.244.4.7:8080/` of a pod; empty without one."""
    if pod is None:
        return ""
    address = pod.addresses[0]
    ports = [port.container_port for one in pod.spec.containers for port in one.ports if port.container_port]
    return f"http://{f'[{address}]' if ':' in address else address}:{ports[0] if ports else 80}/"
