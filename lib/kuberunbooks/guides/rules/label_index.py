"""Finds objects by labels without comparing every selector with every object.

Services, disruption budgets and their pods meet here: a namespace of 1,000 Services
and 5,000 pods must not cost five million comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from kuberunbooks.objects import LabelSelector

T = TypeVar("T")

Labelled = tuple[str, Mapping[str, str], T]
"""(namespace, labels, the thing that carries them)."""


class LabelIndex(Generic[T]):
    """Things by namespace and label, for equality selectors (`app=web,tier=front`) and full ones."""

    def __init__(self, things: Iterable[Labelled[T]]) -> None:
        self._all: dict[str, list[Labelled[T]]] = {}
        self._by_pair: dict[tuple[str, str, str], list[Labelled[T]]] = {}
        self._answers: dict[tuple[str, frozenset[tuple[str, str]]], list[T]] = {}
        for entry in things:
            namespace, labels, _ = entry
            self._all.setdefault(namespace, []).append(entry)
            for key, value in labels.items():
                self._by_pair.setdefault((namespace, key, value), []).append(entry)

    def select(self, namespace: str, pairs: Mapping[str, str]) -> list[T]:
        """The things of a namespace that carry all these labels; none for an empty selector."""
        if not pairs:
            return []
        question = (namespace, frozenset(pairs.items()))
        if question not in self._answers:
            self._answers[question] = [thing for _, _, thing in self._carrying(namespace, pairs)]
        return self._answers[question]

    def match(self, namespace: str, selector: LabelSelector) -> list[T]:
        """The things of a namespace that a full label selector selects; an empty one selects all."""
        among = (
            self._carrying(namespace, selector.match_labels)
            if selector.match_labels
            else self._all.get(namespace, [])
        )
        return [thing for _, labels, thing in among if selector.matches(labels)]

    def _carrying(self, namespace: str, pairs: Mapping[str, str]) -> list[Labelled[T]]:
        lists = [self._by_pair.get((namespace, key, value), []) for key, value in pairs.items()]
        shortest = min(lists, key=len)
        if len(pairs) == 1:
            return shortest
        wanted = pairs.items()
        return [entry for entry in shortest if wanted <= entry[1].items()]
