"""The containers of the target that have ended, and which of those ends is a failure that counts now.

Worked out once for all steps. What counts is decided by the rules of the pods guide
(back-off, deletions, Jobs that were tried again), so that both runbooks agree on how bad it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Severity, entries
from kuberunbooks.objects import Container, Terminated

from ..pods.containers import ContainerCase, is_out_of_hands, pod_case
from ..pods.endings import (
    code_of,
    is_crash_loop,
    job_done_since,
    newest_end,
    severity_of,
    stopped_on_purpose,
)
from ..pods.init_containers import unfinished
from ..pods.target import Pods
from ..rules.exit_codes import SIGTERM_CODE, START_REASONS

_ROLES = ("init", "sidecar", "app", "ephemeral")


@dataclass
class ContainerEnd:
    """A container with the newest of its finished runs.

    `failure` is how bad that end is now: None when it is no failure (success, asked to
    stop, an ephemeral container) or is over. `looping`: it is restarted again and again.
    """

    case: ContainerCase
    end: Terminated
    looping: bool = False
    failure: Severity | None = None

    @property
    def path(self) -> str:
        """The field the end was read from, relative to the container's status: `lastState.terminated`."""
        return self.case.view.status.newest_end_path

    @property
    def spec(self) -> Container:
        """The container's specification; the API's defaults when the pod no longer has it."""
        return self.case.view.spec or Container(name=self.case.name)

    @property
    def never_ran(self) -> bool:
        """The runtime could not start the process."""
        return self.end.reason in START_REASONS

    @property
    def is_history(self) -> bool:
        """It runs and is ready again, and the end is older than what the run asks about."""
        status = self.case.view.status
        return (
            status.state.running is not None
            and status.ready
            and not self.case.is_recent(self.end.finished_at)
        )

    @property
    def age_key(self) -> float:
        """Sort key, newest end first; an end without a time counts as the newest."""
        return -self.end.finished_at.timestamp() if self.end.finished_at else float("-inf")

    @property
    def statuses(self) -> str:
        """The list of status that the container stands in: `initContainerStatuses`."""
        return self.case.view.path.removeprefix("status.").partition("[")[0]


def container_ends(target: Pods, cluster: Cluster) -> list[ContainerEnd]:
    """The containers that have ended at least once, in the order of the pods and of their containers."""
    if "container ends" not in target.memo:
        target.memo["container ends"] = [
            _judged(case, end, target)
            for pod in target.pods
            if any(view.status.newest_end for view in pod.containers())
            for case in pod_case(pod, target, cluster).containers(*_ROLES)
            if (end := case.view.status.newest_end) is not None
        ]
    found: list[ContainerEnd] = target.memo["container ends"]
    return found


def _judged(case: ContainerCase, end: Terminated, target: Pods) -> ContainerEnd:
    if case.view.role == "ephemeral" or is_out_of_hands(case.pod) or newest_end(case) is None:
        return ContainerEnd(case, end)
    if case.view.role == "init":
        first = unfinished(case.of)
        is_first = first is not None and first.view.path == case.view.path
        fails = end.exit_code != 0 and is_first and not job_done_since(case, end, target)
        return ContainerEnd(case, end, looping=is_crash_loop(case), failure="critical" if fails else None)
    looping = is_crash_loop(case)
    return ContainerEnd(case, end, looping, _failure(case, end, target, looping=looping))


def _failure(case: ContainerCase, end: Terminated, target: Pods, *, looping: bool) -> Severity | None:
    """How bad the end of an app container or sidecar is; None when it is no failure."""
    status = case.view.status
    code = "ContainerOomKilled" if end.reason == "OOMKilled" else code_of(case, end, looping=looping)
    # An end without an error counts only in a loop; one that is not started again has done its work.
    if end.exit_code == 0 and not (looping and (status.state.terminated is None or code)):
        return None
    if end.exit_code == SIGTERM_CODE and not looping:
        return None
    is_up = status.state.running is not None and status.ready
    if (
        stopped_on_purpose(case, end)
        or job_done_since(case, end, target)
        or (end.reason in START_REASONS and is_up)
    ):
        return None
    if looping:
        return "critical"
    if not code:
        return "warning"
    return severity_of(code, case, end, target, looping=False) or entries()[code].severity
