"""The table of the first look: what has a row, what it says, and that it stays readable."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks.findings import Subject, Table, finding
from kuberunbooks.guides.start_here.deeper import Deeper, deeper
from kuberunbooks.guides.start_here.sweep import MOST_ALIKE, MOST_ROWS, MOST_TOLD
from tests.conftest import Diagnosis
from tests.support.cluster_nodes import sound_node
from tests.support.made_cases import ago, pod, stopped, workload

Examine = Callable[..., Diagnosis]
GUIDE = {"guide": "start-here"}


def tables(found: Diagnosis) -> list[Table]:
    return [one for one in found.steps["OV-05"].exhibits if isinstance(one, Table)]


def crashing(name: str, code: int = 1, **metadata: Any) -> dict[str, Any]:
    return pod(name, ready=False, containers=[stopped(code=code, restarts=4)], **metadata)


def made_by(kind: str, name: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]}


def many(number: int) -> list[dict[str, Any]]:
    """So many StatefulSets, each with a broken pod of its own; every third is killed for memory."""
    items = [sound_node("n1")]
    for index in range(number):
        name = f"db{index:03}"
        items.append(workload("StatefulSet", name))
        labels = {"app": name}
        if index % 3:
            items.append(crashing(f"{name}-0", labels=labels, **made_by("StatefulSet", name)))
        else:
            killed = stopped(code=137, reason="OOMKilled", restarts=4)
            items.append(
                pod(
                    f"{name}-0",
                    ready=False,
                    containers=[killed],
                    labels=labels,
                    **made_by("StatefulSet", name),
                )
            )
    return items


def test_the_first_row_is_the_headline_and_worse_comes_before_less(examine: Examine) -> None:
    found = examine([sound_node("n1"), crashing("web-1"), pod("api-1", ready=False)], **GUIDE)
    table = tables(found)[0]
    assert table.rows[0][1] == found.headline.title
    assert [row[0] for row in table.rows] == sorted(
        (row[0] for row in table.rows), key=["critical", "warning"].index
    )


def test_many_causes_are_counted_and_the_report_stays_short(examine: Examine) -> None:
    found = examine(many(120), **GUIDE)
    rows, rest = tables(found)
    assert len(rows.rows) == 2 * MOST_ALIKE
    told = [one for one in found.steps["OV-05"].findings if one.severity == "critical"]
    assert len(told) == min(MOST_TOLD, len(rows.rows))
    # Nothing is lost: what has no row is counted under its cause.
    assert sum(int(row[2]) for row in rest.rows) + len(rows.rows) == 120
    more = found.one("MoreCauses")
    assert more.facts["causes"] == 120
    assert more.facts["more_causes"] == 120 - len(told)


def test_up_to_the_number_of_rows_every_cause_has_its_own(examine: Examine) -> None:
    found = examine(many(MOST_ROWS), **GUIDE)
    assert len(tables(found)) == 1
    assert len(tables(found)[0].rows) == MOST_ROWS
    assert found.one("MoreCauses").facts["more_causes"] == MOST_ROWS - MOST_TOLD


def test_pods_of_one_workload_with_one_cause_are_one_row(examine: Examine) -> None:
    items = [sound_node("n1"), workload("StatefulSet", "db", replicas=3)]
    items += [
        crashing(f"db-{number}", labels={"app": "db"}, **made_by("StatefulSet", "db")) for number in range(3)
    ]
    found = examine(items, **GUIDE)
    assert [row[2] for row in tables(found)[0].rows] == ["all 3 pods of statefulset/db"]
    assert found.headline.affected == ["db-0", "db-1", "db-2"]


def test_two_causes_of_one_workload_are_two_rows(examine: Examine) -> None:
    items = [sound_node("n1"), workload("StatefulSet", "db", replicas=2)]
    items += [
        crashing(f"db-{number}", code, labels={"app": "db"}, **made_by("StatefulSet", "db"))
        for number, code in ((0, 1), (1, 2))
    ]
    assert len(tables(examine(items, **GUIDE))[0].rows) == 2


def test_what_waits_on_purpose_is_noted_beside_what_is_wrong(examine: Examine) -> None:
    gated = pod(
        "job-1", on="", phase="Pending", ready=False, spec={"schedulingGates": [{"name": "x.io/quota"}]}
    )
    gated["metadata"]["creationTimestamp"] = ago(300)
    gated["status"]["containerStatuses"] = []
    gated["status"]["conditions"] = [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]
    found = examine([sound_node("n1"), gated, crashing("web-1")], **GUIDE)
    wrong, noted = tables(found)
    assert [row[0] for row in wrong.rows] == ["critical"]
    assert [(row[0], row[3]) for row in noted.rows] == [("note", "pod/job-1")]


def test_in_the_whole_cluster_what_waits_is_no_answer(examine: Examine) -> None:
    suspended = {
        **workload("CronJob", "report"),
        "spec": {"suspend": True, "schedule": "0 3 * * *"},
        "status": {},
    }
    items = [sound_node("n1"), pod(), suspended]
    assert examine(items, **GUIDE).headline.code == "CronJobSuspended"
    assert examine(items, namespace="-", **GUIDE).headline is None


def test_a_restricting_policy_that_nobody_asked_about_is_no_alarm(diagnose: Callable[..., Any]) -> None:
    found = diagnose("services", guide="start-here")
    assert "NetworkPolicyRestrictsSources" not in found.serious()


def test_what_may_not_be_read_of_services_costs_the_pods_nothing(examine: Examine) -> None:
    found = examine([sound_node("n1"), crashing("web-1")], without=("Service", "NetworkPolicy"), **GUIDE)
    assert found.headline.code == "ContainerExitedError"
    assert found.steps["OV-05"].status == "critical"
    assert any("services" in one.what for one in found.closing.coverage.missing)


HOSTILE = "a'; rm -rf / #\n$(id) `id`\x1b[31m"


def test_a_name_in_a_command_stays_one_word(diagnose: Callable[..., Any]) -> None:
    from kuberunbooks.guides.start_here.deeper import command

    found = diagnose("crashloop", guide="start-here").session
    line = command(Deeper("pods", HOSTILE, f"pod/{HOSTILE}"), found._target, found._cluster)
    words = shlex.split(line)
    clean = HOSTILE.replace("\n", "").replace("\x1b", "")
    assert words == ["runbook", "run", "pods", "--case", "case.zip", "-n", clean, "-p", f"target=pod/{clean}"]
    assert "\n" not in line


def subject(kind: str, name: str = "web", namespace: str = "shop") -> Subject:
    return Subject(kind=kind, namespace=namespace, name=name)


WEB, DB, PG = subject("Pod", "web-1"), subject("Pod", "db-0"), subject("Pod", "pg-0")
SCALER = subject("HorizontalPodAutoscaler")


@pytest.mark.parametrize(
    ("code", "about", "owner", "where"),
    [
        ("ContainerExitedError", WEB, "deployment/web", ("pods", "shop", "deployment/web")),
        ("ContainerExitedError", WEB, "", ("pods", "shop", "pod/web-1")),
        ("ContainerExitedError", DB, "statefulset/db", ("statefulsets", "shop", "statefulset/db")),
        # What made it is a resource the pods runbook does not know.
        ("ContainerExitedError", PG, "postgrescluster/pg", ("pods", "shop", "pod/pg-0")),
        ("InitCrashLoop", WEB, "deployment/web", ("init-containers", "shop", "deployment/web")),
        ("DebugPodLeftBehind", WEB, "", ("running-pods", "shop", "pod/web-1")),
        ("QuotaExceeded", subject("Deployment"), "", ("pods", "shop", "deployment/web")),
        ("ServiceNoEndpoints", subject("Service"), "", ("services", "shop", "service/web")),
        ("NetworkPolicyDeniesAllIngress", subject("NetworkPolicy"), "", ("services", "shop", "")),
        ("NodeNotReady", subject("Node", "n1", ""), "", ("cluster", "", "node/n1")),
        ("HpaTargetMissing", SCALER, "", ("resource-metrics", "shop", "horizontalpodautoscaler/web")),
        ("NamespaceMissing", subject("Namespace", "shop", ""), "", ("start-here", "", "")),
    ],
)
def test_each_kind_of_trouble_has_the_runbook_that_knows_it_best(
    code: str, about: Subject, owner: str, where: tuple[str, str, str]
) -> None:
    one = finding(code, about)
    one.owner = owner
    assert deeper(one) == Deeper(*where)


def test_several_nodes_with_one_trouble_are_for_a_look_at_the_whole_cluster() -> None:
    one = finding("NodeDiskPressure", subject("Node", "n1", ""))
    one.count = 3
    assert deeper(one) == Deeper("cluster", "", "")


def test_a_missing_governing_service_is_for_the_statefulsets_runbook() -> None:
    one = finding("StatefulSetServiceMissing", subject("Service", "db-svc"), set_name="db")
    assert deeper(one) == Deeper("statefulsets", "shop", "statefulset/db")


def test_the_command_keeps_how_far_back_was_looked(diagnose: Callable[..., Any]) -> None:
    found = diagnose("crashloop", guide="start-here", since="2h")
    assert tables(found)[0].rows[0][-1].endswith("-p since=7200s")
