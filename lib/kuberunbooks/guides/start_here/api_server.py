"""What the API server says of itself: /readyz, one line for each of its checks.

https://kubernetes.io/docs/reference/using-api/health-checks/. Called by the first step,
live and from a case.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError, NotCollected, Refused
from kuberunbooks.objects import Evidence

_PATH = "readyz"
_FAILED = re.compile(r"^\[-\](?P<check>\S+)", re.MULTILINE)
_MOST_CHECKS = 5


class Readiness(NamedTuple):
    """Whether the API server says that it is ready, None when it could not be asked; which checks fail."""

    ready: bool | None
    failed: list[str]

    @property
    def evidence(self) -> list[Evidence]:
        """What it answered."""
        if self.ready is None:
            return []
        return [Evidence(_PATH, "checks", "all pass" if self.ready else ", ".join(self.failed) or "failed")]


def readiness(cluster: Cluster) -> Readiness:
    """Asks it; a refusal and a case that does not hold the answer stand in the coverage."""
    try:
        said = cluster.raw(_PATH, (("verbose", ""),), patient=False).decode("utf-8", "replace")
    except NotCollected:
        return Readiness(None, [])
    except ClusterError as error:
        if isinstance(error, Refused) and error.status >= 500:
            return Readiness(False, _checks(error.text))
        cluster.note_failure(error, f"get {_PATH}")
        return Readiness(None, [])
    # Saved by hand with kubectl, a failing answer looks like any other.
    failed = _checks(said)
    return Readiness(not failed, failed)


def _checks(text: str) -> list[str]:
    return [match["check"] for match in _FAILED.finditer(text)][:_MOST_CHECKS]
