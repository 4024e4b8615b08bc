"""Conditions and events that agents write about nodes: polarity, age, lost nodes. Made, not recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks.cluster.decode import decode_item
from kuberunbooks.guides.rules.node_conditions import CODES, meaning_of, troubles
from kuberunbooks.objects import Node
from tests.support.made_cases import node
from tests.support.made_npd import (
    condition,
    config_map,
    daemon_set,
    detector,
    kernel_monitor,
    problem,
    watched,
    well,
)

Examine = Callable[..., Any]


@pytest.fixture
def judge(examine: Examine) -> Examine:
    """The node-problems guide on these objects."""
    return lambda items, target="", **more: examine(items, target, guide="node-problems", **more)


# Polarity


@pytest.mark.parametrize(
    ("type_", "polarity"),
    [
        ("KernelDeadlock", "bad"),
        ("NetworkUnavailable", "bad"),
        ("KubeletUnhealthy", "bad"),
        ("VMEventScheduled", "bad"),
        ("FilesystemCorruptionProblem", "bad"),
        ("GPUMissing", "bad"),
        ("NVLinkStatusInactive", "bad"),
        ("KubeletNotReady", "bad"),
        ("Ready", "good"),
        ("StorageReady", "good"),
        ("AcceleratedHardwareReady", "good"),
        ("EtcdIsVoter", "good"),
        ("GPUHealthy", "good"),
        ("DiskOK", "good"),
        ("DeprecatedMirrorsFieldInContainerdConfiguration", "notice"),
        ("SysctlChanged", "unknown"),
        ("NoDiskErrors", "unknown"),
        ("ErrorRecoveryReady", "unknown"),
        ("", "unknown"),
    ],
)
def test_what_true_means_is_told_by_the_name_or_not_at_all(type_: str, polarity: str) -> None:
    assert meaning_of(type_).polarity == polarity


def test_a_condition_the_detectors_configuration_defines_is_bad_when_true() -> None:
    assert meaning_of("SysctlChanged", {"SysctlChanged"}).is_trouble("True")
    assert not meaning_of("SysctlChanged", {"SysctlChanged"}).is_trouble("False")


def test_good_conditions_trouble_nobody_while_they_are_true(judge: Examine) -> None:
    names = ("KernelReady", "ContainerRuntimeReady", "StorageReady", "NetworkingReady", "EtcdIsVoter")
    made = node()
    made["status"]["conditions"] += [condition(name, "True", "Fine") for name in names]
    found = judge([made])
    assert found.serious() == set()
    assert "NodeConditionUnclear" not in found.codes()


def test_a_good_condition_that_is_false_is_told(judge: Examine) -> None:
    made = node()
    made["status"]["conditions"].append(
        condition("StorageReady", "False", "EBSStalled", "no writes for 60 s")
    )
    one = judge([made]).one("CustomNodeCondition")
    assert one.severity == "warning"
    assert "StorageReady=False, EBSStalled: no writes for 60 s" in one.summary
    assert "good when it is True" in one.explanation


def test_a_condition_nobody_knows_is_no_alarm(judge: Examine) -> None:
    made = node()
    made["status"]["conditions"].append(condition("SysctlChanged", "True", "Changed"))
    found = judge([made])
    assert found.serious() == set()
    assert "nothing is concluded" in found.one("NodeConditionUnclear").summary


@pytest.mark.parametrize(("type_", "code"), sorted(CODES.items()))
def test_each_known_condition_gives_its_finding_when_true_and_none_when_false(
    type_: str, code: str, judge: Examine
) -> None:
    bad = judge([watched("n1", condition(type_, "True", "Because", "it is so"))]).one(code)
    assert type_ in bad.summary
    assert "it is so" in bad.summary
    assert bad.next
    assert code not in judge([watched("n1", condition(type_))]).codes()


def test_nodes_with_the_same_trouble_are_one_finding(judge: Examine) -> None:
    bad = condition("ReadonlyFilesystem", "True", "FilesystemIsReadOnly", "Remounting filesystem read-only")
    one = judge([watched("n1", bad), watched("n2", bad), watched("n3")]).one("ReadonlyFilesystem")
    assert one.count == 2
    assert one.affected == ["n1", "n2"]
    assert "2 nodes (n1 and n2) report a filesystem that became read-only" in one.summary


def test_what_kubernetes_itself_reports_is_left_to_the_cluster_runbook(judge: Examine) -> None:
    pressed = watched("n1", condition("MemoryPressure", "True", "KubeletHasInsufficientMemory"))
    assert judge([pressed]).serious() == set()


# Age


def test_a_true_condition_nobody_renews_is_history(judge: Examine) -> None:
    old = condition("KernelDeadlock", "True", "DockerHung", "task docker:7 blocked", beat=7200, since=9000)
    found = judge([watched("n1", old, condition("XfsShutdown", beat=7200))])
    one = found.one("KernelDeadlock")
    assert one.severity == "warning"
    assert "last reported" in one.summary
    assert "it may be over" in one.summary
    assert all("drain" not in step.command for step in one.next)


def test_conditions_nobody_renews_show_that_the_detector_is_dead(judge: Examine) -> None:
    stale = [condition(type_, beat=7200) for type_ in ("KernelDeadlock", "XfsShutdown")]
    one = judge([watched("n1", *stale)]).one("NodeConditionStale")
    assert one.severity == "warning"
    assert "KernelDeadlock and XfsShutdown of node n1" in one.summary


def test_a_condition_left_over_from_an_older_configuration_is_no_alarm(judge: Examine) -> None:
    found = judge([watched("n1", condition("ReadonlyFilesystem", beat=90_000))])
    assert found.serious() == set()
    assert found.one("NodeConditionStale").severity == "info"


def test_a_longer_heartbeat_is_respected(judge: Examine) -> None:
    stale = [condition(type_, beat=1500) for type_ in ("KernelDeadlock", "XfsShutdown")]
    items = [config_map(), detector()]
    assert "NodeConditionStale" in judge([watched("n1", *stale), daemon_set(), *items]).codes()
    slow = daemon_set(flags=("--k8s-exporter-heartbeat-period=30m",))
    assert "NodeConditionStale" not in judge([watched("n1", *stale), slow, *items]).codes()


def test_agents_that_write_on_a_change_only_are_not_stale(judge: Examine) -> None:
    made = node()
    made["status"]["conditions"].append(condition("EtcdIsVoter", "True", beat=900_000))
    assert judge([made]).codes() <= {"NpdNotDeployed"}


def lost(**more: Any) -> dict[str, Any]:
    made = watched("n1", ready="Unknown", reason="NodeStatusUnknown", since=600, **more)
    made["status"]["conditions"][0]["lastHeartbeatTime"] = made["status"]["conditions"][0][
        "lastTransitionTime"
    ]
    return made


def test_of_a_lost_node_the_last_report_is_told_as_such(judge: Examine) -> None:
    made = lost()
    made["status"]["conditions"][1:] = [condition("KernelDeadlock", "True", "DockerHung", "hung", beat=640)]
    one = judge([made]).one("KernelDeadlock")
    assert one.severity == "critical"
    assert "40 s before it went silent" in one.summary


def test_what_was_not_renewed_long_before_the_node_went_silent_is_history(judge: Examine) -> None:
    made = lost()
    made["status"]["conditions"][1:] = [
        condition("KernelDeadlock", "True", "DockerHung", "hung", beat=90_000)
    ]
    found = judge([made])
    assert found.one("KernelDeadlock").severity == "warning"
    assert "NodeConditionStale" not in found.codes()


def test_a_check_that_cannot_tell_is_no_alarm(judge: Examine) -> None:
    found = judge([watched("n1", condition("NTPProblem", "Unknown", "NTPIsUp", "timeout"))])
    assert found.serious() == set()
    assert "NTPProblem of node n1 is Unknown" in found.one("NodeConditionUnknown").summary


def test_troubles_of_a_node_leave_good_conditions_out() -> None:
    made = watched("n1", condition("KernelDeadlock", "True"), condition("StorageReady", "True"))
    read, _ = decode_item(Node, json.dumps(made).encode(), "nodes/n1")
    assert [one.type for one in troubles(read)] == ["KernelDeadlock"]


# Events


@pytest.mark.parametrize(
    ("reason", "message", "code", "severity"),
    [
        ("TaskHung", "task jbd2/sda1-8:1 blocked for more than 120 seconds.", "KernelTaskHung", "warning"),
        (
            "KernelOops",
            "BUG: unable to handle kernel NULL pointer dereference at 0",
            "KernelOops",
            "critical",
        ),
        ("Ext4Error", "EXT4-fs error (device sda1): bad", "FilesystemError", "critical"),
        ("Ext4Warning", "EXT4-fs warning (device sda1): odd", "FilesystemError", "warning"),
        ("IOError", "Buffer I/O error on dev sda1, logical block 7", "DiskIoError", "critical"),
        ("MemoryReadError", "CE memory read error on CPU_SrcID#0", "MemoryReadError", "warning"),
        ("UnregisterNetDevice", "unregister_netdevice: waiting for eth0", "UnregisterNetDevice", "warning"),
        ("FrobnicatorDown", "the frobnicator is down", "NodeProblemEvent", "warning"),
        ("KubeletStart", "Started kubelet.service - Kubernetes kubelet.", "NodeProblemEvent", "info"),
    ],
)
def test_events_of_the_detector_are_told_by_reason(
    reason: str, message: str, code: str, severity: str, judge: Examine
) -> None:
    one = judge([*well(), problem("n1", reason, message, count=3)]).one(code)
    assert one.severity == severity
    assert "3 times" in one.summary
    assert message.rstrip(".") in one.summary


def test_whom_the_kernel_killed_and_at_whose_limit_is_told(judge: Examine) -> None:
    said = "Killed process 4242 (java) total-vm:1kB, anon-rss:2kB, file-rss:3kB, shmem-rss:0kB"
    own = judge([*well(), problem("n1", "OOMKilling", f"Memory cgroup out of memory: {said}")])
    assert "the kernel killed java for memory, once" in own.one("KernelOomKilling").summary
    assert "at the limit of its container" in own.one("KernelOomKilling").summary


def test_a_node_without_any_memory_left_is_told_apart(judge: Examine) -> None:
    said = "Out of memory: Killed process 7 (redis) total-vm:1kB, anon-rss:2kB, file-rss:3kB, shmem-rss:0kB"
    one = judge([*well(), problem("n1", "OOMKilling", said)]).one("KernelOomKilling")
    assert "the node itself had no memory left" in one.summary


def test_events_of_others_and_old_ones_are_not_told(judge: Examine) -> None:
    items = [
        problem("n1", "InvalidDiskCapacity", "invalid capacity 0 on image filesystem", source="kubelet"),
        problem("n1", "RegisteredNode", "Registered", source="node-controller"),
        problem("n1", "KernelOops", "BUG: unable to handle", at=7000),
    ]
    assert judge([*well(), *items]).serious() == set()


def test_a_source_of_ones_own_configuration_is_known(judge: Examine) -> None:
    items = [watched(), daemon_set(), detector()]
    event = problem("n1", "OddThing", "odd", source="acme")
    assert "NodeProblemEvent" not in judge([*items, config_map(), event]).codes()
    own = config_map({"kernel-monitor.json": kernel_monitor(source="acme")})
    assert "NodeProblemEvent" in judge([*items, own, event]).codes()


def test_the_event_of_a_condition_that_turned_is_told_by_the_condition(judge: Examine) -> None:
    event = problem(
        "n1", "DockerHung", 'Node condition KernelDeadlock is now: True, reason: DockerHung, message: "x"'
    )
    bad = watched("n1", condition("KernelDeadlock", "True", "DockerHung"))
    assert "NodeProblemEvent" not in judge([bad, event]).codes()
    # It is False again: history.
    assert judge([watched(), event]).one("NodeProblemEvent").severity == "info"


def test_events_in_a_namespace_of_their_own_are_found(judge: Examine) -> None:
    event = problem("n1", "TaskHung", "task x:1 blocked for more than 120 seconds.")
    event["metadata"]["namespace"] = event["involvedObject"]["namespace"] = "kube-system"
    items = [watched(), config_map(), detector(), event]
    assert "KernelTaskHung" not in judge([*items, daemon_set()]).codes()
    assert "KernelTaskHung" in judge([*items, daemon_set(flags=("--event-namespace=kube-system",))]).codes()


def test_nodes_that_cannot_be_read_claim_nothing(judge: Examine) -> None:
    found = judge(well(), without=("Node", "Event"))
    assert found.serious() == set()
    assert {found.steps[one].status for one in ("NP-06", "NP-07")} == {"skipped"}
