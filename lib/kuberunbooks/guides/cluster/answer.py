"""How the API server answers: what /readyz and /livez say, or why nothing could be asked.

Two requests, remembered by the cluster. Called by the step about reachability, and by the
one about failure modes, which has to know it too.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import (
    BadAnswer,
    ClusterError,
    CredentialsFailed,
    NotCollected,
    Refused,
    ServerFault,
    TimedOut,
    TlsFailed,
    Unauthorized,
    Unreachable,
)
from kuberunbooks.findings import Subject
from kuberunbooks.objects import Evidence

from ..rules.health_checks import Check, checks, failed

THE_CLUSTER = Subject(kind="Cluster", namespace="", name="cluster")
"""What findings about the control plane are about, whether one node was asked for or all."""

VERBOSE = (("verbose", ""),)
_PATHS = ("readyz", "livez")

Trouble = Literal["", "connection", "timeout", "tls", "credentials", "gateway", "stranger", "unread"]


class Answer(NamedTuple):
    """What it said.

    `trouble` is empty where it answered. `gateway`: something before it answered in its
    place; `stranger`: what answers is no API server; `unread`: it may not be asked, or the
    case does not hold the answer, which says nothing of the API server. `failing` are the
    checks that did not pass, with where they were read.
    """

    trouble: Trouble
    error: ClusterError | None
    failing: tuple[tuple[Check, Evidence], ...]

    @property
    def is_lost(self) -> bool:
        """Nothing can be asked."""
        return self.trouble not in ("", "unread")

    @property
    def is_down(self) -> bool:
        """Nobody answers at the API server's address: no login or trust of ours stands in between."""
        return self.trouble in ("connection", "timeout", "gateway")

    @property
    def storage(self) -> list[tuple[Check, Evidence]]:
        """The failing checks that are about the database behind it."""
        return [one for one in self.failing if one[0].is_storage]

    @property
    def others(self) -> list[tuple[Check, Evidence]]:
        """The failing checks that are about anything else."""
        return [one for one in self.failing if not one[0].is_storage]


def answer(cluster: Cluster) -> Answer:
    """Asks for readiness, then for life; not for the second where the first found nobody."""
    failing: dict[str, tuple[Check, Evidence]] = {}
    unread: ClusterError | None = None
    for path in _PATHS:
        try:
            said = cluster.raw(path, VERBOSE, patient=False).decode("utf-8", "replace")
        except ClusterError as error:
            said = error.text if isinstance(error, ServerFault) else ""
            if not checks(said):
                trouble = _trouble(error)
                if trouble != "unread":
                    return Answer(trouble, error, ())
                unread = unread or error
        for one in failed(checks(said)):
            failing.setdefault(one.name, (one, Evidence(f"{path}?verbose", one.name, one.line)))
    return Answer("unread" if unread and not failing else "", unread, tuple(failing.values()))


def _trouble(error: ClusterError) -> Trouble:
    kinds: tuple[tuple[type[ClusterError], Trouble], ...] = (
        (TlsFailed, "tls"),
        (TimedOut, "timeout"),
        (Unreachable, "connection"),
        (CredentialsFailed, "credentials"),
        (Unauthorized, "credentials"),
        (ServerFault, "gateway"),
        (BadAnswer, "stranger"),
        (NotCollected, "unread"),
        (Refused, "unread"),
    )
    return next((trouble for kind, trouble in kinds if isinstance(error, kind)), "unread")
