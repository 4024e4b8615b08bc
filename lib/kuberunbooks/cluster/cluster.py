"""What a guide may ask of a cluster, the same live and from a case.

Reads are remembered for the length of a run, so that ten steps asking for the
same pods cost one request. `read`, `get` and `log` raise ClusterError; `look`
and `find` are for supporting evidence: they note what was refused in the
coverage and hand back "unknown" instead.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from kuberunbooks.errors import ClusterError, Forbidden, NotCollected, NotFound, Refused
from kuberunbooks.objects import Event, KubernetesObject, Node, Pod, parse_fields, parse_labels, read_path
from kuberunbooks.objects.event import EventV1

from .coverage import Coverage, EventWindow, Origin, Refusal
from .decode import decode_item, decode_list, decode_plain, pick_plain
from .logs import Log, parse_log
from .rights import forbidden
from .source import LogQuery, Page, RawQuery, Source
from .transcripts import Transcript

if TYPE_CHECKING:
    from kuberunbooks.acting.actions import Actor

T = TypeVar("T", bound=KubernetesObject)

_PARALLEL_READS = 8
_MANY = 1000
"""A list of so many objects stays for the whole run: the garbage collector, which would look through
all of it again and again, is told to leave it alone. That is a tenth of a run on 5,000 sick pods."""


class Listing(list[T], Generic[T]):
    """A list that knows whether it is everything there is.

    `complete` False means objects may exist that could not be read (refused, or
    not in the case): then absence proves nothing. `why` says why, in one clause.
    """

    def __init__(self, items: Iterable[T] = (), *, complete: bool = True, why: str = "") -> None:
        super().__init__(items)
        self.complete = complete
        self.why = why


class Glance(NamedTuple, Generic[T]):
    """One object looked for: `object` None means it does not exist if `known` is True, and nothing if not."""

    object: T | None
    known: bool
    why: str = ""


class Query(NamedTuple):
    """A list request, as `Cluster.read` takes it."""

    kind: type[KubernetesObject]
    namespace: str = ""
    labels: str = ""
    fields: str = ""
    whole: bool = False


class Cluster:
    """Typed, remembered, read-only access to a live API server or a recorded case."""

    def __init__(self, source: Source) -> None:
        # What an earlier run in the same kernel kept may go.
        gc.unfreeze()
        self._source = source
        self._memory: dict[Any, Future[Any]] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(_PARALLEL_READS, "read") if source.selects else None
        self._events: dict[tuple[str, str, str], list[Event]] = {}
        self._event_namespaces: set[str] = set()
        self.given_transcripts: list[Transcript] = []
        self.actor: Actor | None = None
        """Does what a step plans; None on a case and wherever actions are not allowed."""
        self.now: datetime = source.now()

    @property
    def coverage(self) -> Coverage:
        """What could not be seen so far."""
        return self._source.coverage

    @property
    def origin(self) -> Origin:
        """Where the answers come from."""
        return self._source.origin()

    def close(self) -> None:
        """Stops pending reads, removes what an actor made, gives back connections."""
        if self.actor is not None:
            self.actor.close()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._source.close()

    def prefetch(self, *queries: Query) -> None:
        """Starts list requests side by side and remembers the answers; a failure shows when asked for."""
        if self._pool is None:
            return
        for query in queries:
            self._remember(query, lambda query=query: self._read_list(query), start=True)  # type: ignore[misc]

    def read(
        self, kind: type[T], namespace: str = "", *, labels: str = "", fields: str = "", whole: bool = False
    ) -> Listing[T]:
        """All objects of a kind in a namespace (empty: all namespaces) that the selectors let through.

        `whole` asks for them in one answer, whatever their number; a list that was read
        already is not read again the other way. Raises a ClusterError when the server
        refuses or the case does not hold it.
        """
        query = Query(kind, namespace, labels, fields, whole)
        other = query._replace(whole=not whole)
        if self._has(other):
            query = other
        found: Listing[T] = self._remember(query, lambda: self._read_list(query))
        return found

    def look(
        self, kind: type[T], namespace: str = "", *, labels: str = "", fields: str = "", whole: bool = False
    ) -> Listing[T]:
        """As `read`, for supporting evidence: a refusal is noted and gives an empty, incomplete Listing."""
        try:
            return self.read(kind, namespace, labels=labels, fields=fields, whole=whole)
        except ClusterError as error:
            self.note_failure(error, f"list {kind.api.resource}", namespace)
            return Listing(complete=False, why=_clause(error))

    def get(self, kind: type[T], namespace: str, name: str) -> T:
        """One object. Raises NotFound when the server says there is none, other ClusterErrors else."""
        key = ("get", kind, namespace, name)
        found: T = self._remember(key, lambda: self._read_item(kind, namespace, name))
        return found

    def again(self, kind: type[T], namespace: str, name: str) -> T:
        """As `get`, but as it is now, after something was done to it; what was remembered of it is replaced.

        A case has only the one state it holds.
        """
        if self._source.selects:
            with self._lock:
                for read in ("get", "raw object"):
                    self._memory.pop((read, kind, namespace, name), None)
        return self.get(kind, namespace, name)

    def find(self, kind: type[T], namespace: str, name: str) -> Glance[T]:
        """As `get`, for supporting evidence: says whether it exists, does not, or cannot be known."""
        try:
            return Glance(self.get(kind, namespace, name), True)
        except NotFound:
            return Glance(None, True)
        except ClusterError as error:
            self.note_failure(error, f"get {kind.api.resource}", namespace)
            return Glance(None, False, _clause(error))

    def read_raw_object(self, kind: type[KubernetesObject], namespace: str, name: str) -> dict[str, Any]:
        """One object as the server holds it, with the fields the typed views leave out.

        A request of its own, even when the object was read before. Raises as `get` does.
        """
        key = ("raw object", kind, namespace, name)
        found: dict[str, Any] = self._remember(key, lambda: self._read_raw(kind, namespace, name))
        return found

    def nodes(self) -> Listing[Node]:
        """All nodes, in one request whatever their number."""
        return self.look(Node)

    def node(self, name: str) -> Glance[Node]:
        """One node: from the list when that was read, else by a request of its own."""
        if self._has(Query(Node)):
            nodes = self.nodes()
            found = next((node for node in nodes if node.name == name), None)
            return Glance(found, found is not None or nodes.complete, nodes.why)
        return self.find(Node, "", name)

    def read_events(self, namespace: str, *, whole: bool = False) -> Listing[Event]:
        """All events of a namespace (empty: all); `events` then needs no request per object.

        `whole` as in `read`, which says what is raised.
        """
        listed = self.read(Event, namespace, whole=whole)
        if namespace not in self._event_namespaces and "" not in self._event_namespaces:
            self._index(listed)
            self._event_namespaces.add(namespace)
        return listed

    def events(self, about: KubernetesObject) -> list[Event]:
        """The events about an object, oldest first; none when they could not be read (coverage says so)."""
        return self.events_about(about.kind, about.namespace, about.name, about.uid)

    def events_about(self, kind: str, namespace: str, name: str, uid: str = "") -> list[Event]:
        """As `events`, by name: events with another uid belong to an earlier object of that name."""
        key = (kind, namespace, name)
        place = namespace or "default"
        if self._pool is None and not self._event_namespaces & {place, ""}:
            try:
                self.read_events(place)
            except ClusterError as error:
                self.note_failure(error, "list events", place)
                return []
        fields = f"involvedObject.kind={kind},involvedObject.name={name}"
        if place in self._event_namespaces or "" in self._event_namespaces:
            found = self._events.get(key, [])
            self._note_unread_events(place, fields)
        elif any(
            self._has(Query(Event, where, whole=whole)) for where in (place, "") for whole in (False, True)
        ):
            return []  # the list was refused: asking once more for each of 5,000 pods mends nothing
        else:
            listed = self.look(Event, place, fields=fields)
            self._note_window(listed)
            found = sorted(listed, key=_event_time)
        return [event for event in found if event.involved_object.uid in ("", uid, name) or not uid]

    def _note_unread_events(self, namespace: str, fields: str) -> None:
        if self._pool is None and not self._source.is_complete(Event.api.path(namespace), fields=fields):
            path = f"events of {fields} -n {namespace}"
            self.coverage.miss(
                Refusal(what="list events", why=f"the case does not hold the {path}", path=path)
            )

    def log(self, pod: Pod, container: str, *, previous: bool = False, tail_lines: int = 500) -> Log:
        """The log of a container's current or previous run; never raises, says why there is none instead."""
        query = LogQuery(pod.namespace, pod.name, container, previous, tail_lines)
        key = ("log", query)
        found: Log = self._remember(key, lambda: self._read_log(query))
        return found

    def transcripts(self) -> list[Transcript]:
        """What commands printed that were run before: those of the case, then `given_transcripts`."""
        held: list[Transcript] = self._remember(("transcripts",), self._source.transcripts)
        return [*held, *self.given_transcripts]

    def raw(self, path: str, query: RawQuery = (), *, patient: bool = True, name: str = "") -> bytes:
        """Any other GET, remembered: `readyz` with `(("verbose", ""),)`.

        `patient` False takes a 5xx for an answer, as that of a health check, and does not
        try again. `name` is what a case calls the answer, for a question whose options hold
        times of the run. Raises ClusterError; of a refusal the whole answer is in `Refused.text`.
        """
        key = ("raw", path, tuple(query))
        found: bytes = self._remember(key, lambda: self._source.raw(path, query, patient=patient, name=name))
        return found

    def elsewhere(self, name: str, ask: Callable[[], bytes]) -> bytes:
        """What `ask` gets from a server beside the API server, remembered by `name`.

        It enters the case under that name, and a case hands it out without asking. `ask` raises
        ClusterErrors, and so does this.
        """
        found: bytes = self._remember(("elsewhere", name), lambda: self._source.elsewhere(name, ask))
        return found

    def recorded(self, path: str) -> bytes | None:
        """A GET that is worth reading only where a case happens to hold it; that it does not is no gap.

        For what needs rights nobody should have for a look (`nodes/NAME/configz`). Raises
        ClusterError when the case is damaged there.
        """
        return self._source.recorded(path)

    def note_failure(self, error: ClusterError, what: str, namespace: str = "") -> None:
        """Puts a failed read into the coverage."""
        path = getattr(error, "path", "")
        if isinstance(error, Forbidden):
            self.coverage.refuse(forbidden(error, what, namespace))
            return
        where = f" -n {namespace}" if namespace else " -A"
        status = error.status if isinstance(error, Refused) else 0
        refusal = Refusal(what=what, why=str(error), path=path or what + where, status=status)
        self.coverage.miss(refusal)

    def _has(self, key: Any) -> bool:
        with self._lock:
            future = self._memory.get(key)
        return future is not None

    def _remember(self, key: Any, read: Callable[[], Any], *, start: bool = False) -> Any:
        with self._lock:
            future = self._memory.get(key)
            mine = future is None
            if future is None:
                if start and self._pool is not None:
                    self._memory[key] = self._pool.submit(read)
                    return None
                future = self._memory[key] = Future()
        if start:
            return None
        if mine:
            try:
                future.set_result(read())
            except BaseException as error:
                future.set_exception(error)
                if not isinstance(error, ClusterError):
                    with self._lock:
                        self._memory.pop(key, None)
        return future.result()

    def _read_list(self, query: Query) -> Listing[Any]:
        return self._read_events(query) if query.kind is Event else self._read_kind(query)

    def _read_events(self, query: Query) -> Listing[Event]:
        """By core/v1, or where only that may be read by events.k8s.io/v1: both serve the same events."""
        try:
            return self._read_kind(query)
        except (Forbidden, NotCollected):
            other = query._replace(kind=EventV1, fields=query.fields.replace("involvedObject.", "regarding."))
            path = EventV1.api.path(query.namespace)
            if not (self._source.selects or self._source.is_complete(path, other.labels, other.fields)):
                raise
            try:
                found: Listing[EventV1] = self._read_kind(other)
            except ClusterError:
                found = Listing(complete=False)
            if not found.complete:
                raise
            return Listing(one.as_core() for one in found)

    def _read_kind(self, query: Query) -> Listing[Any]:
        kind, source = query.kind, self._source
        path = kind.api.path(query.namespace)
        # Bounded by nodes, not by pods: one answer from the watch cache keeps the request count constant.
        whole = query.whole or kind is Node
        pages = source.pages(path, labels=query.labels, fields=query.fields, whole=whole)
        if source.selects:
            items = self._decode(kind, pages)
        else:
            # Every selection of a recorded list comes from the same file: decoded once.
            key = ("recorded", kind, query.namespace)
            everything = self._remember(key, lambda: self._decode_files(kind, pages, query.namespace))
            try:
                items = select(everything, query.labels, query.fields)
            except ValueError as error:
                # As a server answers a selector that is none, made from odd labels.
                raise Refused(
                    f"The request for {path} makes no sense: {error}.", path=path, status=400
                ) from error
        complete = source.is_complete(path, query.labels, query.fields)
        return Listing(items, complete=complete, why="" if complete else "the case holds only a part of it")

    def _decode_files(self, kind: type[KubernetesObject], pages: Iterable[Page], namespace: str) -> list[Any]:
        """The objects of a case's files, each decoded once: all namespaces hold what each of them does."""
        items: list[Any] = []
        for page in pages:
            # Of a file that holds all namespaces the page has only what was asked for.
            part = "" if "/namespaces/" in page.path else namespace
            key = ("recorded file", kind, page.path, part)
            items += self._remember(key, lambda page=page: self._decode(kind, [page]))  # type: ignore[misc]
        return items

    def _decode(self, kind: type[KubernetesObject], pages: Iterable[Page]) -> list[Any]:
        items: list[Any] = []
        for page in pages:
            if page.restart:
                items.clear()
            decoded = decode_list(kind, page.body, page.path)
            items.extend(decoded.items)
            for lost in decoded.dropped[:20]:
                self.coverage.truncate(lost)
        if len(items) >= _MANY:
            gc.freeze()
        return items

    def _read_item(self, kind: type[T], namespace: str, name: str) -> T:
        path = kind.api.path(namespace, name)
        if self._source.selects:
            item, lost = decode_item(kind, self._source.item(path), path)
            for one in lost:
                self.coverage.truncate(one)
            return item
        listing = self.read(kind, namespace, fields=f"metadata.name={name}")
        if listing:
            return listing[0]
        if not listing.complete:
            raise NotCollected(f"The case does not hold {kind.api.kind} {name}.", path=path)
        raise NotFound(f"There is no {kind.api.kind} {name} in {namespace or 'the cluster'}.", path=path)

    def _read_raw(self, kind: type[KubernetesObject], namespace: str, name: str) -> dict[str, Any]:
        path = kind.api.path(namespace, name)
        if self._source.selects:
            return decode_plain(self._source.item(path), path)
        list_path = kind.api.path(namespace)
        only = f"metadata.name={name}"
        for page in self._source.pages(list_path, fields=only):
            found = pick_plain(page.body, name, page.path)
            if found is not None:
                # Items of a list do not say what they are.
                return {"apiVersion": kind.api.group_version, "kind": kind.api.kind} | found
        if not self._source.is_complete(list_path, fields=only):
            raise NotCollected(f"The case does not hold {kind.api.kind} {name}.", path=path)
        raise NotFound(f"There is no {kind.api.kind} {name} in {namespace or 'the cluster'}.", path=path)

    def _read_log(self, query: LogQuery) -> Log:
        suffix = ".previous.log" if query.previous else ".log"
        where = f"logs/{query.namespace}/{query.pod}/{query.container}{suffix}"
        try:
            body = self._source.log(query)
        except ClusterError as error:
            return _log_failure(where, error, self)
        rows = body.count(b"\n")
        cut = rows >= query.tail_lines or len(body) >= query.limit_bytes
        log = parse_log(where, body, cut=cut)
        if cut:
            self.coverage.truncate(f"{where}: the last {rows} lines were read")
        return log

    def _index(self, events: Listing[Event]) -> None:
        self._note_window(events)
        for event in sorted(events, key=_event_time):
            about = event.involved_object
            self._events.setdefault((about.kind, about.namespace, about.name), []).append(event)

    def _note_window(self, events: Listing[Event]) -> None:
        times = [time for time in (event.last_seen for event in events) if time is not None]
        if not times:
            return
        oldest = min(times)
        window = self.coverage.event_window
        if window.oldest is None or oldest < window.oldest:
            seconds = (self.now - oldest).total_seconds()
            self.coverage.event_window = EventWindow(seconds=seconds, oldest=oldest)


def select(items: list[Any], labels: str, fields: str) -> list[Any]:
    """The items that label and field selectors let through, as the API server would choose them."""
    if labels:
        selector = parse_labels(labels)
        items = [item for item in items if selector.matches(item.metadata.labels)]
    for path, value, equal in parse_fields(fields):
        if path == "metadata.name" and equal:
            items = [item for item in items if item.name == value]
            continue
        items = [item for item in items if (str(read_path(item, path) or "") == value) is equal]
    return items


def _event_time(event: Event) -> float:
    seen = event.last_seen
    return seen.timestamp() if seen else 0.0


def _clause(error: ClusterError) -> str:
    if isinstance(error, Forbidden):
        return "not permitted"
    if isinstance(error, NotCollected):
        return "not in the case"
    return str(error).rstrip(".")


def _log_failure(where: str, error: ClusterError, cluster: Cluster) -> Log:
    text = str(error)
    if isinstance(error, Forbidden):
        cluster.note_failure(error, "get pods/log")
        return Log(where, "refused", why=text)
    if isinstance(error, NotCollected | NotFound):
        return Log(where, "missing", why=text)
    if isinstance(error, Refused) and error.status == 400:
        return Log(where, "waiting" if "waiting to start" in text else "missing", why=text)
    return Log(where, "unreachable", why=text)
