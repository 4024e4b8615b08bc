"""What the ephemeral-debug runbook is about, resolved: one pod and one of its containers, or one node.

`resolve` fills it; every step reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kuberunbooks.acting import PodSecurity, pod_security
from kuberunbooks.acting.pod_security import Place
from kuberunbooks.findings import Finding, Owner, Subject, Words
from kuberunbooks.objects import Node, Pod

from ..pods.target import Pods
from ..rules.debug_choice import Choice, Situation
from ..rules.debug_commands import Debug, copy_name

DEBUG_IMAGE = "busybox:1.37"
CAPTURE_IMAGE = "nicolaka/netshoot:v0.13"


@dataclass
class Debugging:
    """The target of the ephemeral-debug runbook.

    `behind` is the pods guide's own target that the pod was found by, reduced to that pod; `others` are
    pods of the namespace that may be copies or node shells, as far as they were read, and `more` says how
    many other pods the target names. `node` is the pod's node, or the one that was asked for
    (`about_node`); None when it could not be read. `labels` are the namespace's, None when unknown.
    """

    wanted: str
    namespace: str
    behind: Pods
    pod: Pod | None = None
    container: str = ""
    node_name: str = ""
    node: Node | None = None
    about_node: bool = False
    more: int = 0
    others: list[Pod] = field(default_factory=list)
    labels: dict[str, str] | None = None
    situation: Situation = field(default_factory=Situation)
    choice: Choice = field(default_factory=lambda: Choice("", "starting", ()))
    causes: list[Finding] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    words: Words = field(default_factory=Words)

    @property
    def pods(self) -> list[Pod]:
        """The pod in question."""
        return [self.pod] if self.pod is not None else []

    @property
    def missing(self) -> bool:
        """Neither a pod nor a node was found."""
        return self.pod is None and not self.about_node

    @property
    def text(self) -> str:
        """The target as the report names it."""
        place = self.namespace or "all namespaces"
        return (
            self.wanted
            if self.about_node
            else f"{place}/{self.wanted}"
            if self.wanted
            else f"namespace {place}"
        )

    @property
    def subject(self) -> Subject:
        """The pod or the node."""
        if self.about_node:
            return Subject(kind="Node", namespace="", name=self.node_name)
        if self.pod is not None:
            return Subject(kind="Pod", namespace=self.pod.namespace, name=self.pod.name)
        return self.behind.subject

    def owner_of(self, subject: Subject) -> Owner:
        """The workload of a pod, as the pods guide names it."""
        return self.behind.owner_of(subject)

    @property
    def place(self) -> str:
        """The namespace new objects go to."""
        return self.pod.namespace if self.pod is not None else self.namespace or "default"

    def option(self, name: str) -> str:
        """A text parameter, without blanks around it."""
        return str(self.options.get(name) or "").strip()

    @property
    def way(self) -> str:
        """The way to take: the parameter's, else the recommended one; empty when there is none."""
        return self.option("way") or self.choice.way

    @property
    def image(self) -> str:
        """The image of a debug container."""
        return self.option("image") or DEBUG_IMAGE

    @property
    def command(self) -> tuple[str, ...]:
        """The command to run, as `resolve` split it."""
        return tuple(self.options.get("command words") or ())

    def security(self, profile: str, where: Place) -> PodSecurity:
        """What the namespace's level says of a profile."""
        return pod_security(self.place, self.labels, profile, where)

    @property
    def profile(self) -> str:
        """The parameter's, else the most useful one that the namespace's level lets through."""
        if chosen := self.option("profile"):
            return chosen
        if self.way == "node":
            return "sysadmin"
        if self.situation.windows:
            return "baseline"  # Windows knows no capabilities
        where: Place = "copy" if self.way.startswith("copy") else "container"
        fitting = (
            one
            for one in ("general", "baseline", "restricted")
            if self.security(one, where).fits is not False
        )
        return next(fitting, "restricted")

    def debug(self, **changes: Any) -> Debug:
        """What the kubectl commands of this target are about."""
        taken = {one.name for one in (*self.others, *self.pods)}
        name = self.pod.name if self.pod is not None else ""
        base = Debug(
            namespace=self.place,
            pod=name,
            container=self.container,
            image=self.image,
            profile=self.profile,
            copy=copy_name(name, taken) if name else "",
            node=self.node_name,
            command=self.command,
            target=not self.situation.windows and self.situation.target_supported is not False,
        )
        return base._replace(**changes)
