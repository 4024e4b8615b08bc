"""What a curl run in a container or on a node says about the address it asked.

curl's exit code tells how far it came: refused at once is another cause than dropped
on the way. Called by the services guide's steps that read transcripts.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from kuberunbooks.cluster import Transcript

Outcome = Literal["answered", "refused", "dropped", "unresolved", "broken", "unclear"]
"""`answered`: an HTTP answer came, whatever its status. `broken`: a connection was made, but no answer came
(TLS, closed). `unclear`: curl itself could not run, or something else went wrong."""

# Exit codes of curl(1), "EXIT CODES".
_OUTCOMES: dict[int, Outcome] = {
    0: "answered",
    6: "unresolved",
    7: "refused",
    28: "dropped",
    35: "broken",
    52: "broken",
    56: "broken",
    60: "broken",
}
_STATUS = re.compile(r"^(?P<code>\d{3})(?: (?P<ip>\S+))?\s*$", re.MULTILINE)
_ERROR = re.compile(r"^curl: \((?P<code>\d+)\) (?P<message>.*)$", re.MULTILINE)
_WEB_PORTS = {"http": 80, "https": 443}


class Answer(NamedTuple):
    """One request: `host` as it was asked, name or address; `status` of HTTP or 0; `why` in curl's words."""

    host: str
    port: int
    outcome: Outcome
    status: int
    why: str
    transcript: Transcript


def read_curl(one: Transcript) -> Answer | None:
    """The answer a curl transcript holds; None when it is no run of curl with one URL."""
    if not one.argv or one.argv[0].rpartition("/")[2] != "curl":
        return None
    urls = [argument for argument in one.argv[1:] if "://" in argument]
    if len(urls) != 1:
        return None
    try:
        url = urlsplit(urls[0])
        port = url.port or _WEB_PORTS.get(url.scheme, 0)
    except ValueError:
        return None
    if not url.hostname or not port:
        return None
    told = _STATUS.search(one.stdout)
    status = int(told["code"]) if told else 0
    error = _ERROR.search(one.stderr)
    # kubectl exec repeats the command's status; where nobody noted it, curl's own words tell.
    code = int(error["code"]) if error else one.exit_code
    outcome: Outcome = _OUTCOMES.get(code, "unclear") if code is not None else "unclear"
    if outcome == "answered" and told is not None and not status:
        outcome = "unclear"
    return Answer(url.hostname, port, outcome, status, error["message"] if error else "", one)
