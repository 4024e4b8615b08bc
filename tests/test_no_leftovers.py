"""What nobody uses is removed: patterns, fields of the object views, phrases, catalogue entries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import kuberunbooks
from kuberunbooks.findings import entries, phrases
from kuberunbooks.guides.rules import patterns

PACKAGE = Path(kuberunbooks.__file__).parent
SOURCES = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
TEMPLATES = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.j2"))
CODE = "".join(SOURCES.values())

# Phrases the code puts together: status_{status}, {noun}_one.
COMPOSED = re.compile(r"^(?:mark|status|fact|kind|certain|moment|asof|hop)_|_(?:one|many|bare)$")


def texts_without(name: str) -> Iterator[str]:
    return (text for path, text in SOURCES.items() if path.name != name)


def test_every_pattern_of_a_kubernetes_text_is_used() -> None:
    elsewhere = "".join(texts_without("patterns.py"))
    assert [name for name in vars(patterns) if name.startswith("RX_") and name not in elsewhere] == []


def test_every_phrase_is_said_somewhere() -> None:
    said = CODE + TEMPLATES
    unsaid = [key for key in phrases() if not re.search(rf"""["']{key}["']""", said)]
    assert [key for key in unsaid if not COMPOSED.search(key)] == []


def test_every_code_of_the_catalogue_is_given_by_a_rule() -> None:
    # LivenessProbeFailing and StartupProbeFailing are put together from the kind of the probe.
    unused = [code for code in entries() if f'"{code}"' not in CODE]
    assert [code for code in unused if not code.endswith("ProbeFailing")] == []
