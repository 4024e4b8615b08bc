"""What the log says of one object, user, address, resource or request: the guide's seven questions.

What happened, when, who initiated it, on what, where was it observed, from where, and to
where was it going. Part of reading an audit log.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from .audit_activity import Counted, counter, top
from .audit_bounded import Sample
from .audit_event import AuditEvent, Deed, deed_of
from .audit_users import is_machinery, is_person

READS = frozenset(("get", "list", "watch"))
ENTERS = frozenset(("exec", "attach", "portforward", "ephemeralcontainers", "proxy"))
_SHORT = {
    "po": "pods",
    "svc": "services",
    "deploy": "deployments",
    "rs": "replicasets",
    "sts": "statefulsets",
    "ds": "daemonsets",
    "cm": "configmaps",
    "ns": "namespaces",
    "sa": "serviceaccounts",
    "no": "nodes",
    "ing": "ingresses",
    "pv": "persistentvolumes",
    "pvc": "persistentvolumeclaims",
    "hpa": "horizontalpodautoscalers",
    "netpol": "networkpolicies",
    "crd": "customresourcedefinitions",
}
_USERS = frozenset(("user", "users"))
_KIND = re.compile(r"[a-z][a-z0-9]*(?:\.[a-z0-9.-]+)?")


class About(msgspec.Struct):
    """What a person asks about: `word` alone, or a `resource` with a name, a namespace, or both.

    `user/eve`, `pod/shop/web-1`, `pod/web-1` (in any namespace), `namespace/shop` (all that
    is in it), `secrets`, `admin`, `10.0.0.7`, an audit ID.
    """

    text: str
    word: str = ""
    word_is_name: bool = False
    user: str = ""
    resources: list[str] = []
    namespace: str = ""
    name: str = ""

    def readings(self) -> list[About]:
        """How it may be meant, the likeliest first: `web` may be no user and no resource but an object."""
        return [self, msgspec.structs.replace(self, word_is_name=True)] if self.word else [self]

    def matches(self, event: AuditEvent) -> bool:
        """Whether an event is about it, or by it."""
        if self.user:
            return _is_by(event, self.user)
        ref = event.object_ref
        if self.word:
            word = self.word
            if self.word_is_name:
                return ref is not None and ref.name == word
            return (
                _is_by(event, word)
                or word == event.audit_id
                or word in event.source_ips
                or (ref is not None and ref.resource in self.resources)
            )
        if ref is None:
            return False
        if "namespaces" in self.resources:
            return ref.namespace == self.name or (ref.resource == "namespaces" and ref.name == self.name)
        return (
            ref.resource in self.resources
            and ref.name == self.name
            and (not self.namespace or ref.namespace == self.namespace)
        )


def about_of(text: str, namespace: str = "") -> About | None:
    """What a parameter asks about; None for nothing. `namespace` holds for `KIND/NAME`, empty: any.

    A service account is the object; `user/system:serviceaccount:shop:web` is what it did.
    """
    text = text.strip()
    if not text:
        return None
    kind, slash, rest = text.partition("/")
    if not slash:
        return About(text, word=text, resources=_plurals(text) if _KIND.fullmatch(text) else [])
    if kind.lower() in _USERS:
        return About(text, user=rest)
    place, deeper, name = rest.rpartition("/")
    return About(text, resources=_plurals(kind.lower()), namespace=place if deeper else namespace, name=name)


def _is_by(event: AuditEvent, user: str) -> bool:
    acting = event.impersonated_user
    return event.user.username == user or (acting is not None and acting.username == user)


def _plurals(kind: str) -> list[str]:
    """How the log may spell a kind: in the plural, without its group."""
    kind = kind.partition(".")[0]
    found = [kind, f"{kind}s", f"{kind}es", *([f"{kind[:-1]}ies"] if kind.endswith("y") else [])]
    return [_SHORT[kind]] if kind in _SHORT else found


class Trail(msgspec.Struct):
    """What was found about it: `count` requests between `first` and `last`.

    `told` are the deeds that tell most, by time: writes and entries of people before refusals,
    before writes of controllers, before reads. `last_change` is the newest change of a person,
    else of anybody.
    """

    about: str
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    who: list[Counted] = []
    whats: list[Counted] = []
    addresses: list[Counted] = []
    told: list[Deed] = []
    last_change: Deed | None = None


class TrailWatch:
    """Gathers a Trail while the log is read."""

    def __init__(self, about: About) -> None:
        self.about = about
        self._who, self._whats, self._addresses = counter(), counter(), counter()
        self._ranks: tuple[Sample[Deed], ...] = tuple(Sample(10, 30) for _ in range(4))
        self._count = 0
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._changes: list[Deed | None] = [None, None]

    def take(self, event: AuditEvent, file: str) -> None:
        """An event that `about` matches."""
        deed = deed_of(event, file)
        if deed is None:
            return
        self._count += 1
        self._first = deed.at if self._first is None else min(self._first, deed.at)
        self._last = deed.at if self._last is None else max(self._last, deed.at)
        self._who[deed.who][0] += 1
        self._whats[deed.what][0] += 1
        self._addresses[deed.address][0] += 1
        self._ranks[_rank(deed)].add(deed)
        if is_change(deed) and 200 <= deed.code < 300:
            place = 0 if is_person(deed.user) else 1
            before = self._changes[place]
            if before is None or deed.at >= before.at:
                self._changes[place] = deed

    def trail(self, most: int = 40) -> Trail:
        """What was found; at most so many deeds are told."""
        told: list[Deed] = []
        for deeds in self._ranks:
            told += list(deeds)[-(most - len(told)) :] if len(told) < most else []
        return Trail(
            about=self.about.text,
            count=self._count,
            first=self._first,
            last=self._last,
            who=top(self._who),
            whats=top(self._whats),
            addresses=top(self._addresses),
            told=sorted(told, key=lambda deed: deed.at),
            last_change=self._changes[0] or self._changes[1],
        )


def is_change(deed: Deed) -> bool:
    """Whether a request was to change something that lasts; a heartbeat and an event do not count."""
    return (
        deed.verb not in READS
        and bool(deed.resource)
        and deed.subresource not in ("status", "exec", "attach", "portforward", "proxy")
        and deed.resource not in ("events", "leases")
        and not deed.resource.endswith("reviews")
    )


def _rank(deed: Deed) -> int:
    """0 tells most."""
    if deed.code in (401, 403):
        return 1
    enters = deed.subresource in ENTERS
    if (is_change(deed) or enters) and not is_machinery(deed.user):
        return 0
    if is_change(deed):
        return 2
    return 3
