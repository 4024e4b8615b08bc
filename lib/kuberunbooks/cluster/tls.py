"""The connection pool to the API server: trust, client certificate, proxy.

Certificates are loaded once into one TLS context, so that they need not stay on
disk and new connections do not read them again. Called by credentials.py.
"""

from __future__ import annotations

import re
import ssl
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3

from kuberunbooks.errors import KubeconfigError

# Eight parallel reads of a run, and the questions about rights beside them.
_CONNECTIONS = 16
# The Validity of a certificate in DER: SEQUENCE {notBefore, notAfter}, each UTCTime or GeneralizedTime
# (RFC 5280, 4.1.2.5).
_VALIDITY = re.compile(
    rb"\x30.(?:\x17\x0d\d{12}Z|\x18\x0f\d{14}Z)(?:\x17\x0d|\x18\x0f)(\d{12,14})Z", re.DOTALL
)


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


def certificate_expiry(cert_file: str | None) -> datetime | None:
    """When the first certificate of a PEM file ends, UTC; None when that cannot be told."""
    if not cert_file:
        return None
    try:
        pem = Path(cert_file).read_text(encoding="ascii", errors="replace")
        start = pem.index("-----BEGIN CERTIFICATE-----")
        end = pem.index("-----END CERTIFICATE-----", start) + len("-----END CERTIFICATE-----")
        match = _VALIDITY.search(ssl.PEM_cert_to_DER_cert(pem[start:end]))
    except (OSError, ValueError):
        return None
    if match is None:
        return None
    digits = match[1].decode()
    # UTCTime has two digits of the year: 50 and later are the last century (RFC 5280, 4.1.2.5.1).
    year = digits if len(digits) == 14 else ("19" if digits >= "50" else "20") + digits
    return datetime.strptime(year, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
