"""Why a pod may not reach itself through its Service: the node's bridge, the CNI's file, the kubelet.

Called by the hairpin step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Finding, Subject, finding
from kuberunbooks.objects import NOT_JSON, Evidence

from ..rules.hairpin_state import read_bridge_plugin, read_ports, read_promiscuous
from .target import Services
from .transcripts import cite

_FLAG_IGNORED_SINCE = 24
"""Since 1.24 (dockershim removed) the kubelet no longer sets hairpin mode, whatever its flag says."""
_MINOR = re.compile(r"^v?1\.(?P<minor>\d+)")
_MOST_NODES = 2


class _Kubelet(msgspec.Struct, rename="camel"):
    hairpin_mode: str = ""


class _Configz(msgspec.Struct):
    kubeletconfig: _Kubelet = msgspec.field(default_factory=_Kubelet)


def bridge_findings(target: Services, cluster: Cluster, nodes: dict[str, list[str]]) -> Iterator[Finding]:
    """The bridge ports that send nothing back; `nodes` where pods of these Services miss themselves."""
    for node, services in nodes.items():
        heard = [one for one in cluster.transcripts() if one.target.node == node and not one.target.pod]
        promiscuous = {name: on for one in heard for name, on in read_promiscuous(one.stdout).items()}
        plugins = [plugin for one in heard if (plugin := read_bridge_plugin(one.stdout)) is not None]
        for one in heard:
            ports = read_ports(one.stdout)
            if plugins:
                ports = [port for port in ports if port.bridge == plugins[0][0]]
            off = [port for port in ports if not port.is_on and promiscuous.get(port.bridge) is False]
            if not off:
                continue
            line = next(text for text in one.stdout.splitlines() if f"/{off[0].name}" in text)
            yield finding(
                "HairpinPortOff",
                Subject(kind="Node", namespace="", name=node),
                evidence=cite(one, line),
                bridge=off[0].bridge,
                ports=[port.name for port in off][:10],
                number=len(off),
                of=len(ports),
                configured=plugins[0][1] if plugins else None,
                explains=services,
            )


def kubelet_findings(target: Services, cluster: Cluster, failing: list[str]) -> Iterator[Finding]:
    """The kubelet's own setting, where it was recorded or matters; newer ones do not act on it."""
    if cluster.origin.kind != "case":
        names = failing  # its configuration is read through the kubelet: not without need
    else:
        names = list(dict.fromkeys(pod.spec.node_name for pod in target.pods if pod.spec.node_name))
    for name in names[:_MOST_NODES]:
        mode, evidence = _configured(name, cluster)
        if evidence is None:
            continue
        subject = Subject(kind="Node", namespace="", name=name)
        if mode == "none":
            yield finding("HairpinModeNone", subject, evidence=evidence, node=name)
        node = cluster.node(name).object
        match = _MINOR.match(node.status.node_info.kubelet_version) if node is not None else None
        if node is None or match is None or int(match["minor"]) < _FLAG_IGNORED_SINCE:
            continue
        if mode == "none" or name in failing:
            version = node.cite("status.nodeInfo.kubeletVersion")
            yield finding(
                "HairpinFlagIneffective", subject, evidence=(evidence, version), mode=mode, node=name
            )


def _configured(node: str, cluster: Cluster) -> tuple[str, Evidence | None]:
    path = f"nodes/{node}/configz"
    try:
        body = cluster.recorded(path)
        if body is None:
            return "", None
        mode = msgspec.json.decode(body, type=_Configz).kubeletconfig.hairpin_mode
    except (ClusterError, msgspec.ValidationError, *NOT_JSON):
        return "", None
    return mode, Evidence(f"raw/{path}.json", "kubeletconfig.hairpinMode", mode or "absent")
