"""The way of a request, hop by hop: what each step found of its hop, for the picture at the end.

A step is put on a hop with `on_hop`; the hop is then as bad as the worst the step says,
fine when the step says that something is, and otherwise not checked.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Literal

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, HopState

from ..step import Step, StepFunction, Yielded
from .target import Services

HopName = Literal["client", "dns", "policy", "proxy", "service", "slices", "pods"]

_WORST_FIRST: tuple[HopState, ...] = ("critical", "warning", "ok", "unchecked")
SYMPTOMS = frozenset(("ServiceIpFailed", "ServiceIpPartial"))
"""That a request fails says no more than the client says itself: no hop is to blame for it."""

_TRACE = "trace"
_SERIOUS = "serious codes"


def trace(target: Services) -> dict[HopName, HopState]:
    """The state of each hop that a step has looked at so far."""
    found: dict[HopName, HopState] = target.memo.setdefault(_TRACE, {})
    return found


def serious_codes(target: Services) -> set[str]:
    """The codes of what was found wrong so far."""
    found: set[str] = target.memo.setdefault(_SERIOUS, set())
    return found


def on_hop(name: HopName, one: Step) -> Step:
    """The step, which also notes how its hop is."""
    return one._replace(parts=tuple(_noting(name, part) for part in one.parts))


def _noting(name: HopName, part: StepFunction) -> StepFunction:
    @functools.wraps(part)
    def run(target: Services, cluster: Cluster) -> Iterator[Yielded]:
        _note(target, name, "unchecked")
        for item in part(target, cluster):
            if isinstance(item, Finding) and item.severity != "info":
                if item.code not in SYMPTOMS:
                    _note(target, name, item.severity)
                if item.severity != "ok":
                    serious_codes(target).add(item.code)
            yield item

    return run


def _note(target: Services, name: HopName, state: HopState) -> None:
    known = trace(target).get(name, "unchecked")
    trace(target)[name] = min(known, state, key=_WORST_FIRST.index)
