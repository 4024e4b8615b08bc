"""SH-05: do its processes listen where the pod says, and do they answer from inside?

A pod's containers share their sockets, so every declared port of the pod is looked at. A
declaration is only information: what a probe asks weighs more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Severity, Table, finding
from kuberunbooks.objects import Container, ContainerView, Pod, Probe

from ..pods.target import Pods
from ..rules.container_inside import Heard, Inside
from ..rules.proc_sockets import Listener
from ..rules.thresholds import STARTING
from ..step import Yielded, step
from .target import insides, pod_of, unseen, where

_ROWS = 40


class _Port(NamedTuple):
    """A port the pod names. `probes` are the kinds of probes that ask it, but for those that name a host."""

    number: int
    container: str
    name: str
    probes: tuple[str, ...]
    declared: bool
    path: str


@step("SH-05", title="Does it listen where it should?")
def sockets(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Does something listen on the ports the pod declares and probes, and on which addresses?"""
    checked = False
    told: set[tuple[str, str]] = set()
    for one in insides(target, cluster):
        pod = pod_of(target, one)
        yield from _answers(one, pod)
        checked = checked or bool(one.requests)
        if one.sockets is None or one.key[:2] in told:
            continue
        told.add(one.key[:2])
        checked = True
        yield _table(target, one, one.sockets.value, pod)
        yield from _judge(one, one.sockets, pod, cluster)
    if not checked:
        yield unseen("Its listening ports are")


def _answers(one: Inside, pod: Pod) -> Iterator[Finding]:
    """Requests to the container itself: of each port the last one counts."""
    for request in {each.port: each for each in one.requests if each.answered is not None}.values():
        yield finding(
            "LocalhostServes" if request.answered else "LocalhostRefused",
            pod,
            container=one.key[2],
            severity=None if request.answered else _severity(_port_of(pod, request.port), pod, True),
            evidence=Heard(request, request.source).cite(""),
            group=(request.port,),
            port=request.port,
            probes=list(_port_of(pod, request.port).probes),
            asked=True,
            listens=[],
            others=[],
        )


def _judge(one: Inside, seen: Heard[list[Listener]], pod: Pod, cluster: Cluster) -> Iterator[Finding]:
    wanted = _ports(pod)
    by_port: dict[int, list[Listener]] = {}
    for each in seen.value:
        by_port.setdefault(each.port, []).append(each)
    asked = {each.port for each in one.requests}
    others = sorted(set(by_port) - {each.number for each in wanted})
    good = True
    for port in wanted:
        view = next((view for view in pod.containers() if view.name == port.container), None)
        if view is None or view.status.state.running is None:
            continue
        there = by_port.get(port.number, [])
        if not there and port.number not in asked:
            good = False
            yield finding(
                "LocalhostRefused",
                pod,
                container=port.container,
                severity=_severity(port, pod, _has_started(view, cluster)),
                evidence=(
                    pod.cite(port.path),
                    seen.cite(", ".join(f"{p}" for p in sorted(by_port)) or "nothing listens"),
                ),
                group=(port.number,),
                port=port.number,
                probes=list(port.probes),
                asked=False,
                listens=[],
                others=others,
            )
        elif there and all(each.is_local for each in there) and not pod.spec.host_network:
            good = False
            yield finding(
                "ListensOnLocalhostOnly",
                pod,
                container=port.container,
                # What only declares may be meant for a neighbour in the pod; a probe comes from outside.
                severity=None if port.probes and not _is_ready(port, pod) else "info",
                evidence=(pod.cite(port.path), seen.cite(f"{there[0].address}:{port.number}")),
                group=(port.number,),
                port=port.number,
                address=there[0].address,
                probes=list(port.probes),
            )
    if good and wanted:
        yield finding(
            "ListensAsDeclared",
            pod,
            container=one.key[2],
            evidence=seen.cite(", ".join(str(each.number) for each in wanted)),
            ports=[each.number for each in wanted],
        )


def _severity(port: _Port, pod: Pod, started: bool) -> Severity | None:
    """A probe's port is grave, the only declared port worth a warning, one of several a note.

    That a container is ready speaks against it: its probe has been answered.
    """
    if not started:
        return "info"
    if port.probes:
        return "warning" if _is_ready(port, pod) else None
    declared = {each.number for each in _ports(pod) if each.declared}
    return "warning" if declared == {port.number} else "info"


def _is_ready(port: _Port, pod: Pod) -> bool:
    view = next((view for view in pod.containers() if view.name == port.container), None)
    return "readiness" in port.probes and view is not None and view.status.ready


def _has_started(view: ContainerView, cluster: Cluster) -> bool:
    running = view.status.state.running
    since = running.started_at if running is not None else None
    return since is None or (cluster.now - since).total_seconds() > STARTING


def _ports(pod: Pod) -> list[_Port]:
    """The TCP ports its containers declare and its probes ask, each once per container."""
    found: list[_Port] = []
    kinds = (("containers", pod.spec.containers), ("initContainers", pod.spec.init_containers))
    for field, containers in kinds:
        for place, one in enumerate(containers):
            if field == "initContainers" and not one.is_sidecar:
                continue
            found += _of_container(one, f"spec.{field}[{place}]")
    return found


def _of_container(one: Container, path: str) -> Iterator[_Port]:
    probes = _probed(one)
    numbers: set[int] = set()
    for place, port in enumerate(one.ports):
        if port.protocol not in ("TCP", "") or not port.container_port or port.container_port in numbers:
            continue
        numbers.add(port.container_port)
        kinds = tuple(kind for kind, number in probes if number == port.container_port)
        yield _Port(
            port.container_port, one.name, port.name, kinds, True, f"{path}.ports[{place}].containerPort"
        )
    for kind, number in probes:
        if number not in numbers:
            numbers.add(number)
            kinds = tuple(name for name, other in probes if other == number)
            yield _Port(number, one.name, "", kinds, False, f"{path}.{kind}Probe")


def _probed(one: Container) -> list[tuple[str, int]]:
    """The port of each probe that asks the pod's own address."""
    found: list[tuple[str, int]] = []
    for kind, probe in (
        ("readiness", one.readiness_probe),
        ("liveness", one.liveness_probe),
        ("startup", one.startup_probe),
    ):
        if probe is None or _names_host(probe):
            continue
        port = probe.port
        named = next((each.container_port for each in one.ports if each.name and each.name == port), 0)
        number = port if isinstance(port, int) else named or (int(port) if port and port.isdigit() else 0)
        if number:
            found.append((kind, number))
    return found


def _names_host(probe: Probe) -> bool:
    action = probe.http_get or probe.tcp_socket
    return bool(action is not None and action.host)


def _port_of(pod: Pod, number: int) -> _Port:
    return next((one for one in _ports(pod) if one.number == number), _Port(number, "", "", (), False, ""))


def _table(target: Pods, one: Inside, listed: list[Listener], pod: Pod) -> Table:
    wanted = {each.number: each for each in _ports(pod)}
    rows = [[str(each.port), each.address, _use(wanted.get(each.port))] for each in listed]
    rows += [
        [str(number), "nothing listens", _use(port)]
        for number, port in wanted.items()
        if number not in {each.port for each in listed}
    ]
    return Table(
        caption=f"TCP ports listened on in the pod, seen from {where(target, one)}",
        columns=[Column(name="port", numeric=True), Column(name="address"), Column(name="the pod says")],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )


def _use(port: _Port | None) -> str:
    if port is None:
        return ""
    said = [f"declared by {port.container}"] if port.declared else []
    said += [f"{kind} probe" for kind in port.probes]
    return ", ".join(said)
