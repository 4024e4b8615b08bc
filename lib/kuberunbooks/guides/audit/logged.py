"""AU-04: what the policy logs: requests that matter, put through its rules one by one."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Evidence

from ..rules.audit_lint import (
    CONFIGMAPS,
    NOISE,
    SECRETS,
    Leak,
    Shadow,
    Void,
    falls_through,
    leaks,
    obsolete,
    shadowed,
    voids,
)
from ..rules.audit_match import Decision, Request, decide, stored
from ..rules.audit_policy import Policy
from ..step import NotChecked, Yielded, step
from .policy import NO_POLICY, NOT_VALID, policy_file, policy_name, policy_subject
from .resolve import Audited

_MOST_FINDINGS = 5
_NODES = ("system:nodes", "system:authenticated")
_RBAC = "rbac.authorization.k8s.io"
_PROBES = (
    Request("get", "secrets", "", "", "shop", "db-password"),
    Request("list", "secrets", "", "", "shop"),
    Request("update", "secrets", "", "", "shop", "db-password"),
    Request("create", "serviceaccounts", "token", "", "shop", "web"),
    Request("create", "tokenreviews", "", "authentication.k8s.io"),
    Request("update", "configmaps", "", "", "shop", "web-config"),
    Request("create", "clusterrolebindings", "", _RBAC, "", "temp-admin"),
    Request("create", "rolebindings", "", _RBAC, "shop", "web"),
    Request("create", "pods", "exec", "", "shop", "web-1"),
    Request("get", "pods", "log", "", "shop", "web-1"),
    Request("delete", "pods", "", "", "shop", "web-1"),
    Request("patch", "deployments", "", "apps", "shop", "web"),
    Request("deletecollection", "pods", "", "", "shop"),
    Request("delete", "namespaces", "", "", "", "shop"),
    Request(
        "get", "secrets", "", "", "shop", "db-password",
        user="system:anonymous", groups=("system:unauthenticated",),
    ),
    Request("patch", "nodes", "status", "", "", "worker-1", user="system:node:worker-1", groups=_NODES),
    *NOISE,
)  # fmt: skip
"""What people ask an audit log about, then what nobody does."""


@step("AU-04", title="What is logged, and what not?")
def logged(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """Which rule decides for requests that matter, and what of them is stored?"""
    del cluster
    read = policy_file(target)
    if read is None or read.policy is None:
        yield NotChecked(NO_POLICY if read is None else NOT_VALID)
        return
    policy = read.policy
    yield _table(policy)
    yield from _leaking(target, policy)
    yield from _never(target, policy)
    yield from _shadows(target, policy)
    through = falls_through(policy)
    if through:
        yield _no_catch_all(target, policy, through)
    noisy = [(one, decision) for one in NOISE if (decision := decide(policy, one)).level != "None"]
    if noisy:
        yield _noisy(target, noisy)
    yield from _obsolete(target, policy)


def _leaking(target: Audited, policy: Policy) -> Iterator[Finding]:
    found = list(leaks(policy, SECRETS))
    if found:
        yield _leak(target, found, secret=True)
    contents = list(leaks(policy, (CONFIGMAPS,)))
    if contents:
        yield _leak(target, contents, secret=False)


def _leak(target: Audited, found: list[Leak], *, secret: bool) -> Finding:
    first = found[0]
    return finding(
        "AuditPolicyLeaksSecrets" if secret else "AuditPolicyLogsConfigMaps",
        policy_subject(target),
        evidence=[
            Evidence(policy_name(target), f"{one.rule.path}.level", one.rule.level)
            for one in {leak.rule.number: leak for leak in found}.values()
        ],
        file=policy_name(target),
        rule=first.rule.text,
        number=first.rule.number,
        level=first.rule.level,
        what=list(dict.fromkeys(one.what for one in found)),
        request=_request_text(first.request),
        sent=first.sent,
        rules=list(dict.fromkeys(one.rule.text for one in found)),
    )


def _never(target: Audited, policy: Policy) -> Iterator[Finding]:
    """A rule none of whose entries can match is worse than a superfluous entry."""
    found = list(voids(policy))
    whole = [one for one in found if one.whole]
    for severity, some in (("warning", whole), ("info", [one for one in found if not one.whole])):
        if some:
            yield finding(
                "AuditPolicyMatchesNothing",
                policy_subject(target),
                severity=severity,  # type: ignore[arg-type]
                evidence=[Evidence(policy_name(target), one.path, one.value) for one in some],
                file=policy_name(target),
                whole=some is whole,
                rule=some[0].rule.text,
                path=some[0].path,
                value=some[0].value,
                why=some[0].why,
                others=[_void_text(one) for one in some[1:]],
            )


def _void_text(one: Void) -> str:
    return f"{one.path}: {one.value} ({one.why})"


def _shadows(target: Audited, policy: Policy) -> Iterator[Finding]:
    found = list(shadowed(policy))
    for lost in (True, False):
        some = [one for one in found if one.same is not lost]
        for one in some[:_MOST_FINDINGS]:
            yield _shadow(target, one, more=max(0, len(some) - _MOST_FINDINGS))


def _shadow(target: Audited, one: Shadow, *, more: int) -> Finding:
    rule, by = one.rule, one.by
    return finding(
        "AuditPolicyShadowedRule",
        policy_subject(target),
        severity="info" if one.same else None,
        group=(rule.number,),
        evidence=[
            Evidence(policy_name(target), rule.path, f"level: {rule.level}"),
            Evidence(policy_name(target), by.path, f"level: {by.level}"),
        ],
        file=policy_name(target),
        rule=rule.text,
        level=rule.level,
        by=by.text,
        by_level=by.level,
        by_takes_everything=by.takes_everything,
        same=one.same,
        more=more,
    )


def _no_catch_all(target: Audited, policy: Policy, through: list[Request]) -> Finding:
    last = policy.rules[-1]
    return finding(
        "AuditPolicyNoCatchAll",
        policy_subject(target),
        evidence=Evidence(policy_name(target), last.path, f"level: {last.level}, the last rule"),
        file=policy_name(target),
        request=_request_text(through[0]),
        resources=any(one.is_resource for one in through),
        paths=any(not one.is_resource for one in through),
        last=last.text,
    )


def _noisy(target: Audited, noisy: list[tuple[Request, Decision]]) -> Finding:
    return finding(
        "AuditPolicyNoisy",
        policy_subject(target),
        evidence=[
            Evidence(policy_name(target), f"{decision.rule.path}.level", decision.level)
            for decision in {one.rule.number: one for _, one in noisy if one.rule}.values()
            if decision.rule
        ],
        file=policy_name(target),
        requests=[one.path or f"{one.verb} {one.full_resource}" for one, _ in noisy],
        events=sum(stored(one, decision).events for one, decision in noisy) / len(noisy),
    )


def _obsolete(target: Audited, policy: Policy) -> Iterator[Finding]:
    found = list(obsolete(policy))
    if found:
        yield finding(
            "AuditPolicyObsoleteTarget",
            policy_subject(target),
            evidence=[Evidence(policy_name(target), one.path, one.value) for one in found],
            file=policy_name(target),
            rule=found[0].rule.text,
            value=found[0].value,
            why=found[0].why,
            others=[f"{one.rule.text}: {one.value} ({one.why})" for one in found[1:]],
        )


def _request_text(one: Request) -> str:
    """As a sentence says it: `create secrets in namespace shop, by jane`."""
    if one.path:
        return f"{one.verb} {one.path}"
    place = f" in namespace {one.namespace}" if one.namespace else ""
    return f"{one.verb} {one.full_resource}{place}, by {one.user}"


def _table(policy: Policy) -> Table:
    names = (
        ("REQUEST", False),
        ("BY", False),
        ("RULE", True),
        ("LEVEL", False),
        ("STORED", False),
        ("EVENTS", True),
    )
    rows = []
    for one in _PROBES:
        decision = decide(policy, one)
        kept = stored(one, decision)
        request = f"{one.verb} {one.path or one.full_resource}"
        rule = str(decision.rule.number) if decision.rule else "no rule"
        rows.append(
            [
                request,
                _by(one.user),
                rule,
                decision.level,
                _stored_text(one, kept.events, kept.sent, kept.answered),
                str(kept.events),
            ]
        )
    return Table(
        caption="Requests put through the rules; metadata is who, what, when, from where and how it ended",
        columns=[Column(name=name, numeric=numeric) for name, numeric in names],
        rows=rows,
    )


def _stored_text(one: Request, events: int, sent: bool, answered: bool) -> str:
    if not events:
        return "nothing"
    parts = ["metadata"]
    if one.subresource == "exec":
        parts.append("the command")
    if sent:
        parts.append("content sent")
    if answered:
        parts.append("content answered")
    return " + ".join(parts)


def _by(user: str) -> str:
    return {"jane": "a person", "system:node:worker-1": "a kubelet", "system:anonymous": "nobody known"}.get(
        user, user.rpartition(":")[2]
    )
