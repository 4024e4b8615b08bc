"""What the telepresence runbook looks at, resolved: Services and pods, and the managers of the cluster.

`resolve` fills it; every step reads it. The pods are a target of the pods guide in
themselves, so that its rules say why an agent does not run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from kuberunbooks.findings import Owner, Subject, Words
from kuberunbooks.objects import Pod, Service

from ..pods.target import Controller, Pods, owner_text
from ..rules.telepresence_objects import Version, agent_of
from ..rules.telepresence_told import Told
from ..services.target import Services
from .installed import Installed, Manager


@dataclass
class Telepresence:
    """The target of the telepresence runbook, resolved.

    `behind` are the pods in question and the workloads above them. `services` are the
    Services in question; `service` is the one that was asked for, as the services guide
    resolves it, None when the target is something else. `installed` is what of Telepresence
    the cluster has, `told` what workstations printed.

    `local_port` is the port on the workstation (0: the container's own), `remote_port` the
    Service's port, by name or number, empty for any.
    """

    behind: Pods
    installed: Installed
    services: list[Service] = field(default_factory=list)
    service: Services | None = None
    told: list[Told] = field(default_factory=list)
    local_port: int = 0
    remote_port: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)

    @property
    def pods(self) -> list[Pod]:
        """The pods in question."""
        return self.behind.pods

    @property
    def namespace(self) -> str:
        """The namespace in question; empty for all."""
        return self.behind.namespace

    @property
    def now(self) -> datetime | None:
        """The time of the run, or of the case."""
        return self.behind.now

    @property
    def words(self) -> Words:
        """The words of the run's language."""
        return self.behind.words

    @property
    def text(self) -> str:
        """The target as the report names it: `shop/service/web`, `namespace shop`."""
        return self.service.text if self.service is not None else self.behind.text

    @property
    def subject(self) -> Subject:
        """The target as a whole."""
        return self.service.subject if self.service is not None else self.behind.subject

    @property
    def is_explicit(self) -> bool:
        """Something was named, not a whole namespace: then what cannot be intercepted is an answer."""
        return self.service is not None or bool(self.behind.wanted)

    @property
    def is_missing(self) -> bool:
        """What was asked for does not exist."""
        if self.service is not None:
            return self.service.missing or self.service.namespace_missing
        return self.behind.missing or self.behind.namespace_missing

    @cached_property
    def carriers(self) -> list[Pod]:
        """The pods that carry a traffic agent and have not ended."""
        return [pod for pod in self.pods if agent_of(pod) is not None and not pod.is_terminal]

    @cached_property
    def manager(self) -> Manager | None:
        """The only manager there is, or that of the namespace that was named; None when that is not clear."""
        found = self.installed.managers
        named = str(self.options.get("manager_namespace") or "").strip()
        if named:
            found = [one for one in found if one.namespace == named]
        return found[0] if len(found) == 1 else None

    @property
    def client_version(self) -> Version | None:
        """The newest client that printed something."""
        versions = [one.client for one in self.told if one.client is not None]
        return max(versions, key=lambda one: one.numbers, default=None)

    def owner_of(self, subject: Subject) -> Owner:
        """The workload of a pod, as the pods guide names it."""
        found = self.behind.owner_of(subject)
        trouble = self.memo.get("trouble")
        return trouble.owner_of(subject) if not found.text and isinstance(trouble, Pods) else found

    def workload_of(self, pod: Pod) -> str:
        """`deployment/web`, or `pod/web` for a pod nobody made."""
        return owner_text(pod, self.behind) or pod.kind_name

    def top_named(self, namespace: str, text: str) -> Controller | None:
        """The workload of that name (`deployment/web`), if it was read."""
        return next(
            (
                one
                for one in self.behind.controllers.values()
                if one.namespace == namespace and one.kind_name == text
            ),
            None,
        )
