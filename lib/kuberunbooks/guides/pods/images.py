"""DP-06: why an image is not there.

From state.waiting, else from the newest event Failed. Secrets are never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Evidence

from ..rules.error_lines import normalised
from ..rules.pull_errors import PullError, classify, registry_of, says_why
from ..step import Yielded, step
from .containers import (
    ContainerCase,
    Examples,
    PodCase,
    container_facts,
    is_out_of_hands,
    pod_case,
    unready_since,
)
from .target import Pods

_BY_REASON = {
    "InvalidImageName": "ImageNameInvalid",
    "ErrImageNeverPull": "ImageNeverPullMissing",
    "ImageInspectError": "ImageInspectFailed",
    "RegistryUnavailable": "ImageRegistryUnreachable",
    "SignatureValidationFailed": "ImageSignatureRejected",
}
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
IMAGE_REASONS = _PULLING | _BY_REASON.keys()
"""state.waiting.reason of a container whose image is not there."""

_ROLES = ("app", "init", "sidecar")
_PULL_SECRETS = re.compile(r"\((?P<names>[^)]+)\)")
_NAME_WHY = re.compile(r"invalid reference format: (?P<why>.+)$|(?P<format>invalid reference format)")


@step("DP-06", title="Can its images be pulled?")
def images(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is every image name right, does the registry answer, and may the cluster pull from it?"""
    examples = Examples()
    for pod in target.suspects:
        if is_out_of_hands(pod):
            continue
        for view in pod.containers(*_ROLES):
            waiting = view.status.state.waiting
            if waiting is not None and waiting.reason in IMAGE_REASONS:
                yield from _of_pod(pod_case(pod, target, cluster), cluster, examples)
                break


def _of_pod(pod: PodCase, cluster: Cluster, examples: Examples) -> Iterator[Finding]:
    for case in pod.containers(*_ROLES):
        waiting = case.view.status.state.waiting
        if waiting is not None and waiting.reason in IMAGE_REASONS:
            yield from _explain(case, waiting.reason, waiting.message, cluster, examples)


def _explain(
    case: ContainerCase, reason: str, message: str, cluster: Cluster, examples: Examples
) -> Iterator[Finding]:
    image = case.view.spec.image if case.view.spec else case.view.status.image
    event = case.newest("Failed", "Failed to pull image") if not says_why(message) else None
    message = event.text if event is not None else message
    error = classify(message)
    secrets, cited = _missing_pull_secrets(case)
    codes = error.codes if reason in _PULLING else (_BY_REASON[reason],)
    group, since = (image, normalised(error.cause), tuple(secrets)), unready_since(case.pod)
    for code in codes:
        follower = examples.follower(case, code, group, since=since)
        if follower is not None:
            yield follower
            continue
        evidence = [case.cite("state.waiting.reason"), case.cite("state.waiting.message"), *cited]
        if event is not None:
            evidence.append(event.cite("message"))
        one = _finding(code, case, image, error, secrets, evidence, cluster)
        one.group, one.since = group, since
        yield one
    if secrets:
        yield finding(
            "ImagePullSecretMissing",
            case.pod,
            container=case.name,
            evidence=cited,
            since=unready_since(case.pod),
            group=(tuple(secrets),),
            secrets=secrets,
            registry=registry_of(image),
            **container_facts(case),
        )


def _finding(
    code: str,
    case: ContainerCase,
    image: str,
    error: PullError,
    secrets: list[str],
    evidence: list[Evidence],
    cluster: Cluster,
) -> Finding:
    spec = case.view.spec
    facts = {
        **container_facts(case),
        "registry": registry_of(image),
        "cause": error.cause,
        "lookup": error.lookup,
        "dns": error.dns,
        "node": case.pod.spec.node_name,
        "missing_secrets": secrets,
        "pull_secrets": [secret.name for secret in case.pod.spec.image_pull_secrets],
        "service_account": case.pod.spec.service_account_name or "default",
        "policy": spec.image_pull_policy if spec else "",
    }
    if code == "ImageNameInvalid":
        match = _NAME_WHY.search(error.cause)
        facts["why"] = (match["why"] or match["format"]) if match else error.cause
    if code == "ImageNeverPullMissing" and spec is not None:
        evidence.append(case.cite_spec("imagePullPolicy"))
    if code == "ImageArchMismatch":
        facts.update(_platform(case, cluster, evidence))
    return finding(
        code,
        case.pod,
        container=case.name,
        evidence=evidence,
        **facts,
    )


def _platform(case: ContainerCase, cluster: Cluster, evidence: list[Evidence]) -> dict[str, str]:
    """Architecture and system of the node, empty when it could not be read."""
    node = cluster.node(case.pod.spec.node_name).object if case.pod.spec.node_name else None
    if node is None:
        return {"architecture": "", "system": ""}
    info = node.status.node_info
    evidence.append(node.cite("status.nodeInfo.architecture"))
    return {"architecture": info.architecture, "system": info.operating_system}


def _missing_pull_secrets(case: ContainerCase) -> tuple[list[str], list[Evidence]]:
    """The pull secrets the kubelet could not find, by its event FailedToRetrieveImagePullSecret."""
    for event in reversed(case.of.events):
        if event.reason == "FailedToRetrieveImagePullSecret":
            match = _PULL_SECRETS.search(event.text)
            names = [name.strip() for name in match["names"].split(",")] if match else []
            return names or [secret.name for secret in case.pod.spec.image_pull_secrets], [
                event.cite("message")
            ]
    return [], []
