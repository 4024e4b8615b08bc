"""Who last wrote a field: metadata.managedFields read the way the API server writes it.

Format: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
Called by the manifest step, to say who changed what, and for when a ConfigMap was last written.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

Token = str | int | tuple[str, Any]


class Manager(NamedTuple):
    """Who owns a field: the manager's name, and when it last wrote (RFC 3339, may be empty)."""

    name: str
    time: str


def manager_of(managed_fields: Any, path: tuple[Token, ...]) -> Manager | None:
    """The manager that wrote the field last; None when nobody is recorded for it."""
    owners = [
        Manager(str(entry.get("manager", "")), str(entry.get("time", "")))
        for entry in (managed_fields if isinstance(managed_fields, list) else ())
        if isinstance(entry, dict) and not entry.get("subresource") and _owns(entry.get("fieldsV1"), path)
    ]
    return max(owners, key=lambda owner: owner.time, default=None)


def _owns(fields: Any, path: tuple[Token, ...]) -> bool:
    for token in path:
        if not isinstance(fields, dict):
            return False
        if not fields:
            # A field without inner fields is owned as a whole: an atomic list, a scalar.
            return True
        inner = _step(fields, token)
        if inner is None:
            return False
        fields = inner
    return True


def _step(fields: dict[str, Any], token: Token) -> Any:
    if isinstance(token, str):
        return fields.get(f"f:{token}")
    if isinstance(token, int):
        return None
    for key, inner in fields.items():
        if key.startswith("k:"):
            try:
                wanted = json.loads(key[2:])
            except ValueError:
                continue
            if isinstance(wanted, dict) and str(wanted.get(token[0])) == str(token[1]):
                return inner
    return None


def newest_write(managed_fields: Any) -> datetime | None:
    """When anything but the status was last written; None when nobody is recorded."""
    times = [
        str(entry.get("time", ""))
        for entry in (managed_fields if isinstance(managed_fields, list) else ())
        if isinstance(entry, dict) and entry.get("subresource") != "status"
    ]
    found: list[datetime] = []
    for text in times:
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            continue
        if time.tzinfo is not None:
            found.append(time)
    return max(found, default=None)
