"""What the windows-networking guide is about: Windows nodes, and the pods that run or belong there.

`resolve` fills it. `asked` is what the person named, as the pods guide finds it; `windows`
holds only those of its pods that are for Windows, and is what steps of the pods guide are
asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from kuberunbooks.cluster import Listing
from kuberunbooks.findings import Owner, Subject, Words
from kuberunbooks.objects import Node, Pod

from ..pods.target import Pods

WINDOWS = "windows"


@dataclass
class WindowsNetworking:
    """The target. `fleet` are all nodes, as far as they could be read; `node` is the one that was named.

    `namespace` is empty for all, `since` in seconds. `memo` keeps what several steps ask.
    """

    asked: Pods
    windows: Pods
    fleet: Listing[Node]
    node: str = ""
    since: float = 3600.0
    options: dict[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    words: Words = field(default_factory=Words)
    memo: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The target as the report names it."""
        if self.node:
            return f"node/{self.node}"
        if self.asked.wanted:
            return self.asked.text
        return f"Windows nodes, and the pods of {self.asked.text}"

    @property
    def subject(self) -> Subject:
        """The node, what was named, or the cluster."""
        if self.node:
            return Subject(kind="Node", namespace="", name=self.node)
        if self.asked.wanted:
            return self.asked.subject
        return Subject(kind="Cluster", namespace="", name="cluster")

    @property
    def pods(self) -> list[Pod]:
        """The pods for Windows: those the run is about."""
        return self.windows.pods

    def owner_of(self, subject: Subject) -> Owner:
        """The top workload of a pod."""
        return self.windows.owner_of(subject)

    @cached_property
    def windows_nodes(self) -> list[Node]:
        """All Windows nodes that could be read."""
        return [node for node in self.fleet if is_windows(node)]

    @cached_property
    def nodes(self) -> list[Node]:
        """The Windows nodes in question: the one that was named, those of the named pods, else all."""
        if self.node:
            return [node for node in self.windows_nodes if node.name == self.node]
        if self.asked.wanted:
            names = {pod.spec.node_name for pod in self.windows.pods}
            return [node for node in self.windows_nodes if node.name in names]
        return self.windows_nodes

    @cached_property
    def has_both(self) -> bool:
        """Whether there are nodes of Windows and of another system."""
        return bool(self.windows_nodes) and len(self.windows_nodes) < len(self.fleet)

    @property
    def is_without_windows(self) -> bool:
        """Whether it is certain that there is no Windows node."""
        return self.fleet.complete and not self.windows_nodes

    def windows_node(self, name: str) -> Node | None:
        """The Windows node of this name."""
        return next((node for node in self.windows_nodes if node.name == name), None)


def is_windows(node: Node) -> bool:
    """By what its kubelet says, or by its label where that is not there yet."""
    labels = node.metadata.labels
    return node.status.node_info.operating_system.lower() == WINDOWS or (
        not node.status.node_info.operating_system and labels.get("kubernetes.io/os") == WINDOWS
    )
