"""Secrets where the Kubernetes API keeps them: env values, Secret data, annotations, arguments.

Walks one parsed object. Knowing the place beats guessing by form: an env value is
secret because of its name, Secret data because of its kind.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from kuberunbooks.objects import NOT_JSON

from .commands import PROGRAMS
from .names import env_secrecy, is_path, is_reference, is_switch, is_trivial, looks_random, secrecy
from .tokens import holds_user_and_password

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_DATA_FIELDS = frozenset(("data", "stringData"))
_ENV_ENTRY = re.compile(rb'"name":\s*"([^"\\]{1,256})",\s*"value":\s*"((?:[^"\\]|\\.)+)"')
_FLAG = re.compile(r"--?[A-Za-z][\w.-]*")


class Names(Protocol):
    """What the walk needs of a redactor."""

    def secret(self, value: str, kind: str) -> str:
        """The name that stands for a secret."""
        ...

    def secrets_of(self, text: str) -> str:
        """A text without the secrets that its form or earlier learning gives away."""
        ...


def env_entries(body: bytes) -> Iterator[tuple[str, str]]:
    """Name and value of the secret-looking env entries in API JSON, without parsing it."""
    for match in _ENV_ENTRY.finditer(body):
        name = match[1].decode("utf-8", "replace")
        value = match[2]
        if b"://" not in value and not env_secrecy(name):
            continue
        try:
            yield name, msgspec.json.decode(b'"' + value + b'"', type=str)
        except NOT_JSON:
            continue


def is_secret_object(value: Any) -> bool:
    """Whether a parsed object is a Secret that carries values."""
    return isinstance(value, dict) and value.get("kind") == "Secret" and not _DATA_FIELDS.isdisjoint(value)


def without_data(secret: dict[str, Any], names: Names) -> dict[str, Any]:
    """A Secret as metadata: the key names stay, every value becomes the name of a secret."""
    hidden = dict(secret)
    for field in sorted(_DATA_FIELDS):
        values = secret.get(field)
        if isinstance(values, dict):
            hidden[field] = {
                key: names.secret(_plain(field, value), "secret") for key, value in values.items()
            }
    return hidden


def redact(value: Any, names: Names) -> Any:
    """A parsed object (or any part of one) without secrets; the very same object when there are none."""
    if isinstance(value, str):
        return names.secrets_of(value)
    if isinstance(value, dict):
        return _dict(value, names)
    return _list(value, names) if isinstance(value, list) else value


def _dict(value: dict[str, Any], names: Names) -> dict[str, Any]:
    if is_secret_object(value):
        value = without_data(value, names)
    changed: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, str):
            new: Any = _entry(key, inner, names)
        elif key == "managedFields" or not isinstance(inner, dict | list):
            # managedFields say which fields somebody set, not to what.
            continue
        else:
            new = redact(inner, names)
        if new is not inner:
            changed[key] = new
    name, setting = value.get("name"), value.get("value")
    if isinstance(name, str) and isinstance(setting, str) and (kind := env_secrecy(name)):
        told = is_switch(setting) or is_reference(setting.encode("utf-8", "replace"))
        hidden = setting if told else names.secret(setting, kind)
        if hidden != setting:
            changed["value"] = hidden
    return value | changed if changed else value


def _entry(key: str, value: str, names: Names) -> str:
    if key == LAST_APPLIED or value[:1] in ("{", "["):
        inside = _json_inside(value, names)
        if inside is not None:
            return inside
    kind = _kind_of_field(key, value)
    return names.secret(value, kind) if kind else names.secrets_of(value)


def _kind_of_field(key: str, value: str) -> str:
    found = secrecy(key)
    if found is None:
        return ""
    raw = value.encode("utf-8", "replace")
    if is_trivial(raw) or is_path(raw) or "\n" in value.strip():
        return ""
    if found.kind == "connection":
        return ""
    if found.proven:
        return "" if found.kind != "password" and raw.isdigit() and len(raw) < 9 else found.kind
    if looks_random(raw) or (found.kind == "credential" and holds_user_and_password(raw)):
        return found.kind
    return ""


def _json_inside(value: str, names: Names) -> str | None:
    try:
        parsed = msgspec.json.decode(value)
    except NOT_JSON:
        return None
    if not isinstance(parsed, dict | list):
        return None
    redacted = redact(parsed, names)
    if redacted is parsed:
        return names.secrets_of(value)
    ending = "\n" if value.endswith("\n") else ""
    return msgspec.json.encode(redacted).decode() + ending


def _argv(values: list[Any], names: Names) -> list[Any]:
    """A command with its arguments one by one: `-u`, `user:SECRET` is one only beside the other."""
    program = values[0].rpartition("/")[2] if values and isinstance(values[0], str) else ""
    if program not in PROGRAMS or not all(isinstance(one, str) for one in values):
        return values
    text = msgspec.json.encode(values).decode()
    hidden = names.secrets_of(text)
    try:
        found = msgspec.json.decode(hidden, type=list[str]) if hidden != text else values
    except NOT_JSON:
        return values
    return found if len(found) == len(values) else values


def _list(given: list[Any], names: Names) -> list[Any]:
    values = _argv(given, names)
    found: list[Any] = []
    kind = ""
    for value in values:
        if not isinstance(value, str):
            found.append(redact(value, names))
            kind = ""
            continue
        raw = value.encode("utf-8", "replace")
        if kind and not value.startswith("-") and not is_reference(raw) and not is_path(raw):
            found.append(names.secret(value, kind))
            kind = ""
            continue
        flag = secrecy(value) if value[:1] == "-" and _FLAG.fullmatch(value) else None
        kind = flag.kind if flag is not None and (flag.proven or flag.kind == "token") else ""
        found.append(names.secrets_of(value))
    if all(new is old for new, old in zip(found, given, strict=True)):
        return given
    return found


def _plain(field: str, value: Any) -> str:
    """The value behind Secret data, so that it has the same name as where it is used in the clear."""
    if not isinstance(value, str):
        return ""
    if field == "stringData":
        return value
    try:
        return b64decode(value, validate=True).decode()
    except (Base64Error, ValueError):
        return value
