"""Why a workload's pods are not even created: the refusal, found and explained (DP-11).

A Deployment's pods are made by its ReplicaSet: the refusal stands in the conditions
of both and in the ReplicaSet's events, the finding is about the Deployment a person
knows. StatefulSets, DaemonSets and Jobs have no such condition, only events.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import (
    Container,
    CronJob,
    DaemonSet,
    Evidence,
    Job,
    LimitRange,
    Namespace,
    ReplicaSet,
    ResourceQuota,
    ServiceAccount,
    as_text,
    parse_quantity,
)

from ..rules.create_errors import CreateError, classify
from ..rules.webhooks import configurations, webhook_backend
from .target import Controller, Pods

_JOB_ENDS = ("Complete", "Failed", "FailureTarget", "SuccessCriteriaMet")
# What stays so when reads are bounded to one pod's.
_UNKNOWN = {"limit_range": "", "labelled": "", "configuration": "", "near": "", "exists_now": False}
_ENFORCE = "pod-security.kubernetes.io/enforce"


class Refusal(NamedTuple):
    """What was said when a pod could not be created, where it was read, and since when."""

    message: str
    evidence: list[Evidence]
    since: datetime | None


def create_failure(
    root: Controller, makers: Sequence[Controller], target: Pods, cluster: Cluster
) -> Iterator[Finding]:
    """Why pods of `root` cannot be created, if that is so now. `makers` are its ReplicaSets, newest first."""
    refusal = _by_condition(root, makers)
    if refusal is None and not target.single:
        refusal = _by_event(root, makers, target.since, cluster)
    if refusal is None:
        if not target.single:
            yield from _by_limit_range(root, makers, cluster)
        return
    error = classify(refusal.message)
    facts, evidence = _explained(error, root, target, cluster)
    yield finding(
        error.code,
        root,
        evidence=[*refusal.evidence, *evidence],
        since=refusal.since,
        group=error.same,
        explains=[maker.kind_name for maker in makers],
        desired=wanted_pods(root),
        created=created_pods(root),
        missing=max(0, wanted_pods(root) - created_pods(root)),
        **facts,
    )


def misses_pods(root: Controller, makers: Sequence[Controller]) -> bool:
    """Whether the controller knows its present specification and has made fewer pods than that asks for."""
    if isinstance(root, CronJob):
        return False
    if isinstance(root, Job):
        over = any(one.is_true and one.type in _JOB_ENDS for one in root.status.conditions)
        return not (over or root.spec.suspend) and root.status.active < wanted_pods(root)
    if root.status.observed_generation < root.metadata.generation:
        return False
    newest = makers[0] if makers else None
    if isinstance(newest, ReplicaSet) and newest.status.replicas < newest.desired:
        return True
    return created_pods(root) < wanted_pods(root)


def _by_condition(root: Controller, makers: Sequence[Controller]) -> Refusal | None:
    if isinstance(root, CronJob | Job):
        return None
    found: Refusal | None = None
    for one in (root, *makers):
        if isinstance(one, CronJob | Job):
            continue
        for index, condition in enumerate(one.status.conditions):
            if (
                condition.type != "ReplicaFailure"
                or not condition.is_true
                or condition.reason != "FailedCreate"
            ):
                continue
            cited = one.cite(f"status.conditions[{index}].message")
            if found is None:
                found = Refusal(condition.message, [cited], condition.last_transition_time)
            elif condition.message == found.message:
                found.evidence.append(cited)
    return found


def _by_event(
    root: Controller, makers: Sequence[Controller], since: float, cluster: Cluster
) -> Refusal | None:
    """The newest refusal of the last `since` seconds, while pods are still missing."""
    if not misses_pods(root, makers):
        return None
    for one in (*makers, root):
        for event in reversed(cluster.events(one)):
            seen = event.last_seen
            if event.reason != "FailedCreate" or seen is None:
                continue
            if (cluster.now - seen).total_seconds() > since:
                break
            return Refusal(event.text, [event.cite("message")], event.first_seen)
    return None


def _by_limit_range(root: Controller, makers: Sequence[Controller], cluster: Cluster) -> Iterator[Finding]:
    """The events are gone, but a container of the template is still outside the limits of the namespace."""
    if not misses_pods(root, makers) or created_pods(root):
        return
    for limits in cluster.look(LimitRange, root.namespace):
        violations, evidence = _outside(root, limits)
        if violations:
            yield finding(
                "LimitRangeViolation",
                root,
                evidence=evidence,
                likely=True,
                limit_range=limits.name,
                violations=violations,
                explains=[],
                desired=wanted_pods(root),
                created=0,
                missing=wanted_pods(root),
            )
            return


def _outside(root: Controller, limits: LimitRange) -> tuple[list[dict[str, str]], list[Evidence]]:
    violations: list[dict[str, str]] = []
    evidence: list[Evidence] = []
    for place, item in enumerate(limits.spec.limits):
        if item.type != "Container":
            continue
        for index, container in enumerate(root.template.spec.containers):
            for bound, what, resource, limit, asked in _breaches(container, item.max, item.min):
                violations.append(
                    {
                        "bound": bound,
                        "resource": resource,
                        "per": "Container",
                        "limit": limit,
                        "what": what,
                        "asked": asked,
                    }
                )
                path = f"spec.template.spec.containers[{index}].resources.{what}s.{resource}"
                evidence.append(root.cite(path, asked))
                evidence.append(limits.cite(f"spec.limits[{place}].{bound[:3]}.{resource}", limit))
    return violations, evidence


def _breaches(
    container: Container, most: dict[str, Any], least: dict[str, Any]
) -> Iterator[tuple[str, str, str, str, str]]:
    """(bound, request or limit, resource, its bound, what is asked), as the LimitRanger compares."""
    for resource, limit in most.items():
        asked = container.resources.limits.get(resource)
        if asked is not None and parse_quantity(asked) > parse_quantity(limit):
            yield "maximum", "limit", resource, as_text(limit), as_text(asked)
    for resource, limit in least.items():
        asked = container.resources.requests.get(resource)
        if asked is not None and parse_quantity(asked) < parse_quantity(limit):
            yield "minimum", "request", resource, as_text(limit), as_text(asked)


def _explained(
    error: CreateError, root: Controller, target: Pods, cluster: Cluster
) -> tuple[dict[str, Any], list[Evidence]]:
    """The facts of a refusal, with what the cluster adds to the server's words unless reads are bounded."""
    facts = _UNKNOWN | error.facts
    add = {
        "QuotaExceeded": _cite_quota,
        "QuotaNeedsResources": _cite_quota,
        "ServiceAccountMissing": _look_for_account,
        "LimitRangeViolation": _name_limit_range,
        "PodSecurityDenied": _read_level,
        "WebhookBackendDown": _look_behind_webhook,
    }.get(error.code)
    return facts, add(facts, root, cluster) if add and not target.single else []


def _cite_quota(facts: dict[str, Any], root: Controller, cluster: Cluster) -> list[Evidence]:
    quota = cluster.find(ResourceQuota, root.namespace, facts["quota"]).object
    return [quota.cite("status.hard"), quota.cite("status.used")] if quota else []


def _look_for_account(facts: dict[str, Any], root: Controller, cluster: Cluster) -> list[Evidence]:
    """Whether the account is still missing, and which one may have been meant."""
    listed = cluster.look(ServiceAccount, root.namespace)
    names = sorted(one.name for one in listed)
    facts["exists_now"] = facts["account"] in names
    facts["near"] = next(iter(difflib.get_close_matches(facts["account"], names, n=1)), "")
    where = ServiceAccount.api.path(root.namespace)
    return (
        [Evidence(where, "items[].metadata.name", ", ".join(names[:20]) or "none")] if listed.complete else []
    )


def _name_limit_range(facts: dict[str, Any], root: Controller, cluster: Cluster) -> list[Evidence]:
    named = [one for one in cluster.look(LimitRange, root.namespace) if _sets(one, facts["violations"])]
    facts["limit_range"] = named[0].name if len(named) == 1 else ""
    return [one.cite("spec.limits") for one in named]


def _read_level(facts: dict[str, Any], root: Controller, cluster: Cluster) -> list[Evidence]:
    namespace = cluster.find(Namespace, "", root.namespace).object
    facts["labelled"] = namespace.metadata.labels.get(_ENFORCE, "") if namespace else ""
    return [namespace.cite(f"metadata.labels['{_ENFORCE}']")] if namespace and facts["labelled"] else []


def _look_behind_webhook(facts: dict[str, Any], root: Controller, cluster: Cluster) -> list[Evidence]:
    """Which configuration calls the webhook, and whether its Service has endpoints."""
    evidence: list[Evidence] = []
    for one in configurations(cluster):
        for index, webhook in enumerate(one.webhooks):
            if webhook.name == facts["webhook"]:
                facts["configuration"] = one.kind_name
                evidence.append(one.cite(f"webhooks[{index}].failurePolicy"))
    if facts["service"] and facts["trouble"] != "service":
        state = webhook_backend(cluster, facts["service_namespace"], facts["service"])
        if state.is_down:
            facts["trouble"] = "service" if state.exists is False else "endpoints"
        evidence += state.evidence
    return evidence


def _sets(limits: LimitRange, violations: list[dict[str, str]]) -> bool:
    """Whether this LimitRange holds one of the bounds that were broken."""
    for item in limits.spec.limits:
        for one in violations:
            bounds = item.max if one["bound"] == "maximum" else item.min
            bound = bounds.get(one["resource"])
            if item.type == one["per"] and bound and parse_quantity(bound) == parse_quantity(one["limit"]):
                return True
    return False


def wanted_pods(root: Controller) -> int:
    """How many pods the controller should have made by now; of a CronJob, which makes Jobs, 0."""
    if isinstance(root, CronJob):
        return 0
    if isinstance(root, Job):
        wanted = 1 if root.spec.parallelism is None else root.spec.parallelism
        if root.spec.completions is not None:
            wanted = min(wanted, max(0, root.spec.completions - root.status.succeeded))
        return wanted
    return root.desired


def created_pods(root: Controller) -> int:
    """How many of them exist, whatever their state."""
    if isinstance(root, CronJob):
        return 0
    if isinstance(root, Job):
        return root.status.active
    if isinstance(root, DaemonSet):
        return root.status.current_number_scheduled
    return root.status.replicas
