"""The catalogue: severity, title, explanation and next commands of every code.

Data in YAML (`catalogue/LANGUAGE/*.yaml`), so that texts can be translated and
severities overridden without touching a rule. Texts are Jinja2 templates over a
finding's facts; every value put into a command is shell-quoted by the
environment, so no text can forget it.

Called when a step ends (guides.step) and by the documentation generator.
"""

from __future__ import annotations

import functools
import os
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from kuberunbooks.errors import BadParameter, BadSettings
from kuberunbooks.objects import human_duration

from .model import SEVERITIES, Finding, NextStep, Severity
from .words import CATALOGUE, Words, languages, read_yaml


class NextTemplate(msgspec.Struct, forbid_unknown_fields=True):
    """One next step: `when` is a Jinja2 expression over the facts, empty means always."""

    why: str
    command: str = ""
    changes: bool = False
    when: str = ""


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """What the catalogue says of one code."""

    title: str
    severity: Severity = "info"
    summary: str = ""
    explanation: str = ""
    next: list[NextTemplate] = []
    upstream: str = ""


@functools.cache
def entries(language: str = "en") -> dict[str, Entry]:
    """All codes of a language; what it lacks is taken from English.

    Raises BadParameter for a language there is no catalogue for, BadSettings for
    a code that stands in two files or a file that does not fit the form.
    """
    if language not in languages():
        raise BadParameter(
            f"There is no catalogue for language {language!r}; there is {', '.join(languages())}."
        )
    found: dict[str, Entry] = {} if language == "en" else dict(entries("en"))
    seen: dict[str, str] = {}
    for path in sorted((CATALOGUE / language).glob("*.yaml")):
        if path.name.startswith("_"):
            continue
        for code, raw in (read_yaml(path) or {}).items():
            if code in seen:
                raise BadSettings(f"Code {code} stands in {seen[code]} and in {path.name}.")
            seen[code] = path.name
            try:
                found[code] = msgspec.convert(raw, Entry)
            except msgspec.ValidationError as error:
                raise BadSettings(f"{path.name}: {code}: {error}.") from error
    return found


@functools.cache
def severity_overrides() -> dict[str, Severity]:
    """Severities set by the settings file that RUNBOOK_SETTINGS names: `severities: {Code: warning}`.

    Raises BadSettings when the file cannot be read, names an unknown code or severity.
    """
    import yaml

    name = os.environ.get("RUNBOOK_SETTINGS", "")
    if not name:
        return {}
    try:
        read = yaml.safe_load(Path(name).read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise BadSettings(f"The settings file {name} cannot be read: {error}.") from error
    wanted = read.get("severities", {}) if isinstance(read, dict) else {}
    for code, severity in wanted.items():
        if code not in entries("en"):
            raise BadSettings(f"The settings file {name} sets the severity of {code}, which is no code.")
        if severity not in SEVERITIES:
            raise BadSettings(f"The settings file {name} gives {code} the severity {severity!r}.")
    return dict(wanted)


def default_severity(code: str) -> Severity:
    """The severity of a code in the catalogue; `warning` for one it does not know."""
    entry = entries("en").get(code)
    return entry.severity if entry else "warning"


def apply_override(one: Finding) -> None:
    """Sets the severity the settings file gives this code, whatever the rule decided."""
    severity = severity_overrides().get(one.code)
    if severity is not None:
        one.severity = severity


def fill(one: Finding, language: str = "en") -> Finding:
    """Writes title, summary, explanation and next steps into a finding.

    A text that fails (a fact it wants is missing) falls back to the code and its
    facts: a bad text must not cost the finding. Tests make sure none fails.
    """
    entry = entries(language).get(one.code)
    if entry is None:
        one.title = one.title or one.code
        one.summary = one.summary or one.code
        return one
    facts = context(one, language)
    one.title = render(entry.title, facts, language) or one.code
    one.summary = render(entry.summary or entry.title, facts, language) or one.title
    one.explanation = render(entry.explanation, facts, language)
    one.upstream = one.upstream or entry.upstream
    one.next = [
        NextStep(
            why=render(step.why, facts, language),
            command=render(step.command, facts, language, command=True),
            changes=step.changes,
        )
        for step in entry.next
        if not step.when or _holds(step.when, facts)
    ]
    if deeper := one.facts.get("deeper"):
        # The runbook that explains it best, for a guide that only has a first look.
        one.next.insert(0, NextStep(why=_words(language)("next_deeper"), command=str(deeper)))
    return one


def context(one: Finding, language: str = "en") -> dict[str, Any]:
    """What a text may use: the facts, and who it is about (`Words.who`).

    `pod` is the pod's name when the subject is one.
    """
    subject = one.subject
    return {
        "container": subject.container,
        "pod": subject.name if subject.kind == "Pod" else "",
        **one.facts,
        "kind": subject.kind,
        "kind_name": subject.text,
        "namespace": subject.namespace,
        "name": subject.name,
        "who": _words(language).who(one),
        "count": one.count,
        "total": one.total,
        "owner": one.owner,
        "severity": one.severity,
    }


def _shell(value: object) -> str:
    """A value as one word of a shell; a list as several."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " ".join(map(_shell, value))
    return shlex.quote("".join(char for char in str(value) if char == "\n" or ord(char) >= 32))


def _time(value: datetime | str) -> str:
    return value if isinstance(value, str) else f"{value:%H:%M:%S} UTC"


@functools.cache
def _words(language: str) -> Words:
    return Words(language)


@functools.cache
def _environment(language: str, command: bool) -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701 - plain text and shell; HTML is escaped where HTML is made
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FileSystemLoader(CATALOGUE),
        finalize=_shell if command else None,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=_words(language).duration,
        listing=_words(language).listing,
        time=_time,
        age=human_duration,
        plural=_plural,
        opening=_opening,
    )
    return environment


def attached(name: str, facts: dict[str, Any]) -> str:
    """A file that texts of the catalogue include (a script, a manifest), as they show it.

    For what is not only printed but done: that both are the same.
    """
    return _environment("en", True).get_template(name).render(facts)


def _opening(text: str) -> str:
    """A text that opens a sentence: only its first letter is raised."""
    return text[:1].upper() + text[1:]


def _plural(count: int, noun: str, many: str = "") -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {many or noun + 's'}"


@functools.lru_cache(maxsize=2048)
def _template(text: str, language: str, command: bool) -> jinja2.Template:
    return _environment(language, command).from_string(text)


@functools.lru_cache(maxsize=512)
def _expression(text: str) -> Any:
    return _environment("en", False).compile_expression(text, undefined_to_none=True)


def _holds(expression: str, facts: dict[str, Any]) -> bool:
    try:
        return bool(_expression(expression)(**facts))
    except jinja2.TemplateError:
        return False


def render(text: str, facts: dict[str, Any], language: str = "en", *, command: bool = False) -> str:
    """A catalogue text over these facts; empty when it fails. With `command`, every value is quoted."""
    if not text:
        return ""
    try:
        return _template(text, language, command).render(facts).strip()
    except (jinja2.TemplateError, TypeError, ValueError):
        return ""
