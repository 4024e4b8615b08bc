"""Why autoscalers stand where they stand: each way both ways, in its controller's real words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.made_cases import ago, pod, workload
from tests.support.made_metrics import (
    BUSY,
    NO_REQUEST,
    NO_SAMPLES,
    WORKS,
    able,
    active,
    api_service,
    by_cpu,
    condition,
    external,
    hpa,
    look,
    machine,
    member,
    node_usage,
    now_cpu,
    pipeline,
    pod_usage,
    web,
    within,
)

REQUESTED = {"cpu": "100m"}
GONE = 'the HPA controller was unable to get the target\'s current scale: deployments.apps "web" not found'
EXTERNAL = (
    "the HPA was unable to compute the replica count: unable to get external metric shop/queue/nil: "
    "unable to fetch metrics from external metrics API: "
)
CUSTOM = "unable to get metric http_requests: unable to fetch metrics from custom metrics API: "
NOT_SERVED = "the server could not find the requested resource (get queue.external.metrics.k8s.io)"
DENIED = (
    "unable to fetch metrics from resource metrics API: pods.metrics.k8s.io is forbidden: User "
    '"system:serviceaccount:kube-system:horizontal-pod-autoscaler" cannot list resource "pods" in API group '
    '"metrics.k8s.io" in the namespace "shop"'
)
FULL = within("True", "TooManyReplicas", since=1200)


def around(*, requests: dict[str, str] | None = None, **more: Any) -> list[dict[str, Any]]:
    """A whole pipeline and deployment/web with one pod, measured."""
    asked = REQUESTED if requests is None else requests
    return [
        *pipeline(),
        *web(requests=asked),
        member(requests=asked, **more),
        machine(),
        node_usage(),
        pod_usage(),
    ]


def only(found: Any, code: str) -> Any:
    """The one finding about an autoscaler."""
    about = [one for one in found.findings if one.code.startswith("Hpa")]
    assert [one.code for one in about] == [code], [(one.code, one.summary) for one in about]
    return about[0]


# All is well


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (hpa(*WORKS, now=[now_cpu(58)]), "cpu is 58 % for a target of 60 %, near enough (10 % either way)"),
        (hpa(*WORKS, now=[now_cpu(65)]), "near enough"),
        (
            hpa(able(), active(), within("True", "TooFewReplicas"), now=[now_cpu(5)], replicas=2),
            "cpu is 5 %, below its target of 60 %, and fewer than 2 are not allowed",
        ),
        (hpa(*WORKS, now=[now_cpu(90)], desired=5), "it is scaling to 5"),
        (hpa(*WORKS), "it has not given a value yet"),
        (hpa(*WORKS, now=[now_cpu(90)]), "it has not changed the number for that yet"),
    ],
)
def test_an_autoscaler_that_works_says_why_it_stands_there(
    one: dict[str, Any], words: str, tmp_path: Path
) -> None:
    found = look(tmp_path, [*around(), one], "hpa/web")
    assert words in only(found, "HpaMetricsOk").summary
    assert found.headline is None


def test_many_that_work_are_one_line_and_each_has_its_sentence(tmp_path: Path) -> None:
    others = [hpa(*WORKS, name=f"web-{index}", now=[now_cpu(58)]) for index in range(3)]
    found = look(tmp_path, [*around(), *others])
    assert found.one("HpasWork").facts["names"] == ["hpa/web-0", "hpa/web-1", "hpa/web-2"]
    why = found.steps["RM-08"].exhibits[1]
    assert len(why.rows) == 3
    assert all("near enough" in row[1] for row in why.rows)


# It holds still for a reason


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            hpa(able("ScaleDownStabilized"), active(), within(), now=[now_cpu(20)]),
            "it wanted more within the last 5 min and keeps to the highest",
        ),
        (
            hpa(
                able("ScaleDownStabilized"),
                active(),
                within(),
                now=[now_cpu(20)],
                behavior={"scaleDown": {"stabilizationWindowSeconds": 60}},
            ),
            "within the last 60 s",
        ),
        (
            hpa(able("ScaleUpStabilized"), active(), within(), now=[now_cpu(90)], behavior={"scaleUp": {}}),
            "keeps to the lowest",
        ),
        (
            hpa(able(), active(), within("True", "ScaleUpLimit"), now=[now_cpu(300)], desired=6, most=20),
            "as fast as its scaling policies allow (ScaleUpLimit)",
        ),
        (
            hpa(*WORKS, now=[now_cpu(20)], behavior={"scaleDown": {"selectPolicy": "Disabled"}}),
            "scaling down is switched off",
        ),
        (
            hpa(*WORKS, now=[now_cpu(90)], behavior={"scaleUp": {"selectPolicy": "Disabled"}}),
            "scaling up is switched off",
        ),
        (hpa(*WORKS, now=[now_cpu(45)]), "with one replica fewer the metric would be over its target"),
    ],
)
def test_what_holds_an_autoscaler_back_is_information(
    one: dict[str, Any], words: str, tmp_path: Path
) -> None:
    found = look(tmp_path, [*around(), one], "hpa/web")
    assert words in only(found, "HpaHolds").summary
    assert found.headline.code == "HpaHolds"
    assert found.serious() == set()


def test_a_tolerance_of_its_own_is_respected(tmp_path: Path) -> None:
    behavior = {"scaleDown": {"tolerance": "0.5"}}
    found = look(tmp_path, [*around(), hpa(*WORKS, now=[now_cpu(45)], behavior=behavior)], "hpa/web")
    assert "(50 % either way)" in only(found, "HpaMetricsOk").summary


def test_an_autoscaler_whose_target_is_scaled_to_zero_is_off(tmp_path: Path) -> None:
    said = "scaling is disabled since the replica count of the target is zero"
    off = hpa(able(), active("False", "ScalingDisabled", said), replicas=0, least=1)
    items = [*pipeline(), *web(requests=REQUESTED, replicas=0), machine(), node_usage(), off]
    found = look(tmp_path, items)
    assert only(found, "HpaScalingDisabled").severity == "info"
    assert found.serious() == set()


# At its maximum


def test_at_its_maximum_and_over_its_target_it_is_a_warning(tmp_path: Path) -> None:
    found = look(tmp_path, [*around(), hpa(able(), active(), FULL, now=[now_cpu(120)], replicas=6)])
    full = only(found, "HpaAtMaximum")
    assert found.headline is full
    assert full.severity == "warning"
    assert "at its maximum of 6 replicas, and cpu is 120 % for a target of 60 %" in full.summary
    assert "12 would do" in full.next[1].why
    assert '"maxReplicas":' in full.next[1].command


@pytest.mark.parametrize(
    "one",
    [
        hpa(able(), active(), FULL, now=[now_cpu(61)], replicas=6),
        hpa(able("ScaleDownStabilized"), active(), FULL, now=[now_cpu(20)], replicas=6),
        hpa(able(), active(), within("True", "TooManyReplicas", since=60), now=[now_cpu(120)], replicas=6),
        hpa(able(), active(), FULL, now=[now_cpu(120)], replicas=6, scaled=60),
        hpa(able(), active(), FULL, now=[now_cpu(120)], replicas=2, least=2, most=2),
        hpa(able(), active(), FULL, replicas=6),
    ],
    ids=["on target", "a spike that is over", "just now", "just scaled", "may not scale at all", "unknown"],
)
def test_at_its_maximum_alone_is_no_alarm(one: dict[str, Any], tmp_path: Path) -> None:
    assert look(tmp_path, [*around(), one]).serious() == set()


# Requests


def test_a_request_its_controller_misses_is_critical(tmp_path: Path) -> None:
    one = hpa(able(), active("False", "FailedGetResourceMetric", NO_REQUEST))
    found = look(tmp_path, [*around(requests={}), one])
    missing = only(found, "HpaMissingRequests")
    assert found.headline is missing
    assert missing.severity == "critical"
    assert missing.confidence == "confirmed"
    assert "cannot scale deployment/web by cpu: container app of web-1 has no cpu request" in missing.summary


def test_a_request_its_controller_misses_counts_without_the_pods_too(tmp_path: Path) -> None:
    one = hpa(able(), active("False", "FailedGetResourceMetric", NO_REQUEST))
    items = [api_service(), *web(requests=REQUESTED), machine(), one]
    assert only(look(tmp_path, items), "HpaMissingRequests").facts["pods"] == ["web-1"]


def test_only_the_request_its_controller_names_is_confirmed(tmp_path: Path) -> None:
    memory = {"type": "Resource", "resource": {"name": "memory", "target": by_cpu()["resource"]["target"]}}
    one = hpa(able(), active("False", "FailedGetResourceMetric", NO_REQUEST), metrics=[by_cpu(), memory])
    found = look(tmp_path, [*around(requests={}), one])
    said = {one.facts["resource"]: one.severity for one in found.findings if one.code == "HpaMissingRequests"}
    assert said == {"cpu": "critical", "memory": "warning"}


def test_what_makes_a_request_unnecessary(tmp_path: Path) -> None:
    amount = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "1"}},
    }
    found = look(tmp_path / "amount", [*around(requests={}), hpa(*WORKS, metrics=[amount])])
    assert "HpaMissingRequests" not in found.codes()
    whole = around(requests={})
    whole[-4]["spec"]["resources"] = {"requests": {"cpu": "1"}}
    assert whole[-4]["kind"] == "Pod"
    assert "HpaMissingRequests" not in look(tmp_path / "pod level", [*whole, hpa(*WORKS)]).codes()


def test_a_template_is_read_with_what_limits_and_limit_ranges_add(tmp_path: Path) -> None:
    def read(name: str, *more: dict[str, Any], **resources: Any) -> set[str]:
        items = [*pipeline(), *web(**resources), machine(), node_usage(), hpa(able(), active()), *more]
        return look(tmp_path / name, items).codes()

    defaults = {
        "kind": "LimitRange",
        "metadata": {"name": "sizes", "namespace": "shop"},
        "spec": {"limits": [{"type": "Container", "defaultRequest": {"cpu": "50m"}}]},
    }
    assert "HpaMissingRequests" in read("bare")
    assert "HpaMissingRequests" not in read("limits", limits={"cpu": "1"})
    assert "HpaMissingRequests" not in read("range", defaults)


def test_limit_ranges_that_were_not_read_leave_it_open(tmp_path: Path) -> None:
    items = [*pipeline(), *web(), machine(), node_usage(), hpa(able(), active())]
    assert "HpaMissingRequests" not in look(tmp_path, items, without=("LimitRange",)).codes()


def test_old_pods_on_their_way_out_are_information_once_the_template_is_right(tmp_path: Path) -> None:
    items = [*pipeline(), *web(requests=REQUESTED), member(), machine(), node_usage(), pod_usage()]
    found = look(tmp_path, [*items, hpa(*WORKS, now=[now_cpu(60)])])
    assert found.one("HpaMissingRequests").severity == "info"


def test_a_sidecar_or_a_stranger_under_the_selector_without_a_request_counts(tmp_path: Path) -> None:
    stranger = pod("batch", labels={"app": "web"})
    found = look(tmp_path, [*around(), stranger, pod_usage("batch"), hpa(*WORKS, now=[now_cpu(60)])])
    assert found.one("HpaMissingRequests").facts["pods"] == ["batch"]


# Targets


def test_a_target_that_is_missing_is_named_with_what_comes_near(tmp_path: Path) -> None:
    one = hpa(able("FailedGetScale", "False", GONE.replace('"web"', '"wep"')), scales="wep")
    found = look(tmp_path, [*around(), one])
    missing = only(found, "HpaTargetMissing")
    assert "deployment/wep does not exist; what comes near is deployment/web" in missing.summary
    assert any("scaleTargetRef" in step.command and "web" in step.command for step in missing.next)


def test_a_target_applied_after_its_autoscaler_is_given_time(tmp_path: Path) -> None:
    one = hpa(able("FailedGetScale", "False", GONE, since=20), age=40)
    found = look(tmp_path, [*pipeline(), machine(), node_usage(), one])
    assert only(found, "HpaTargetMissing").severity == "info"


def test_a_custom_resource_the_controller_may_not_read_is_told_apart(tmp_path: Path) -> None:
    said = (
        'the HPA controller was unable to get the target\'s current scale: rollouts.argoproj.io "web" is '
        'forbidden: User "system:serviceaccount:kube-system:horizontal-pod-autoscaler" cannot get resource '
        '"rollouts/scale"'
    )
    one = hpa(able("FailedGetScale", "False", said), kind="Rollout")
    found = look(tmp_path, [*around(), one])
    assert "cannot read how many replicas rollout/web has" in only(found, "HpaCannotScale").summary


def test_a_change_that_is_refused_is_critical(tmp_path: Path) -> None:
    said = "the HPA controller was unable to update the target scale: admission webhook denied the request"
    found = look(tmp_path, [*around(), hpa(able("FailedUpdateScale", "False", said), active())])
    assert only(found, "HpaCannotScale").severity == "critical"


def test_two_autoscalers_over_the_same_pods_are_both_named(tmp_path: Path) -> None:
    said = "pods by selector app=web are controlled by multiple HPAs: [shop/a shop/b]"
    both = [hpa(able(), active("False", "AmbiguousSelector", said), name=name) for name in ("a", "b")]
    found = look(tmp_path, [*around(), *both])
    assert {one.subject.name for one in found.findings if one.code == "HpaSelectorOverlap"} == {"a", "b"}
    assert found.headline.code == "HpaSelectorOverlap"


# Metrics it cannot get


def test_an_api_that_has_come_back_within_two_minutes_is_no_alarm(tmp_path: Path) -> None:
    found = look(
        tmp_path, [*around(), hpa(able(), active("False", "FailedGetResourceMetric", BUSY, since=50))]
    )
    assert only(found, "HpaMetricsFailing").severity == "info"
    assert "usual while pods or metrics-server start" in only(found, "HpaMetricsFailing").summary


def test_pods_that_are_not_ready_keep_it_from_scaling(tmp_path: Path) -> None:
    items = [*around(ready=False), hpa(able(), active("False", "FailedGetResourceMetric", NO_SAMPLES))]
    failing = only(look(tmp_path, items), "HpaMetricsFailing")
    assert failing.severity == "warning"
    assert "since none of its pods is ready" in failing.summary


@pytest.mark.parametrize(
    ("reason", "said", "groups", "words"),
    [
        (
            "FailedGetExternalMetric",
            f"{EXTERNAL}{NOT_SERVED}",
            ("apps",),
            "does not serve external.metrics.k8s.io",
        ),
        (
            "FailedGetExternalMetric",
            f"{EXTERNAL}{NOT_SERVED}",
            ("apps", "external.metrics.k8s.io"),
            "although external.metrics.k8s.io is served",
        ),
        (
            "FailedGetPodsMetric",
            f"{CUSTOM}the server could not find the metric http_requests for pods",
            ("custom.metrics.k8s.io",),
            "cannot get http_requests, which custom.metrics.k8s.io does not know",
        ),
        (
            "FailedGetPodsMetric",
            f"{CUSTOM}no custom metrics API (custom.metrics.k8s.io) registered",
            ("apps",),
            "because the cluster does not serve custom.metrics.k8s.io",
        ),
        ("FailedGetResourceMetric", DENIED, ("apps",), "which it may not read"),
        ("FailedGetResourceMetric", "something nobody has seen before", ("apps",), "cannot get cpu"),
    ],
)
def test_a_metric_that_cannot_be_had_is_named_with_the_reason(
    reason: str, said: str, groups: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    one = hpa(able(), active("False", reason, said), metrics=[external(), by_cpu()])
    found = look(tmp_path, [*around(), one], groups=groups)
    failing = only(found, "HpaMetricsFailing")
    assert failing.severity == "critical"
    assert words in failing.summary
    assert found.headline is failing


def test_one_metric_of_several_missing_still_lets_it_scale_up(tmp_path: Path) -> None:
    one = hpa(*WORKS, metrics=[external(), by_cpu()], now=[{"type": ""}, now_cpu(60)])
    partly = look(tmp_path, [*around(), one], "hpa/web").one("HpaMetricsFailing")
    assert partly.severity == "warning"
    assert (
        "cannot get queue and goes by its other metrics: it can still scale up, but not down"
        in partly.summary
    )


def test_an_autoscaler_nobody_looks_at_is_told_after_two_minutes(tmp_path: Path) -> None:
    assert look(tmp_path / "old", [*around(), hpa(age=600)]).headline.severity == "warning"
    new = look(tmp_path / "new", [*around(), hpa(age=30)])
    assert new.serious() == set()
    assert only(new, "HpaNotJudged").severity == "info"


# Which are looked at


def test_a_workload_brings_its_own_autoscaler_only(tmp_path: Path) -> None:
    other = hpa(able("FailedGetScale", "False", GONE), name="other", scales="gone")
    items = [*around(), hpa(*WORKS, now=[now_cpu(58)]), other]
    for index, target in enumerate(("deployment/web", "pod/web-1")):
        found = look(tmp_path / str(index), items, target)
        assert only(found, "HpaMetricsOk").subject.name == "web"


def test_a_selector_or_a_prefix_brings_only_the_autoscalers_of_its_pods(tmp_path: Path) -> None:
    more = [workload("Deployment", "other"), hpa(*WORKS, name="other", scales="other", now=[now_cpu(58)])]
    items = [*around(), hpa(*WORKS, now=[now_cpu(58)]), *more]
    for index, target in enumerate(("app=web", "web")):
        assert only(look(tmp_path / str(index), items, target), "HpaMetricsOk").subject.name == "web"


def test_autoscalers_that_were_not_recorded_are_not_called_absent(tmp_path: Path) -> None:
    found = look(tmp_path, around(), without=("HorizontalPodAutoscaler",))
    assert "not known" in found.steps["RM-08"].verdict


# Vertical autoscalers


def vpa(mode: str = "Auto", *, given: bool = True, age: float = 7200, **resources: Any) -> dict[str, Any]:
    said = {
        "containerName": "app",
        "target": {"cpu": "250m", "memory": "262144k"},
        "lowerBound": {"cpu": "100m", "memory": "131072k"},
        "upperBound": {"cpu": "1", "memory": "1Gi"},
    }
    status: dict[str, Any] = {"conditions": [condition("RecommendationProvided", str(given))]}
    if given:
        status["recommendation"] = {"containerRecommendations": [said]}
    return {
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop", "creationTimestamp": ago(age)},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "updatePolicy": {"updateMode": mode},
            **resources,
        },
        "status": status,
    }


VERTICAL = ("apps", "metrics.k8s.io", "autoscaling.k8s.io")
MEMORY_ONLY = {
    "resourcePolicy": {"containerPolicies": [{"containerName": "*", "controlledResources": ["memory"]}]}
}


def test_a_recommendation_stands_beside_what_is_requested(tmp_path: Path) -> None:
    found = look(tmp_path, [*around(), vpa("Off")], groups=VERTICAL)
    (table,) = found.steps["RM-09"].exhibits
    assert table.rows[0] == ["web", "deployment/web", "Off", "app", "cpu", "100m", "250m", "1", "100m"]
    assert found.serious() == set()


def test_both_kinds_on_the_same_resource_work_against_each_other(tmp_path: Path) -> None:
    found = look(tmp_path / "both", [*around(), vpa(), hpa(*WORKS, now=[now_cpu(58)])], groups=VERTICAL)
    assert found.headline.code == "VpaFightsHpa"
    for name, one in (("off", vpa("Off")), ("memory", vpa(**MEMORY_ONLY))):
        quiet = look(tmp_path / name, [*around(), one, hpa(*WORKS, now=[now_cpu(58)])], groups=VERTICAL)
        assert quiet.serious() == set()


def test_no_recommendation_is_told_when_it_should_be_there(tmp_path: Path) -> None:
    assert look(tmp_path / "old", [*around(), vpa(given=False)], groups=VERTICAL).serious() == {
        "VpaNoRecommendation"
    }
    assert look(tmp_path / "new", [*around(), vpa(given=False, age=300)], groups=VERTICAL).serious() == set()


def test_where_their_api_is_not_served_they_are_not_read(tmp_path: Path) -> None:
    found = look(tmp_path, [*around(), vpa(given=False)])
    assert found.steps["RM-09"].status == "skipped"
