"""The objects we would send are those that a real kubectl debug sends, for every profile and way."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kuberunbooks.guides.rules.debug_manifests import PROFILES, ephemeral_container, node_pod, pod_copy
from tests.support.kubectl_debug import KUBECTL, kubectl_debug
from tests.support.protobuf_pods import without_empty

pytestmark = pytest.mark.skipif(not KUBECTL.exists(), reason="needs the kubectl of the dev extra")

_PROBE = {"exec": {"command": ["true"]}, "periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1}
_PROBES = dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe"), _PROBE)

POD: dict[str, Any] = {
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "generateName": "web-",
        "uid": "u-1",
        "resourceVersion": "7",
        "creationTimestamp": "2026-11-23T11:00:00Z",
        "labels": {"app": "web"},
        "annotations": {"note": "x"},
        "finalizers": ["example.com/x"],
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d", "uid": "r", "controller": True}
        ],
    },
    "spec": {
        "volumes": [{"name": "data", "emptyDir": {}}],
        "initContainers": [
            {"name": "prepare", "image": "shop/prepare:1", "command": ["/prepare"]},
            {"name": "proxy", "image": "shop/proxy:1", "restartPolicy": "Always", **_PROBES},
        ],
        "containers": [
            {
                "name": "app",
                "image": "shop/web:1",
                "command": ["/web"],
                "args": ["--port", "80"],
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "resources": {"limits": {"memory": "64Mi"}},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "securityContext": {"runAsUser": 1000, "capabilities": {"add": ["CHOWN"], "drop": ["ALL"]}},
                "lifecycle": {"preStop": {"exec": {"command": ["true"]}}},
                "env": [{"name": "A", "value": "b"}],
                **_PROBES,
            },
            {"name": "logs", "image": "shop/logs:1"},
        ],
        "ephemeralContainers": [{"name": "debugger-bbbbb", "image": "busybox", "targetContainerName": "app"}],
        "nodeName": "n1",
        "nodeSelector": {"disk": "ssd"},
        "restartPolicy": "Always",
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "priorityClassName": "high",
        "securityContext": {"runAsNonRoot": True},
        "serviceAccountName": "web",
        "terminationGracePeriodSeconds": 30,
    },
    "status": {"phase": "Running"},
}


def _same(sent: dict[str, Any], ours: dict[str, Any]) -> None:
    """Alike but for empty values, which the wire does not hold, and what stands in the path too."""
    sent, ours = without_empty(sent), without_empty(ours)
    sent["metadata"].setdefault("namespace", "shop")
    assert ours == {"apiVersion": "v1", "kind": "Pod", **sent}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("interactive", [False, True])
def test_an_ephemeral_container_is_what_kubectl_adds(profile: str, interactive: bool) -> None:
    flags = ["-it", "--attach=false"] if interactive else []
    arguments = [
        "pod/web-1",
        "--image=busybox:1.36",
        "--target=app",
        "-c",
        "d",
        f"--profile={profile}",
        *flags,
    ]
    sent = kubectl_debug(POD, [*arguments, "--", "sleep", "60"])
    assert (sent.method, sent.path) == ("PATCH", "/api/v1/namespaces/shop/pods/web-1/ephemeralcontainers")
    ours = ephemeral_container(
        "d", "busybox:1.36", profile=profile, target="app", command=["sleep", "60"], stdin=interactive
    )
    assert without_empty(sent.body["spec"]["ephemeralContainers"]) == without_empty([ours])


@pytest.mark.parametrize("profile", PROFILES)
def test_a_copy_with_a_debug_container_is_what_kubectl_makes(profile: str) -> None:
    arguments = [
        "pod/web-1",
        "--image=busybox:1.36",
        "--copy-to=web-1-debug",
        "-c",
        "d",
        f"--profile={profile}",
    ]
    sent = kubectl_debug(POD, arguments)
    _same(sent.body, pod_copy(POD, "web-1-debug", profile=profile, container="d", image="busybox:1.36"))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("container", ["app", "logs", "prepare", "proxy"])
def test_a_copy_with_another_command_is_what_kubectl_makes(profile: str, container: str) -> None:
    arguments = [
        "pod/web-1",
        "--copy-to=web-1-debug",
        "-c",
        container,
        f"--profile={profile}",
        "--",
        "sleep",
        "1d",
    ]
    ours = pod_copy(POD, "web-1-debug", profile=profile, container=container, command=["sleep", "1d"])
    _same(kubectl_debug(POD, arguments).body, ours)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("command", [[], ["sh", "-c", "sleep 60"]])
def test_a_copy_with_another_image_is_what_kubectl_makes(profile: str, command: list[str]) -> None:
    arguments = ["pod/web-1", "--copy-to=c", "-c", "app", "--image=shop/web:2", f"--profile={profile}"]
    sent = kubectl_debug(POD, [*arguments, *(["--", *command] if command else [])])
    ours = pod_copy(POD, "c", profile=profile, container="app", image="shop/web:2", command=command)
    _same(sent.body, ours)


@pytest.mark.parametrize("images", [{"*": "ubuntu"}, {"app": "ubuntu", "*": "debian"}, {"logs": "ubuntu"}])
def test_a_copy_with_all_images_changed_is_what_kubectl_makes(images: dict[str, str]) -> None:
    pairs = ",".join(f"{name}={image}" for name, image in images.items())
    arguments = ["pod/web-1", "--copy-to=c", f"--set-image={pairs}", "--image=busybox", "-c", "d"]
    ours = pod_copy(POD, "c", profile="general", container="d", image="busybox", images=images)
    _same(kubectl_debug(POD, [*arguments, "--profile=general"]).body, ours)


@pytest.mark.parametrize("shared", [None, False, True])
@pytest.mark.parametrize("same_node", [False, True])
def test_processes_are_shared_and_the_node_is_kept_as_kubectl_does(
    shared: bool | None, same_node: bool
) -> None:
    pod = copy.deepcopy(POD)
    if shared is not None:
        pod["spec"]["shareProcessNamespace"] = shared
    arguments = ["pod/web-1", "--image=x", "--copy-to=c", "-c", "d", "--profile=general", "--share-processes"]
    sent = kubectl_debug(pod, [*arguments, *(["--same-node"] if same_node else [])])
    _same(sent.body, pod_copy(pod, "c", profile="general", container="d", image="x", same_node=same_node))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_pod_on_a_node_is_what_kubectl_makes(profile: str) -> None:
    sent = kubectl_debug(POD, ["node/n1.example.com", "--image=busybox", f"--profile={profile}", "--", "sh"])
    name = sent.body["metadata"]["name"]
    assert name.startswith("node-debugger-n1.example.com-")
    _same(
        sent.body,
        node_pod("n1.example.com", name, "shop", "busybox", profile=profile, command=["sh"]),
    )


def test_kubectl_leaves_labels_and_probes_on_a_copy_of_which_only_images_change() -> None:
    """Which is why the commands we give never use --set-image alone: a Service would send it traffic."""
    sent = kubectl_debug(POD, ["pod/web-1", "--copy-to=c", "--set-image=*=ubuntu"])
    assert sent.body["metadata"]["labels"] == {"app": "web"}
    assert "livenessProbe" in sent.body["spec"]["containers"][0]


def test_the_pod_that_was_copied_is_left_as_it_was() -> None:
    before = copy.deepcopy(POD)
    pod_copy(POD, "c", profile="sysadmin", container="app", image="y", command=["sh"], images={"*": "z"})
    assert before == POD
