"""A live API server as a source of answers.

Selectors are applied by the server, lists come in pages, and nothing is ever
written: the only POSTs are the reviews of rights.py. Wrapped by the recorder,
used through `Cluster`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Lock
from typing import Any

import msgspec

from kuberunbooks.errors import BadAnswer, Gone
from kuberunbooks.objects import NOT_JSON

from .coverage import Coverage, Origin
from .credentials import load_credentials
from .source import LogQuery, Page, RawQuery
from .transcripts import Transcript
from .transport import Limits, Transport

# As kubectl asks; the API concepts page recommends pages for large collections.
_PAGE_SIZE = 500


class _ListMeta(msgspec.Struct, rename={"token": "continue"}):
    token: str | None = ""


class _ListHead(msgspec.Struct):
    metadata: _ListMeta | None = None


_HEAD = msgspec.json.Decoder(_ListHead)


class LiveSource:
    """Answers from an API server."""

    selects = True

    def __init__(self, context: str = "", *, limits: Limits | None = None) -> None:
        """Loads the credentials of a kubeconfig context; sends nothing yet.

        Empty: the current context, or the pod's service account when there is
        no kubeconfig. Raises KubeconfigError, CredentialsFailed.
        """
        self.credentials = credentials = load_credentials(context)
        self.coverage = Coverage()
        self._lock = Lock()
        self._transport = Transport(credentials, limits or Limits(), self.count)
        self._origin = Origin(
            kind="live", server=credentials.server, context=credentials.context, user=credentials.user
        )
        if credentials.certificate is not None:
            self._origin.certificate_begins, self._origin.certificate_ends = credentials.certificate

    def origin(self) -> Origin:
        """Server, context, user, and the server's version once it was asked for."""
        return self._origin

    def identify(self, user: str, groups: list[str]) -> None:
        """Notes who the server says we are."""
        self._origin.user, self._origin.groups = user, groups

    def now(self) -> datetime:
        """UTC; by the server's clock where ours is more than 30 seconds off."""
        return self._transport.now()

    def pages(self, path: str, *, labels: str = "", fields: str = "", whole: bool = False) -> Iterator[Page]:
        """The list at `path` in pages of 500; see Source."""
        selectors = [("labelSelector", labels), ("fieldSelector", fields)]
        query = [(name, value) for name, value in selectors if value]
        if whole:
            yield Page(path, self._transport.get(path, [*query, ("resourceVersion", "0")]))
            return
        token = ""
        while True:
            part = [*query, ("limit", str(_PAGE_SIZE)), *([("continue", token)] if token else [])]
            try:
                body = self._transport.get(path, part)
            except Gone:
                if not token:
                    raise
                # The token outlived etcd's history. As client-go's pager: once more, in one piece.
                yield Page(path, self._transport.get(path, query), restart=True)
                return
            yield Page(path, body)
            previous, token = token, _continue_token(body, path)
            if not token:
                return
            if token == previous:
                raise BadAnswer(f"The list {path} does not end: the server repeats a page.")

    def item(self, path: str) -> bytes:
        """One object."""
        return self._transport.get(path)

    def log(self, query: LogQuery) -> bytes:
        """A container's log, with timestamps. A dead node answers 500; that is not tried again."""
        path = f"api/v1/namespaces/{query.namespace}/pods/{query.pod}/log"
        wanted: list[tuple[str, str | int]] = [
            ("container", query.container),
            ("timestamps", "true"),
            ("tailLines", query.tail_lines),
            ("limitBytes", query.limit_bytes),
        ]
        if query.previous:
            wanted.append(("previous", "true"))
        return self._transport.get(path, wanted, json=False, patient=False)

    def raw(self, path: str, query: RawQuery = (), *, patient: bool = True, name: str = "") -> bytes:
        """Any other GET: `readyz`, `version`."""
        del name
        body = self._transport.get(path, query, json=False, patient=patient)
        if path == "version":
            self._origin.server_version = _version(body)
        return body

    def review(self, path: str, document: dict[str, Any]) -> bytes:
        """A SelfSubjectReview or its kin: a POST that changes nothing."""
        return self._transport.review(path, document)

    def elsewhere(self, name: str, ask: Callable[[], bytes]) -> bytes:
        """What the other server answers."""
        del name
        self.count()
        return ask()

    def recorded(self, path: str) -> bytes | None:
        """None: what only a case may hold is not asked of a server."""
        del path
        return None

    def transcripts(self) -> list[Transcript]:
        """None: the API server keeps nothing of what was run."""
        return []

    def is_complete(self, path: str, labels: str = "", fields: str = "") -> bool:
        """Always: a live list is whole or raises."""
        del path, labels, fields
        return True

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def count(self) -> None:
        """Notes one more request that was sent."""
        with self._lock:
            self.coverage.requests += 1


def _continue_token(body: bytes, path: str) -> str:
    try:
        head = _HEAD.decode(body)
    except msgspec.ValidationError:
        return ""
    except NOT_JSON:
        raise BadAnswer(f"The answer to {path} is cut off or no JSON.") from None
    return (head.metadata.token or "") if head.metadata else ""


def _version(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body).get("gitVersion", ""))
    except (*NOT_JSON, AttributeError):
        return ""
