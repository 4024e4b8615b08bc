"""Workloads: why pods are not created, whether enough are ready, stuck rollouts, disruption budgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks.guides.rules.create_errors import classify
from tests.support.made_cases import ago, event, node, owner, pod, running, workload

Examine = Callable[..., Any]

MEMORY = 'pods "store-0" is forbidden: maximum memory usage per Container is 64Mi, but limit is 128Mi'


def deployment(name: str = "web", *, replicas: int = 2, **status: Any) -> dict[str, Any]:
    """A Deployment; `status` replaces what it says of itself."""
    made = workload("Deployment", name, replicas=replicas)
    made["status"] |= status
    return made


def replica_set(name: str = "web-abc", *, replicas: int = 2, **status: Any) -> dict[str, Any]:
    """The ReplicaSet of deployment/web."""
    made = workload(
        "ReplicaSet",
        name,
        replicas=replicas,
        app="web",
        labels={"app": "web"},
        ownerReferences=owner("Deployment", "web"),
    )
    made["status"] |= status
    return made


def condition(type_: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    """An entry of status.conditions that turned five minutes ago."""
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": ago(300),
    }


def refused(message: str) -> list[dict[str, Any]]:
    """The condition of a workload whose pods are refused."""
    return [condition("ReplicaFailure", "True", "FailedCreate", message)]


@pytest.mark.parametrize(
    ("recorded", "target", "code", "words"),
    [
        ("controllers", "replicationcontroller/legacy", "QuotaNeedsResources", ("team-quota", "limits.cpu")),
        ("controllers", "deployment/api", "ServiceAccountMissing", ("deployment/api", "api-runner")),
        ("admission", "deployment/probe-agent", "PodSecurityDenied", ("restricted", "host namespaces")),
        ("admission", "statefulset/store", "LimitRangeViolation", ("sizes", "64Mi", "128Mi", "memory")),
        (
            "webhook",
            "deployment/uploads",
            "WebhookBackendDown",
            ("images.policy.example.com", "policy-system/image-policy does not exist"),
        ),
    ],
)  # fmt: skip
def test_the_refusal_of_pods_is_the_headline_in_a_colleagues_words(
    recorded: str, target: str, code: str, words: tuple[str, ...], diagnose: Callable[..., Any]
) -> None:
    found = diagnose(recorded, target)
    assert found.headline.code == code
    for word in words:
        assert word in found.headline.summary
    assert found.headline.subject.text == target


def test_a_refusal_is_about_the_deployment_and_cites_its_replica_set(diagnose: Callable[..., Any]) -> None:
    found = diagnose("controllers", "deployment/api").one("ServiceAccountMissing")
    sources = [one.source for one in found.evidence]
    assert any(source.endswith("deployments#api") for source in sources)
    assert any("/replicasets#api-" in source for source in sources)
    assert found.since is not None


def test_the_violations_of_pod_security_are_listed_one_by_one(diagnose: Callable[..., Any]) -> None:
    found = diagnose("admission", "deployment/probe-agent").one("PodSecurityDenied")
    assert len(found.facts["violations"]) == 6
    assert found.facts["labelled"] == "restricted"
    assert any("enforce" in one.path for one in found.evidence)


def test_the_configuration_of_a_dead_webhook_is_named(diagnose: Callable[..., Any]) -> None:
    found = diagnose("webhook", "deployment/uploads").one("WebhookBackendDown")
    assert found.facts["configuration"] == "validatingwebhookconfiguration/image-policy"
    assert any(one.path == "webhooks[0].failurePolicy" and one.value == "Fail" for one in found.evidence)


def test_refused_pods_leave_no_second_finding_that_says_too_few_are_ready(
    diagnose: Callable[..., Any],
) -> None:
    assert "ReplicaShortfall" not in diagnose("controllers", "deployment/api").codes()


def test_a_stuck_rollout_does_not_outrank_why_its_pods_are_refused(diagnose: Callable[..., Any]) -> None:
    found = diagnose("controllers", "deployment/api")
    assert found.one("RolloutStalled").severity == "critical"
    assert found.headline.code == "ServiceAccountMissing"


FORBIDDEN = 'pods "a" is forbidden: '
REFUSALS: list[tuple[str, str, dict[str, Any]]] = [
    (
        f"{FORBIDDEN}exceeded quota: t, requested: cpu=2,pods=1, used: cpu=3,pods=3, limited: cpu=4,pods=3",
        "QuotaExceeded",
        {
            "quota": "t",
            "requested": {"cpu": "2", "pods": "1"},
            "used": {"cpu": "3", "pods": "3"},
        },
    ),
    (
        f"{FORBIDDEN}failed quota: team: must specify limits.cpu for: app,proxy; requests.memory for: app",
        "QuotaNeedsResources",
        {
            "resources": ["limits.cpu", "requests.memory"],
            "containers": ["app", "proxy"],
            "limits": "cpu=100m",
        },
    ),
    (
        "failed quota: team: must specify limits.cpu,limits.memory",
        "QuotaNeedsResources",
        {"containers": [], "limits": "cpu=100m,memory=128Mi", "requests": ""},
    ),
    (
        'admission webhook "a.io" denied the request: exceeded quota: x, requested: a, used: b, limited: c',
        "AdmissionDenied",
        {"webhook": "a.io", "reason": "exceeded quota: x, requested: a, used: b, limited: c"},
    ),
    (
        f"{FORBIDDEN}ValidatingAdmissionPolicy 'no-root' with binding 'b' denied request: run as user",
        "AdmissionDenied",
        {"policy": "no-root", "webhook": "", "reason": "run as user"},
    ),
    (
        'failed calling webhook "w": failed to call webhook: Post "https://s.ns.svc/": connection refused',
        "WebhookBackendDown",
        {"service": "s", "service_namespace": "ns", "trouble": "refused"},
    ),
    ("something nobody has seen yet", "ReplicaCreateFailed", {"message": "something nobody has seen yet"}),
]


@pytest.mark.parametrize(("message", "code", "facts"), REFUSALS)
def test_the_servers_words_tell_the_cause(message: str, code: str, facts: dict[str, Any]) -> None:
    found = classify(message)
    assert found.code == code
    assert facts.items() <= found.facts.items()


@pytest.mark.parametrize(("message", "code", "facts"), REFUSALS)
def test_every_refusal_has_a_sentence_and_commands_that_can_be_copied(
    message: str, code: str, facts: dict[str, Any], examine: Examine
) -> None:
    del facts
    web = deployment(replicas=0, readyReplicas=0, conditions=refused(message))
    web["spec"]["replicas"] = 2
    found = examine([web], "deployment/web").one(code)
    assert found.title != code
    assert found.summary.startswith("The pods of deployment/web cannot be created: ")
    assert found.next
    for step in found.next:
        assert step.command.startswith("kubectl ")
        assert "''" not in step.command


def test_several_broken_limits_are_all_named() -> None:
    found = classify(
        "[maximum cpu usage per Container is 1, but limit is 2, "
        "minimum memory usage per Pod is 32Mi.  No request is specified]"
    )
    named = [(one["bound"], one["resource"], one["limit"]) for one in found.facts["violations"]]
    assert named[0] == ("maximum", "cpu", "1")


def test_a_daemon_set_and_a_job_are_read_from_events_because_they_have_no_condition(examine: Examine) -> None:
    agent = workload("DaemonSet", "agent")
    agent["status"] = {"desiredNumberScheduled": 3, "currentNumberScheduled": 0, "numberReady": 0}
    said = event(agent, "FailedCreate", f"Error creating: {MEMORY}", type_="Warning", at=60)
    found = examine([agent, said], "daemonset/agent").one("LimitRangeViolation")
    assert found.subject.text == "daemonset/agent"
    assert (found.facts["desired"], found.facts["created"]) == (3, 0)


def test_a_refusal_of_two_hours_ago_is_history(examine: Examine) -> None:
    store = workload("StatefulSet", "store")
    store["status"] = {"replicas": 0}
    old = event(store, "FailedCreate", MEMORY, type_="Warning", at=7000)
    found = examine([store, old], "statefulset/store")
    assert "LimitRangeViolation" not in found.codes()
    assert "no refusal to create one was seen" in found.one("ReplicaShortfall").explanation


def test_a_refusal_of_two_hours_ago_counts_when_asked_for_three(examine: Examine) -> None:
    store = workload("StatefulSet", "store")
    store["status"] = {"replicas": 0}
    old = event(store, "FailedCreate", MEMORY, type_="Warning", at=7000)
    assert "LimitRangeViolation" in examine([store, old], "statefulset/store", since="3h").codes()


def test_a_refusal_is_history_once_all_pods_exist(examine: Examine) -> None:
    store = workload("StatefulSet", "store")
    said = event(store, "FailedCreate", MEMORY, type_="Warning", at=60)
    assert examine([store, said], "statefulset/store").serious() == set()


def test_with_the_events_gone_a_template_outside_the_limits_is_likely_why(examine: Examine) -> None:
    store = workload("StatefulSet", "store")
    store["status"] = {"replicas": 0}
    store["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": "0.125Gi"}}
    limits = {
        "kind": "LimitRange",
        "apiVersion": "v1",
        "metadata": {"name": "sizes", "namespace": "shop"},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
    }
    found = examine([store, limits], "statefulset/store").one("LimitRangeViolation")
    assert found.confidence == "likely"
    assert found.facts["limit_range"] == "sizes"
    assert "0.125Gi" in found.summary


def test_a_template_within_the_limits_is_not_blamed(examine: Examine) -> None:
    store = workload("StatefulSet", "store")
    store["status"] = {"replicas": 0}
    store["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": "65536Ki"}}
    limits = {
        "kind": "LimitRange",
        "apiVersion": "v1",
        "metadata": {"name": "sizes", "namespace": "shop"},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
    }
    assert "LimitRangeViolation" not in examine([store, limits], "statefulset/store").codes()


def test_some_pods_exist_and_the_next_one_is_refused(examine: Examine) -> None:
    message = "exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2"
    web = deployment(replicas=3, conditions=refused(message))
    web["status"].update(replicas=2, readyReplicas=2)
    made = [
        pod(f"web-{n}", ownerReferences=owner("ReplicaSet", "web-abc"), labels={"app": "web"}) for n in (1, 2)
    ]
    found = examine([web, replica_set(replicas=3, conditions=refused(message)), *made], "deployment/web")
    one = found.one("QuotaExceeded")
    assert one.summary.startswith("1 of 3 pods of deployment/web cannot be created")
    assert "pods: 1 more asked, 2 of 2 used" in one.summary


def test_a_workload_with_all_its_pods_is_one_quiet_line(examine: Examine) -> None:
    found = examine([deployment(), replica_set()], "deployment/web")
    assert found.one("ReplicasSatisfied").severity == "ok"
    assert found.serious() == set()


def test_a_workload_scaled_to_zero_is_said_to_be_so(examine: Examine) -> None:
    found = examine([deployment(replicas=0)], "deployment/web")
    assert "scaled to 0" in found.one("ReplicasSatisfied").summary


def test_a_controller_that_has_not_looked_at_the_newest_specification_is_not_called_satisfied(
    examine: Examine,
) -> None:
    web = deployment(observedGeneration=1)
    web["metadata"]["generation"] = 2
    assert "ReplicasSatisfied" not in examine([web], "deployment/web").codes()


def test_too_few_ready_pods_are_a_warning_and_none_at_all_is_critical(examine: Examine) -> None:
    some = examine([deployment(readyReplicas=1)], "deployment/web").one("ReplicaShortfall")
    assert (some.severity, some.summary) == ("warning", "Only 1 of 2 pods of deployment/web is ready.")


def test_no_ready_pod_is_critical(examine: Examine) -> None:
    none = examine([deployment(readyReplicas=0)], "deployment/web").one("ReplicaShortfall")
    assert (none.severity, none.summary) == ("critical", "None of the 2 pods of deployment/web is ready.")


def test_a_workload_made_seconds_ago_is_given_time(examine: Examine) -> None:
    web = deployment(readyReplicas=0)
    web["metadata"]["creationTimestamp"] = ago(20)
    assert "ReplicaShortfall" not in examine([web], "deployment/web").codes()


def test_what_ails_the_pods_is_the_headline_and_not_that_too_few_are_ready(
    diagnose: Callable[..., Any],
) -> None:
    found = diagnose("probes", "deployment/catalog")
    assert "ReplicaShortfall" in found.codes()
    assert found.headline.code == "ReadinessProbeFailing"


def test_a_stuck_rollout_says_that_the_old_pods_still_serve(examine: Examine) -> None:
    stuck = [
        condition("Available", "True", "MinimumReplicasAvailable"),
        condition(
            "Progressing",
            "False",
            "ProgressDeadlineExceeded",
            'ReplicaSet "web-abc" has timed out progressing.',
        ),
    ]
    web = deployment(replicas=2, updatedReplicas=1, availableReplicas=2, conditions=stuck)
    found = examine([web, replica_set()], "deployment/web").one("RolloutStalled")
    assert "still serves" in found.summary
    assert found.facts["deadline"] == 600


def test_a_rollout_that_is_under_way_is_not_stuck(examine: Examine) -> None:
    moving = [condition("Progressing", "True", "ReplicaSetUpdated")]
    assert "RolloutStalled" not in examine([deployment(conditions=moving)], "deployment/web").codes()


def budget(**status: Any) -> dict[str, Any]:
    """A PodDisruptionBudget of the pods `app=web`."""
    return {
        "kind": "PodDisruptionBudget",
        "apiVersion": "policy/v1",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}
        },
        "status": {
            "expectedPods": 2,
            "disruptionsAllowed": 0,
            "currentHealthy": 1,
            "desiredHealthy": 1,
            **status,
        },
    }


def web_pods() -> list[dict[str, Any]]:
    """A Deployment with two pods on a node."""
    made = [
        pod(f"web-{n}", ownerReferences=owner("ReplicaSet", "web-abc"), labels={"app": "web"}) for n in (1, 2)
    ]
    return [deployment(), replica_set(), node(), *made]


def test_a_budget_without_room_is_told_but_is_no_alarm(examine: Examine) -> None:
    found = examine([*web_pods(), budget()], "deployment/web")
    assert found.one("DisruptionBudgetExhausted").severity == "info"
    assert found.serious() == set()


@pytest.mark.parametrize("status", [{"disruptionsAllowed": 1}, {"expectedPods": 0}])
def test_a_budget_with_room_or_without_pods_is_not_mentioned(
    status: dict[str, int], examine: Examine
) -> None:
    assert (
        "DisruptionBudgetExhausted" not in examine([*web_pods(), budget(**status)], "deployment/web").codes()
    )


def test_a_budget_of_other_pods_is_not_mentioned(examine: Examine) -> None:
    other = budget()
    other["spec"]["selector"] = {"matchLabels": {"app": "api"}}
    assert "DisruptionBudgetExhausted" not in examine([*web_pods(), other], "deployment/web").codes()


def test_a_healthy_namespace_raises_nothing(diagnose: Callable[..., Any]) -> None:
    found = diagnose("healthy")
    assert not [one for one in found.findings if one.step == "DP-11" and one.severity != "ok"]


def test_odd_and_null_fields_of_workloads_break_nothing(examine: Examine) -> None:
    web = deployment(conditions=None, readyReplicas=None)
    web["spec"]["selector"] = None
    agent = workload("DaemonSet", "agent")
    agent["status"] = {}
    examine(
        [
            web,
            agent,
            pod("lonely", ownerReferences=owner("Rollout", "future")),
            pod("bare", containers=[running()]),
        ]
    )


def account(name: str) -> dict[str, Any]:
    """A ServiceAccount."""
    return {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": name, "namespace": "shop"}}


MISSING = "error looking up service account shop/web-runner: serviceaccount not found"


def test_a_misspelt_service_account_names_the_one_that_exists(examine: Examine) -> None:
    web = deployment(replicas=2, readyReplicas=0, conditions=refused(MISSING))
    found = examine([web, account("web-runer"), account("default")], "deployment/web").one(
        "ServiceAccountMissing"
    )
    assert "(there is web-runer)" in found.summary
    assert found.evidence[-1].value == "default, web-runer"


def test_a_service_account_made_meanwhile_is_not_said_to_be_missing(examine: Examine) -> None:
    web = deployment(replicas=2, readyReplicas=0, conditions=refused(MISSING))
    found = examine([web, account("web-runner")], "deployment/web").one("ServiceAccountMissing")
    assert "it does now" in found.summary
    assert not any("create" in step.command for step in found.next)
