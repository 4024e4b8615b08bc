"""One language's words: the phrases of the catalogue, and counts, durations, lists and subjects in them.

What a reader sees and no finding's text holds is a phrase of
`catalogue/LANGUAGE/_report.yaml`, so that notebook, page, terminal and Markdown
say the same and can be translated. Used by the catalogue's own texts, the guides
(captions, notes, what changed) and every module of the report.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from .model import Finding

CATALOGUE = Path(str(resources.files("kuberunbooks.findings"))) / "catalogue"


def languages() -> list[str]:
    """The languages there is a catalogue for."""
    return sorted(path.name for path in CATALOGUE.iterdir() if path.is_dir())


def read_yaml(path: Path) -> Any:
    """A YAML file of this package, by the C parser where there is one: ten times as fast at every start."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader


@functools.cache
def phrases(language: str = "en") -> dict[str, str]:
    """The phrases by key; what a language lacks is taken from English."""
    found: dict[str, str] = {} if language == "en" else dict(phrases("en"))
    path = CATALOGUE / language / "_report.yaml"
    if path.exists():
        found.update(read_yaml(path) or {})
    return found


class Words:
    """The phrases of one language: `words("do_next")`, `words("since_known", when=…, ago=…)`.

    A language there is no catalogue for speaks English.
    """

    def __init__(self, language: str = "en") -> None:
        self._phrases = phrases(language if language in languages() else "en")

    def __call__(self, key: str, **values: object) -> str:
        """The phrase with its braces filled; values are put in as they are, never read as a template."""
        return self._phrases[key].format_map(values)

    def has(self, key: str) -> bool:
        """Whether there is such a phrase (marks of a kind this version does not know have none)."""
        return key in self._phrases

    def count(self, noun: str, number: int) -> str:
        """`1 pod`, `2,000 pods`."""
        return self(f"{noun}_one" if number == 1 else f"{noun}_many", n=f"{number:,}")

    def duration(self, seconds: float) -> str:
        """A duration short enough for a sentence: `40 s`, `20 min`, `3 h 5 min`, `12 days`."""
        total = int(abs(seconds))
        if total < 120:
            return self("duration_seconds", n=total)
        if total < 7200:
            return self("duration_minutes", n=total // 60)
        if total < 172800:
            hours, minutes = total // 3600, total % 3600 // 60
            both = minutes and hours < 10
            return self("duration_hours_minutes" if both else "duration_hours", n=hours, minutes=minutes)
        return self("duration_days", n=total // 86400)

    def listing(self, values: Sequence[object], most: int = 5, total: int = 0) -> str:
        """`a, b and c`; beyond `most`: `a, b and 7 more`. `total`: how many there are, if more than given."""
        texts = [str(value) for value in values]
        count = max(total, len(texts))
        if count > most:
            return self("list_more", first=", ".join(texts[: most - 1]), n=count - most + 1)
        if len(texts) < 2:
            return "".join(texts)
        return self("list_and", first=", ".join(texts[:-1]), last=texts[-1])

    def who(self, one: Finding) -> str:
        """Whom a finding is about, as a colleague would say it.

        `pod web-1`, or how many of how many. A pod with an ordinal is not one like the others: it is named.
        """
        if one.count <= 1 and one.subject.kind == "Pod" and "ordinal" in one.facts:
            return self("who_pod", name=one.subject.name)
        return self.share(one)

    def share(self, one: Finding) -> str:
        """How many of how many: `both pods of deployment/web`, `all 3 pods of deployment/web`, `2 of 3 …`."""
        kind, count, total = one.subject.kind.lower(), one.count, one.total
        if count <= 1 and not (one.owner and total > 1):
            return self("who_pod", name=one.subject.name) if kind == "pod" else one.subject.text
        key = "who_some"
        if one.owner:
            key = "who_some_owned"
            if total:
                everyone = "who_both" if total == 2 else "who_all"
                key = everyone if count >= total else "who_some_of"
        noun = self("who_noun", kind=kind)
        return self(key, count=f"{count:,}", total=f"{total:,}", noun=noun, owner=one.owner)
