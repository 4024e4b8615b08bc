"""The first rule that matches decides, as in the API server; what is wrong is shown by a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberunbooks.guides.rules.audit_lint import (
    CONFIGMAPS,
    SECRETS,
    falls_through,
    leaks,
    obsolete,
    shadowed,
    voids,
)
from kuberunbooks.guides.rules.audit_match import Request, covers, decide, matches, stored
from kuberunbooks.guides.rules.audit_policy import Policy, Resources, Rule
from kuberunbooks.guides.rules.audit_policy_file import read_policy
from tests.support.auditing import audit

HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\n"

# The sample of the upstream guide.
UPSTREAM = (
    HEAD
    + """omitStages: ["RequestReceived"]
rules:
- {level: RequestResponse, resources: [{group: "", resources: ["pods"]}]}
- {level: Metadata, resources: [{group: "", resources: ["pods/log", "pods/status"]}]}
- {level: None, resources: [{group: "", resources: ["configmaps"], resourceNames: ["controller-leader"]}]}
- level: None
  users: ["system:kube-proxy"]
  verbs: ["watch"]
  resources: [{group: "", resources: ["endpoints", "services"]}]
- {level: None, userGroups: ["system:authenticated"], nonResourceURLs: ["/api*", "/version"]}
- {level: Request, resources: [{group: "", resources: ["configmaps"]}], namespaces: ["kube-system"]}
- {level: Metadata, resources: [{group: "", resources: ["secrets", "configmaps"]}]}
- {level: Request, resources: [{group: ""}, {group: "extensions"}]}
- {level: Metadata, omitStages: ["RequestReceived"]}
"""
)
_KNOWN = """[{group: ""}, {group: admissionregistration.k8s.io}, {group: apiextensions.k8s.io},
    {group: apiregistration.k8s.io}, {group: apps}, {group: authentication.k8s.io},
    {group: authorization.k8s.io}, {group: autoscaling}, {group: batch}, {group: certificates.k8s.io},
    {group: metrics.k8s.io}, {group: networking.k8s.io}, {group: policy}, {group: rbac.authorization.k8s.io},
    {group: storage.k8s.io}]"""
# The policy that GCE's kube-up wrote, which many a cluster's goes back to.
GCE = (
    HEAD
    + f"""omitStages: [RequestReceived]
rules:
- level: None
  users: ["system:kube-proxy"]
  verbs: ["watch"]
  resources: [{{group: "", resources: ["endpoints", "services", "services/status"]}}]
- level: None
  users: ["system:unsecured"]
  namespaces: ["kube-system"]
  verbs: ["get"]
  resources: [{{group: "", resources: ["configmaps"]}}]
- level: None
  users: ["kubelet"]
  verbs: ["get"]
  resources: [{{group: "", resources: ["nodes", "nodes/status"]}}]
- level: None
  userGroups: ["system:nodes"]
  verbs: ["get"]
  resources: [{{group: "", resources: ["nodes", "nodes/status"]}}]
- level: None
  users:
  - system:kube-controller-manager
  - system:kube-scheduler
  - system:serviceaccount:kube-system:endpoint-controller
  verbs: ["get", "update"]
  namespaces: ["kube-system"]
  resources: [{{group: "", resources: ["endpoints"]}}]
- level: None
  users: ["system:apiserver"]
  verbs: ["get"]
  resources: [{{group: "", resources: ["namespaces", "namespaces/status", "namespaces/finalize"]}}]
- level: None
  users: ["system:kube-controller-manager"]
  verbs: ["get", "list"]
  resources: [{{group: metrics.k8s.io}}]
- {{level: None, nonResourceURLs: ["/healthz*", "/version", "/swagger*"]}}
- {{level: None, resources: [{{group: "", resources: ["events"]}}]}}
- level: Request
  userGroups: ["system:nodes"]
  verbs: ["update", "patch"]
  resources: [{{group: "", resources: ["nodes/status", "pods/status"]}}]
  omitStages: [RequestReceived]
- level: Request
  users: ["system:serviceaccount:kube-system:namespace-controller"]
  verbs: ["deletecollection"]
- level: Metadata
  resources:
  - {{group: "", resources: ["secrets", "configmaps", "serviceaccounts/token"]}}
  - {{group: authentication.k8s.io, resources: ["tokenreviews"]}}
- {{level: Request, verbs: ["get", "list", "watch"], resources: {_KNOWN}}}
- {{level: RequestResponse, resources: {_KNOWN}}}
- {{level: Metadata}}
"""
)


SAFE = """- level: Metadata
  resources: [{group: "", resources: [secrets, serviceaccounts/token]}, {group: authentication.k8s.io}]
"""


def policy(text: str) -> Policy:
    found = read_policy((text if text.startswith("apiVersion") else f"{HEAD}rules:\n{text}").encode())
    assert found.policy is not None, found.flaws
    assert not found.ignored
    return found.policy


def rule(**fields: Any) -> Rule:
    return Rule(1, 1, fields.pop("level", "Metadata"), **fields)


@pytest.mark.parametrize(
    ("pattern", "resource", "subresource", "matched"),
    [
        ("pods", "pods", "", True),
        ("pods", "pods", "log", False),
        ("pods/log", "pods", "log", True),
        ("pods/log", "pods", "", False),
        ("pods/*", "pods", "exec", True),
        # As the API server does it, though its guide says subresources only.
        ("pods/*", "pods", "", True),
        ("pods/*", "nodes", "status", False),
        ("*/scale", "deployments", "scale", True),
        ("*/scale", "deployments", "", False),
        ("*", "pods", "exec", True),
        ("*/*", "pods", "exec", False),
    ],
)
def test_resources_match_as_in_the_api_server(
    pattern: str, resource: str, subresource: str, matched: bool
) -> None:
    one = rule(resources=(Resources("", (pattern,)),))
    assert matches(one, Request("get", resource, subresource)) is matched


@pytest.mark.parametrize(
    ("fields", "request_", "matched"),
    [
        ({}, Request("get", path="/healthz"), True),
        ({"resources": (Resources(""),)}, Request("get", "pods"), True),
        ({"resources": (Resources(""),)}, Request("get", "deployments", group="apps"), False),
        ({"resources": (Resources("*"),)}, Request("get", "deployments", group="apps"), True),
        ({"resources": (Resources("*"),)}, Request("get", path="/api"), False),
        ({"resources": (Resources("", ("pods",), ("web",)),)}, Request("get", "pods", name="web"), True),
        ({"resources": (Resources("", ("pods",), ("web",)),)}, Request("list", "pods"), False),
        ({"namespaces": ("",)}, Request("get", "nodes"), True),
        ({"namespaces": ("",)}, Request("get", "pods", namespace="shop"), False),
        ({"namespaces": ("shop",)}, Request("get", path="/api"), False),
        ({"urls": ("/healthz*",)}, Request("get", path="/healthz/etcd"), True),
        ({"urls": ("/healthz",)}, Request("get", path="/healthz/etcd"), False),
        ({"urls": ("*",)}, Request("get", path="/metrics"), True),
        ({"urls": ("*",)}, Request("get", "pods"), False),
        ({"users": ("jane",)}, Request("get", "pods", user="joe"), False),
        ({"user_groups": ("a", "b")}, Request("get", "pods", groups=("b", "c")), True),
        ({"user_groups": ("a",)}, Request("get", "pods", groups=()), False),
        ({"verbs": ("*",)}, Request("get", "pods"), False),
    ],
)
def test_conditions_match_as_in_the_api_server(
    fields: dict[str, Any], request_: Request, matched: bool
) -> None:
    assert matches(rule(**fields), request_) is matched


def test_the_first_rule_decides_and_none_at_all_logs_nothing() -> None:
    found = policy("- {level: None, verbs: [get]}\n- {level: Request, verbs: [get, update]}\n")
    assert decide(found, Request("get", "pods")).level == "None"
    assert decide(found, Request("update", "pods")).level == "Request"
    assert decide(found, Request("delete", "pods")) == (None, "None", frozenset())


@pytest.mark.parametrize(
    ("level", "request_", "expected"),
    [
        ("None", Request("get", "pods"), (0, False, False)),
        ("Metadata", Request("update", "pods"), (2, False, False)),
        ("Request", Request("update", "pods"), (2, True, False)),
        ("Request", Request("get", "pods"), (2, False, False)),
        ("RequestResponse", Request("get", "pods"), (2, False, True)),
        ("RequestResponse", Request("watch", "pods"), (3, False, False)),
        ("RequestResponse", Request("create", "pods", "exec"), (3, False, False)),
        ("RequestResponse", Request("get", path="/metrics"), (2, False, False)),
    ],
)
def test_what_is_stored_follows_level_and_request(
    level: str, request_: Request, expected: tuple[Any, ...]
) -> None:
    assert stored(request_, decide(policy(f"- {{level: {level}}}"), request_)) == expected


def test_content_comes_with_the_end_of_a_request_only() -> None:
    found = policy("- {level: RequestResponse, omitStages: [ResponseComplete]}")
    assert stored(Request("update", "secrets"), decide(found, Request("update", "secrets"))) == (
        1,
        False,
        False,
    )
    assert not list(leaks(found, SECRETS))


@pytest.mark.parametrize("text", [UPSTREAM, GCE], ids=["upstream", "gce"])
def test_well_known_policies_raise_no_alarm(text: str, tmp_path: Path) -> None:
    found = policy(text)
    assert not list(leaks(found, SECRETS))
    assert not list(shadowed(found))
    assert not list(voids(found))
    assert not falls_through(found)
    ran = audit(tmp_path, files={"audit/policy.yaml": text})
    assert ran.serious() == set()
    assert ran.steps["AU-04"].status == "info"


def test_the_upstream_sample_is_told_what_of_it_is_old() -> None:
    assert [one.value for one in obsolete(policy(UPSTREAM))] == [
        "controller-leader",
        "endpoints",
        "extensions",
    ]
    slices = "[{group: discovery.k8s.io, resources: [endpointslices]}]"
    now = f"- {{level: None, users: ['system:kube-proxy'], resources: {slices}}}"
    assert not list(obsolete(policy(f"{now}\n- level: Metadata")))


@pytest.mark.parametrize(
    ("rules", "what", "verb"),
    [
        ("- level: RequestResponse", 3, "create"),
        ("- level: Request", 2, "create"),
        ("- {level: Request, verbs: [get, list, watch]}", 0, ""),
        ("- {level: RequestResponse, verbs: [get, list, watch]}", 1, "get"),
        ("- {level: RequestResponse, verbs: [watch]}", 0, ""),
        ("- {level: RequestResponse, verbs: [deletecollection]}", 1, "deletecollection"),
        ("- {level: Request, resources: [{group: '', resources: [serviceaccounts/token]}]}", 0, ""),
        ("- {level: RequestResponse, resources: [{group: '', resources: [serviceaccounts/*]}]}", 1, "create"),
        ("- {level: RequestResponse, resources: [{group: '', resources: ['*/token']}]}", 1, "create"),
        ("- {level: Request, resources: [{group: authentication.k8s.io}]}", 1, "create"),
        ("- {level: RequestResponse, resources: [{group: apps}]}", 0, ""),
        (
            "- {level: Request, resources: [{group: '', resources: [secrets], resourceNames: [db]}]}",
            1,
            "create",
        ),
        ("- {level: RequestResponse, users: [admin], namespaces: [prod]}", 2, "create"),
        ("- {level: RequestResponse, userGroups: ['system:serviceaccounts:ci']}", 3, "create"),
        ("- {level: RequestResponse, nonResourceURLs: ['*']}", 0, ""),
        (SAFE + "- level: RequestResponse", 0, ""),
        ("- {level: Metadata, users: [admin]}\n- {level: RequestResponse, users: [admin]}", 0, ""),
    ],
)  # fmt: skip
def test_secrets_leak_where_a_request_shows_it(rules: str, what: int, verb: str) -> None:
    found = list(leaks(policy(rules), SECRETS))
    assert len(found) == what, found
    assert not found or found[0].request.verb == verb
    for one in found:
        assert decide(policy(rules), one.request).rule == one.rule


def test_a_leak_is_critical_with_the_rule_its_place_and_the_request(tmp_path: Path) -> None:
    leaky = "- {level: RequestResponse, userGroups: ['system:serviceaccounts:ci']}"
    text = f"{HEAD}rules:\n- {{level: Metadata, verbs: [get]}}\n{leaky}\n- level: Metadata\n"
    found = audit(tmp_path, files={"audit/policy.yaml": text})
    one = found.one("AuditPolicyLeaksSecrets")
    assert one.severity == "critical"
    assert "rule 2 (line 5)" in one.summary
    assert "create secrets in namespace shop, by system:serviceaccount:ci:default" in one.summary
    assert one.evidence[0].path == "rules[1].level"
    assert found.headline is one
    mended = text.replace("RequestResponse", "Metadata")
    assert not audit(tmp_path / "b", files={"audit/policy.yaml": mended}).serious() - {
        "AuditPolicyShadowedRule"
    }


def test_configmaps_are_told_and_no_alarm() -> None:
    assert [one.rule.number for one in leaks(policy(UPSTREAM), (CONFIGMAPS,))] == [6]
    assert not list(leaks(policy(GCE), (CONFIGMAPS,)))


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ({}, {"verbs": ("get",)}, True),
        ({"verbs": ("get",)}, {}, False),
        ({"verbs": ("get", "list")}, {"verbs": ("list",)}, True),
        ({"users": ("a",)}, {"users": ("a", "b")}, False),
        ({"users": ("a",)}, {"user_groups": ("system:nodes",)}, False),
        # Requests of nobody known have no group at all.
        ({"user_groups": ("system:authenticated", "system:unauthenticated")}, {}, False),
        ({"namespaces": ("a", "b")}, {"namespaces": ("b",)}, True),
        ({"namespaces": ("a",)}, {"resources": (Resources(""),)}, False),
        ({"namespaces": ("a",)}, {"namespaces": ("a",), "resources": (Resources(""),)}, True),
        ({"resources": (Resources("*"),)}, {"resources": (Resources("apps", ("deployments",)),)}, True),
        # The later one takes paths that are no resources as well.
        ({"resources": (Resources("*"),)}, {"verbs": ("get",)}, False),
        ({"resources": (Resources("*"),)}, {"namespaces": ("shop",)}, False),
        ({"resources": (Resources(""),)}, {"resources": (Resources("", ("pods",), ("web",)),)}, True),
        ({"resources": (Resources("", ("*",)),)}, {"resources": (Resources("", ("pods/exec",)),)}, True),
        ({"resources": (Resources("", ("*",)),)}, {"resources": (Resources(""),)}, True),
        ({"resources": (Resources("", ("pods",)),)}, {"resources": (Resources(""),)}, False),
        ({"resources": (Resources("", ("a/*",)),)}, {"resources": (Resources("", ("a", "a/b")),)}, True),
        ({"resources": (Resources("", ("pods",)),)}, {"resources": (Resources("", ("pods/log",)),)}, False),
        ({"resources": (Resources("", ("*/scale",)),)}, {"resources": (Resources("", ("x/scale",)),)}, True),
        ({"resources": (Resources("", ("*/scale",)),)}, {"resources": (Resources("", ("x/*",)),)}, False),
        ({"resources": (Resources("", ("a",), ("b",)),)}, {"resources": (Resources("", ("a",)),)}, False),
        (
            {"resources": (Resources("", ("pods",)), Resources("apps"))},
            {"resources": (Resources("apps", ("deployments",)), Resources("", ("pods",)))},
            True,
        ),
        ({"urls": ("/health*",)}, {"urls": ("/healthz", "/healthz/*")}, True),
        ({"urls": ("/healthz",)}, {"urls": ("/healthz*",)}, False),
        ({"urls": ("/*",)}, {"urls": ("*",)}, False),
        ({"urls": ("*",)}, {"resources": (Resources(""),)}, False),
        ({"resources": (Resources(""),)}, {"urls": ("/api",)}, False),
    ],
)  # fmt: skip
def test_a_rule_is_covered_only_where_it_is_proven(earlier: Any, later: Any, covered: bool) -> None:
    assert covers(rule(**earlier), rule(**later)) is covered


_TEXTS = st.lists(st.sampled_from(["a", "b", ""]), max_size=2).map(tuple)
_ENTRIES = st.builds(
    Resources,
    st.sampled_from(["", "apps", "*"]),
    st.lists(st.sampled_from(["pods", "pods/log", "pods/*", "*/log", "*"]), max_size=2).map(tuple),
    st.lists(st.sampled_from(["a", "b"]), max_size=1).map(tuple),
).map(lambda one: one if one.resources else one._replace(names=()))
_RULES = st.one_of(
    st.builds(
        lambda **fields: rule(**fields),
        users=_TEXTS, user_groups=_TEXTS, verbs=_TEXTS, namespaces=_TEXTS,
        resources=st.lists(_ENTRIES, max_size=2).map(tuple),
    ),
    st.builds(
        lambda **fields: rule(**fields),
        users=_TEXTS, verbs=_TEXTS,
        urls=st.lists(st.sampled_from(["*", "/a", "/a*", "/ab", "/*"]), min_size=1, max_size=2).map(tuple),
    ),
)  # fmt: skip
_REQUESTS = st.one_of(
    st.builds(
        Request,
        st.sampled_from(["a", "b", "c"]), st.sampled_from(["pods", "nodes"]),
        st.sampled_from(["", "log", "x"]), st.sampled_from(["", "apps", "batch"]),
        st.sampled_from(["", "a", "c"]), st.sampled_from(["", "a", "c"]),
        user=st.sampled_from(["a", "c"]), groups=st.sampled_from([(), ("a",), ("b", "c")]),
    ),
    st.builds(Request, st.sampled_from(["a", "c"]), path=st.sampled_from(["/a", "/ab", "/c"])),
)  # fmt: skip


@given(earlier=_RULES, later=_RULES, request_=_REQUESTS)
def test_no_request_disproves_that_a_rule_is_covered(earlier: Rule, later: Rule, request_: Request) -> None:
    if covers(earlier, later) and matches(later, request_):
        assert matches(earlier, request_)


def test_a_shadowed_rule_is_a_warning_unless_both_do_the_same(tmp_path: Path) -> None:
    later = "- {level: RequestResponse, resources: [{group: apps}]}\n- {level: Metadata, verbs: [get]}\n"
    text = f"{HEAD}rules:\n- level: Metadata\n{later}"
    found = audit(tmp_path, files={"audit/policy.yaml": text})
    shadows = {one.facts["rule"]: one for one in found.findings if one.code == "AuditPolicyShadowedRule"}
    assert shadows["rule 2 (line 5)"].severity == "warning"
    assert "rule 1 (line 4) before it takes every request" in shadows["rule 2 (line 5)"].summary
    assert shadows["rule 3 (line 6)"].severity == "info"


@pytest.mark.parametrize(
    ("rule_", "whole", "words"),
    [
        ("{level: None, verbs: ['*']}", True, "verbs know no wildcard"),
        ("{level: None, verbs: ['*', get]}", False, "verbs know no wildcard"),
        ("{level: None, users: ['system:serviceaccount:*']}", True, "letter by letter"),
        ("{level: None, namespaces: ['*']}", True, "letter by letter"),
        ("{level: None, resources: [{group: '', resources: ['*/*']}]}", True, "only * means every resource"),
        ("{level: None, resources: [{group: '', resources: [Secret]}]}", True, "secrets"),
        ("{level: None, resources: [{group: '', resources: [secret]}]}", True, "it has secrets"),
        ("{level: None, resources: [{group: '', resources: [deployments]}]}", True, "they are in apps"),
        (
            "{level: None, resources: [{group: '', resources: [pods, deployments]}]}",
            False,
            "they are in apps",
        ),
    ],
)
def test_entries_that_match_nothing_are_told(rule_: str, whole: bool, words: str, tmp_path: Path) -> None:
    found = list(voids(policy(f"- {rule_}")))
    assert [one.whole for one in found] == [whole]
    assert words in found[0].why
    ran = audit(tmp_path, files={"audit/policy.yaml": f"{HEAD}rules:\n- {rule_}\n- level: Metadata\n"})
    assert ran.one("AuditPolicyMatchesNothing").severity == ("warning" if whole else "info")


@pytest.mark.parametrize(
    "rule_",
    [
        "{level: None, resources: [{group: '', resources: [pods, pods/*, '*/status', '*', nodes/proxy]}]}",
        "{level: None, resources: [{group: example.com, resources: [widgets, secret]}]}",
        "{level: None, nonResourceURLs: ['/healthz*']}",
        "{level: None, verbs: [get, post], users: [jane]}",
    ],
)
def test_entries_that_may_match_are_left_alone(rule_: str) -> None:
    assert not list(voids(policy(f"- {rule_}")))


def test_what_falls_through_is_shown_by_a_request(tmp_path: Path) -> None:
    def run(rules: str, place: str) -> Any:
        return audit(tmp_path / place, files={"audit/policy.yaml": f"{HEAD}rules:\n{rules}\n"})

    one = run("- {level: Metadata, resources: [{group: ''}]}", "a").one("AuditPolicyNoCatchAll")
    assert one.severity == "info"
    assert "create widgets in namespace shop, by jane" in one.summary
    # No single rule takes everything, but all of them together do.
    both = "- {level: Metadata, resources: [{group: '*'}]}\n- {level: Metadata, nonResourceURLs: ['*']}"
    assert "AuditPolicyNoCatchAll" not in run(both, "b").codes()
    assert "AuditPolicyNoCatchAll" not in run("- level: Metadata", "c").codes()


def test_noise_is_told_and_stays_unsaid_where_it_is_kept_out(tmp_path: Path) -> None:
    quiet = """- {level: None, nonResourceURLs: ["/healthz*", "/readyz*", "/livez*", /metrics]}
- {level: None, resources: [{group: "", resources: [events]}, {group: coordination.k8s.io}]}
- {level: None, verbs: [watch], resources: [{group: discovery.k8s.io, resources: [endpointslices]}]}
- {level: Metadata}
"""
    found = audit(tmp_path, files={"audit/policy.yaml": f"{HEAD}rules:\n{quiet}"})
    assert "AuditPolicyNoisy" not in found.codes()
    rows = found.steps["AU-04"].exhibits[0].rows
    by_request = {row[0]: row for row in rows}
    assert by_request["update leases"][2:5] == ["2", "None", "nothing"]
    assert by_request["create clusterrolebindings"][2:4] == ["4", "Metadata"]
    loud = audit(tmp_path / "b", files={"audit/policy.yaml": f"{HEAD}rules:\n- level: Metadata\n"})
    assert "update leases" in loud.one("AuditPolicyNoisy").summary
