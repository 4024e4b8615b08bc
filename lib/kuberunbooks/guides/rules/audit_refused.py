"""Who was refused again and again: 401, and 403 of the authorizer.

A 403 that the authorizer allowed is admission's (quota, a namespace that is going away)
and does not count. Named users are judged each by itself: behind a load balancer all of
them come from one address. Addresses are judged by callers nobody knows. Part of reading
an audit log.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from .audit_activity import Account, Accounts, Activity, busiest
from .audit_bounded import Bounded
from .audit_event import AuditEvent, deed_of
from .thresholds import AUDIT_WINDOW

REFUSED_CODES = (401, 403)
_MOST_USERS = 500
_MOST_ADDRESSES = 500
_MOST_THINGS = 5000

_Thing = tuple[str, str, str, str, str, str]
"""User, whom it acted as, verb, resource, subresource, namespace."""


class Refusals(msgspec.Struct):
    """How one user was refused `things` (verb, resource, namespace); `granted` of them were allowed later."""

    activity: Activity
    things: int
    granted: int


class _Contested:
    """When something was last refused, and last allowed."""

    __slots__ = ("allowed", "refused")

    def __init__(self, refused: datetime) -> None:
        self.refused = refused
        self.allowed: datetime | None = None


class RefusedWatch:
    """Gathers refusals while the log is read.

    `contesting` are users that were refused: what they are allowed matters too.
    """

    def __init__(self) -> None:
        self.contesting: set[str] = set()
        self.users = Accounts(AUDIT_WINDOW, _MOST_USERS)
        self._strangers: Bounded[str, Account] = Bounded(
            _MOST_ADDRESSES, lambda address: Account("", "", AUDIT_WINDOW), lambda one: one.burst.count
        )
        self._things: dict[_Thing, _Contested] = {}

    def take(self, event: AuditEvent, file: str) -> None:
        """An event with one of REFUSED_CODES."""
        if event.code == 403 and event.annotations.decision != "forbid":
            return
        deed = deed_of(event, file)
        if deed is None:
            return
        if not deed.user:
            self._strangers[deed.address].add(deed)
            return
        self.users.add(deed)
        thing = _thing(event)
        one = self._things.get(thing)
        if one is not None:
            one.refused = max(one.refused, deed.at)
        elif len(self._things) < _MOST_THINGS:
            self._things[thing] = _Contested(deed.at)
            self.contesting.add(event.user.username)

    def see_success(self, event: AuditEvent) -> None:
        """A success of a contesting user: was it given a right it lacked?"""
        one, at = self._things.get(_thing(event)), event.at
        if one is not None and at is not None and (one.allowed is None or at > one.allowed):
            one.allowed = at

    def refusals(self) -> list[Refusals]:
        """Of each user, the most refused first."""
        things: dict[tuple[str, str], list[_Contested]] = {}
        for key, one in self._things.items():
            things.setdefault(key[:2], []).append(one)
        found = []
        for activity in self.users.activities():
            own = things.get((activity.user, activity.acting_as), [])
            granted = sum(one.allowed is not None and one.allowed > one.refused for one in own)
            found.append(Refusals(activity, len(own), granted))
        return found

    def strangers(self) -> list[Activity]:
        """Of each address that could not be authenticated, the most refused first."""
        return busiest(one.activity() for _, one in self._strangers.items())


def _thing(event: AuditEvent) -> _Thing:
    ref = event.object_ref
    acting = event.impersonated_user.username if event.impersonated_user is not None else ""
    user, verb = event.user.username, event.verb
    if ref is None:
        return (user, acting, verb, event.path, "", "")
    return (user, acting, verb, ref.resource, ref.subresource, ref.namespace)
