"""SV-14: what a node gets from the Service's address, and whether its kube-proxy keeps its rules up to date.

A node's own request passes no network policy of pods and no DNS: when it fails while
the endpoints answer, the proxy is at fault.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Subject, Table, finding

from ..rules.curl_output import Answer
from ..rules.proxy_dump import backend, plain_address
from ..rules.proxy_metrics import Sync
from ..rules.service_match import Backing, read_endpoints
from ..rules.thresholds import PROXY_LAG, PROXY_SYNCING
from ..step import NotChecked, Yielded, step
from .node_answers import NodeAnswers, node_answers
from .proxy_found import explained
from .target import Services
from .transcripts import answers, cite

_NAMED = 20
_FAILED = ("refused", "dropped")


@step("SV-14", title="Is kube-proxy proxying?")
def proxying(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Does a node reach the Service, and are its rules up to date?"""
    if not target.proxied:
        yield NotChecked("No Service in question has an address of its own, so there is nothing to proxy.")
        return
    said, heard = node_answers(target, cluster), answers(cluster)
    by_address = {plain_address(address): one for one in target.proxied for address in one.service.addresses}
    asked: dict[tuple[str, str], list[Answer]] = {}
    for one in heard:
        backing = by_address.get(plain_address(one.host))
        if backing is not None and one.transcript.target.node and _has_port(backing, one.port):
            service = backing.service
            asked.setdefault((service.namespace, service.name), []).append(one)
    for backing in target.proxied:
        given = asked.get((backing.service.namespace, backing.service.name))
        if given:
            yield from _judged(backing, given, heard)
    yield from _syncing(target, said, cluster)
    if not asked:
        if not said.syncs and not said.healths:
            yield NotChecked("No request from a node and no metrics of kube-proxy were given.")
        yield Note(text=_how_to_ask(target.proxied[0]))


def _has_port(backing: Backing, number: int) -> bool:
    return any(port.port == number for port in backing.service.spec.ports)


def _judged(backing: Backing, given: list[Answer], heard: list[Answer]) -> Iterator[Finding]:
    service = backing.service
    failed = [one for one in given if one.outcome in _FAILED]
    nodes = list(dict.fromkeys(one.transcript.target.node for one in (failed or given)))[:_NAMED]
    if not failed:
        well = [one for one in given if one.outcome == "answered"]
        if well:
            evidence = cite(well[0].transcript)
            yield finding("ProxyingOk", service, evidence=evidence, nodes=nodes, tries=len(well))
        return
    if not read_endpoints(backing).ready:
        return  # refused for want of endpoints: that is as it should be
    direct = [one for one in heard if _is_endpoint(backing, one)]
    if any(one.outcome != "answered" for one in direct):
        return  # the endpoints themselves do not answer
    first = failed[0]
    yield finding(
        "ProxyingFails",
        service,
        severity=None if direct else "warning",
        likely=not direct,
        evidence=[cite(first.transcript, first.why), *(cite(one.transcript) for one in direct[:1])],
        nodes=nodes,
        outcome=first.outcome,
        address=first.host,
        port=first.port,
        failed=len(failed),
        tries=len(given),
        endpoints_answered=len(direct),
    )


def _is_endpoint(backing: Backing, one: Answer) -> bool:
    asked = backend(one.host, one.port)
    return any(
        backend(endpoint.addresses[0], port.port) == asked
        for each in backing.slices
        for port in each.ports or ()
        if port.port is not None
        for endpoint in each.endpoints or ()
        if endpoint.addresses
    )


def _syncing(target: Services, said: NodeAnswers, cluster: Cluster) -> Iterator[Finding | Table]:
    rows = []
    for transcript, syncs in said.syncs:
        for one in syncs:
            node = transcript.target.node
            rows.append([node or "not said", one.family, f"{one.written:%H:%M:%S}", _lag_text(target, one)])
            waiting = (transcript.at - one.queued).total_seconds() if transcript.at is not None else None
            if one.lag > PROXY_LAG and not (waiting is not None and 0 <= waiting <= PROXY_SYNCING):
                yield finding(
                    "KubeProxyNotSyncing",
                    Subject(kind="Node", namespace="", name=node) if node else target.subject,
                    evidence=cite(transcript, _cited(transcript.stdout, one.family)),
                    since=one.written,
                    group=(one.family,),
                    node=node,
                    family=one.family,
                    lag=one.lag,
                    explains=explained(target),
                )
    for transcript, health in said.healths:
        if health.healthy is False:
            node = transcript.target.node
            yield finding(
                "KubeProxyNotSyncing",
                Subject(kind="Node", namespace="", name=node) if node else target.subject,
                evidence=cite(transcript, health.shown),
                group=("healthz",),
                node=node,
                family="",
                lag=0.0,
                explains=explained(target),
            )
    if rows:
        yield Table(
            caption="When kube-proxy last wrote its rules (UTC)",
            columns=[Column(name=name) for name in ("Node", "Family", "Written at", "A change waits")],
            rows=rows[:_NAMED],
            omitted=max(0, len(rows) - _NAMED),
        )


def _lag_text(target: Services, one: Sync) -> str:
    return target.words.duration(one.lag) if one.lag > 0 else "no"


def _cited(text: str, family: str) -> str:
    """The two samples that decide."""
    wanted = f'ip_family="{family}"' if family else ""
    return "; ".join(
        line
        for line in text.splitlines()
        if line.startswith("kubeproxy_sync_proxy_rules_last_") and wanted in line
    )


def _how_to_ask(backing: Backing) -> str:
    service = backing.service
    host = (
        backend(service.addresses[0], service.spec.ports[0].port)
        if service.spec.ports
        else service.addresses[0]
    )
    url = shlex.quote(f"http://{host}/")
    asked = f"curl -sS -m 3 -o /dev/null -w '%{{http_code}}\\n' {url}"
    return (
        f"No node has asked Service {service.name}. On a node: {asked}; "
        "and for kube-proxy itself: curl -sS http://127.0.0.1:10249/metrics"
    )
