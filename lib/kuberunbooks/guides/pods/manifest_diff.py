"""What a manifest asks for against what the API server holds, field by field (DP-10).

Fields only the server has are defaults or the work of controllers and are left out.
List items are matched by the key the API merges them by; quantities are compared as
numbers; what Go's `omitempty` drops (false, 0, "", empty maps and lists) is no loss.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from kuberunbooks.objects import parse_quantity
from kuberunbooks.redaction.names import secrecy

Token = str | int | tuple[str, Any]
"""A field name, a list index, or a list item by its merge key: ("name", "app")."""
Path = tuple[Token, ...]

# Merge keys of the lists in pods and workloads (x-kubernetes-list-map-keys, patchMergeKey); first that fits.
_MERGE_KEYS = ("name", "containerPort", "mountPath", "devicePath", "ip", "topologyKey", "key", "uid")
_QUANTITIES = frozenset(("limits", "requests", "sizeLimit", "divisor", "overhead", "storage"))
# The server's own, or different by design: who made it, where it was read, how it is doing.
_SKIPPED: frozenset[Path] = frozenset(
    (
        ("apiVersion",),
        ("kind",),
        ("status",),
        ("metadata", "namespace"),
        ("metadata", "creationTimestamp"),
        ("metadata", "generation"),
        ("metadata", "managedFields"),
        ("metadata", "resourceVersion"),
        ("metadata", "selfLink"),
        ("metadata", "uid"),
        ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"),
        ("metadata", "annotations", "deployment.kubernetes.io/revision"),
    )
)
_SHOWN = 100
_REDACTED = "[redacted:"


class Difference(NamedTuple):
    """A field that is `dropped` (the server does not have it) or `changed`. Values are the raw ones."""

    kind: Literal["dropped", "changed"]
    path: Path
    asked: Any
    held: Any


def differences(asked: Any, held: Any, path: Path = ()) -> Iterator[Difference]:
    """Every field of `asked` that `held` lacks or has otherwise."""
    if isinstance(asked, dict) and isinstance(held, dict):
        yield from _in_map(asked, held, path)
    elif isinstance(asked, list) and isinstance(held, list):
        yield from _in_list(asked, held, path)
    elif not _equal(asked, held, path):
        yield Difference("changed", path, asked, held)


def _in_map(asked: dict[str, Any], held: dict[str, Any], path: Path) -> Iterator[Difference]:
    for key, value in asked.items():
        place = (*path, str(key))
        if place in _SKIPPED:
            continue
        if key in held and held[key] is not None:
            if value is not None:
                yield from differences(value, held[key], place)
        elif not _is_nothing(value):
            yield Difference("dropped", place, value, None)


def _in_list(asked: list[Any], held: list[Any], path: Path) -> Iterator[Difference]:
    key = _merge_key(asked, held)
    if key:
        by_key = {_identity(item, key): item for item in held}
        for item in asked:
            place = (*path, (key, item[key]))
            if _identity(item, key) in by_key:
                yield from differences(item, by_key[_identity(item, key)], place)
            else:
                yield Difference("dropped", place, item, None)
    elif all(isinstance(item, dict) for item in asked) and asked:
        for index, item in enumerate(asked):
            place = (*path, index)
            if index < len(held):
                yield from differences(item, held[index], place)
            else:
                yield Difference("dropped", place, item, None)
    elif asked and asked != held and [str(one) for one in asked] != [str(one) for one in held]:
        yield Difference("changed", path, asked, held)


def _merge_key(asked: list[Any], held: list[Any]) -> str:
    """The first key that every item of both lists has, once each."""
    if not asked or not all(isinstance(item, dict) for item in (*asked, *held)):
        return ""
    for key in _MERGE_KEYS:
        if all(isinstance(item.get(key), str | int) for item in (*asked, *held)):
            identities = {_identity(item, key) for item in asked}
            if len(identities) == len(asked):
                return key
    return ""


def _identity(item: dict[str, Any], key: str) -> tuple[str, ...]:
    """A port is known by number and protocol, everything else by its key."""
    if key == "containerPort":
        return (str(item[key]), str(item.get("protocol") or "TCP"))
    return (str(item[key]),)


def _is_nothing(value: Any) -> bool:
    """What the server leaves out when it stores an object: nulls, zero values, maps of nothing."""
    if isinstance(value, dict):
        return all(_is_nothing(inner) for inner in value.values())
    return value is None or value is False or value in (0, "", [])


def _equal(asked: Any, held: Any, path: Path) -> bool:
    if asked == held or any(isinstance(one, str) and _REDACTED in one for one in (asked, held)):
        return True
    if isinstance(asked, dict | list) or isinstance(held, dict | list):
        return False
    if isinstance(asked, bool) or isinstance(held, bool):
        return str(asked).lower() == str(held).lower()
    if str(asked) == str(held):
        return True
    if any(token in _QUANTITIES for token in path):
        wanted = parse_quantity(asked)
        return bool(wanted) and wanted == parse_quantity(held)
    return False


def path_text(path: Path) -> str:
    """`spec.containers[name=app].image`; keys with dots are quoted."""
    text = ""
    for token in path:
        if isinstance(token, tuple):
            text += f"[{token[0]}={token[1]}]"
        elif isinstance(token, int):
            text += f"[{token}]"
        elif token.replace("-", "").replace("_", "").isalnum():
            text += f".{token}" if text else token
        else:
            text += f"['{token}']"
    return text


def value_text(value: Any, path: Path) -> str:
    """A value as a report may quote it: short, and never one that may be a secret (then empty)."""
    names = [token for token in path if isinstance(token, str)]
    if "env" in names or "data" in names or any(secrecy(name) for name in names[-1:]):
        return ""
    if isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, default=str)
        if '"env"' in text or '"value"' in text:
            return ""
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
