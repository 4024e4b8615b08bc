"""The connection pool to the API server: trust, client certificate, proxy.

Certificates are loaded once into one TLS context, so that they need not stay on
disk and new connections do not read them again. Called by credentials.py.
"""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3

from kuberunbooks.errors import KubeconfigError

from .validity import Validity, validities

# Eight parallel reads of a run, and the questions about rights beside them.
_CONNECTIONS = 16


def connection_pool(configuration: Any, context: str) -> urllib3.PoolManager:
    """The client's pool, with its proxies and TLS server name. Certificate files are read here, not later.

    Raises KubeconfigError when a certificate, key or proxy address is unusable.
    """
    from kubernetes.client.rest import RESTClientObject

    secure = _tls_context(configuration, context) if configuration.host.startswith("https") else None
    if not configuration.verify_ssl:
        # The kubeconfig says so; a warning per request would land in every cell.
        warnings.filterwarnings("ignore", category=urllib3.exceptions.InsecureRequestWarning)
    configuration.connection_pool_maxsize = _CONNECTIONS
    configuration.cert_file = configuration.key_file = configuration.ssl_ca_cert = None
    configuration.proxy_headers = _proxy_login(configuration.proxy or "")
    try:
        pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
    except ImportError as error:
        sentence = f"The proxy of context {context!r} is a SOCKS proxy, for which PySocks is not installed."
        raise KubeconfigError(sentence, advice="pip install pysocks") from error
    except (ValueError, AssertionError) as error:
        raise KubeconfigError(f"The proxy of context {context!r} is no address that can be used.") from error
    if secure is not None:
        pool.connection_pool_kw["ssl_context"] = secure
    return pool


def _proxy_login(proxy: str) -> dict[str, str] | None:
    """User and password of the proxy's address as the header it wants; the client leaves them out."""
    login, at, _ = urlsplit(proxy).netloc.rpartition("@")
    return urllib3.util.make_headers(proxy_basic_auth=unquote(login)) if at else None


def _tls_context(configuration: Any, context: str) -> ssl.SSLContext:
    secure = urllib3.util.ssl_.create_urllib3_context()
    if not configuration.verify_ssl:
        secure.check_hostname, secure.verify_mode = False, ssl.CERT_NONE
    try:
        if configuration.ssl_ca_cert:
            secure.load_verify_locations(cafile=configuration.ssl_ca_cert)
        else:
            secure.load_default_certs()
    except (OSError, ssl.SSLError) as error:
        raise KubeconfigError(
            f"The certificate authority of context {context!r} is no certificate."
        ) from error
    if configuration.cert_file:
        try:
            secure.load_cert_chain(configuration.cert_file, configuration.key_file, password=_no_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise KubeconfigError(
                f"The client certificate and key of context {context!r} cannot be used together."
            ) from error
    return secure


def _no_password() -> str:
    raise ValueError("an encrypted key would ask for its password on a terminal nobody watches")


def client_certificate(cert_file: str | None) -> Validity | None:
    """From when to when the first certificate of a PEM file is valid; None when that cannot be told."""
    if not cert_file:
        return None
    try:
        found = validities(Path(cert_file).read_text(encoding="ascii", errors="replace"))
    except OSError:
        return None
    return found[0] if found else None
