"""What `kubectl get pods` means by a STATUS, said of one pod: which init container, doing what, since when.

Called by the first step for its table.
"""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import Pod, Terminated

from ..pods.containers import ContainerCase, last_seen_node_lost, pod_case
from ..pods.creation import IN_CREATION
from ..pods.images import IMAGE_REASONS
from ..pods.init_containers import place_facts, unfinished
from ..pods.target import Pods
from ..rules.exit_codes import START_REASONS


def current(pod: Pod, target: Pods, cluster: Cluster) -> ContainerCase | None:
    """The init container the pod is at; None when it has none left, or when none was reported yet."""
    return unfinished(pod_case(pod, target, cluster))


def status_words(pod: Pod, target: Pods, cluster: Cluster) -> str:
    """The pod's STATUS in a clause, as a colleague would say it."""
    if pod.is_terminal and pod.status.reason:
        return f"ended from outside ({pod.status.reason})"
    case = current(pod, target, cluster)
    if case is not None:
        said = _of_container(case, target)
        return f"by the last report of its node: {said}" if last_seen_node_lost(pod) else said
    if pod.is_condition_true("Initialized"):
        return _through(pod)
    return _not_begun(pod)


def _of_container(case: ContainerCase, target: Pods) -> str:
    place = place_facts(case)
    what = "sidecar" if case.view.role == "sidecar" else "init container"
    return f"{what} {case.name}, {place['position']} of {place['of']}, {_doing(case, target)}"


def _doing(case: ContainerCase, target: Pods) -> str:
    status = case.view.status
    waiting, running, ended = status.state.waiting, status.state.running, status.state.terminated
    if running is not None:
        seconds = (case.now - running.started_at).total_seconds() if running.started_at else None
        lasting = f" for {target.words.duration(seconds)}" if seconds is not None else ""
        if case.view.role == "sidecar":
            return f"has been running{lasting} and does not count as started yet"
        end = status.newest_end
        failed = end is not None and end.exit_code != 0
        again = f", after {_restarts(case)}" if failed else ""
        return f"has been running{lasting}{again}"
    if ended is not None:
        return f"{_ending(ended)}; {_what_next(case)}"
    if waiting is None or waiting.reason in IN_CREATION:
        return "waits to be started: volumes, network and image come first"
    if waiting.reason in IMAGE_REASONS:
        return f"cannot start: its image is not there ({waiting.reason})"
    end = status.newest_end
    if waiting.reason == "CrashLoopBackOff" and end is not None:
        return f"{_ending(end)}; the next try comes after a pause, {_restarts(case)} so far"
    return f"cannot start ({waiting.reason})"


def _ending(end: Terminated) -> str:
    if end.reason in START_REASONS:
        return "could not be started"
    if end.reason == "OOMKilled":
        return "was killed for memory"
    return f"failed with exit code {end.exit_code}"


def _what_next(case: ContainerCase) -> str:
    spec = case.view.spec
    if ((spec.restart_policy if spec else "") or case.pod.spec.restart_policy) == "Never":
        return "restartPolicy Never allows no second try"
    return "it is tried again"


def _restarts(case: ContainerCase) -> str:
    count = case.view.status.restart_count
    return "1 restart" if count == 1 else f"{count} restarts"


def _through(pod: Pod) -> str:
    sidecars = [one for one in pod.spec.init_containers if one.is_sidecar]
    done = len(pod.spec.init_containers) - len(sidecars)
    parts = [f"{done} init container{'s' if done != 1 else ''} done"] if done else []
    if sidecars:
        parts.append(f"{len(sidecars)} sidecar{'s' if len(sidecars) != 1 else ''} started")
    text = " and ".join(parts)
    if pod.status_text == "PodInitializing":
        return f"{text}; the app containers are being created"
    if pod.is_terminal:
        return f"{text}; the pod has ended"
    return f"{text}; the rest is up to the app containers"


def _not_begun(pod: Pod) -> str:
    if pod.spec.scheduling_gates:
        return "held back by a scheduling gate, so no init container has started"
    if not pod.spec.node_name:
        return "has no node yet, so no init container has started"
    return f"on node {pod.spec.node_name}, which has not reported any init container yet"
