"""Who changed roles and bindings, what that gave to whom, and what was taken away again soon after.

At level Metadata the log shows names only; which role a binding gives stands in the
request's body, from level Request on. Part of reading an audit log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from kuberunbooks.objects import NOT_JSON

from .audit_event import AuditEvent, Deed, deed_of
from .audit_users import KUBEADM_OBJECTS, KUBEADM_USERS, is_person
from .thresholds import AUDIT_RIGHTS_PAIR, AUDIT_SETUP

RBAC_GROUP = "rbac.authorization.k8s.io"
BINDINGS = frozenset(("clusterrolebindings", "rolebindings"))
RBAC_RESOURCES = BINDINGS | {"clusterroles", "roles"}
RBAC_VERBS = frozenset(("create", "update", "patch", "delete", "deletecollection"))
CLUSTER_ADMIN = "cluster-admin"
_MOST_CHANGES = 5000
_MOST_SETUPS = 100
_MOST_PAIRS = 5
_MOST_MEANWHILE = 3
_MOST_SHOWN = 20
_MOST_SUBJECTS = 10
_MOST_NAME = 253
_ESCALATING = frozenset(("escalate", "bind", "impersonate"))


class RightsChange(msgspec.Struct):
    """A change of a role or a binding.

    `seen` whether the body was logged. `role` is what a binding gives (`ClusterRole/edit`),
    `subjects` to whom (`User/eve`), `everything` whether that, or the role, is every right
    on everything there is, cluster-wide or in kube-system; `escalates` the verbs in it by
    which one gets more rights.
    """

    deed: Deed
    seen: bool = False
    role: str = ""
    subjects: list[str] = []
    everything: bool = False
    escalates: list[str] = []

    @property
    def key(self) -> tuple[str, str, str]:
        """Which object."""
        return (self.deed.resource, self.deed.namespace, self.deed.name)

    @property
    def is_bootstrap(self) -> bool:
        """kubeadm's own work."""
        return self.deed.user in KUBEADM_USERS and self.deed.name.startswith(KUBEADM_OBJECTS)


class RightsPair(msgspec.Struct):
    """An object that one user made and removed within an hour; `meanwhile`: what of note was done then."""

    made: RightsChange
    removed: RightsChange
    meanwhile: list[Deed] = []

    @property
    def seconds(self) -> float:
        """How long it was there."""
        return (self.removed.deed.at - self.made.deed.at).total_seconds()


class RightsActivity(msgspec.Struct):
    """What one user changed, `count` times in all; `changes` are those that tell most, by time."""

    user: str
    count: int
    changes: list[RightsChange]
    pairs: list[RightsPair]

    @property
    def gives_everything(self) -> bool:
        """Whether one of the changes gave every right."""
        return any(one.everything for one in self.changes)


class RightsWatch:
    """Gathers successful changes while the log is read; `setup` of them were the cluster's own setting up."""

    def __init__(self) -> None:
        self.setups: list[datetime] = []
        self.setup = 0
        self._changes: list[RightsChange] = []
        self._omitted: Counter[str] = Counter()

    def take(self, event: AuditEvent, file: str) -> None:
        """A successful write of an RBAC object. An application's counts when it gives every right."""
        if event.is_dry_run:
            return
        deed = deed_of(event, file)
        if deed is None:
            return
        change = rights_change(deed, bytes(event.request_object))
        if not is_person(deed.user) and not change.everything:
            return
        if len(self._changes) >= _MOST_CHANGES:
            self._omitted[deed.user] += 1
            return
        self._changes.append(change)

    def see_setup(self, at: datetime) -> None:
        """The API server made the role cluster-admin: it was started for the first time."""
        if len(self.setups) < _MOST_SETUPS:
            self.setups.append(at)

    def activities(self, of_note: Sequence[Deed]) -> list[RightsActivity]:
        """Of each user, those who gave every right first; `of_note` is what may have happened meanwhile."""
        by_user: dict[str, list[RightsChange]] = {}
        for one in sorted(self._changes, key=lambda change: change.deed.at):
            if one.is_bootstrap or self._is_in_setup(one.deed.at):
                self.setup += 1
            else:
                by_user.setdefault(one.deed.user, []).append(one)
        found = [self._activity(user, changes, of_note) for user, changes in by_user.items()]
        return sorted(found, key=lambda one: (not one.gives_everything, -len(one.pairs), -one.count))

    def _activity(self, user: str, changes: list[RightsChange], of_note: Sequence[Deed]) -> RightsActivity:
        found = pairs(changes)[:_MOST_PAIRS]
        for pair in found:
            start, stop = pair.made.deed.at, pair.removed.deed.at
            pair.meanwhile = [deed for deed in of_note if start <= deed.at <= stop][:_MOST_MEANWHILE]
        parts = {id(part) for pair in found for part in (pair.made, pair.removed)}
        telling = [one for one in changes if one.everything or id(one) in parts][:_MOST_SHOWN]
        others = [one for one in changes if not (one.everything or id(one) in parts)]
        shown = sorted((*telling, *others[-_MOST_SHOWN:]), key=lambda one: one.deed.at)
        return RightsActivity(user, len(changes) + self._omitted[user], shown, found)

    def _is_in_setup(self, at: datetime) -> bool:
        """So soon after the cluster's first start that everything is still being set up."""
        return any(0 <= (at - start).total_seconds() <= AUDIT_SETUP for start in self.setups)


def rights_change(deed: Deed, body: bytes) -> RightsChange:
    """What a change gave, as far as its body was logged; a patch shows only what it touched."""
    change = RightsChange(deed)
    if not body or deed.verb.startswith("delete"):
        return change
    try:
        given = msgspec.json.decode(body)
    except NOT_JSON:
        return change
    change.seen = True
    ref, rules, subjects = _first(given, "roleRef"), _first(given, "rules"), _first(given, "subjects")
    wide = deed.resource.startswith("cluster") or deed.namespace == "kube-system"
    if isinstance(ref, dict):
        change.role = f"{ref.get('kind', 'ClusterRole')}/{ref.get('name', '')}"[:_MOST_NAME]
        change.everything = wide and ref.get("name") == CLUSTER_ADMIN
    change.subjects = [_subject(one) for one in _dicts(subjects)][:_MOST_SUBJECTS]
    verbs: set[str] = set()
    for rule in _dicts(rules):
        verbs.update(_ESCALATING & _texts(rule.get("verbs")))
        change.everything = change.everything or (wide and _is_everything(rule))
    change.escalates = sorted(verbs)
    return change


def pairs(changes: Iterable[RightsChange]) -> list[RightsPair]:
    """What one user made and removed within an hour, by time; whatever order the log has."""
    made: dict[tuple[str, str, str], list[RightsChange]] = {}
    found = []
    for change in sorted(changes, key=lambda one: one.deed.at):
        if change.deed.verb == "create":
            made.setdefault(change.key, []).append(change)
        elif change.deed.verb == "delete" and made.get(change.key):
            before = made[change.key].pop()
            pair = RightsPair(before, change)
            if before.deed.user == change.deed.user and pair.seconds <= AUDIT_RIGHTS_PAIR:
                found.append(pair)
    return found


def _first(given: Any, key: str) -> Any:
    """A field of an object or of a merge patch; of a JSON Patch the value set there."""
    if isinstance(given, dict):
        return given.get(key)
    if isinstance(given, list):
        found: list[Any] = []
        for one in _dicts(given):
            path = str(one.get("path", ""))
            if path == f"/{key}":
                return one.get("value")
            if path.startswith(f"/{key}/"):
                found.append(one.get("value"))
        return found or None
    return None


def _is_everything(rule: dict[str, Any]) -> bool:
    """Every verb on every resource, of all groups or of the core group, which has the secrets."""
    return (
        "*" in _texts(rule.get("verbs"))
        and "*" in _texts(rule.get("resources"))
        and not {"*", ""}.isdisjoint(_texts(rule.get("apiGroups")))
    )


def _subject(one: dict[str, Any]) -> str:
    place = f"{one['namespace']}/" if isinstance(one.get("namespace"), str) and one["namespace"] else ""
    return f"{one.get('kind', '')}/{place}{one.get('name', '')}"[:_MOST_NAME]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> set[str]:
    return {one for one in value if isinstance(one, str)} if isinstance(value, list) else set()
