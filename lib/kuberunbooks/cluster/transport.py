"""Requests to the API server: one connection pool, deadlines, bounded retries, whole answers only.

Returns bytes or raises one of this package's errors. The only request that is
not a GET is `review`, the two questions "who am I" and "what may I", which
change nothing. Used by live.py and rights.py.
"""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import urllib3

from kuberunbooks import __version__
from kuberunbooks.errors import (
    BadAnswer,
    ClusterError,
    CredentialsFailed,
    NotFound,
    Refused,
    ServerFault,
    Throttled,
    TimedOut,
    TlsFailed,
    Unauthorized,
    Unreachable,
)

from .connection_errors import connection_error, is_distrust
from .credentials import Credentials
from .http_errors import is_web_page, refusal

_CHUNK = 1 << 18
# zlib's window of 32 KiB, gzip header and trailer expected.
_GZIP = 16 + zlib.MAX_WBITS
_DATE_TOLERANCE = 30.0

Query = Sequence[tuple[str, str | int]]


class Limits(NamedTuple):
    """Seconds: to connect, between two pieces of an answer, for a request with all its retries.

    `waits` are the pauses before each retry; `retry_after` caps what a server
    may ask for in Retry-After, `patience` all pauses of a run together: a server
    that throttles every read must not be waited for in each of them. `body` is
    the largest answer, in bytes.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 120.0
    waits: tuple[float, ...] = (0.2, 0.6, 1.5)
    retry_after: float = 10.0
    patience: float = 60.0
    body: int = 1 << 29

    def hasty(self) -> Limits:
        """The limits for a server that did not answer just before."""
        return self._replace(connect=min(self.connect, 3.0), read=min(self.read, 5.0))


class Call(NamedTuple):
    """A request as it goes out, however often."""

    method: str
    path: str
    query: Query
    body: bytes | None
    json: bool
    content_type: str = "application/json"


class _Failed(Exception):
    """One attempt that failed: the error, and the seconds to wait before another (None: do not)."""

    def __init__(self, error: ClusterError, pause: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause


class Transport:
    """GET requests and reviews for one API server; `sent` is called once for every request that went out."""

    def __init__(self, credentials: Credentials, limits: Limits, sent: Callable[[], None]) -> None:
        self._credentials = credentials
        self._limits = limits
        self._sent = sent
        # After a request that found no server, the next ones are tried once and with less patience:
        # twenty steps must not each wait for the same dead server.
        self._lost = False
        self._patience = limits.patience
        self._skew: float | None = None
        self._skew_lock = Lock()

    def now(self) -> datetime:
        """UTC; the server's clock where it and ours are more than 30 seconds apart."""
        offset = self._skew or 0.0
        return datetime.fromtimestamp(time.time() + offset, UTC)

    def get(self, path: str, query: Query = (), *, json: bool = True, patient: bool = True) -> bytes:
        """The body of a GET on an API path without leading slash.

        `json` refuses anything but a JSON object. `patient` retries a 5xx;
        without it only overload and broken connections are tried again.
        """
        try:
            body = self._tried(Call("GET", path, query, None, json), patient)
        except Unreachable:
            self._lost = True
            raise
        self._lost = False
        return body

    def review(self, path: str, document: dict[str, Any]) -> bytes:
        """The answer to a review (SelfSubjectReview and its kin), asked once."""
        return self._last(Call("POST", path, (), msgspec.json.encode(document), True), self._deadline())

    def close(self) -> None:
        """Closes the connections."""
        self._credentials.pool.clear()

    def _deadline(self) -> float:
        return time.monotonic() + self._limits.total

    def _tried(self, call: Call, patient: bool) -> bytes:
        deadline = self._deadline()
        # An own loop: stamina reports each retry through structlog to stdout, which is a notebook's cell.
        for wait in () if self._lost else self._limits.waits:
            try:
                return self._once(call, deadline)
            except _Failed as failed:
                if failed.pause is None or (isinstance(failed.error, ServerFault) and not patient):
                    raise failed.error from failed.__cause__
                # Spread, so that eight parallel readers do not come back at the same moment.
                pause = max(wait * random.uniform(0.7, 1.3), failed.pause)  # noqa: S311
                if time.monotonic() + pause >= deadline or pause > self._patience:
                    raise failed.error from failed.__cause__
                self._patience -= pause
                time.sleep(pause)
        return self._last(call, deadline)

    def _last(self, call: Call, deadline: float) -> bytes:
        try:
            return self._once(call, deadline)
        except _Failed as failed:
            raise failed.error from failed.__cause__

    def _once(self, call: Call, deadline: float) -> bytes:
        started = time.monotonic()
        remaining = max(0.001, deadline - started)
        limits = self._limits.hasty() if self._lost else self._limits
        url = f"{self._credentials.url}/{encoded(call.path, call.query)}"
        headers = self._headers(call)
        try:
            response = self._credentials.pool.request(
                call.method,
                url,
                headers=headers,
                body=call.body,
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(
                    connect=min(limits.connect, remaining), read=min(limits.read, remaining)
                ),
            )
        except (urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            raise self._broken(error, call.path, time.monotonic() - started) from error
        self._sent()
        with response:
            self._note_date(response.headers.get("date"))
            content = self._body(response, call.path, deadline)
        return self._judged(response, content, call)

    def _headers(self, call: Call) -> urllib3.HTTPHeaderDict:
        headers = self._credentials.headers()
        headers["accept"] = "application/json" if call.json else "*/*"
        headers["accept-encoding"] = "gzip"
        headers["user-agent"] = f"kuberunbooks/{__version__}"
        if call.body is not None:
            headers["content-type"] = call.content_type
        return headers

    def _body(self, response: urllib3.BaseHTTPResponse, path: str, deadline: float) -> bytes:
        # Unpacked here and not by urllib3, whose read1 does not return while a slow packed answer
        # yields nothing: the deadline would never be looked at.
        packed = response.headers.get("content-encoding", "").lower() == "gzip"
        unpack = zlib.decompressobj(_GZIP) if packed else None
        pieces: list[bytes] = []
        size = received = 0
        started = time.monotonic()
        try:
            while piece := response.read1(_CHUNK, decode_content=False):
                received += len(piece)
                if unpack is not None:
                    piece = unpack.decompress(piece)
                pieces.append(piece)
                size += len(piece)
                if size > self._limits.body:
                    raise _Failed(
                        BadAnswer(f"The answer to {path} is larger than {self._limits.body} bytes.")
                    )
                if time.monotonic() > deadline:
                    raise _Failed(self._late(path))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._broken(error, path, time.monotonic() - started, counted=True) from error
        except zlib.error as error:
            sentence = f"The answer of {self._credentials.server} to {path} is damaged."
            raise _Failed(BadAnswer(sentence)) from error
        if unpack is not None and received and not unpack.eof:
            raise _Failed(BadAnswer(f"The answer of {self._credentials.server} to {path} is cut off."), 0.0)
        return b"".join(pieces)

    def _late(self, path: str) -> TimedOut:
        server, seconds = self._credentials.server, self._limits.total
        return TimedOut(f"The answer of {server} to {path} was not whole after {seconds:g} s.")

    def _judged(self, response: urllib3.BaseHTTPResponse, body: bytes, call: Call) -> bytes:
        status, server, path = response.status, self._credentials.server, call.path
        if 300 <= status < 400:
            elsewhere = urlsplit(response.headers.get("location", "")).hostname or "another page"
            raise _Failed(BadAnswer(f"{server} redirects to {elsewhere} instead of answering {path}."))
        web_page = is_web_page(body) or "text/html" in response.headers.get("content-type", "")
        if web_page and (status < 400 or status in (403, 404)):
            raise _Failed(BadAnswer(f"{server} answers {path} with a web page, not as an API server."))
        if status >= 400:
            raise self._refused(response, body, path)
        if call.json and body[:64].lstrip()[:1] != b"{":
            what = "empty" if not body.strip() else "null" if body.strip() == b"null" else "no JSON object"
            raise _Failed(BadAnswer(f"The answer of {server} to {path} is {what}."))
        return body

    def _refused(self, response: urllib3.BaseHTTPResponse, body: bytes, path: str) -> _Failed:
        status = response.status
        error: Refused = refusal(status, body, path)
        if isinstance(error, Unauthorized):
            return _Failed(self._expired() or self._unauthorized(path))
        if isinstance(error, Throttled | ServerFault):
            return _Failed(error, self._retry_after(response))
        return _Failed(error)

    def _unauthorized(self, path: str) -> Unauthorized:
        server, context = self._credentials.server, self._credentials.context
        return Unauthorized(
            f"The API server {server} does not accept the credentials of context {context!r} (401).",
            path=path,
            status=401,
        )

    def _expired(self) -> CredentialsFailed | None:
        certificate = self._credentials.certificate
        if certificate is None or certificate.ends > self.now():
            return None
        context, end = self._credentials.context, certificate.ends
        return CredentialsFailed(
            f"The client certificate of context {context!r} expired on {end:%Y-%m-%d at %H:%M} UTC."
        )

    def _retry_after(self, response: urllib3.BaseHTTPResponse) -> float:
        try:
            asked = urllib3.Retry().get_retry_after(response) or 0.0
        except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
            return 0.0
        return min(asked, self._limits.retry_after)

    def _broken(self, cause: Exception, path: str, waited: float, *, counted: bool = False) -> _Failed:
        """What a broken connection means; names that do not resolve and slow servers are not tried again."""
        credentials = self._credentials
        connecting = isinstance(cause, urllib3.exceptions.ConnectTimeoutError)
        error = connection_error(cause, credentials.server, proxy=credentials.proxy, path=path, waited=waited)
        reached = not isinstance(cause, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ProxyError)
        if (
            not counted
            and reached
            and not connecting
            and not isinstance(error, TlsFailed | CredentialsFailed)
        ):
            self._sent()
        if isinstance(error, CredentialsFailed | TlsFailed) and not is_distrust(cause):
            return _Failed(self._expired() or error)
        if isinstance(error, TlsFailed | TimedOut):
            return _Failed(error)
        hopeless = isinstance(cause, urllib3.exceptions.NameResolutionError | urllib3.exceptions.ProxyError)
        again = isinstance(error, Unreachable | BadAnswer) and not hopeless
        return _Failed(error, 0.0 if again else None)

    def _note_date(self, header: str | None) -> None:
        """Takes the clock of the first answer for the whole run, so that `now` does not jump about."""
        with self._skew_lock:
            if self._skew is not None or not header:
                return
            try:
                offset = parsedate_to_datetime(header).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError):
                return
            self._skew = offset if abs(offset) > _DATE_TOLERANCE else 0.0


def encoded(path: str, query: Query) -> str:
    """The path with every segment encoded, so that no name can lead to another path. Raises NotFound."""
    segments = path.split("/")
    # The kubelet answers questions about logs under this name only, with the slash at its end.
    named = segments[:-1] if path.endswith("/proxy/logs/") else segments
    if any(segment in ("", ".", "..") for segment in named):
        raise NotFound(f"{path} is no path of an API.", path=path)
    encoded = "/".join(quote(segment, safe=":@~-._") for segment in segments)
    return f"{encoded}?{urlencode(query)}" if query else encoded
