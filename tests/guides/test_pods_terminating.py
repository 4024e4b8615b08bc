"""DP-08: a deletion within its grace period is no fault; an overdue one names what holds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.guides.rules.webhooks import is_pod_update_rule
from kuberunbooks.objects.policy import WebhookRule
from tests.support.api_server import serve_case
from tests.support.made_cases import ago, make_case, node, owner, pod, running, stopped, workload

Examine = Callable[..., Any]


def leaving(seconds_over: float, *, finalizers: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """A pod whose deletionTimestamp was so many seconds ago (negative: lies ahead)."""
    return pod(
        "web-1",
        deletionTimestamp=ago(seconds_over),
        deletionGracePeriodSeconds=30,
        finalizers=finalizers or [],
        **more,
    )


def webhook(
    *,
    operations: list[str] | None = None,
    resources: list[str] | None = None,
    service: str = "policy",
    **more: Any,
) -> dict[str, Any]:
    """A validating webhook on updates of pods that fails closed."""
    rule = {
        "operations": operations or ["UPDATE"],
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": resources or ["pods"],
    }
    hook = {
        "name": "pods.policy.example.com",
        "rules": [rule],
        "failurePolicy": "Fail",
        "clientConfig": {"service": {"namespace": "policy", "name": service}},
        **more,
    }
    return {
        "kind": "ValidatingWebhookConfiguration",
        "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": {"name": "policy"},
        "webhooks": [hook],
    }


def service_with(ready: bool) -> list[dict[str, Any]]:
    return [
        {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "policy", "namespace": "policy"}},
        {
            "kind": "EndpointSlice",
            "apiVersion": "discovery.k8s.io/v1",
            "metadata": {
                "name": "policy-x",
                "namespace": "policy",
                "labels": {"kubernetes.io/service-name": "policy"},
            },
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}],
        },
    ]


POLICY = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "policy"}}


@pytest.mark.parametrize("seconds_over", [-20, 0, 59])
def test_a_deletion_within_its_grace_period_and_a_minute_is_only_noted(
    examine: Examine, seconds_over: float
) -> None:
    found = examine([node(), leaving(seconds_over)])
    assert found.one("PodTerminatingWithinGrace").severity == "info"
    assert found.serious() == set()
    assert found.headline.code == "PodTerminatingWithinGrace"


def test_a_deletion_a_minute_late_is_stuck_since_it_was_asked_for(examine: Examine) -> None:
    found = examine([node(), leaving(90)])
    stuck = found.one("PodTerminatingStuck")
    assert found.headline is stuck
    assert f"{stuck.since:%Y-%m-%dT%H:%M:%SZ}" == ago(120)
    assert stuck.evidence[0].path == "metadata.deletionTimestamp"


def test_a_finalizer_is_certain_to_hold_a_pod_whose_containers_have_ended(examine: Examine) -> None:
    found = examine(
        [node(), leaving(90, finalizers=["example.com/drain"], phase="Failed", containers=[stopped()])]
    )
    blocked = found.one("PodFinalizerBlocked")
    assert found.headline is blocked
    assert blocked.confidence == "confirmed"
    assert "example.com/drain" in blocked.summary
    patch = [step for step in blocked.next if "finalizers" in step.command and step.changes]
    assert patch[0].command == """kubectl patch pod web-1 -n shop -p '{"metadata":{"finalizers":null}}'"""


def test_a_finalizer_is_only_likely_to_hold_a_pod_that_still_runs(examine: Examine) -> None:
    found = examine([node(), leaving(90, finalizers=["example.com/drain"])])
    assert found.one("PodFinalizerBlocked").confidence == "likely"


def test_a_finalizer_of_a_pod_that_is_not_overdue_blocks_nothing_yet(examine: Examine) -> None:
    assert (
        "PodFinalizerBlocked" not in examine([node(), leaving(10, finalizers=["example.com/drain"])]).codes()
    )
    assert (
        "PodFinalizerBlocked" not in examine([node(), pod("web-1", finalizers=["example.com/drain"])]).codes()
    )


def test_a_deletion_on_a_lost_node_is_said_at_once_and_the_node_is_the_headline(examine: Examine) -> None:
    found = examine([node(ready="Unknown"), leaving(-10, ready=False)])
    assert found.one("TerminatingOnLostNode").facts["node"] == "n1"
    assert "PodTerminatingWithinGrace" not in found.codes()
    assert found.headline.code == "NodeStatusUnknown"


def test_a_statefulset_pod_is_forced_off_a_lost_node_only_when_the_node_is_gone(examine: Examine) -> None:
    numbered = leaving(90, ready=False, ownerReferences=owner("StatefulSet", "db"))
    silent = examine([node(ready="Unknown"), numbered]).one("TerminatingOnLostNode")
    assert not [step for step in silent.next if "--force" in step.command]
    assert "corrupt" in " ".join(step.why for step in silent.next)
    gone = examine([node("n9"), numbered]).one("TerminatingOnLostNode")
    assert "--force" in gone.next[-1].command
    bare = examine([node(ready="Unknown"), leaving(90, ready=False)]).one("TerminatingOnLostNode")
    assert "--force" in bare.next[-1].command


def test_a_pod_that_ended_before_its_node_was_lost_is_not_blamed_on_the_node(examine: Examine) -> None:
    gone = leaving(90, finalizers=["example.com/drain"], phase="Failed", containers=[stopped()])
    assert examine([node(ready="Unknown"), gone]).headline.code == "PodFinalizerBlocked"


def test_a_webhook_on_updates_of_pods_is_named_for_an_overdue_pod_only(examine: Examine) -> None:
    present = examine([node(), POLICY, leaving(90), webhook(), *service_with(True)])
    found = present.one("PodUpdateWebhookPresent")
    assert "pods.policy.example.com" in found.summary
    assert found.confidence == "likely"
    assert "WebhookBackendDown" not in present.codes()
    assert "PodUpdateWebhookPresent" not in examine([node(), POLICY, leaving(10), webhook()]).codes()


def test_a_webhook_that_fails_closed_with_nobody_behind_it_is_the_headline(examine: Examine) -> None:
    found = examine([node(), POLICY, leaving(90), webhook(), *service_with(False)])
    assert found.headline.code == "WebhookBackendDown"
    assert found.headline.facts["trouble"] == "endpoints"


def test_a_webhook_whose_service_does_not_exist_is_down(examine: Examine) -> None:
    found = examine([node(), POLICY, leaving(90), webhook(service="gone")])
    assert found.one("WebhookBackendDown").facts["trouble"] == "service"


def test_a_webhook_that_fails_open_cannot_hold_a_pod_by_being_down(examine: Examine) -> None:
    found = examine([node(), POLICY, leaving(90), webhook(failurePolicy="Ignore"), *service_with(False)])
    assert "WebhookBackendDown" not in found.codes()


def test_a_backend_that_cannot_be_read_is_not_said_to_be_down(examine: Examine) -> None:
    found = examine([node(), POLICY, leaving(90), webhook()], without=("Service", "EndpointSlice"))
    assert "WebhookBackendDown" not in found.codes()


def test_a_webhook_for_other_objects_or_namespaces_does_not_count(examine: Examine) -> None:
    other = {"matchLabels": {"app": "other"}}
    for more in ({"objectSelector": other}, {"namespaceSelector": other}):
        found = examine([node(), POLICY, leaving(90), webhook(**more)])
        assert "PodUpdateWebhookPresent" not in found.codes(), more


def test_a_selector_of_the_namespaces_name_is_judged_without_reading_the_namespace(examine: Examine) -> None:
    name = {"key": "kubernetes.io/metadata.name", "operator": "NotIn"}
    for values, fires in ((["shop"], False), (["kube-system"], True)):
        hook = webhook(namespaceSelector={"matchExpressions": [{**name, "values": values}]})
        found = examine([node(), POLICY, leaving(90), hook], without=("Namespace",))
        assert ("PodUpdateWebhookPresent" in found.codes()) is fires


def test_a_namespace_whose_labels_cannot_be_read_leaves_the_webhook_in_doubt(examine: Examine) -> None:
    hook = webhook(namespaceSelector={"matchLabels": {"team": "blue"}}, service="gone")
    found = examine([node(), POLICY, leaving(90), hook], without=("Namespace",))
    assert "could not be checked" in found.one("PodUpdateWebhookPresent").summary
    assert "WebhookBackendDown" not in found.codes()


@pytest.mark.parametrize(
    ("resources", "operations", "scope", "counts"),
    [
        (["pods"], ["UPDATE"], "*", True),
        (["*"], ["*"], "Namespaced", True),
        (["*/*"], ["CREATE", "UPDATE"], "*", True),
        (["pods/*"], ["UPDATE"], "*", False),
        (["pods/status"], ["UPDATE"], "*", False),
        (["pods"], ["CREATE", "DELETE"], "*", False),
        (["pods"], ["UPDATE"], "Cluster", False),
        (["deployments"], ["UPDATE"], "*", False),
    ],
)
def test_only_rules_for_updates_of_pods_themselves_count(
    resources: list[str], operations: list[str], scope: str, counts: bool
) -> None:
    rule = WebhookRule(operations=operations, api_groups=[""], resources=resources, scope=scope)
    assert is_pod_update_rule(rule) is counts


def test_webhooks_that_cannot_be_read_are_noted_and_not_denied(examine: Examine) -> None:
    found = examine([node(), leaving(90)], without=("MutatingWebhookConfiguration",))
    assert "PodTerminatingStuck" in found.codes()
    assert any(
        "not looked at completely" in getattr(one, "text", "") for one in found.steps["DP-08"].exhibits
    )


def test_many_pods_stuck_for_the_same_finalizer_are_one_finding(examine: Examine) -> None:
    made = {"ownerReferences": owner("StatefulSet", "db"), "containers": [running()]}
    pods = [{**leaving(90 + number, finalizers=["x.io/y"], **made)} for number in range(3)]
    for number, one in enumerate(pods):
        one["metadata"]["name"] = f"db-{number}"
    found = examine([node(), *pods])
    assert found.one("PodFinalizerBlocked").count == 3


def test_an_overdue_pod_with_a_webhook_and_a_service_costs_twelve_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    stuck = leaving(90, labels={"app": "web"}, ownerReferences=owner("ReplicaSet", "web-3"))
    made = workload("ReplicaSet", "web-3", app="web", ownerReferences=owner("Deployment", "web"))
    items = [
        node(),
        POLICY,
        stuck,
        made,
        workload("Deployment", "web"),
        webhook(),
        *service_with(False),
        service,
    ]
    with serve_case(make_case(tmp_path / "case", items)) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
        session = notebook.open("pods", namespace="shop", target="pod/web-1")
        for name in session.step_names:
            getattr(session, name)()
        session.summary()
        asked = len(server.requests)
    assert "WebhookBackendDown" in {one.code for step in session.steps for one in step.findings}
    assert asked <= 12
