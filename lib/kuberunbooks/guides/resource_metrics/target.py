"""What the resource-metrics runbook looks at, resolved: pods as the pods guide resolves them, and more.

`resolve` fills it; every step reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from kuberunbooks.findings import Owner, Subject
from kuberunbooks.objects import HorizontalPodAutoscaler, Node

from ..pods.target import Pods


@dataclass
class Measured(Pods):
    """The pods in question, as a target of the pods guide; beside them a node or an autoscaler.

    `about` is what was asked for when it is neither pods nor a workload: `node/n1`, `hpa/web`.
    `node` and `autoscaler` are that object; both None with `about` set: there is none
    (`missing`); then `near_names` are names like it. Of an autoscaler whose target is not
    there, they are names like the target's. `pods_unread` is why the pods could not be read.
    `server` are the pods of metrics-server, once a step has had to look into them.
    `language` is that of the report.
    """

    about: str = ""
    node: Node | None = None
    autoscaler: HorizontalPodAutoscaler | None = None
    pods_unread: str = ""
    server: Pods | None = None
    language: str = "en"

    @property
    def text(self) -> str:
        """The target as the report names it: `node/n1`, `shop/hpa/web`, else as the pods guide does."""
        if not self.about:
            return super().text
        if self.about.startswith("node/"):
            return self.about
        return f"{self.namespace or 'all namespaces'}/{self.about}"

    @property
    def subject(self) -> Subject:
        """The target as a whole."""
        if not self.about:
            return super().subject
        name = self.about.partition("/")[2]
        if self.about.startswith("node/"):
            return Subject(kind="Node", namespace="", name=name)
        return Subject(kind="HorizontalPodAutoscaler", namespace=self.namespace, name=name)

    @property
    def is_node(self) -> bool:
        """One node was asked for."""
        return self.about.startswith("node/")

    def owner_of(self, subject: Subject) -> Owner:
        """Who made a pod of the target, or of metrics-server."""
        owner = super().owner_of(subject)
        return owner if owner.text or self.server is None else self.server.owner_of(subject)


def measured(pods: Pods, **more: Any) -> Measured:
    """A target of the pods guide as one of this guide, with what this one adds."""
    taken = {one.name: getattr(pods, one.name) for one in fields(Pods) if one.init}
    return Measured(**(taken | more))
