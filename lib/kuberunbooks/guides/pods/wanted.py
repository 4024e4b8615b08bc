"""Reads the target parameter: what kind of thing is asked for, and by which name.

`resolve` calls it before the first request, so that a target no pods runbook can
serve is refused with advice at once.
"""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple

from kuberunbooks.errors import BadParameter
from kuberunbooks.objects import (
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    Pod,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    parse_labels,
)

from .target import Controller

PodKind = type[Pod] | type[Controller]

# Singular, short names and API group of each kind, as kubectl accepts them.
_KINDS: dict[str, PodKind] = {
    "pod": Pod,
    "po": Pod,
    "deployment": Deployment,
    "deploy": Deployment,
    "replicaset": ReplicaSet,
    "rs": ReplicaSet,
    "statefulset": StatefulSet,
    "sts": StatefulSet,
    "daemonset": DaemonSet,
    "ds": DaemonSet,
    "replicationcontroller": ReplicationController,
    "rc": ReplicationController,
    "job": Job,
    "cronjob": CronJob,
    "cj": CronJob,
}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9][-a-z0-9.]*")
_ADVICE = (
    "A target of this runbook is empty (the whole namespace), pod/NAME, a name or name prefix, "
    "a label selector such as app=web, or deployment/, replicaset/, statefulset/, daemonset/, "
    "replicationcontroller/, job/ or cronjob/NAME."
)


class Wanted(NamedTuple):
    """A target as it was meant: `kind` with `name`, `name` alone (or a prefix), `selector`, or nothing."""

    kind: PodKind | None = None
    name: str = ""
    selector: str = ""

    @property
    def text(self) -> str:
        """The target as kubectl would name it: `deployment/web`, `web`, `app=web`."""
        return f"{self.kind.api.kind.lower()}/{self.name}" if self.kind else self.name or self.selector


def parse_target(text: str) -> Wanted:
    """What `target` asks for. Raises BadParameter for what is no target of this runbook."""
    text = text.strip()
    if not text:
        return Wanted()
    if re.search(r"[=!]|\s(not)?in\s*\(", text):
        return Wanted(selector=_selector(text))
    text = re.sub(r"\s+", "/", text, count=1)  # `deployment web`, as one writes it after kubectl get
    if "/" not in text:
        if not _PREFIX.fullmatch(text):
            raise BadParameter(f"target={text!r} is no name of a pod.", advice=_ADVICE)
        return Wanted(name=text)
    kind_text, _, name = text.partition("/")
    kind = _kind(kind_text)
    if not _NAME.fullmatch(name):
        raise BadParameter(f"target={text!r} names no {kind.api.kind}: {name!r} is no name.", advice=_ADVICE)
    return Wanted(kind=kind, name=name)


def _selector(text: str) -> str:
    try:
        parse_labels(text)
    except ValueError as error:
        raise BadParameter(f"target={text!r}: {error}.", advice=_ADVICE) from error
    return text


def _kind(text: str) -> PodKind:
    """`Deployment`, `deploy`, `deployments`, `deployments.apps`, `deployment.v1.apps`."""
    word = text.lower().partition(".")[0]
    kind = _KINDS.get(word) or _KINDS.get(word.removesuffix("s"))
    if kind is not None:
        return kind
    near = difflib.get_close_matches(word, [name for name in _KINDS if len(name) > 3], n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise BadParameter(f"This runbook cannot look at a {text}.{hint}", advice=_ADVICE)
