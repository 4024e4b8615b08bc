"""Reading a cluster: a live API server or a recorded case behind one interface."""

from .cluster import Cluster, Glance, Listing, Query
from .coverage import Coverage, Data, EventWindow, Origin, Refusal
from .logs import Line, Log
from .transcripts import Transcript, TranscriptTarget, pasted_transcripts, read_transcripts

__all__ = [
    "Cluster",
    "Coverage",
    "Data",
    "EventWindow",
    "Glance",
    "Line",
    "Listing",
    "Log",
    "Origin",
    "Query",
    "Refusal",
    "Transcript",
    "TranscriptTarget",
    "pasted_transcripts",
    "read_transcripts",
]
