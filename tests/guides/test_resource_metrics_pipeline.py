"""The metrics API, metrics-server, nodes, pods and kubelets: what is broken, and what only takes a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.findings import without_explained
from tests.support.made_cases import ago, pod
from tests.support.made_metrics import (
    BUSY,
    NO_API,
    REFUSED,
    SCRAPE,
    SYSTEM,
    TIMEOUT,
    WAITS,
    WORKS,
    X509,
    able,
    active,
    api_service,
    hpa,
    look,
    machine,
    member,
    node_usage,
    now_cpu,
    pipeline,
    pod_usage,
    server,
    service,
    web,
)

REQUESTED = {"cpu": "100m"}
FINE = [*web(requests=REQUESTED), member(requests=REQUESTED), machine(), pod_usage(), node_usage()]
NOBODY = (
    "False",
    "MissingEndpoints",
    'endpoints for service/metrics-server in "kube-system" have no addresses',
)
NODE_METRICS = """\
node_cpu_usage_seconds_total {cpu} 1795470486949
node_memory_working_set_bytes {memory} 1795470486949
container_memory_working_set_bytes{{container="app",namespace="shop",pod="web-1"}} 245760 1795470492677
resource_scrape_error {error}
"""


def scrape(error: str, node: str = "n1") -> str:
    return SCRAPE.format(error=error, node=node)


def kubelet(
    cpu: str = "3789.05", memory: str = "1.42e+09", error: str = "0", node: str = "n1"
) -> dict[str, str]:
    text = NODE_METRICS.format(cpu=cpu, memory=memory, error=error)
    return {f"raw/nodes/{node}/metrics/resource.txt": text}


def test_a_whole_pipeline_is_good_and_says_so(tmp_path: Path) -> None:
    found = look(tmp_path, [*pipeline(), *FINE])
    assert found.serious() == set()
    assert {"MetricsApiAvailable", "NodeMetricsComplete", "PodMetricsComplete"} <= found.codes()
    assert found.headline is None
    (pods,) = [one for one in found.steps["RM-02"].exhibits if hasattr(one, "rows")]
    assert "v0.8.0" in pods.rows[0][6]
    assert pods.rows[0][7] == "--metric-resolution=15s"


# The API


def test_without_the_api_only_an_autoscaler_makes_it_a_fault(tmp_path: Path) -> None:
    assert look(tmp_path / "without", FINE).one("MetricsApiMissing").severity == "info"
    waits = hpa(able(), active("False", "FailedGetResourceMetric", NO_API))
    found = look(tmp_path / "with", [*FINE, waits])
    assert found.headline.code == "MetricsApiMissing"
    assert found.headline.severity == "critical"
    assert "Even with it" not in found.headline.summary, "its pods have a request"


def test_an_autoscaler_by_other_metrics_does_not_need_the_resource_metrics_api(tmp_path: Path) -> None:
    other = hpa(*WORKS, metrics=[{"type": "External", "external": {"metric": {"name": "queue"}}}])
    assert look(tmp_path, [*FINE, other]).one("MetricsApiMissing").severity == "info"


def test_an_api_that_could_not_be_read_is_not_called_missing(tmp_path: Path) -> None:
    found = look(
        tmp_path / "neither", FINE, without=("APIService", "NodeMetrics", "PodMetrics"), groups=("apps",)
    )
    assert found.one("MetricsApiMissing").evidence[0].source == "apis"
    found = look(tmp_path / "unread", FINE, without=("APIService",))
    assert "MetricsApiMissing" not in found.codes()
    assert "NodeMetricsComplete" in found.codes(), "what was recorded of it is judged"


def test_an_api_nobody_stands_behind_is_explained_by_the_pods_that_are_not_there(tmp_path: Path) -> None:
    waits = hpa(able(), active("False", "FailedGetResourceMetric", BUSY))
    found = look(tmp_path, [api_service(*NOBODY), service(), *FINE, waits])
    assert found.one("MetricsServerPodsUnhealthy").facts["problem"] == "no pods"
    assert found.headline.severity == "critical"
    assert found.headline.code == "MetricsApiUnavailable"
    assert "no ready pod stands behind its Service kube-system/metrics-server" in found.headline.summary
    assert "hpa/web" in found.headline.summary


def test_an_api_that_does_not_answer_without_an_autoscaler_is_a_warning(tmp_path: Path) -> None:
    refused = api_service("False", "FailedDiscoveryCheck", "failing or missing response: i/o timeout")
    found = look(tmp_path, [refused, service(), server(), *FINE])
    assert found.one("MetricsApiUnavailable").severity == "warning"
    assert "the API server cannot reach it" in found.one("MetricsApiUnavailable").summary


def test_an_api_that_has_only_just_stopped_answering_is_given_time(tmp_path: Path) -> None:
    found = look(tmp_path, [api_service(*NOBODY, since=40), service(), server(ready=False, age=40), *FINE])
    assert found.serious() == set()
    assert "it may only be restarting" in found.one("MetricsApiUnavailable").summary


def test_an_api_service_left_behind_is_said_to_be_that(tmp_path: Path) -> None:
    gone = api_service("False", "ServiceNotFound", 'service/metrics-server in "kube-system" is not present')
    found = look(tmp_path, [gone, *FINE, pod("coredns", SYSTEM)])
    assert found.one("MetricsServerPodsUnhealthy").facts["problem"] == "no service"
    unavailable = found.one("MetricsApiUnavailable")
    assert any(step.changes and "delete apiservice" in step.command for step in unavailable.next)


# metrics-server


def test_pods_of_metrics_server_that_do_not_start_are_judged_by_the_pods_guide(tmp_path: Path) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": 'failed to pull image "x": not found'}
    status = {"name": "metrics-server", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}
    sick = server(ready=False)
    sick["status"] |= {"phase": "Pending", "containerStatuses": [status]}
    waits = hpa(able(), active("False", "FailedGetResourceMetric", BUSY))
    found = look(tmp_path, [api_service(*NOBODY), service(), sick, *FINE, waits])
    assert found.headline.code == "ImageNotFound"
    assert found.headline.subject.namespace == SYSTEM
    serious = [one for one in found.findings if one.severity == "critical"]
    assert [one.code for one in without_explained(serious)] == ["ImageNotFound"]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (X509, "MetricsServerKubeletTls", "does not trust the kubelet's certificate"),
        (TIMEOUT, "MetricsServerKubeletTimeout", "cannot reach the kubelet of n1"),
        (REFUSED, "MetricsServerForbidden", "the kubelets of n1 refuse it"),
        (
            r"Get \"https://n1:10250/metrics/resource\": context deadline exceeded",
            "MetricsServerKubeletTimeout",
            "n1",
        ),
        (
            r"Get \"https://n1:10250/metrics/resource\": dial tcp: lookup n1 on 10.96.0.10:53: no such host",
            "MetricsServerKubeletTimeout",
            "n1",
        ),
    ],
)
def test_what_metrics_server_complains_of_explains_the_node_without_metrics(
    error: str, code: str, words: str, tmp_path: Path
) -> None:
    items = [*pipeline(ready=True), *web(), member(), machine(), machine("n2"), node_usage("n2"), pod_usage()]
    found = look(tmp_path, items, log=scrape(error))
    assert found.headline.code == code
    assert found.headline.severity == "warning", "the other node is measured"
    assert words in found.headline.summary
    assert found.one("NodeMetricsMissing").facts["nodes"] == ["n1"]
    serious = [one for one in found.findings if one.severity in ("critical", "warning")]
    assert [one.code for one in without_explained(serious)] == [code]


def test_a_metrics_server_that_measures_nothing_at_all_is_critical_for_an_autoscaler(tmp_path: Path) -> None:
    waits = hpa(able(), active("False", "FailedGetResourceMetric", BUSY))
    items = [
        api_service(*NOBODY),
        service(),
        server(ready=False),
        *web(),
        member(requests=REQUESTED),
        machine(),
        waits,
    ]
    found = look(tmp_path, items, log=f"{scrape(X509)}\n{WAITS}")
    assert found.headline.code == "MetricsServerKubeletTls"
    assert found.headline.severity == "critical"
    assert "no ready" not in found.headline.summary
    serious = [one for one in found.findings if one.severity == "critical"]
    assert [one.code for one in without_explained(serious)] == ["MetricsServerKubeletTls"]
    assert any("--kubelet-insecure-tls" in step.command and step.changes for step in found.headline.next)


def test_the_api_server_turned_away_is_a_matter_of_trust(tmp_path: Path) -> None:
    line = (
        'E1123 11:58:00.1       1 authentication.go:73] "Unable to authenticate the request" '
        'err="x509: certificate signed by unknown authority"'
    )
    refused = api_service("False", "FailedDiscoveryCheck", "bad status from https://10.97.1.1:443: 401")
    found = look(tmp_path, [refused, service(), server(), *FINE], log=line)
    assert found.headline.code == "AggregationAuthBroken"


def test_rights_that_are_missing_are_quoted(tmp_path: Path) -> None:
    line = (
        'reflector.go:200] "Failed to watch" err="failed to list *v1.Node: nodes is forbidden: User '
        '\\"system:serviceaccount:kube-system:metrics-server\\" cannot list resource \\"nodes\\" in API '
        'group \\"\\" at the cluster scope"'
    )
    found = look(tmp_path, [api_service(*NOBODY), service(), server(ready=False), *FINE], log=line)
    assert "cannot list resource" in found.one("MetricsServerForbidden").summary


def test_complaints_about_nodes_that_are_measured_or_not_ready_are_history(tmp_path: Path) -> None:
    lost = machine("n2", ready="Unknown")
    new = machine("n3", since=30)
    items = [*pipeline(), *FINE, lost, new]
    log = "\n".join(scrape(TIMEOUT, name) for name in ("n1", "n2", "n3"))
    found = look(tmp_path, items, log=log)
    assert found.serious() == set()


def test_a_log_that_complains_of_nothing_known_claims_nothing(tmp_path: Path) -> None:
    items = [*pipeline(), *web(), member(), machine(), machine("n2"), node_usage("n2"), pod_usage()]
    found = look(tmp_path, items, log=f"{WAITS}\nI1123 11:58:00.2 1 serving.go:1] started")
    assert found.headline.code == "NodeMetricsMissing"


def test_an_old_metrics_server_is_worth_a_word_and_with_nodes_missing_a_warning(tmp_path: Path) -> None:
    old = pipeline(image="registry.k8s.io/metrics-server/metrics-server:v0.5.2")
    assert look(tmp_path / "works", [*old, *FINE]).one("MetricsServerOutdated").severity == "info"
    missing = look(tmp_path / "lacks", [*old, *FINE, machine("n2")])
    assert missing.one("MetricsServerOutdated").severity == "warning"
    other = pipeline(image="registry.test/adapters/prometheus-adapter:v0.5.2")
    assert "MetricsServerOutdated" not in look(tmp_path / "other", [*other, *FINE]).codes()


def test_a_metrics_server_that_could_not_be_read_is_not_called_sound(tmp_path: Path) -> None:
    found = look(tmp_path, [*pipeline(), *FINE], without=("Service",))
    assert found.steps["RM-02"].status == "skipped"
    assert "could not be read" in found.steps["RM-02"].verdict


def test_whether_an_autoscaler_needs_it_is_left_open_where_none_could_be_read(tmp_path: Path) -> None:
    found = look(tmp_path, FINE, without=("HorizontalPodAutoscaler",))
    assert "could not be read" in found.one("MetricsApiMissing").summary


def test_an_api_that_answers_has_somebody_behind_it_whatever_the_selector_finds(tmp_path: Path) -> None:
    found = look(tmp_path, [api_service(), service(), *FINE])
    assert "MetricsServerPodsUnhealthy" not in found.codes()


# Nodes and pods


def test_a_metrics_server_that_has_just_started_has_no_metrics_yet(tmp_path: Path) -> None:
    found = look(tmp_path, [*pipeline(age=60), *web(), member(), machine()])
    assert found.serious() == set()
    assert "NodeMetricsComplete" not in found.codes()
    assert any("only just started" in getattr(one, "text", "") for one in found.steps["RM-03"].exhibits)


@pytest.mark.parametrize(
    "one",
    [
        machine("n2", since=60),
        machine("n2", ready="False"),
        {
            **machine("n2"),
            "spec": {"taints": [{"key": "virtual-kubelet.io/provider", "effect": "NoSchedule"}]},
        },
    ],
    ids=["just ready", "not ready", "virtual"],
)
def test_a_node_that_need_not_be_measured_is_not_missed(one: dict[str, Any], tmp_path: Path) -> None:
    found = look(tmp_path, [*pipeline(), *FINE, one, pod("web-9", on="n2")])
    assert found.serious() == set()


def test_pods_of_a_node_without_metrics_are_explained_by_it(tmp_path: Path) -> None:
    items = [*pipeline(), *web(replicas=2), member(), member("web-2", on="n2"), machine(), machine("n2")]
    found = look(tmp_path, [*items, node_usage(), pod_usage()])
    assert found.headline.code == "NodeMetricsMissing"
    assert found.one("PodMetricsMissing").facts["node_too"] is True


def test_a_pod_alone_without_metrics_is_named_with_its_workload(tmp_path: Path) -> None:
    items = [*pipeline(), *web(replicas=2), member(), member("web-2"), machine(), node_usage(), pod_usage()]
    found = look(tmp_path, items)
    assert found.headline.code == "PodMetricsMissing"
    assert "1 of 2 pods of deployment/web" in found.headline.summary


def test_pods_that_are_young_ending_or_restarting_are_not_missed(tmp_path: Path) -> None:
    ending = member("web-3", deletionTimestamp=ago(-20))
    waits = {"waiting": {"reason": "CrashLoopBackOff"}}
    crashing = pod("web-4", containers=[{"name": "app", "ready": False, "restartCount": 4, "state": waits}])
    items = [*pipeline(), *FINE, member("web-2", age=60), ending, crashing, pod("done", phase="Succeeded")]
    assert look(tmp_path, items).serious() == set()


def test_old_metrics_are_stale_and_no_alarm_of_usage_is_built_on_them(tmp_path: Path) -> None:
    items = [*pipeline(), *web(), member(limits={"memory": "64Mi"}), machine(memory="2Gi")]
    stale = [node_usage(memory="2000Mi", age=900), pod_usage(memory="63Mi", age=900)]
    found = look(tmp_path, [*items, *stale])
    assert found.serious() == {"MetricsStale"}
    assert found.one("MetricsStale").facts["age"] == 900
    assert found.one("ContainerMemoryNearLimit").severity == "info"


def test_metrics_that_were_not_recorded_are_not_called_missing(tmp_path: Path) -> None:
    found = look(tmp_path, [*pipeline(), *FINE], without=("NodeMetrics", "PodMetrics"))
    assert found.serious() == set()
    assert {found.steps[name].status for name in ("RM-03", "RM-04")} == {"refused"}
    assert {found.steps[name].status for name in ("RM-05", "RM-06")} == {"skipped"}


def test_nodes_that_were_not_recorded_claim_no_completeness(tmp_path: Path) -> None:
    found = look(tmp_path, [*pipeline(), *FINE], without=("Node",))
    assert found.serious() == set()
    assert "NodeMetricsComplete" not in found.codes()


# Kubelets


def test_a_kubelet_that_measures_is_not_to_blame(tmp_path: Path) -> None:
    items = [*pipeline(), *web(), member(), machine(), machine("n2"), node_usage("n2"), pod_usage()]
    found = look(tmp_path, items, raw=kubelet())
    assert found.headline.code == "NodeMetricsMissing"
    assert "is not its fault" in found.one("KubeletMetricsOk").summary


@pytest.mark.parametrize(
    "body", [kubelet(memory="0"), kubelet(error="1"), {"raw/nodes/n1/metrics/resource.txt": "\n"}]
)
def test_a_kubelet_that_measures_nothing_is_the_cause(body: dict[str, str], tmp_path: Path) -> None:
    items = [*pipeline(), *web(), member(), machine(), machine("n2"), node_usage("n2"), pod_usage()]
    found = look(tmp_path, items, raw=body)
    assert found.headline.code == "KubeletMetricsZero"
    serious = [one for one in found.findings if one.severity in ("critical", "warning")]
    assert [one.code for one in without_explained(serious)] == ["KubeletMetricsZero"]


def test_a_kubelet_the_api_server_cannot_reach_is_the_cause(tmp_path: Path) -> None:
    items = [*pipeline(), *web(), member(), machine(), machine("n2"), node_usage("n2"), pod_usage()]
    text = "error trying to reach service: dial tcp 10.0.0.1:10250: i/o timeout"
    found = look(tmp_path, items, raw={"errors/nodes/n1/metrics/resource.503.txt": text})
    assert found.headline.code == "KubeletMetricsUnreachable"
    assert "10250: i/o timeout" in found.headline.summary


def test_a_kubelet_that_may_not_be_asked_is_named_with_the_command(tmp_path: Path) -> None:
    items = [*pipeline(), *web(), member(), machine(), machine("n2"), node_usage("n2"), pod_usage()]
    found = look(tmp_path, items)
    assert found.steps["RM-07"].status == "skipped"
    assert "kubectl get --raw /api/v1/nodes/n1/proxy/metrics/resource" in found.steps["RM-07"].verdict


def test_everything_measured_means_no_kubelet_is_asked(tmp_path: Path) -> None:
    found = look(tmp_path, [*pipeline(), *FINE, hpa(*WORKS, now=[now_cpu(58)])])
    assert found.steps["RM-07"].status == "skipped"
    assert "no node is known to lack metrics" in found.steps["RM-07"].verdict
