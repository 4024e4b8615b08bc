"""Node problem detector itself: where it runs, its age, what it can read, its cost. Made, not recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from tests.support.made_cases import ago, make_case, node
from tests.support.made_npd import (
    CONFIG,
    NAME,
    PLACE,
    condition,
    config_map,
    custom_plugin,
    daemon_set,
    detector,
    kernel_monitor,
    problem,
    watched,
    well,
)

Examine = Callable[..., Any]
DOCKER = "registry.k8s.io/node-problem-detector:v0.1"


@pytest.fixture
def judge(examine: Examine) -> Examine:
    """The node-problems guide on these objects."""
    return lambda items, target="", **more: examine(items, target, guide="node-problems", **more)


# Where it is


def test_one_that_works_is_told_as_good(judge: Examine) -> None:
    found = judge(well())
    assert found.serious() == set()
    assert {"NpdDeployed", "NpdConfigValid", "NodeConditionsPublished", "NpdConfigOverride"} <= found.codes()
    assert found.headline is None


def test_none_at_all_is_information_and_answers_the_question(judge: Examine) -> None:
    found = judge([node()])
    assert found.serious() == set()
    assert found.headline is not None
    assert found.headline.code == "NpdNotDeployed"


def test_what_was_not_read_is_not_called_absent(judge: Examine) -> None:
    assert "NpdNotDeployed" not in judge([node()], without=("DaemonSet",)).codes()


def test_conditions_without_a_daemon_set_suggest_a_service_of_the_machine(judge: Examine) -> None:
    one = judge([watched()]).one("NpdStandaloneSuspected")
    assert one.severity == "info"
    assert "KernelDeadlock and XfsShutdown" in one.summary


def test_it_is_found_by_image_under_another_name(judge: Examine) -> None:
    items = well()
    items[1]["metadata"]["name"] = "watchdog"
    items[1]["metadata"]["labels"] = {}
    items[3]["metadata"]["ownerReferences"][0]["name"] = "watchdog"
    assert "NpdDeployed" in judge(items).codes()


@pytest.mark.parametrize(
    ("image", "outdated"),
    [
        (DOCKER, True),
        ("registry.k8s.io/node-problem-detector/node-problem-detector:v0.7.1", True),
        ("registry.k8s.io/node-problem-detector/node-problem-detector:v0.8.19", False),
        ("registry.k8s.io/node-problem-detector/node-problem-detector:v1.36.0", False),
        ("localhost:5000/node-problem-detector:v0.8.7-gke.1", False),
        ("localhost:5000/node-problem-detector", False),
        ("registry.k8s.io/node-problem-detector@sha256:" + "0" * 64, False),
    ],
)
def test_its_age_is_told_by_the_tag_or_not_at_all(image: str, outdated: bool, judge: Examine) -> None:
    found = judge([watched(), daemon_set(image=image), config_map(), detector()])
    assert ("NpdVersionOutdated" in found.codes()) is outdated


def test_a_ready_node_without_its_pod_is_told(judge: Examine) -> None:
    one = judge([*well(), watched("n2")]).one("NpdCoverageIncomplete")
    assert one.severity == "warning"
    assert "Node n2 is ready and has no pod" in one.summary


def test_a_new_node_is_given_time(judge: Examine) -> None:
    new = watched("n2")
    new["metadata"]["creationTimestamp"] = ago(100)
    assert judge([*well(), new]).serious() == set()


def test_a_node_it_does_not_tolerate_is_information(judge: Examine) -> None:
    tainted = node("n2")
    tainted["spec"] = {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}
    found = judge([watched(), tainted, daemon_set(spec={"tolerations": []}), config_map(), detector()])
    assert found.serious() == set()
    assert (
        "does not tolerate node-role.kubernetes.io/control-plane"
        in found.one("NpdCoverageIncomplete").summary
    )


def test_windows_nodes_are_none_of_its_business(judge: Examine) -> None:
    windows = node("win-1")
    windows["metadata"]["labels"] = {"kubernetes.io/os": "windows"}
    linux = watched()
    linux["metadata"]["labels"] = {"kubernetes.io/os": "linux"}
    selector = {"nodeSelector": {"kubernetes.io/os": "linux"}}
    found = judge([linux, windows, daemon_set(spec=selector), config_map(), detector()])
    assert "NpdCoverageIncomplete" not in found.codes()


def test_a_virtual_node_runs_no_daemons(judge: Examine) -> None:
    virtual = node("fargate-1")
    virtual["metadata"]["labels"] = {"eks.amazonaws.com/compute-type": "fargate"}
    assert "NpdCoverageIncomplete" not in judge([*well(), virtual]).codes()


def test_a_lost_node_does_not_make_it_unhealthy(judge: Examine) -> None:
    gone = watched("n2", ready="Unknown")
    found = judge(
        [watched(), gone, daemon_set(2, ready=1), config_map(), detector(), detector("n2", ready=False)]
    )
    assert found.serious() == set()


def test_a_pod_that_stays_unready_is_told_and_one_that_starts_is_not(judge: Examine) -> None:
    items = [watched(), daemon_set(ready=0), config_map()]
    assert judge([*items, detector(ready=False)]).one("NpdPodsUnhealthy").severity == "warning"
    starting = detector(ready=False)
    starting["metadata"]["creationTimestamp"] = ago(20)
    assert judge([*items, starting]).serious() == set()


def test_a_rolling_update_is_no_fault(judge: Examine) -> None:
    ending = detector(ready=False)
    ending["metadata"]["deletionTimestamp"] = ago(5)
    assert judge([watched(), daemon_set(ready=0), config_map(), ending]).serious() == set()


def test_without_its_pods_missing_readiness_is_only_information(judge: Examine) -> None:
    found = judge([watched(), daemon_set(2, ready=1), config_map()], without=("Pod",))
    assert found.serious() == set()
    assert "were not read" in found.one("NpdPodsUnhealthy").summary


# What it can read


def test_a_log_that_is_not_mounted_is_told(judge: Examine) -> None:
    filelog = kernel_monitor(
        plugin="filelog",
        logPath="/var/log/kern.log",
        pluginConfig={"timestamp": "^.{15}", "message": "kernel: (.*)", "timestampFormat": "Jan _2 15:04:05"},
    )
    items = [watched(), config_map({"kernel-monitor.json": filelog}), detector()]
    assert "NpdLogPathMissing" not in judge([*items, daemon_set()]).codes()
    bare = daemon_set(container={"volumeMounts": [{"name": "config", "mountPath": "/config"}]})
    one = judge([*items, bare]).one("NpdLogPathMissing")
    assert "/var/log/kern.log" in one.summary
    empty = daemon_set(
        spec={"volumes": [{"name": "log", "emptyDir": {}}, {"name": "config", "configMap": {"name": CONFIG}}]}
    )
    assert "is not from the node" in judge([*items, empty]).one("NpdLogPathMissing").summary


def test_a_privileged_container_has_the_kernels_messages_by_itself(judge: Examine) -> None:
    mounts = {"volumeMounts": [{"name": "config", "mountPath": "/config"}]}
    items = [watched(), config_map(), detector()]
    assert "NpdLogPathMissing" not in judge([*items, daemon_set(container=mounts)]).codes()
    plain = daemon_set(container={**mounts, "securityContext": {"privileged": False}})
    assert "/dev/kmsg" in judge([*items, plain]).one("NpdLogPathMissing").summary


def test_without_its_nodes_name_it_reports_for_nobody(judge: Examine) -> None:
    items = [watched(), config_map(), detector()]
    found = judge([*items, daemon_set(container={"env": []})]).one("NpdNodeNameMissing")
    assert found.severity == "warning"
    assert '"env":[{"name":"NODE_NAME"' in found.next[0].command
    for one in (
        daemon_set(container={"env": []}, spec={"hostNetwork": True}),
        daemon_set(container={"env": []}, flags=("--hostname-override=$(NODE)",)),
    ):
        assert "NpdNodeNameMissing" not in judge([*items, one]).codes()


# What it reads and reports


def test_json_that_is_none_stops_it(judge: Examine) -> None:
    broken = config_map({"kernel-monitor.json": '{"plugin": "kmsg",\n "rules": [],}'})
    one = judge([watched(), daemon_set(ready=0), broken, detector(ready=False)]).one("NpdConfigInvalid")
    assert one.severity == "critical"
    assert "line 2" in one.summary
    assert "ends at its start" in one.summary


def test_pods_that_still_run_have_read_an_older_file(judge: Examine) -> None:
    broken = config_map({"kernel-monitor.json": "{"}, written=60)
    found = judge([watched(), daemon_set(), broken, detector()])
    assert found.one("NpdConfigInvalid").severity == "warning"
    assert "will not start again" in found.one("NpdConfigInvalid").summary
    assert found.one("NpdConfigNotLoaded").severity == "info"


def test_what_stops_it_is_the_cause_of_its_unready_pods(judge: Examine) -> None:
    broken = config_map({"kernel-monitor.json": "{"})
    found = judge([watched(), daemon_set(ready=0), broken, detector(ready=False)])
    assert {"NpdPodsUnhealthy", "NpdConfigInvalid"} <= found.serious()
    assert found.headline is not None
    assert found.headline.code == "NpdConfigInvalid"


def test_a_file_its_flags_name_and_the_mounted_map_lacks_is_told(judge: Examine) -> None:
    both = daemon_set(files="/config/kernel-monitor.json,/config/health-checker-kubelet.json")
    one = judge([watched(), both, config_map(), detector()]).one("NpdConfigInvalid")
    assert "/config/health-checker-kubelet.json" in one.summary


def test_a_map_that_does_not_exist_is_told(judge: Examine) -> None:
    found = judge([watched(), daemon_set(ready=0), detector(ready=False)])
    assert "does not exist" in found.one("NpdConfigInvalid").summary


def test_a_map_that_was_not_read_is_not_judged(judge: Examine) -> None:
    found = judge([watched(), daemon_set(ready=0), detector(ready=False)], without=("ConfigMap",))
    assert "NpdConfigInvalid" not in found.codes()
    assert found.steps["NP-05"].status == "skipped"


def test_the_old_keys_of_the_upstream_page_are_wrong(judge: Examine) -> None:
    old = {
        "log": "/log/kern.log",
        "bufferSize": 10,
        "source": "kernel-monitor",
        "conditions": [{"type": "KernelDeadlock", "reason": "KernelHasNoDeadlock", "message": "none"}],
        "rules": [{"type": "temporary", "reason": "OOMKilling", "message": r"Kill process \d+"}],
    }
    found = judge([watched(), daemon_set(image=DOCKER), config_map({"kernel-monitor.json": old}), detector()])
    assert {"NpdRuleInvalid", "NpdConfigInvalid", "NpdVersionOutdated"} <= found.serious()
    assert '"log"' in found.one("NpdConfigInvalid").summary
    assert '"message"' in found.one("NpdRuleInvalid").summary


def test_patterns_are_compiled_as_go_does(judge: Examine) -> None:
    for pattern, wrong in (
        (r"(?=x)", True),
        (r"(\w+) \1", True),
        ("a{2000}", True),
        (r"a\z", False),
        ("x", False),
    ):
        rule = {"type": "temporary", "reason": "R", "pattern": pattern}
        held = config_map({"kernel-monitor.json": kernel_monitor(rules=[rule])})
        found = judge([watched(), daemon_set(ready=0), held, detector(ready=False)])
        assert ("NpdRuleInvalid" in found.codes()) is wrong, pattern
        if wrong:
            assert found.one("NpdRuleInvalid").severity == "critical"


def test_a_permanent_rule_without_its_condition_never_reports(judge: Examine) -> None:
    rule = {"type": "permanent", "condition": "KernelDeadLock", "reason": "R", "pattern": "x"}
    held = config_map({"kernel-monitor.json": kernel_monitor(rules=[rule])})
    one = judge([watched(), daemon_set(), held, detector()]).one("NpdRuleInvalid")
    assert one.severity == "warning"
    assert "did it mean KernelDeadlock?" in one.summary


def test_programs_hidden_or_not_executable_in_a_mounted_map_are_told(judge: Examine) -> None:
    flags = ("--config.custom-plugin-monitor=/config/custom.json",)
    held = {"kernel-monitor.json": kernel_monitor(), "custom.json": custom_plugin()}
    items = [watched("n1", condition("NTPProblem")), detector()]
    found = judge([*items, daemon_set(flags=flags), config_map(held)])
    assert "hides the image's folder" in found.one("NpdRuleInvalid").summary
    held["check_ntp.sh"] = "#!/bin/sh\nexit 0\n"  # type: ignore[assignment]
    found = judge([*items, daemon_set(flags=flags), config_map(held)])
    assert "mode 0644: it cannot be run" in found.one("NpdRuleInvalid").summary
    volumes = {
        "volumes": [
            {"name": "log", "hostPath": {"path": "/var/log"}},
            {"name": "kmsg", "hostPath": {"path": "/dev/kmsg"}},
            {"name": "config", "configMap": {"name": CONFIG, "defaultMode": 0o755}},
        ]
    }
    assert judge([*items, daemon_set(flags=flags, spec=volumes), config_map(held)]).serious() == set()


def test_a_condition_that_does_not_reach_its_node_is_told(judge: Examine) -> None:
    bare = node()
    bare["status"]["nodeInfo"] = {"operatingSystem": "linux"}
    items = [bare, daemon_set(), config_map()]
    one = judge([*items, detector()]).one("NpdConditionNotReported")
    assert "KernelDeadlock and XfsShutdown" in one.summary
    assert "system:serviceaccount:kube-system:" in one.next[1].command
    # It began just now, or before the configuration was written.
    assert "NpdConditionNotReported" not in judge([*items, detector(began=30)]).codes()
    later = [bare, daemon_set(), config_map(written=60), detector()]
    assert "NpdConditionNotReported" not in judge(later).codes()
    off = [bare, daemon_set(flags=("--enable-k8s-exporter=false",)), config_map(), detector()]
    assert "NpdConditionNotReported" not in judge(off).codes()


def test_an_add_on_that_is_restored_takes_the_map_away(judge: Examine) -> None:
    label = "addonmanager.kubernetes.io/mode"
    items = [watched(), config_map(), detector()]
    assert "NpdAddonConfigIgnored" in judge([*items, daemon_set(labels={label: "Reconcile"})]).serious()
    assert "NpdAddonConfigIgnored" not in judge([*items, daemon_set(labels={label: "EnsureExists"})]).codes()


def test_the_images_own_files_are_not_judged(judge: Examine) -> None:
    own = daemon_set(container={"volumeMounts": [{"name": "kmsg", "mountPath": "/dev/kmsg"}]})
    found = judge([watched(), own, detector()])
    assert found.serious() == set()
    assert "NpdConfigOverride" not in found.codes()


def test_a_command_line_a_shell_is_given_is_read_too(judge: Examine) -> None:
    line = f"exec /{NAME} --config.system-log-monitor=/config/kernel-monitor.json >>/var/log/npd.log 2>&1"
    made = daemon_set(container={"command": ["/bin/sh", "-c", line]})
    assert "NpdConfigValid" in judge([watched(), made, config_map(), detector()]).codes()


def test_no_limit_is_information(judge: Examine) -> None:
    one = judge([watched(), daemon_set(container={"resources": {}}), config_map(), detector()]).one(
        "NpdNoLimits"
    )
    assert one.severity == "info"
    assert "cpu and memory" in one.summary


# One node


def test_of_one_node_only_that_is_told(judge: Examine) -> None:
    bad = watched("n2", condition("KernelDeadlock", "True", "DockerHung"))
    items = [watched(), bad, daemon_set(2), config_map(), detector(), detector("n2")]
    events = [problem("n2", "TaskHung", "task x:1 blocked for more than 120 seconds.")]
    assert judge([*items, *events], "n1").serious() == set()
    assert {"KernelDeadlock", "KernelTaskHung"} <= judge([*items, *events], "node/n2").serious()


def test_a_node_that_does_not_exist_or_is_no_name_is_refused(tmp_path: Path) -> None:
    case = make_case(tmp_path, [node()])
    for target, sentence in (("n7", "There is no node n7"), ("pod/web 1", "is no node")):
        session = notebook.open("node-problems", case=str(case), target=target)
        assert session.start.failure is not None
        assert sentence in session.start.failure.sentence


def test_hostile_texts_stay_texts(judge: Examine) -> None:
    evil = "`rm -rf /` $(id) <script>alert(1)</script> {{ 7*7 }}"
    found = judge(
        [
            watched("n1", condition("KernelDeadlock", "True", evil, evil)),
            daemon_set(),
            config_map(
                {
                    "kernel-monitor.json": kernel_monitor(
                        rules=[{"type": evil, "reason": evil, "pattern": "(" + evil}]
                    )
                }
            ),
            detector(),
            problem("n1", evil, evil),
        ]
    )
    for one in found.findings:
        assert "49" not in one.summary
        for step in one.next:
            assert "rm -rf" not in step.command
    assert PLACE in found.one("NpdRuleInvalid").summary
