"""What the API server said when a controller could not create a pod, as a code and facts.

The text comes from the condition ReplicaFailure or from an event FailedCreate; which
admission plugin wrote it tells the cause. Called by the workload step.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .patterns import (
    RX_ADMISSION,
    RX_LIMITRANGE,
    RX_PODSECURITY,
    RX_QUOTA,
    RX_QUOTA_NEEDS,
    RX_SA_MISSING,
    RX_WEBHOOK_DOWN,
)

_DENIED = re.compile(r"denied (?:the )?request(?: without explanation)?(?:: (?P<why>.*))?$", re.DOTALL)
# `limits.cpu,limits.memory` before 1.24, `limits.cpu for: app,proxy; limits.memory for: app` since.
_NEEDED = re.compile(r"(?P<resources>[^;]+?)(?: for: (?P<containers>[^;]+))?(?:; |$)")
_OUTSIDE_BRACKETS = re.compile(r", (?![^(]*\))")
_EXAMPLES = {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "1Gi"}
_BACKEND = (
    ("service", re.compile(r'service "[^"]+" not found')),
    ("endpoints", re.compile(r"no endpoints available for service")),
    ("refused", re.compile(r"connection refused")),
    ("certificate", re.compile(r"x509:|tls:")),
    ("timeout", re.compile(r"deadline exceeded|[Tt]imeout|timed out")),
    ("name", re.compile(r"no such host")),
)


class CreateError(NamedTuple):
    """Why pods could not be created. `same` holds what makes two of them one cause."""

    code: str
    facts: dict[str, Any]
    same: tuple[str, ...] = ()


def classify(message: str) -> CreateError:
    """The cause of a refused pod; ReplicaCreateFailed when no admission plugin is recognised.

    A webhook's own words come first: they may quote anything, also another plugin.
    """
    for read in (_denied, _webhook, _pod_security, _quota, _quota_needs, _limit_range, _account):
        found = read(message)
        if found is not None:
            return found
    return CreateError("ReplicaCreateFailed", {"message": message}, (message[:80],))


def _denied(message: str) -> CreateError | None:
    found = RX_ADMISSION.search(message)
    if not found:
        return None
    why = _DENIED.search(message)
    facts = {
        "webhook": found["wh"] or "",
        "policy": found["policy"] or "",
        "reason": (why["why"] or "").strip() if why else message,
    }
    return CreateError("AdmissionDenied", facts, (facts["webhook"], facts["policy"]))


def _webhook(message: str) -> CreateError | None:
    found = RX_WEBHOOK_DOWN.search(message)
    if not found:
        return None
    why = found["why"]
    facts = {
        "webhook": found["wh"],
        "service": found["svc"] or "",
        "service_namespace": found["ns"] or "",
        "why": why,
        "trouble": next((name for name, pattern in _BACKEND if pattern.search(why)), ""),
    }
    return CreateError("WebhookBackendDown", facts, (found["wh"],))


def _pod_security(message: str) -> CreateError | None:
    found = RX_PODSECURITY.search(message)
    if not found:
        return None
    violations = _OUTSIDE_BRACKETS.split(found["why"])
    facts: dict[str, Any] = {
        "level": found["lvl"],
        "version": found["ver"],
        "violations": violations,
        "headings": [one.partition(" (")[0] for one in violations],
    }
    return CreateError("PodSecurityDenied", facts, (found["lvl"],))


def _quota(message: str) -> CreateError | None:
    found = RX_QUOTA.search(message)
    if not found:
        return None
    requested, used, limited = (_amounts(found[name]) for name in ("req", "used", "limited"))
    facts: dict[str, Any] = {
        "quota": found["q"].strip(),
        "requested": requested,
        "used": used,
        "limited": limited,
        "resources": list(limited) or list(requested),
    }
    return CreateError("QuotaExceeded", facts, (facts["quota"], *facts["resources"]))


def _quota_needs(message: str) -> CreateError | None:
    found = RX_QUOTA_NEEDS.search(message)
    if not found:
        return None
    resources: list[str] = []
    containers: list[str] = []
    for need in _NEEDED.finditer(found["what"]):
        resources += [one.strip() for one in need["resources"].split(",") if one.strip()]
        containers += [one.strip() for one in (need["containers"] or "").split(",") if one.strip()]
    facts: dict[str, Any] = {
        "quota": found["q"].strip(),
        "resources": resources,
        "containers": sorted(set(containers)),
        "limits": _example([one for one in resources if one.startswith("limits.")]),
        "requests": _example([one for one in resources if not one.startswith("limits.")]),
    }
    return CreateError("QuotaNeedsResources", facts, (facts["quota"], *resources))


def _limit_range(message: str) -> CreateError | None:
    found = [
        {
            "bound": one["bound"],
            "resource": one["res"],
            "per": one["per"],
            "limit": one["limit"],
            "what": one["what"] or one["unset"] or "",
            "asked": one["asked"] or "",
        }
        for one in RX_LIMITRANGE.finditer(message)
    ]
    if not found:
        return None
    return CreateError("LimitRangeViolation", {"violations": found}, tuple(str(one) for one in found))


def _account(message: str) -> CreateError | None:
    found = RX_SA_MISSING.search(message)
    if not found:
        return None
    account = found["sa"] or found["sa2"]
    return CreateError("ServiceAccountMissing", {"account": account}, (account,))


def _amounts(text: str) -> dict[str, str]:
    """`limits.cpu=2,pods=1` by resource."""
    pairs = (part.partition("=") for part in text.split(","))
    return {name.strip(): value.strip() for name, sign, value in pairs if sign}


def _example(resources: list[str]) -> str:
    """`cpu=100m,memory=128Mi` for kubectl set resources; a bare `cpu` in a quota means its request."""
    bare = [one.removeprefix("limits.").removeprefix("requests.") for one in resources]
    return ",".join(f"{one}={_EXAMPLES.get(one, '1')}" for one in bare)
