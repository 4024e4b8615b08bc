"""Reads the target parameter of the services runbook: a Service, or pods whose Services are meant."""

from __future__ import annotations

import re
from typing import NamedTuple

from kuberunbooks.errors import BadParameter

from ..pods.wanted import Wanted, parse_target

_SERVICE = re.compile(r"^(?:services?|svc)(?:\.v1)?[/\s]+(?P<name>.*)$", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_ADVICE = (
    "A target of this runbook is empty (every Service of the namespace), service/NAME, the name of a Service "
    "or its beginning, a label selector of pods, pod/NAME or a workload (deployment/NAME, …) whose Services "
    "are meant."
)


class ServiceWanted(NamedTuple):
    """What is asked for: one Service by `name`, the Services of `pods`, a bare `word`, or all."""

    name: str = ""
    pods: Wanted | None = None
    word: str = ""

    @property
    def text(self) -> str:
        """The target as the report names it."""
        if self.name:
            return f"service/{self.name}"
        return self.pods.text if self.pods is not None else self.word


def parse_service_target(text: str) -> ServiceWanted:
    """What `target` asks for. Raises BadParameter for what is no target of this runbook."""
    text = text.strip()
    if not text:
        return ServiceWanted()
    if (match := _SERVICE.match(text)) is not None:
        if not _NAME.fullmatch(match["name"]):
            raise BadParameter(f"target={text!r} names no Service.", advice=_ADVICE)
        return ServiceWanted(name=match["name"])
    try:
        found = parse_target(text)
    except BadParameter as error:
        raise BadParameter(str(error), advice=_ADVICE) from error
    if found.kind is None and found.name:
        return ServiceWanted(word=found.name)
    return ServiceWanted(pods=found)
