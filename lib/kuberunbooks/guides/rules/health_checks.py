"""What the API server says of itself: the checks of /readyz?verbose and /livez?verbose.

Format: k8s.io/apiserver, pkg/server/healthz; one line a check. Why a check failed is
withheld there and stands in the API server's log only. Called by the cluster guide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_LINE = re.compile(r"^\[(?P<mark>[+-])\](?P<name>\S+) (?P<said>.*)$", re.MULTILINE)
_STARTING = "not finished"
"""What a check of the start says while its work goes on; it turns into `ok` by itself."""
_STORAGE = re.compile(
    r"^(?:etcd(?:-readiness)?|etcd-override-readiness-\d+|poststarthook/storage-readiness)$"
)
_SHUTDOWN = "shutdown"
"""Fails from the moment the API server is told to end until it does (--shutdown-delay-duration)."""
_MOST = 500
"""Checks that are read; an API server has about forty."""


class Check(NamedTuple):
    """One check: its name (`etcd`, `poststarthook/rbac/bootstrap-roles`), whether it passed, its words."""

    name: str
    passed: bool
    said: str

    @property
    def line(self) -> str:
        """The line as the API server wrote it."""
        return f"[{'+' if self.passed else '-'}]{self.name} {self.said}"

    @property
    def is_storage(self) -> bool:
        """It is about the database behind the API server: the same check with another name per version."""
        return _STORAGE.match(self.name) is not None

    @property
    def is_starting(self) -> bool:
        """It waits for work that is done once after a start."""
        return not self.passed and _STARTING in self.said

    @property
    def is_ending(self) -> bool:
        """It fails because the API server was told to end."""
        return not self.passed and self.name == _SHUTDOWN


def checks(text: str) -> list[Check]:
    """The checks of an answer, in its order; none when it is no such answer (`ok`, a web page)."""
    found = (Check(match["name"], match["mark"] == "+", match["said"]) for match in _LINE.finditer(text))
    return [one for one, _ in zip(found, range(_MOST), strict=False)]


def failed(found: Sequence[Check]) -> list[Check]:
    """Those that did not pass."""
    return [one for one in found if not one.passed]
