"""An audit policy as the API server holds it: rules in order, each with its conditions and its level.

Made by `audit_policy_file`, read by `audit_match`, `audit_lint` and the audit guide's steps.
"""

from __future__ import annotations

from typing import NamedTuple

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")


class Resources(NamedTuple):
    """One entry of a rule's `resources`: no `resources` means all of the group, no `names` any name."""

    group: str
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Rule(NamedTuple):
    """A rule; an empty list sets no condition. `number` counts from 1, `line` is where it begins."""

    number: int
    line: int
    level: str
    users: tuple[str, ...] = ()
    user_groups: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    resources: tuple[Resources, ...] = ()
    namespaces: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False

    @property
    def path(self) -> str:
        """Where it stands in the file: `rules[3]`."""
        return f"rules[{self.number - 1}]"

    @property
    def text(self) -> str:
        """As a sentence names it: `rule 4 (line 23)`."""
        return f"rule {self.number} (line {self.line})"

    @property
    def takes_everything(self) -> bool:
        """Whether it has no condition at all."""
        return not (
            self.users or self.user_groups or self.verbs or self.resources or self.namespaces or self.urls
        )


class Policy(NamedTuple):
    """A valid policy. The rules' `omit_stages` hold those of the whole policy too, as in the API server."""

    rules: tuple[Rule, ...]
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False
