"""The ports that processes in a container listen on, as `ss -lnt` and `netstat -lnt` print them.

Called by the services guide: a port declaration is only information, this is the truth.
"""

from __future__ import annotations

from .proc_sockets import listeners


def listening_ports(output: str) -> set[int] | None:
    """TCP ports that can be reached from other pods; None when the text is no such listing.

    What listens on the loopback address only is not reached from outside and left out.
    """
    found = listeners(output)
    return {one.port for one in found if not one.is_local} if found else None
