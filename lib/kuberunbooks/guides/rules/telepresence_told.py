"""What a workstation, or the manager's metrics, tell of Telepresence: the shape of it.

Made by the readers of the client's output, as text and as JSON; used by the telepresence guide.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from kuberunbooks.cluster import Transcript

from .telepresence_objects import Version

Kind = Literal["global", "filtered", "replace", "wiretap", "ingest", "unknown"]
"""`global` takes all traffic of its ports, `filtered` only requests with certain headers or paths, `replace`
also stops the container; `wiretap` copies, `ingest` takes no traffic at all."""


class Intercept(NamedTuple):
    """One intercept as a workstation or the manager's metrics tell it.

    `id` is `SESSION:NAME`, `client` is `user@host`; `state` is the manager's word (ACTIVE,
    WAITING, NO_CLIENT, …). `since`: it has not changed since then, so it is at least that old.
    """

    name: str
    kind: Kind
    state: str
    workload: str = ""
    workload_kind: str = ""
    namespace: str = ""
    id: str = ""
    client: str = ""
    filters: str = ""
    goes_to: str = ""
    port: str = ""
    service: str = ""
    container: str = ""
    message: str = ""
    since: datetime | None = None


class Told(NamedTuple):
    """What one transcript tells. `intercepts` None: it says nothing of intercepts.

    `everybodys`: the intercepts are those of all clients (the manager's metrics), not only
    of the workstation the command ran on.
    """

    transcript: Transcript
    client: Version | None = None
    manager: Version | None = None
    agent_image: str = ""
    status: str = ""
    context: str = ""
    namespace: str = ""
    intercepts: list[Intercept] | None = None
    everybodys: bool = False

    @property
    def says_something(self) -> bool:
        """Whether it is output of the telepresence client, or the manager's metrics."""
        return self.intercepts is not None or bool(self.client or self.manager or self.status)
