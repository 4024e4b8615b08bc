"""Whether a Service's ports lead anywhere: its target ports against what the selected pods declare.

A container's port declaration is informational, the process may listen on more: a
number that is not declared is therefore only likely wrong, and only when the pods
declare others and no port of the Service fits. A port *name* must be declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kuberunbooks.findings import Finding, Severity, finding
from kuberunbooks.objects import ContainerPort, Pod, Service, ServicePort

_PODS_QUOTED = 10


def judge_ports(service: Service, pods: Iterable[Pod], severity: Severity | None = None) -> Iterator[Finding]:
    """The ports of a Service that its pods do not offer. With `severity` every finding gets that one."""
    living = [pod for pod in pods if not pod.is_terminal and pod.metadata.deletion_timestamp is None]
    if not living or service.spec.type == "ExternalName":
        return
    undeclared = []
    for index, port in enumerate(service.spec.ports):
        if isinstance(port.target_port, str):
            yield from _named(service, index, port, living, severity)
        elif not any(_offers(pod, port) for pod in living):
            undeclared.append((index, port))
    declared = sorted({_text(one) for pod in living[:_PODS_QUOTED] for one in declared_ports(pod)})
    if not declared:
        return
    others_fit = len(undeclared) < len(service.spec.ports)
    for index, port in undeclared:
        yield from _numbered(service, index, port, living, declared, "info" if others_fit else severity)


def declared_ports(pod: Pod) -> Iterator[ContainerPort]:
    """The ports of a pod's containers and sidecars: what the endpoints controller resolves names with."""
    for container in pod.spec.containers:
        yield from container.ports
    for container in pod.spec.init_containers:
        if container.is_sidecar:
            yield from container.ports


def _named(
    service: Service, index: int, port: ServicePort, pods: list[Pod], severity: Severity | None
) -> Iterator[Finding]:
    without = [
        pod
        for pod in pods
        if not any(
            one.name == port.target_port and one.protocol == port.protocol for one in declared_ports(pod)
        )
    ]
    if not without:
        return
    names = sorted({one.name for pod in without[:_PODS_QUOTED] for one in declared_ports(pod) if one.name})
    yield finding(
        "ServiceNamedPortMissing",
        service,
        severity=severity or ("critical" if len(without) == len(pods) else "warning"),
        evidence=(
            service.cite(f"spec.ports[{index}].targetPort"),
            without[0].cite("spec.containers[0].ports"),
        ),
        group=(port.target_port,),
        target_port=port.target_port,
        port=port.port,
        protocol=port.protocol,
        names=names,
        without=len(without),
        pods=len(pods),
    )


def _numbered(
    service: Service,
    index: int,
    port: ServicePort,
    pods: list[Pod],
    declared: list[str],
    severity: Severity | None,
) -> Iterator[Finding]:
    number = port.target_port or port.port
    other_protocol = sorted(
        {
            one.protocol
            for pod in pods[:_PODS_QUOTED]
            for one in declared_ports(pod)
            if one.container_port == number
        }
    )
    yield finding(
        "ServiceProtocolMismatch" if other_protocol else "ServiceTargetPortMismatch",
        service,
        severity=severity,
        evidence=(service.cite(f"spec.ports[{index}].targetPort"), pods[0].cite("spec.containers[0].ports")),
        likely=True,
        group=(number, port.protocol),
        target_port=number,
        port=port.port,
        protocol=port.protocol,
        declared=declared,
        declared_protocols=other_protocol,
    )


def _offers(pod: Pod, port: ServicePort) -> bool:
    number = port.target_port or port.port
    return any(one.container_port == number and one.protocol == port.protocol for one in declared_ports(pod))


def _text(port: ContainerPort) -> str:
    number = f"{port.container_port}" if port.protocol == "TCP" else f"{port.container_port}/{port.protocol}"
    return f"{port.name} ({number})" if port.name else number
