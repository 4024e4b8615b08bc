"""DP-09: probes that fail, and what a failure proves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks.guides.pods.probes import answer_text, probe_text
from kuberunbooks.objects import Event, Probe
from kuberunbooks.objects.container import ExecAction, GrpcAction, HttpGetAction, TcpSocketAction
from tests.support.containers import container, container_event, ran, sick_pod
from tests.support.made_cases import ago, node, owner, pod, workload

HTTP = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10, "failureThreshold": 3}
REFUSED = (
    'Liveness probe failed: Get "http://10.0.0.1:8080/": dial tcp 10.0.0.1:8080: connect: connection refused'
)
KILL = "Container app failed liveness probe, will be restarted"
NOT_FOUND = "Readiness probe failed: HTTP probe failed with statuscode: 404"


def probed(
    kind: str, status: dict[str, Any], *, ports: tuple[int, ...] = (), sick: bool = True, **options: Any
) -> Any:
    spec = [
        {
            "name": "app",
            "image": "a",
            f"{kind}Probe": HTTP,
            "ports": [{"containerPort": port} for port in ports],
        }
    ]
    if sick:
        return sick_pod(status, containers=spec, **options)
    return pod(containers=[status], spec={"containers": spec}, **options)


def alive(*, since: float = 3000, restarts: int = 0, last: dict[str, Any] | None = None) -> dict[str, Any]:
    return container(running=since, ready=True, restarts=restarts, last=last)


def test_a_failing_liveness_probe_below_its_threshold_claims_no_restart(examine: Callable[..., Any]) -> None:
    web = probed("liveness", alive(), sick=False)
    found = examine([web, node(), container_event(web, "Unhealthy", REFUSED, at=5, count=2)], "pod/web-1")
    one = found.one("LivenessProbeFailing")
    assert one.severity == "warning"
    assert "it has not been restarted for it" in one.summary
    assert "killed" not in one.summary


def test_a_liveness_kill_proven_by_its_event_is_critical_and_explains_the_exit(
    examine: Callable[..., Any],
) -> None:
    status = container(waiting=("CrashLoopBackOff", "back-off"), last=ran(137, at=30), restarts=4)
    web = probed("liveness", status)
    failing = container_event(web, "Unhealthy", REFUSED, at=35, first=300, count=12)
    kill = container_event(web, "Killing", KILL, at=35, first=290, count=4, type_="Normal")
    found = examine([web, node(), failing, kill], "pod/web-1")
    one = found.headline
    assert (one.code, one.severity, one.confidence) == ("LivenessProbeFailing", "critical", "confirmed")
    assert "killed and restarted, because its liveness probe http GET :8080/healthz fails" in one.summary
    assert "(connection refused)" in one.summary
    assert not {"ContainerSigkilled", "ContainerExitedError"} & found.codes()


def test_a_restart_after_the_failures_makes_a_kill_likely_without_its_event(
    examine: Callable[..., Any],
) -> None:
    web = probed("liveness", container(waiting=("CrashLoopBackOff", ""), last=ran(143, at=30), restarts=2))
    failing = container_event(web, "Unhealthy", REFUSED, at=60, first=300, count=6)
    one = examine([web, node(), failing], "pod/web-1").one("LivenessProbeFailing")
    assert (one.severity, one.confidence) == ("critical", "likely")


def test_an_application_error_after_failed_probes_is_not_blamed_on_them(examine: Callable[..., Any]) -> None:
    web = probed("liveness", container(waiting=("CrashLoopBackOff", ""), last=ran(1, at=30), restarts=2))
    failing = container_event(web, "Unhealthy", REFUSED, at=60, first=300, count=6)
    found = examine([web, node(), failing], "pod/web-1")
    assert found.headline.code == "ContainerExitedError"


def test_a_program_that_answers_the_kill_with_its_own_code_is_explained_by_it(
    examine: Callable[..., Any],
) -> None:
    web = probed("liveness", container(waiting=("CrashLoopBackOff", ""), last=ran(1, at=30), restarts=2))
    failing = container_event(web, "Unhealthy", REFUSED, at=40, first=300, count=6)
    kill = container_event(web, "Killing", KILL, at=40, type_="Normal")
    found = examine([web, node(), failing, kill], "pod/web-1")
    assert found.headline.code == "LivenessProbeFailing"
    assert "ContainerExitedError" not in found.codes()


def test_a_kill_explains_later_kills_whose_events_were_dropped(examine: Callable[..., Any]) -> None:
    web = probed("liveness", container(waiting=("CrashLoopBackOff", ""), last=ran(137, at=30), restarts=9))
    failing = container_event(web, "Unhealthy", REFUSED, at=500, first=2000, count=25)
    kill = container_event(web, "Killing", KILL, at=500, type_="Normal", count=8)
    found = examine([web, node(), failing, kill], "pod/web-1")
    assert found.headline.code == "LivenessProbeFailing"
    assert "ContainerSigkilled" not in found.codes()


def test_one_failed_answer_that_was_followed_by_good_ones_is_no_finding(examine: Callable[..., Any]) -> None:
    web = probed("liveness", alive(), sick=False)
    failing = container_event(web, "Unhealthy", REFUSED, at=200, count=1)
    assert examine([web, node(), failing]).serious() == set()


def test_a_probe_that_failed_before_a_long_clean_run_is_history(examine: Callable[..., Any]) -> None:
    web = probed("liveness", alive(since=1500, restarts=1, last=ran(137, at=1510)), sick=False)
    failing = container_event(web, "Unhealthy", REFUSED, at=1520, count=9)
    kill = container_event(web, "Killing", KILL, at=1520, type_="Normal")
    assert "LivenessProbeFailing" not in examine([web, node(), failing, kill]).codes()


@pytest.mark.parametrize(
    ("ports", "words"),
    [((80,), "asks port 8080, but the container declares 80"), ((), "declares no port to compare")],
)
def test_the_probes_port_is_compared_with_the_declared_ones(
    ports: tuple[int, ...], words: str, examine: Callable[..., Any]
) -> None:
    web = probed("liveness", alive(), ports=ports, sick=False)
    failing = container_event(web, "Unhealthy", REFUSED, at=5, count=3)
    assert words in examine([web, node(), failing], "pod/web-1").one("LivenessProbeFailing").explanation


def test_a_declared_port_is_not_called_undeclared(examine: Callable[..., Any]) -> None:
    web = probed("liveness", alive(), ports=(8080,), sick=False)
    failing = container_event(web, "Unhealthy", REFUSED, at=5, count=3)
    one = examine([web, node(), failing], "pod/web-1").one("LivenessProbeFailing")
    assert one.facts["port_undeclared"] is False


def test_a_count_that_writers_cut_off_is_only_a_lower_bound(examine: Callable[..., Any]) -> None:
    web = probed("liveness", alive(), sick=False)
    failing = container_event(web, "Unhealthy", REFUSED, at=5, count=25)
    assert (
        "At least 25 failures"
        in examine([web, node(), failing], "pod/web-1").one("LivenessProbeFailing").explanation
    )


def test_a_startup_probe_that_fails_while_it_starts_is_normal(examine: Callable[..., Any]) -> None:
    web = probed("startup", container(running=20, started=False), started=25)
    failing = container_event(web, "Unhealthy", "Startup probe failed: cat: no such file", at=3, count=2)
    assert "StartupProbeFailing" not in examine([web, node(), failing], "pod/web-1").codes()


def test_a_startup_probe_that_kills_gives_its_budget(examine: Callable[..., Any]) -> None:
    web = probed("startup", container(running=20, started=False, restarts=3, last=ran(137, at=25)))
    failing = container_event(
        web, "Unhealthy", "Startup probe failed: cat: no such file", at=3, first=300, count=20
    )
    kill = container_event(
        web, "Killing", KILL.replace("liveness", "startup"), at=25, type_="Normal", count=3
    )
    found = examine([web, node(), failing, kill], "pod/web-1")
    assert found.headline.code == "StartupProbeFailing"
    assert "has not succeeded within 30 s (cat: no such file); 3 restarts" in found.headline.summary
    assert not {"ContainerSigkilled", "ReadinessProbeFailing"} & found.codes()


def unready(since: float = 3000) -> dict[str, Any]:
    return container(running=since, ready=False)


def test_a_readiness_probe_that_fails_does_not_restart_and_is_critical_when_nobody_serves(
    examine: Callable[..., Any],
) -> None:
    web = probed("readiness", unready())
    found = examine([web, node(), container_event(web, "Unhealthy", NOT_FOUND, at=5, count=25)], "pod/web-1")
    assert found.headline.code == "ReadinessProbeFailing"
    assert found.headline.severity == "critical"
    assert "runs but is not ready: its readiness probe http GET :8080/healthz fails (HTTP 404)" in (
        found.headline.summary
    )
    assert "not restarted for it" in found.headline.explanation


def test_a_readiness_failure_is_a_warning_while_another_replica_serves(examine: Callable[..., Any]) -> None:
    web = probed("readiness", unready(), ownerReferences=owner("ReplicaSet", "web"))
    above = workload("ReplicaSet", "web", replicas=2)
    above["status"]["readyReplicas"] = 1
    failing = container_event(web, "Unhealthy", NOT_FOUND, at=5, count=5)
    one = examine([web, node(), above, failing], "pod/web-1").one("ReadinessProbeFailing")
    assert one.severity == "warning"
    assert "no replica is ready" not in one.summary


def test_a_readiness_failure_right_after_the_start_is_normal(examine: Callable[..., Any]) -> None:
    web = probed("readiness", unready(since=15), started=20)
    failing = container_event(web, "Unhealthy", NOT_FOUND, at=3)
    assert "ReadinessProbeFailing" not in examine([web, node(), failing], "pod/web-1").codes()


def test_a_readiness_failure_before_the_pod_was_ready_is_history(examine: Callable[..., Any]) -> None:
    web = probed("readiness", alive(), sick=False)
    assert examine([web, node(), container_event(web, "Unhealthy", NOT_FOUND, at=2900)]).serious() == set()


def test_a_readiness_probe_whose_events_are_gone_claims_no_answer(examine: Callable[..., Any]) -> None:
    one = examine([probed("readiness", unready()), node()], "pod/web-1").one("ReadinessProbeFailing")
    assert "has not succeeded" in one.summary
    assert "events with its last answer are gone" in one.explanation


@pytest.mark.parametrize("ready", ["Unknown", "False"])
def test_a_lost_nodes_pod_is_not_blamed_on_its_probe(ready: str, examine: Callable[..., Any]) -> None:
    web = probed("readiness", unready())
    assert "ReadinessProbeFailing" not in examine([web, node(ready=ready)], "pod/web-1").codes()


def test_a_node_that_cannot_be_read_does_not_hide_the_probe(examine: Callable[..., Any]) -> None:
    web = probed("readiness", unready())
    assert "ReadinessProbeFailing" in examine([web], "pod/web-1", without=("Node",)).codes()


def gated(state: str | None) -> dict[str, Any]:
    gate = "target-health.elb.k8s.aws/web"
    conditions = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "ContainersReady", "status": "True"},
        {
            "type": "Ready",
            "status": "False",
            "reason": "ReadinessGatesNotReady",
            "lastTransitionTime": ago(900),
        },
    ]
    if state is not None:
        conditions.append({"type": gate, "status": state, "message": "registering"})
    return pod(status={"conditions": conditions}, spec={"readinessGates": [{"conditionType": gate}]})


def test_a_readiness_gate_nobody_sets_is_named(examine: Callable[..., Any]) -> None:
    one = examine([gated(None), node()], "pod/web-1").one("ReadinessGateUnmet")
    assert "target-health.elb.k8s.aws/web has not been set by anybody" in one.summary


def test_a_readiness_gate_that_is_false_is_quoted(examine: Callable[..., Any]) -> None:
    assert (
        "is False (registering)"
        in examine([gated("False"), node()], "pod/web-1").one("ReadinessGateUnmet").summary
    )


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        (Probe(http_get=HttpGetAction(path="/up", port="web", scheme="HTTPS")), "https GET :web/up"),
        (Probe(tcp_socket=TcpSocketAction(port=5432)), "tcp :5432"),
        (Probe(grpc=GrpcAction(port=9000)), "grpc :9000"),
        (Probe(exec=ExecAction(command=["sh", "-c", "a b"])), "exec sh -c 'a b'"),
        (Probe(), ""),
        (None, ""),
    ],
)
def test_a_probe_is_said_in_one_line(probe: Probe | None, text: str) -> None:
    assert probe_text(probe) == text


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (NOT_FOUND, "HTTP 404"),
        (REFUSED, "connection refused"),
        (
            'Liveness probe failed: Get "http://x": context deadline exceeded (Client.Timeout exceeded)',
            "no answer within 2 s",
        ),
        (
            'Startup probe errored and resulted in unknown state: rpc error: command "a" timed out',
            "no answer within 2 s",
        ),
        ("Readiness probe failed: not yet", "not yet"),
        ("something new", ""),
    ],
)
def test_an_answer_is_said_in_a_few_words(message: str, answer: str) -> None:
    assert answer_text(Event(message=message), Probe(timeout_seconds=2)) == answer


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("deployment/gateway", ("liveness", ":8080/", "connection refused", "killed and restarted")),
        ("deployment/catalog", ("readiness", "/healthz", "HTTP 404", "no replica is ready")),
        ("pod/slowstart", ("startup", "cat /tmp/ready", "killed and restarted")),
    ],
)
def test_the_recorded_probe_incidents_are_named_as_a_colleague_would(
    target: str, words: tuple[str, ...], diagnose: Callable[..., Any]
) -> None:
    found = diagnose("probes", target)
    assert all(word in found.headline.summary for word in words), found.headline.summary


def test_the_recorded_readiness_failure_claims_no_restart(diagnose: Callable[..., Any]) -> None:
    found = diagnose("probes", "deployment/catalog")
    assert not {"CrashLoop", "LivenessProbeFailing"} & found.codes()
