"""What exit codes mean, and why an image could not be pulled."""

from __future__ import annotations

import pytest

from kuberunbooks.guides.rules.exit_codes import meaning
from kuberunbooks.guides.rules.pull_errors import classify, registry_of, says_why
from kuberunbooks.objects import Terminated


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (137, "OOMKilled", "memory"),
        (137, "Error", "SIGKILL"),
        (143, "Error", "SIGTERM"),
        (139, "Error", "SIGSEGV"),
        (3221225477, "Error", "memory access violation"),
        (134, "Error", "SIGABRT"),
        (127, "Error", "not found"),
        (126, "Error", "cannot be executed"),
        (128, "StartError", "could not be started"),
        (137, "ContainerStatusUnknown", "vanished"),
        (255, "Unknown", "lost"),
    ],
)
def test_an_exit_code_is_explained(code: int, reason: str, words: str) -> None:
    assert words in meaning(Terminated(exit_code=code, reason=reason))


def test_a_code_of_the_applications_own_is_not_explained_away() -> None:
    assert meaning(Terminated(exit_code=75, reason="Error")) == ""


PULL = 'failed to pull and unpack image "shop/web:9": '
DOCKER = PULL + 'failed to resolve reference "shop/web:9": '


@pytest.mark.parametrize(
    ("message", "codes"),
    [
        (DOCKER + "docker.io/shop/web:9: not found", ("ImageNotFound",)),
        (
            DOCKER + "unexpected status from HEAD request to https://x/v2/: 401 Unauthorized",
            ("ImagePullUnauthorized",),
        ),
        (
            DOCKER
            + "pull access denied, repository does not exist or may require authorization: server message: "
            "insufficient_scope: authorization failed",
            ("ImagePullUnauthorized", "ImageNotFound"),
        ),
        (
            DOCKER + "unexpected status code: 429 Too Many Requests - toomanyrequests: rate limit",
            ("ImagePullRateLimited",),
        ),
        (
            DOCKER + 'failed to do request: Head "https://x/": dial tcp 10.0.0.1:443: i/o timeout',
            ("ImageRegistryUnreachable",),
        ),
        (
            DOCKER + 'failed to do request: Head "https://x/": x509: certificate signed by unknown authority',
            ("ImageRegistryUnreachable",),
        ),
        (
            DOCKER + "unexpected status from HEAD request: 503 Service Unavailable",
            ("ImageRegistryUnreachable",),
        ),
        ("no match for platform in manifest: not found", ("ImageArchMismatch",)),
        ("failed to extract layer: write /var/lib/x: no space left on device", ("ImageDiskFull",)),
        ("something never seen before", ("ImagePullFailed",)),
        ("", ("ImagePullFailed",)),
    ],
)
def test_a_pull_message_gives_its_cause(message: str, codes: tuple[str, ...]) -> None:
    assert classify(message).codes == codes


def test_the_name_that_did_not_resolve_is_found_with_the_server_that_was_asked() -> None:
    error = classify('Head "https://r.test/v2/": dial tcp: lookup r.test on 10.0.0.53:53: no such host')
    assert (error.lookup, error.dns) == ("r.test", "10.0.0.53")


def test_the_cause_comes_without_what_wraps_it() -> None:
    assert classify('Back-off pulling image "a": ErrImagePull: ' + DOCKER + "boom").cause == "boom"


def test_a_bare_back_off_says_nothing() -> None:
    assert not says_why('Back-off pulling image "shop/web:9"')
    assert says_why('Back-off pulling image "shop/web:9": ErrImagePull: not found')


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx", "docker.io"),
        ("shop/web:1", "docker.io"),
        ("localhost/web", "localhost"),
        ("registry:5000/web@sha256:ab", "registry:5000"),
        ("ghcr.io/a/b", "ghcr.io"),
    ],
)
def test_the_registry_of_an_image_is_the_host_it_names(image: str, registry: str) -> None:
    assert registry_of(image) == registry
