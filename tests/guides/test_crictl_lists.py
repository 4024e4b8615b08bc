"""The crictl guide on made output of crictl: the runtime's lists against the API's objects, both ways."""

# ruff: noqa: E501 - what tools print, as they print it

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Diagnosis
from tests.support.made_cases import NOW, ago, ended, node, pod
from tests.support.made_crictl import (
    DIGEST,
    IMAGE_ID,
    Outputs,
    container,
    container_id,
    image,
    image_fs,
    inspected,
    sandbox,
    use,
)

Examine = Callable[..., Diagnosis]


def api_pod(name: str = "web-1", *, since: float = 6000, attempt: int = 0, **more: Any) -> dict[str, Any]:
    """A running pod whose container id the made runtime knows."""
    made = pod(name, **more)
    made["status"]["startTime"] = ago(since)
    status = made["status"]["containerStatuses"][0]
    status |= {
        "containerID": f"containerd://{container_id(made, 'app', attempt)}",
        "imageID": f"docker.io/shop/web@{DIGEST}",
    }
    if "running" in status["state"]:
        status["state"]["running"]["startedAt"] = ago(since)
    return made


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "outputs")


def run(
    examine: Examine, items: list[dict[str, Any]], outputs: Outputs, target: str = "node/n1"
) -> Diagnosis:
    return examine(items, target, guide="crictl", transcripts=str(outputs.folder))


def test_a_node_whose_runtime_and_api_agree_is_silent(examine: Examine, outputs: Outputs) -> None:
    web, static = api_pod(), api_pod("kube-apiserver-n1")
    static["metadata"]["annotations"] = {"kubernetes.io/config.hash": "f00d"}
    outputs.pods([sandbox(web), sandbox(static, uid="f00d")]).ps([container(web), container(static)])
    outputs.images([image()])
    found = run(examine, [node(), web, static], outputs)
    assert found.serious() == set()
    assert {"SandboxesMatchApi", "ContainersMatchApi", "ImageOnNode"} <= found.codes()


def test_a_sandbox_of_a_pod_nobody_knows_is_left_over(examine: Examine, outputs: Outputs) -> None:
    web, gone = api_pod(), pod("gone-1")
    outputs.pods([sandbox(web), sandbox(gone, uid="uid-old", created=900)])
    one = run(examine, [node(), web], outputs).one("SandboxOrphaned")
    assert one.subject.name == "gone-1"
    assert one.facts["replaced"] is False
    assert "crictl stopp" in one.next[-1].command


def test_a_sandbox_whose_pod_was_made_anew_is_left_over_too(examine: Examine, outputs: Outputs) -> None:
    web = api_pod("db-0")
    outputs.pods([sandbox(web), sandbox(web, uid="uid-before", created=9000)])
    assert run(examine, [node(), web], outputs).one("SandboxOrphaned").facts["replaced"] is True


@pytest.mark.parametrize(("created", "ready"), [(100.0, True), (9000.0, False)], ids=["young", "ended"])
def test_a_young_sandbox_or_one_that_ended_is_not_left_over(
    examine: Examine, outputs: Outputs, created: float, ready: bool
) -> None:
    web = api_pod()
    outputs.pods([sandbox(web), sandbox(pod("gone-1"), uid="uid-old", created=created, ready=ready)])
    assert run(examine, [node(), web], outputs).serious() == set()


def test_of_pods_that_could_not_be_read_nothing_is_claimed(examine: Examine, outputs: Outputs) -> None:
    outputs.pods([sandbox(pod("gone-1"), uid="uid-old")]).ps([container(pod("gone-1"))])
    found = examine([node()], "node/n1", guide="crictl", without=("Pod",), transcripts=str(outputs.folder))
    assert found.serious() == set()
    assert "SandboxesMatchApi" not in found.codes()


def test_a_list_of_another_time_is_not_compared(examine: Examine, tmp_path: Path) -> None:
    old = Outputs(tmp_path / "old", at=NOW - timedelta(hours=3))
    old.pods([sandbox(pod("gone-1"), uid="uid-old", created=20_000)]).ps([])
    found = run(examine, [node(), api_pod()], old)
    assert found.serious() == set()
    assert "3h" in found.steps["CR-04"].verdict


def test_an_undated_list_with_all_other_pods_is_taken_for_old(examine: Examine, tmp_path: Path) -> None:
    undated = Outputs(tmp_path / "undated", at=None)
    undated.pods([sandbox(pod("gone-1"), uid="uid-old", created=20_000)])
    found = run(examine, [node(), api_pod()], undated)
    assert found.serious() == set()
    assert "old" in found.steps["CR-04"].verdict


def test_a_running_pod_without_a_sandbox_does_not_run(examine: Examine, outputs: Outputs) -> None:
    web, lost = api_pod(), api_pod("lost-1")
    outputs.pods([sandbox(web)])
    found = run(examine, [node(), web, lost], outputs)
    assert found.one("SandboxMissing").subject.name == "lost-1"
    assert found.headline is not None
    assert found.headline.code == "SandboxMissing"


@pytest.mark.parametrize("command", ["crictl pods --name web -o json", "crictl pods -s ready -o json"])
def test_a_filtered_list_proves_no_absence(examine: Examine, outputs: Outputs, command: str) -> None:
    web, other = api_pod(), api_pod("other-1")
    outputs.pods([sandbox(web)], command)
    assert run(examine, [node(), web, other], outputs).serious() == set()


def test_a_pod_that_just_started_or_is_going_needs_no_sandbox(examine: Examine, outputs: Outputs) -> None:
    young = api_pod("young-1", since=20)
    going = api_pod("going-1", deletionTimestamp=ago(5))
    web = api_pod()
    outputs.pods([sandbox(web)])
    assert run(examine, [node(), web, young, going], outputs).serious() == set()


def test_an_ended_sandbox_of_a_running_pod_is_told_unless_a_newer_one_runs(
    examine: Examine, outputs: Outputs
) -> None:
    web, after_reboot = api_pod(), api_pod("other-1")
    outputs.pods(
        [
            sandbox(web, ready=False),
            sandbox(after_reboot, ready=False, created=9000),
            sandbox(after_reboot, attempt=1),
        ]
    )
    assert run(examine, [node(), web, after_reboot], outputs).one("SandboxNotReady").subject.name == "web-1"


def test_a_sandbox_without_the_kubelets_labels_was_made_by_hand(examine: Examine, outputs: Outputs) -> None:
    web = api_pod()
    mine = sandbox(pod("nginx-sandbox", "default"), uid="hdishd83djaidwnduwk28bcsb", labelled=False)
    outputs.pods([sandbox(web), mine])
    found = run(examine, [node(), web], outputs)
    assert found.serious() == {"CrictlCreatedObject"}


def test_a_table_is_read_as_well_as_json(examine: Examine, tmp_path: Path) -> None:
    web = api_pod()
    pasted = tmp_path / "node.txt"
    ident = container_id(web)[:13]
    pasted.write_text(
        "root@n1:~# crictl pods\n"
        "POD ID              CREATED             STATE               NAME                NAMESPACE           ATTEMPT             RUNTIME\n"
        "0000000000001       2 hours ago         Ready               web-1               shop                0                   (default)\n"
        "0000000000002       2 hours ago         Ready               gone-1              shop                0                   (default)\n"
        "root@n1:~# crictl ps -a\n"
        "CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD                 NAMESPACE\n"
        f"{ident}       cdcdcdcdcdcdc       2 hours ago         Running             app                 0                   0000000000001       web-1               shop\n"
        "root@n1:~# \n"
    )
    found = examine([node(), web], "node/n1", guide="crictl", transcripts=str(pasted))
    assert found.one("SandboxOrphaned").subject.name == "gone-1"
    assert found.one("SandboxOrphaned").confidence == "likely"
    assert found.one("ContainersMatchApi").facts["compared"] == 1


def test_a_file_of_crictls_own_json_is_taken_as_its_output(examine: Examine, tmp_path: Path) -> None:
    web = api_pod()
    given = tmp_path / "pods.json"
    given.write_text(json.dumps({"items": [sandbox(web)]}))
    found = examine([node(), web], "n1", guide="crictl", transcripts=str(given))
    assert "SandboxesMatchApi" in found.codes()


def test_without_a_node_of_several_nothing_is_compared(examine: Examine, tmp_path: Path) -> None:
    given = tmp_path / "pods.json"
    given.write_text(json.dumps({"items": [sandbox(pod("gone-1"), uid="uid-old")]}))
    found = examine([node(), node("n2"), api_pod()], "", guide="crictl", transcripts=str(given))
    assert found.serious() == set()


def test_a_container_that_ended_long_before_the_api_still_calls_it_running_is_told(
    examine: Examine, tmp_path: Path
) -> None:
    web = api_pod()
    early = Outputs(tmp_path / "early", at=NOW - timedelta(seconds=300))
    early.ps([container(web, state="EXITED")])
    one = run(examine, [node(), web], early).one("ContainerStateDiffers")
    assert (one.severity, one.facts["api"], one.facts["runtime"]) == ("critical", "running", "exited")


def test_a_container_that_may_just_have_ended_is_only_mentioned(examine: Examine, outputs: Outputs) -> None:
    web = api_pod()
    outputs.ps([container(web, state="EXITED")])
    assert run(examine, [node(), web], outputs).one("ContainerStateDiffers").severity == "info"


def test_a_container_that_runs_although_the_api_saw_it_end_is_told(
    examine: Examine, outputs: Outputs
) -> None:
    web = api_pod()
    web["status"]["containerStatuses"][0]["state"] = {"terminated": ended(1, at=500)}
    outputs.ps([container(web)])
    assert run(examine, [node(), web], outputs).one("ContainerStateDiffers").facts["api"] == "ended"


def test_a_container_the_runtime_does_not_have_is_told_when_all_were_listed(
    examine: Examine, outputs: Outputs
) -> None:
    web, other = api_pod(), api_pod("other-1")
    outputs.ps([container(other)])
    assert run(examine, [node(), web, other], outputs).one("ContainerMissing").subject.name == "web-1"


def test_running_containers_alone_prove_no_absence(examine: Examine, outputs: Outputs) -> None:
    web, other = api_pod(), api_pod("other-1")
    outputs.ps([container(other)], "crictl ps -o json")
    assert run(examine, [node(), web, other], outputs).serious() == set()


def test_a_container_without_its_sandbox_or_unknown_to_its_pod_is_left_over(
    examine: Examine, outputs: Outputs
) -> None:
    web = api_pod()
    outputs.pods([sandbox(web)])
    outputs.ps([container(web), container(web, "stray"), container(pod("x-1"), box="f" * 64)])
    found = [one for one in run(examine, [node(), web], outputs).findings if one.code == "ContainerOrphaned"]
    assert {(one.subject.container, one.facts["why"]) for one in found} == {
        ("stray", "pod"),
        ("app", "sandbox"),
    }


def test_an_ended_run_is_told_with_its_exit_status(examine: Examine, outputs: Outputs) -> None:
    web = api_pod(attempt=1)
    outputs.ps([container(web, state="EXITED"), container(web, attempt=1)])
    outputs.add("crictl inspect", inspected(web, code=137, reason="OOMKilled"))
    found = run(examine, [node(), web], outputs)
    assert found.one("ContainerRestartedInRuntime").facts["exit_code"] == 137
    assert "137" in found.one("ContainerRestartedInRuntime").summary
    assert found.serious() == set()


def test_the_api_says_why_a_run_ended_that_has_the_same_id(examine: Examine, outputs: Outputs) -> None:
    web = api_pod(attempt=1)
    last = ended(3) | {"containerID": f"containerd://{container_id(web)}"}
    web["status"]["containerStatuses"][0]["lastState"] = {"terminated": last}
    outputs.ps([container(web, state="EXITED"), container(web, attempt=1)])
    assert run(examine, [node(), web], outputs).one("ContainerRestartedInRuntime").facts["exit_code"] == 3


def test_a_tag_that_moved_since_the_container_started_is_told(examine: Examine, outputs: Outputs) -> None:
    web = api_pod()
    outputs.images([image(id_="sha256:" + "11" * 32, digest="sha256:" + "22" * 32)])
    assert run(examine, [node(), web], outputs).one("ImageTagMoved").severity == "info"


def test_a_tag_with_two_digests_on_two_nodes_is_told(examine: Examine, outputs: Outputs) -> None:
    outputs.images([image()], node="n1")
    outputs.images([image(id_="sha256:" + "11" * 32, digest="sha256:" + "22" * 32)], node="n2")
    found = run(examine, [node(), node("n2"), api_pod()], outputs, target="")
    assert found.one("ImageDigestDiffers").facts["other"] == "n1"


def test_an_image_that_is_not_there_while_its_container_waits_is_told(
    examine: Examine, outputs: Outputs
) -> None:
    waiting = {
        "name": "app",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff"}},
    }
    web = pod(containers=[waiting], phase="Pending")
    outputs.images([image("docker.io/shop/web:2")])
    assert run(examine, [node(), web], outputs).one("ImageNotOnNode").facts["image"] == "shop/web:1"


DF = (
    "Filesystem     1024-blocks     Used Available Capacity Mounted on\n"
    "/dev/vda1         41152736 {used:>8} {free:>9}      {share}% /\n"
)


@pytest.mark.parametrize(
    ("used", "free", "code"),
    [(36_000_000, 3_000_000, "ImageFilesystemFull"), (9_000_000, 30_000_000, "ImageFilesystemOk")],
)
def test_a_full_disk_of_images_is_told_with_what_could_go(
    examine: Examine, outputs: Outputs, used: int, free: int, code: str
) -> None:
    web = api_pod()
    outputs.ps([container(web)])
    outputs.images([image(), image("docker.io/old/tool:9", id_="sha256:" + "33" * 32, size=3_000_000_000)])
    outputs.add("crictl imagefsinfo", image_fs(20_000_000_000))
    outputs.add("df -P -k", DF.format(used=used, free=free, share=round(100 * used / (used + free))))
    found = run(examine, [node(), web], outputs)
    assert code in found.codes()
    assert found.serious() == ({code} if code.endswith("Full") else set())
    if code.endswith("Full"):
        assert found.one(code).facts["unused"] == 1
        assert "3GB" in found.one(code).summary


def test_pinned_images_and_those_pods_name_are_in_use(examine: Examine, outputs: Outputs) -> None:
    web = api_pod()
    outputs.ps([container(web, image="sha256:" + "44" * 32)])
    outputs.images(
        [image(size=9_000_000_000), image("registry.k8s.io/pause:3.10", id_=IMAGE_ID[:-1] + "e", pinned=True)]
    )
    assert "ImagesUnused" not in run(examine, [node(), web], outputs).codes()


def test_a_writable_layer_near_its_limit_is_told(examine: Examine, outputs: Outputs) -> None:
    web, other = api_pod(), api_pod("other-1")
    for one in (web, other):
        one["spec"]["containers"][0]["resources"] = {"limits": {"ephemeral-storage": "10Mi"}}
    uses = [use(web, memory=50_000_000, disk=10_000_000), use(other, memory=1, disk=1000)]
    outputs.add("crictl stats -o json", json.dumps({"stats": uses}))
    found = run(examine, [node(), web, other], outputs)
    assert found.one("WritableLayerNearLimit").subject.name == "web-1"
    assert found.serious() == {"WritableLayerNearLimit"}
