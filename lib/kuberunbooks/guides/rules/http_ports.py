"""Whether a Service's port speaks plain HTTP, as far as it says so itself.

Asked before a run sends a request of its own: other servers answer HTTP with an error, write it into
their logs, or count it against whoever sent it (MySQL, Redis). Called by the services guide.
"""

from __future__ import annotations

import re

from kuberunbooks.objects import ServicePort

# appProtocol values of KEP-1422 and KEP-3726 that an HTTP/1.1 request fits.
_PROTOCOLS = ("http", "kubernetes.io/ws")
# The names Istio and most charts give: http, http-web, api-http, web.
_HTTP_NAME = re.compile(r"(?:^|-)http(?:-|$)|^web$")
_OTHER_NAME = re.compile(
    r"(?:^|-)(?:https|tls|ssl|tcp|udp|grpc|http2|h2c|mongo|mysql|redis|postgres(?:ql)?)(?:-|$)"
)
# Ports registered for HTTP (IANA: http, http-alt), and those most servers take for it.
_HTTP_NUMBERS = frozenset({80, 8000, 8008, 8080, 8081, 8088, 8888})


def speaks_http(port: ServicePort) -> bool:
    """By its appProtocol, else its name, else its number; False when nothing says so."""
    if port.protocol != "TCP":
        return False
    if port.app_protocol:
        return port.app_protocol.lower() in _PROTOCOLS
    name = port.name.lower()
    if _OTHER_NAME.search(name):
        return False
    return bool(_HTTP_NAME.search(name)) or port.port in _HTTP_NUMBERS
