"""Requests that are alike but for time and name: counted together, so that each costs one look-up.

Part of reading an audit log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .audit_activity import Counted, counted
from .audit_event import AuditEvent, ObjectReference

PASSED_ON = frozenset(("proxy", "log", "exec", "attach", "portforward"))
"""Subresources whose time and errors are those of what is behind them."""
_HEALTH = frozenset(("healthz", "livez", "readyz"))
_ROOTS = _HEALTH | {"api", "apis", "metrics", "openapi", "version", ".well-known"}
_PATHS = {root: ObjectReference(resource=f"/{root or '…'}") for root in (*_ROOTS, "")}

Watcher = Callable[[AuditEvent, str], None]
"""A rule that wants to see an event; it gets the name of the file too."""


class Key(NamedTuple):
    """What requests of a kind have in common; `resource` is `/apis` for those about no resource."""

    user: str
    acting: str
    verb: str
    resource: str
    subresource: str
    group: str
    code: int

    @property
    def is_good(self) -> bool:
        """Whether the request did what was asked."""
        return 200 <= self.code < 300

    @property
    def reads_secrets(self) -> bool:
        """Whether secrets were given out."""
        is_read = self.verb in ("get", "list", "watch")
        return self.resource == "secrets" and not self.group and is_read and self.is_good

    @property
    def is_own(self) -> bool:
        """Whether the API server itself answered: not a health check (500 at a start), nothing handed on."""
        return self.resource[1:] not in _HEALTH and self.subresource not in PASSED_ON


class Kind:
    """Requests that are alike: how many, which rules want to see them, whether their time counts."""

    __slots__ = ("count", "key", "timed", "watchers")

    def __init__(self, key: Key, watchers: Iterable[Watcher]) -> None:
        self.key = key
        self.count = 0
        self.watchers = tuple(watchers)
        self.timed = key.verb != "watch" and key.subresource not in PASSED_ON


def path_reference(event: AuditEvent) -> ObjectReference:
    """What stands for the object of a request that is about a path: one of few, whatever the path."""
    root = event.request_uri[1:].partition("?")[0].partition("/")[0]
    return _PATHS.get(root) or _PATHS[""]


def sums(kinds: Iterable[Kind], name_of: Callable[[Key], str]) -> list[Counted]:
    """Counts by a name, the most frequent first."""
    found: Counter[str] = Counter()
    for kind in kinds:
        found[name_of(kind.key)] += kind.count
    return counted(found)
