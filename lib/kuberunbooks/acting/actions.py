"""What a step may ask to be done in a cluster: actions as data, and what an actor does with them.

An action says in words, as a request and as a kubectl command what would be done; nothing happens by
making one. `cluster.actor` is None on a case and wherever actions are not allowed (`allow_actions`): a
step then shows the action and reads the transcripts somebody else made. With an actor it is planned
(rights, dry run, Pod Security level: what refuses it is data), performed, and its transcript joins
`cluster.given_transcripts`, so that the same rules judge all three:

    @step("SH-03", title="Is there a shell?")
    def shells(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
        action = run_command("shop", "web-1", "app", ["/bin/sh", "-c", "echo ok"], words="look for a shell")
        plan = None
        if cluster.actor is not None:
            plan = cluster.actor.plan(action)           # raises no refusal: plan.refusals
            if plan.allowed:
                cluster.actor.perform(plan)             # the transcript joins cluster.given_transcripts
        yield planned_actions([plan or action])         # guides/rules/planned_actions.py: the table
        for heard in cluster.transcripts():             # of this run, a case, or pasted
            if heard.argv == list(action.argv): ...

    # A pod of our own: made, waited for, used, and removed again whatever happens.
    copy = make_pod(manifest, words="...", kubectl=[...], profile="general", owner=pod)
    plan = cluster.actor.plan(copy)
    if plan.allowed:
        with cluster.actor.borrowed(plan) as name:      # deleted at the end of the block
            ready = cluster.actor.wait(copy.namespace, name, lambda pod: pod.phase == "Running", 120)
            cluster.actor.perform(cluster.actor.plan(run_command(copy.namespace, name, "debugger", [...])))

    # An ephemeral container stays until its pod is deleted. Its own command only keeps it alive
    # (`sleep`); what is to be run in it is a `run_command` with the container's name, once it runs.
    plan = cluster.actor.plan(add_ephemeral_container("shop", "web-1", {"name": "debugger-x7k2p", ...}, ...))
    if plan.allowed:
        cluster.actor.perform(plan)
        pod = cluster.actor.wait("shop", "web-1", lambda pod: state_of(pod, "debugger-x7k2p") is not None)

`perform` raises ClusterErrors as a read does; what was run and failed, was cut off or never ended is no
error but a transcript that says so (`exit_code`, `partial`, `why`).
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple, Protocol

from kuberunbooks.cluster.rights import Right
from kuberunbooks.cluster.transcripts import Transcript
from kuberunbooks.objects import KubernetesObject, Pod

from .pod_security import Place, PodSecurity

LIFETIME = 600
"""Seconds a pod we make may run: longer than a run, so short that a forgotten one costs little."""

# The letters of Kubernetes' own generated names (apimachinery, util/rand): no vowels, so no words.
_NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"

EXEC_RIGHTS = (Right("create", "", "pods/exec"), Right("get", "", "pods/exec"))
"""A websocket exec is a GET: before Kubernetes 1.35 `get` permitted it, since then `create` does."""


class Action(NamedTuple):
    """One thing that would be done, as data. Made by the functions of this module.

    `words` begin with a verb ("run ps in container app"). `name` is the object's; `manifest` what is
    sent for one that is made or patched. `seconds` is the deadline of a command, or a pod's lifetime.
    """

    kind: Literal["command", "pod", "ephemeral container"]
    words: str
    verb: str
    resource: str
    namespace: str
    name: str
    kubectl: tuple[str, ...]
    """The same by hand: arguments, not yet quoted."""
    rights: tuple[Right, ...]
    container: str = ""
    argv: tuple[str, ...] = ()
    stdin: bytes | None = None
    manifest: Mapping[str, Any] = {}
    image: str = ""
    profile: str = ""
    place: Place = "container"
    irreversible: bool = False
    seconds: float = 30.0
    most_bytes: int = 1 << 20
    binary: bool = False
    node: str = ""

    @property
    def object(self) -> str:
        """`pods/web-1`, with its subresource: `pods/web-1/exec`."""
        plural, _, sub = self.resource.partition("/")
        return f"{plural}/{self.name}/{sub}" if sub else f"{plural}/{self.name}"

    @property
    def command(self) -> str:
        """The kubectl twin, quoted for a shell."""
        return shlex.join(self.kubectl)


class RightAnswer(NamedTuple):
    """Whether the server gives a right; None: it could not say."""

    right: Right
    given: bool | None


class Obstacle(NamedTuple):
    """Why an action may not be performed, in the server's words, and the command that asks for the right."""

    what: str
    why: str
    status: int = 0
    command: str = ""


class Planned(NamedTuple):
    """An action, and what the server says of it before anything is done."""

    action: Action
    rights: tuple[RightAnswer, ...] = ()
    refusals: tuple[Obstacle, ...] = ()
    warnings: tuple[str, ...] = ()
    """The server's own, given with the dry run."""
    pod_security: PodSecurity | None = None
    """None where no pod is made or changed."""
    dry_run: bool = False
    """Whether the server went through with it on trial (a command cannot be tried)."""

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals


class Done(NamedTuple):
    """What came of an action: the transcript of a command, or the object as the server made it.

    `stdout` is the command's output as it came, for what is no text (a packet capture).
    """

    planned: Planned
    transcript: Transcript | None = None
    stdout: bytes = b""
    made: Mapping[str, Any] = {}


class Actor(Protocol):
    """Does what was planned, in one live cluster; exists only where actions are allowed."""

    def plan(self, action: Action) -> Planned:
        """Asks for the rights, tries objects with a dry run. Raises only what fails every request."""
        ...

    def perform(self, planned: Planned) -> Done:
        """Does it. Raises ClusterErrors, and ValueError for a plan that was refused or is another's."""
        ...

    def wait(self, namespace: str, pod: str, until: Callable[[Pod], bool], seconds: float = 60.0) -> Pod:
        """Reads the pod about once a second until `until` says so or the time is over: the last state.

        What the run remembers and records of the pod is this state. Raises ClusterErrors.
        """
        ...

    def borrowed(self, planned: Planned) -> AbstractContextManager[str]:
        """Makes a pod for the length of a block and removes it then; gives its name."""
        ...

    def remove(self, namespace: str, pod: str) -> None:
        """Deletes a pod this actor made; one that is gone already is fine. Raises ClusterErrors."""
        ...

    def close(self) -> list[str]:
        """Removes whatever of its pods is left. Never raises: a sentence for each that could not be."""
        ...


def run_command(
    namespace: str,
    pod: str,
    container: str,
    argv: Sequence[str],
    *,
    words: str = "",
    stdin: bytes | None = None,
    seconds: float = 30.0,
    most_bytes: int = 1 << 20,
    binary: bool = False,
    node: str = "",
) -> Action:
    """A command in a running container, ephemeral ones too. No shell is involved unless `argv` names one.

    `seconds` is its deadline, `most_bytes` how much of both streams is kept: beyond them it is cut off and
    the transcript is `partial`. `binary`: the transcript counts the bytes, `Done.stdout` has them. `node`:
    the container is a node's debugging pod and the command is about that node: so says the transcript.
    """
    stdin_flag = ["-i"] if stdin is not None else []
    kubectl = ["kubectl", "exec", *stdin_flag, pod, "-n", namespace, "-c", container, "--", *argv]
    return Action(
        kind="command",
        words=words or f"run {argv[0]} in container {container} of pod {pod}",
        verb="create",
        resource="pods/exec",
        namespace=namespace,
        name=pod,
        container=container,
        argv=tuple(argv),
        stdin=stdin,
        kubectl=tuple(kubectl),
        rights=EXEC_RIGHTS,
        seconds=seconds,
        most_bytes=most_bytes,
        binary=binary,
        node=node,
    )


def make_pod(
    manifest: Mapping[str, Any],
    *,
    words: str,
    kubectl: Sequence[str],
    image: str = "",
    profile: str = "",
    place: Place = "copy",
    owner: KubernetesObject | None = None,
    lifetime: int = LIFETIME,
) -> Action:
    """A pod of our own. Its labels, its end (`activeDeadlineSeconds`) and its owner are put in here.

    `metadata.name` and `metadata.namespace` must be given (`fresh_name`); labels and annotations of
    what it was copied from are dropped, so that no Service and no controller takes it for its own.
    With `owner` (a pod of the namespace, or the node) it goes when that goes.
    """
    metadata: dict[str, Any] = {
        "name": manifest["metadata"]["name"],
        "namespace": manifest["metadata"]["namespace"],
        "labels": {MANAGED_BY: OURS, RUN: RUN_ID},
    }
    if owner is not None:
        api = type(owner).api
        reference = {"apiVersion": api.group_version, "kind": api.kind, "name": owner.name, "uid": owner.uid}
        metadata["ownerReferences"] = [reference]
    spec = {**manifest["spec"], "activeDeadlineSeconds": lifetime}
    return Action(
        kind="pod",
        words=words,
        verb="create",
        resource="pods",
        namespace=metadata["namespace"],
        name=metadata["name"],
        kubectl=tuple(kubectl),
        rights=(Right("create", "", "pods"), Right("delete", "", "pods")),
        manifest={"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
        image=image or str(next(iter(spec.get("containers") or [{}])).get("image", "")),
        profile=profile,
        place=place,
        seconds=lifetime,
    )


def add_ephemeral_container(
    namespace: str,
    pod: str,
    container: Mapping[str, Any],
    *,
    words: str,
    kubectl: Sequence[str],
    profile: str = "",
) -> Action:
    """An ephemeral container added to a pod. It can never be removed or changed: only the pod can go."""
    return Action(
        kind="ephemeral container",
        words=words,
        verb="patch",
        resource="pods/ephemeralcontainers",
        namespace=namespace,
        name=pod,
        container=str(container["name"]),
        kubectl=tuple(kubectl),
        rights=(Right("patch", "", "pods/ephemeralcontainers"),),
        manifest={"spec": {"ephemeralContainers": [dict(container)]}},
        image=str(container.get("image", "")),
        profile=profile,
        place="container",
        irreversible=True,
    )


def fresh_name(base: str) -> str:
    """`debugger-x7k2p`: `base`, cut to fit a name's 63 characters, and five random letters after it."""
    letters = "".join(secrets.choice(_NAME_LETTERS) for _ in range(5))
    return f"{base[:57].rstrip('-.')}-{letters}"


MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "kuberunbooks"
RUN = "kuberunbooks/run"
RUN_ID = secrets.token_hex(4)
"""Of this process, on every pod it makes: so that a pod can be told from another run's."""
