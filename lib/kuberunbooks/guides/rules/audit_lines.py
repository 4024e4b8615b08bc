"""From the bytes of an audit log to its events, in one pass and bounded memory.

A log file has one event a line. Logs from elsewhere are read as well: lists of events
(what a webhook is sent), lines with something before the JSON (a container's standard
output as containerd or Docker stores it), pretty-printed JSON. What cannot be read is
counted, never passed over in silence. Used by the audit guide and its benchmark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from kuberunbooks.objects import NOT_JSON

from .audit_event import AuditEvent, Wrapping, decode_event, decode_many

MOST_LINE = 64 << 20
"""Bytes of one line: an event at level RequestResponse holds the whole answer, a list of 20 MB say."""

_CONTAINER_LINE = re.compile(rb"\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) (?P<part>[PF])\S* ")
_LEGACY = b" AUDIT: id="


class LinesRead(msgspec.Struct):
    """What became of a log's lines: how many were events, how many something else.

    `cut` are those that end in the middle of an event, `legacy` those of
    `--audit-log-format=legacy`, `long` those of more than MOST_LINE bytes. `unfinished` is 1
    when the file ends in the middle of an event: its API server was still writing.
    """

    lines: int = 0
    events: int = 0
    foreign: int = 0
    cut: int = 0
    legacy: int = 0
    long: int = 0
    unfinished: int = 0

    @property
    def lost(self) -> int:
        """Lines that gave no event."""
        return self.foreign + self.cut + self.legacy + self.long


class AuditLines:
    """Reads one file's events; its lines are counted in `read` meanwhile."""

    def __init__(self, read: LinesRead) -> None:
        self.read = read
        self._part: list[bytes] = []
        self._open: list[bytes] = []
        self._closing = b""

    def events(self, chunks: Iterable[bytes]) -> Iterator[list[AuditEvent]]:
        """The events of the chunks, in their order, some hundred at a time."""
        for block in _blocks(chunks, self.read):
            cut, whole = self.read.cut, block.endswith(b"\n")
            yield self._events_of(block)
            if not whole and self.read.cut > cut:
                self.read.cut, self.read.unfinished = cut, 1
        if self._part or self._open:
            self.read.unfinished = 1

    def _events_of(self, block: bytes) -> list[AuditEvent]:
        if not (self._part or self._open):
            try:
                found = decode_many(block)
            except NOT_JSON:
                pass
            else:
                self.read.lines += len(found)
                self.read.events += len(found)
                return found
        self.read.lines += block.count(b"\n") + (not block.endswith(b"\n"))
        events: list[AuditEvent] = []
        for line in block.splitlines():
            events += self._events_in(line)
        self.read.events += len(events)
        return events

    def _events_in(self, line: bytes) -> list[AuditEvent]:
        """The events of a line, or of what it completes."""
        if self._open:
            return self._go_on(line)
        if not line or line.isspace():
            return []
        stored = _CONTAINER_LINE.match(line)
        if stored is not None:
            return self._stored(line[stored.end() :], whole=stored["part"] == b"F")
        opening = line.rstrip()
        if opening.endswith((b"{", b"[")) and opening.strip() in (b"{", b"["):
            if opening.endswith(b"{"):
                self._open, self._closing = [line], opening[:-1] + b"}"
            return []
        if opening in (b"]", b"],"):
            return []
        return self._parsed(line)

    def _go_on(self, line: bytes) -> list[AuditEvent]:
        """One more line of pretty-printed JSON, which ends where a brace is as far in as the first one."""
        self._open.append(line)
        if line.rstrip(b", \t\r") != self._closing:
            return []
        text = b"\n".join(self._open)
        self._open = []
        return self._parsed(text)

    def _stored(self, text: bytes, *, whole: bool) -> list[AuditEvent]:
        """A line as a container runtime stores it: long ones in parts."""
        self._part.append(text)
        if not whole and sum(map(len, self._part)) < MOST_LINE:
            return []
        text, self._part = b"".join(self._part), []
        return self._parsed(text) if text.strip() else []

    def _parsed(self, text: bytes) -> list[AuditEvent]:
        text = text.strip(b", \t\r\n")
        start = max(0, text.find(b"{"))
        try:
            if text.startswith(b"["):
                return self._listed(text)
            return self._unwrapped(decode_event(text[start:]))
        except NOT_JSON:
            return self._lost(text)

    def _unwrapped(self, event: AuditEvent | Wrapping) -> list[AuditEvent]:
        """The event itself, those of a list, or the one in a line of Docker's."""
        if isinstance(event, AuditEvent):
            return [event]
        if event.log:
            return self._stored(event.log.rstrip("\n").encode(), whole=event.log.endswith("\n"))
        if bytes(event.items):
            return self._listed(bytes(event.items))
        self.read.foreign += 1
        return []

    def _listed(self, items: bytes) -> list[AuditEvent]:
        found = [decode_event(bytes(item)) for item in msgspec.json.decode(items, type=list[msgspec.Raw])]
        events = [one for one in found if isinstance(one, AuditEvent)]
        self.read.foreign += len(found) - len(events)
        return events

    def _lost(self, text: bytes) -> list[AuditEvent]:
        if _LEGACY in text[:200]:
            self.read.legacy += 1
        elif b'"audit.k8s.io/' in text[:200] or b'"auditID"' in text[:600]:
            self.read.cut += 1
        else:
            self.read.foreign += 1
        return []


def _blocks(chunks: Iterable[bytes], read: LinesRead) -> Iterator[bytes]:
    """Whole lines, as many as came together; the last may lack its end."""
    waiting: list[bytes] = []
    held, skipping = 0, False
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if not end:
            held += len(chunk)
            if held > MOST_LINE:
                skipping, waiting = True, []
            if not skipping:
                waiting.append(chunk)
            continue
        if skipping:
            # The rest of a line that was too long.
            read.long += 1
            read.lines += 1
            start = chunk.index(b"\n") + 1
        else:
            start = 0
        block = b"".join((*waiting, chunk[start:end]))
        waiting, held, skipping = [chunk[end:]], len(chunk) - end, False
        if block:
            yield block
    if skipping:
        read.long += 1
        read.lines += 1
    elif rest := b"".join(waiting):
        yield rest
