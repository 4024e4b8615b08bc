"""How a GET that is no list is named in a case: `readyz`, `nodes/worker-1/metrics/resource`.

Called by the recorder, which writes the name, and by the case reader, which looks for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

_KUBELET = re.compile(r"^api/v1/nodes/(?P<node>[^/]+)/proxy/(?P<path>.+)$")


def raw_name(path: str, query: Sequence[tuple[str, str]] = ()) -> str:
    """The name of an answer: its path, and the options that choose what is answered.

    What a kubelet says of itself stands under its node. An option without a value
    (`verbose`) only changes how much is said, so it is no part of the name.
    """
    match = _KUBELET.match(path)
    place = f"nodes/{match['node']}/{match['path']}" if match else path
    chosen = [(name, value) for name, value in query if value]
    return f"{place}?{urlencode(chosen)}" if chosen else place
