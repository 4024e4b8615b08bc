"""The findings of SV-03, made of what `policy_situations` and `policy_egress` worked out.

Called by `policies`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Severity, Subject, finding
from kuberunbooks.objects import Evidence, NetworkPolicy, Pod, Service

from ..rules.curl_output import Answer
from ..rules.network_policies import Rule, describe_peers, describe_ports, describe_ways
from ..rules.service_match import Backing
from .dns_heard import Asker
from .policy_answers import Contradiction, got_through, reaches_dns, requests_of, was_in_force
from .policy_egress import WayOut, blocks_dns
from .policy_situations import Access, Judge, Key, Situation, names_of, service_names
from .target import Services
from .transcripts import cite

_MOST_ALIKE = 5
"""More situations of one code than this are told in one finding; the table has them all."""
_MOST_QUOTED = 3

_CODES: dict[Access, str] = {
    "closed": "NetworkPolicyDeniesAllIngress",
    "port": "NetworkPolicyPortNotAllowed",
    "barred": "NetworkPolicyDeniesClient",
    "some": "NetworkPolicyRestrictsSources",
    "pods": "NetworkPolicyRestrictsSources",
    "unsure": "NetworkPolicyRestrictsSources",
}


def report_not_enforced(target: Services, found: Sequence[Contradiction]) -> Iterator[Finding]:
    """One finding however many answers show it; those of other pods and addresses are counted."""
    if found:
        first = found[0]
        yield _not_enforced(target, first.asker, first.address, first.policies, first.answer, len(found))


def _not_enforced(
    target: Services,
    asker: Pod,
    address: str,
    against: Sequence[NetworkPolicy],
    answer: Answer,
    answered: int,
) -> Finding:
    return finding(
        "NetworkPolicyNotEnforced",
        _subject(target, {}),
        evidence=(cite(answer.transcript), against[0].cite("spec.podSelector")),
        likely=True,
        group=(asker.name,),
        asker=asker.name,
        asker_place=asker.namespace,
        address=address,
        status=answer.status,
        policies=names_of(against),
        first=against[0].name,
        place=against[0].namespace,
        answered=answered,
    )


def report_situations(
    target: Services, cluster: Cluster, situations: Sequence[Situation], against: Sequence[Contradiction]
) -> Iterator[Finding]:
    """What keeps clients from the pods; what recorded answers contradict is no alarm."""
    refuted = {policy.key: one.asker.name for one in against for policy in one.policies}
    somewhere = any(one.access in ("open", "pods", "admitted") for one in situations)
    alike: dict[tuple[str, Severity, bool], list[Situation]] = {}
    for one in situations:
        if not keeps_away(one):
            continue
        contradicted = any(policy.key in refuted for policy in one.policies)
        code, severity = _judged(one, contradicted=contradicted, elsewhere=somewhere)
        alike.setdefault((code, severity, contradicted), []).append(one)
    for (code, severity, contradicted), found in alike.items():
        asker = ""
        if contradicted:
            asker = next(refuted[one.key] for each in found for one in each.policies if one.key in refuted)
        together = [found] if len(found) > _MOST_ALIKE else [[one] for one in found]
        for some in together:
            yield _finding(target, cluster, code, severity, some, asker)


def keeps_away(one: Situation) -> bool:
    """Whether some clients may not get through; every pod is enough unless others are meant, too."""
    return one.access in _CODES and (one.access != "pods" or one.exposed)


def _judged(one: Situation, *, contradicted: bool, elsewhere: bool) -> tuple[str, Severity]:
    """The code and how bad it is. `elsewhere`: the client gets to another Service or port."""
    code = _CODES[one.access]
    if one.access in ("some", "pods"):
        return code, "warning"
    if one.access == "unsure":
        return code, "info"
    if contradicted:
        return (_CODES["some"] if one.access == "barred" else code), "info"
    serious = one.severe and not (one.access == "barred" and elsewhere)
    return code, "critical" if serious else "warning"


def _finding(
    target: Services,
    cluster: Cluster,
    code: str,
    severity: Severity,
    found: Sequence[Situation],
    contradicted_by: str,
) -> Finding:
    backings, selecting = _united(found)
    rules = [rule for one in found for rule in one.rules]
    access, client = found[0].access, target.client
    asked = requests_of(target, cluster, client, list(backings.values())) if client is not None else []
    dropped = next((one for one in asked if one.outcome == "dropped"), None)
    evidence = list(_evidence(access, selecting, rules))
    if access == "barred" and dropped is not None:
        evidence.append(cite(dropped.transcript))
    # What keeps some clients away explains no fault of a Service: then it is about the policy.
    about = _subject(target, backings) if severity == "critical" else selecting[0]
    return finding(
        code,
        about,
        severity=severity,
        evidence=evidence,
        since=_since(selecting),
        likely=access == "barred" and dropped is None,
        group=(tuple(names_of(selecting)), tuple(rule.key for rule in rules)),
        first=selecting[0].name,
        place=selecting[0].namespace,
        services=service_names(target, backings),
        number=len(backings),
        policies=names_of(selecting),
        ports=sorted({port for each in found for port in each.ports}),
        sources=describe_peers(rules),
        allowed=describe_ports(rules),
        access=access,
        partly=not any(each.severe for each in found),
        client=client.name if client is not None and access in ("barred", "unsure") else "",
        client_place=client.namespace if client is not None else "",
        contradicted_by=contradicted_by,
        dropped=dropped is not None,
        explains=_explained(backings) if severity == "critical" else [],
    )


def report_way_out(
    target: Services,
    cluster: Cluster,
    client: Pod,
    way: WayOut,
    backings: Sequence[Backing],
    judge: Judge,
) -> Iterator[Finding]:
    """What the client's own policies keep it from: the Services, and the DNS it finds them by."""
    lost = way.blocked or way.partly
    if lost:
        names = {one.key for one in lost}
        asked = requests_of(target, cluster, client, [one for one in backings if one.service.key in names])
        through = got_through(asked) if way.blocked else None
        if through is not None and not was_in_force(way.policies, through.transcript):
            through = None
        if through is not None:
            address = f"{through.host}:{through.port}"
            yield _not_enforced(target, client, address, way.policies, through, 1)
        yield _egress_blocked(client, way, asked, through, len(backings))
    if blocks_dns(client, way, cluster, judge) and not reaches_dns(target, cluster, client):
        yield finding(
            "NetworkPolicyBlocksDns",
            client,
            evidence=[one.cite("spec.egress") for one in way.policies[:_MOST_QUOTED]],
            since=_since(way.policies),
            likely=True,
            first=way.policies[0].name,
            policies=names_of(way.policies),
            ways=describe_ways(way.rules),
            explains=[f"/{Asker(client.namespace, client.name).key}"],
        )


def _egress_blocked(
    client: Pod, way: WayOut, asked: Sequence[Answer], through: Answer | None, services: int
) -> Finding:
    lost = way.blocked or way.partly
    dropped = next((one for one in asked if one.outcome == "dropped"), None)
    evidence = [one.cite("spec.egress") for one in way.policies[:_MOST_QUOTED]]
    if dropped is not None:
        evidence.append(cite(dropped.transcript))
    severity: Severity = "info" if through else "critical" if len(way.blocked) == services else "warning"
    return finding(
        "NetworkPolicyEgressBlocked",
        client,
        severity=severity,
        evidence=evidence,
        since=_since(way.policies),
        likely=dropped is None,
        first=way.policies[0].name,
        policies=names_of(way.policies),
        services=sorted(one.name for one in lost),
        ways=describe_ways(way.rules),
        partly=not way.blocked,
        explains=_explained(one.key for one in lost) if severity == "critical" else [],
        contradicted_by=client.name if through else "",
    )


def report_all_right(
    target: Services, situations: Sequence[Situation], way: WayOut | None, vendors: Sequence[str] | None
) -> Iterator[Finding]:
    """No policy keeps clients from the pods; with other kinds of policies about, nobody knows."""
    backings, selecting = _united(situations)
    out = way.policies if way is not None else []
    let_in = way is not None and bool(selecting or out)
    yield finding(
        "NetworkPolicyAllowsClient" if let_in else "NetworkPolicyNone",
        _subject(target, backings),
        severity="info" if vendors else None,
        evidence=[one.cite("spec.podSelector") for one in (*selecting, *out)[:_MOST_QUOTED]],
        services=service_names(target, backings),
        number=len(backings),
        policies=names_of(selecting),
        client=target.client.name if target.client is not None else "",
        out=names_of(out),
        vendors=list(vendors or ()),
    )


def _evidence(
    access: Access, selecting: Sequence[NetworkPolicy], rules: Sequence[Rule]
) -> Iterator[Evidence]:
    for policy in selecting[:_MOST_QUOTED]:
        yield policy.cite("spec.podSelector")
        if access == "closed":
            yield policy.cite("spec.ingress")
    for rule in rules[:_MOST_QUOTED]:
        yield rule.policy.cite(f"{rule.path}.ports" if access == "port" else rule.peers_path)


def _united(found: Iterable[Situation]) -> tuple[dict[Key, Backing], list[NetworkPolicy]]:
    """All Services and all policies of several situations, each once."""
    backings: dict[Key, Backing] = {}
    selecting: dict[Key, NetworkPolicy] = {}
    for one in found:
        backings.update(one.backings)
        selecting.update((policy.key, policy) for policy in one.policies)
    return backings, list(selecting.values())


def _explained(services: Iterable[Key]) -> list[str]:
    """The Services as the headline compares what a cause explains."""
    return [f"{place}/service/{name}" for _, place, name in services]


def _subject(target: Services, backings: Mapping[Key, Backing]) -> Service | Subject:
    only = list(backings.values()) if backings else target.backings
    return only[0].service if len(only) == 1 else target.subject


def _since(found: Sequence[NetworkPolicy]) -> datetime | None:
    """When the newest of them was made; nothing when one was changed since, for nobody notes when."""
    if any(one.metadata.generation > 1 for one in found):
        return None
    return max((at for one in found if (at := one.metadata.creation_timestamp) is not None), default=None)
