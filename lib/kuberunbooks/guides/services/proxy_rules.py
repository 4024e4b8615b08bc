"""SV-13: the rules kube-proxy wrote on nodes against the endpoints the Services have.

A dump is read once into an index; each Service then costs a look-up. Many Services in
the same trouble are one finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Severity, Table, finding
from kuberunbooks.objects import Evidence

from ..rules.proxy_backends import Judgement, NodeRules, PortVerdict, judge_rules
from ..rules.service_match import Backing
from ..rules.thresholds import SETTLING
from ..step import NotChecked, Yielded, step
from .node_answers import NodeAnswers, node_answers
from .proxy_found import find_proxy
from .target import Services
from .transcripts import cite

_OTHER_PROXY = "service.kubernetes.io/service-proxy-name"
"""A Service with this label is left by kube-proxy to another one."""
_CODES: dict[Judgement, tuple[str, Severity | None]] = {
    "missing": ("ProxyRulesMissing", None),
    "rejected": ("ProxyRejectsService", None),
    "partial": ("ProxyRulesPartial", None),
    "empty": ("ProxyRejectsService", "info"),
    "not local": ("ProxyRejectsService", "info"),
    "right": ("ProxyRulesOk", None),
}
_ORDER: tuple[Judgement, ...] = ("missing", "rejected", "partial", "empty", "not local", "unsure", "right")
_WORDS: dict[Judgement, str] = {
    "missing": "no rule",
    "rejected": "turned away although it has endpoints",
    "partial": "not the endpoints it has",
    "empty": "turned away: it has no endpoint",
    "not local": "dropped: it has no endpoint on this node and wants only those",
    "unsure": "cannot be compared",
    "right": "right",
}
_ROWS = 40
_NAMED = 20
_APART = 5
"""So many Services in the same trouble are told one by one; more are one finding."""
_COMMANDS = (
    "The rules of a node are not in the API. On the node, as root, one of these prints them: "
    "iptables-save; ipvsadm -ln; nft list table ip kube-proxy. "
    "From here a node is reached with: kubectl debug node/NODE -it --profile=sysadmin --image=IMAGE, "
    "where IMAGE has the program. Give the output with the parameter transcripts, "
    "and the name of the node with transcripts_node."
)


class _Judged(NamedTuple):
    backing: Backing
    rules: NodeRules
    verdict: PortVerdict


@step("SV-13", title="Are the rules on the nodes right?")
def proxy_rules(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Do the rules on a node lead from the Service's address to all its ready endpoints?"""
    proxied = [one for one in target.proxied if _OTHER_PROXY not in one.service.metadata.labels]
    if not proxied:
        yield NotChecked("No Service in question has an address that kube-proxy writes rules for.")
        return
    said = node_answers(target, cluster)
    if not said.rules:
        replacement = find_proxy(target, cluster).replacement
        if replacement:
            yield NotChecked(f"{replacement} proxies here, so there are no rules of kube-proxy to compare.")
        else:
            yield NotChecked("No rules of a node were given, so they cannot be compared with the endpoints.")
            yield Note(text=_COMMANDS)
        return
    if target.slices_unread is not None:
        yield NotChecked("The EndpointSlices could not be read, so the rules cannot be compared with them.")
        return
    judged = [
        _Judged(backing, rules, verdict)
        for rules in said.rules
        for backing in proxied
        for verdict in judge_rules(backing, rules, cluster.now)
    ]
    yield from _findings(target, judged, said)
    yield _table(judged)
    yield from _age(target, said.rules, judged, cluster)


def _findings(target: Services, judged: list[_Judged], said: NodeAnswers) -> Iterator[Finding]:
    for judgement in _ORDER:
        found = [one for one in judged if one.verdict.judgement == judgement]
        if judgement not in _CODES or not found:
            continue
        by_service: dict[str, list[_Judged]] = {}
        for one in found:
            by_service.setdefault(f"{one.backing.service.namespace}/{one.backing.service.name}", []).append(
                one
            )
        if judgement == "right" or len(by_service) > _APART:
            yield _finding(target, judgement, found, said, list(by_service))
        else:
            for name, some in by_service.items():
                yield _finding(target, judgement, some, said, [name])


def _finding(
    target: Services, judgement: Judgement, found: list[_Judged], said: NodeAnswers, services: list[str]
) -> Finding:
    code, severity = _CODES[judgement]
    first = found[0]
    service, verdict = first.backing.service, first.verdict
    name_of = {name: name.partition("/")[2] if target.namespace else name for name in services}
    made = finding(
        code,
        service if len(services) == 1 else target.subject,
        severity=severity,
        evidence=_evidence(first, said),
        # Where nobody noted when the rules were read, they may be older than the endpoints.
        likely=judgement in ("missing", "rejected", "partial") and first.rules.at is None,
        group=(judgement,),
        services=[name_of[name] for name in services][:_NAMED],
        number=len(services),
        mode=first.rules.dump.mode,
        nodes=list(dict.fromkeys(one.rules.node for one in found if one.rules.node))[:_NAMED],
        address=verdict.address,
        port=verdict.port.port,
        protocol=verdict.port.protocol,
        expected=verdict.expected,
        found=verdict.found,
        absent=list(verdict.absent[:_NAMED]),
        stale=list(verdict.stale[:_NAMED]),
        holder=verdict.holder,
        node_port=verdict.node_port,
        local=judgement == "not local",
    )
    made.count = len(services)
    return made


def _evidence(one: _Judged, said: NodeAnswers) -> list[Evidence]:
    verdict, rules = one.verdict, one.rules
    wanted = (
        f"node port {verdict.node_port}"
        if verdict.node_port
        else f"{verdict.address} port {verdict.port.port}"
    )
    shown = verdict.line or f"no entry for {wanted} {verdict.port.protocol}"
    sources = said.sources[rules.node, rules.dump.mode]
    # Of several outputs of a node the one that holds the rule.
    source = next((each for each in sources if verdict.line and verdict.line in each.stdout), sources[0])
    cited = [cite(source, shown)]
    if verdict.absent or verdict.judgement == "right":
        slices = one.backing.slices
        if slices:
            ready = f"{verdict.expected} ready for port {verdict.port.text}"
            cited.append(slices[0].cite("endpoints", ready))
    return cited


def _table(judged: list[_Judged]) -> Table:
    ordered = sorted(judged, key=lambda one: _ORDER.index(one.verdict.judgement))
    return Table(
        caption="Rules of the nodes and endpoints of the Services",
        columns=[
            Column(name="Service"),
            Column(name="Address and port"),
            Column(name="Node"),
            Column(name="Mode"),
            Column(name="Ready endpoints", numeric=True),
            Column(name="In the rules", numeric=True),
            Column(name="Verdict"),
        ],
        rows=[
            [
                one.backing.service.name,
                f"{one.verdict.address} {one.verdict.port.text}",
                one.rules.node or "not said",
                one.rules.dump.mode,
                str(one.verdict.expected),
                str(one.verdict.found),
                _WORDS[one.verdict.judgement],
            ]
            for one in ordered[:_ROWS]
        ],
        omitted=max(0, len(ordered) - _ROWS),
    )


def _age(target: Services, rules: list[NodeRules], judged: list[_Judged], cluster: Cluster) -> Iterator[Note]:
    """Why something could not be compared."""
    for one in rules:
        unsure = any(each.rules is one and each.verdict.judgement == "unsure" for each in judged)
        if one.at is None or not unsure:
            continue
        seconds = (cluster.now - one.at).total_seconds()
        if abs(seconds) > SETTLING:
            age, order = target.words.duration(seconds), "before" if seconds > 0 else "after"
            whose = f" of node {one.node}" if one.node else ""
            yield Note(
                text=f"The rules{whose} were read {age} {order} the objects. "
                "What changed in between is held against neither."
            )
