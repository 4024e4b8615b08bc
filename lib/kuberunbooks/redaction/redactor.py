"""The redaction chain.

Placeholder body until the chain is written; the interface is final.
"""

from __future__ import annotations

from typing import Any, TypeVar

S = TypeVar("S")


class Redactor:
    """Replaces secrets by pseudonyms that are stable within one run and counts what it replaced."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def learn(self, name: str, value: str) -> None:
        """Remembers the value of a secret-looking setting, so that it is found wherever it appears again."""

    def text(self, text: str) -> str:
        """The text without its secrets, control characters and terminal escapes."""
        return text

    def json(self, body: bytes) -> bytes:
        """An API answer (object or list) without secrets: env values, annotations, Secret data."""
        return body

    def struct(self, value: S) -> S:
        """A msgspec Struct, list or dict with `text` applied to every string in it."""
        return value

    def plain(self, value: Any) -> Any:
        """As `struct`, for parsed JSON."""
        return value
