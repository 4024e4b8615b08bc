"""Whole objects, and what changed between two of them, as YAML a person reads.

Steps yield a `Manifest` or a `Change` with plain objects as the API server holds them;
the step runner turns them into text here, redacted field by field first: an env value
is secret because of its name, which text alone would not show. Noise that says nothing
of the object (managedFields, the applied manifest, what the server counts) is left out.
"""

from __future__ import annotations

import difflib
from typing import Any, NamedTuple

import msgspec

from kuberunbooks.findings import Document
from kuberunbooks.redaction import Redactor

MOST_CHARACTERS = 60_000
"""Of one document; a CustomResource of megabytes would swell the report."""
_CONTEXT = 3
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# What the server or a controller sets on every copy: different in every revision, and nobody's change.
_COUNTED = frozenset(("uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"))
_HASHES = frozenset(("pod-template-hash", "controller-revision-hash"))


class Manifest(NamedTuple):
    """An object to show whole; `value` is its JSON as the server sent it."""

    caption: str
    value: dict[str, Any]


class Change(NamedTuple):
    """Two versions of an object; `old_name` and `new_name` head the columns of the difference."""

    caption: str
    old: dict[str, Any]
    new: dict[str, Any]
    old_name: str
    new_name: str


def document(one: Manifest | Change, redactor: Redactor) -> Document:
    """The text of it, without secrets."""
    if isinstance(one, Manifest):
        return _bounded(Document(caption=one.caption, form="yaml", text=_yaml(_shown(one.value, redactor))))
    old, new = (_yaml(_without_counts(_shown(side, redactor))) for side in (one.old, one.new))
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), one.old_name, one.new_name, lineterm="", n=_CONTEXT
    )
    return _bounded(Document(caption=one.caption, form="diff", text="\n".join(lines)))


def _shown(value: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    redacted: dict[str, Any] = msgspec.json.decode(redactor.json(msgspec.json.encode(value)))
    metadata = redacted.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
        annotations = metadata.get("annotations")
        if isinstance(annotations, dict):
            annotations.pop(_APPLIED, None)
    return redacted


def _without_counts(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_counts(inner)
            for key, inner in value.items()
            if key not in _COUNTED and key not in _HASHES
        }
    return [_without_counts(inner) for inner in value] if isinstance(value, list) else value


def _yaml(value: dict[str, Any]) -> str:
    # Imported here: a run that shows no object does not pay for it.
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


def _bounded(one: Document) -> Document:
    if len(one.text) > MOST_CHARACTERS:
        one.left_out = len(one.text) - MOST_CHARACTERS
        one.text = one.text[:MOST_CHARACTERS]
    return one
