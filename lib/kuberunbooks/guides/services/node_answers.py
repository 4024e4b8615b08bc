"""What nodes answered about kube-proxy: their rules, its mode, its health, its metrics, its log.

Told by content, for a pasted file has no command. Read once a run; the steps about
kube-proxy share it, and the cluster's DNS asks it whether its address has rules.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Transcript

from ..rules.iptables_rules import read_iptables
from ..rules.ipvs_rules import read_ipvs
from ..rules.nftables_rules import read_nftables
from ..rules.proxy_backends import NodeRules
from ..rules.proxy_dump import Mode, ProxyDump, merged
from ..rules.proxy_metrics import (
    Health,
    Sync,
    is_proxy_log,
    logged_mode,
    read_health,
    read_mode,
    read_syncs,
)
from .target import Services

_MEMO = "node answers"


class NodeAnswers(NamedTuple):
    """All that nodes said; `sources` are the transcripts each node's rules were read from."""

    rules: list[NodeRules]
    sources: dict[tuple[str, Mode], list[Transcript]]
    modes: list[tuple[Transcript, str]]
    healths: list[tuple[Transcript, Health]]
    syncs: list[tuple[Transcript, list[Sync]]]
    logs: list[Transcript]

    def mode_of(self, node: str) -> tuple[Transcript, str] | None:
        """The mode a node's kube-proxy said last."""
        return next((one for one in reversed(self.modes) if one[0].target.node == node), None)


def node_answers(target: Services, cluster: Cluster) -> NodeAnswers:
    """What the transcripts of this run hold; a pod's own answers are left out."""
    found: NodeAnswers | None = target.memo.get(_MEMO)
    if found is None:
        target.memo[_MEMO] = found = _read(cluster.transcripts())
    return found


def _read(heard: list[Transcript]) -> NodeAnswers:
    found = NodeAnswers([], {}, [], [], [], [])
    parts: dict[tuple[str, Mode], dict[object, tuple[Transcript, ProxyDump]]] = {}
    for one in heard:
        text = one.stdout
        if one.target.kind == "pod" or not text.strip():
            continue
        if (dump := _read_dump(text)) is not None:
            # Of the same table of a node the newest counts.
            kind = (dump.families, dump.has_ways, dump.has_refusals)
            parts.setdefault((one.target.node, dump.mode), {})[kind] = (one, dump)
        elif mode := read_mode(text):
            found.modes.append((one, mode))
        elif (health := read_health(text)) is not None:
            found.healths.append((one, health))
        elif syncs := read_syncs(text):
            found.syncs.append((one, syncs))
        elif "kube-proxy" in " ".join(one.argv) or is_proxy_log(text):
            found.logs.append(one)
            if mode := logged_mode(text):
                # What it says now goes before what it said at its start.
                found.modes.insert(0, (one, mode))
    for (node, mode), dumps in parts.items():
        if _is_in_use(node, mode, parts, found):
            found.sources[node, mode] = [one for one, _ in dumps.values()]
            times = [one.at for one, _ in dumps.values()]
            known = [at for at in times if at is not None]
            at = min(known) if len(known) == len(times) else None
            found.rules.append(NodeRules(node, merged([dump for _, dump in dumps.values()]), at))
    return found


def _read_dump(text: str) -> ProxyDump | None:
    return read_iptables(text) or read_nftables(text) or read_ipvs(text)


def _is_in_use(
    node: str,
    mode: Mode,
    parts: dict[tuple[str, Mode], dict[object, tuple[Transcript, ProxyDump]]],
    found: NodeAnswers,
) -> bool:
    """Whether kube-proxy of this node works in this mode: what it said, else whether its chains are there."""
    said = found.mode_of(node)
    if said is not None:
        return said[1] == mode
    return any(dump.is_proxied for _, dump in parts[node, mode].values())


def when(one: Transcript, now: datetime) -> datetime:
    """When a command was run; now, when nobody noted it."""
    return one.at or now
