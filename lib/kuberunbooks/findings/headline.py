"""The headline: the root cause among all findings, by the order of `headline.yaml`.

First what another finding explains is dropped, then what is about the surroundings
gives way to what is about the target itself, then critical goes before warning, then
the order of the stages, then the number of objects. Used by the closing cell of every
notebook and again when a report is made from a partial one.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import msgspec

from .model import SEVERITIES, Finding
from .words import CATALOGUE, read_yaml


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """headline.yaml: `stages` in order, `wrappers`, `elsewhere`, and what answers a quiet run."""

    stages: list[list[str]]
    wrappers: list[str]
    elsewhere: list[str]
    answers: list[str]


@functools.cache
def order() -> Order:
    """The order of precedence."""
    return msgspec.convert(read_yaml(CATALOGUE.parent / "headline.yaml"), Order)


@functools.cache
def _rank() -> dict[str, int]:
    return {code: rank for rank, code in enumerate(code for stage in order().stages for code in stage)}


def headline(findings: Sequence[Finding]) -> Finding | None:
    """The root cause; None when nothing is critical, warning, or an answer of its own."""
    serious = [one for one in findings if one.severity in ("critical", "warning")]
    if serious:
        left = without_explained(serious)
        own = [one for one in left if one.code not in order().elsewhere]
        return min(own or left, key=precedence)
    answers = [one for one in findings if one.severity == "info" and one.code in order().answers]
    return min(answers, key=lambda one: order().answers.index(one.code), default=None)


def precedence(one: Finding) -> tuple[int, int, int, int]:
    """Sort key, best first: severity, ordinal, stage, number of objects.

    Pods of a StatefulSet depend on those before them: a rule that knows a pod's
    ordinal says so in `facts["ordinal"]`, and the lowest goes first.
    """
    rank = _rank()
    last = len(rank)
    wrappers = order().wrappers
    place = last + 1 + wrappers.index(one.code) if one.code in wrappers else rank.get(one.code, last)
    ordinal = one.facts.get("ordinal", 0)
    return (SEVERITIES.index(one.severity), ordinal if isinstance(ordinal, int) else 0, place, -one.count)


def without_explained(findings: Sequence[Finding]) -> list[Finding]:
    """The findings without the wrappers that a cause on the same object, or on what it owns, explains."""
    wrappers = {id(one) for one in findings if one.code in order().wrappers or "because" in one.facts}
    causes = [one for one in findings if id(one) not in wrappers]
    explained: set[tuple[str, str]] = set()
    for cause in causes:
        namespace = cause.subject.namespace
        explained.add((namespace, cause.subject.text))
        explained.update((namespace, f"{cause.subject.kind.lower()}/{name}") for name in cause.affected)
        texts = (cause.owner, *cause.facts.get("explains", ()))
        explained.update(_placed(text, namespace) for text in texts if text)
    left = causes + [one for one in findings if id(one) in wrappers and not _is_explained(one, explained)]
    return left or list(findings)


def _placed(text: str, namespace: str) -> tuple[str, str]:
    """`pod/web-1` is in the cause's own namespace, `shop/pod/web-1` (of a Node, say) in that one."""
    place, _, rest = text.partition("/")
    return (place, rest) if "/" in rest else (namespace, text)


def _is_explained(wrapper: Finding, explained: set[tuple[str, str]]) -> bool:
    """Any finding may name in `facts["because"]` what explains it: a Service's pods, a taint's nodes."""
    kind, namespace = wrapper.subject.kind.lower(), wrapper.subject.namespace
    because = wrapper.facts.get("because", ())
    if any((place, text) in explained for text in because for place in (namespace, "")):
        return True
    names = wrapper.affected or [wrapper.subject.name]
    return all((namespace, f"{kind}/{name}") in explained for name in names)
