"""GETs on a server beside the API server, by the address a person gave: a Prometheus behind an ingress.

One connection pool of its own and, if a file was named for it, one bearer token; nothing of
the cluster's credentials is ever sent there. Bounded in time and size, tried once, never
redirected: a question that goes unanswered costs a chart, not the run. Called by guides
through `Cluster.elsewhere`, which keeps the answers in the case.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import urllib3

from kuberunbooks import __version__
from kuberunbooks.errors import (
    BadAnswer,
    BadParameter,
    ClusterError,
    Refused,
    TimedOut,
    TlsFailed,
    Unreachable,
)

from .given_file import UnusableFile, read_given_file
from .http_errors import is_web_page, refusal

_CHUNK = 1 << 18
_LONGEST_TOKEN = 64 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class OtherLimits(NamedTuple):
    """Seconds to connect, between two pieces of an answer, and for all of it; `body` in bytes."""

    connect: float = 5.0
    read: float = 15.0
    total: float = 30.0
    body: int = 32 << 20


class OtherServer:
    """A server that is asked without the cluster's credentials."""

    def __init__(self, url: str, token_file: str = "", *, limits: OtherLimits | None = None) -> None:
        """`url` is http(s) with a path at most; `token_file` holds a bearer token. Sends nothing yet.

        Raises BadParameter for another address, for a token that would go out unencrypted, and for
        a token file that cannot be read.
        """
        self.server = checked_address(url)
        self._url = url.strip().rstrip("/")
        self._limits = limits or OtherLimits()
        self._headers = {"accept": "application/json", "user-agent": f"kuberunbooks/{__version__}"}
        if token_file:
            if not _is_private(url):
                raise BadParameter(
                    f"The token of {token_file} would go to {self.server} unencrypted.",
                    advice="Give an https:// address, or leave the token out.",
                )
            self._headers["authorization"] = f"Bearer {_token(token_file)}"
        self._pool = urllib3.PoolManager(maxsize=4)

    def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> bytes:
        """The body of a GET below the address. Raises ClusterErrors that name the server."""
        deadline = time.monotonic() + self._limits.total
        url = f"{self._url}/{path}?{urlencode(query)}" if query else f"{self._url}/{path}"
        try:
            response = self._pool.request(
                "GET",
                url,
                headers=self._headers,
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=self._limits.connect, read=self._limits.read),
            )
            with response:
                body = self._body(response, deadline)
        except (urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            raise self._broken(error) from error
        return self._judged(response, body, path)

    def _body(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := response.read1(_CHUNK, decode_content=False):
            pieces.append(piece)
            size += len(piece)
            if size > self._limits.body:
                raise BadAnswer(f"The answer of {self.server} is larger than {self._limits.body} bytes.")
            if time.monotonic() > deadline:
                raise TimedOut(f"The answer of {self.server} was not whole after {self._limits.total:g} s.")
        return b"".join(pieces)

    def _judged(self, response: urllib3.BaseHTTPResponse, body: bytes, path: str) -> bytes:
        status = response.status
        if 300 <= status < 400:
            target = urlsplit(response.headers.get("location", "")).hostname or "another page"
            raise BadAnswer(f"{self.server} redirects to {target} instead of answering.")
        if status in (401, 403):
            # Not as Forbidden: no right in the cluster would help.
            raise Refused(
                f"{self.server} does not let us ask ({status}).",
                path=path,
                status=status,
                advice="Name a file with a bearer token for it in the parameter beside the address.",
            )
        if is_web_page(body) and status < 500:
            raise BadAnswer(f"{self.server} answers {path} with a web page; it may be a login.")
        if status >= 400:
            raise refusal(status, body, path)
        return body

    def _broken(self, error: Exception) -> ClusterError:
        """A connection that gave no whole answer, in one sentence."""
        server = self.server
        if isinstance(error, urllib3.exceptions.NameResolutionError):
            return Unreachable(f"The name {server} does not resolve.")
        if isinstance(error, urllib3.exceptions.NewConnectionError):
            words = getattr(error.__cause__, "strerror", None) or "no connection"
            return Unreachable(f"{server} cannot be reached: {words.lower()}.")
        if isinstance(error, urllib3.exceptions.SSLError):
            words = error.args[0] if error.args else "TLS failed"
            return TlsFailed(
                f"There is no trusted connection to {server}: {words}.",
                advice="Set SSL_CERT_FILE to a file that also holds its certificate authority.",
            )
        if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
            return TimedOut(f"{server} did not answer within {self._limits.read:g} s.")
        return Unreachable(f"{server} closed the connection without a whole answer.")


def checked_address(url: str) -> str:
    """Host and port of an address that can be asked. Raises BadParameter for any other."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    else:
        plain = not (parts.query or parts.fragment or "@" in parts.netloc)
        if parts.scheme in ("http", "https") and host and plain:
            return f"{host}:{port}" if port else host
    raise BadParameter(
        f"{url.rpartition('@')[2]!r} is no address that can be asked.",
        advice="Write http:// or https:// with host, port and path, without a password.",
    )


def _is_private(url: str) -> bool:
    parts = urlsplit(url.strip())
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def _token(path: str) -> str:
    try:
        text = read_given_file(Path(path).expanduser(), _LONGEST_TOKEN).decode("ascii").strip()
    except UnusableFile as error:
        raise BadParameter(f"The token file {path} cannot be used: {error}.") from error
    except UnicodeDecodeError as error:
        raise BadParameter(f"The token file {path} holds no token.") from error
    if not text or any(char.isspace() for char in text):
        raise BadParameter(f"The token file {path} holds no token.")
    return text
