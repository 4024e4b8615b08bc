"""Checks a manifest against the API's schema: the fields the server would not know.

kubernetes-validate carries the schemas of every release. It stops at the first
error, so an unknown field is noted, taken out of a copy, and the copy checked again.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

_MOST_ERRORS = 50
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


class UnknownField(NamedTuple):
    """A field the schema does not have at this place; `near` is what was probably meant, or empty."""

    path: tuple[str | int, ...]
    near: str


class SchemaCheck(NamedTuple):
    """What the schema of release `version` says of a manifest.

    `other` are errors of another kind (wrong type, missing field) as the
    validator words them. `known` is the manifest without the unknown fields.
    `version` is empty when there is no schema for the kind.
    """

    version: str
    unknown: list[UnknownField]
    other: list[str]
    known: dict[str, Any]


def check(manifest: dict[str, Any], server_version: str) -> SchemaCheck:
    """Validates strictly against the schema of the server's release, or the nearest one there is."""
    # Imported here: it takes a second, and only a run with a manifest needs it.
    import kubernetes_validate

    version = nearest_version(server_version)
    draft, known_part = copy.deepcopy(manifest), copy.deepcopy(manifest)
    unknown: list[UnknownField] = []
    other: list[str] = []
    for _ in range(_MOST_ERRORS):
        try:
            kubernetes_validate.validate(draft, version, strict=True)
            break
        except kubernetes_validate.SchemaNotFoundError:
            return SchemaCheck("", [], [], known_part)
        except kubernetes_validate.ValidationError as error:
            place = tuple(error.path)
            if error.validator != "additionalProperties" or not isinstance(error.instance, dict):
                other.append(f"{path_text(place)}: {error.message}"[:300])
                if not _remove(draft, _field_of(place)):
                    break
                continue
            known = list(error.schema.get("properties", {}))
            for name in [name for name in error.instance if name not in known]:
                near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
                unknown.append(UnknownField((*place, str(name)), near[0] if near else ""))
                _remove(draft, (*place, name))
                _remove(known_part, (*place, name))
    return SchemaCheck(version, unknown, other, known_part)


def nearest_version(server_version: str) -> str:
    """The bundled release (`1.36`) nearest to a server's (`v1.36.2`); the newest when that is unknown."""
    from kubernetes_validate.utils import all_versions

    bundled = sorted({_release(one) for one in all_versions()})
    wanted = _release(server_version)
    if wanted == (0, 0):
        wanted = bundled[-1]
    major, minor = min(bundled, key=lambda one: (abs(one[0] - wanted[0]), abs(one[1] - wanted[1])))
    return f"{major}.{minor}"


def path_text(path: Sequence[str | int]) -> str:
    """`spec.containers[0].commnd`, as the API server writes paths; keys with dots are quoted."""
    text = ""
    for token in path:
        if isinstance(token, int):
            text += f"[{token}]"
        elif re.fullmatch(r"[\w-]+", token):
            text += f".{token}" if text else token
        else:
            text += f"['{token}']"
    return text


def _release(text: str) -> tuple[int, int]:
    found = _VERSION.match(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _field_of(place: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The field an error is in. List items stay where they are, so that later paths keep their index."""
    while place and isinstance(place[-1], int):
        place = place[:-1]
    return place


def _remove(value: Any, path: Sequence[Any]) -> bool:
    """Takes a field out; False when nothing but the document itself is left to take."""
    try:
        for token in path[:-1]:
            value = value[token]
        del value[path[-1]]
    except (KeyError, IndexError, TypeError):
        return False
    return True
