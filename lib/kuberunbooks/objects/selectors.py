"""Label and field selectors, as the API server applies them.

Used by the cluster layer to give a recorded case the answers a server would
give, and by guides to compare what a selector wants with what labels say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .base import View


class SelectorRequirement(View):
    """matchExpressions[]: key, operator (In, NotIn, Exists, DoesNotExist, Gt, Lt), values."""

    key: str = ""
    operator: str = ""
    values: list[str] = []


class LabelSelector(View):
    """A label selector of the API; an empty one selects everything, an absent one nothing."""

    match_labels: dict[str, str] = {}
    match_expressions: list[SelectorRequirement] = []

    @property
    def keys(self) -> set[str]:
        """The label keys it looks at."""
        return {*self.match_labels, *(one.key for one in self.match_expressions)}

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            requirement_holds(requirement, labels) for requirement in self.match_expressions
        )

    def text(self) -> str:
        """The selector as kubectl takes it after -l."""
        parts = [f"{key}={value}" for key, value in self.match_labels.items()]
        for one in self.match_expressions:
            if one.operator == "Exists":
                parts.append(one.key)
            elif one.operator == "DoesNotExist":
                parts.append(f"!{one.key}")
            else:
                word = {"In": "in", "NotIn": "notin"}.get(one.operator, one.operator)
                parts.append(f"{one.key} {word} ({','.join(one.values)})")
        return ",".join(parts)


def requirement_holds(requirement: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    """One requirement against labels; Gt and Lt compare integers, as node affinity does."""
    present = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return present in requirement.values
        case "NotIn":
            return present not in requirement.values
        case "Exists":
            return present is not None
        case "DoesNotExist":
            return present is None
        case "Gt" | "Lt":
            try:
                have, want = int(present or ""), int(requirement.values[0])
            except (ValueError, IndexError):
                return False
            return have > want if requirement.operator == "Gt" else have < want
        case _:
            return False


_SET = re.compile(r"^\s*(?P<key>[^\s!=(),]+)\s+(?P<op>in|notin)\s+\((?P<values>[^)]*)\)\s*$")
_PAIR = re.compile(r"^\s*(?P<key>[^\s!=(),]+)\s*(?P<op>==|=|!=)\s*(?P<value>[A-Za-z0-9._-]*)\s*$")
_BARE = re.compile(r"^\s*(?P<not>!?)\s*(?P<key>[A-Za-z0-9][^\s!=(),]*)\s*$")


def parse_labels(text: str) -> LabelSelector:
    """A selector as kubectl's -l takes it: `app=web,tier in (a,b),!canary`.

    Raises ValueError, naming the part that cannot be read.
    """
    selector = LabelSelector(match_labels={}, match_expressions=[])
    for part in re.split(r",(?![^(]*\))", text):
        if not part.strip():
            continue
        if match := _SET.match(part):
            operator = "In" if match["op"] == "in" else "NotIn"
            values = [value.strip() for value in match["values"].split(",")]
            selector.match_expressions.append(SelectorRequirement(match["key"], operator, values))
        elif match := _PAIR.match(part):
            if match["op"] == "!=":
                selector.match_expressions.append(
                    SelectorRequirement(match["key"], "NotIn", [match["value"]])
                )
            else:
                selector.match_labels[match["key"]] = match["value"]
        elif match := _BARE.match(part):
            operator = "DoesNotExist" if match["not"] else "Exists"
            selector.match_expressions.append(SelectorRequirement(match["key"], operator, []))
        else:
            raise ValueError(f"{part.strip()!r} is not a label selector")
    return selector


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as a selector: `app=web,tier=front`, sorted."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def parse_fields(text: str) -> list[tuple[str, str, bool]]:
    """A field selector (`spec.nodeName=n1,status.phase!=Failed`) as (path, value, equal)."""
    found: list[tuple[str, str, bool]] = []
    for part in filter(None, text.split(",")):
        path, sign, value = part.partition("!=") if "!=" in part else part.partition("=")
        if not sign:
            raise ValueError(f"{part!r} is not a field selector")
        found.append((path.strip(), value.strip().removeprefix("="), sign == "="))
    return found
