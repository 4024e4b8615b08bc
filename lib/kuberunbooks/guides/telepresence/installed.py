"""What of Telepresence is installed in the cluster: its traffic managers and their injector webhooks.

Three requests whatever the cluster's size: the managers by their labels in all
namespaces (a Deployment, in the newest releases a StatefulSet), and the webhooks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import (
    Deployment,
    Evidence,
    MutatingWebhookConfiguration,
    Namespace,
    StatefulSet,
    Webhook,
)

from ..rules.namespace_selection import NAME_LABEL
from ..rules.telepresence_objects import (
    MANAGER,
    MANAGER_LABELS,
    MANAGER_NAMESPACE,
    Settings,
    Version,
    is_injector,
    settings_of,
    version_of,
)


class Manager(NamedTuple):
    """A traffic manager. `version` None: neither its image nor its labels tell one."""

    workload: Deployment | StatefulSet
    version: Version | None
    settings: Settings

    @property
    def namespace(self) -> str:
        """Where it runs."""
        return self.workload.namespace


class Injector(NamedTuple):
    """The webhook by which a manager gets its agents into pods; `path` is its place in its configuration."""

    configuration: MutatingWebhookConfiguration
    webhook: Webhook
    path: str

    @property
    def namespace(self) -> str:
        """The manager's namespace: that of the Service it calls; empty when it calls an address."""
        service = self.webhook.client_config.service
        return service.namespace if service is not None else ""

    def selects(self, namespace: str) -> bool | None:
        """Whether it is called for pods of this namespace; None when that turns on labels not read here."""
        selector = self.webhook.namespace_selector
        if not namespace or not selector.keys <= {NAME_LABEL}:
            return None
        return selector.matches({NAME_LABEL: namespace})


class Installed(NamedTuple):
    """What was found. `known`: every namespace was looked at, so that no manager means there is none.

    `webhooks_known`: the webhooks were read. `why` says what kept the managers from being known.
    """

    managers: list[Manager]
    injectors: list[Injector]
    known: bool
    webhooks_known: bool
    why: str

    @property
    def is_absent(self) -> bool:
        """There is no manager, in any namespace, and that is proven."""
        return not self.managers and self.known

    @property
    def has_trace(self) -> bool:
        """A manager or one of its webhooks is there."""
        return bool(self.managers or self.injectors)

    def absence(self) -> list[Evidence]:
        """Evidence that there is no manager, as far as that was read."""
        cited = [Evidence(f"{Deployment.api.path()}?labelSelector={MANAGER_LABELS}", "items", "none")]
        if self.webhooks_known:
            cited.append(
                Evidence(MutatingWebhookConfiguration.api.path(), "webhooks[agent-injector-…]", "none")
            )
        return cited if self.known else cited[1:]


def find_installed(cluster: Cluster, namespaces: tuple[str, ...]) -> Installed:
    """Looks in all namespaces; where that is not permitted, in these and the usual one."""
    listed = cluster.look(MutatingWebhookConfiguration)
    injectors = [
        Injector(one, webhook, f"webhooks[{index}]")
        for one in listed
        for index, webhook in enumerate(one.webhooks)
        if is_injector(one, webhook)
    ]
    deployments = cluster.look(Deployment, labels=MANAGER_LABELS)
    sets = cluster.look(StatefulSet, labels=MANAGER_LABELS)
    found: dict[tuple[str, str, str], Deployment | StatefulSet] = {}
    found.update((one.key, one) for one in deployments)
    found.update((one.key, one) for one in sets)
    if not (deployments.complete and sets.complete):
        likely = (*namespaces, MANAGER_NAMESPACE, *(one.namespace for one in injectors))
        existing = cluster.look(Namespace)
        names = {one.name for one in existing} if existing.complete else set(likely)
        places = dict.fromkeys(one for one in likely if one and one in names)
        found.update((one.key, one) for one in _by_name(cluster, places))
    return Installed(
        [_manager(one) for one in found.values()],
        injectors,
        deployments.complete and sets.complete,
        listed.complete,
        deployments.why or sets.why,
    )


def _by_name(cluster: Cluster, namespaces: dict[str, None]) -> Iterator[Deployment | StatefulSet]:
    for place in namespaces:
        if (deployment := cluster.find(Deployment, place, MANAGER).object) is not None:
            yield deployment
        if (stateful := cluster.find(StatefulSet, place, MANAGER).object) is not None:
            yield stateful


def _manager(one: Deployment | StatefulSet) -> Manager:
    container = next((each for each in one.template.spec.containers if each.name == MANAGER), None)
    version = version_of(container.image) if container else None
    label = one.metadata.labels.get("app.kubernetes.io/version", "")
    return Manager(one, version or version_of(label), settings_of(container) if container else Settings())
