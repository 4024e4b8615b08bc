"""The phrases of the report and the code that uses them belong together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kuberunbooks
from kuberunbooks.findings import Words, phrases
from kuberunbooks.report.words import clean, gist, shorten

ROOT = Path(kuberunbooks.__file__).parent
SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for kind in ("py", "j2") for path in sorted(ROOT.rglob(f"*.{kind}"))
)
FAMILIES = ("hop_", "mark_", "status_", "kind_", "fact_", "certain_")
"""Keys put together from a value, such as a severity."""


def test_every_phrase_is_used() -> None:
    singles = {re.sub(r"_(?:one|many)$", "", key) for key in phrases()}
    unused = [
        key for key in singles if not re.search(rf"[\"']{key}[\"']", SOURCES) and not key.startswith(FAMILIES)
    ]
    assert unused == []


def test_every_phrase_that_is_used_is_there() -> None:
    used = set(re.findall(r'\b(?:w|words)\(\s*"(\w+)"\s*[,)]', SOURCES))
    nouns = set(re.findall(r'\b(?:w|words)\.count\("(\w+)"', SOURCES))
    assert len(used) > 60
    assert used - phrases().keys() == set()
    assert {f"{noun}_{form}" for noun in nouns for form in ("one", "many")} - phrases().keys() == set()


def test_a_value_is_never_read_as_a_template() -> None:
    text = Words()("in_container", who="{0.__class__} {container}", container="{who}")
    assert text == "{0.__class__} {container}, container {who}"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("naïve 漢字 🚀\ttab\nline", "naïve 漢字 🚀\ttab\nline"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\x00b\rc\x7fd\x9be", "abcde"),
        ("admin\u202egnp.exe", "admingnp.exe"),
        ("half \udcff", "half "),
    ],
)
def test_what_is_shown_is_what_is_there(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_a_cut_is_shown() -> None:
    assert shorten("one two  three", 20) == "one two three"
    assert shorten("one two three", 8) == "one two…"


def test_of_a_long_message_the_cause_at_its_end_is_kept() -> None:
    message = 'MountVolume.SetUp failed for volume "creds" : secret "vault-approle" not found'
    assert gist(message, 44) == '…secret "vault-approle" not found'
    assert gist("short: enough", 44) == "short: enough"
    assert gist("a" * 60, 44) == "a" * 43 + "…"
    assert gist("a long beginning without any colons in it: no", 44).endswith("…")
