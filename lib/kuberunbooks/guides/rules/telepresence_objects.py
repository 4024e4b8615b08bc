"""What of Telepresence is visible in Kubernetes objects: agents, replaced containers, settings, versions.

Names and formats are those of Telepresence 2 (pkg/agentconfig, pkg/annotation, the Helm
chart), of its releases up to 2.21 and of those since, and of the 1.x client. Called by
the telepresence guide.

https://github.com/telepresenceio/telepresence
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from kuberunbooks.objects import (
    Container,
    ContainerView,
    Deployment,
    Evidence,
    Job,
    MutatingWebhookConfiguration,
    Pod,
    Webhook,
)

MANAGER = "traffic-manager"
MANAGER_LABELS = "app=traffic-manager,telepresence=manager"
"""The Helm chart gives these to the manager's workload and its pods."""
MANAGER_NAMESPACE = "ambassador"
"""Where `telepresence helm install` puts the manager unless it is told otherwise."""
AGENT = "traffic-agent"
AGENT_INIT = "tel-agent-init"
AGENTS_MAP = "telepresence-agents"
"""The ConfigMap with the agents' configuration, up to 2.21; later it stands in an annotation of the pod."""
NODE_AGENT_LABELS = "app=traffic-node-agent"
METRICS_SERVICE = "telepresence-prometheus"
AGENT_PORT = 9900
"""The first port an agent listens on (Helm value agent.port, its default)."""

_DOMAINS = ("telepresence.io/", "telepresence.getambassador.io/")
_REPLACED = "telepresence.io/replaced-container."
_SLEEPER = ("alpine:latest", ["sleep", "infinity"])
_WEBHOOK_NAME = re.compile(r"^agent-injector-.+\.(?:telepresence|getambassador)\.io$")
_RUN_ID = re.compile(r"^[0-9a-f]{32}$")
_OLD_PROXY = re.compile(r"/telepresence-(?:k8s|ocp|proxy)(?:-priv)?:")
_VERSION = re.compile(r"(?:^|[:v\s])(?P<text>(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)[0-9A-Za-z.+-]*)$")
_KINDS = ("Deployment", "ReplicaSet", "StatefulSet")


class Version(NamedTuple):
    """A release: compares by its numbers; `text` is how it was written, `2.23.0-rc.1`."""

    major: int
    minor: int
    patch: int
    text: str = ""

    @property
    def numbers(self) -> tuple[int, int, int]:
        """What two versions are compared by."""
        return (self.major, self.minor, self.patch)


RECONNECTS = (2, 25, 0)
"""Since then clients bring their intercepts back to a manager that was restarted (release notes)."""
REVOKES = (2, 26, 0)
"""Since then an administrator can end an intercept of somebody else's (release notes)."""
TAKES_OUT = (2, 22, 0)
"""Since then `replace` takes the container out of the pod, and `leave` takes its name (release notes)."""
TAPS = (2, 23, 0)
"""Since then there is `telepresence wiretap` (release notes)."""
PLAIN_UNINSTALL = (2, 21, 0)
"""Since then `telepresence uninstall` takes workloads without a flag (release notes)."""
NEEDS_MANAGER = ((2, 25, 0), (2, 21, 0))
"""A client since the first needs a manager since the second (release notes of 2.25.0)."""


def version_of(text: str) -> Version | None:
    """The version in an image's name or a line of `telepresence version`; None without one."""
    match = _VERSION.search(text.partition("@")[0].strip())
    if match is None:
        return None
    return Version(int(match["major"]), int(match["minor"]), int(match["patch"]), match["text"])


class Settings(NamedTuple):
    """What the traffic manager was told, from its container's environment; the chart's defaults where not.

    `kinds` are the workload kinds it works with. `by_annotation` True: only workloads that
    ask for it by annotation get an agent. `init` False: no init container is injected.
    """

    kinds: tuple[str, ...] = _KINDS
    agent_port: int = AGENT_PORT
    by_annotation: bool = False
    init: bool = True
    allows_global: bool = True
    node_agents: bool = False
    time_to_live: str = ""


def settings_of(container: Container) -> Settings:
    """The settings in the environment of the manager's container (templates/deployment.yaml of the chart)."""
    given = {one.name: one.value for one in container.env if one.value}
    kinds = tuple(given.get("ENABLED_WORKLOAD_KINDS", "").split()) or _KINDS
    if given.get("ARGO_ROLLOUTS_ENABLED") == "true":
        kinds = (*kinds, "Rollout")
    port = given.get("AGENT_PORT", "")
    return Settings(
        kinds=kinds,
        agent_port=int(port) if port.isascii() and port.isdigit() else AGENT_PORT,
        by_annotation=given.get("AGENT_INJECT_POLICY") == "WhenEnabled",
        init=given.get("AGENT_INIT_CONTAINER_ENABLED") != "false",
        allows_global=given.get("INTERCEPT_ALLOW_GLOBAL") != "false",
        node_agents=given.get("NODE_AGENT_ENABLED") == "true",
        time_to_live=given.get("CLIENT_CONNECTION_TTL", ""),
    )


def annotation(annotations: Mapping[str, str], name: str) -> str:
    """The value of one of Telepresence's annotations, under its present or its former prefix."""
    return next((annotations[domain + name] for domain in _DOMAINS if domain + name in annotations), "")


def injection(annotations: Mapping[str, str]) -> str:
    """What the pods ask for: `enabled`, `disabled`, or empty when they leave it to the manager."""
    value = annotation(annotations, "inject-traffic-agent").lower()
    return {"true": "enabled", "false": "disabled"}.get(value, value)


def agent_of(pod: Pod) -> Container | None:
    """The agent's container in a pod's specification."""
    return next((one for one in pod.spec.containers if one.name == AGENT), None)


def agent_views(pod: Pod) -> list[ContainerView]:
    """The agent and its init container, as the kubelet reports them."""
    return [one for one in pod.containers("init", "sidecar", "app") if one.name in (AGENT, AGENT_INIT)]


class Replaced(NamedTuple):
    """A container of the application that does not run because an agent stands in for it."""

    container: str
    evidence: Evidence


def replaced(pod: Pod) -> list[Replaced]:
    """The containers an agent has replaced in this pod, which is how `replace` shows in the cluster.

    Since 2.22 the container is taken out and kept in an annotation; before, it was made to
    sleep. The annotation holds the container's environment, so its value is never quoted.
    """
    if agent_of(pod) is None:
        return []
    present = {one.name for one in pod.spec.containers}
    found = [
        Replaced(name, pod.cite(f"metadata.annotations['{key}']", "present, the container is kept there"))
        for key in pod.metadata.annotations
        if key.startswith(_REPLACED) and (name := key.removeprefix(_REPLACED)) and name not in present
    ]
    for index, one in enumerate(pod.spec.containers):
        if (one.image, one.args) == _SLEEPER:
            found.append(Replaced(one.name, pod.cite(f"spec.containers[{index}].args")))
    return found


class NodeAgent(NamedTuple):
    """A Job that attaches to a pod from outside; it lives while something is attached to the workload."""

    job: Job
    workload: str
    namespace: str
    pod: str


def node_agent(job: Job) -> NodeAgent:
    """Whose agent this Job is, by its labels."""
    labels = job.metadata.labels
    return NodeAgent(
        job,
        labels.get("telepresence.io/agentName", ""),
        labels.get("telepresence.io/workloadNamespace", ""),
        labels.get("telepresence.io/targetPod", ""),
    )


def is_injector(configuration: MutatingWebhookConfiguration, webhook: Webhook) -> bool:
    """Whether this webhook is the agent injector of some traffic manager."""
    return bool(_WEBHOOK_NAME.match(webhook.name)) or (
        configuration.name.startswith("agent-injector-webhook")
        and configuration.metadata.labels.get("app") == MANAGER
    )


def is_swapped(one: Deployment) -> bool:
    """A Deployment that the 1.x client put in the place of another, or made as a proxy of its own."""
    run_id = one.metadata.labels.get("telepresence", "")
    return bool(_RUN_ID.match(run_id)) and any(
        _OLD_PROXY.search(container.image) for container in one.template.spec.containers
    )


def swapped_name(one: Deployment) -> str:
    """The beginning of the original's name; empty for a proxy that replaced nothing.

    The client cuts long names and adds the id of its run.
    """
    suffix = "-" + one.metadata.labels.get("telepresence", "")
    return one.name.removesuffix(suffix) if one.name.endswith(suffix) else ""
