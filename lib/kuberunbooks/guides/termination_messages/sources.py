"""TM-06 and TM-07: the path and the policy of the messages, and what to change where there is none.

The kubelet mounts a file of its own at terminationMessagePath, so a read-only root file system
is no obstacle; a directory, or a read-only volume that the path leads into, is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Container, Evidence, Pod

from ..pods.containers import ContainerCase, pod_case
from ..pods.target import Pods
from ..rules.error_lines import normalised
from ..step import Yielded, step
from .ends import ContainerEnd, container_ends
from .messages import end_facts
from .said import FALLBACK, Said, listener

_DEFAULT_PATH = Container().termination_message_path

Obstacle = Literal["", "directory", "read-only"]


@step("TM-06", title="Where do they write their messages?")
def path(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which containers write their message to a path of their own, and can that be written?"""
    heard = listener(target, cluster)
    ends = {(one.case.pod.key, one.case.view.path): one for one in container_ends(target, cluster)}
    for pod in target.pods:
        if not _has_custom_path(pod):
            continue
        for case in pod_case(pod, target, cluster).containers("init", "sidecar", "app", "ephemeral"):
            spec = case.view.spec
            if spec is None or spec.termination_message_path == _DEFAULT_PATH:
                continue
            end = ends.get((pod.key, case.view.path))
            yield _custom(case, spec, end, heard.said(end) if end is not None else None)


@step("TM-07", title="What happens when a container leaves no message?")
def policy(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which messages did the kubelet take from the log, and which containers would need it to?"""
    heard = listener(target, cluster)
    for one in container_ends(target, cluster):
        said = heard.said(one)
        if said.source == "log":
            yield _from_log(one, said)
        elif _would_need_fallback(one, said):
            yield _suggestion(one, said, target)


def _would_need_fallback(one: ContainerEnd, said: Said) -> bool:
    """It failed without a message, and its policy does not allow the log."""
    failed = one.failure is not None and one.end.exit_code != 0
    return failed and said.author == "nobody" and one.spec.termination_message_policy != FALLBACK


def _has_custom_path(pod: Pod) -> bool:
    """Cheap: called for every pod of the target."""
    spec = pod.spec
    return any(
        one.termination_message_path != _DEFAULT_PATH
        for many in (spec.containers, spec.init_containers, spec.ephemeral_containers)
        for one in many
    )


def _custom(case: ContainerCase, spec: Container, end: ContainerEnd | None, said: Said | None) -> Finding:
    in_the_way, mount = obstacle(case.pod, spec)
    silent = end is not None and said is not None and end.failure is not None and said.author != "application"
    evidence: list[Evidence] = [case.cite_spec("terminationMessagePath")]
    if mount is not None:
        evidence.append(case.cite_spec(f"volumeMounts[{mount}].mountPath"))
    written = bool(said and said.author == "application" and said.source == "file")
    return finding(
        "TerminationPathCustom",
        case.pod,
        container=case.name,
        # What may be in the way is only worth a warning where no message came.
        severity="warning" if in_the_way and silent else None,
        evidence=evidence,
        group=(spec.termination_message_path, in_the_way, written),
        message_path=spec.termination_message_path,
        obstacle=in_the_way,
        field=_field(case),
        written=written,
        ended=end is not None,
    )


def _field(case: ContainerCase) -> str:
    """The list of the specification it stands in: `initContainers`."""
    return case.spec_path.removeprefix("spec.").partition("[")[0]


def obstacle(pod: Pod, spec: Container) -> tuple[Obstacle, int | None]:
    """What keeps a file from being at the path, and the index of the mount that does."""
    wanted = spec.termination_message_path
    if wanted.endswith("/"):
        return "directory", None
    read_only = {one.name for one in pod.spec.volumes if one.config_map or one.secret}
    for index, mount in enumerate(spec.volume_mounts):
        mounted = mount.mount_path.rstrip("/")
        if not mounted:
            continue
        if not mount.sub_path and (mounted == wanted or mounted.startswith(f"{wanted}/")):
            return "directory", index
        if wanted.startswith(f"{mounted}/") and (mount.read_only or mount.name in read_only):
            return "read-only", index
    return "", None


def _from_log(one: ContainerEnd, said: Said) -> Finding:
    lines = len(one.end.message.strip("\n").splitlines())
    cited = [one.case.cite_spec("terminationMessagePolicy"), *said.quote.evidence]
    return finding(
        "TerminationMessageFromLogs",
        one.case.pod,
        container=one.case.name,
        evidence=cited,
        since=one.end.finished_at,
        group=(one.end.exit_code, one.end.reason, normalised(one.end.message)),
        lines=lines,
        size=said.size,
        cut=said.cut,
        quote=said.quote.text,
        quote_in_message=said.quote.text in one.end.message,
        message_path=one.spec.termination_message_path,
        **end_facts(one),
    )


def _suggestion(one: ContainerEnd, said: Said, target: Pods) -> Finding:
    return finding(
        "TerminationFallbackSuggested",
        one.case.pod,
        container=one.case.name,
        evidence=[
            one.case.cite_spec("terminationMessagePolicy"),
            one.case.cite_spec("terminationMessagePath"),
            *said.quote.evidence,
        ],
        group=(said.log_state,),
        message_path=one.spec.termination_message_path,
        log_line=said.quote.text,
        log_state=said.log_state,
        field=_field(one.case),
        maker=target.owner_name(one.case.pod),
        **end_facts(one),
    )
