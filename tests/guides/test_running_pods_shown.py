"""What the running-pods guide shows of a pod: description, events, node, logs, object, revisions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.findings import Document, LogExcerpt, Table
from kuberunbooks.guides.running_pods.description import toleration_text
from kuberunbooks.guides.running_pods.volumes import volume_source
from kuberunbooks.objects import Toleration
from tests.conftest import Diagnosis
from tests.support.containers import container, ran, sick_pod, write_log
from tests.support.made_cases import ago, event, make_case, node, owner, pod, workload

Examine = Callable[..., Any]


@pytest.fixture
def show(examine: Examine) -> Examine:
    """The running-pods guide on these objects."""
    return lambda items, target="", **more: examine(items, target, guide="running-pods", **more)


def table(found: Diagnosis, step: str, words: str) -> Table:
    """The only table of a step whose caption holds these words."""
    tables = [one for one in found.steps[step].exhibits if isinstance(one, Table) and words in one.caption]
    assert len(tables) == 1, [getattr(one, "caption", one) for one in found.steps[step].exhibits]
    return tables[0]


def cells(one: Table) -> dict[str, str]:
    """A table of two columns as names and values."""
    return {row[0]: row[1] for row in one.rows}


def web(**more: Any) -> dict[str, Any]:
    spec = {
        "containers": [
            {
                "name": "app",
                "image": "shop/web:1",
                "command": ["serve", "--port", "8080"],
                "ports": [{"name": "http", "containerPort": 8080}],
                "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "64Mi"}},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
                "env": [
                    {"name": "MODE", "value": "fast"},
                    {"name": "DB_PASSWORD", "value": "shop"},
                    {"name": "HOST", "valueFrom": {"configMapKeyRef": {"name": "net", "key": "host"}}},
                    {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "t"}}},
                    {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                ],
                "envFrom": [{"prefix": "X_", "configMapRef": {"name": "all", "optional": True}}],
                "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "ledger"}}, {"name": "odd"}],
        "tolerations": [
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300}
        ],
        "priorityClassName": "high",
        "priority": 1000,
        "serviceAccountName": "web",
    }
    return pod("web-1", spec={**spec, **more.pop("spec", {})}, labels={"app": "web"}, **more)


def test_identity_says_where_it_is_who_made_it_and_what_it_was_given(show: Examine) -> None:
    made = [
        node(),
        workload("Deployment", "web"),
        workload("ReplicaSet", "web-3cc", app="web", ownerReferences=owner("Deployment", "web")),
        web(
            ownerReferences=owner("ReplicaSet", "web-3cc"),
            status={"qosClass": "Burstable", "podIP": "10.0.0.7"},
        ),
    ]
    about = cells(table(show(made, "pod/web-1"), "RP-02", "Pod web-1"))
    assert about["Made by"] == "replicaset/web-3cc, made by deployment/web"
    assert about["Node"].startswith("n1 (")
    assert about["Pod addresses"] == "10.0.0.7"
    assert about["QoS class"] == "Burstable"
    assert about["Priority"] == "high 1000"
    assert about["Service account"] == "web"
    assert about["Tolerations"] == "node.kubernetes.io/not-ready for 300 s"
    assert "Finalizers" not in about


def test_settings_environment_and_volumes_are_readable(show: Examine) -> None:
    found = show([node(), web()], "pod/web-1")
    settings = {row[1]: row[2] for row in table(found, "RP-02", "set up").rows}
    assert settings["command"] == "serve --port 8080"
    assert settings["ports"] == "http 8080/TCP"
    assert settings["requests"] == "cpu 500m"
    assert settings["readiness probe"].startswith("http GET :http/ready, first after 0 s, every 10 s")
    environment = {row[1]: row[2] for row in table(found, "RP-02", "Environment").rows}
    assert environment["MODE"] == "fast"
    assert environment["HOST"] == "key host of ConfigMap net"
    assert environment["TOKEN"] == "key t of Secret s"
    assert environment["IP"] == "field status.podIP of the pod"
    assert environment["X_*"] == "all keys of ConfigMap all, may be missing"
    volumes = {row[0]: row[1:] for row in table(found, "RP-02", "Volumes").rows}
    assert volumes["data"] == ["persistentVolumeClaim", "ledger", "app:/data read-only"]
    assert volumes["odd"] == ["", "", "nowhere"]


def test_a_password_is_hidden_by_its_name_also_where_it_is_a_common_word(show: Examine) -> None:
    found = show([node(), web()], "pod/web-1")
    environment = {row[1]: row[2] for row in table(found, "RP-02", "Environment").rows}
    assert environment["DB_PASSWORD"].startswith("(hidden")
    (whole,) = [one for one in found.steps["RP-10"].exhibits if isinstance(one, Document)]
    assert "name: DB_PASSWORD\n      value: '[redacted:" in whole.text


def test_the_state_of_a_container_and_its_end_before_that_stand_side_by_side(show: Examine) -> None:
    sick = sick_pod(container(waiting=("CrashLoopBackOff", "back-off"), last=ran(3, at=120), restarts=4))
    (row,) = table(show([node(), sick], "pod/web-1"), "RP-02", "Containers of").rows
    assert row[2] == "waiting: CrashLoopBackOff"
    assert row[3] == "ended 2m ago with exit code 3 (Error)"
    assert row[4:6] == ["no", "4"]


def test_of_many_pods_one_of_each_sick_workload_is_shown_and_the_rest_is_said(show: Examine) -> None:
    ill = {
        "ready": False,
        "containers": [container(waiting=("CrashLoopBackOff", ""), last=ran(1), restarts=3)],
    }
    pods = [
        pod(f"{app}-{number}", ownerReferences=owner("StatefulSet", app), **ill)
        for app in ("a", "b", "c", "d")
        for number in range(3)
    ]
    found = show([node(), *pods])
    shown = [one.caption for one in found.steps["RP-10"].exhibits if isinstance(one, Document)]
    assert len(shown) == 3
    assert len({caption.split()[1].partition("-")[0] for caption in shown}) == 3
    assert any("of 12 pods" in getattr(one, "text", "") for one in found.steps["RP-02"].exhibits)


def test_events_come_from_the_pod_its_owners_its_node_and_its_claims_once_each(show: Examine) -> None:
    claim = {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "ledger", "namespace": "shop", "uid": "uid-ledger"},
    }
    one = web(ownerReferences=owner("StatefulSet", "web"))
    machine = node()
    found = show(
        [
            machine,
            one,
            workload("StatefulSet", "web"),
            event(one, "Pulled", "Image pulled", at=100),
            event(one, "Pulled", "Image pulled again", at=50, count=3),
            event(workload("StatefulSet", "web"), "SuccessfulCreate", "create Pod web-1", at=200),
            event(machine, "Rebooted", "Node n1 has been rebooted", at=300),
            event(claim, "ProvisioningSucceeded", "made", at=250),
            event(pod("other"), "Pulled", "not about it", at=10),
        ],
        "pod/web-1",
    )
    rows = table(found, "RP-07", "Events about web-1").rows
    assert [row[1] for row in rows] == ["Rebooted", "ProvisioningSucceeded", "SuccessfulCreate", "Pulled"]
    assert rows[-1][2:5] == ["4", "the pod", "Image pulled again"]
    assert "the oldest is from 11:55:00 UTC" in table(found, "RP-07", "Events about web-1").caption


def test_no_events_are_said_to_prove_nothing(show: Examine) -> None:
    assert "proves nothing" in show([node(), web()], "pod/web-1").one("PodEventsNone").summary


def test_events_that_were_not_read_are_not_called_none(show: Examine) -> None:
    assert "PodEventsNone" not in show([node(), web()], "pod/web-1", without=("Event",)).codes()


def test_the_node_stands_beside_the_pod_with_what_is_taken_of_it(show: Examine) -> None:
    other = pod(
        "other", "elsewhere", spec={"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}
    )
    machine = node()
    machine["spec"] = {"taints": [{"key": "dedicated", "value": "batch", "effect": "NoSchedule"}]}
    found = show([machine, web(), other], "pod/web-1")
    rows = {row[0]: row[1:] for row in table(found, "RP-23", "its node n1").rows}
    assert rows["cpu"] == ["500m", "1500m of 4 requested"]
    assert rows["pods"] == ["1", "2 of 110 requested"]
    assert rows["tolerations, taints"][1] == "dedicated=batch:NoSchedule (not tolerated)"
    assert rows["state"][1] == "Ready"


def test_what_is_taken_of_a_node_is_a_lower_bound_where_not_all_pods_were_read(show: Examine) -> None:
    made = [node(), web(), pod("other", "elsewhere")]
    found = show(made, "pod/web-1", namespace="shop")
    assert "at least" not in str(table(found, "RP-23", "its node").rows)


def test_every_container_that_began_has_its_log_read_and_one_that_did_not_is_not_asked(
    tmp_path: Path,
) -> None:
    two = sick_pod(
        container("app", running=60, ready=True, restarts=1, last=ran(1)),
        container("late", waiting=("ContainerCreating", "")),
        phase="Pending",
    )
    case = make_case(tmp_path / "case", [node(), two])
    write_log(case, "serving\nERROR cannot reach db\n")
    write_log(case, "FATAL out of luck\n", previous=True)
    found = Diagnosis(case, "pod/web-1", "shop", guide="running-pods")
    excerpts = [one for one in found.steps["RP-11"].exhibits if isinstance(one, LogExcerpt)]
    assert [one.source for one in excerpts] == ["logs/shop/web-1/app.log"]
    assert "cannot reach db" in found.one("ContainerLogErrors").summary
    assert "FATAL out of luck" in found.one("PreviousLogCaptured").summary


def test_a_previous_log_that_is_gone_is_said(tmp_path: Path) -> None:
    one = sick_pod(container(running=60, ready=True, restarts=1, last=ran(1)))
    case = make_case(tmp_path / "case", [node(), one])
    write_log(case, "serving\n")
    gone = case / "logs/shop/web-1/app.previous.log"
    gone.write_text("unable to retrieve container logs for containerd://abc")
    found = Diagnosis(case, "pod/web-1", "shop", guide="running-pods")
    assert "already removed" in found.one("PreviousLogUnavailable").summary


def test_the_whole_object_has_every_field_but_noise_and_secrets(show: Examine) -> None:
    odd = web(
        annotations={
            "kubectl.kubernetes.io/last-applied-configuration": '{"spec": "again"}',
            "team": "payments",
        },
        managedFields=[{"manager": "kubectl"}],
    )
    odd["spec"]["shareProcessNamespace"] = True
    (whole,) = [
        one for one in show([node(), odd], "pod/web-1").steps["RP-10"].exhibits if isinstance(one, Document)
    ]
    assert "shareProcessNamespace: true" in whole.text
    assert "team: payments" in whole.text
    assert "managedFields" not in whole.text
    assert "last-applied" not in whole.text


@pytest.mark.parametrize(
    ("kind", "source", "text"),
    [
        ("configMap", {"name": "net"}, "net"),
        ("secret", {"secretName": "s"}, "s"),
        ("emptyDir", {}, "the node's disk, until the pod goes"),
        ("emptyDir", {"medium": "Memory", "sizeLimit": "1Gi"}, "Memory 1Gi"),
        ("hostPath", {"path": "/var/log"}, "/var/log"),
        ("csi", {"driver": "disk.csi"}, "disk.csi"),
        (
            "projected",
            {"sources": [{"configMap": {"name": "a"}}, {"downwardAPI": {}}]},
            "configMap a, downwardAPI",
        ),
        ("projected", None, "none"),
        ("nfs", {"server": "x"}, "nfs"),
        ("configMap", "text", "configMap"),
    ],
)
def test_a_volume_is_named_by_what_it_is_made_from(kind: str, source: Any, text: str) -> None:
    assert volume_source(kind, source) == text


@pytest.mark.parametrize(
    ("toleration", "text"),
    [
        (Toleration(operator="Exists"), "everything"),
        (Toleration(operator="Exists", effect="NoExecute"), "everything:NoExecute"),
        (Toleration(key="a", operator="Exists", effect="NoSchedule"), "a:NoSchedule"),
        (Toleration(key="a", value="b", effect="NoExecute", toleration_seconds=30), "a=b:NoExecute for 30 s"),
        (Toleration(key="a", value="b"), "a=b"),
    ],
)
def test_a_toleration_reads_as_people_write_taints(toleration: Toleration, text: str) -> None:
    assert toleration_text(toleration) == text


def revision(
    number: int, *, ready: int = 0, made: float = 600, env: dict[str, str] | None = None, **template: Any
) -> dict[str, Any]:
    one = workload(
        "ReplicaSet",
        f"web-{number}cc",
        app="web",
        labels={"app": "web"},
        ownerReferences=owner("Deployment", "web"),
        annotations={"deployment.kubernetes.io/revision": str(number)},
        creationTimestamp=ago(made),
        **template,
    )
    one["status"] = {"replicas": ready, "readyReplicas": ready}
    pairs = [{"name": name, "value": value} for name, value in (env or {}).items()]
    one["spec"]["template"]["spec"]["containers"][0]["env"] = pairs
    one["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] = f"{number}cc"
    return one


def failing(number: int) -> dict[str, Any]:
    return pod(
        f"web-{number}cc-x",
        ready=False,
        containers=[container(waiting=("CrashLoopBackOff", ""), last=ran(1), restarts=4)],
        ownerReferences=owner("ReplicaSet", f"web-{number}cc"),
        labels={"app": "web", "pod-template-hash": f"{number}cc"},
    )


def test_the_failing_revision_is_compared_with_the_newest_that_has_ready_pods(show: Examine) -> None:
    made = [
        node(),
        workload("Deployment", "web", replicas=2),
        revision(1, made=90_000, image="shop/web:0"),
        revision(
            2, made=9_000, ready=2, image="shop/web:1", env={"MODE": "safe", "API_TOKEN": "old-Xk29fQ7w"}
        ),
        revision(3, made=900, image="shop/web:1", env={"MODE": "safe"}),
        revision(4, made=300, image="shop/web:2", env={"MODE": "fast", "API_TOKEN": "new-Pq83vT1z"}),
        failing(4),
    ]
    found = show(made, "deployment/web")
    changed = found.one("RevisionChanged")
    assert (changed.facts["old"], changed.facts["new"]) == (2, 4)
    assert changed.facts["worked"]
    assert "spec.containers[name=app].image" in changed.facts["fields"]
    (diff,) = [one for one in found.steps["RP-24"].exhibits if isinstance(one, Document)]
    assert "-  - image: shop/web:1" in diff.text or "-    image: shop/web:1" in diff.text
    assert "shop/web:2" in diff.text
    assert "pod-template-hash" not in diff.text
    assert "Xk29fQ7w" not in diff.text + changed.summary
    assert "Pq83vT1z" not in diff.text + changed.summary
    assert diff.text.count("[redacted:") == 2
    assert "kubectl rollout undo deployment/web -n shop --to-revision=2" in [
        one.command for one in changed.next
    ]


def test_without_a_revision_that_works_the_one_before_is_compared_and_not_called_good(show: Examine) -> None:
    made = [
        node(),
        workload("Deployment", "web"),
        revision(1, made=900),
        revision(2, image="shop/web:2"),
        failing(2),
    ]
    changed = show(made, "deployment/web").one("RevisionChanged")
    assert not changed.facts["worked"]
    assert "of which no pod is ready now" in changed.summary


def test_after_a_rollback_the_time_of_the_old_revision_is_not_given_as_that_of_the_rollout(
    show: Examine,
) -> None:
    made = [
        node(),
        workload("Deployment", "web"),
        revision(5, made=300, image="shop/web:5"),
        revision(6, made=90_000, image="shop/web:4"),
        failing(6),
    ]
    changed = show(made, "deployment/web").one("RevisionChanged")
    assert changed.since is None
    assert "rolled back to" in changed.summary


def test_a_workload_with_one_revision_has_nothing_to_compare(show: Examine) -> None:
    found = show([node(), workload("Deployment", "web"), revision(1), failing(1)], "deployment/web")
    assert "RevisionChanged" not in found.codes()
    assert len(table(found, "RP-24", "Revisions of deployment/web").rows) == 1


def test_the_revisions_of_a_statefulset_are_its_controller_revisions(show: Examine) -> None:
    def template(image: str) -> dict[str, Any]:
        return {"containers": [{"name": "app", "image": image}]}

    def kept(number: int, image: str) -> dict[str, Any]:
        return {
            "kind": "ControllerRevision",
            "metadata": {
                "name": f"db-{number}cc", "namespace": "shop", "uid": f"uid-{number}",
                "labels": {"app": "db"}, "ownerReferences": owner("StatefulSet", "db"),
                "creationTimestamp": ago(1000 - number),
            },
            "revision": number,
            "data": {"spec": {"template": {"$patch": "replace", "spec": template(image)}}},
        }  # fmt: skip

    sick = pod(
        "db-1",
        ready=False,
        containers=[container(waiting=("CrashLoopBackOff", ""), last=ran(1), restarts=4)],
        ownerReferences=owner("StatefulSet", "db"),
        labels={"app": "db", "controller-revision-hash": "db-2cc"},
    )
    well = pod(
        "db-0",
        ownerReferences=owner("StatefulSet", "db"),
        labels={"app": "db", "controller-revision-hash": "db-1cc"},
    )
    found = show(
        [node(), workload("StatefulSet", "db", replicas=2), kept(1, "db:1"), kept(2, "db:2"), sick, well],
        "pod/db-1",
    )
    changed = found.one("RevisionChanged")
    assert (changed.facts["old"], changed.facts["new"]) == (1, 2)
    assert changed.facts["fields"] == ["spec.containers[name=app].image"]
    (diff,) = [one for one in found.steps["RP-24"].exhibits if isinstance(one, Document)]
    assert "$patch" not in diff.text
