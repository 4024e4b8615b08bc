"""Every code of the guides has texts; they render on every recorded incident; no value escapes its quotes."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
import pytest

import kuberunbooks.guides
from kuberunbooks.errors import BadParameter
from kuberunbooks.findings import Subject, Words, entries, fill, finding
from kuberunbooks.guides import guides

GUIDES = Path(kuberunbooks.guides.__file__).parent
INCIDENTS = sorted(
    path.name.removesuffix(".tar.gz")
    for path in (Path(__file__).parent.parent / "incidents").glob("*.tar.gz")
)
HOSTILE = 'a\'; rm -rf / #\n$(id) `id` "{{ 7 * 7 }}"'


def codes_in_guides() -> Iterator[tuple[str, str]]:
    """(code, place) of every `finding("Code", …)` in the guides."""
    for path in sorted(GUIDES.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            name, first = call.func, call.args[0]
            if isinstance(name, ast.Name) and name.id == "finding" and isinstance(first, ast.Constant):
                yield str(first.value), f"{path.name}:{call.lineno}"


def test_every_code_the_guides_use_is_in_the_catalogue() -> None:
    assert [(code, place) for code, place in codes_in_guides() if code not in entries()] == []


@pytest.mark.parametrize("code", sorted(entries()))
def test_an_entry_is_complete(code: str) -> None:
    entry = entries()[code]
    assert len(entry.title) < 300
    if entry.severity in ("critical", "warning"):
        assert entry.summary
        assert entry.explanation
        assert entry.next, "a serious finding says what to do next"
    for step in entry.next:
        assert step.why


def used_names(*texts: str) -> set[str]:
    environment = jinja2.Environment(autoescape=False)
    environment.filters.update(dict.fromkeys(("duration", "listing", "time", "age", "plural"), str))
    found: set[str] = set()
    for text in texts:
        found |= jinja2.meta.find_undeclared_variables(environment.parse(text))
    return found


@pytest.mark.parametrize("code", sorted(entries()))
def test_no_value_in_a_command_leaves_its_quotes(code: str) -> None:
    entry = entries()[code]
    for step in entry.next:
        one = finding(code, Subject(kind="Pod", namespace=HOSTILE, name=HOSTILE, container=HOSTILE))
        one.facts = dict.fromkeys(used_names(step.command, step.when, step.why), HOSTILE)
        for written in fill(one).next:
            tokens = list(shlex.shlex(written.command, posix=True, punctuation_chars=True))
            assert ";" not in tokens, written.command
            assert "rm" not in tokens, written.command
            assert "49" not in written.command


@pytest.mark.parametrize("guide", guides())
@pytest.mark.parametrize("name", INCIDENTS)
def test_every_text_renders_on_every_incident(name: str, guide: str, diagnose: Callable[..., Any]) -> None:
    namespace = {"node-down": "healthy", "services-nftables": "services"}.get(name, name)
    try:
        found = diagnose(name, namespace=namespace, guide=guide)
    except AssertionError as error:
        if "NotCollected" in str(error):
            pytest.skip("holds no namespace of its own")
        raise
    for one in found.findings:
        assert one.title != one.code, one.code
        assert one.summary, one.code
        for text in (one.title, one.summary, one.explanation, *(step.why for step in one.next)):
            assert "  " not in text, (one.code, text)
            assert "None" not in text.split()[1:], (one.code, text)
        assert not one.summary[0].islower() or "/" in one.summary.split()[0], one.summary


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (11100, "3 h 5 min"),
        (40_000, "11 h"),
        (172_800, "2 days"),
    ],
)
def test_durations_fit_a_sentence(seconds: float, text: str) -> None:
    assert Words().duration(seconds) == text


def test_lists_are_cut_with_a_count() -> None:
    assert Words().listing([]) == ""
    assert Words().listing(["a"]) == "a"
    assert Words().listing(["a", "b", "c"]) == "a, b and c"
    assert Words().listing(list("abcdefg")) == "a, b, c, d and 3 more"


def test_who_is_said_as_a_colleague_would() -> None:
    one = finding("CrashLoop", Subject(kind="Pod", namespace="shop", name="web-1"))
    assert Words().who(one) == "pod web-1"
    one.owner, one.total = "deployment/web", 3
    assert Words().who(one) == "1 of 3 pods of deployment/web"
    one.count = 2
    assert Words().who(one) == "2 of 3 pods of deployment/web"
    one.count = 3
    assert Words().who(one) == "all 3 pods of deployment/web"


def test_a_fact_that_is_missing_costs_the_text_and_not_the_finding() -> None:
    one = fill(finding("PodEvicted", Subject(kind="Pod", namespace="shop", name="web-1")))
    assert one.title == "PodEvicted"
    assert one.summary


def test_a_language_without_a_catalogue_is_refused() -> None:
    with pytest.raises(BadParameter):
        entries("tlh")
