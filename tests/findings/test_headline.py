"""The headline is the root cause, never a symptom another finding explains; worst first, then by stage."""

from __future__ import annotations

import pytest

from kuberunbooks.findings import Finding, Severity, Subject, entries, finding, headline
from kuberunbooks.findings.headline import order, without_explained


def found(
    code: str,
    severity: Severity = "critical",
    *,
    kind: str = "Pod",
    name: str = "web-1",
    owner: str = "",
    **facts: object,
) -> Finding:
    namespace = "" if kind == "Node" else "shop"
    one = finding(code, Subject(kind=kind, namespace=namespace, name=name), severity=severity, **facts)  # type: ignore[arg-type]
    one.owner, one.affected = owner, [name]
    return one


def test_nothing_found_has_no_headline() -> None:
    assert headline([]) is None
    assert headline([found("PodHealthy", "ok"), found("DisruptionBudgetExhausted", "info")]) is None


def test_a_cause_goes_before_the_symptom_on_the_same_pod() -> None:
    cause = found("ContainerExitedError", "critical")
    assert headline([found("CrashLoop"), cause]) is cause


def test_a_symptom_is_dropped_even_when_its_cause_is_less_severe() -> None:
    cause = found("ReadinessProbeFailing", "warning")
    assert (
        headline([found("PodTerminatingStuck", name="other"), cause, found("CrashLoop")]).code
        == "PodTerminatingStuck"
    )
    assert headline([cause, found("CrashLoop")]) is cause


def test_a_symptom_nothing_explains_is_the_headline() -> None:
    assert (
        headline([found("CrashLoop", name="a"), found("ReadinessProbeFailing", "warning", name="b")]).code
        == "CrashLoop"
    )


def test_a_workloads_symptom_is_explained_by_a_cause_on_its_pod() -> None:
    cause = found("ContainerOomKilled", owner="deployment/web")
    shortfall = found("ReplicaShortfall", kind="Deployment", name="web")
    assert headline([shortfall, cause]) is cause
    assert without_explained([shortfall, cause]) == [cause]


def test_a_taint_of_lost_nodes_is_explained_by_their_loss_and_stands_alone_without_it() -> None:
    lost = found("NodeStatusUnknown", kind="Node", name="n1")
    taint = found("UntoleratedTaint", "warning", because=["node/n1"])
    assert without_explained([lost, taint]) == [lost]
    elsewhere = found("NodeStatusUnknown", kind="Node", name="n2")
    assert taint in without_explained([elsewhere, taint])
    assert taint in without_explained([found("UntoleratedTaint", "warning", name="web-2"), taint])


def test_a_lost_node_explains_symptoms_of_pods_and_workloads_in_any_namespace() -> None:
    lost = found(
        "NodeStatusUnknown", kind="Node", name="n1", explains=["shop/pod/web-1", "shop/deployment/web"]
    )
    symptoms = [found("CrashLoop"), found("ReplicaShortfall", kind="Deployment", name="web")]
    assert without_explained([*symptoms, lost]) == [lost]


def test_a_lost_node_explains_nothing_of_another_namespace() -> None:
    lost = found("NodeStatusUnknown", kind="Node", name="n1", explains=["other/pod/web-1"])
    assert len(without_explained([found("CrashLoop"), lost])) == 2


def test_a_finding_on_several_pods_is_explained_only_when_all_of_them_are() -> None:
    many = found("CrashLoop")
    many.affected = ["web-1", "web-2"]
    cause = found("ContainerExitedError", name="web-1")
    assert many in without_explained([many, cause])
    cause.affected = ["web-1", "web-2"]
    assert many not in without_explained([many, cause])


def test_severity_goes_before_stage_and_stage_before_number() -> None:
    warning = found("NodeStatusUnknown", "warning", kind="Node", name="n1")
    late = found("ContainerExitedError", name="a")
    early = found("PodFinalizerBlocked", name="b")
    late.count = 50
    assert headline([warning, late, early]) is early
    assert headline([warning, late]) is late


def test_of_the_same_stage_the_one_on_more_objects_wins() -> None:
    few, many = found("PodEvicted", name="a"), found("PodEvicted", name="b")
    many.count = 3
    assert headline([few, many]) is many


def test_a_quiet_run_is_headed_by_the_info_that_answers_the_question() -> None:
    gate = found("SchedulingGatesPresent", "info")
    assert headline([found("PodNodeShutdown", "info"), gate, found("PodHealthy", "ok")]) is gate


def test_what_is_about_the_surroundings_gives_way_to_what_is_about_the_target_itself() -> None:
    around, own = (
        found("DnsServiceMissing", name="kube-dns"),
        found("LoadBalancerPending", "warning", name="lb"),
    )
    assert headline([around, own]) is own
    assert headline([around, found("ServiceExists", "ok")]) is around


def test_an_unknown_code_still_has_its_place() -> None:
    assert headline([found("MadeByAUsersOwnNotebook")]).code == "MadeByAUsersOwnNotebook"


@pytest.mark.parametrize("listed", ["stages", "wrappers"])
def test_no_code_stands_in_the_order_twice(listed: str) -> None:
    read = order()
    codes = [code for stage in read.stages for code in stage] if listed == "stages" else read.wrappers
    assert len(codes) == len(set(codes))
    assert not {code for stage in read.stages for code in stage} & set(read.wrappers)


def test_the_order_names_no_code_that_no_guide_gives() -> None:
    read = order()
    named = {code for stage in read.stages for code in stage}
    named |= {*read.wrappers, *read.answers, *read.elsewhere}
    assert named - set(entries()) == set()


def test_every_serious_code_of_the_catalogue_has_a_place_in_the_order() -> None:
    read = order()
    placed = {code for stage in read.stages for code in stage} | set(read.wrappers)
    serious = {code for code, entry in entries().items() if entry.severity in ("critical", "warning")}
    assert serious - placed == set()
