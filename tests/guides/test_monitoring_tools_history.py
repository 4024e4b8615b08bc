"""History, alerts and scraping, from a Prometheus over real HTTP: Debian's own binary on made series.

Where that is not installed (Debian: prometheus), the tests that need it are skipped; made answers
in the API's format stand in for what a real one gives seldom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from kuberunbooks.cluster.case_output import CASE_OUT
from kuberunbooks.findings import Lines, Note, Table
from tests.conftest import Diagnosis
from tests.support.api_server import ApiServer, serve_case
from tests.support.made_cases import NOW, make_case, node, owner, pod
from tests.support.made_prometheus import (
    Answering,
    MadeSeries,
    answering,
    container,
    has_prometheus,
    matrix,
    prometheus_pod,
    real_prometheus,
    service,
    success,
    vector,
    web_pods,
)

GUIDE = "monitoring-tools"
MIB = float(1 << 20)
WEB = ("web-5d4f7c9b8d-x2x4z", "web-5d4f7c9b8d-k8k9q")
ALERTS: Sequence[Mapping[str, Any]] = (
    {
        "alert": "KubePodCrashLooping",
        "labels": {"namespace": "shop", "pod": WEB[0], "severity": "warning"},
        "annotations": {
            "summary": "Pod is crash looping.",
            "runbook_url": "https://runbooks.example.com/loop",
        },
    },
    {"alert": "KubeDeploymentReplicasMismatch", "labels": {"namespace": "shop", "deployment": "web"}},
    {"alert": "NodeClockNotSynchronising", "labels": {"severity": "warning", "instance": "10.0.0.5:9100"}},
    {"alert": "KubePodNotReady", "labels": {"namespace": "shop", "pod": "other-1", "severity": "warning"}},
    {"alert": "KubePodNotReady", "labels": {"namespace": "else", "pod": WEB[0], "severity": "warning"}},
    {"alert": "Watchdog", "labels": {"severity": "none"}},
)


def made_series() -> list[MadeSeries]:
    """Two hours of deployment web and of node n1: a leak in the first pod, throttled since 50 minutes."""
    first, second = (container(name) for name in WEB)
    stranger = container("web-api-6f5d8c7b9c-q2q4z")
    of_node = {"instance": "10.0.0.5:9100", "job": "node-exporter"}
    ready = {"namespace": "shop", "pod": WEB[0], "condition": "true"}
    return [
        MadeSeries("container_memory_working_set_bytes", first, lambda b: (250 - b / 40) * MIB, until=70),
        MadeSeries("container_memory_working_set_bytes", second, lambda _: 80 * MIB),
        MadeSeries("container_memory_working_set_bytes", stranger, lambda _: 900 * MIB),
        MadeSeries("container_cpu_usage_seconds_total", first, lambda b: (7200 - b) * 0.25),
        MadeSeries("container_cpu_cfs_periods_total", first, lambda b: (7200 - b) * 10),
        MadeSeries("container_cpu_cfs_throttled_periods_total", first, lambda b: max(0.0, 3000 - b) * 4),
        MadeSeries("container_network_receive_bytes_total", first, lambda b: (7200 - b) * 2048),
        MadeSeries("kube_pod_status_ready", ready, lambda b: 0 if b < 70 else 1),
        MadeSeries("kube_pod_container_status_restarts_total", first, lambda b: 3 if b < 70 else 2),
        MadeSeries(
            "node_cpu_seconds_total", {**of_node, "cpu": "0", "mode": "idle"}, lambda b: (7200 - b) * 0.7
        ),
        MadeSeries("node_memory_MemAvailable_bytes", of_node, lambda _: 1e9),
        MadeSeries("node_memory_MemTotal_bytes", of_node, lambda _: 4e9),
        MadeSeries(
            "node_filesystem_avail_bytes", {**of_node, "mountpoint": "/", "fstype": "ext4"}, lambda _: 1e9
        ),
        MadeSeries(
            "node_filesystem_size_bytes", {**of_node, "mountpoint": "/", "fstype": "ext4"}, lambda _: 5e9
        ),
        MadeSeries("node_load1", of_node, lambda _: 1.5),
        MadeSeries(
            "kube_node_status_condition", {"node": "n1", "condition": "Ready", "status": "true"}, lambda _: 1
        ),
    ]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that holds the made series and fires the made alerts."""
    if not has_prometheus():
        pytest.skip("needs Debian's package prometheus")
    with real_prometheus(tmp_path_factory.mktemp("prometheus"), made_series(), alerts=ALERTS) as url:
        yield url


class Run:
    """A live run through a served API, and the run on the case that it recorded."""

    def __init__(
        self, live: Diagnosis, api: ApiServer, recorded: Path, guide_options: dict[str, Any]
    ) -> None:
        self.live = live
        self.api = api
        self._recorded, self._options = recorded, guide_options

    def again(self, **changed: Any) -> Diagnosis:
        """The same run on the recorded case; what is `changed` may be None to leave it out."""
        options = {key: value for key, value in (self._options | changed).items() if value is not None}
        return Diagnosis(self._recorded, guide=GUIDE, **options)

    def charts(self) -> dict[str, Lines]:
        """The charts by the beginning of their captions."""
        found = [one for one in self.live.steps["MT-07"].exhibits if isinstance(one, Lines)]
        return {one.caption.partition(" (")[0]: one for one in found}

    def notes(self, step: str) -> str:
        """The notes of a step."""
        return " ".join(one.text for one in self.live.steps[step].exhibits if isinstance(one, Note))


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Run]]:
    """`live(items, "deployment/web", services={"monitoring/prometheus-k8s": url})`: a recorded live run."""
    with ExitStack() as stack:

        def run(
            items: list[dict[str, Any]],
            target: str = "",
            *,
            namespace: str = "shop",
            services: dict[str, str] | None = None,
            deny: Sequence[str] = (),
            **options: Any,
        ) -> Run:
            case = make_case(tmp_path / "case", items)
            api = stack.enter_context(serve_case(case, services=services or {}, deny=deny, now=NOW))
            monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "kubeconfig")))
            monkeypatch.setenv(CASE_OUT, str(tmp_path / "recorded.zip"))
            asked = {"target": target, "namespace": namespace, **options}
            found = Diagnosis(cast(Path, ""), guide=GUIDE, **asked)
            monkeypatch.delenv(CASE_OUT)
            return Run(found, api, tmp_path / "recorded.zip", asked)

        yield run


def cluster_objects(*, killed: float | None = 64) -> list[dict[str, Any]]:
    """Node n1, deployment web and a Prometheus with its Services."""
    one = node("n1")
    one["status"]["addresses"] = [{"type": "InternalIP", "address": "10.0.0.5"}]
    headless = service("prometheus-operated")
    headless["spec"]["clusterIP"] = "None"
    return [one, *web_pods(*WEB, killed=killed), prometheus_pod(), headless, service()]


def essence(found: Diagnosis) -> list[Any]:
    """What two runs must agree in: the verdict, the findings' words, and what is shown."""
    return [
        found.closing.verdict,
        [(one.code, one.severity, one.summary, one.evidence) for one in found.findings],
        [step.exhibits for step in found.steps.values()],
        [(step.status, step.verdict) for step in found.steps.values()],
    ]


def test_a_workloads_history_is_read_through_the_api_server(
    live: Callable[..., Run], prometheus: str
) -> None:
    run = live(cluster_objects(), "deployment/web", services={"monitoring/prometheus-k8s": prometheus})
    charts = run.charts()
    assert list(charts) == [
        "Memory",
        "CPU used",
        "CPU periods in which it was made to wait at its limit",
        "Ready",
        "Restarts in all",
        "Network, bytes per second over all pods",
    ]
    assert [one.name for one in charts["Memory"].series] == [WEB[0], WEB[1]], "web-api is another workload"
    assert charts["Memory"].thresholds[0].value == 256 * MIB
    cpu = [value for _, value in charts["CPU used"].series[0].points]
    assert cpu == pytest.approx([0.25] * len(cpu))
    assert len(cpu) == 121
    assert charts["Network, bytes per second over all pods"].series[0].name == "received"
    assert "monitoring/prometheus-k8s:9090" in run.notes("MT-07")


def test_a_leak_and_throttling_are_told_from_the_curves(live: Callable[..., Run], prometheus: str) -> None:
    found = live(cluster_objects(), "deployment/web", services={"monitoring/prometheus-k8s": prometheus}).live
    climb = found.one("MemoryClimbedToLimit")
    assert (climb.severity, climb.confidence) == ("info", "likely")
    assert climb.subject.name == WEB[0]
    assert "climbed steadily from 160Mi to 247.8Mi in 58 min" in climb.summary
    throttled = found.one("CpuThrottled")
    assert (throttled.severity, throttled.facts["percent"]) == ("info", 40)
    assert "still is" in throttled.summary


def test_alerts_about_the_workload_are_told_and_no_others(live: Callable[..., Run], prometheus: str) -> None:
    run = live(cluster_objects(), "deployment/web", services={"monitoring/prometheus-k8s": prometheus})
    one = run.live.one("AlertsFiring")
    assert one.severity == "warning"
    assert one.facts["names"] == ["KubePodCrashLooping", "KubeDeploymentReplicasMismatch"]
    assert one.next[0].command == "runbook run pods -n shop -p target=deployment/web"
    assert "https://runbooks.example.com/loop" in one.next[1].why
    table = next(one for one in run.live.steps["MT-08"].exhibits if isinstance(one, Table))
    assert [row[0] for row in table.rows] == ["KubePodCrashLooping", "KubeDeploymentReplicasMismatch"]
    assert "3 alerts fire about other things" in run.notes("MT-08")
    assert run.live.headline is one


@pytest.mark.parametrize("target", ["deployment/web", f"pod/{WEB[0]}", "node/n1", "", "app=web"])
def test_the_recorded_case_gives_the_same_answers(
    live: Callable[..., Run], prometheus: str, target: str
) -> None:
    run = live(cluster_objects(), target, services={"monitoring/prometheus-k8s": prometheus})
    assert run.charts(), target
    assert essence(run.again()) == essence(run.live)


def test_a_case_answers_also_when_it_is_opened_with_another_window(
    live: Callable[..., Run], prometheus: str
) -> None:
    run = live(cluster_objects(), "deployment/web", services={"monitoring/prometheus-k8s": prometheus})
    for since in ("30m", "2d"):
        again = run.again(since=since)
        assert {"MemoryClimbedToLimit", "AlertsFiring"} <= again.codes()
        assert again.steps["MT-07"].exhibits[1:] == run.live.steps["MT-07"].exhibits[1:]


def test_a_node_has_its_own_charts_and_alerts(live: Callable[..., Run], prometheus: str) -> None:
    run = live(cluster_objects(), "node/n1", services={"monitoring/prometheus-k8s": prometheus})
    charts = run.charts()
    assert list(charts) == ["CPU used", "Memory", "Disks used", "Load", "Conditions that held"]
    assert charts["CPU used"].series[0].points[-1][1] == pytest.approx(30.0)
    assert charts["Disks used"].series[0].points[-1][1] == pytest.approx(80.0)
    assert [one.name for one in charts["Memory"].series] == ["in all", "available"]
    assert run.live.one("AlertsFiring").facts["names"] == ["NodeClockNotSynchronising"]
    assert run.live.one("AlertsFiring").next[0].command == "runbook run node-problems -p target=node/n1"


def test_a_namespace_and_the_whole_cluster_have_charts_too(live: Callable[..., Run], prometheus: str) -> None:
    run = live(cluster_objects(), services={"monitoring/prometheus-k8s": prometheus})
    assert list(run.charts()) == ["Memory", "CPU used, the largest", "Restarts, as they happened"]
    assert set(run.live.one("AlertsFiring").facts["names"]) == {
        "KubePodCrashLooping", "KubeDeploymentReplicasMismatch", "KubePodNotReady",
    }  # fmt: skip
    run = live(cluster_objects(), namespace="-", services={"monitoring/prometheus-k8s": prometheus})
    assert [one.name for one in run.charts()["Memory"].series] == ["shop"]
    assert run.live.one("AlertsFiring").facts["alerts"] == 5


def test_an_autoscaler_has_the_history_of_what_it_scales(live: Callable[..., Run], prometheus: str) -> None:
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    one = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"scaleTargetRef": scaled, "maxReplicas": 5},
    }
    run = live([*cluster_objects(), one], "hpa/web", services={"monitoring/prometheus-k8s": prometheus})
    assert [line.name for line in run.charts()["Memory"].series] == list(WEB)
    assert essence(run.again()) == essence(run.live)


def test_a_pod_that_is_gone_still_has_its_history(live: Callable[..., Run], prometheus: str) -> None:
    items = [one for one in cluster_objects() if one["kind"] not in ("Deployment", "ReplicaSet")]
    items = [one for one in items if one["metadata"]["name"] not in WEB]
    run = live(items, f"pod/{WEB[0]}", services={"monitoring/prometheus-k8s": prometheus})
    assert "PodMissing" in run.live.codes()
    assert "Memory" in run.charts()


def test_the_charts_are_around_the_alert(live: Callable[..., Run], prometheus: str) -> None:
    alert = "2026-11-23T11:00:00Z"
    run = live(
        cluster_objects(), "deployment/web", since="15m", alert_time=alert,
        services={"monitoring/prometheus-k8s": prometheus},
    )  # fmt: skip
    memory = run.charts()["Memory"]
    assert memory.series[0].points[0][0] == pytest.approx(NOW.timestamp() - 75 * 60, abs=1)
    assert memory.series[0].points[-1][0] == pytest.approx(NOW.timestamp() - 45 * 60, abs=1)
    assert [one.label for one in memory.moments] == ["alert"]


def test_an_address_is_asked_beside_the_api_server(live: Callable[..., Run], prometheus: str) -> None:
    run = live(cluster_objects(), "deployment/web", prometheus_url=prometheus)
    assert "Memory" in run.charts()
    assert run.api.count("proxy") == 0
    assert essence(run.again()) == essence(run.live)
    without = run.again(prometheus_url=None)
    assert without.codes() == run.live.codes()
    assert without.closing.verdict == run.live.closing.verdict


@pytest.mark.skipif(not has_prometheus(), reason="needs Debian's package prometheus")
def test_below_another_path_it_is_found_by_its_arguments(live: Callable[..., Run], tmp_path: Path) -> None:
    items = cluster_objects()
    items[-3]["spec"]["containers"][0]["args"] = ["--web.external-url=https://metrics.example.com/prom/"]
    down = [{"namespace": "shop", "pod": WEB[0]}]
    with real_prometheus(tmp_path / "prometheus", down=down, prefix="/prom") as url:
        run = live(items, services={"monitoring/prometheus-k8s": url.removesuffix("/prom")})
    assert "scrapes 2 targets, 1 of them without success" in run.notes("MT-09")
    assert "ScrapeFailing" not in run.live.codes(), "it is down for a moment only"


@pytest.mark.parametrize(
    ("ports", "path"),
    [
        ([{"name": "grpc", "port": 10901}, {"name": "http", "port": 9090}], "http:prometheus-k8s:9090"),
        ([{"port": 80}], "http:prometheus-k8s:80"),
        ([{"name": "web", "port": 9091}, {"name": "tenancy", "port": 9092}], "https:prometheus-k8s:9091"),
        ([{"name": "web", "port": 8443, "appProtocol": "https"}], "https:prometheus-k8s:8443"),
        ([{"name": "odd", "port": 1234}, {"name": "odder", "port": 1235}], ""),
        ([{"name": "udp", "port": 9090, "protocol": "UDP"}], ""),
    ],
)
def test_the_port_that_serves_it_is_chosen_by_name_and_number(
    live: Callable[..., Run], ports: Sequence[Mapping[str, Any]], path: str
) -> None:
    with answering(made()) as server:
        run = live(
            [prometheus_pod(), service(ports=ports)], services={"monitoring/prometheus-k8s": server.url}
        )
    asked = {one.path.split("/")[6] for one in run.api.requests if "/proxy/" in one.path}
    assert asked == ({path} if path else set())


def test_a_service_with_an_address_goes_before_a_headless_one(live: Callable[..., Run]) -> None:
    headless = service("a-prometheus-operated")
    headless["spec"]["clusterIP"] = "None"
    with answering(made()) as server:
        run = live(
            [prometheus_pod(), headless, service()],
            services={
                "monitoring/prometheus-k8s": server.url,
                "monitoring/a-prometheus-operated": "http://127.0.0.1:9",
            },
        )
    assert run.live.steps["MT-08"].status == "ok"


def test_an_address_is_enough_where_no_other_namespace_may_be_read(live: Callable[..., Run]) -> None:
    with answering(made()) as server:
        run = live([node()], prometheus_url=server.url, deny=["list pods", "list daemonsets.apps"])
    assert run.live.steps["MT-05"].status == "skipped"
    assert run.live.steps["MT-08"].status == "ok"
    assert {one.what for one in run.live.closing.coverage.refused} == {"list pods", "list daemonsets.apps"}
    assert run.live.serious() == set()


HOSTILE = 'a"} or vector(1) or up{x=~"(.*\\\n'


def test_a_hostile_name_stays_a_name(live: Callable[..., Run], prometheus: str) -> None:
    items = cluster_objects()
    bad = web_pods(HOSTILE)[-1]
    bad["metadata"]["ownerReferences"] = owner("ReplicaSet", "web-5d4f7c9b8d")
    run = live([*items, bad], "deployment/web", services={"monitoring/prometheus-k8s": prometheus})
    assert "Not answered" not in run.notes("MT-07"), "the real server understands every question"
    assert {one.name for one in run.charts()["Memory"].series} == set(WEB)


def made(answers: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Answers of a Prometheus that knows nothing, but for those given."""
    return {
        "api/v1/query": lambda query: (
            vector(({"up": "1"}, "9")) if query["query"].startswith("count_values") else vector()
        ),
        "api/v1/query_range": matrix(),
        "api/v1/alerts": success({"alerts": []}),
        **(answers or {}),
    }


def run_made(live: Callable[..., Run], server: Answering, target: str = "deployment/web", **more: Any) -> Run:
    return live(cluster_objects(), target, services={"monitoring/prometheus-k8s": server.url}, **more)


def test_without_values_and_alerts_nothing_is_claimed(live: Callable[..., Run]) -> None:
    with answering(made()) as server:
        run = run_made(live, server)
        assert run.live.serious() == set()
        assert run.charts() == {}
        assert "has no values of this target" in run.notes("MT-07")
        assert "No alert fires" in run.notes("MT-08")
        assert len(server.asked) < 16


@pytest.mark.parametrize("pods", [2, 60])
def test_the_number_of_questions_does_not_grow_with_the_workload(live: Callable[..., Run], pods: int) -> None:
    names = [f"web-5d4f7c9b8d-{index:05}" for index in range(pods)]
    items = [*web_pods(*names), prometheus_pod(), service()]
    with answering(made()) as server:
        run = live(items, "deployment/web", services={"monitoring/prometheus-k8s": server.url})
        assert len(server.asked) == 10
        assert all(len(question) < 4000 for question in server.questions())
        assert ("12 were asked about" in run.notes("MT-07")) is (pods > 12)
        assert len(run.api.requests) < 40


@pytest.mark.parametrize("since", ["90s", "1h", "7d"])
def test_no_question_asks_for_more_points_than_are_drawn(live: Callable[..., Run], since: str) -> None:
    with answering(made()) as server:
        run_made(live, server, since=since)
        ranges = [query for _, query, _ in server.asked if "step" in query]
    assert ranges
    for query in ranges:
        assert (float(query["end"]) - float(query["start"])) / int(query["step"]) <= 240


def test_a_gap_breaks_the_line(live: Callable[..., Run]) -> None:
    points = [(3600.0 - 30 * index, "1048576") for index in range(40)]
    points += [(900.0 - 30 * index, "1048576") for index in range(30)]
    with answering(
        made({"api/v1/query_range": matrix(({"pod": WEB[0], "container": "app"}, points))})
    ) as server:
        line = run_made(live, server).charts()["Memory"].series[0]
    assert [index for index, (_, value) in enumerate(line.points) if value is None] == [40]


def test_a_question_that_is_refused_costs_only_its_chart(live: Callable[..., Run]) -> None:
    def ranges(query: dict[str, str]) -> Any:
        if "cfs" in query["query"]:
            return 422, {"status": "error", "errorType": "execution", "error": "too many samples"}
        return matrix(({"pod": WEB[0], "container": "app"}, [(60, "1"), (30, "1")]))

    with answering(made({"api/v1/query_range": ranges})) as server:
        run = run_made(live, server)
    assert "CPU used" in run.charts()
    assert "too many samples" in run.notes("MT-07")
    assert essence(run.again()) == essence(run.live)


def test_a_missing_right_is_said_with_the_command_that_shows_it(live: Callable[..., Run]) -> None:
    with answering(made()) as server:
        run = run_made(live, server, deny=["get services/proxy"])
        assert server.asked == []
    for step in ("MT-07", "MT-08", "MT-09"):
        assert run.live.steps[step].status == "skipped"
        assert (
            "kubectl auth can-i get services --subresource=proxy -n monitoring"
            in run.live.steps[step].verdict
        )
    assert [one.what for one in run.live.closing.coverage.refused] == ["get services/proxy"]
    assert run.live.serious() == set()
    assert essence(run.again()) == essence(run.live)


def test_a_prometheus_that_cannot_be_reached_is_said_once_and_not_waited_for(
    live: Callable[..., Run],
) -> None:
    run = live(
        cluster_objects(), "deployment/web", services={"monitoring/prometheus-k8s": "http://127.0.0.1:9"}
    )
    assert run.api.count("proxy") == 1
    assert "cannot be asked: error trying to reach service" in run.live.steps["MT-07"].verdict
    assert run.live.serious() == set()
    assert essence(run.again()) == essence(run.live)


def test_of_two_the_one_that_scrapes_is_asked(live: Callable[..., Run]) -> None:
    idle = prometheus_pod("prometheus-idle-0")
    idle["metadata"] |= {"labels": {"app": "prometheus"}, "ownerReferences": owner("StatefulSet", "idle")}
    items = [*cluster_objects(), idle, service("idle", selector={"app": "prometheus"})]
    with answering(made({"api/v1/query": vector()})) as nothing, answering(made()) as server:
        run = live(items, services={"monitoring/prometheus-k8s": server.url, "monitoring/idle": nothing.url})
    assert "monitoring/prometheus-k8s:9090 answers and scrapes 9 targets" in run.notes("MT-09")


def test_without_a_service_it_is_said_why_it_is_not_asked(live: Callable[..., Run]) -> None:
    items = [one for one in cluster_objects() if one["kind"] != "Service"]
    assert "no Service leads to it" in live(items).live.steps["MT-07"].verdict


def test_alerts_come_from_the_alertmanager_where_prometheus_cannot_be_asked(live: Callable[..., Run]) -> None:
    labels = {"app.kubernetes.io/name": "alertmanager"}
    manager = pod("alertmanager-0", "monitoring", labels=labels)
    manager["spec"]["containers"] = [
        {"name": "alertmanager", "image": "quay.io/prometheus/alertmanager:v0.25.0"}
    ]
    leads = service("alertmanager-main", ports=[{"name": "web", "port": 9093}], selector=labels)
    firing = {
        "labels": {
            "alertname": "KubePodNotReady",
            "namespace": "shop",
            "pod": WEB[0],
            "severity": "critical",
        },
        "annotations": {"description": "Pod is not ready."},
        "startsAt": "2026-11-23T11:40:00.000Z",
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }
    with answering({"api/v2/alerts": [firing]}) as server:
        run = live(
            [*cluster_objects(), manager, leads],
            "deployment/web",
            services={
                "monitoring/prometheus-k8s": "http://127.0.0.1:9",
                "monitoring/alertmanager-main": server.url,
            },
        )
        assert server.asked[0][1] == {"active": "true", "silenced": "false", "inhibited": "false"}
    one = run.live.one("AlertsFiring")
    assert one.summary == 'Alert KubePodNotReady fires about shop/deployment/web: "Pod is not ready".'
    assert one.facts["where"] == "Alertmanager monitoring/alertmanager-main:9093"
    assert [(mark.kind, mark.lane, mark.at.minute) for mark in run.live.steps["MT-08"].marks] == [
        ("alert", "deployment/web", 40)
    ]
    assert essence(run.again()) == essence(run.live)


def test_alerts_that_only_inform_are_no_warning(live: Callable[..., Run]) -> None:
    labels = {"alertname": "CPUThrottlingHigh", "namespace": "shop", "pod": WEB[0], "severity": "info"}
    alerts = success({"alerts": [{"labels": labels, "annotations": {}, "state": "firing"}]})
    with answering(made({"api/v1/alerts": alerts})) as server:
        run = run_made(live, server)
    assert run.live.one("AlertsFiring").severity == "info"


@pytest.mark.parametrize(
    ("labels", "about"),
    [
        ({"namespace": "shop", "pod": WEB[0]}, True),
        ({"namespace": "shop", "persistentvolumeclaim": "web-data"}, True),
        ({"namespace": "shop", "replicaset": "web-5d4f7c9b8d"}, True),
        # Scraped without honorLabels, kube-state-metrics' own names come in front.
        (
            {"namespace": "monitoring", "pod": "ksm", "exported_namespace": "shop", "exported_pod": WEB[0]},
            True,
        ),
        ({"namespace": "shop", "persistentvolumeclaim": "other"}, False),
        ({"namespace": "shop", "statefulset": "web"}, False),
        ({"namespace": "shop"}, False),
        ({"pod": WEB[0]}, False),
        ({}, False),
    ],
)
def test_an_alert_is_about_a_workload_by_what_it_names(
    live: Callable[..., Run], labels: dict[str, str], about: bool
) -> None:
    items = cluster_objects()
    first = next(one for one in items if one["metadata"]["name"] == WEB[0])
    first["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "web-data"}}]
    fires = {"labels": {"alertname": "Made", **labels}, "annotations": {}, "state": "firing"}
    with answering(made({"api/v1/alerts": success({"alerts": [fires]})})) as server:
        run = live(items, "deployment/web", services={"monitoring/prometheus-k8s": server.url})
    assert ("AlertsFiring" in run.live.codes()) is about


def test_hostile_alert_texts_are_only_texts(live: Callable[..., Run]) -> None:
    labels = {"alertname": '<img src=x onerror=alert(1)>"; rm -rf /', "namespace": "shop", "severity": "x"}
    annotations = {"summary": "{{ 7 * 7 }}\n" + "a" * 5000, "runbook_url": "javascript:alert(1)"}
    alerts = success({"alerts": [{"labels": labels, "annotations": annotations, "state": "firing"}]})
    with answering(made({"api/v1/alerts": alerts})) as server:
        one = run_made(live, server, "").live.one("AlertsFiring")
    assert "{{ 7 * 7 }}" in one.summary
    assert len(one.summary) < 800
    assert all("javascript" not in step.why for step in one.next)


def test_what_cannot_be_scraped_is_told_with_the_reason(live: Callable[..., Run]) -> None:
    down = {"__name__": "up", "job": "web", "instance": "10.0.0.7:8080", "namespace": "shop", "pod": WEB[0]}

    def instant(query: dict[str, str]) -> Any:
        counting = query["query"].startswith("count_values")
        return vector(({"up": "1"}, "8"), ({"up": "0"}, "1")) if counting else vector((down, "0"))

    target = {"labels": down, "health": "down", "lastError": "connection refused", "scrapeUrl": "http://x/"}
    answers = made({"api/v1/query": instant, "api/v1/targets": success({"activeTargets": [target]})})
    with answering(answers) as server:
        run = run_made(live, server)
    one = run.live.one("ScrapeFailing")
    assert one.severity == "info"
    assert one.summary.endswith(": connection refused.")
    assert "scrapes 9 targets, 1 of them without success" in run.notes("MT-09")
    assert one.next[0].command.startswith("kubectl get --raw")
    assert essence(run.again()) == essence(run.live)


def test_an_address_that_is_none_stops_the_run_before_it_begins(live: Callable[..., Run]) -> None:
    with pytest.raises(AssertionError, match="is no address that can be asked"):
        live(cluster_objects(), prometheus_url="https://user:pw@prometheus")


def test_secrets_in_labels_do_not_reach_the_case(live: Callable[..., Run], tmp_path: Path) -> None:
    import zipfile

    secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
    labels = {"alertname": "Leaky", "namespace": "shop", "severity": "warning", "token": secret}
    alerts = success({"alerts": [{"labels": labels, "annotations": {"summary": secret}, "state": "firing"}]})
    with answering(made({"api/v1/alerts": alerts})) as server:
        run = run_made(live, server, "")
    assert secret not in str(essence(run.live))
    with zipfile.ZipFile(tmp_path / "recorded.zip") as archive:
        assert all(secret.encode() not in archive.read(name) for name in archive.namelist())
