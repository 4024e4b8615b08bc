"""What the services runbook looks at, resolved: the Services, what stands behind them, and who asks.

`resolve` fills it; every step reads it. The pods behind the Services are a target of
the pods guide in themselves, so that its rules say why one of them is not ready.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Owner, Subject, Words
from kuberunbooks.objects import Pod, Service

from ..pods.target import Key, Pods, owner_text
from ..rules.service_match import Backing


@dataclass
class Services:
    """The target of the services runbook, resolved.

    `backings` are the Services in question with their pods and slices. `behind` holds
    the pods of all of them, resolved as the pods guide resolves its own. `client` is
    the pod that asks, when one was named, and `client_port` the Service port it uses
    (0: not said).

    `wanted` is the target as it was meant (`service/web`, `pod/web-1`), `namespace`
    empty for all. `missing`: there is no such Service; then `near_names` are names
    that look alike and `other_namespaces` where it lives instead. `whole`: all
    Services and pods of the namespace were read, so absence is proven.
    `idle` are, by Service, the workloads behind it (`deployment/web`) where all of
    them are scaled to none.
    `slices_unread` is why the EndpointSlices could not be read, or not all of them:
    then nothing may be said of endpoints.
    """

    wanted: str
    namespace: str
    behind: Pods
    backings: list[Backing] = field(default_factory=list)
    client: Pod | None = None
    client_port: int = 0
    single: bool = False
    whole: bool = False
    idle: dict[Key, list[str]] = field(default_factory=dict)
    slices_unread: ClusterError | None = None
    missing: bool = False
    namespace_missing: bool = False
    near_names: list[str] = field(default_factory=list)
    other_namespaces: list[str] = field(default_factory=list)
    since: float = 3600.0
    options: dict[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    words: Words = field(default_factory=Words)
    memo: dict[str, Any] = field(default_factory=dict)

    @property
    def pods(self) -> list[Pod]:
        """The pods behind the Services, each once."""
        return self.behind.pods

    @property
    def services(self) -> list[Service]:
        """The Services in question."""
        return [one.service for one in self.backings]

    @property
    def text(self) -> str:
        """The target as the report names it: `shop/service/web`, `namespace shop`."""
        place = self.namespace or "all namespaces"
        if self.wanted:
            return f"{place}/{self.wanted}"
        return f"namespace {place}" if self.namespace else place

    @property
    def subject(self) -> Subject:
        """The target as a whole: the Service that was asked for, else the namespace."""
        kind, slash, name = self.wanted.partition("/")
        if slash:
            return Subject(kind=kind.capitalize(), namespace=self.namespace, name=name)
        if self.wanted or not self.namespace:
            return Subject(kind="Services", namespace=self.namespace, name=self.wanted or "all namespaces")
        return Subject(kind="Namespace", namespace="", name=self.namespace)

    def owner_of(self, subject: Subject) -> Owner:
        """The workload of a pod, as the pods guide names it."""
        return self.behind.owner_of(subject)

    def who_made(self, pod: Pod) -> str:
        """`deployment/web`, or `pod/web` for a pod nobody made."""
        return owner_text(pod, self.behind) or pod.kind_name

    @cached_property
    def proxied(self) -> list[Backing]:
        """The Services with an address of their own that kube-proxy has rules for."""
        return [one for one in self.backings if one.service.addresses and not one.service.is_external_name]
