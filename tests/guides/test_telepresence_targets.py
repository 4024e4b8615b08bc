"""What can be intercepted and what cannot, and the commands for it.

All of Telepresence here is made, not recorded: tests/support/made_telepresence.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Diagnosis
from tests.support.made_telepresence import (
    agent_pod,
    check_words,
    injector,
    installed,
    manager,
    plain_pod,
    web,
)


@pytest.fixture
def look(examine: Callable[..., Diagnosis]) -> Callable[..., Diagnosis]:
    """The guide on made objects."""

    def run(items: list[dict[str, Any]], target: str, **options: Any) -> Diagnosis:
        found = examine(items, target, guide="telepresence", **options)
        check_words(found)
        return found

    return run


def commands(found: Diagnosis) -> list[str]:
    return [step.command for step in found.one("InterceptPreconditionsOk").next]


def reasons(found: Diagnosis) -> dict[str, str]:
    return {
        one.facts["reason"]: one.severity
        for one in found.findings
        if one.code == "InterceptTargetUnsupported"
    }


def test_all_commands_for_a_service_are_complete(look: Callable[..., Diagnosis]) -> None:
    found = look([*installed(), *web(), plain_pod()], "service/web")
    assert commands(found) == [
        "telepresence connect --namespace shop",
        "telepresence wiretap web --service web --port 8080:http",
        "telepresence intercept web --service web --port 8080:http",
        "telepresence leave web",
        "telepresence uninstall web",
        "telepresence quit --stop-daemons",
    ]
    changing = [step.changes for step in found.one("InterceptPreconditionsOk").next]
    assert changing == [False, True, True, True, True, True]
    assert "restarted once" in found.one("InterceptPreconditionsOk").summary
    assert found.headline is found.one("InterceptPreconditionsOk")


def test_ports_are_those_that_were_asked_for(look: Callable[..., Diagnosis]) -> None:
    items = [*installed(), *web(), plain_pod()]
    ports = items[-2]["spec"]["ports"]
    ports.append({"port": 53, "targetPort": 8080, "protocol": "TCP"})
    found = look(items, "service/web", local_port=9000, remote_port="53")
    assert "telepresence intercept web --service web --port 9000:53" in commands(found)
    named = look(items, "service/web", remote_port="http")
    assert "telepresence intercept web --service web --port 8080:http" in commands(named)
    wrong = look(items, "service/web", remote_port="grpc").one("InterceptPortMismatch")
    assert wrong.severity == "warning"
    assert "http 80/TCP" in wrong.summary


def test_pods_that_have_an_agent_are_not_restarted(look: Callable[..., Diagnosis]) -> None:
    found = look([*installed(), *web(), agent_pod()], "service/web")
    assert "restarted" not in found.one("InterceptPreconditionsOk").summary


def test_an_older_release_gets_the_commands_it_knows(look: Callable[..., Diagnosis]) -> None:
    found = look([*installed(version="2.20.2"), *web(), plain_pod()], "service/web")
    assert not any("wiretap" in command for command in commands(found))
    assert "telepresence uninstall --agent web" in commands(found)


def test_a_workload_is_found_by_its_service_and_the_other_way_round(look: Callable[..., Diagnosis]) -> None:
    for target in ("deployment/web", "pod/web-1", "app=web", "web"):
        assert "telepresence intercept web --service web --port 8080:http" in commands(
            look([*installed(), *web(), plain_pod()], target)
        ), target


@pytest.mark.parametrize("service", [{"clusterIP": "None"}, {}])
def test_headless_and_numeric_ports_need_the_init_container(
    service: dict[str, Any], look: Callable[..., Diagnosis]
) -> None:
    items = web(target_port="http" if service else 8080, **service)
    found = look([*installed(), *items, plain_pod()], "service/web")
    assert "NET_ADMIN" in found.one("InterceptPreconditionsOk").explanation
    assert reasons(found) == {}
    plain = look([*installed(), *web(), plain_pod()], "service/web")
    assert "NET_ADMIN" not in plain.one("InterceptPreconditionsOk").explanation


def namespace(level: str) -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": level}
    return {"kind": "Namespace", "metadata": {"name": "shop", "uid": "uid-shop", "labels": labels}}


def test_a_namespace_that_forbids_the_init_container_would_lose_its_pods(
    look: Callable[..., Diagnosis],
) -> None:
    numeric = [*installed(), *web(target_port=8080), plain_pod()]
    assert reasons(look([*numeric, namespace("baseline")], "service/web")) == {"init-forbidden": "warning"}
    assert reasons(look([*numeric, namespace("privileged")], "service/web")) == {}
    assert reasons(look([*installed(), *web(), plain_pod(), namespace("restricted")], "service/web")) == {}


def test_a_mesh_in_the_pods_is_told_where_rules_would_meet(look: Callable[..., Diagnosis]) -> None:
    mesh = {"sidecar.istio.io/inject": "true"}
    numeric = look([*installed(), *web(target_port=8080, annotations=mesh), plain_pod()], "service/web")
    assert "Istio" in numeric.one("InterceptPreconditionsOk").explanation
    named = look([*installed(), *web(annotations=mesh), plain_pod()], "service/web")
    assert "Istio" not in named.one("InterceptPreconditionsOk").explanation


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (web(type="ExternalName", externalName="db.example.com", selector={}), "external-name"),
        (web(selector={}), "no-selector"),
        (web(selector={"app": "other"}), "nothing-behind"),
        (web(kind="DaemonSet"), "kind"),
        (web(replicas=0), "scaled-to-zero"),
        (web(annotations={"telepresence.io/inject-traffic-agent": "disabled"}), "disabled"),
        (web(annotations={"telepresence.getambassador.io/inject-traffic-agent": "false"}), "disabled"),
    ],
)
def test_what_is_made_otherwise_cannot_be_intercepted_and_is_no_fault(
    items: list[dict[str, Any]], reason: str, look: Callable[..., Diagnosis]
) -> None:
    found = look([*installed(), *items], "service/web")
    assert reasons(found) == {reason: "info"}
    assert found.serious() == set()
    assert found.headline is not None
    assert found.headline.code == "InterceptTargetUnsupported"


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (web(target_port="grpc"), "no-port"),
        (web(target_port=9999), "no-port"),
        (web(spec={"hostNetwork": True}), "host-network"),
        (
            web(spec={"containers": [{"name": "app", "ports": [{"name": "http", "containerPort": 9900}]}]}),
            "agent-port",
        ),
    ],
)
def test_what_would_do_harm_is_a_warning(
    items: list[dict[str, Any]], reason: str, look: Callable[..., Diagnosis]
) -> None:
    assert reasons(look([*installed(), *items], "service/web")) == {reason: "warning"}


def test_a_container_that_declares_no_port_at_all_takes_a_number(look: Callable[..., Diagnosis]) -> None:
    items = web(target_port=8080, spec={"containers": [{"name": "app", "image": "shop/web:1"}]})
    assert "telepresence intercept web --service web --port 8080:http" in commands(
        look([*installed(), *items], "service/web")
    )


def test_the_managers_settings_are_followed(look: Callable[..., Diagnosis]) -> None:
    def with_env(**env: str) -> Diagnosis:
        return look([*manager(env=env), *web(target_port=8080), plain_pod()], "service/web")

    assert reasons(with_env(AGENT_INJECT_POLICY="WhenEnabled")) == {"opt-in": "info"}
    assert reasons(with_env(AGENT_INIT_CONTAINER_ENABLED="false")) == {"init-off": "info"}
    assert reasons(with_env(AGENT_PORT="8080")) == {"agent-port": "warning"}
    assert reasons(with_env(ENABLED_WORKLOAD_KINDS="StatefulSet")) == {"kind": "info"}
    assert reasons(with_env()) == {}
    only_filtered = commands(with_env(INTERCEPT_ALLOW_GLOBAL="false"))
    assert any("--http-header" in command for command in only_filtered)


def test_a_namespace_the_manager_does_not_look_after_is_told(look: Callable[..., Diagnosis]) -> None:
    selector = {
        "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["dev"]}]
    }
    found = look([*manager(), *injector(selector=selector), *web(), plain_pod()], "service/web")
    assert reasons(found) == {"namespace": "info"}


def test_a_workload_without_a_service_needs_its_ports_named(look: Callable[..., Diagnosis]) -> None:
    alone = [*installed(), web()[0], plain_pod()]
    assert reasons(look(alone, "deployment/web")) == {"no-service": "info"}
    named = [
        *installed(),
        web(annotations={"telepresence.io/inject-container-ports": "http"})[0],
        plain_pod(),
    ]
    assert "telepresence intercept web --port 8080" in commands(look(named, "deployment/web"))


def test_an_argo_rollout_needs_its_switch(look: Callable[..., Diagnosis]) -> None:
    rollout = [{"kind": "Rollout", "name": "web", "uid": "uid-ro", "controller": True}]
    made = [web()[1], plain_pod() | {}]
    made[1]["metadata"]["ownerReferences"] = rollout
    assert reasons(look([*installed(), *made], "service/web")) == {"kind": "info"}
    on = installed(env={"ARGO_ROLLOUTS_ENABLED": "true"})
    assert "telepresence intercept web --service web --port 8080:http" in commands(
        look([*on, *made], "service/web")
    )


def test_a_whole_namespace_gets_a_table_and_no_findings(look: Callable[..., Diagnosis]) -> None:
    found = look([*installed(), *web(selector={}), plain_pod()], "")
    assert reasons(found) == {}
    table = next(
        one
        for one in found.steps["TP-04"].exhibits
        if getattr(one, "caption", "") == "What could be intercepted"
    )
    assert table.rows[0][-1] == "no-selector"


def test_what_does_not_exist_is_said_as_the_services_guide_says_it(look: Callable[..., Diagnosis]) -> None:
    assert look([*installed(), *web()], "service/wbe").headline.code == "ServiceMissing"  # type: ignore[union-attr]
    assert look([*installed(), *web()], "deployment/wbe").headline.code == "WorkloadMissing"  # type: ignore[union-attr]
