"""manifest.json of a case: when and by whom it was recorded, and what of each list is there.

The format is described in docs/case-format.md. Read by case.py, written by recorder.py.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from kuberunbooks.errors import CaseAlien
from kuberunbooks.objects import NOT_JSON

FORMAT = 1
"""The case format this version writes, and the newest it reads."""


class Gap(msgspec.Struct, omit_defaults=True):
    """Something that was asked for and could not be recorded: its API path and why.

    `error` is the class of the error (`TimedOut`) where it was one: read again, it is the same.
    """

    path: str = ""
    why: str = ""
    error: str = ""


class Manifest(msgspec.Struct):
    """manifest.json. Every field may be missing."""

    format: int = FORMAT
    recorded_at: datetime | None = None
    server_version: str = ""
    server: str = ""
    context: str = ""
    user: str = ""
    certificate_begins: datetime | None = None
    certificate_ends: datetime | None = None
    scope: dict[str, Any] = {}
    partial: dict[str, list[str]] = {}
    not_collected: list[Gap] = []
    redacted: bool = False
    redactions: dict[str, int] = {}


def read_manifest(body: bytes, where: str) -> Manifest:
    """The manifest, with fields of a wrong type left at their default.

    Raises CaseAlien when it is no JSON object, or of a format newer than this version.
    """
    try:
        raw = msgspec.json.decode(body)
    except NOT_JSON as error:
        raise CaseAlien(f"The manifest.json of {where} is no JSON.") from error
    if not isinstance(raw, dict):
        raise CaseAlien(f"The manifest.json of {where} is no JSON object.")
    found = Manifest()
    for field in msgspec.structs.fields(Manifest):
        if field.name not in raw:
            continue
        try:
            setattr(found, field.name, msgspec.convert(raw[field.name], field.type, strict=False))
        except msgspec.ValidationError:
            if field.name in ("format", "partial"):
                raise CaseAlien(f"The manifest.json of {where} has no usable field {field.name!r}.") from None
    if found.format > FORMAT:
        raise CaseAlien(
            f"{where} has case format {found.format}; this version reads up to {FORMAT}.",
            advice="Open it with a newer version of kuberunbooks.",
        )
    for name in ("recorded_at", "certificate_begins", "certificate_ends"):
        time = getattr(found, name)
        if time is not None and time.tzinfo is None:
            setattr(found, name, time.replace(tzinfo=UTC))
    return found


def selector_text(labels: str, fields: str) -> str:
    """A list's selectors as `partial` writes them: `labelSelector=app=web&fieldSelector=...`."""
    parts = [("labelSelector", labels), ("fieldSelector", fields)]
    return "&".join(f"{name}={value}" for name, value in parts if value)


def covers(recorded: str, labels: str, fields: str) -> bool:
    """Whether a recorded selector list answers a question: every condition of it is one of the question's."""
    wanted_labels, wanted_fields = "", ""
    for part in recorded.split("&"):
        name, _, value = part.partition("=")
        if name == "labelSelector":
            wanted_labels = value
        elif name == "fieldSelector":
            wanted_fields = value
        else:
            return False
    return _terms(wanted_labels) <= _terms(labels) and _terms(wanted_fields) <= _terms(fields)


_COMMA = re.compile(r",(?![^(]*\))")


def _terms(selector: str) -> frozenset[str]:
    terms = (term.strip().replace("==", "=") for term in _COMMA.split(selector))
    return frozenset(term for term in terms if term)
