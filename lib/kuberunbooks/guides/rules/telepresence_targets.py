"""Which ports of a Service can be intercepted, and what stands in the way.

Decided as the traffic manager decides when it makes an agent's configuration
(pkg/agentmap: generator.go and discorvery.go; GetWorkload for the kinds). Pure functions
on objects; called by the telepresence guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from kuberunbooks.objects import (
    Container,
    ContainerPort,
    Evidence,
    PodSpec,
    PodTemplate,
    Service,
    ServicePort,
)

from .telepresence_objects import AGENT, Settings, annotation, injection

Reason = Literal[
    "external-name",
    "no-selector",
    "nothing-behind",
    "scaled-to-zero",
    "kind",
    "disabled",
    "opt-in",
    "agent-port",
    "no-port",
    "host-network",
    "init-forbidden",
    "init-off",
    "namespace",
    "no-service",
]
"""Why there is no intercepting it; the catalogue says each in words."""

HARMFUL: tuple[Reason, ...] = ("agent-port", "no-port", "host-network", "init-forbidden")
"""Trying to intercept these would break pods, or shows that the Service is wrong."""

_FORBIDS_NET_ADMIN = ("baseline", "restricted")
"""Pod Security Standards under which no container may add NET_ADMIN, as the init container does."""
_MESHES = {
    "istio-proxy": "Istio",
    "linkerd-proxy": "Linkerd",
    "kuma-sidecar": "Kuma",
    "consul-dataplane": "Consul",
}


class Way(NamedTuple):
    """A port of a Service that can be intercepted: `identifier` is what `--port LOCAL:…` takes.

    `by_rules` True: the port is caught by packet rules, which an init container with
    NET_ADMIN writes; else the agent takes over the port's name.
    """

    port: ServicePort
    identifier: str
    container: str
    container_port: int
    by_rules: bool


class Obstacle(NamedTuple):
    """What stands in the way, where it was read, and what it is about (a kind, a port, a container)."""

    reason: Reason
    evidence: tuple[Evidence, ...]
    detail: str = ""


def ways(service: Service, spec: PodSpec) -> tuple[list[Way], list[ServicePort]]:
    """The Service's ports that lead to a container of these pods, and those that lead to none."""
    found, lost = [], []
    for port in service.spec.ports:
        place = _container_of(port, spec.containers)
        if place is None:
            lost.append(port)
            continue
        container, declared = place
        number = declared.container_port if declared else _number(port)
        numeric = not isinstance(port.target_port, str)
        found.append(
            Way(port, identifier_of(port, service), container.name, number, numeric or service.is_headless)
        )
    return found, lost


def identifier_of(port: ServicePort, service: Service) -> str:
    """A name where the port has one, else its number; with `/UDP` when that is needed to tell it."""
    if port.name:
        return port.name
    alone = sum(one.port == port.port for one in service.spec.ports) == 1
    return str(port.port) if port.protocol == "TCP" and alone else f"{port.port}/{port.protocol}"


def names_port(service: Service, wanted: str) -> ServicePort | None:
    """The port that a person means by its name, its number, or `53/UDP`."""
    word, slash, protocol = wanted.strip().partition("/")
    for port in service.spec.ports:
        if word in (port.name, str(port.port)) and (not slash or protocol.upper() == port.protocol):
            return port
    return None


def service_obstacles(service: Service) -> Iterator[Obstacle]:
    """What keeps any port of this Service from being intercepted, whatever stands behind it."""
    if service.is_external_name:
        yield Obstacle("external-name", (service.cite("spec.externalName"),), service.spec.external_name)
    elif not service.spec.selector:
        yield Obstacle("no-selector", (service.cite("spec.selector", "absent"),))


def template_obstacles(
    template: PodTemplate, found: list[Way], lost: list[ServicePort], settings: Settings, cited: Evidence
) -> Iterator[Obstacle]:
    """What in the pods themselves stands in the way; `cited` is where the template was read."""
    asked = injection(template.metadata.annotations)
    if asked == "disabled":
        yield Obstacle("disabled", (cited,))
    elif asked != "enabled" and settings.by_annotation:
        yield Obstacle("opt-in", (cited,))
    for container in template.spec.containers:
        if container.name != AGENT and any(
            one.container_port == settings.agent_port for one in container.ports
        ):
            yield Obstacle("agent-port", (cited,), f"{container.name} {settings.agent_port}")
    if not found and lost:
        yield Obstacle("no-port", (cited,), ", ".join(str(one.target_port or one.port) for one in lost))
    if template.spec.host_network:
        yield Obstacle("host-network", (cited,), str(settings.agent_port))


def init_obstacle(
    found: list[Way], settings: Settings, security: Mapping[str, str], cited: Evidence | None
) -> Obstacle | None:
    """Where every port needs the init container and cannot have it; `security` are the namespace's labels."""
    if not found or not all(way.by_rules for way in found):
        return None
    if not settings.init:
        return Obstacle("init-off", ())
    level = security.get("pod-security.kubernetes.io/enforce", "")
    if level in _FORBIDS_NET_ADMIN and cited is not None:
        return Obstacle("init-forbidden", (cited,), level)
    return None


def mesh_of(spec: PodSpec, annotations: Mapping[str, str]) -> str:
    """The service mesh whose proxy these pods get, by its container or by who asked for it; else empty."""
    for container in (*spec.containers, *spec.init_containers):
        if container.name in _MESHES:
            return _MESHES[container.name]
    if annotations.get("linkerd.io/inject") == "enabled":
        return "Linkerd"
    return "Istio" if annotations.get("sidecar.istio.io/inject") == "true" else ""


def chosen_container_ports(template: PodTemplate) -> str:
    """The container ports a workload without Service offers by annotation."""
    return annotation(template.metadata.annotations, "inject-container-ports")


def _container_of(
    port: ServicePort, containers: list[Container]
) -> tuple[Container, ContainerPort | None] | None:
    """By name or number; for a number also the first container that declares no port at all."""
    own = [one for one in containers if one.name != AGENT]
    for container in own:
        for declared in container.ports:
            if declared.protocol == port.protocol and _fits(port, declared):
                return container, declared
    if isinstance(port.target_port, str):
        return None
    return next(((one, None) for one in own if not one.ports), None)


def _fits(port: ServicePort, declared: ContainerPort) -> bool:
    if isinstance(port.target_port, str):
        # An agent that is there already has the name; the container's port was renamed.
        return declared.name in (port.target_port, f"tm-{port.target_port}"[:15])
    return declared.container_port == _number(port)


def _number(port: ServicePort) -> int:
    return port.target_port if isinstance(port.target_port, int) and port.target_port else port.port
