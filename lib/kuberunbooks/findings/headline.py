"""The headline: the root cause among all findings, by the order of `headline.yaml`.

First what another finding explains is dropped, then what is about the surroundings
gives way to what is about the target itself, then critical goes before warning, then
the order of the stages, then the number of objects. Used by the closing cell of every
notebook and again when a report is made from a partial one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

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
    wrappers = [one for one in findings if one.code in order().wrappers or "because" in one.facts]
    known = {id(one) for one in wrappers}
    causes = [one for one in findings if id(one) not in known]
    explained = {place for cause in causes for place in _explained_by(cause)}
    # A cause that another one explains still says why: a taint that a lost node left, say.
    links = [one for one in wrappers if one.code not in order().wrappers and _is_explained(one, explained)]
    explained.update(place for one in links for place in _explained_by(one))
    left = causes + [one for one in wrappers if not _is_explained(one, explained)]
    return left or list(findings)


def _explained_by(cause: Finding) -> Iterator[tuple[str, str]]:
    """(namespace, object) of what it is about and of what it names."""
    namespace, kind = cause.subject.namespace, cause.subject.kind.lower()
    yield (namespace, cause.subject.text)
    yield from ((namespace, f"{kind}/{name}") for name in cause.affected)
    yield from (_placed(text, namespace) for text in (cause.owner, *cause.facts.get("explains", ())) if text)


def _placed(text: str, namespace: str) -> tuple[str, str]:
    """`pod/web-1` is in the cause's own namespace, `shop/pod/web-1` (of a Node, say) in that one."""
    place, _, rest = text.partition("/")
    return (place, rest) if "/" in rest else (namespace, text)


def _is_explained(wrapper: Finding, explained: set[tuple[str, str]]) -> bool:
    """Any finding may name in `facts["because"]` what explains it: a Service's pods, a taint's nodes."""
    kind, namespace = wrapper.subject.kind.lower(), wrapper.subject.namespace
    because = wrapper.facts.get("because", ())
    # `dns/pod/web` is a name of our own for what has no object, not a namespace.
    places = [
        spot
        for text in because
        for place in (namespace, "")
        for spot in ((place, text), _placed(text, place))
    ]
    if any(spot in explained for spot in places):
        return True
    names = wrapper.affected or [wrapper.subject.name]
    return all((namespace, f"{kind}/{name}") in explained for name in names)
