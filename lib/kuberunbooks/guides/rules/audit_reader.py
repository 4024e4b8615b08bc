"""Reads an audit log once: everything the audit guide says of it, in bounded memory.

Each event costs one look-up: requests that are alike share a `Kind`, which counts them and
knows which rules want to see them at all; most want none. Called by the audit guide's
log_reading.
"""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from .audit_activity import Accounts, Counted
from .audit_bounded import Bounded, Sample
from .audit_deleted import DELETE_VERBS, DeletedWatch, is_watched_deletion
from .audit_event import OLDEST, AuditEvent, Deed, deed_of, resource_text, who_text
from .audit_kinds import Key, Kind, Watcher, path_reference, sums
from .audit_reading import Deprecated, Failing, FileRead, Reading
from .audit_refused import REFUSED_CODES, RefusedWatch
from .audit_rights import CLUSTER_ADMIN, RBAC_GROUP, RBAC_RESOURCES, RBAC_VERBS, RightsWatch
from .audit_trail import About, TrailWatch
from .audit_users import ANONYMOUS, counted_as, is_application, is_person
from .thresholds import AUDIT_SLOW, AUDIT_WINDOW

MOST_TOP = 10
MOST_LISTED = 50
_LATEST = datetime.max.replace(tzinfo=UTC)
_SLOW = timedelta(seconds=AUDIT_SLOW)
_MOST_KINDS = 20_000
_MOST_CACHED = 100_000
_MOST_ASKED = 5_000
_MOST_STARTED = 50_000
_MOST_SLOW = 10
_ENTERED = frozenset(("exec", "attach", "portforward"))
# What an API server serves to everybody unless told otherwise, and the keys that cloud providers publish.
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/.well-known/", "/openid/v1/jwks")
_CLUSTER_INFO = ("configmaps", "kube-public", "cluster-info")


class AuditReader:
    """Takes the events of a log, in any order; `reading` is what they come to."""

    def __init__(self, about: About | None = None, window: tuple[datetime, datetime] | None = None) -> None:
        self._window = window
        self._trails = [TrailWatch(one) for one in about.readings()] if about is not None else []
        self._cache: dict[tuple[str, str, str, str, str, str, int], Kind] = {}
        self._kinds: Bounded[Key, Kind] = Bounded(_MOST_KINDS, self._make, lambda one: one.count)
        self._asked: OrderedDict[str, tuple[AuditEvent, str]] = OrderedDict()
        self._started: OrderedDict[str, bool] = OrderedDict()
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._requests = self._unanswered = 0
        self._refused, self._rights, self._deleted = RefusedWatch(), RightsWatch(), DeletedWatch()
        self._anonymous, self._entered, self._secrets = (Accounts(AUDIT_WINDOW, 200) for _ in range(3))
        self._secret_deeds: Sample[Deed] = Sample(2000, 2000)
        self._errors: Sample[Deed] = Sample(3, 3)
        self._panics: Sample[Deed] = Sample(5, 5)
        self._slow: list[tuple[float, int, Deed]] = []
        self._slow_count = 0
        self._deprecated: Counter[tuple[str, str, str, str]] = Counter()

    def take(self, events: Iterable[AuditEvent], file: str) -> None:
        """Some more events, as they stand in `file`. A request counts once, as soon as it has an answer."""
        asked, started = self._asked, self._started
        answered = []
        for event in events:
            if event.stage == "ResponseComplete":
                if started and started.pop(event.audit_id, False):
                    continue
            elif not self._is_answered(event, file):
                continue
            if asked:
                asked.pop(event.audit_id, None)
            answered.append(event)
        self._count(answered, file)

    def _count(self, events: list[AuditEvent], file: str) -> None:
        if self._window is not None:
            start, stop = self._window
            events = [event for event in events if event.at is not None and start <= event.at <= stop]
        cache, trails, contesting = self._cache, self._trails, self._refused.contesting
        first, last = _LATEST, OLDEST
        for event in events:
            ref, acting, status = event.object_ref, event.impersonated_user, event.response_status
            if ref is None:
                ref = path_reference(event)
            key = (
                event.user.username,
                "" if acting is None else acting.username,
                event.verb,
                ref.resource,
                ref.subresource,
                ref.api_group,
                0 if status is None else status.code,
            )
            kind = cache.get(key) or self._kind_of(key)
            kind.count += 1
            for watcher in kind.watchers:
                watcher(event, file)
            if contesting and key[0] in contesting and kind.key.is_good:
                self._refused.see_success(event)
            if event.annotations.deprecated:
                self._note_deprecated(event)
            came, ended = event.request_received_timestamp, event.stage_timestamp
            if came is not None and ended is not None:
                if kind.timed and ended - came > _SLOW:
                    self._note_slow(event, file)
                if came > last:
                    last = came
                if OLDEST < came < first:
                    first = came
            for trail in trails:
                if trail.about.matches(event):
                    trail.take(event, file)
        self._requests += len(events)
        if first <= last:
            self._first = min(first, self._first or first)
            self._last = max(last, self._last or last)

    def reading(self, files: list[FileRead]) -> Reading:
        """What all events so far come to. To be called once, at the end."""
        while self._asked:
            self._count_unanswered()
        kinds = [kind for _, kind in self._kinds.items()]
        of_note = (*self._secret_deeds, *(deed for one in self._entered.held() for deed in one.deeds))
        rights = self._rights.activities(sorted(of_note, key=lambda deed: deed.at))
        trails = [one.trail() for one in self._trails]
        return Reading(
            files=files,
            first=self._first,
            last=self._last,
            requests=self._requests,
            unanswered=self._unanswered,
            window=self._window,
            users=self._top(kinds, lambda key: counted_as(key.user)),
            verbs=self._top(kinds, lambda key: key.verb),
            resources=self._top(
                kinds, lambda key: resource_text(key.resource, key.group, key.subresource) or "(no resource)"
            ),
            codes=self._top(kinds, lambda key: str(key.code) if key.code else "(no answer)"),
            readers=sums(
                [one for one in kinds if one.key.reads_secrets],
                lambda key: who_text(counted_as(key.user), key.acting),
            )[:MOST_LISTED],
            refused=self._refused.refusals(),
            strangers=self._refused.strangers(),
            anonymous=self._anonymous.activities(),
            entered=self._entered.activities(),
            secrets=self._secrets.activities(),
            rights=rights[:MOST_LISTED],
            rights_of_setup=self._rights.setup,
            deleted=self._deleted.by_users(),
            namespaces_deleted=list(self._deleted.namespaces),
            carried_out=self._deleted.carried_out(),
            failing=_failing(kinds, self._errors),
            panics=list(self._panics),
            panic_count=self._panics.count,
            slow=[deed for _, _, deed in sorted(self._slow, reverse=True)],
            slow_count=self._slow_count,
            deprecated=[
                Deprecated(who, resource, version, removed, count)
                for (who, resource, version, removed), count in self._deprecated.most_common(50)
            ],
            trail=next((one for one in trails if one.count), trails[0] if trails else None),
        )

    def _top(self, kinds: Iterable[Kind], name_of: Callable[[Key], str]) -> list[Counted]:
        """The most frequent names; all that is not among them together as `(others)`."""
        found = sums(kinds, name_of)[:MOST_TOP]
        others = self._requests - sum(one.count for one in found)
        return [*found, *([Counted("(others)", others)] if others else [])]

    def _is_answered(self, event: AuditEvent, file: str) -> bool:
        """Whether an event of another stage than ResponseComplete is the one to count its request by."""
        if event.stage == "RequestReceived":
            self._asked[event.audit_id] = (event, file)
            if len(self._asked) > _MOST_ASKED:
                self._count_unanswered()
            return False
        if event.stage == "Panic":
            if (deed := deed_of(event, file)) is not None:
                self._panics.add(deed)
            return not self._started.pop(event.audit_id, False)
        if event.code != 401:
            # A watch goes on for minutes. Who is not authenticated gets no further event.
            self._started[event.audit_id] = True
            if len(self._started) > _MOST_STARTED:
                self._started.popitem(last=False)
        return True

    def _count_unanswered(self) -> None:
        """The oldest request whose answer is not in the log, or not yet: what is known of it counts."""
        event, file = self._asked.popitem(last=False)[1]
        self._unanswered += 1
        self._count([event], file)

    def _kind_of(self, key: tuple[str, str, str, str, str, str, int]) -> Kind:
        """The kind of requests with this key; what is cached may be thrown away at any time."""
        if len(self._cache) >= _MOST_CACHED:
            self._cache.clear()
        before, kind = self._kinds.let_go, self._kinds[Key(*key)]
        if self._kinds.let_go != before:
            # Else what is cached would go on counting for nobody.
            self._cache.clear()
        self._cache[key] = kind
        return kind

    def _make(self, key: Key) -> Kind:
        return Kind(key, self._watchers(key))

    def _watchers(self, key: Key) -> Iterable[Watcher]:
        """The rules that want to see requests of a kind: most want none."""
        good = key.is_good
        user, verb, resource = key.user, key.verb, key.resource
        if key.code in REFUSED_CODES:
            yield self._refused.take
        if good and user == ANONYMOUS:
            yield self._note_anonymous
        if (key.subresource in _ENTERED and (good or key.code == 101)) or (
            good and resource == "pods" and key.subresource == "ephemeralcontainers" and verb != "get"
        ):
            yield self._note_entered
        if good and resource == "nodes" and key.subresource == "proxy":
            yield self._note_entered
        if key.reads_secrets and is_person(user):
            yield self._note_secret
        if good and resource in RBAC_RESOURCES and key.group == RBAC_GROUP and verb in RBAC_VERBS:
            if is_person(user) or is_application(user):
                yield self._rights.take
            elif resource == "clusterroles" and verb == "create":
                yield self._note_setup
        if good and verb in DELETE_VERBS and is_watched_deletion(user, resource) and not key.subresource:
            yield self._deleted.take
        if key.code >= 500 and key.is_own:
            yield self._note_error

    def _note_anonymous(self, event: AuditEvent, file: str) -> None:
        ref = event.object_ref
        if ref is None and event.path.startswith(_PUBLIC):
            return
        if ref is not None and (ref.resource, ref.namespace, ref.name) == _CLUSTER_INFO:
            return
        if (deed := deed_of(event, file)) is not None:
            self._anonymous.add(deed)

    def _note_entered(self, event: AuditEvent, file: str) -> None:
        if (deed := deed_of(event, file)) is not None:
            self._entered.add(deed)

    def _note_secret(self, event: AuditEvent, file: str) -> None:
        if (deed := deed_of(event, file)) is not None:
            self._secrets.add(deed)
            self._secret_deeds.add(deed)

    def _note_setup(self, event: AuditEvent, file: str) -> None:
        del file
        ref, at = event.object_ref, event.at
        if ref is not None and ref.name == CLUSTER_ADMIN and at is not None:
            self._rights.see_setup(at)

    def _note_error(self, event: AuditEvent, file: str) -> None:
        if (deed := deed_of(event, file)) is not None:
            self._errors.add(deed)

    def _note_slow(self, event: AuditEvent, file: str) -> None:
        self._slow_count += 1
        seconds = event.seconds or 0.0
        if len(self._slow) < _MOST_SLOW or seconds > self._slow[0][0]:
            deed = deed_of(event, file)
            if deed is not None:
                heapq.heappush(self._slow, (seconds, self._slow_count, deed))
                if len(self._slow) > _MOST_SLOW:
                    heapq.heappop(self._slow)

    def _note_deprecated(self, event: AuditEvent) -> None:
        ref = event.object_ref
        if ref is None or event.annotations.deprecated != "true":
            return
        resource = resource_text(ref.resource, ref.api_group, "")
        key = (counted_as(event.user.username), resource, ref.api_version, event.annotations.removed)
        if key in self._deprecated or len(self._deprecated) < _MOST_KINDS:
            self._deprecated[key] += 1


def _failing(kinds: Iterable[Kind], sample: Sample[Deed]) -> Failing:
    own = [kind for kind in kinds if kind.key.is_own]
    failed = [kind for kind in own if kind.key.code >= 500]
    return Failing(
        failed=sum(kind.count for kind in failed),
        requests=sum(kind.count for kind in own),
        whats=sums(failed, lambda key: f"{key.code} {key.verb} {resource_text(key.resource, key.group, '')}"),
        deeds=list(sample),
    )
