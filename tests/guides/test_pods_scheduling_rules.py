"""Node fit, effective requests and host ports: the scheduler's filters computed again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kuberunbooks.guides.rules.node_fit import (
    host_ports_of,
    is_cordoned,
    is_selected,
    near_misses,
    pinned_nodes,
    ports_clash,
    requirement_text,
    requirements,
    tolerates,
    untolerated_taints,
)
from kuberunbooks.guides.rules.requests import effective_request
from kuberunbooks.objects import Node, PodSpec, SelectorRequirement, Taint, Toleration, quantity_text


def spec(**fields: Any) -> PodSpec:
    return msgspec.convert(fields, PodSpec)


def node(name: str = "n1", labels: dict[str, str] | None = None, **fields: Any) -> Node:
    return msgspec.convert({"metadata": {"name": name, "labels": labels or {}}, "spec": fields}, Node)


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"nodeAffinity": rule}


TAINT = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "held"),
    [
        ({"key": "dedicated", "operator": "Equal", "value": "batch", "effect": "NoSchedule"}, True),
        ({"key": "dedicated", "value": "batch"}, True),
        ({"key": "dedicated", "operator": "", "value": "batch"}, True),
        ({"key": "dedicated", "value": "web"}, False),
        ({"key": "dedicated"}, False),
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
        ({}, False),
        ({"key": "dedicated", "operator": "Future", "value": "batch"}, False),
    ],
)
def test_a_toleration_covers_a_taint_as_the_api_says(toleration: dict[str, str], held: bool) -> None:
    assert tolerates(msgspec.convert(toleration, Toleration), msgspec.convert(TAINT, Taint)) is held


def test_prefer_no_schedule_keeps_nobody_off() -> None:
    soft = {**TAINT, "effect": "PreferNoSchedule"}
    assert untolerated_taints(spec(), node(taints=[soft])) == []
    assert [one.text for one in untolerated_taints(spec(), node(taints=[soft, TAINT]))] == [
        "dedicated=batch:NoSchedule"
    ]


def test_tolerating_eviction_for_a_while_does_not_let_a_pod_onto_a_lost_node() -> None:
    lost = [
        {"key": "node.kubernetes.io/unreachable", "effect": effect} for effect in ("NoSchedule", "NoExecute")
    ]
    default = {
        "key": "node.kubernetes.io/unreachable",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    assert [one.effect for one in untolerated_taints(spec(tolerations=[default]), node(taints=lost))] == [
        "NoSchedule"
    ]


def test_a_daemon_may_tolerate_a_cordon() -> None:
    daemon = spec(tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}])
    assert is_cordoned(spec(), node(unschedulable=True))
    assert not is_cordoned(daemon, node(unschedulable=True))
    assert not is_cordoned(spec(), node())


@pytest.mark.parametrize(
    ("requirement", "held"),
    [
        ({"key": "zone", "operator": "In", "values": ["a", "b"]}, True),
        ({"key": "zone", "operator": "In", "values": ["c"]}, False),
        ({"key": "zone", "operator": "NotIn", "values": ["c"]}, True),
        ({"key": "zone", "operator": "NotIn", "values": ["a"]}, False),
        ({"key": "gone", "operator": "NotIn", "values": ["a"]}, True),
        ({"key": "zone", "operator": "Exists"}, True),
        ({"key": "gone", "operator": "Exists"}, False),
        ({"key": "gone", "operator": "DoesNotExist"}, True),
        ({"key": "zone", "operator": "DoesNotExist"}, False),
        ({"key": "cores", "operator": "Gt", "values": ["4"]}, True),
        ({"key": "cores", "operator": "Gt", "values": ["8"]}, False),
        ({"key": "cores", "operator": "Lt", "values": ["9"]}, True),
        ({"key": "zone", "operator": "Gt", "values": ["4"]}, False),
        ({"key": "zone", "operator": "Future", "values": ["a"]}, False),
    ],
)
def test_every_operator_of_node_affinity_is_judged(requirement: dict[str, Any], held: bool) -> None:
    one = node(labels={"zone": "a", "cores": "8"})
    assert is_selected(spec(affinity=affinity({"matchExpressions": [requirement]})), one) is held


def test_any_term_suffices_and_every_expression_of_it_must_hold() -> None:
    one = node(labels={"zone": "a"})
    yes = {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}
    no = {"matchExpressions": [{"key": "zone", "operator": "Exists"}, {"key": "gpu", "operator": "Exists"}]}
    assert is_selected(spec(affinity=affinity(no, yes)), one)
    assert not is_selected(spec(affinity=affinity(no)), one)


def test_a_term_that_asks_nothing_matches_no_node() -> None:
    assert not is_selected(spec(affinity=affinity({})), node())
    assert not is_selected(spec(affinity=affinity()), node())


def test_node_selector_and_affinity_must_both_hold() -> None:
    asked = spec(
        nodeSelector={"disk": "ssd"},
        affinity=affinity({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}),
    )
    assert is_selected(asked, node(labels={"disk": "ssd", "zone": "a"}))
    assert not is_selected(asked, node(labels={"disk": "ssd"}))
    assert not is_selected(asked, node(labels={"zone": "a"}))


def test_a_pod_pinned_by_field_fits_its_node_only() -> None:
    pinned = spec(
        affinity=affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]})
    )
    assert pinned_nodes(pinned) == {"n2"}
    assert is_selected(pinned, node("n2"))
    assert not is_selected(pinned, node("n1"))
    assert pinned_nodes(spec(nodeSelector={"a": "b"})) is None


def test_requirements_read_as_people_write_them() -> None:
    asked = spec(
        nodeSelector={"disk": "ssd"},
        affinity=affinity(
            {
                "matchExpressions": [
                    {"key": "zone", "operator": "In", "values": ["a", "b"]},
                    {"key": "spot", "operator": "DoesNotExist"},
                    {"key": "cores", "operator": "Gt", "values": ["8"]},
                ]
            }
        ),
    )
    assert [requirement_text(one) for one in requirements(asked)] == [
        "disk=ssd",
        "zone in (a, b)",
        "spot absent",
        "cores > 8",
    ]


def test_near_misses_are_other_values_and_keys_spelt_almost_alike() -> None:
    wanted = SelectorRequirement("accelerator", "In", ["a100"])
    nodes = [
        node("plain", {"disk": "ssd"}),
        node("old", {"accelerator": "v100"}),
        node("slip", {"acelerator": "a100"}),
        node("prefixed", {"example.com/accelerator": "a100"}),
    ]
    assert near_misses(wanted, nodes) == [
        "accelerator=v100 on node old",
        "acelerator=a100 on node slip",
        "example.com/accelerator=a100 on node prefixed",
    ]


def container(restart: str = "", **requests: str) -> dict[str, Any]:
    return {"resources": {"requests": requests}, "restartPolicy": restart}


def cpu(**fields: Any) -> str:
    return quantity_text("cpu", effective_request(spec(**fields))["cpu"])


def test_containers_add_up_and_init_containers_count_by_the_largest() -> None:
    assert cpu(containers=[container(cpu="200m"), container(cpu="300m")]) == "500m"
    assert (
        cpu(containers=[container(cpu="200m")], initContainers=[container(cpu="1"), container(cpu="2")])
        == "2"
    )
    assert cpu(containers=[container(cpu="3")], initContainers=[container(cpu="1")]) == "3"


def test_a_sidecar_adds_to_the_containers_and_to_later_init_containers_only() -> None:
    sidecar, early, late = container("Always", cpu="500m"), container(cpu="1"), container(cpu="1")
    assert cpu(containers=[container(cpu="200m")], initContainers=[sidecar]) == "700m"
    assert cpu(containers=[container(cpu="200m")], initContainers=[early, sidecar]) == "1"
    assert cpu(containers=[container(cpu="200m")], initContainers=[sidecar, late]) == "1500m"


def test_the_pod_as_a_whole_overrides_the_sum_and_overhead_comes_on_top() -> None:
    whole = {"requests": {"cpu": "1"}}
    assert (
        cpu(containers=[container(cpu="200m", memory="1Gi")], resources=whole, overhead={"cpu": "50m"})
        == "1050m"
    )
    asked = effective_request(spec(containers=[container(memory="1Gi")], resources=whole))
    assert quantity_text("memory", asked["memory"]) == "1Gi"


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (("0.0.0.0", "TCP", 80), ("0.0.0.0", "TCP", 80), True),
        (("0.0.0.0", "TCP", 80), ("10.0.0.1", "TCP", 80), True),
        (("10.0.0.2", "TCP", 80), ("10.0.0.1", "TCP", 80), False),
        (("10.0.0.1", "TCP", 80), ("10.0.0.1", "TCP", 80), True),
        (("0.0.0.0", "UDP", 80), ("0.0.0.0", "TCP", 80), False),
        (("0.0.0.0", "TCP", 81), ("0.0.0.0", "TCP", 80), False),
    ],
)
def test_host_ports_clash_by_port_protocol_and_address(one: Any, other: Any, clash: bool) -> None:
    assert ports_clash(one, other) is clash
    assert ports_clash(other, one) is clash


def test_host_ports_of_sidecars_count_and_those_of_init_containers_do_not() -> None:
    def with_port(port: int, restart: str = "") -> dict[str, Any]:
        return {"ports": [{"containerPort": port, "hostPort": port}], "restartPolicy": restart}

    asked = spec(
        containers=[{"ports": [{"containerPort": 80}]}, with_port(81)],
        initContainers=[with_port(82), with_port(83, "Always")],
    )
    assert [port for _, _, port in host_ports_of(asked)] == [81, 83]
