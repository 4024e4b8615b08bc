"""AU-12, rule by rule, on made events: what is worth attention fires, everyday life stays silent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.audit_events import Analysis, analyse, event

Events = list[dict[str, Any]]
RBAC = "rbac.authorization.k8s.io"


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Analysis]:
    return lambda events, **options: analyse(tmp_path / "case", events, **options)


def refusals(times: int, user: str = "eve", every: float = 10, **fields: Any) -> Events:
    return [
        event(user, "list", "secrets", code=403, after=number * every, **fields) for number in range(times)
    ]


def binding(user: str = "eve", verb: str = "create", name: str = "gift", **fields: Any) -> dict[str, Any]:
    """A change of a ClusterRoleBinding."""
    code = 201 if verb == "create" else 200
    return event(
        user, verb, "clusterrolebindings", group=RBAC, namespace="", name=name, **({"code": code} | fields)
    )


def gives(role: str, *subjects: str) -> dict[str, Any]:
    """The fields of an event of level RequestResponse for a binding."""
    return {
        "level": "RequestResponse",
        "requestObject": {
            "kind": "ClusterRoleBinding",
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "User", "name": name} for name in subjects],
        },
    }


# refusals


def test_five_refusals_in_five_minutes_are_a_burst(told: Callable[..., Analysis]) -> None:
    found = told(refusals(5, every=70)).one("AuditForbiddenBurst")
    assert (found.severity, found.subject.name) == ("warning", "eve")
    assert "User eve was refused 5 times (403) within 280 s" in found.summary.replace("4 min", "280 s")
    assert "list secrets (5) in namespace shop" in found.summary


def test_fewer_or_slower_refusals_are_none(told: Callable[..., Analysis]) -> None:
    assert told(refusals(4)).serious() == []
    assert told(refusals(20, every=120)).serious() == []


def test_the_order_of_the_lines_does_not_matter(told: Callable[..., Analysis]) -> None:
    events = refusals(5)
    assert told([events[3], events[0], event(after=4000), events[4], events[2], events[1]]).serious()


def test_what_admission_refuses_does_not_count(told: Callable[..., Analysis]) -> None:
    assert told(refusals(9, decision="allow")).serious() == []


def test_the_clusters_own_components_are_refused_in_everyday_life(told: Callable[..., Analysis]) -> None:
    for user in (
        "system:node:worker-1",
        "system:kube-scheduler",
        "system:serviceaccount:kube-system:generic-garbage-collector",
        "eks:node-manager",
    ):
        found = told(refusals(50, user, every=1))
        assert found.serious() == [], user
        assert found.rows("Who was refused")[0][1] == "50"


def test_an_application_without_a_right_is_told_so(told: Callable[..., Analysis]) -> None:
    found = told(refusals(6, "system:serviceaccount:shop:web")).one("AuditForbiddenBurst")
    assert found.severity == "warning"
    assert "Service account shop/web was refused" in found.summary
    assert "does not do its work" in found.explanation


def test_an_application_installed_before_its_rights_is_no_trouble(told: Callable[..., Analysis]) -> None:
    user = "system:serviceaccount:shop:web"
    later = event(user, "list", "secrets", after=100)
    found = told([*refusals(6, user), later]).one("AuditForbiddenBurst")
    assert found.severity == "info"
    elsewhere = event(user, "list", "secrets", after=100, namespace="other")
    assert told([*refusals(6, user), elsewhere]).serious()


def test_a_person_who_gets_the_right_afterwards_is_told_all_the_same(told: Callable[..., Analysis]) -> None:
    found = told([*refusals(6), event("eve", "list", "secrets", after=100)]).one("AuditForbiddenBurst")
    assert found.severity == "warning"
    assert "Since then all of it was allowed." in found.summary


def test_a_load_balancer_that_asks_for_slash_is_no_trouble(told: Callable[..., Analysis]) -> None:
    probes = [event("system:anonymous", "get", "", code=403, uri="/", after=number) for number in range(200)]
    assert told(probes).serious() == []
    assert told(refusals(6, "system:anonymous")).serious() == [("AuditForbiddenBurst", "system:anonymous")]


def test_callers_nobody_knows_are_judged_by_their_address(told: Callable[..., Analysis]) -> None:
    def strangers(times: int) -> Events:
        return [
            event("", "list", "pods", code=401, after=number, stage="ResponseStarted", decision="none")
            for number in range(times)
        ]

    found = told(strangers(10)).one("AuditForbiddenBurst")
    assert (found.subject.kind, found.subject.name) == ("Address", "10.0.0.7")
    assert "asked 10 times with credentials that are not valid (401)" in found.summary
    assert told(strangers(9)).serious() == []


def test_the_address_the_server_saw_is_told_and_not_the_one_a_client_claims(
    told: Callable[..., Analysis],
) -> None:
    found = told(refusals(5)).one("AuditForbiddenBurst")
    assert found.facts["addresses"] == ["10.0.0.7"]


def test_who_really_acted_is_told_of_impersonation(told: Callable[..., Analysis]) -> None:
    found = told(refusals(5, impersonatedUser={"username": "admin"})).one("AuditForbiddenBurst")
    assert "User eve acting as admin was refused" in found.summary


# anonymous


def test_objects_given_out_without_credentials_are_critical(told: Callable[..., Analysis]) -> None:
    reason = (
        'RBAC: allowed by ClusterRoleBinding "oops" of ClusterRole "view" to Group "system:unauthenticated"'
    )
    anonymous = event("system:anonymous", "list", "pods")
    anonymous["annotations"]["authorization.k8s.io/reason"] = reason
    found = told([anonymous]).one("AuditAnonymousAllowed")
    assert found.severity == "critical"
    assert 'ClusterRoleBinding "oops"' in found.summary


def test_what_everybody_may_ask_is_no_finding(told: Callable[..., Analysis]) -> None:
    paths = ("/healthz", "/livez?verbose", "/readyz/etcd", "/version", "/.well-known/openid-configuration")
    events = [event("system:anonymous", "get", "", uri=path) for path in (*paths, "/openid/v1/jwks")]
    events.append(
        event("system:anonymous", "get", "configmaps", namespace="kube-public", name="cluster-info")
    )
    assert told(events).serious() == []


def test_discovery_without_credentials_is_a_warning(told: Callable[..., Analysis]) -> None:
    assert (
        told([event("system:anonymous", "get", "", uri="/apis")]).one("AuditAnonymousAllowed").severity
        == "warning"
    )


# rights


def test_a_right_made_and_taken_back_within_an_hour_is_told(told: Callable[..., Analysis]) -> None:
    found = told([binding(), binding(verb="delete", after=1800)]).one("AuditRbacChanged")
    assert "made ClusterRoleBinding gift" in found.summary
    assert "removed it 30 min later" in found.summary
    late = told([binding(), binding(verb="delete", after=4000)]).one("AuditRbacChanged")
    assert "removed it" not in late.summary
    assert "In all 2 changes" in late.summary


def test_every_right_is_critical_and_says_to_whom(told: Callable[..., Analysis]) -> None:
    found = told([binding(**gives("cluster-admin", "mallory"))]).one("AuditRbacChanged")
    assert found.severity == "critical"
    assert "it gives User/mallory every right (ClusterRole/cluster-admin)" in found.summary


def test_an_ordinary_role_is_a_warning_and_named(told: Callable[..., Analysis]) -> None:
    found = told([binding(**gives("view", "mallory"))]).one("AuditRbacChanged")
    assert found.severity == "warning"
    assert "it gives ClusterRole/view to User/mallory" in found.summary


@pytest.mark.parametrize(
    ("rule", "severity"),
    [
        ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, "critical"),
        ({"apiGroups": [""], "resources": ["*"], "verbs": ["*"]}, "critical"),
        ({"apiGroups": ["monitoring.example.com"], "resources": ["*"], "verbs": ["*"]}, "warning"),
        ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["get"]}, "warning"),
    ],
)
def test_only_a_role_that_may_do_everything_is_critical(
    told: Callable[..., Analysis], rule: dict[str, Any], severity: str
) -> None:
    role = event("eve", "create", "clusterroles", group=RBAC, namespace="", name="op", code=201)
    assert told([role | {"requestObject": {"rules": [rule]}}]).one("AuditRbacChanged").severity == severity


def test_a_json_patch_is_understood(told: Callable[..., Analysis]) -> None:
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    patch = [{"op": "add", "path": "/rules/-", "value": everything}]
    role = event("eve", "patch", "clusterroles", group=RBAC, namespace="", name="op")
    assert told([role | {"requestObject": patch}]).one("AuditRbacChanged").severity == "critical"


def test_every_right_in_one_namespace_is_no_more_than_a_warning(told: Callable[..., Analysis]) -> None:
    for namespace, severity in (("shop", "warning"), ("kube-system", "critical")):
        given = event("eve", "create", "rolebindings", group=RBAC, namespace=namespace, name="x", code=201)
        assert told([given | gives("cluster-admin", "m")]).one("AuditRbacChanged").severity == severity


def test_a_dry_run_changes_nothing(told: Callable[..., Analysis]) -> None:
    path = f"/apis/{RBAC}/v1/clusterrolebindings?dryRun=All"
    assert told([binding(uri=path, **gives("cluster-admin", "m"))]).serious() == []
    assert (
        told([event("eve", "delete", name=f"p{n}", uri="/api/v1/p?dryRun=All") for n in range(30)]).serious()
        == []
    )


def test_controllers_change_rights_all_day(told: Callable[..., Analysis]) -> None:
    for user in (
        "system:serviceaccount:flux-system:kustomize-controller",
        "system:apiserver",
        "eks:addon-manager",
    ):
        assert told([binding(user, name=f"b{number}") for number in range(9)]).codes() <= {"AuditLogRead"}


def test_a_deployment_tool_that_gives_every_right_is_a_note(told: Callable[..., Analysis]) -> None:
    found = told([binding("system:serviceaccount:argocd:argocd", **gives("cluster-admin", "op"))])
    assert found.one("AuditRbacChanged").severity == "info"


def test_a_cluster_that_is_being_set_up_is_left_in_peace(told: Callable[..., Analysis]) -> None:
    first = event(
        "system:apiserver", "create", "clusterroles", group=RBAC, namespace="", name="cluster-admin", code=201
    )
    setup = [
        first,
        binding("kubernetes-admin", name="kindnet", after=60),
        binding("minikube-user", after=100),
    ]
    assert told(setup).serious() == []
    assert told([*setup, binding(after=1200)]).serious() == [("AuditRbacChanged", "eve")]


def test_kubeadm_upgrades_bind_their_own(told: Callable[..., Analysis]) -> None:
    own = binding("kubernetes-admin", name="kubeadm:node-proxier", **gives("system:node-proxier", "x"))
    assert told([own]).serious() == []
    assert told([binding("kubernetes-admin", name="mine")]).serious()


def test_what_was_done_while_a_right_existed_is_told(told: Callable[..., Analysis]) -> None:
    during = event("mallory", "list", "secrets", namespace="", after=60)
    before = event("mallory", "list", "configmaps", after=-60)
    found = told([before, binding(), during, binding(verb="delete", after=120)]).one("AuditRbacChanged")
    assert "While it existed, user mallory listed secrets of all namespaces." in found.summary


def test_a_failed_change_is_none(told: Callable[..., Analysis]) -> None:
    assert told([binding(code=409), binding(code=403)]).serious() == []


# deletions


def deletions(times: int, user: str = "eve", resource: str = "deployments", **fields: Any) -> Events:
    return [
        event(user, "delete", resource, name=f"x{number}", after=number, **fields) for number in range(times)
    ]


def test_twenty_deletions_in_five_minutes_are_many(told: Callable[..., Analysis]) -> None:
    found = told(deletions(20)).one("AuditMassDelete")
    assert "User eve deleted 20 objects" in found.summary
    assert "delete deployments (20) in namespace shop" in found.summary
    assert told(deletions(19)).serious() == []


def test_deletions_that_failed_or_were_harmless_do_not_count(told: Callable[..., Analysis]) -> None:
    assert told(deletions(30, code=404)).serious() == []
    assert told(deletions(30, resource="events")).serious() == []


def test_controllers_and_applications_tidy_up_all_day(told: Callable[..., Analysis]) -> None:
    for user in (
        "system:serviceaccount:kube-system:replicaset-controller",
        "system:kube-scheduler",
        "system:node:worker-1",
        "system:serviceaccount:ci:runner",
    ):
        assert told(deletions(100, user, "pods")).serious() == [], user


def test_an_application_that_deletes_data_is_told(told: Callable[..., Analysis]) -> None:
    found = told(deletions(30, "system:serviceaccount:ci:runner", "persistentvolumeclaims"))
    assert found.serious() == [("AuditMassDelete", "system:serviceaccount:ci:runner")]


def test_a_controller_that_empties_a_namespace_leads_to_who_deleted_it(told: Callable[..., Analysis]) -> None:
    controller = "system:serviceaccount:kube-system:namespace-controller"
    emptied = [
        event(controller, "deletecollection", f"kind{number}s", namespace="old", after=1)
        for number in range(60)
    ]
    gone = event("bob", "delete", "namespaces", namespace="old", name="old")
    found = told([gone, *emptied])
    assert found.serious() == []
    assert "user bob: old" in found.one("AuditNamespaceDeleted").summary
    assert "who deleted it is not in this log" in told(emptied).one("AuditNamespaceDeleted").summary


# errors and panics


def test_more_than_one_request_in_a_hundred_that_fails_is_told(told: Callable[..., Analysis]) -> None:
    good = [event(after=number) for number in range(900)]
    bad = [event("eve", "list", "widgets", code=503, after=number) for number in range(10)]
    found = told([*good, *bad]).one("AuditServerErrors")
    assert "10 of 910 requests (1.1 %)" in found.summary
    assert told([*good, *good[:100], *bad[:9]]).serious() == []


def test_health_checks_and_what_is_handed_on_do_not_count_as_errors(told: Callable[..., Analysis]) -> None:
    checks = [event("system:apiserver", "get", "", code=500, uri="/readyz") for _ in range(50)]
    handed = [event("eve", "get", "nodes", sub="proxy", code=503) for _ in range(50)]
    logs = [event("eve", "get", "pods", sub="log", code=500) for _ in range(50)]
    assert told([*checks, *handed, *logs, event()]).serious() == []


def test_a_panic_is_critical(told: Callable[..., Analysis]) -> None:
    found = told([event("eve", "list", "widgets", stage="Panic", code=500)])
    assert found.one("AuditPanicSeen").severity == "critical"


# secrets, shells


def test_people_who_read_secrets_are_named_and_controllers_only_listed(told: Callable[..., Analysis]) -> None:
    found = told(
        [
            event("eve", "list", "secrets"),
            event("system:serviceaccount:shop:web", "get", "secrets", name="db"),
        ]
    )
    assert found.one("AuditSecretRead").subject.name == "eve"
    assert {row[0] for row in found.rows("Who read secrets")} == {"eve", "system:serviceaccount:shop:web"}
    assert found.serious() == []


def test_refused_and_unanswered_reads_of_secrets_are_none(told: Callable[..., Analysis]) -> None:
    asked = event("eve", "list", "secrets", code=0, stage="RequestReceived")
    assert "AuditSecretRead" not in told([asked, event("eve", "list", "secrets", code=403)]).codes()


def test_shells_and_forwarded_ports_are_told(told: Callable[..., Analysis]) -> None:
    uri = "/api/v1/namespaces/shop/pods/web-1/exec?command=sh&command=-c&command=ls+%2Fsrv&stdout=true"
    shell = event("eve", "get", "pods", name="web-1", sub="exec", code=101, uri=uri)
    forward = event("eve", "create", "pods", name="web-1", sub="portforward", code=101)
    debug = event("eve", "patch", "pods", name="web-1", sub="ephemeralcontainers")
    found = told([shell, forward, debug]).one("AuditExecUsed")
    assert found.severity == "info"
    assert "3 times" in found.summary
    assert "shop/web-1: sh -c 'ls /srv'" in found.summary


def test_secrets_in_a_command_are_taken_out(told: Callable[..., Analysis]) -> None:
    words = ["mysql", "-pS3cr3tPass", "--password=An0therOne", "-e", "select 1"]
    uri = "/x?" + "&".join(f"command={word}" for word in words)
    found = told([event("eve", "get", "pods", name="db-0", sub="exec", code=101, uri=uri)])
    said = repr([found.what_happened, found.suspicious])
    assert "mysql" in said
    assert "S3cr3tPass" not in said
    assert "An0therOne" not in said


def test_commands_through_a_kubelet_are_told_apart(told: Callable[..., Analysis]) -> None:
    uri = "/api/v1/nodes/cp-1/proxy/run/kube-system/etcd/etcd?cmd=id"
    found = told([event("eve", "create", "nodes", namespace="", name="cp-1", sub="proxy", uri=uri)])
    assert "pass by everything" in found.one("AuditExecUsed").explanation


# hostile


def test_texts_of_the_log_cannot_do_anything(told: Callable[..., Analysis]) -> None:
    agent = "\x1b[2J<script>alert(1)</script>{{ 7*7 }}" + "x" * 5000
    events = refusals(6, "eve'; rm -rf / #", userAgent=agent)
    found = told(events)
    burst = found.one("AuditForbiddenBurst")
    said = repr([found.what_happened, found.suspicious])
    assert "\x1b" not in said
    assert "x" * 400 not in said
    assert "{{ 7*7 }}" in said
    assert "--as='eve'\"'\"'; rm -rf / #'" in burst.next[0].command


def test_times_that_are_none_do_no_harm(told: Callable[..., Analysis]) -> None:
    odd = [
        event("eve", "list", "secrets", requestReceivedTimestamp=at, stageTimestamp=at)
        for at in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:00", None, "2026-11-23T21:00:00", 7)
    ]
    found = told([*odd, event("eve", "list", "secrets")])
    assert found.one("AuditSecretRead").facts["times"] >= 1


# the alert


def test_only_an_alert_narrows_the_log(told: Callable[..., Analysis]) -> None:
    events = [*refusals(6), event("bob", "list", "secrets", after=7200)]
    whole = told(events, since="10m")
    assert {"AuditForbiddenBurst", "AuditSecretRead"} <= whole.codes()
    late = told(events, since="10m", alert_time="2026-11-23T23:00:00Z")
    assert "AuditForbiddenBurst" not in late.codes()
    assert late.one("AuditSecretRead").subject.name == "bob"
    assert any("around the alert" in getattr(one, "text", "") for one in late.what_happened.exhibits)


def test_an_alert_time_that_is_none_narrows_nothing(told: Callable[..., Analysis]) -> None:
    for text in ("yesterday", "9999-12-31T23:59:59Z", ""):
        assert "AuditForbiddenBurst" in told(refusals(6), alert_time=text).codes()
