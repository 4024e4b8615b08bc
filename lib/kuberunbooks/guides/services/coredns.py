"""CoreDNS itself: its configuration and its logs. Called by the step about the cluster's DNS (SV-07)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster, Log
from kuberunbooks.errors import ClusterError, NotFound
from kuberunbooks.findings import Finding, LogExcerpt, Severity, Subject, finding
from kuberunbooks.objects import ConfigMap, Evidence, Pod, Service

from ..rules.corefile import Corefile, Directive, forward_loops, read_corefile
from ..rules.log_reading import read_log
from ..rules.thresholds import DNS_ERRORS
from .dns_heard import searched_domain
from .dns_service import kubelet_dns, names_resolve
from .target import Services

EXPLAINS = ["/dns/cluster"]
"""What is wrong with the cluster's DNS explains every lookup that fails (`because` of those findings)."""

_KEY = "Corefile"
_CONTAINER = "coredns"
_MOST_LOGS = 2
_LOOP = re.compile(r"plugin/loop: Loop \((?P<path>[^)]*)\) detected")
_ERROR = re.compile(r"\[(?P<level>ERROR|FATAL|PANIC)\] (?P<message>.*)$")
_UPSTREAM = re.compile(r"->(?P<server>\S+?):53: (?P<why>i/o timeout|read: connection refused|.{1,60})$")
_API = re.compile(r"plugin/kubernetes: .*(?:Failed to (?:watch|list)|failed to list|Unauthorized|forbidden)")


class DnsPods(NamedTuple):
    """The DNS Service of the cluster, its pods (those that are ending left out), and how many are ready."""

    service: Service
    pods: list[Pod]
    ready: int


def judge_corefile(target: Services, cluster: Cluster, dns: DnsPods) -> Iterator[Finding]:
    """What in the Corefile keeps the names of Services, or other names, from resolving."""
    name = next(filter(None, map(_config_map, dns.pods)), _CONTAINER)
    text = _read_corefile(cluster, dns.service.namespace, name)
    if not text:
        return
    subject = Subject(kind="ConfigMap", namespace=dns.service.namespace, name=name)
    found = read_corefile(text)

    def cited(value: str, line: int = 0) -> Evidence:
        path = f"data.{_KEY}" + (f" line {line}" if line else "")
        return Evidence(f"{ConfigMap.api.path(subject.namespace)}#{name}", path, value)

    if found.broken:
        # What runs keeps what it has read before; only a restart fails.
        severity: Severity = "critical" if not dns.ready else "warning"
        explains = EXPLAINS if not dns.ready else []
        yield finding(
            "CorefileInvalid",
            subject,
            severity=severity,
            evidence=cited(found.broken),
            broken=found.broken,
            explains=explains,
        )
        return
    if found.whole and found.blocks and not names_resolve(target, cluster):
        yield from _cluster_names(
            target, cluster, subject, found, cited(" ".join(sorted(found.zones)) or "absent")
        )
    host_network = any(pod.spec.host_network for pod in dns.pods)
    for plugin in forward_loops(found, dns.service.addresses, host_network=host_network)[:1]:
        yield finding(
            "CorefileForwardLoop", subject, evidence=cited(plugin.text, plugin.line), forward=plugin.text
        )
    if found.whole and found.blocks and not _forwards(found):
        aliases = [one.name for one in target.services if one.is_external_name]
        yield finding(
            "CorefileForwardMissing",
            subject,
            severity="warning" if aliases else "info",
            evidence=cited("no forward"),
            aliases=aliases,
        )


def judge_logs(target: Services, cluster: Cluster, dns: DnsPods) -> Iterator[Finding | LogExcerpt]:
    """A loop, or errors that repeat, in the logs of the pods that look worst."""
    worst = sorted(dns.pods, key=lambda pod: (pod.is_ready, -_restarts(pod), pod.name))
    for pod in worst[:_MOST_LOGS]:
        container = _container(pod)
        if not container:
            continue
        log = cluster.log(pod, container)
        earlier = None
        if not pod.is_ready and _restarts(pod):
            earlier = cluster.log(pod, container, previous=True)
        for one in filter(None, (log, earlier)):
            found = _judge_log(target, cluster, dns, pod, one)
            if found is not None:
                yield found
                yield read_log(one, f"Log of {pod.name}").excerpt
                break


def has_restarted(pod: Pod, since: datetime) -> bool:
    """Whether a container of the pod ended since then."""
    ends = (one.status.ended_at() for one in pod.containers("app", "sidecar"))
    return any(end is not None and end >= since for end in ends)


def _cluster_names(
    target: Services, cluster: Cluster, subject: Subject, found: Corefile, evidence: Evidence
) -> Iterator[Finding]:
    zones = found.zones
    if not zones:
        yield finding("CorefileKubernetesMissing", subject, evidence=evidence, explains=EXPLAINS)
        return
    domain = searched_domain(target, cluster) or kubelet_dns(target, cluster).domain
    # These may turn one domain into the other.
    rewritten = found.named("rewrite", "template", "file", "k8s_external")
    if domain and domain.lower() not in zones and not rewritten:
        served = sorted(one for one in zones if not one.endswith(".arpa"))
        yield finding(
            "CorefileDomainMismatch",
            subject,
            evidence=evidence,
            searched=domain,
            served=served,
            explains=EXPLAINS,
        )


def _forwards(found: Corefile) -> list[Directive]:
    return found.named("forward", "proxy", "alternate", "unbound", "grpc")


def _config_map(pod: Pod) -> str:
    maps = [one.config_map.name for one in pod.spec.volumes if one.config_map is not None]
    return next((name for name in maps if _CONTAINER in name and "custom" not in name), "")


def _read_corefile(cluster: Cluster, namespace: str, name: str) -> str:
    try:
        data = cluster.read_raw_object(ConfigMap, namespace, name).get("data")
    except NotFound:
        return ""
    except ClusterError as error:
        cluster.note_failure(error, "get configmaps", namespace)
        return ""
    text = data.get(_KEY) if isinstance(data, dict) else None
    return text if isinstance(text, str) else ""


def _judge_log(target: Services, cluster: Cluster, dns: DnsPods, pod: Pod, log: Log) -> Finding | None:
    recent = [
        (number, line.text)
        for number, line in enumerate(log.lines, 1)
        if line.at is None or (cluster.now - line.at).total_seconds() <= target.since
    ]
    facts: dict[str, Any] = {"dns_pod": pod.name, "dns_ready": dns.ready}
    loops = [(number, text, match) for number, text in recent if (match := _LOOP.search(text))]
    if loops and not pod.is_ready:
        number, text, match = loops[-1]
        return finding(
            "CoreDnsLoop",
            dns.service,
            evidence=Evidence(log.source, f"line {number}", text),
            path=match["path"],
            explains=EXPLAINS,
            **facts,
        )
    errors = [(number, text, match["message"]) for number, text in recent if (match := _ERROR.search(text))]
    if len(errors) < DNS_ERRORS:
        return None
    number, text, _ = errors[-1]
    messages = [message for _, _, message in errors]
    upstreams = Counter(match["server"] for one in messages if (match := _UPSTREAM.search(one)))
    api = any(_API.search(one) for one in messages)
    return finding(
        "CoreDnsErrors",
        dns.service,
        evidence=Evidence(log.source, f"line {number}", text),
        errors=len(errors),
        upstream=upstreams.most_common(1)[0][0] if upstreams else "",
        api=api,
        quote=messages[-1][:200],
        **facts,
    )


def _restarts(pod: Pod) -> int:
    return sum(one.status.restart_count for one in pod.containers("app"))


def _container(pod: Pod) -> str:
    names = [one.name for one in pod.spec.containers]
    return _CONTAINER if _CONTAINER in names else next(iter(names), "")
