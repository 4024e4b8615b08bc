"""Which pods and workloads a target names, what reading them costs, what is said of one that is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.errors import BadParameter, Forbidden, NotCollected
from kuberunbooks.findings import Subject
from kuberunbooks.guides.pods.resolve import resolve
from kuberunbooks.guides.pods.target import Pods
from kuberunbooks.guides.registry import Request
from tests.support.api_server import serve_case
from tests.support.live import open_live
from tests.support.made_cases import (
    ago,
    ended,
    event,
    make_case,
    node,
    owner,
    pod,
    running,
    stopped,
    workload,
)


@pytest.fixture
def find(tmp_path: Path) -> Callable[..., Pods]:
    """`find(items, "deploy/web")`: the target resolved on a case of these objects."""

    def run(items: list[dict[str, Any]], target: str = "", namespace: str = "shop", **request: Any) -> Pods:
        case = make_case(tmp_path / "case", items, without=request.pop("without", ()))
        return resolve(Cluster(CaseSource(case)), Request(namespace, target, 3600.0, {}))

    return run


def names(target: Pods) -> list[str]:
    return sorted(one.name for one in target.pods)


def roots(target: Pods) -> list[str]:
    return sorted(f"{one.kind.lower()}/{one.name}" for one in target.roots)


def rollout(
    name: str, revision: int, *, created: float = 7200, app: str = "web", image: str = "shop/web:1"
) -> dict[str, Any]:
    return workload(
        "ReplicaSet",
        name,
        app=app,
        image=image,
        labels={"app": app},
        ownerReferences=owner("Deployment", app),
        annotations={"deployment.kubernetes.io/revision": str(revision)},
        creationTimestamp=ago(created),
    )


def web_shop() -> list[dict[str, Any]]:
    """deployment/web with an old rollout and two pods, statefulset/db with one, a cronjob, and a bare pod."""
    made = {"labels": {"app": "web"}}
    hashed = {"app": "web", "pod-template-hash": "3cc"}
    return [
        node(),
        workload("Deployment", "web", replicas=2, annotations={"deployment.kubernetes.io/revision": "3"}),
        rollout("web-1aa", 1),
        rollout("web-2bb", 2),
        rollout("web-3cc", 3),
        pod("web-3cc-x1", ownerReferences=owner("ReplicaSet", "web-3cc"), labels=hashed),
        pod("web-3cc-x2", ownerReferences=owner("ReplicaSet", "web-3cc"), **made),
        pod("web-stray", **made),
        workload("StatefulSet", "db"),
        pod("db-0", ownerReferences=owner("StatefulSet", "db"), labels={"app": "db"}),
        {**workload("CronJob", "report"), "spec": {"schedule": "* * * * *"}},
        workload("Job", "report-1", ownerReferences=owner("CronJob", "report")),
        pod(
            "report-1-abc",
            phase="Succeeded",
            containers=[stopped(code=0, reason="Completed")],
            ownerReferences=owner("Job", "report-1"),
            labels={"app": "report-1", "job-name": "report-1"},
        ),
        workload("Deployment", "empty", replicas=2),
    ]


def test_an_empty_target_is_the_whole_namespace_with_workloads_that_have_no_pods(
    find: Callable[..., Pods],
) -> None:
    target = find(web_shop())
    assert len(target.pods) == 5
    assert roots(target) == ["cronjob/report", "deployment/empty", "deployment/web", "statefulset/db"]


def test_of_a_deployments_old_replicasets_only_those_with_pods_and_the_newest_are_kept(
    find: Callable[..., Pods],
) -> None:
    target = find(
        [
            *web_shop(),
            pod("web-1aa-x9", ownerReferences=owner("ReplicaSet", "web-1aa"), labels={"app": "web"}),
        ]
    )
    kept = sorted(name for kind, _, name in target.controllers if kind == "ReplicaSet")
    assert kept == ["web-1aa", "web-3cc"]
    assert [one.name for one in target.history["Deployment", "shop", "web"]] == [
        "web-1aa",
        "web-2bb",
        "web-3cc",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "deployment/web",
        "deploy/web",
        "Deployment/web",
        "deployments/web",
        "deployments.apps/web",
        "deployment web",
    ],
)
def test_a_workload_is_found_by_every_name_kubectl_takes(find: Callable[..., Pods], text: str) -> None:
    assert names(find(web_shop(), text)) == ["web-3cc-x1", "web-3cc-x2"]


def test_a_pod_with_the_labels_of_a_workload_but_another_owner_is_not_its_pod(
    find: Callable[..., Pods],
) -> None:
    assert "web-stray" not in names(find(web_shop(), "deployment/web"))


def test_a_cronjobs_pods_are_those_of_its_jobs(find: Callable[..., Pods]) -> None:
    target = find(web_shop(), "cj/report")
    assert names(target) == ["report-1-abc"]
    assert target.owner_name(target.pods[0]) == "cronjob/report"


def test_a_bare_name_is_that_pod_when_there_is_one(find: Callable[..., Pods]) -> None:
    target = find([*web_shop(), pod("db-01")], "db-0")
    assert (names(target), target.single) == (["db-0"], True)


def test_any_other_name_is_a_prefix_of_pods_and_workloads(find: Callable[..., Pods]) -> None:
    assert names(find(web_shop(), "web")) == ["web-3cc-x1", "web-3cc-x2", "web-stray"]
    assert roots(find(web_shop(), "emp")) == ["deployment/empty"]


def test_a_prefix_that_picks_two_pods_of_three_still_counts_all_as_the_owners(
    find: Callable[..., Pods],
) -> None:
    third = pod("web-3cc-y3", ownerReferences=owner("ReplicaSet", "web-3cc"), labels={"app": "web"})
    target = find([*web_shop(), third], "web-3cc-x")
    assert names(target) == ["web-3cc-x1", "web-3cc-x2"]
    assert target.owner_of(Subject(kind="Pod", namespace="shop", name="web-3cc-x1")).total == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app=db", ["db-0"]),
        ("app in (db, nothing)", ["db-0"]),
        ("app!=web,app", ["db-0", "report-1-abc"]),
        ("!job-name,app=db", ["db-0"]),
    ],
)
def test_a_label_selector_is_taken_as_kubectl_takes_it(
    find: Callable[..., Pods], text: str, expected: list[str]
) -> None:
    assert names(find(web_shop(), text)) == expected


def test_a_pod_is_found_in_all_namespaces(find: Callable[..., Pods]) -> None:
    target = find([*web_shop(), pod("db-0", "other")], "pod/db-0", namespace="")
    assert [one.namespace for one in target.pods] == ["other", "shop"]
    assert not target.single


@pytest.mark.parametrize(
    "text", ["service/web", "node/n1", "web pod", "deployment/", "pod/UPPER", "depoyment/web", "app=a=b"]
)
def test_a_target_this_guide_cannot_serve_is_refused_with_advice(
    find: Callable[..., Pods], text: str
) -> None:
    with pytest.raises(BadParameter) as raised:
        find(web_shop(), text)
    assert "statefulset/" in raised.value.advice


def test_a_misspelt_kind_is_answered_with_the_near_one(find: Callable[..., Pods]) -> None:
    with pytest.raises(BadParameter, match="Did you mean deployment"):
        find(web_shop(), "depoyment/web")


def test_a_missing_pod_names_what_comes_near_and_where_it_lives(examine: Callable[..., Any]) -> None:
    found = examine([*web_shop(), pod("bd-0", "other")], "pod/bd-0")
    missing = found.one("PodMissing")
    assert found.headline is missing
    assert missing.facts["near"] == ["pod/db-0"]
    assert missing.facts["elsewhere"] == ["other"]
    assert "other" in missing.summary


def test_a_pod_asked_for_by_its_deployments_name_is_pointed_to_the_deployment(
    find: Callable[..., Pods],
) -> None:
    assert find(web_shop(), "pod/web").near_names[0] == "deployment/web"


def test_a_missing_workload_is_said_to_be_missing(examine: Callable[..., Any]) -> None:
    assert examine(web_shop(), "sts/bd").headline.code == "StatefulSetMissing"


def test_a_selector_without_pods_names_the_labels_that_come_near(examine: Callable[..., Any]) -> None:
    assert examine(web_shop(), "app=wep").one("TargetMissing").facts["near"][0] == "app=web"


def test_a_missing_namespace_names_the_near_one(examine: Callable[..., Any]) -> None:
    found = examine(web_shop(), "deployment/web", namespace="shpo")
    missing = found.one("NamespaceMissing")
    assert missing.facts["near"] == ["shop"]
    assert missing.facts["elsewhere"] == ["shop"]
    assert missing is found.headline


def test_an_empty_namespace_is_no_alarm_but_is_said(examine: Callable[..., Any]) -> None:
    found = examine([])
    assert found.serious() == set()
    assert found.headline.code == "NamespaceEmpty"


def test_a_namespace_the_case_does_not_hold_is_no_claim_that_it_is_missing(find: Callable[..., Pods]) -> None:
    empty = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "elsewhere"}}
    with pytest.raises(NotCollected) as raised:
        find([*web_shop(), empty], "pod/x", namespace="elsewhere", without=("Pod",))
    assert raised.value.exit_status == 3


def test_pods_of_a_custom_controller_have_an_owner_that_could_not_be_read(find: Callable[..., Pods]) -> None:
    target = find([pod("train-0", ownerReferences=owner("TrainingJob", "train"))])
    assert target.owner_name(target.pods[0]) == "trainingjob/train"


def test_static_pods_of_a_node_are_not_said_to_be_of_one_workload(find: Callable[..., Pods]) -> None:
    target = find([pod("etcd-n1", ownerReferences=owner("Node", "n1"))])
    assert target.owner_name(target.pods[0]) == ""


def test_healthy_and_completed_pods_are_no_suspects_and_all_others_are(find: Callable[..., Pods]) -> None:
    noisy = pod("noisy")
    target = find(
        [
            pod("well"),
            pod("done", phase="Succeeded", ready=False, containers=[stopped(code=0, reason="Completed")]),
            pod("long-ago", containers=[running(restarts=3, last=ended(1, at=90_000))]),
            pod("lately", containers=[running(restarts=3, last=ended(1, at=600))]),
            pod("unready", ready=False),
            pod("leaving", deletionTimestamp=ago(-10), deletionGracePeriodSeconds=30),
            pod("waiting", on="", phase="Pending", ready=False, containers=[]),
            noisy,
            event(noisy, "Unhealthy", "Liveness probe failed: no", type_="Warning"),
        ]
    )
    assert sorted(one.name for one in target.suspects) == ["lately", "leaving", "noisy", "unready", "waiting"]
    assert [one.name for one in target.pending] == ["waiting"]
    assert [one.name for one in target.unscheduled] == ["waiting"]


def test_one_pod_is_resolved_with_four_requests_whatever_lives_beside_it(tmp_path: Path) -> None:
    crowd = [pod(f"other-{number}") for number in range(700)]
    case = make_case(tmp_path / "case", [*web_shop(), *crowd])
    with serve_case(case) as server:
        cluster = Cluster(open_live(server, tmp_path))
        before = len(server.requests)
        target = resolve(cluster, Request("shop", "pod/web-3cc-x1", 3600.0, {}))
        asked = [request.path for request in server.requests[before:]]
        cluster.close()
    assert names(target) == ["web-3cc-x1"]
    assert target.owner_name(target.pods[0]) == "deployment/web"
    assert [path.rpartition("/")[2] for path in asked] == ["web-3cc-x1", "web-3cc", "web", "events"]


def test_a_workloads_pods_are_selected_by_the_server(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", web_shop())
    with serve_case(case) as server:
        cluster = Cluster(open_live(server, tmp_path))
        resolve(cluster, Request("shop", "deployment/web", 3600.0, {}))
        cluster.close()
        asked = [request for request in server.requests if request.path.endswith("/pods")]
    assert [request.query["labelSelector"] for request in asked] in ([["app=web"]], ["app=web"])


def test_refused_workloads_leave_the_pods_and_are_noted(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", web_shop())
    with serve_case(case, deny=["list deployments.apps", "list replicasets.apps"]) as server:
        cluster = Cluster(open_live(server, tmp_path))
        target = resolve(cluster, Request("shop", "", 3600.0, {}))
        refused = {one.what for one in cluster.coverage.refused}
        cluster.close()
    assert len(target.pods) == 5
    assert {"list deployments.apps", "list replicasets.apps"} <= refused


def test_refused_pods_end_the_search(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", web_shop())
    with serve_case(case, deny=["list pods"]) as server:
        cluster = Cluster(open_live(server, tmp_path))
        with pytest.raises(Forbidden):
            resolve(cluster, Request("shop", "", 3600.0, {}))
        cluster.close()


def test_pods_of_a_deployment_whose_replicasets_are_refused_are_still_its_pods(
    find: Callable[..., Pods],
) -> None:
    target = find(web_shop(), "deployment/web", without=("ReplicaSet",))
    assert names(target) == ["web-3cc-x1", "web-3cc-x2"]
    assert target.owner_name(target.pods[0]) == "deployment/web"


def test_pods_of_a_cronjob_whose_jobs_are_refused_are_still_its_pods(find: Callable[..., Pods]) -> None:
    assert names(find(web_shop(), "cronjob/report", without=("Job",))) == ["report-1-abc"]
