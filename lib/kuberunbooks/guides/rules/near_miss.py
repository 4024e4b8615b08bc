"""When a selector selects nothing: which pods it was probably meant for, and what differs.

The mistakes looked for are those people make: a version or tier label that moved on,
a slip of the pen, the right value under the wrong key (`run=` for `app=`). Pods that
merely share a common label (`part-of=shop`) are not called near.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .label_index import Labelled

# Written by controllers, different for every pod or revision: no selector is meant for them.
_VOLATILE = frozenset(
    (
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "controller-uid",
        "batch.kubernetes.io/controller-uid",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
    )
)
# The keys that say which application a pod belongs to.
_IDENTITY = frozenset(
    ("app", "run", "name", "k8s-app", "app.kubernetes.io/name", "app.kubernetes.io/instance", "service")
)
_SLIP = 2
"""Edit distance up to which two values count as one mistyped."""
_TELLING = 4
"""Shorter values are alike by chance (`v1`, `v2`; `db`, `web`)."""

_MOST_CANDIDATES = 200
_MOST_COMPARISONS = 10_000
"""Values compared letter by letter in a run; beyond that a mistyped one may stay unexplained."""

Shape = frozenset[tuple[str, str]]


class Difference(NamedTuple):
    """One label the selector wants; `found` is what the pods carry instead, empty when they lack the key."""

    wanted: str
    found: str


class NearMiss(NamedTuple):
    """Pods a selector nearly selects: who, and every difference."""

    who: str
    differences: list[Difference]


class Shapes:
    """The distinct label sets of pods, by namespace and label; 5,000 pods are a few hundred of them."""

    def __init__(self, things: Iterable[Labelled[str]]) -> None:
        self._who: dict[tuple[str, Shape], str] = {}
        self._carrying: dict[tuple[str, str, str], list[Shape]] = {}
        self._values: dict[tuple[str, str], set[str]] = {}
        self._comparisons_left = _MOST_COMPARISONS
        for namespace, labels, who in things:
            shape = frozenset(pair for pair in labels.items() if pair[0] not in _VOLATILE)
            if (namespace, shape) in self._who:
                continue
            self._who[(namespace, shape)] = who
            for key, value in shape:
                self._carrying.setdefault((namespace, key, value), []).append(shape)
                self._values.setdefault((namespace, key), set()).add(value)

    def nearest(self, namespace: str, selector: Mapping[str, str]) -> NearMiss | None:
        """The pods that lack the fewest of the selector's labels, if they were probably meant."""
        best: tuple[int, NearMiss] | None = None
        for shape in self._candidates(namespace, selector):
            unmet = [pair for pair in selector.items() if pair not in shape]
            if best is not None and len(unmet) >= best[0]:
                continue
            differences = _differences(selector, unmet, dict(shape))
            if differences is not None:
                best = (len(unmet), NearMiss(self._who[(namespace, shape)], differences))
        return best[1] if best else None

    def _candidates(self, namespace: str, selector: Mapping[str, str]) -> Iterator[Shape]:
        """The shapes that share a telling label with the selector, or have one that looks like it."""
        for key, value in selector.items():
            labels = [(key, value)] if key in _IDENTITY else []
            if key in _IDENTITY and len(value) >= _TELLING:
                labels += [(other, value) for other in _IDENTITY]
            labels += [(key, carried) for carried in self._look_alikes(namespace, key, value)]
            for label in dict.fromkeys(labels):
                yield from self._carrying.get((namespace, *label), ())[:_MOST_CANDIDATES]

    def _look_alikes(self, namespace: str, key: str, value: str) -> Iterator[str]:
        for carried in sorted(self._values.get((namespace, key), ())):
            if carried == value or abs(len(carried) - len(value)) > _SLIP:
                continue
            if not self._comparisons_left:
                return
            self._comparisons_left -= 1
            if is_mistyped(carried, value):
                yield carried


def _differences(
    selector: Mapping[str, str], unmet: list[tuple[str, str]], labels: Mapping[str, str]
) -> list[Difference] | None:
    """How the labels differ, or None when nothing says that these pods were meant."""
    same_application = any(key in _IDENTITY and labels.get(key) == value for key, value in selector.items())
    differences = []
    for key, value in unmet:
        slip = _slip(key, value, labels)
        if not slip and not same_application:
            return None
        found = slip or (f"{key}={labels[key]}" if key in labels else "")
        differences.append(Difference(f"{key}={value}", found))
    return differences


def _slip(key: str, value: str, labels: Mapping[str, str]) -> str:
    """The label that was probably meant: a mistyped value, or the same value under another key."""
    here = labels.get(key, "")
    if is_mistyped(here, value):
        return f"{key}={here}"
    if key in _IDENTITY and len(value) >= _TELLING:
        for other, carried in labels.items():
            if other in _IDENTITY and carried == value:
                return f"{other}={carried}"
    return ""


def is_mistyped(carried: str, wanted: str) -> bool:
    """Whether one value is the other but for a slip of the pen."""
    return min(len(carried), len(wanted)) >= _TELLING and 0 < distance(carried, wanted) <= _SLIP


def distance(left: str, right: str) -> int:
    """Levenshtein distance; any number above 2 when the lengths alone say so."""
    if abs(len(left) - len(right)) > _SLIP:
        return _SLIP + 1
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (one != other))
    return row[-1]
