"""Telepresence's own parts: traffic manager, injector webhook, agents, what is left behind, and the client.

All of Telepresence here is made, not recorded: tests/support/made_telepresence.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Diagnosis
from tests.support.made_cases import ago, ended, make_case, workload
from tests.support.made_telepresence import (
    CURL_ANSWERED,
    STATUS_TEXT,
    VERSIONS,
    agent_pod,
    check_words,
    injector,
    installed,
    manager,
    plain_pod,
    swapped,
    transcript,
    web,
    write_log,
    written,
)

DAY = 86_400
Items = list[dict[str, Any]]


@pytest.fixture
def look(examine: Callable[..., Diagnosis], tmp_path: Path) -> Callable[..., Diagnosis]:
    """The guide on made objects, with pasted output when given."""

    def run(items: Items, target: str = "service/web", *, pasted: str = "", **options: Any) -> Diagnosis:
        if pasted:
            name = "pasted.json" if pasted.startswith("{") else "pasted.txt"
            options["transcripts"] = written(tmp_path, pasted, name)
        found = examine(items, target, guide="telepresence", **options)
        check_words(found)
        return found

    return run


# A cluster without it, and ordinary life with it.


def test_a_cluster_without_telepresence_says_so_once_and_is_silent(look: Callable[..., Diagnosis]) -> None:
    for target in ("", "service/web", "deployment/web"):
        found = look([*web(), plain_pod()], target)
        assert found.codes() == {"TrafficManagerMissing"}, target
        assert found.one("TrafficManagerMissing").severity == "info"
        assert found.one("TrafficManagerMissing").confidence == "confirmed"


def test_agents_without_an_intercept_are_ordinary(look: Callable[..., Diagnosis]) -> None:
    for kind in ("Deployment", "StatefulSet"):
        found = look([*installed(kind=kind), *web(), agent_pod()], "")
        assert found.serious() == set()
        assert {"TrafficManagerReady", "AgentWebhookReady", "TrafficAgentActive"} <= found.codes()
        assert found.one("TrafficAgentActive").severity == "info"
        assert "Service web" in found.one("TrafficAgentActive").summary


def test_an_agent_that_starts_or_goes_is_no_trouble(look: Callable[..., Diagnosis]) -> None:
    waiting = {"name": "traffic-agent", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
    starting = agent_pod("web-1", age=30, agent=waiting, ready=False)
    going = agent_pod("web-2", agent=waiting, ready=False, deletionTimestamp=ago(-20))
    done = agent_pod(
        "web-3", init={"name": "tel-agent-init", "ready": True, "state": {"terminated": ended(0)}}
    )
    found = look([*installed(), *web(replicas=3), starting, going, done], "")
    assert "TrafficAgentUnhealthy" not in found.codes()


def test_a_manager_that_is_being_installed_is_no_trouble(look: Callable[..., Diagnosis]) -> None:
    found = look([*manager(ready=0, age=20), *injector(ready=False), *web(), plain_pod()], "")
    assert found.serious() == set()


# The traffic manager and its webhook.


def test_a_manager_that_is_not_available_is_told_and_its_pods_say_why(look: Callable[..., Diagnosis]) -> None:
    items = [*manager(ready=0), *injector(ready=False), *web(), agent_pod()]
    items[1]["status"]["containerStatuses"][0] |= {
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}},
    }
    found = look(items)
    assert found.one("TrafficManagerUnhealthy").severity == "warning"
    assert "1 pod here depends" in found.one("TrafficManagerUnhealthy").summary
    assert found.headline is not None
    assert found.headline.code not in ("TrafficManagerUnhealthy", "AgentWebhookBroken")
    assert found.headline.subject.name == "traffic-manager-0"


def test_a_webhook_that_fails_closed_without_endpoints_stops_every_pod(
    look: Callable[..., Diagnosis],
) -> None:
    found = look([*manager(), *injector(ready=False, policy="Fail"), *web(), plain_pod()])
    one = found.one("AgentWebhookBroken")
    assert one.severity == "critical"
    assert "no pod is created" in one.summary
    assert found.headline is one
    assert "/webhooks/0/failurePolicy" in one.next[0].command


def test_the_usual_webhook_without_endpoints_only_leaves_agents_out(look: Callable[..., Diagnosis]) -> None:
    one = look([*manager(), *injector(ready=False), *web(), plain_pod()]).one("AgentWebhookBroken")
    assert one.severity == "warning"
    assert "without traffic agent" in one.summary


def test_a_webhook_whose_manager_is_gone_was_left_behind(look: Callable[..., Diagnosis]) -> None:
    place = {"kind": "Namespace", "metadata": {"name": "ambassador", "uid": "uid-ambassador"}}
    one = look([place, *injector(service=False), *web(), plain_pod()]).one("AgentWebhookBroken")
    assert "does not exist" in one.summary
    assert (
        one.next[0].command == "kubectl delete mutatingwebhookconfiguration agent-injector-webhook-ambassador"
    )


def test_the_webhooks_of_others_are_none_of_ours(look: Callable[..., Diagnosis]) -> None:
    other = injector(service=False)
    other[0]["metadata"] = {"name": "sidecar-injector", "uid": "x"}
    other[0]["webhooks"][0]["name"] = "namespace.sidecar-injector.istio.io"
    assert look([*other, *web(), plain_pod()]).codes() == {"TrafficManagerMissing"}


def test_a_certificate_the_api_server_refuses_is_read_from_the_managers_log(tmp_path: Path) -> None:
    line = "error http: TLS handshake error from 10.0.0.1:41000: remote error: tls: bad certificate"
    case = make_case(tmp_path / "case", [*installed(), *web(), plain_pod()])
    write_log(
        case, [(600, line)], pod_name="traffic-manager-0", container="traffic-manager", namespace="ambassador"
    )
    found = Diagnosis(case, "service/web", "shop", guide="telepresence")
    assert found.one("AgentWebhookCertificate").severity == "warning"
    write_log(
        case,
        [(9000, line)],
        pod_name="traffic-manager-0",
        container="traffic-manager",
        namespace="ambassador",
    )
    old = Diagnosis(case, "service/web", "shop", guide="telepresence")
    assert "AgentWebhookCertificate" not in old.codes()


def test_what_could_not_be_read_is_not_called_absent(look: Callable[..., Diagnosis]) -> None:
    blind = ("Deployment", "StatefulSet", "MutatingWebhookConfiguration")
    found = look([*web()[1:], agent_pod()], "", without=blind)
    assert "TrafficManagerUnknown" in found.codes()
    assert not {"TrafficManagerMissing", "TrafficAgentLeftBehind"} & found.codes()
    assert found.serious() == set()


def test_a_manager_in_another_namespace_is_found(look: Callable[..., Diagnosis]) -> None:
    found = look([*installed(namespace="tools"), *web(), plain_pod()])
    assert found.one("TrafficManagerReady").subject.namespace == "tools"
    assert "--manager-namespace tools" in found.one("InterceptPreconditionsOk").next[0].command


# Agents.


def crashing(reason: str = "CrashLoopBackOff") -> dict[str, Any]:
    return {
        "name": "traffic-agent",
        "ready": False,
        "restartCount": 9,
        "state": {"waiting": {"reason": reason, "message": "back-off 5m0s restarting failed container"}},
        "lastState": {"terminated": ended(1)},
    }


def test_an_agent_that_crashes_takes_a_sound_application_out(look: Callable[..., Diagnosis]) -> None:
    found = look([*installed(), *web(), agent_pod(agent=crashing(), ready=False)])
    one = found.one("TrafficAgentUnhealthy")
    assert one.severity == "critical"
    assert "although the application itself is ready" in one.summary
    assert any("telepresence uninstall web" in step.command for step in one.next)
    assert found.headline is one
    assert "ContainerExitedError" in found.codes()


def test_one_sick_agent_among_sound_ones_is_less_grave(look: Callable[..., Diagnosis]) -> None:
    items = [
        *installed(),
        *web(replicas=2),
        agent_pod("web-1", agent=crashing(), ready=False),
        agent_pod("web-2"),
    ]
    assert look(items).one("TrafficAgentUnhealthy").severity == "warning"


def test_an_agent_that_runs_and_is_not_ready_is_the_headline(look: Callable[..., Diagnosis]) -> None:
    idle = {
        "name": "traffic-agent",
        "ready": False,
        "restartCount": 0,
        "state": {"running": {"startedAt": ago(3000)}},
    }
    found = look([*installed(), *web(), agent_pod(agent=idle, ready=False)])
    assert found.headline is found.one("TrafficAgentUnhealthy")


def test_the_init_container_of_an_agent_counts_too(look: Callable[..., Diagnosis]) -> None:
    init = {"name": "tel-agent-init", "ready": False, "restartCount": 4, "state": {"terminated": ended(1)}}
    found = look([*installed(), *web(), agent_pod(init=init, ready=False)])
    assert found.one("TrafficAgentUnhealthy").subject.container == "tel-agent-init"


def test_an_application_that_crashes_beside_a_sound_agent_is_another_runbooks(
    look: Callable[..., Diagnosis],
) -> None:
    items = [*installed(), *web(), agent_pod(ready=False)]
    items[-1]["status"]["containerStatuses"][0] = crashing() | {"name": "app"}
    assert look(items).serious() == set()


def test_versions_are_compared(look: Callable[..., Diagnosis]) -> None:
    skewed = look([*installed(version="2.24.1"), *web(), agent_pod(version="2.23.0")])
    assert "2.24.1" in skewed.one("TelepresenceVersionSkew").summary
    mixed = look([*installed(), *web(replicas=2), agent_pod("web-1"), agent_pod("web-2", version="2.22.0")])
    assert "TrafficAgentVersionsMixed" in mixed.codes()
    same = look([*installed(), *web(), agent_pod()])
    assert not {"TelepresenceVersionSkew", "TrafficAgentVersionsMixed"} & same.codes()
    assert skewed.serious() | mixed.serious() | same.serious() == set()


def test_a_template_that_asks_for_an_agent_and_has_none_is_told(look: Callable[..., Diagnosis]) -> None:
    asks = {"telepresence.io/inject-traffic-agent": "enabled"}
    one = look([*installed(), *web(annotations=asks), plain_pod()]).one("TrafficAgentNotInjected")
    assert one.severity == "info"
    former = {"telepresence.getambassador.io/inject-traffic-agent": "enabled"}
    assert "TrafficAgentNotInjected" in look([*installed(), *web(annotations=former), plain_pod()]).codes()
    assert "TrafficAgentNotInjected" not in look([*installed(), *web(), plain_pod()]).codes()


# What is left behind.


def test_an_agent_without_a_manager_was_left_behind(look: Callable[..., Diagnosis]) -> None:
    one = look([*web(), agent_pod()]).one("TrafficAgentLeftBehind")
    assert one.severity == "warning"
    assert one.next[0].command == "kubectl rollout restart deployment/web -n shop"
    assert one.next[0].changes


def test_an_agent_in_the_template_itself_comes_back_with_every_pod(look: Callable[..., Diagnosis]) -> None:
    items = [*web(), agent_pod()]
    items[0]["spec"]["template"]["spec"]["containers"].append(
        {"name": "traffic-agent", "image": "tel2:2.5.4"}
    )
    one = look(items).one("TrafficAgentLeftBehind")
    assert "kubectl edit deployment/web" in one.next[0].command


def test_agents_that_go_with_a_rollout_are_on_their_way(look: Callable[..., Diagnosis]) -> None:
    items = [*web(replicas=2), agent_pod()]
    items[0]["status"] |= {"observedGeneration": 4, "updatedReplicas": 1}
    assert look(items).one("TrafficAgentLeftBehind").severity == "info"


def test_configuration_of_a_manager_that_is_gone_is_told(look: Callable[..., Diagnosis]) -> None:
    config = {
        "kind": "ConfigMap",
        "metadata": {"name": "telepresence-agents", "namespace": "shop", "uid": "u"},
        "data": {"web": "agentName: web\nnamespace: shop\n"},
    }
    assert look([*web(), plain_pod(), config]).one("AgentConfigLeftBehind").facts["workloads"] == ["web"]
    assert "AgentConfigLeftBehind" not in look([*installed(), *web(), plain_pod(), config]).codes()


def test_a_deployment_swapped_by_telepresence_one_and_forgotten_is_critical(
    look: Callable[..., Diagnosis],
) -> None:
    found = look(swapped(), "")
    one = found.one("SwappedDeploymentLeft")
    assert one.severity == "critical"
    assert found.headline is one
    assert one.next[0].command == "kubectl scale deployment/web -n shop --replicas=1"
    assert look(swapped(age=3600), "").serious() == set()
    labelled = workload("Deployment", "web")
    labelled["metadata"]["labels"] = {"telepresence": "yes"}
    assert "SwappedDeploymentLeft" not in look([labelled], "").codes()


# The workstation.


def test_versions_and_status_of_a_client_are_read(look: Callable[..., Diagnosis]) -> None:
    for text in (VERSIONS, STATUS_TEXT):
        one = look([*installed(), *web(), plain_pod()], pasted=text).one("TelepresenceClientKnown")
        assert "2.23.0" in one.summary
    assert "TelepresenceClientUnknown" in look([*installed(), *web(), plain_pod()]).codes()


def test_a_client_that_is_too_new_for_the_manager_is_told(look: Callable[..., Diagnosis]) -> None:
    items = [*installed(version="2.20.2"), *web(), plain_pod()]
    found = look(items, pasted="OSS Client : v2.25.0\nUser Daemon: not running\n")
    assert found.one("TelepresenceManagerTooOld").severity == "warning"
    fine = look(items, pasted="OSS Client : v2.24.1\nUser Daemon: not running\n")
    assert fine.serious() == set()


def test_any_http_status_of_the_api_server_is_an_answer(look: Callable[..., Diagnosis]) -> None:
    found = look([*installed(), *web(), plain_pod()], pasted=CURL_ANSWERED)
    assert "HTTP 401" in found.one("ClusterServiceReachable").summary
    recorded = transcript("curl -ik https://kubernetes.default", "HTTP/2 403 \ncontent-type: json\n")
    again = look([*installed(), *web(), plain_pod()], pasted=recorded)
    assert "HTTP 403" in again.one("ClusterServiceReachable").summary
    assert found.serious() | again.serious() == set()


def test_a_cluster_that_does_not_answer_the_workstation_is_told(look: Callable[..., Diagnosis]) -> None:
    pasted = "$ curl -ik https://kubernetes.default\ncurl: (6) Could not resolve host: kubernetes.default\n"
    one = look([*installed(), *web(), plain_pod()], pasted=pasted).one("ClusterServiceUnreachable")
    assert one.severity == "warning"
    assert "Could not resolve host" in one.summary
    other = look([*installed(), *web(), plain_pod()], pasted="$ curl -s https://example.com\ncurl: (6) no\n")
    assert "ClusterServiceUnreachable" not in other.codes()
