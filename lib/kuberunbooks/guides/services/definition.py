"""SV-09: the Service's ports against the port the client uses, the pods' ports, and what really listens.

Declared ports are only information: where a request was made to a pod, or a pod's
listening ports were listed, that decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Note, Subject, finding
from kuberunbooks.objects import Evidence, Pod

from ..pods.manifest_file import UnreadableManifest, read_manifest, unreadable
from ..rules.listening_ports import listening_ports
from ..rules.service_match import Backing
from ..rules.service_ports import judge_ports
from ..rules.thresholds import SETTLING
from ..step import NotChecked, Yielded, step
from .target import Services
from .transcripts import answers, cite


@step("SV-09", title="Is it defined right?")
def definition(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Are the port the client uses, the target ports and the protocols right?"""
    if path := str(target.options.get("manifest") or "").strip():
        yield from _manifest(path, target)
    known = Heard(cluster)
    right = []
    with_ports = [one for one in target.backings if not one.service.is_external_name]
    if not with_ports:
        yield NotChecked("There is no Service here that has ports.")
    for backing in with_ports:
        found = [*_client_port(backing, target), *_ports(backing, known)]
        yield from found
        if not found and backing.service.age(cluster.now) >= SETTLING:
            right.append(backing.service)
    if right:
        yield finding(
            "ServiceDefinitionOk",
            right[0] if len(right) == 1 else target.subject,
            evidence=right[0].cite("spec.ports"),
            number=len(right),
        )


class Heard:
    """What was seen of pods' ports: who answered or refused where, and who listens on what."""

    def __init__(self, cluster: Cluster) -> None:
        self._requests: dict[tuple[str, int], tuple[str, Evidence]] = {}
        self._listening: dict[tuple[str, str], tuple[set[int], Evidence]] = {}
        for one in answers(cluster):
            self._requests[(one.host, one.port)] = (one.outcome, cite(one.transcript, one.why))
        for each in cluster.transcripts():
            place = each.target
            ports = listening_ports(each.stdout) if place.pod else None
            if ports is not None:
                shown = f"listening on {', '.join(map(str, sorted(ports)))}"
                self._listening[(place.namespace, place.pod)] = (ports, cite(each, shown))

    def says(self, pod: Pod, port: int) -> tuple[bool, Evidence] | None:
        """Whether the pod serves that TCP port, and who says so; None when nothing was seen of it."""
        for address in pod.addresses:
            outcome, evidence = self._requests.get((address, port), ("", None))
            if evidence is not None and outcome in ("answered", "broken", "refused"):
                return outcome != "refused", evidence
        listed = self._listening.get((pod.namespace, pod.name))
        return (port in listed[0], listed[1]) if listed is not None else None


def _client_port(backing: Backing, target: Services) -> Iterator[Finding]:
    """The port the client was said to use is none of the Service's. Without ports it takes any (headless)."""
    service, wanted = backing.service, target.client_port
    ports = service.spec.ports
    if wanted and ports and wanted not in {port.port for port in ports}:
        yield finding(
            "ServicePortNotListed",
            service,
            evidence=service.cite("spec.ports"),
            wanted=wanted,
            ports=[port.text for port in ports],
            leads_there=next((port.port for port in ports if port.target_port == wanted), 0),
        )


def _ports(backing: Backing, heard: Heard) -> Iterator[Finding]:
    for one in judge_ports(backing.service, backing.pods):
        if one.code != "ServiceTargetPortMismatch" or one.facts["protocol"] != "TCP":
            yield one
            continue
        seen = [said for pod in backing.pods if (said := heard.says(pod, one.facts["target_port"]))]
        if not seen:
            yield one
        elif not any(served for served, _ in seen):
            yield _confirmed(one, [evidence for _, evidence in seen])


def _confirmed(one: Finding, seen: list[Evidence]) -> Finding:
    facts: dict[str, Any] = {**one.facts, "refused": True}
    return finding(
        one.code,
        Subject(kind=one.subject.kind, namespace=one.subject.namespace, name=one.subject.name),
        severity="critical",
        evidence=[*one.evidence, *seen[:3]],
        group=one.group,
        **facts,
    )


def _manifest(path: str, target: Services) -> Iterator[Yielded]:
    """A Service in the file whose targetPort is a quoted number: the API refuses it, so none is live."""
    file = path.rpartition("/")[2]
    try:
        documents = read_manifest(path)
    except UnreadableManifest as error:
        yield unreadable(path, target.subject, error)
        return
    services = [one for one in documents if one["kind"] == "Service"]
    if not services:
        yield Note(text=f"{file} holds no Service.")
    for one in services:
        name, spec = str(one["metadata"].get("name", "")), one.get("spec")
        ports = spec.get("ports") if isinstance(spec, dict) else None
        for index, port in enumerate(ports if isinstance(ports, list) else ()):
            value = port.get("targetPort") if isinstance(port, dict) else None
            if isinstance(value, str) and value.isdigit():
                where = f"spec.ports[{index}].targetPort"
                place = str(one["metadata"].get("namespace") or target.namespace)
                yield finding(
                    "ServiceNumericStringPort",
                    Subject(kind="Service", namespace=place, name=name),
                    evidence=Evidence(f"{file}#{name}", where, f'"{value}"'),
                    file=file,
                    path=path,
                    value=value,
                )
