"""Usage against requests, limits and what nodes have: what is high, and what only looks so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.made_metrics import look, machine, member, node_usage, pipeline, pod_usage, web


def bars(found: Any, step: str) -> Any:
    return [one for one in found.steps[step].exhibits if hasattr(one, "bars")]


def test_a_node_near_its_cpu_is_a_warning_with_the_window(tmp_path: Path) -> None:
    found = look(
        tmp_path, [*pipeline(), *web(), member(), machine(cpu="2"), node_usage(cpu="1900m"), pod_usage()]
    )
    assert found.headline.code == "NodeCpuHigh"
    assert "1900m of 2 allocatable cpu (95 %), on average over 20.044s" in found.headline.summary
    (nodes, _) = bars(found, "RM-05")
    assert nodes.bars[0].level == "warning"


def test_a_node_that_has_just_come_up_may_be_busy(tmp_path: Path) -> None:
    busy = [machine(cpu="2", since=60), node_usage(cpu="2")]
    assert look(tmp_path, [*pipeline(), *web(), member(age=50), *busy]).serious() == set()


def test_a_node_short_of_memory_is_a_warning_that_names_the_largest(tmp_path: Path) -> None:
    items = [
        *pipeline(),
        *web(),
        member(),
        machine(memory="4Gi"),
        node_usage(memory="3900Mi"),
        pod_usage(memory="3Gi"),
    ]
    found = look(tmp_path, items, namespace="-")
    assert found.headline.code == "NodeMemoryHigh"
    assert "3.8Gi of 4Gi are in use (95 %)" in found.headline.summary
    assert "the largest: web-1" in found.headline.summary


def test_what_is_reserved_for_the_system_may_be_in_use(tmp_path: Path) -> None:
    big = [machine(memory="3Gi", capacity="4Gi"), node_usage(memory="2900Mi"), pod_usage(memory="1Gi")]
    found = look(tmp_path, [*pipeline(), *web(), member(), *big], namespace="-")
    assert found.one("NodeMemoryHigh").severity == "info"
    assert "reserved for the system is in use" in found.one("NodeMemoryHigh").summary


def test_pods_that_fill_what_is_allocatable_are_in_danger_though_the_node_has_more(tmp_path: Path) -> None:
    full = [machine(memory="3Gi", capacity="4Gi"), node_usage(memory="3Gi"), pod_usage(memory="2900Mi")]
    found = look(tmp_path, [*pipeline(), *web(), member(), *full], "node/n1", namespace="-")
    assert found.one("NodeMemoryHigh").severity == "warning"
    assert "2.9Gi by pods" in found.one("NodeMemoryHigh").summary


def test_a_container_near_its_limit_is_found_by_the_rule_of_the_running_pods_guide(tmp_path: Path) -> None:
    items = [*pipeline(), *web(), member(limits={"memory": "64Mi", "cpu": "100m"}), machine(), node_usage()]
    found = look(tmp_path, [*items, pod_usage(memory="63Mi", cpu="98m")])
    assert found.serious() == {"ContainerMemoryNearLimit", "ContainerCpuAtLimit"}
    assert found.headline.code == "ContainerMemoryNearLimit"
    assert found.headline.owner == "deployment/web"


def test_bars_carry_request_and_limit_and_the_largest_user_comes_first(tmp_path: Path) -> None:
    asked, allowed = {"cpu": "100m", "memory": "64Mi"}, {"cpu": "1", "memory": "128Mi"}
    items = [
        *pipeline(),
        *web(replicas=2),
        member(requests=asked, limits=allowed),
        member("web-2"),
        machine(),
    ]
    found = look(tmp_path, [*items, node_usage(), pod_usage(cpu="50m"), pod_usage("web-2", cpu="700m")])
    _, pods = bars(found, "RM-05")
    assert [one.label for one in pods.bars] == ["web-2", "web-1"]
    assert pods.bars[0].text == "700m, no request, no limit"
    assert pods.bars[1].marks == [0.1, 1.0]
    assert pods.bars[1].text == "50m, requested 100m, limit 1 (5%)"


def test_requests_of_a_node_are_only_given_when_all_its_pods_were_read(tmp_path: Path) -> None:
    items = [*pipeline(), *web(), member(requests={"cpu": "1500m"}), machine(), node_usage(), pod_usage()]
    (shown, _) = bars(look(tmp_path / "some", items), "RM-05")
    assert (shown.marks, shown.bars[0].marks) == (["allocatable"], [4.0])
    (shown, _) = bars(look(tmp_path / "all", items, namespace="-"), "RM-05")
    assert shown.bars[0].marks == [1.5, 4.0]
    assert "requested 1500m" in shown.bars[0].text


def test_what_the_numbers_mean_is_said_once_per_step(tmp_path: Path) -> None:
    found = look(tmp_path, [*pipeline(), *web(), member(), machine(), node_usage(), pod_usage()])
    (cpu,) = [one.text for one in found.steps["RM-05"].exhibits if hasattr(one, "text")]
    (memory,) = [one.text for one in found.steps["RM-06"].exhibits if hasattr(one, "text")]
    assert "average over 15.2s to 20.044s" in cpu
    assert "file cache" in memory


def test_hostile_names_and_odd_amounts_break_nothing(tmp_path: Path) -> None:
    odd = pod_usage(cpu="NaN", memory="lots")
    odd["timestamp"] = None
    items = [*pipeline(), *web(), member(), machine(cpu="", memory="?"), node_usage(), odd]
    assert look(tmp_path, items).serious() == set()
