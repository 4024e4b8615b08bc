"""The tables of the first look: causes one by one, and more of them counted by cause.

A row is for the eye at 03:00: how bad, what, who, since when, and the command that goes
deeper. Called by the sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, fill

from ..pods.target import Pods
from ..rules.error_lines import bounded
from .deeper import command, deeper
from .resolve import look_of

_LONGEST = 140
_MOST_CODES = 20
_MOST_NAMED = 3


def causes_table(causes: Sequence[Finding], commands: Sequence[str], target: Pods, now: datetime) -> Table:
    """One row for each cause and owner; the findings have their texts already."""
    rows = [
        [
            target.words(f"status_{one.severity}"),
            bounded(one.title, _LONGEST),
            _who(one, target),
            _since(one.since, target, now),
            deeper_,
        ]
        for one, deeper_ in zip(causes, commands, strict=True)
    ]
    names = ("HOW BAD", "WHAT", "WHO", "SINCE", "LOOK CLOSER WITH")
    return Table(
        caption="What is wrong, worst first",
        columns=[Column(name=name) for name in names],
        rows=rows,
        leading=True,
    )


def by_cause(caption: str, findings: Sequence[Finding], target: Pods, cluster: Cluster) -> Table:
    """One row for each code, in the order of the findings, with some of those it is about."""
    alike: dict[str, list[Finding]] = {}
    for one in findings:
        alike.setdefault(one.code, []).append(one)
    rows = []
    for same in list(alike.values())[:_MOST_CODES]:
        example = fill(same[0], look_of(target).request.language)
        rows.append(
            [
                target.words(f"status_{example.severity}"),
                bounded(example.title, _LONGEST),
                f"{sum(one.count for one in same):,}",
                target.words.listing([_whose(one, target) for one in same[: _MOST_NAMED + 1]], _MOST_NAMED)
                if len(same) <= _MOST_NAMED
                else ", ".join(_whose(one, target) for one in same[:_MOST_NAMED]) + ", …",
                command(deeper(example), target, cluster),
            ]
        )
    names = ("HOW BAD", "WHAT, FOR INSTANCE", "OBJECTS", "WHOSE", "LOOK CLOSER WITH")
    columns = [Column(name=name, numeric=name == "OBJECTS") for name in names]
    return Table(caption=caption, columns=columns, rows=rows, omitted=max(0, len(alike) - _MOST_CODES))


def _who(one: Finding, target: Pods) -> str:
    """`2 of 3 pods of deployment/web`; with the namespace where there are several."""
    who = target.words.share(one)
    if one.owner and one.owner not in who:
        who = f"{who} of {one.owner}"
    place = one.subject.namespace
    return f"{place}: {who}" if place and place != target.namespace else who


def _whose(one: Finding, target: Pods) -> str:
    text, place = one.owner or one.subject.text, one.subject.namespace
    return f"{place}/{text}" if place and place != target.namespace else text


def _since(at: datetime | None, target: Pods, now: datetime) -> str:
    if at is None:
        return "not known"
    return f"{at:%m-%d %H:%M} UTC, {target.words.duration((now - at).total_seconds())} ago"
