"""Events, whose two APIs (core/v1 and events.k8s.io/v1) and two generations of fields are read as one."""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar

import msgspec

from .base import Api, KubernetesObject, Time, View

_PREFIXES = re.compile(
    r"^(?:\(combined from similar events\): |Error creating: |"
    r"[Cc]reate Pod \S+ in StatefulSet \S+ failed error: |Error: )+"
)
_CONTAINER = re.compile(r"^spec\.(?:containers|initContainers|ephemeralContainers)\{(?P<name>[^}]+)\}$")


class ObjectReference(View):
    """involvedObject."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    field_path: str = ""


class EventSource(View):
    """source."""

    component: str = ""
    host: str = ""


class EventSeries(View):
    """series."""

    count: int = 0
    last_observed_time: Time = None


class Event(KubernetesObject):
    """An event."""

    api: ClassVar[Api] = Api("v1", "events", "Event")
    involved_object: ObjectReference = msgspec.field(default_factory=ObjectReference)
    reason: str = ""
    message: str = ""
    type: str = ""
    count: int | None = None
    first_timestamp: Time = None
    last_timestamp: Time = None
    event_time: Time = None
    series: EventSeries | None = None
    source_: EventSource = msgspec.field(name="source", default_factory=EventSource)
    reporting_component: str = ""

    @property
    def first_seen(self) -> datetime | None:
        """When it first happened: firstTimestamp, eventTime or creationTimestamp."""
        return self.first_timestamp or self.event_time or self.metadata.creation_timestamp

    @property
    def last_seen(self) -> datetime | None:
        """When it last happened: the newest of series, lastTimestamp, eventTime, creationTimestamp."""
        times = [
            self.series.last_observed_time if self.series else None,
            self.last_timestamp,
            self.event_time,
            self.metadata.creation_timestamp,
        ]
        return max((time for time in times if time is not None), default=None)

    @property
    def occurrences(self) -> int:
        """How often, as far as it was counted: writers drop events after a burst of 25: no rates from it."""
        return max(self.series.count if self.series else 0, self.count or 0, 1)

    @property
    def component(self) -> str:
        """Who wrote it: reportingComponent, else source.component."""
        return self.reporting_component or self.source_.component

    @property
    def container(self) -> str:
        """The container it is about, from involvedObject.fieldPath; empty when about the whole object."""
        match = _CONTAINER.match(self.involved_object.field_path)
        return match["name"] if match else ""

    @property
    def text(self) -> str:
        """The message without the prefixes that aggregation and controllers put before it."""
        return _PREFIXES.sub("", self.message)


class EventV1(KubernetesObject):
    """The same event as events.k8s.io/v1 serves it: for those who may read it only there."""

    api: ClassVar[Api] = Api("events.k8s.io/v1", "events", "Event")
    regarding: ObjectReference = msgspec.field(default_factory=ObjectReference)
    reason: str = ""
    note: str = ""
    type: str = ""
    event_time: Time = None
    series: EventSeries | None = None
    reporting_controller: str = ""
    deprecated_count: int | None = None
    deprecated_first_timestamp: Time = None
    deprecated_last_timestamp: Time = None
    deprecated_source: EventSource = msgspec.field(default_factory=EventSource)

    def as_core(self) -> Event:
        """The event with the fields of core/v1; it cites itself there, where everybody looks."""
        return Event(
            metadata=self.metadata,
            involved_object=self.regarding,
            reason=self.reason,
            message=self.note,
            type=self.type,
            count=self.deprecated_count,
            first_timestamp=self.deprecated_first_timestamp,
            last_timestamp=self.deprecated_last_timestamp,
            event_time=self.event_time,
            series=self.series,
            source_=self.deprecated_source,
            reporting_component=self.reporting_controller,
        )
