"""Broken connections, TLS trouble and cut-off answers as errors of this package, one sentence each.

Called by the transport only. Apart from http_errors.py so that reading a case
does not pay for importing urllib3.
"""

from __future__ import annotations

import errno
import ssl
from typing import Any

import urllib3.exceptions as http

from kuberunbooks.errors import BadAnswer, ClusterError, CredentialsFailed, TimedOut, TlsFailed, Unreachable

# ssl.SSLError.reason of alerts by which a server turns down the client's certificate (RFC 8446, 6.2).
_CLIENT_CERTIFICATE_ALERTS = (
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_HANDSHAKE_FAILURE",
)
_NO_ROUTE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)


def connection_error(error: Exception, server: str, *, proxy: str, path: str, waited: float) -> ClusterError:
    """The error for a request that got no whole answer; `server` and `proxy` are host and port only.

    `waited` is in seconds, for the sentence about a server that was too slow.
    """
    if isinstance(error, http.ProxyError):
        return Unreachable(f"The proxy {proxy} does not connect to {server}: {_proxy_words(error)}.")
    if isinstance(error, http.NameResolutionError):
        return Unreachable(f"The name of the API server {server} does not resolve.")
    if isinstance(error, http.NewConnectionError):
        return _not_connected(error, server)
    if isinstance(error, http.TimeoutError | TimeoutError):
        digits = 0 if waited >= 10 else 1
        return TimedOut(f"The API server {server} did not answer within {waited:.{digits}f} s.")
    if isinstance(error, http.SSLError | ssl.SSLError):
        return _tls_error(error.args[0] if isinstance(error, http.SSLError) and error.args else error, server)
    if isinstance(error, http.IncompleteRead) or _caused_by(error, http.IncompleteRead):
        return BadAnswer(f"The answer of {server} to {path} is cut off.")
    if isinstance(error, http.LocationValueError | UnicodeError):
        return Unreachable(f"{server} is no address an API server can have.")
    if isinstance(error, http.ProtocolError | http.InvalidChunkLength | OSError):
        return Unreachable(f"The API server {server} closed the connection without a whole answer.")
    return Unreachable(f"The API server {server} cannot be reached ({type(error).__name__}).")


def is_distrust(error: Exception) -> bool:
    """Whether it was we who did not trust the server's certificate."""
    return bool(error.args) and isinstance(error.args[0], ssl.SSLCertVerificationError)


def _not_connected(error: http.NewConnectionError, server: str) -> Unreachable:
    number = getattr(error.__cause__, "errno", None)
    if number == errno.ECONNREFUSED:
        return Unreachable(f"The API server {server} refused the connection.")
    if number in _NO_ROUTE:
        return Unreachable(f"There is no route to the API server {server}.")
    words = getattr(error.__cause__, "strerror", None) or "no connection"
    return Unreachable(f"The API server {server} cannot be reached: {words}.")


def _tls_error(error: Any, server: str) -> ClusterError:
    reason = str(getattr(error, "reason", "") or "")
    if any(reason.endswith(alert) for alert in _CLIENT_CERTIFICATE_ALERTS):
        words = reason.rpartition("ALERT_")[2].replace("_", " ").lower()
        return CredentialsFailed(f"The API server {server} turned down the client certificate: {words}.")
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return TlsFailed(f"{server} does not speak TLS; its kubeconfig entry should perhaps say http://.")
    words = str(getattr(error, "verify_message", "") or "")
    if "hostname" in str(error).lower() or "ip address mismatch" in words.lower():
        return TlsFailed(f"The certificate of {server} was issued for another name: {words or error}.")
    if words:
        return TlsFailed(f"The certificate of {server} is not trusted: {words}.")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return TlsFailed(f"{server} ended the secure connection; it may want another client certificate.")
    return TlsFailed(f"No secure connection to {server}: {reason.replace('_', ' ').lower() or 'TLS failed'}.")


def _proxy_words(error: http.ProxyError) -> str:
    """What the proxy said, without its address (that may hold a password)."""
    original = error.original_error
    if isinstance(original, http.NewConnectionError):
        number = getattr(original.__cause__, "errno", None)
        return "the proxy refused the connection" if number == errno.ECONNREFUSED else "it cannot be reached"
    if isinstance(original, http.TimeoutError):
        return "it did not answer in time"
    if isinstance(original, http.SSLError | ssl.SSLError):
        return "its certificate is not trusted"
    if isinstance(original, OSError) and original.args:
        return str(original.args[-1]).rstrip(".")[:200]
    return type(original).__name__


def _caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    return any(isinstance(one, kind) for one in (*error.args, error.__cause__, error.__context__))
