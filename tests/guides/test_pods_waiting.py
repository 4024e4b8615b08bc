"""DP-07: what else keeps a container from starting, and init containers on their way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import container, container_event, never_ran, ran, sick_pod, write_log
from tests.support.made_cases import ago, event, node, pod, running


def stuck(reason: str, message: str = "", **options: Any) -> dict[str, Any]:
    options.setdefault("phase", "Pending")
    return sick_pod(container(waiting=(reason, message)), **options)


def config_map(name: str, *keys: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", "uid": name}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": dict.fromkeys(keys, "x")}


NO_KEY = "couldn't find key DB_HSOT in ConfigMap shop/db"


def test_a_missing_key_is_named_with_the_keys_there_are_and_the_variable_that_wants_it(
    examine: Callable[..., Any],
) -> None:
    ref = {"configMapKeyRef": {"name": "db", "key": "DB_HSOT"}}
    env = [{"name": "DB", "valueFrom": ref}]
    web = stuck("CreateContainerConfigError", NO_KEY, containers=[{"name": "app", "image": "a", "env": env}])
    one = examine([web, node(), config_map("db", "DB_HOST", "DB_PORT")], "pod/web-1").one(
        "ContainerConfigMissing"
    )
    assert "ConfigMap db has no key DB_HSOT, only DB_HOST and DB_PORT" in one.summary
    assert "variable DB " in one.explanation
    assert "DB_HOST, which is spelt alike" in one.explanation


def test_a_config_map_that_cannot_be_read_claims_no_keys(examine: Callable[..., Any]) -> None:
    web = stuck("CreateContainerConfigError", NO_KEY)
    one = examine([web, node()], "pod/web-1", without=("ConfigMap",)).one("ContainerConfigMissing")
    assert one.summary.endswith("has no key DB_HSOT.")


def test_an_unlike_key_is_not_suggested(examine: Callable[..., Any]) -> None:
    web = stuck("CreateContainerConfigError", NO_KEY)
    one = examine([web, node(), config_map("db", "LOG_LEVEL")], "pod/web-1").one("ContainerConfigMissing")
    assert "spelt alike" not in one.explanation


def test_a_missing_secret_is_named_and_never_read(examine: Callable[..., Any]) -> None:
    found = examine([stuck("CreateContainerConfigError", 'secret "vault" not found'), node()], "pod/web-1")
    assert "Secret vault does not exist in namespace shop" in found.headline.summary


def test_a_container_that_must_not_run_as_root_says_so(examine: Callable[..., Any]) -> None:
    message = (
        "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root"
    )
    one = examine([stuck("CreateContainerConfigError", message), node()], "pod/web-1").one(
        "RunAsNonRootViolation"
    )
    assert "names its user" in one.summary


@pytest.mark.parametrize("reason", ["CreateContainerError", "CreateContainerConfigError"])
def test_any_other_creation_error_is_quoted(reason: str, examine: Callable[..., Any]) -> None:
    found = examine([stuck(reason, "failed to reserve container name"), node()], "pod/web-1")
    assert found.headline.code == "ContainerCreateFailed"
    assert "failed to reserve container name" in found.headline.summary


def test_a_start_that_fails_for_another_reason_than_its_command_is_quoted(
    examine: Callable[..., Any],
) -> None:
    message = (
        "runc create failed: unable to start container process: error mounting /proc: permission problem"
    )
    web = sick_pod(container(waiting=("CrashLoopBackOff", "back-off"), last=never_ran(message), restarts=3))
    found = examine([web, node()], "pod/web-1")
    assert found.headline.code == "ContainerStartFailed"
    assert "error mounting /proc: permission problem" in found.headline.summary


def hooked(**options: Any) -> dict[str, Any]:
    spec = [
        {
            "name": "app",
            "image": "a",
            "lifecycle": {
                "postStart": {"exec": {"command": ["sh", "-c", "warm up"]}},
                "preStop": {"httpGet": {"path": "/bye", "port": 80}},
            },
        }
    ]
    status = container(waiting=("CrashLoopBackOff", "back-off"), last=ran(137), restarts=3)
    return sick_pod(options.pop("status", status), containers=spec, **options)


def test_a_failed_post_start_hook_is_quoted_and_explains_the_kill(examine: Callable[..., Any]) -> None:
    web = hooked()
    found = examine(
        [web, node(), container_event(web, "FailedPostStartHook", "PostStartHook failed")], "pod/web-1"
    )
    assert found.headline.code == "LifecycleHookFailed"
    assert "exec sh -c 'warm up'" in found.headline.summary
    assert "ContainerSigkilled" not in found.codes()


def test_a_failed_pre_stop_hook_is_only_a_warning(examine: Callable[..., Any]) -> None:
    web = hooked(status=container(running=30, ready=True, restarts=1, last=ran(0)))
    failed = container_event(web, "FailedPreStopHook", "PreStopHook failed")
    one = examine([web, node(), failed], "pod/web-1").one("LifecycleHookFailed")
    assert one.severity == "warning"
    assert "http GET :80/bye" in one.summary


def test_a_hook_that_failed_before_a_long_clean_run_is_history(examine: Callable[..., Any]) -> None:
    web = hooked(status=container(running=1800, ready=True, restarts=1, last=ran(137, at=1810)))
    failed = container_event(web, "FailedPostStartHook", "PostStartHook failed", at=1850)
    assert "LifecycleHookFailed" not in examine([web, node(), failed], "pod/web-1").codes()


NO_SECRET = 'MountVolume.SetUp failed for volume "creds" : secret "vault" not found'
VOLUMES = {"volumes": [{"name": "creds", "secret": {"secretName": "vault"}}]}


def test_a_volume_that_cannot_be_mounted_names_object_and_volume(examine: Callable[..., Any]) -> None:
    web = stuck("ContainerCreating", spec=VOLUMES)
    summing = (
        "Unable to attach or mount volumes: unmounted volumes=[creds]: timed out waiting for the condition"
    )
    found = examine(
        [
            web,
            node(),
            event(web, "FailedMount", NO_SECRET, type_="Warning", first=300, count=5),
            event(web, "FailedMount", summing, type_="Warning", at=50),
        ],
        "pod/web-1",
    )
    one = found.one("VolumeMountFailed")
    assert "Volume creds of pod web-1 cannot be mounted: Secret vault does not exist" in one.summary
    assert one.evidence[1].path == "spec.volumes[0]"
    assert "ContainerCreatingSlow" not in found.codes()


def test_a_missing_key_of_a_volume_is_named_with_its_object(examine: Callable[..., Any]) -> None:
    web = stuck("ContainerCreating", spec=VOLUMES)
    why = 'MountVolume.SetUp failed for volume "creds" : references non-existent secret key: tls.key'.replace(
        "references", "secret references"
    )
    found = examine([web, node(), event(web, "FailedMount", why, type_="Warning")], "pod/web-1")
    assert "Secret vault has no key tls.key" in found.headline.summary


def test_a_mount_that_failed_before_a_start_is_history(examine: Callable[..., Any]) -> None:
    web = pod(spec=VOLUMES)
    found = examine([web, node(), event(web, "FailedMount", NO_SECRET, type_="Warning", at=600)])
    assert found.serious() == set()


def test_a_volume_that_can_no_longer_be_refreshed_under_a_running_pod_is_a_warning(
    examine: Callable[..., Any],
) -> None:
    web = pod(containers=[{**running(), "state": {"running": {"startedAt": ago(5000)}}}], spec=VOLUMES)
    found = examine([web, node(), event(web, "FailedMount", NO_SECRET, type_="Warning")])
    assert found.one("VolumeMountFailed").severity == "warning"


def test_an_object_the_kubelet_has_not_seen_yet_is_no_fault(examine: Callable[..., Any]) -> None:
    web = stuck("ContainerCreating", spec=VOLUMES, started=20)
    why = 'MountVolume.SetUp failed for volume "creds" : object "shop"/"vault" not registered'
    found = examine([web, node(), event(web, "FailedMount", why, type_="Warning", at=10)], "pod/web-1")
    assert "VolumeMountFailed" not in found.codes()


def test_a_disk_another_node_holds_is_in_use(examine: Callable[..., Any]) -> None:
    volumes = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "ledger"}}]}
    web = stuck("ContainerCreating", spec=volumes)
    why = 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) ledger-0'
    found = examine([web, node(), event(web, "FailedAttachVolume", why, type_="Warning")], "pod/web-1")
    assert {"VolumeInUse", "VolumeAttachFailed"} <= found.codes()
    assert found.headline.code == "VolumeInUse"
    assert "claim ledger is still attached to another node (by ledger-0)" in found.headline.summary
    assert "ledger" in found.one("VolumeAttachFailed").summary


@pytest.mark.parametrize(
    ("reason", "message", "code"),
    [
        ("FailedCreatePodSandBox", 'plugin type="calico" failed (add): no IPs left', "PodNetworkSetupFailed"),
        ("NetworkNotReady", "network is not ready: cni plugin not initialized", "PodNetworkSetupFailed"),
        ("FailedCreatePodSandBox", 'failed to get sandbox image "pause:3.9": 404', "SandboxCreateFailed"),
        ("FailedCreatePodSandBox", "failed to reserve sandbox name", "SandboxCreateFailed"),
    ],
)
def test_a_sandbox_that_cannot_be_made_tells_network_from_runtime(
    reason: str, message: str, code: str, examine: Callable[..., Any]
) -> None:
    web = stuck("ContainerCreating")
    found = examine([web, node(), event(web, reason, message, type_="Warning")], "pod/web-1")
    assert found.headline.code == code
    assert "node n1" in found.headline.summary


def test_a_sandbox_that_failed_before_the_start_is_history(examine: Callable[..., Any]) -> None:
    web = pod()
    late = event(web, "FailedCreatePodSandBox", "failed to reserve", type_="Warning", at=300)
    assert examine([web, node(), late]).serious() == set()


def test_a_long_creation_without_a_reason_is_slow_and_a_short_one_is_not(examine: Callable[..., Any]) -> None:
    assert "no event says why" in examine([stuck("ContainerCreating", started=400), node()]).headline.summary
    assert examine([stuck("ContainerCreating", started=60), node()]).serious() == set()


def test_a_long_creation_with_a_running_pull_says_that(examine: Callable[..., Any]) -> None:
    web = stuck("ContainerCreating", started=400)
    pull = container_event(web, "Pulling", 'Pulling image "shop/web:1"', type_="Normal", at=390)
    assert "still pulling image" in examine([web, node(), pull], "pod/web-1").headline.summary


def test_nothing_is_called_slow_on_a_node_that_is_lost(examine: Callable[..., Any]) -> None:
    found = examine([stuck("ContainerCreating", started=400), node(ready="Unknown")], "pod/web-1")
    assert "ContainerCreatingSlow" not in found.codes()


def init_pod(
    *statuses: dict[str, Any], specs: list[dict[str, Any]] | None = None, **options: Any
) -> dict[str, Any]:
    waits = container(waiting=("PodInitializing", ""))
    named = specs or [{"name": one["name"], "image": "a"} for one in statuses]
    spec = {"initContainers": named, **options.pop("spec", {})}
    options.setdefault("phase", "Pending")
    return sick_pod(
        waits, initialized=False, spec=spec, status={"initContainerStatuses": list(statuses)}, **options
    )


def test_an_init_container_that_runs_is_progress_and_quotes_what_it_waits_for(
    tmp_path: Path, examine: Callable[..., Any]
) -> None:
    write_log(tmp_path / "case", "waiting for db\nwaiting for db", name="wait")
    found = examine([init_pod(container("wait", running=120)), node()], "pod/web-1")
    assert found.serious() == set()
    assert found.headline.code == "InitProgress"
    assert (
        'wait (1 of 1), which has been running for 2 min; it last said "waiting for db"'
        in found.headline.summary
    )


def test_an_init_container_that_runs_for_ten_minutes_is_a_warning(examine: Callable[..., Any]) -> None:
    found = examine([init_pod(container("wait", running=700)), node()], "pod/web-1")
    assert found.one("InitContainerLongRunning").severity == "warning"
    assert "InitProgress" not in found.codes()


def test_an_init_image_that_cannot_be_pulled_is_headlined_by_its_cause(examine: Callable[..., Any]) -> None:
    found = examine(
        [init_pod(container("get", waiting=("ErrImagePull", "x: not found"))), node()], "pod/web-1"
    )
    assert found.headline.code == "ImageNotFound"
    assert found.one("InitContainerWaiting").subject.container == "get"


def test_a_sidecar_that_does_not_get_started_holds_up_the_rest(examine: Callable[..., Any]) -> None:
    specs = [
        {"name": "proxy", "image": "a", "restartPolicy": "Always", "startupProbe": {"tcpSocket": {"port": 1}}}
    ]
    web = init_pod(container("proxy", running=300, started=False), specs=specs)
    assert "proxy" in examine([web, node()], "pod/web-1").one("SidecarNotStarted").summary
    young = init_pod(container("proxy", running=20, started=False), specs=specs)
    assert "SidecarNotStarted" not in examine([young, node()], "pod/web-1").codes()


def test_unknown_waiting_reasons_of_a_future_version_do_not_break_the_step(
    examine: Callable[..., Any],
) -> None:
    examine([stuck("SomethingNew", "brand new"), stuck("", name="web-2"), node()])


def test_init_waits_is_reported_as_progress_with_its_own_words_and_its_trouble(
    diagnose: Callable[..., Any],
) -> None:
    found = diagnose("init-containers", "pod/init-waits")
    assert found.serious() == set()
    assert 'it last said "waiting for queue"' in found.headline.summary
    assert "invalid option -- 'z'" in found.headline.explanation


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("pod/mailer", ("ConfigMap mailer-config has no key SMTP_PORT", "SMTP_HOST")),
        ("pod/vault-client", ("Volume creds", "Secret vault-approle does not exist")),
        ("pod/rooted", ("runAsNonRoot", "runs as root")),
    ],
)
def test_the_recorded_config_incidents_are_named_as_a_colleague_would(
    target: str, words: tuple[str, ...], diagnose: Callable[..., Any]
) -> None:
    summary = diagnose("config-missing", target).headline.summary
    assert all(word in summary for word in words), summary
