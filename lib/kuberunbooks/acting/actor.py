"""The actor: plans and performs actions in one live cluster, and leaves nothing behind that can be removed.

Made by permission.py, where actions are allowed. A plan asks and tries, and changes nothing; only what this
actor planned, and the server did not refuse, is performed. Called by the notebook session and, through
`cluster.actor`, by the steps of guides.
"""

from __future__ import annotations

import atexit
import contextlib
import time
from collections.abc import Callable, Iterator
from threading import Lock

from kuberunbooks.cluster import Cluster, Transcript, TranscriptTarget
from kuberunbooks.cluster.live import LiveSource
from kuberunbooks.cluster.rights import Right, ask, can_i
from kuberunbooks.errors import ClusterError, Refused, RunbookError
from kuberunbooks.objects import Namespace, Pod

from .actions import RUN_ID, Action, Done, Obstacle, Planned, RightAnswer
from .exec import Command, Limits, execute, text
from .guardian import Guardian
from .pod_security import PodSecurity, pod_security
from .seen import pod_transcript
from .writing import Writer

_POLL = 1.0
_MAKING = ("pod", "ephemeral container")


class LiveActor:
    """Acts through the credentials of a live source; what is read meanwhile goes through the cluster."""

    def __init__(self, cluster: Cluster, live: LiveSource) -> None:
        self._cluster = cluster
        self._live = live
        self._writer = Writer(live.credentials, live.count)
        self._plans: list[Planned] = []
        self._rights: set[tuple[Right, str]] = set()
        self._made: dict[tuple[str, str], None] = {}
        self._lock = Lock()
        context = live.credentials.context
        self._guardian = Guardian("" if context == "in-cluster" else context)

    def plan(self, action: Action) -> Planned:
        """Asks for the rights, tries objects with a dry run. Raises only what fails every request."""
        answers = tuple(RightAnswer(right, self._given(right, action.namespace)) for right in action.rights)
        refusals = _not_given(action, answers)
        planned = Planned(action, answers, tuple(refusals))
        if action.kind in _MAKING:
            planned = planned._replace(pod_security=self._pod_security(action))
            if not refusals:
                planned = self._tried(planned)
        self._plans.append(planned)
        return planned

    def perform(self, planned: Planned) -> Done:
        """Does what this actor planned. Raises ClusterErrors; ValueError for any other plan."""
        if not any(planned is known for known in self._plans):
            raise ValueError("this was not planned by the actor that is to do it")
        if not planned.allowed:
            raise ValueError(f"{planned.action.words}: {planned.refusals[0].why}")
        kind = planned.action.kind
        if kind == "command":
            return self._run(planned)
        return self._make(planned) if kind == "pod" else self._add(planned)

    def wait(self, namespace: str, pod: str, until: Callable[[Pod], bool], seconds: float = 60.0) -> Pod:
        """Reads the pod until `until` says so or the time is over; see Actor."""
        deadline = time.monotonic() + seconds
        while True:
            found = self._cluster.again(Pod, namespace, pod)
            if until(found) or time.monotonic() >= deadline:
                break
            time.sleep(min(_POLL, max(0.0, deadline - time.monotonic())))
        whole = self._cluster.read_raw_object(Pod, namespace, pod)
        self._cluster.given_transcripts.append(pod_transcript(whole, self._live.now()))
        return found

    @contextlib.contextmanager
    def borrowed(self, planned: Planned) -> Iterator[str]:
        """Makes a pod for the length of a block and removes it then; gives its name."""
        action = planned.action
        try:
            self.perform(planned)
            yield action.name
        finally:
            # A pod that stays must not hide what the block found: `close` tries again and says so.
            with contextlib.suppress(ClusterError):
                self.remove(action.namespace, action.name)

    def remove(self, namespace: str, pod: str) -> None:
        """Deletes a pod this actor made; one that is gone already is fine. Raises ClusterErrors."""
        if (namespace, pod) not in self._made:
            raise ValueError(f"pod {pod} was not made by this run")
        self._writer.delete_own(namespace, pod, RUN_ID)
        self._forget(namespace, pod)

    def close(self) -> list[str]:
        """Removes whatever of its pods is left. Never raises: says in a sentence each which could not be."""
        failed: list[str] = []
        for namespace, pod in list(self._made):
            try:
                self.remove(namespace, pod)
            except RunbookError as error:
                failed.append(f"Pod {pod} in {namespace} could not be removed: {error}")
        self._guardian.close()
        atexit.unregister(self.close)
        return failed

    def _given(self, right: Right, namespace: str) -> bool | None:
        """A right that was given is not asked for again: a guide plans the same command many times."""
        if (right, namespace) in self._rights:
            return True
        given = ask(self._live, right, namespace)
        if given:
            self._rights.add((right, namespace))
        return given

    def _run(self, planned: Planned) -> Done:
        action = planned.action
        at = self._live.now()
        self._live.count()
        command = Command(action.namespace, action.name, action.container, action.argv, action.stdin)
        limits = Limits(command=action.seconds, most_bytes=action.most_bytes)
        output = execute(self._live.credentials, command, limits)
        stdout = (
            f"({len(output.stdout)} bytes that are no text)\n"
            if action.binary and output.stdout
            else text(output.stdout, partial=output.partial)
        )
        transcript = Transcript(
            target=_target(action),
            argv=list(action.argv),
            stdout=stdout,
            stderr=text(output.stderr, partial=output.partial),
            exit_code=output.exit_code,
            at=at,
            partial=output.partial,
            why=output.why,
            source=f"exec of this run in {action.namespace}/{action.name}",
        )
        self._cluster.given_transcripts.append(transcript)
        return Done(planned, transcript, output.stdout)

    def _make(self, planned: Planned) -> Done:
        action = planned.action
        key = (action.namespace, action.name)
        with self._lock:
            if not self._made:
                atexit.register(self.close)
            # Before it is sent: of a request that breaks nobody knows whether it arrived.
            self._made[key] = None
        self._guardian.made(*key, RUN_ID)
        try:
            made = self._writer.create_pod(action.manifest)
        except Refused as error:
            self._forget(*key)
            self._note(action, str(error), exit_code=1)
            raise
        return Done(planned, self._note(action, f"pod/{action.name} created"), made=made)

    def _add(self, planned: Planned) -> Done:
        action = planned.action
        sub = action.resource.partition("/")[2]
        try:
            made = self._writer.patch_pod(action.namespace, action.name, sub, action.manifest)
        except Refused as error:
            self._note(action, str(error), exit_code=1)
            raise
        said = f"container {action.container} added to pod/{action.name}"
        return Done(planned, self._note(action, said), made=made)

    def _note(self, action: Action, said: str, *, exit_code: int = 0) -> Transcript:
        """What was made, as a transcript of its kubectl twin: a case then holds what was done."""
        transcript = Transcript(
            target=TranscriptTarget(kind="workstation", namespace=action.namespace, pod=action.name),
            argv=list(action.kubectl),
            stdout="" if exit_code else f"{said}\n",
            stderr=f"{said}\n" if exit_code else "",
            exit_code=exit_code,
            at=self._live.now(),
            source=f"action of this run on {action.namespace}/{action.name}",
        )
        self._cluster.given_transcripts.append(transcript)
        return transcript

    def _tried(self, planned: Planned) -> Planned:
        action = planned.action
        try:
            if action.kind == "pod":
                self._writer.create_pod(action.manifest, trial=True)
            else:
                sub = action.resource.partition("/")[2]
                self._writer.patch_pod(action.namespace, action.name, sub, action.manifest, trial=True)
        except Refused as error:
            refusal = Obstacle("dry run", str(error), error.status)
            return planned._replace(refusals=(refusal,), dry_run=True)
        return planned._replace(warnings=self._writer.warnings, dry_run=True)

    def _pod_security(self, action: Action) -> PodSecurity:
        found = self._cluster.find(Namespace, "", action.namespace)
        labels = found.object.metadata.labels if found.object is not None else None
        return pod_security(action.namespace, labels, action.profile, action.place)

    def _forget(self, namespace: str, pod: str) -> None:
        self._guardian.gone(namespace, pod)
        with self._lock:
            self._made.pop((namespace, pod), None)
            if not self._made:
                atexit.unregister(self.close)


def _not_given(action: Action, answers: tuple[RightAnswer, ...]) -> list[Obstacle]:
    missing = [one.right for one in answers if one.given is False]
    if action.kind == "command" and len(missing) < 2:
        # Which of the two counts is the server's version; that they differ is for it to say.
        return []
    return [
        Obstacle(
            f"{right.verb} {right.resource}",
            "not permitted",
            403,
            can_i(right.verb, right.resource, action.namespace),
        )
        for right in missing
    ]


def _target(action: Action) -> TranscriptTarget:
    if action.node:
        return TranscriptTarget(kind="node", node=action.node)
    return TranscriptTarget(
        kind="container", namespace=action.namespace, pod=action.name, container=action.container
    )
