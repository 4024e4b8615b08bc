"""AU-02, AU-03: whether an API server would accept the policy, and which moments it leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Subject, finding
from kuberunbooks.objects import Evidence

from ..documents import Manifest
from ..rules.audit_lint import without_outcome
from ..rules.audit_policy import STAGES, Policy
from ..rules.audit_policy_file import Flaw, PolicyFile, read_policy
from ..step import NotChecked, Yielded, step
from .resolve import Audited

_CITED = 20
NO_POLICY = (
    "No policy was given. It is a file on the control plane's nodes: name a copy in the parameter policy."
)
NOT_VALID = "The policy is not valid, so there are no rules to look at."


def policy_file(target: Audited) -> PolicyFile | None:
    """The policy that was given or that the case holds, read once a run; None when there is none."""
    given = target.files.get("policy")
    if given is None:
        return None
    found = target.memo.get("policy")
    if not isinstance(found, PolicyFile):
        found = target.memo["policy"] = read_policy(given.body)
    return found


def policy_name(target: Audited) -> str:
    """The policy's file, as evidence names it."""
    return target.files["policy"].name


def policy_subject(target: Audited) -> Subject:
    """What findings about the policy are about."""
    return Subject(kind="Policy", namespace="", name=policy_name(target))


@step("AU-02", title="Is the policy valid?")
def valid_policy(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """Would an API server accept the policy, and read all of it?"""
    del cluster
    read = policy_file(target)
    if read is None:
        yield NotChecked(NO_POLICY)
        return
    if read.value is not None:
        yield Manifest(f"The policy, {policy_name(target)}", read.value)
    if read.flaws:
        yield _invalid(target, read.flaws)
    elif read.empty:
        yield finding(
            "AuditPolicyEmptyRules",
            policy_subject(target),
            evidence=Evidence(
                policy_name(target), "rules", "empty" if "rules" in (read.value or {}) else "absent"
            ),
            file=policy_name(target),
        )
    elif read.policy is not None:
        yield finding(
            "AuditPolicyValid",
            policy_subject(target),
            evidence=Evidence(policy_name(target), "apiVersion", "audit.k8s.io/v1"),
            file=policy_name(target),
            rules=len(read.policy.rules),
        )
    if read.ignored:
        yield _ignored(target, read.ignored)
    if read.further:
        yield finding(
            "AuditPolicyMoreDocuments",
            policy_subject(target),
            evidence=Evidence(policy_name(target), "---", "another document follows"),
            file=policy_name(target),
        )


def _invalid(target: Audited, flaws: list[Flaw]) -> Finding:
    return finding(
        "AuditPolicyInvalid",
        policy_subject(target),
        evidence=_cited(target, flaws),
        file=policy_name(target),
        first=flaws[0].text,
        others=[flaw.text for flaw in flaws[1:]],
        flaws=len(flaws),
    )


def _ignored(target: Audited, ignored: list[Flaw]) -> Finding:
    """Passed over in silence: a rule without the condition somebody meant takes more than it should."""
    return finding(
        "AuditPolicyFieldIgnored",
        policy_subject(target),
        evidence=_cited(target, ignored),
        file=policy_name(target),
        first=ignored[0].text,
        others=[flaw.text for flaw in ignored[1:]],
        flaws=len(ignored),
        in_rules=any(flaw.path.startswith("rules[") for flaw in ignored),
    )


def _cited(target: Audited, flaws: list[Flaw]) -> list[Evidence]:
    return [Evidence(policy_name(target), flaw.path, flaw.value) for flaw in flaws[:_CITED]]


@step("AU-03", title="Which stages are left out?")
def stages(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """At which moments of a request are events made, and at which not?"""
    del cluster
    read = policy_file(target)
    if read is None or read.policy is None:
        yield NotChecked(NO_POLICY if read is None else NOT_VALID)
        return
    yield _stages_note(target, read.policy)
    wrong = without_outcome(read.policy)
    if wrong:
        everywhere = "ResponseComplete" in read.policy.omit_stages
        path = "omitStages" if everywhere else f"{wrong[0].path}.omitStages"
        yield finding(
            "AuditOutcomeOmitted",
            policy_subject(target),
            evidence=Evidence(policy_name(target), path, "ResponseComplete"),
            file=policy_name(target),
            rules=[rule.text for rule in wrong],
            everywhere=everywhere,
            path=path,
        )


def _stages_note(target: Audited, policy: Policy) -> Finding:
    logged = [rule for rule in policy.rules if rule.level != "None"]
    omitted = [
        (stage, [rule for rule in logged if stage in rule.omit_stages])
        for stage in STAGES
        if any(stage in rule.omit_stages for rule in logged)
    ]
    twice = [rule for rule in logged if "RequestReceived" not in rule.omit_stages]
    return finding(
        "AuditStagesNote",
        policy_subject(target),
        evidence=Evidence(
            policy_name(target), "omitStages", ", ".join(sorted(policy.omit_stages)) or "absent"
        ),
        file=policy_name(target),
        omitted=[
            stage
            if len(rules) == len(logged)
            else f"{stage} (in {len(rules)} of {len(logged)} rules that log)"
            for stage, rules in omitted
        ],
        logged=len(logged),
        twice=len(twice),
    )
