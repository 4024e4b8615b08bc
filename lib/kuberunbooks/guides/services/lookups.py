"""SV-04 and SV-05: does the Service's name lead to its address, from pods and from nodes?

Answers come from transcripts only. A name has three forms (`web`, `web.shop`,
`web.shop.svc.cluster.local`); which of them fail tells where the fault is. Of the same
question asked again, the newest answer counts.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Subject, Table, finding
from kuberunbooks.objects import Service

from ..rules.lookup_output import Lookup
from ..rules.service_match import Backing
from ..rules.thresholds import SETTLING
from ..step import NotChecked, Yielded, step
from .dns_heard import Asked, Asker, heard, newest, same_address
from .dns_names import (
    DEFAULT_DOMAIN,
    FULL,
    QUALIFIED,
    SHORT,
    ServiceNames,
    expected_of,
    leads_there,
    pod_addresses,
)
from .dns_service import cluster_dns_of, kubelet_dns
from .target import Services
from .transcripts import cite

_FORMS = (SHORT, QUALIFIED, FULL)
_ROWS = 40
_WORST_FIRST = ("silent", "failing", "absent", "unclear")
"""What a failure says of the whole when the forms of a name fail in different ways."""


@step("SV-04", title="Does its name resolve?")
def lookups(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Does the name lead to the Service's address, in each of its three forms?"""
    names = ServiceNames(target, cluster)
    groups: dict[tuple[str, str, Asker], tuple[Backing, dict[str, list[Asked]]]] = {}
    shown: list[Asked] = []
    for one in heard(target, cluster).by_pods:
        meant = names.meant(one.lookup.name, one.asker.namespace)
        if meant is None:
            continue
        shown.append(one)
        service = meant.backing.service
        if not _says_nothing(one.lookup, service) and not _by_another_server(one.lookup, target, cluster):
            key = (service.namespace, service.name, one.asker)
            groups.setdefault(key, (meant.backing, {}))[1].setdefault(meant.form, []).append(one)
    judged = False
    of_client = {key[:2] for key in groups if _is_client(target, key[2])}
    for (*service_key, asker), (backing, asked) in groups.items():
        if tuple(service_key) in of_client and not _is_client(target, asker):
            continue  # another pod may be told other things
        forms = {form: newest(found).lookup for form, found in asked.items()}
        for found in _judge(target, names.domain or DEFAULT_DOMAIN, backing, asker, forms):
            judged = True
            yield found
    if shown:
        yield _table("What was asked for the Service's name", shown)
    if not judged:
        yield from _unasked(target, cluster, bool(shown))


@step("SV-05", title="Does its name resolve on a node?")
def node_lookup(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Does the DNS Service answer a node?"""
    dns = cluster_dns_of(target, cluster) if heard(target, cluster).by_nodes else None
    addresses = [*dns.addresses, *kubelet_dns(target, cluster).addresses] if dns else []
    by_node: dict[str, list[Asked]] = {}
    names = ServiceNames(target, cluster)
    for one in heard(target, cluster).by_nodes:
        # A node's own resolver does not know the cluster's names, and need not.
        asked_dns = one.lookup.explicit or any(same_address(one.lookup.server, ip) for ip in addresses)
        if asked_dns and _tells_of_dns(one.lookup, names):
            by_node.setdefault(one.asker.node, []).append(one)
    for node, asked in by_node.items():
        yield from _on_node(target, node, newest(asked), names)
    if by_node:
        yield _table("What nodes asked the DNS Service", [one for each in by_node.values() for one in each])
    else:
        yield NotChecked(
            "No lookup with the DNS Service's address was made on a node: give its output with the "
            "parameters transcripts and transcripts_node."
        )
        yield from _on_a_node(target, cluster, names)


def _judge(
    target: Services, domain: str, backing: Backing, asker: Asker, forms: dict[str, Lookup]
) -> Iterator[Finding]:
    """The one verdict on the names of a Service as one pod sees them."""
    service = backing.service
    foreign = bool(asker.namespace) and asker.namespace != service.namespace
    short = forms.get(SHORT)
    namesake = foreign and short is not None and short.told == "resolved" and not leads_there(short, backing)
    if namesake:
        # Another Service, of the asking pod's own namespace: it matters if that pod is meant to use ours.
        del forms[SHORT]
    works = [form for form in _FORMS if form in forms and forms[form].told == "resolved"]
    fails = [form for form in _FORMS if form in forms and form not in works]
    facts = _facts(f"{service.name}.{service.namespace}.svc.{domain}", asker, forms, works, fails)
    wrong = [form for form in works if not leads_there(forms[form], backing)]
    if wrong:
        yield _wrong_address(backing, forms[wrong[0]], facts)
    elif (
        short is not None
        and foreign
        and (_is_client(target, asker) if namesake else _is_only_short(forms, fails))
    ):
        yield finding(
            "ServiceDnsCrossNamespace",
            service,
            evidence=cite(short.transcript),
            likely=not works,
            resolves_to=list(short.addresses),
            **facts,
        )
    elif not works and fails:
        yield from _all_fail(backing, facts, forms, fails)
    elif QUALIFIED in fails and FULL in works:
        yield finding("ServiceDnsQualifiedFails", service, evidence=_cited(forms, [QUALIFIED, FULL]), **facts)
    elif SHORT in fails and not foreign and asker.namespace:
        yield finding("ServiceDnsShortNameFails", service, evidence=_cited(forms, [SHORT, works[0]]), **facts)
    elif works:
        yield finding("ServiceDnsOk", service, evidence=cite(forms[works[0]].transcript), **facts)


def _is_client(target: Services, asker: Asker) -> bool:
    client = target.client
    return client is not None and (client.namespace, client.name) == (asker.namespace, asker.pod)


def _is_only_short(forms: dict[str, Lookup], fails: list[str]) -> bool:
    """Only the short name is unknown; that no server answers says nothing of the name."""
    return fails == [SHORT] and forms[SHORT].told in ("absent", "unclear")


def _all_fail(
    backing: Backing, facts: dict[str, Any], forms: dict[str, Lookup], fails: list[str]
) -> Iterator[Finding]:
    quiet = all(forms[form].told in ("absent", "unclear") for form in fails)
    if quiet and backing.service.is_headless and not pod_addresses(backing):
        return  # without a ready pod a headless Service has no address, and so no name
    yield _fails(backing, facts, forms, fails)


def _fails(backing: Backing, facts: dict[str, Any], forms: dict[str, Lookup], fails: list[str]) -> Finding:
    told = {forms[form].told for form in fails}
    alias = next((forms[form].alias for form in fails if forms[form].alias), "")
    return finding(
        "ServiceDnsFails",
        backing.service,
        evidence=_cited(forms, fails),
        told=next(one for one in _WORST_FIRST if one in told),
        alias=alias or (backing.service.spec.external_name if backing.service.is_external_name else ""),
        **facts,
    )


def _wrong_address(backing: Backing, lookup: Lookup, facts: dict[str, Any]) -> Finding:
    service = backing.service
    return finding(
        "ServiceDnsWrongAddress",
        service,
        evidence=(
            cite(lookup.transcript, lookup.alias or ", ".join(lookup.addresses)),
            service.cite("spec.externalName" if service.is_external_name else "spec.clusterIPs"),
        ),
        asked=lookup.name,
        got=[lookup.alias] if service.is_external_name else list(lookup.addresses),
        expected=expected_of(backing),
        full=lookup.full if lookup.full != lookup.name else "",
        **facts,
    )


def _facts(
    full_name: str, asker: Asker, forms: dict[str, Lookup], works: list[str], fails: list[str]
) -> dict[str, Any]:
    failed = [forms[form] for form in fails]
    return {
        "asker": asker.text,
        "asker_namespace": asker.namespace,
        "asker_pod": asker.pod,
        "works": [forms[form].name for form in works],
        "fails": [one.name for one in failed],
        "server": next((one.server for one in failed if one.server), ""),
        "why": list(dict.fromkeys(said for one in failed for said in one.why)),
        "full_name": full_name,
        # What is wrong with the DNS, or with this pod's resolver, explains it.
        **({"because": ["dns/cluster", asker.key]} if fails else {}),
    }


def _says_nothing(lookup: Lookup, service: Service) -> bool:
    """Without a verdict, or asked before the DNS could know the Service."""
    at, made = lookup.transcript.at, service.metadata.creation_timestamp
    early = at is not None and made is not None and (at - made).total_seconds() < SETTLING
    return early or lookup.told == "nothing"


def _by_another_server(lookup: Lookup, target: Services, cluster: Cluster) -> bool:
    """Asked of a server the command names that is not the cluster's DNS, as far as that is known."""
    if not lookup.explicit:
        return False
    known = [*cluster_dns_of(target, cluster).addresses, *kubelet_dns(target, cluster).addresses]
    return bool(known) and not any(same_address(lookup.server, ip) for ip in known)


def _cited(forms: dict[str, Lookup], wanted: Iterable[str]) -> list[Any]:
    return [cite(forms[form].transcript) for form in wanted if form in forms]


def _tells_of_dns(lookup: Lookup, names: ServiceNames) -> bool:
    """Only full names: a node searches other domains. Unknown names count only where they should be known."""
    if lookup.told in ("nothing", "unclear") or ".svc." not in f"{lookup.name}.":
        return False
    ours = names.meant(lookup.name, "") is not None or lookup.name.startswith("kubernetes.default.svc.")
    return ours or lookup.told != "absent"


def _on_node(target: Services, node: str, asked: Asked, names: ServiceNames) -> Iterator[Finding]:
    lookup = asked.lookup
    meant = names.meant(lookup.name, "")
    if lookup.told == "resolved" and meant is not None and not leads_there(lookup, meant.backing):
        yield _wrong_address(meant.backing, lookup, _facts(lookup.name, asked.asker, {}, [], []))
        return
    subject = Subject(kind="Node", namespace="", name=node)
    facts: dict[str, Any] = {"asked": lookup.name, "server": lookup.server, "why": list(lookup.why)}
    if lookup.told == "resolved":
        yield finding("NodeDnsOk", subject, evidence=cite(lookup.transcript), **facts)
    else:
        yield finding(
            "NodeDnsFails",
            subject,
            evidence=cite(lookup.transcript),
            told=lookup.told,
            because=["dns/cluster"],
            **facts,
        )


def _unasked(target: Services, cluster: Cluster, tried: bool) -> Iterator[Yielded]:
    yield NotChecked(
        "The lookups that were made say nothing of the Service's name."
        if tried
        else "No lookup of the Service's name was made: give what nslookup prints in a pod with the "
        "parameter transcripts."
    )
    service = next(iter(target.services), None)
    if service is not None and target.single:
        yield Note(text=f"To look it up where a client does: {_command(target, cluster, service)}")


def _on_a_node(target: Services, cluster: Cluster, names: ServiceNames) -> Iterator[Note]:
    """The lookup by hand: no run goes to a node for it."""
    service = next(iter(target.services), None)
    server = next(iter(cluster_dns_of(target, cluster).addresses), "")
    if service is not None and target.single and server:
        name = f"{service.name}.{service.namespace}.svc.{names.domain or DEFAULT_DOMAIN}"
        yield Note(text=f"On a node: {shlex.join(['nslookup', name, server])}")


def _command(target: Services, cluster: Cluster, service: Service) -> str:
    domain = ServiceNames(target, cluster).domain or DEFAULT_DOMAIN
    name = f"{service.name}.{service.namespace}"
    asked = (service.name, name, f"{name}.svc.{domain}", "kubernetes.default")
    script = shlex.quote(
        "; ".join(["cat /etc/resolv.conf", *(f"nslookup {shlex.quote(one)}" for one in asked)])
    )
    if target.client is not None:
        place, pod = shlex.quote(target.client.namespace), shlex.quote(target.client.name)
        return f"kubectl exec -n {place} {pod} -- sh -xc {script}"
    place = shlex.quote(service.namespace)
    image = "registry.k8s.io/busybox:1.27.2"
    return f"kubectl run dns-check -n {place} -it --rm --restart=Never --image={image} -- sh -xc {script}"


def _table(caption: str, asked: list[Asked]) -> Table:
    return Table(
        caption=caption,
        columns=[Column(name=name) for name in ("asked by", "name", "server", "answer")],
        rows=[
            [one.asker.text, one.lookup.name, one.lookup.server, _answer(one.lookup)] for one in asked[:_ROWS]
        ],
        omitted=max(len(asked) - _ROWS, 0),
    )


def _answer(lookup: Lookup) -> str:
    if lookup.told == "resolved":
        return ", ".join((*((lookup.alias,) if lookup.alias else ()), *lookup.addresses)) or "resolved"
    return ", ".join(lookup.why) or ("no address" if lookup.told == "nothing" else "does not resolve")
