"""A socket to the API server for one conversation, reached as every read reaches it.

Trust, client certificate, TLS server name and proxies (CONNECT, SOCKS) are those of the connection pool
of `cluster/tls.py`; the socket is none of its connections, so that nothing is shared with concurrent
readers. Called by exec.py.
"""

from __future__ import annotations

import socket
import ssl
import time
from urllib.parse import urlsplit

import urllib3
import urllib3.exceptions as http
from urllib3.util.ssl_match_hostname import CertificateError

from kuberunbooks.cluster.connection_errors import connection_error
from kuberunbooks.cluster.credentials import Credentials


def dial(credentials: Credentials, seconds: float, path: str) -> socket.socket:
    """A connected socket, TLS done, that is given `seconds` to come about. Raises Unreachable and its kin.

    `path` is what it is wanted for, as errors name it.
    """
    started = time.monotonic()
    pool = credentials.pool.connection_from_url(credentials.url)
    connection = pool._new_conn()
    connection.timeout = seconds
    proxied = pool.proxy is not None
    if pool.proxy is not None:
        wanted = urlsplit(credentials.url)
        connection.set_tunnel(
            wanted.hostname or "",
            wanted.port or (443 if wanted.scheme == "https" else 80),
            headers=pool.proxy_headers,
            scheme="https" if pool.proxy.scheme == "https" else "http",
        )
    try:
        connection.connect()
    except (http.HTTPError, OSError, CertificateError, UnicodeError) as error:
        waited = time.monotonic() - started
        cause = _as_pool_says(error, proxied and not connection.has_connected_to_proxy)
        connection.close()
        raise connection_error(
            cause, credentials.server, proxy=credentials.proxy, path=path, waited=waited
        ) from error
    found: socket.socket = connection.sock  # type: ignore[attr-defined]
    connection.sock = None  # type: ignore[attr-defined]
    return found


def _as_pool_says(error: Exception, at_proxy: bool) -> Exception:
    """The error a request through the pool would have ended with."""
    if isinstance(error, ssl.SSLError | CertificateError):
        error = http.SSLError(error)
    if at_proxy and isinstance(error, OSError | http.HTTPError):
        return urllib3.exceptions.ProxyError("no connection to the proxy", error)
    return error
