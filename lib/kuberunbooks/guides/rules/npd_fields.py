"""The fields of node problem detector's configuration files, read as Go's JSON decoder reads them.

Keys are found whatever their case; null counts as absent; a value of another type ends the
program. What is wrong is collected. Called by npd_config.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

Weight = Literal["stops", "silent"]
"""`stops`: node problem detector ends at its start. `silent`: it runs, and this never reports."""

_SHAPE_NAMES = {str: "text", dict: "an object", list: "a list", int: "a whole number", bool: "true or false"}


class Defect(NamedTuple):
    """Something wrong. `path` is where in the file (`rules[2].pattern`), `value` what stands there."""

    path: str
    value: str
    why: str
    weight: Weight
    in_rule: bool


class Fields:
    """An object of the file, its keys found as Go finds them: whatever their case."""

    def __init__(
        self, raw: dict[str, Any], prefix: str, defects: list[Defect], *, in_rule: bool = False
    ) -> None:
        self._raw = {key.lower(): value for key, value in raw.items()}
        self.prefix, self._defects, self._in_rule = prefix, defects, in_rule
        self._told: set[str] = set()

    def get(self, key: str, shape: type, absent: Any) -> Any:
        """The value of that key; one of another type is a defect and counts as absent, as null does."""
        value = self._raw.get(key.lower())
        if value is None:
            return absent
        if type(value) is shape:
            return value
        if key not in self._told:
            self._told.add(key)
            text = json.dumps(value)[:120]
            why = f"it must be {_SHAPE_NAMES[shape]}"
            self._defects.append(Defect(f"{self.prefix}{key}", text, why, "stops", self._in_rule))
        return absent

    def text(self, key: str) -> str:
        """A text; empty when absent."""
        found: str = self.get(key, str, "")
        return found

    def has(self, key: str) -> bool:
        """Whether the key stands there."""
        return key.lower() in self._raw

    def child(self, key: str) -> Fields:
        """The fields of an object inside."""
        return Fields(self.get(key, dict, {}), f"{self.prefix}{key}.", self._defects, in_rule=self._in_rule)
