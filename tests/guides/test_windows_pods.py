"""Sandboxes, pause images, images and fields of Windows pods: each rule both ways, on made objects."""

# ruff: noqa: E501 - one text a line reads better than wrapped ones
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.made_cases import ago, event, owner, pod, workload
from tests.support.made_dns import write_transcripts
from tests.support.made_windows import (
    WINDOWS_2019,
    check_texts,
    ended_pod,
    healthy_windows,
    linux_node,
    sandbox_event,
    stuck,
    transcript,
    waiting,
    windows_node,
    windows_pod,
)

Run = Callable[..., Any]
GUIDE = "windows-networking"


@pytest.fixture
def examine(examine: Run) -> Run:
    """As elsewhere, with a look at every text."""
    return lambda *items, **options: check_texts(examine(*items, **options))


NO_MATCH = (
    "failed to create containerd task: failed to create shim task: hcs::CreateComputeSystem app: "
    "The container operating system does not match the host operating system.: unknown"
)
PULL_NO_MATCH = (
    'Back-off pulling image "x": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image '
    '"x": no match for platform in manifest: not found'
)
OLD_TOML = """version = 2
[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    sandbox_image = "mcr.microsoft.com/oss/kubernetes/pause:3.9"
"""
NEW_TOML = """version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'registry.k8s.io/pause:3.10'
"""
NEW_WITH_OLD_KEY = OLD_TOML.replace("version = 2", "version = 3")


def with_events(one: dict[str, Any], *messages: str, **more: Any) -> list[dict[str, Any]]:
    """A mixed cluster with this pod and what the kubelet wrote of its sandbox."""
    return [linux_node(), windows_node(), one, *(sandbox_event(one, text, **more) for text in messages)]


def test_a_pause_image_of_another_build_is_named_as_the_cause(examine: Run) -> None:
    one = stuck()
    text = (
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox container task "
        '"9f1c": hcs::CreateComputeSystem 9f1c: The container operating system does not match the host operating system.'
    )
    found = examine(with_events(one, text), guide=GUIDE)
    assert found.headline.code == "WindowsPauseImageSuspect"
    assert "pause image was made for another build" in found.headline.summary
    assert found.serious() == {"WindowsPauseImageSuspect"}
    whys = " ".join(step.why for step in found.headline.next)
    assert "sandbox_image" in whys
    assert "pinned_images" not in whys


def test_for_containerd_two_the_other_key_is_named(examine: Run) -> None:
    one = stuck()
    items = [linux_node(), windows_node(runtime="containerd://2.0.4"), one]
    items.append(sandbox_event(one, "Failed to create pod sandbox: ... (0xc0370101)"))
    whys = " ".join(step.why for step in examine(items, guide=GUIDE).headline.next)
    assert "pinned_images" in whys
    assert "sandbox_image" not in whys


def test_a_pause_image_that_cannot_be_had_is_told_with_its_name(examine: Run) -> None:
    text = (
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "private/pause:1": '
        'failed to pull image "private/pause:1": dial tcp: lookup private: no such host'
    )
    found = examine(with_events(stuck(), text), guide=GUIDE)
    assert found.headline.code == "WindowsPauseImageSuspect"
    assert "private/pause:1" in found.headline.summary


def test_another_sandbox_failure_is_quoted(examine: Run) -> None:
    text = 'Failed to create pod sandbox: plugin type="win-bridge" failed (add): hcnCreateEndpoint failed in Win32: 0x803b000d'
    found = examine(with_events(stuck(), text), guide=GUIDE)
    assert found.headline.code == "WindowsSandboxFailing"
    assert "0x803b000d" in found.headline.summary
    assert "PodNetworkSetupFailed" not in found.codes()


def test_sandboxes_that_go_again_and_again_are_told(examine: Run) -> None:
    one = stuck()
    text = "Pod sandbox changed, it will be killed and re-created."
    found = examine(with_events(one, text, reason="SandboxChanged"), guide=GUIDE)
    assert found.headline.code == "WindowsSandboxFailing"
    assert "9 times" in found.headline.summary


@pytest.mark.parametrize("count", [1, 2])
def test_a_sandbox_that_changed_once_is_no_alarm(count: int, examine: Run) -> None:
    one = windows_pod()
    items = with_events(one, "Pod sandbox changed.", reason="SandboxChanged", count=count)
    assert examine(items, guide=GUIDE).serious() == set()


def test_a_failure_before_the_containers_started_is_history(examine: Run) -> None:
    one = windows_pod()
    one["status"]["containerStatuses"][0]["state"]["running"]["startedAt"] = ago(5)
    assert examine(with_events(one, "Failed to create pod sandbox: x"), guide=GUIDE).serious() == set()


def test_the_first_attempts_of_a_new_pod_are_a_warning_at_most(examine: Run) -> None:
    one = stuck()
    one["metadata"]["creationTimestamp"] = ago(60)
    found = examine(with_events(one, "Failed to create pod sandbox: 0xc0370101"), guide=GUIDE)
    assert found.one("WindowsPauseImageSuspect").severity == "warning"


def test_pods_with_one_cause_are_one_finding(examine: Run) -> None:
    pods = [stuck(f"iis-{n}", ownerReferences=owner("DaemonSet", "agent")) for n in range(3)]
    items = [linux_node(), windows_node(), workload("DaemonSet", "agent"), *pods]
    items += [
        sandbox_event(one, f"Failed to create pod sandbox {n}: 0xc0370101") for n, one in enumerate(pods)
    ]
    one = examine(items, guide=GUIDE).one("WindowsPauseImageSuspect")
    assert one.count == 3


@pytest.mark.parametrize(
    ("toml", "runtime", "code"),
    [
        (OLD_TOML, "containerd://1.7.27", "WindowsPauseImageSet"),
        (OLD_TOML, "containerd://2.0.4", "WindowsPauseImageSet"),
        (NEW_TOML, "containerd://2.0.4", "WindowsPauseImageSet"),
        (NEW_WITH_OLD_KEY, "containerd://2.0.4", "WindowsPauseImageMisplaced"),
    ],
)
def test_the_pause_image_is_looked_for_where_the_runtime_looks(
    toml: str, runtime: str, code: str, examine: Run, tmp_path: Path
) -> None:
    given = write_transcripts(tmp_path, [transcript("Get-Content config.toml", toml, node="win-1")])
    found = examine([linux_node(), windows_node(runtime=runtime)], guide=GUIDE, transcripts=given)
    assert code in found.codes()
    assert found.serious() == ({code} if code == "WindowsPauseImageMisplaced" else set())
    assert "the pause image" not in found.one("WindowsHostChecksOpen").facts["checks"]


def test_an_old_pause_image_matters_only_where_pods_do_not_start(examine: Run, tmp_path: Path) -> None:
    toml = OLD_TOML.replace("3.9", "3.4")
    given = write_transcripts(tmp_path, [transcript("Get-Content config.toml", toml, node="win-1")])
    quiet = examine([linux_node(), windows_node()], guide=GUIDE, transcripts=given)
    assert quiet.one("WindowsPauseImageSet").severity == "info"
    loud = examine(with_events(stuck(), "Failed ... 0xc0370101"), guide=GUIDE, transcripts=given)
    assert loud.one("WindowsPauseImageSet").severity == "warning"
    assert loud.headline.code == "WindowsPauseImageSuspect"


def test_a_configuration_that_is_no_toml_is_no_alarm(examine: Run, tmp_path: Path) -> None:
    given = write_transcripts(
        tmp_path, [transcript("type config.toml", "[plugins]\nsandbox_image = ", node="win-1")]
    )
    found = examine([linux_node(), windows_node()], guide=GUIDE, transcripts=given)
    assert found.serious() == set()
    assert any("is no TOML" in repr(one) for one in found.steps["WN-01"].exhibits)


@pytest.mark.parametrize(
    "member",
    [
        stuck(reason="RunContainerError", message=NO_MATCH),
        ended_pod(NO_MATCH),
        stuck(reason="ImagePullBackOff", message=PULL_NO_MATCH),
    ],
)
def test_an_image_that_does_not_fit_the_node_is_the_cause(member: dict[str, Any], examine: Run) -> None:
    found = examine([linux_node(), windows_node(kernel=WINDOWS_2019), member], guide=GUIDE)
    assert found.headline.code == "WindowsImageOsMismatch"
    assert "Windows Server 2019 (build 17763)" in found.headline.summary
    # That it is started again and again says no more.
    assert found.serious() - {"CrashLoop"} == {"WindowsImageOsMismatch"}


def test_a_tag_newer_than_the_node_is_likely_the_cause(examine: Run) -> None:
    member = stuck(
        reason="CreateContainerError", message="hcs failed: unknown failure", image="shop/iis:ltsc2025"
    )
    found = examine([linux_node(), windows_node(), member], guide=GUIDE)
    one = found.one("WindowsImageOsMismatch")
    assert one.confidence == "likely"
    assert "Windows Server 2025 (build 26100), which is newer" in one.summary


@pytest.mark.parametrize(
    "message",
    [
        'Back-off pulling image "shop/iis:ltsc2025": not found',
        "unauthorized: authentication required",
        "dial tcp: lookup registry.test: no such host",
    ],
)
def test_a_newer_tag_does_not_hide_another_reason(message: str, examine: Run) -> None:
    member = stuck(reason="ErrImagePull", message=message, image="shop/iis:ltsc2025")
    found = examine([linux_node(), windows_node(), member], guide=GUIDE)
    assert "WindowsImageOsMismatch" not in found.codes()
    assert found.headline.code.startswith("Image")


def test_a_running_pod_with_a_newer_tag_is_fine(examine: Run) -> None:
    items = [linux_node(), windows_node(), windows_pod(image="shop/iis:ltsc2025")]
    assert examine(items, guide=GUIDE).serious() == set()


def test_a_linux_image_on_a_windows_node_is_unconstrained(examine: Run) -> None:
    member = stuck("web-9", reason="ImagePullBackOff", message=PULL_NO_MATCH, image="nginx:1.27", aimed=False)
    found = examine([linux_node(), windows_node(), member], guide=GUIDE)
    assert found.headline.code == "WindowsImageOsMismatch"
    assert "nothing in the pod says" in found.headline.summary
    assert found.one("WindowsPodUnconstrained").facts["belongs"] == "linux"


def test_a_windows_image_on_a_linux_node_is_unconstrained(examine: Run) -> None:
    member = stuck("iis-9", reason="ImagePullBackOff", message=PULL_NO_MATCH, aimed=False, on="n1")
    found = examine([*healthy_windows(), member], guide=GUIDE)
    assert found.one("WindowsPodUnconstrained").facts["belongs"] == "windows"
    assert "os=windows:NoSchedule" in found.one("WindowsPodUnconstrained").facts["taints"]


def test_an_arm_image_on_a_linux_node_is_not_ours(examine: Run) -> None:
    member = stuck(
        "api-1", reason="ImagePullBackOff", message=PULL_NO_MATCH, aimed=False, on="n1", image="shop/api:2"
    )
    assert not examine([*healthy_windows(), member], guide=GUIDE).serious()


def test_a_runtime_class_may_choose_the_node(examine: Run) -> None:
    member = stuck("iis-9", reason="ImagePullBackOff", message=PULL_NO_MATCH, aimed=False)
    member["spec"]["runtimeClassName"] = "windows-2022"
    assert "WindowsPodUnconstrained" not in examine([*healthy_windows(), member], guide=GUIDE).codes()


def test_with_one_operating_system_nothing_is_unconstrained(examine: Run) -> None:
    member = stuck("iis-9", reason="ImagePullBackOff", message=PULL_NO_MATCH, aimed=False)
    found = examine([windows_node(), member], guide=GUIDE)
    assert "WindowsPodUnconstrained" not in found.codes()
    assert "WindowsImageOsMismatch" in found.codes()


def test_what_an_image_pull_says_otherwise_is_told_as_by_the_pods_guide(examine: Run) -> None:
    member = stuck(reason="ImagePullBackOff", message='Back-off pulling image "x": not found: not found')
    assert examine([linux_node(), windows_node(), member], guide=GUIDE).headline.code == "ImageNotFound"


FORBIDDEN = (
    'Error creating: Pod "iis-abc" is invalid: [spec.hostPID: Forbidden: cannot be set for a windows pod, '
    "spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod]"
)


def refused_workload() -> list[dict[str, Any]]:
    """A StatefulSet for Windows whose pods the API server refuses."""
    top = workload("StatefulSet", "iis")
    top["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/os": "windows"}
    top["status"] = {"replicas": 0}
    return [linux_node(), windows_node(), top, event(top, "FailedCreate", FORBIDDEN, type_="Warning", at=30)]


def test_fields_the_api_server_refuses_are_named(examine: Run) -> None:
    found = examine(refused_workload(), guide=GUIDE)
    assert found.headline.code == "WindowsPodFieldsForbidden"
    assert found.headline.facts["fields"] == ["spec.hostPID", "spec.containers[0].securityContext.privileged"]


def test_a_refusal_that_was_overcome_is_history(examine: Run) -> None:
    items = refused_workload()
    items.append(event(items[2], "SuccessfulCreate", "create Pod iis-0 successful", at=5))
    assert "WindowsPodFieldsForbidden" not in examine(items, guide=GUIDE).codes()


def test_fields_without_effect_are_told_once_and_never_as_an_alarm(examine: Run) -> None:
    security = {"securityContext": {"runAsUser": 1000, "fsGroup": 2000}, "shareProcessNamespace": False}
    found = examine([linux_node(), windows_node(), windows_pod(spec=security)], guide=GUIDE)
    one = found.one("WindowsFieldsWithoutEffect")
    assert one.facts["fields"] == [
        "shareProcessNamespace",
        "securityContext.fsGroup",
        "securityContext.runAsUser",
    ]
    assert found.serious() == set()


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"os": {"name": "windows"}, "securityContext": {"runAsUser": 1}},
        {"securityContext": {"windowsOptions": {"hostProcess": True}, "fsGroup": 1}, "hostNetwork": True},
        {"securityContext": {"runAsNonRoot": True, "windowsOptions": {"runAsUserName": "ContainerUser"}}},
    ],
)
def test_fields_that_mean_something_are_let_be(spec: dict[str, Any], examine: Run) -> None:
    found = examine([linux_node(), windows_node(), windows_pod(spec=spec)], guide=GUIDE)
    assert "WindowsFieldsWithoutEffect" not in found.codes()


@pytest.mark.parametrize(
    "spec",
    [
        {"os": {"name": "windows"}},
        {"nodeSelector": {"node.kubernetes.io/windows-build": "10.0.20348"}},
        {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {
                                "matchExpressions": [
                                    {"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}
                                ]
                            }
                        ]
                    }
                }
            }
        },
    ],
)
def test_a_pod_may_ask_for_windows_in_several_ways(spec: dict[str, Any], examine: Run) -> None:
    waits = pod(
        "iis-9", on="", phase="Pending", ready=False, containers=[], creationTimestamp=ago(30), spec=spec
    )
    found = examine([linux_node(), windows_node(), waits], "pod/iis-9", guide=GUIDE)
    assert "NotForWindows" not in found.codes()
    assert found.session.start.pods == 1


def test_a_container_that_waits_by_right_is_no_finding(examine: Run) -> None:
    one = windows_pod(
        containers=[waiting("PodInitializing")], phase="Pending", ready=False, creationTimestamp=ago(20)
    )
    assert examine([linux_node(), windows_node(), one], guide=GUIDE).serious() == set()
