"""An audit policy is refused for what an API server refuses it for, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.guides.rules.audit_policy_file import MOST_ENTRIES, PolicyFile, read_policy
from tests.support.auditing import audit

HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\n"


def read(rules: str) -> PolicyFile:
    return read_policy(f"{HEAD}rules:\n{rules}".encode())


@pytest.mark.parametrize(
    ("rules", "path", "words"),
    [
        ("- level: metadata", "rules[0].level", "write Metadata"),
        ("- level: Everything", "rules[0].level", "None, Metadata, Request, RequestResponse"),
        ("- verbs: [get]", "rules[0].level", "a level is required"),
        ("- null", "rules[0].level", "a level is required"),
        ("- {level: None, nonResourceURLs: ['/a*/b']}", "rules[0].nonResourceURLs[0]", "the last character"),
        ("- {level: None, nonResourceURLs: [healthz]}", "rules[0].nonResourceURLs[0]", "must begin with a /"),
        ("- {level: None, nonResourceURLs: ['']}", "rules[0].nonResourceURLs[0]", "an empty path"),
        (
            "- {level: None, resources: [{group: apps/v1}]}",
            "rules[0].resources[0].group",
            "without a version, apps",
        ),
        (
            "- {level: None, resources: [{group: Apps}]}",
            "rules[0].resources[0].group",
            "no name of an API group",
        ),
        (
            "- {level: None, resources: [{group: '', resourceNames: [a]}]}",
            "rules[0].resources[0].resourceNames",
            "needs at least one",
        ),
        (
            "- {level: None, nonResourceURLs: [/api], resources: [{group: ''}]}",
            "rules[0].nonResourceURLs",
            "has resources too",
        ),
        (
            "- {level: None, nonResourceURLs: [/api], namespaces: [shop]}",
            "rules[0].nonResourceURLs",
            "has namespaces too",
        ),
        ("- {level: Metadata, omitStages: [RequestRecieved]}", "rules[0].omitStages[0]", "RequestReceived"),
        ("- {level: Metadata, verbs: get}", "rules[0].verbs", "must be a list, and is text"),
        ("- {level: Metadata, users: [17]}", "rules[0].users[0]", "must be text, and is a number"),
        ("- [level, Metadata]", "rules[0]", "must be a group of fields, and is a list"),
    ],
)
def test_what_an_api_server_refuses_is_told_with_its_place(rules: str, path: str, words: str) -> None:
    found = read(rules)
    assert found.policy is None
    assert found.flaws[0].path == path
    assert words in found.flaws[0].says
    assert found.flaws[0].line == 4


@pytest.mark.parametrize(
    "rules",
    [
        "- level: None",
        "- {level: Metadata, users: null, verbs: [], resources: null, omitStages: null}",
        "- {level: Metadata, nonResourceURLs: ['*', '/api*', /version]}",
        "- {level: Request, resources: [{group: '*'}, {group: '', resources: ['pods/*', '*/scale', '*']}]}",
        "- {level: RequestResponse, namespaces: [''], resources: [{group: rbac.authorization.k8s.io}]}",
        "- {level: Metadata, omitStages: [RequestReceived, ResponseStarted, ResponseComplete, Panic]}",
        "- &one {level: Metadata}\n- {<<: *one, verbs: [get]}",
    ],
)
def test_what_an_api_server_accepts_is_accepted(rules: str) -> None:
    found = read(rules)
    assert found.policy is not None, found.flaws
    assert not found.ignored


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no object"),
        (b"just text", "no object"),
        (b"[1, 2]", "no object"),
        (b"rules: [", "no YAML"),
        (b"\xff\xfe\x00", "no YAML"),
        (b"[" * 20_000, "no YAML"),
        (b"kind: Policy\nrules: [{level: None}]\n", "apiVersion is missing"),
        (b"apiVersion: audit.k8s.io/v1\nrules: [{level: None}]\n", "kind is missing"),
        (
            b"apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]\n",
            "since Kubernetes 1.24",
        ),
        (b"apiVersion: v1\nkind: Policy\nrules: [{level: None}]\n", "must be audit.k8s.io/v1"),
        (b"apiVersion: audit.k8s.io/v1\nkind: Event\n", "must be Policy"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_and_never_fails(body: bytes, words: str) -> None:
    found = read_policy(body)
    assert found.policy is None
    assert words in found.flaws[0].says


def test_anchors_that_multiply_are_counted_before_they_are_unfolded() -> None:
    lines = ["a0: &a0 [" + ",".join(["x"] * 50) + "]"]
    lines += [f"a{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * 50) + "]" for n in range(1, 8)]
    found = read_policy("\n".join(lines).encode())
    assert f"{MOST_ENTRIES:,}" in found.flaws[0].says


def test_no_rules_are_told_apart_from_a_wrong_policy() -> None:
    for rules in ("", "rules:\n", "rules: []\n"):
        found = read_policy((HEAD + rules).encode())
        assert (found.policy, found.flaws, found.empty) == (None, [], True)


def test_stages_of_the_whole_policy_and_of_a_rule_are_taken_together() -> None:
    body = f"{HEAD}omitStages: [RequestReceived]\nrules: [{{level: Metadata, omitStages: [Panic]}}]\n"
    found = read_policy(body.encode()).policy
    assert found is not None
    assert found.rules[0].omit_stages == {"RequestReceived", "Panic"}


def test_managed_fields_are_left_out_as_the_rule_says_else_as_the_policy_does() -> None:
    rules = "rules:\n- level: Metadata\n- {level: None, omitManagedFields: false}\n"
    body = f"{HEAD}omitManagedFields: true\n{rules}"
    found = read_policy(body.encode()).policy
    assert found is not None
    assert [rule.omit_managed_fields for rule in found.rules] == [True, False]


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        ("{level: None, verb: [get]}", "rules[0].verb", "is verbs meant"),
        ("{level: None, resource: [{group: ''}]}", "rules[0].resource", "is resources meant"),
        (
            "{level: None, resources: [{apiGroups: [apps], resources: [pods]}]}",
            "rules[0].resources[0].apiGroups",
            "is group meant",
        ),
        ("{level: None, level: Metadata}", "rules[0].level", "stands twice"),
        ("{level: None, comment: old}", "rules[0].comment", "no such field"),
    ],
)
def test_fields_an_api_server_passes_over_are_told(rule: str, path: str, words: str) -> None:
    found = read(f"- {rule}")
    assert found.policy is not None
    assert [one.path for one in found.ignored] == [path]
    assert words in found.ignored[0].says


def test_only_the_first_document_counts() -> None:
    one = f"{HEAD}rules: [{{level: None}}]\n"
    assert read_policy(f"---\n{one}---\n{one}".encode()).further
    assert not read_policy(f"---\n{one}---\n".encode()).further
    assert not read_policy(one.encode()).further


def run(tmp_path: Path, policy: str) -> Any:
    return audit(tmp_path, files={"audit/policy.yaml": policy})


def test_an_invalid_policy_is_critical_and_its_rules_are_not_judged(tmp_path: Path) -> None:
    found = run(
        tmp_path, f"{HEAD}rules:\n- level: Metadta\n- {{level: None, resources: [{{group: apps/v1}}]}}\n"
    )
    one = found.one("AuditPolicyInvalid")
    assert one.severity == "critical"
    assert "line 4, rules[0].level: there is no level Metadta" in one.summary
    assert "apps/v1" in one.explanation
    assert one.evidence[0].path == "rules[0].level"
    assert found.headline is one
    assert {found.steps[id_].status for id_ in ("AU-03", "AU-04")} == {"skipped"}


def test_a_policy_without_rules_is_critical(tmp_path: Path) -> None:
    assert run(tmp_path, HEAD).one("AuditPolicyEmptyRules").severity == "critical"


def test_a_field_that_is_passed_over_is_a_warning_with_the_field_that_was_meant(tmp_path: Path) -> None:
    one = run(tmp_path, f"{HEAD}rules:\n- {{level: None, verb: [get]}}\n- level: Metadata\n").one(
        "AuditPolicyFieldIgnored"
    )
    assert one.severity == "warning"
    assert "is verbs meant?" in one.summary
    assert "takes more requests than it should" in one.explanation


def test_a_second_document_is_a_warning(tmp_path: Path) -> None:
    found = run(tmp_path, f"{HEAD}rules: [{{level: Metadata}}]\n---\n{HEAD}rules: [{{level: None}}]\n")
    assert found.serious() == {"AuditPolicyMoreDocuments"}


def test_a_policy_that_leaves_out_how_requests_end_is_a_warning(tmp_path: Path) -> None:
    found = run(tmp_path, f"{HEAD}rules:\n- {{level: Metadata, omitStages: [ResponseComplete]}}\n")
    one = found.one("AuditOutcomeOmitted")
    assert "rule 1 (line 4) leaves out the stage ResponseComplete" in one.summary
    usual = run(tmp_path / "b", f"{HEAD}omitStages: [RequestReceived]\nrules:\n- level: Metadata\n")
    assert not usual.serious()
    assert usual.one("AuditStagesNote").title == "Stages left out: RequestReceived"


def test_without_a_policy_nothing_is_said_of_one(tmp_path: Path) -> None:
    found = audit(tmp_path)
    assert {found.steps[id_].status for id_ in ("AU-02", "AU-03", "AU-04")} == {"skipped"}
    assert not any(code.startswith("AuditPolicy") for code in found.codes())


def test_a_policy_may_be_named_and_goes_before_that_of_the_case(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"{HEAD}rules: [{{level: Metadata}}]\n")
    found = audit(tmp_path, files={"audit/policy.yaml": "nonsense"}, policy=str(tmp_path / "mine.yaml"))
    assert found.one("AuditPolicyValid").facts["file"] == "mine.yaml"


def test_a_policy_that_is_not_there_stops_the_run_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"BadParameter.*No such file or directory"):
        audit(tmp_path, policy=str(tmp_path / "absent.yaml"))


def test_hostile_texts_in_a_policy_stay_text(tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script>'; rm -rf / #{{ 7*7 }}"
    found = run(tmp_path, f'{HEAD}rules:\n- level: "{nasty}"\n')
    one = found.one("AuditPolicyInvalid")
    assert "49" not in one.summary
    assert all("rm" not in step.command for step in one.next)


def test_the_recorded_policy_is_valid_and_sound(diagnose: Callable[..., Any]) -> None:
    found = diagnose("audit", guide="audit")
    mine = {"AU-01", "AU-02", "AU-03", "AU-04", "AU-05", "AU-06", "AU-07", "AU-08", "AU-09", "AU-10"}
    serious = {
        one.code for one in found.findings if one.step in mine and one.severity in ("critical", "warning")
    }
    assert serious == set()
    assert found.one("AuditPolicyValid").facts["rules"] == 1
    assert found.one("AuditPolicyNoisy").severity == "info"
    assert found.one("AuditConfigInvisible").severity == "info"
