"""Bytes to typed objects, whatever the bytes: odd fields cost a field, not the run.

The fast path decodes a whole list with msgspec. When a field does not fit
(null where text belongs, a future type), the slow path removes just that field
from just that object and says how often it did.
"""

from __future__ import annotations

import functools
import re
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import msgspec

from kuberunbooks.errors import BadAnswer
from kuberunbooks.objects import NOT_JSON, KubernetesObject

T = TypeVar("T", bound=KubernetesObject)

_MAX_REPAIRS = 40
_AT = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class Decoded(NamedTuple):
    """Objects, the continue token of the next page, and what had to be dropped to read them."""

    items: list[Any]
    continue_token: str
    dropped: list[str]


class _ListMeta(msgspec.Struct, rename={"continue_token": "continue"}):
    continue_token: str | None = ""


# msgspec notes on a type what it has found out of it, and crashes the process when another thread
# uses the half-finished note: decoders are made one after the other, and used side by side.
_MAKING = Lock()


def _decoder(kind: type[KubernetesObject]) -> msgspec.json.Decoder[Any]:
    with _MAKING:
        return _list_decoder(kind)


def _item_decoder(kind: type[KubernetesObject]) -> msgspec.json.Decoder[Any]:
    with _MAKING:
        return _object_decoder(kind)


@functools.cache
def _list_decoder(kind: type[KubernetesObject]) -> msgspec.json.Decoder[Any]:
    shape = msgspec.defstruct(
        f"{kind.__name__}List",
        [
            ("metadata", _ListMeta, msgspec.field(default_factory=_ListMeta)),
            ("items", list[kind] | None | msgspec.UnsetType, msgspec.UNSET),  # type: ignore[valid-type]
            ("kind", str, ""),
        ],
        gc=False,
    )
    return msgspec.json.Decoder(shape, strict=False)


@functools.cache
def _object_decoder(kind: type[KubernetesObject]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


def decode_list(kind: type[T], body: bytes, where: str) -> Decoded:
    """All objects of a list answer. Raises BadAnswer when it is no list of that kind at all."""
    try:
        found = _decoder(kind).decode(body)
        dropped: list[str] = []
    except msgspec.ValidationError:
        return _repair_list(kind, body, where)
    except NOT_JSON as error:
        raise _bad(body, where) from error
    _check_kind(kind, found.kind, where)
    if found.items is msgspec.UNSET:
        raise BadAnswer(f"The answer to {where} holds no list of {kind.api.plural}.")
    return Decoded(found.items or [], found.metadata.continue_token or "", dropped)


def decode_item(kind: type[T], body: bytes, where: str) -> tuple[T, list[str]]:
    """One object, and what had to be dropped to read it. Raises BadAnswer."""
    lost: list[str] = []
    try:
        item = _item_decoder(kind).decode(body)
    except msgspec.ValidationError:
        item, lost = _repair(kind, _plain(body, where), where)
    except NOT_JSON as error:
        raise _bad(body, where) from error
    if not item.metadata.name:
        # Nothing the server stores is without a name: a Status with code 200, an empty object.
        raise BadAnswer(f"The answer to {where} is no {kind.api.kind}.")
    return item, lost


class _NamedMeta(msgspec.Struct):
    name: str = ""


class _Named(msgspec.Struct):
    metadata: _NamedMeta = msgspec.field(default_factory=_NamedMeta)


class _RawList(msgspec.Struct):
    items: list[msgspec.Raw] | None = None


def decode_plain(body: bytes, where: str) -> dict[str, Any]:
    """One object with all its fields. Raises BadAnswer."""
    return _plain(body, where)


def pick_plain(body: bytes, name: str, where: str) -> dict[str, Any] | None:
    """The object of that name out of a list answer, with all its fields; the others are not decoded."""
    try:
        for item in msgspec.json.decode(body, type=_RawList).items or ():
            try:
                named = msgspec.json.decode(item, type=_Named)
            except msgspec.ValidationError:
                continue
            if named.metadata.name == name:
                return _plain(bytes(item), where)
    except NOT_JSON as error:
        raise _bad(body, where) from error
    return None


def _repair_list(kind: type[T], body: bytes, where: str) -> Decoded:
    raw = _plain(body, where)
    _check_kind(kind, str(raw.get("kind", "")), where)
    items: list[T] = []
    dropped: list[str] = []
    listed = raw.get("items", "")
    if not isinstance(listed, list | None):
        raise BadAnswer(f"The answer to {where} holds no list of {kind.api.plural}.")
    for one in listed or ():
        if not isinstance(one, dict):
            dropped.append(f"an item of {where} that is no object")
            continue
        try:
            item, lost = _repair(kind, one, where)
        except BadAnswer as error:
            dropped.append(str(error))
            continue
        items.append(item)
        dropped.extend(lost)
    meta = raw.get("metadata")
    token = meta.get("continue") if isinstance(meta, dict) else ""
    return Decoded(items, token if isinstance(token, str) else "", dropped)


def _repair(kind: type[T], raw: dict[str, Any], where: str) -> tuple[T, list[str]]:
    lost: list[str] = []
    _drop_nulls(raw)
    for _ in range(_MAX_REPAIRS):
        try:
            return msgspec.convert(raw, kind, strict=False), lost
        except msgspec.ValidationError as error:
            match = _AT.search(str(error))
            path = match["path"] if match else ""
            if not path or not _remove(raw, path):
                break
            lost.append(f"{where}: field {path.lstrip('.')} ({str(error).split(' - at ')[0]})")
    raise BadAnswer(f"An object in {where} has a form this version cannot read.")


def _drop_nulls(value: Any) -> None:
    if isinstance(value, dict):
        for key in [key for key, inner in value.items() if inner is None]:
            del value[key]
        for inner in value.values():
            _drop_nulls(inner)
    elif isinstance(value, list):
        value[:] = [inner for inner in value if inner is not None]
        for inner in value:
            _drop_nulls(inner)


def _remove(value: Any, path: str) -> bool:
    """Removes the field a validation error names; `[...]` (any key or index) removes the whole container."""
    steps = _STEP.findall(path)
    for place, (name, index) in enumerate(steps):
        last = place == len(steps) - 1
        following = steps[place + 1][1] if not last else ""
        key: Any = name or (int(index) if index.isdigit() else None)
        if key is None:
            return False
        try:
            if last or following == "...":
                del value[key]
                return True
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return False


def _plain(body: bytes, where: str) -> dict[str, Any]:
    try:
        raw = msgspec.json.decode(body)
    except NOT_JSON as error:
        raise _bad(body, where) from error
    if not isinstance(raw, dict):
        raise BadAnswer(f"The answer to {where} is {type(raw).__name__}, not an object.")
    return raw


def _check_kind(kind: type[Any], found: str, where: str) -> None:
    if found not in ("", "List", f"{kind.api.kind}List"):
        raise BadAnswer(f"The answer to {where} is a {found[:60]}, not a list of {kind.api.plural}.")


def _bad(body: bytes, where: str) -> BadAnswer:
    start = body.lstrip()[:200].lower()
    if not start:
        return BadAnswer(f"The answer to {where} is empty.")
    if start.startswith((b"<!doctype", b"<html", b"<")):
        return BadAnswer(f"The answer to {where} is a web page, not JSON.")
    return BadAnswer(f"The answer to {where} is cut off or no JSON.")
