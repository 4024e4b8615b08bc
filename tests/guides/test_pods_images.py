"""DP-06: images that cannot be pulled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.containers import container, container_event, sick_pod
from tests.support.made_cases import event, node, owner, pod, workload

WHERE = 'failed to resolve reference "ghcr.io/shop/web:9": '
WRAP = 'Back-off pulling image "ghcr.io/shop/web:9": ErrImagePull: ' + WHERE
SPEC = [{"name": "app", "image": "ghcr.io/shop/web:9"}]


def pulling(reason: str = "ImagePullBackOff", message: str = "", **options: Any) -> dict[str, Any]:
    return sick_pod(container(waiting=(reason, message)), phase="Pending", containers=SPEC, **options)


@pytest.mark.parametrize(
    ("reason", "message", "code", "words"),
    [
        ("ImagePullBackOff", WRAP + "ghcr.io/shop/web:9: not found", "ImageNotFound", "ghcr.io has no image"),
        (
            "ErrImagePull",
            WRAP + "unexpected status: 403 Forbidden",
            "ImagePullUnauthorized",
            "ghcr.io refuses",
        ),
        ("ErrImagePull", WRAP + "429 Too Many Requests", "ImagePullRateLimited", "too many pulls"),
        (
            "ErrImagePull",
            WRAP + "dial tcp 1.2.3.4:443: i/o timeout",
            "ImageRegistryUnreachable",
            "i/o timeout",
        ),
        ("ErrImagePull", "write: no space left on device", "ImageDiskFull", "no space left on node n1"),
        ("ErrImagePull", "of a kind never seen", "ImagePullFailed", "of a kind never seen"),
        ("ErrImagePull", "", "ImagePullFailed", "gives no reason"),
        ("ImageInspectError", "corrupt", "ImageInspectFailed", "corrupt"),
        ("RegistryUnavailable", "down", "ImageRegistryUnreachable", "down"),
        ("SignatureValidationFailed", "no key", "ImageSignatureRejected", "no key"),
    ],
)
def test_a_waiting_message_gives_its_code(
    reason: str, message: str, code: str, words: str, examine: Callable[..., Any]
) -> None:
    found = examine([pulling(reason, message), node()], "pod/web-1")
    one = found.one(code)
    assert found.headline.code == code
    assert words in one.summary
    assert "app" in one.summary
    assert one.severity == "critical"
    assert any("state.waiting" in cited.path for cited in one.evidence)


def test_a_registry_that_answers_both_ways_gives_the_credentials_first(examine: Callable[..., Any]) -> None:
    message = WRAP + "pull access denied, repository does not exist or may require authorization"
    found = examine([pulling(message=message), node()], "pod/web-1")
    assert found.headline.code == "ImagePullUnauthorized"
    assert "ImageNotFound" in found.codes()


def test_an_older_kubelet_that_only_says_back_off_is_read_from_its_event(examine: Callable[..., Any]) -> None:
    web = pulling(message='Back-off pulling image "ghcr.io/shop/web:9"')
    why = 'Failed to pull image "ghcr.io/shop/web:9": ghcr.io/shop/web:9: not found'
    found = examine(
        [
            web,
            node(),
            container_event(web, "Failed", why, at=90),
            container_event(web, "Failed", "Error: ErrImagePull", at=60),
        ],
        "pod/web-1",
    )
    cited = found.one("ImageNotFound").evidence
    assert [one.value for one in cited if "events#" in one.source] == [why]


def test_a_wrong_platform_is_compared_with_the_nodes(examine: Callable[..., Any]) -> None:
    n1 = node()
    n1["status"]["nodeInfo"] = {"architecture": "arm64", "operatingSystem": "linux"}
    found = examine([pulling(message=WRAP + "no match for platform in manifest: not found"), n1], "pod/web-1")
    assert "linux/arm64" in found.one("ImageArchMismatch").summary
    assert "ImageNotFound" not in found.codes()


def test_a_wrong_platform_is_named_too_when_the_node_cannot_be_read(examine: Callable[..., Any]) -> None:
    web = pulling(message=WRAP + "no match for platform in manifest")
    assert (
        "platform of node n1"
        in examine([web], "pod/web-1", without=("Node",)).one("ImageArchMismatch").summary
    )


MISSING = (
    "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
)


def test_a_missing_pull_secret_is_named_by_the_kubelets_event(examine: Callable[..., Any]) -> None:
    web = pulling(message=WRAP + "401 Unauthorized", spec={"imagePullSecrets": [{"name": "regcred"}]})
    told = event(web, "FailedToRetrieveImagePullSecret", MISSING, type_="Warning")
    found = examine([web, node(), told], "pod/web-1")
    assert "regcred" in found.one("ImagePullSecretMissing").summary
    assert "regcred" in found.headline.summary
    assert found.headline.code == "ImagePullUnauthorized"


def test_a_missing_pull_secret_that_nobody_needs_is_no_alarm(examine: Callable[..., Any]) -> None:
    web = pod()
    found = examine([web, node(), event(web, "FailedToRetrieveImagePullSecret", MISSING, type_="Warning")])
    assert found.serious() == set()


def test_a_pull_that_failed_before_the_container_started_is_history(examine: Callable[..., Any]) -> None:
    web = pod()
    why = 'Failed to pull image "ghcr.io/shop/web:9": not found'
    assert examine([web, node(), container_event(web, "Failed", why, at=300)]).serious() == set()


def test_a_debug_container_that_cannot_be_pulled_is_no_fault_of_the_pod(examine: Callable[..., Any]) -> None:
    debugger = container("debugger", waiting=("ErrImagePull", "x: not found"))
    web = pod(
        spec={"ephemeralContainers": [{"name": "debugger"}]},
        status={"ephemeralContainerStatuses": [debugger]},
    )
    found = examine([web, node(), event(web, "Failed", "Error: ErrImagePull", type_="Warning")], "pod/web-1")
    assert found.serious() == set()


def test_pods_of_one_deployment_that_lack_one_image_are_one_finding(examine: Callable[..., Any]) -> None:
    pods = [
        pulling(
            message=WRAP + "not found", name=f"web-abc-{i}", ownerReferences=owner("ReplicaSet", "web-abc")
        )
        for i in range(3)
    ]
    above = workload("ReplicaSet", "web-abc", replicas=3, ownerReferences=owner("Deployment", "web"))
    one = examine([*pods, above, workload("Deployment", "web", replicas=3), node()]).one("ImageNotFound")
    assert one.count == 3
    assert "all 3 pods of deployment/web" in one.summary


def test_every_value_in_a_command_is_quoted_for_the_shell(examine: Callable[..., Any]) -> None:
    web = sick_pod(
        container(waiting=("ErrImagePull", "not there: not found")),
        containers=[{"name": "app", "image": "a; rm -rf /"}],
    )
    commands = [step.command for step in examine([web, node()], "pod/web-1").one("ImageNotFound").next]
    assert "docker manifest inspect 'a; rm -rf /'" in commands


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("deployment/storefront", ("registry.shop.test", "does not resolve", "storefront:2.4.1-rc")),
        ("pod/badname", ("Storefront/Web:Latest!", "must be lowercase")),
        ("pod/neverpull", ("internal/base:7", "imagePullPolicy is Never", "lab-node-1")),
    ],
)
def test_the_recorded_image_incidents_are_named_as_a_colleague_would(
    target: str, words: tuple[str, ...], diagnose: Callable[..., Any]
) -> None:
    summary = diagnose("image-pull", target).headline.summary
    assert all(word in summary for word in words), summary
