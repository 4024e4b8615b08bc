"""Who deleted much at once.

Controllers delete all day, and applications tidy up what they made: neither is looked at
unless an application deletes what holds data. The namespace controller and the garbage
collector only carry out what somebody else decided; that one is looked for. Part of
reading an audit log.
"""

from __future__ import annotations

from .audit_activity import Accounts, Activity
from .audit_bounded import Sample
from .audit_event import AuditEvent, Deed, deed_of
from .audit_users import GARBAGE_COLLECTOR, NAMESPACE_CONTROLLER, is_application, is_person
from .thresholds import AUDIT_WINDOW

DELETE_VERBS = frozenset(("delete", "deletecollection"))
_HARMLESS = frozenset(("events", "leases"))
_HOLDS_DATA = frozenset(("namespaces", "persistentvolumeclaims", "customresourcedefinitions", "statefulsets"))
_CARRIES_OUT = frozenset((NAMESPACE_CONTROLLER, GARBAGE_COLLECTOR))
_MOST_USERS = 500


def is_watched_deletion(user: str, resource: str) -> bool:
    """Whether a deletion of this resource by this user is worth a look."""
    if resource in _HARMLESS or not resource:
        return False
    return is_person(user) or user in _CARRIES_OUT or (is_application(user) and resource in _HOLDS_DATA)


class DeletedWatch:
    """Gathers successful deletions while the log is read."""

    def __init__(self) -> None:
        self.namespaces: Sample[Deed] = Sample(50, 50)
        self._users = Accounts(AUDIT_WINDOW, _MOST_USERS)
        self._carried_out = Accounts(AUDIT_WINDOW, len(_CARRIES_OUT))

    def take(self, event: AuditEvent, file: str) -> None:
        """A successful deletion of which `is_watched_deletion` says yes."""
        deed = None if event.is_dry_run else deed_of(event, file)
        if deed is None:
            return
        if deed.user in _CARRIES_OUT:
            self._carried_out.add(deed)
            return
        self._users.add(deed)
        if deed.resource == "namespaces":
            self.namespaces.add(deed)

    def by_users(self) -> list[Activity]:
        """Of each user that decided by itself, the busiest first."""
        return self._users.activities()

    def carried_out(self) -> list[Activity]:
        """What controllers deleted because somebody else had decided it."""
        return self._carried_out.activities()
