"""The ports that processes in a container listen on, as `ss -lnt` and `netstat -lnt` print them.

Called by the services guide: a port declaration is only information, this is the truth.
"""

from __future__ import annotations

import re

# ss: "LISTEN 0 511 0.0.0.0:80 0.0.0.0:*"; netstat: "tcp 0 0 :::80 :::* LISTEN".
_SS = re.compile(r"^LISTEN\s+\d+\s+\d+\s+(?P<local>\S+)\s", re.MULTILINE)
_NETSTAT = re.compile(r"^tcp6?\s+\d+\s+\d+\s+(?P<local>\S+)\s+\S+\s+LISTEN\b", re.MULTILINE)
_LOOPBACK = re.compile(r"^(?:127\.|\[::1\]|::1:|\[::ffff:127\.)")


def listening_ports(output: str) -> set[int] | None:
    """TCP ports that can be reached from other pods; None when the text is no such listing.

    What listens on the loopback address only is not reached from outside and left out.
    """
    lines = [match["local"] for form in (_SS, _NETSTAT) for match in form.finditer(output)]
    if not lines:
        return None
    ports = (one.rpartition(":")[2] for one in lines if not _LOOPBACK.match(one))
    return {int(port) for port in ports if port.isdigit()}
