"""An audit log that lies in a case, without its secrets.

At the levels Request and RequestResponse an event holds whole objects, those of Secrets
too, and the command of an exec stands word by word in the request's path. Bodies are taken
out, but for those of roles and bindings, which tell what was given to whom; commands lose
what is secret in them. Called when a case is copied.
"""

from __future__ import annotations

import gzip
import zlib
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec

from kuberunbooks.objects import NOT_JSON

from .redactor import Redactor

_NAMES = ("audit.log", "audit.log.gz")
_RIGHTS = "rbac.authorization.k8s.io"
_BODIES = ("requestObject", "responseObject")


def is_audit_log(name: str) -> bool:
    """Whether a file of a case is an audit log."""
    return name.rpartition("/")[2] in _NAMES


def clean_audit_log(body: bytes, redactor: Redactor) -> bytes:
    """The log line by line, packed again if it was; lines that are no event lose their text."""
    packed = body[:2] == b"\x1f\x8b"
    if packed:
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error):
            return b""
    lines = (_line(line, redactor) for line in body.split(b"\n"))
    cleaned = b"\n".join(lines)
    return gzip.compress(cleaned, mtime=0) if packed else cleaned


def _line(line: bytes, redactor: Redactor) -> bytes:
    start = max(0, line.find(b"{"))
    try:
        event = msgspec.json.decode(line[start:])
    except NOT_JSON:
        # Perhaps a part of an event, and that a part of a Secret.
        return b""
    cleaned = _event(event, redactor)
    text = line[start:] if cleaned is event else msgspec.json.encode(cleaned)
    return redactor.secrets_in_bytes(line[:start]) + redactor.json(text)


def _event(event: Any, redactor: Redactor) -> Any:
    """An event, or a list of them; the very same object when nothing has to go."""
    if not isinstance(event, dict):
        return event
    changed: dict[str, Any] = {}
    if isinstance(event.get("items"), list):
        changed["items"] = [_event(one, redactor) for one in event["items"]]
    stored = event.get("log")
    if isinstance(stored, str):
        # As Docker stores a line of standard output.
        changed["log"] = _line(stored.encode("utf-8", "replace"), redactor).decode() + "\n"
    uri = event.get("requestURI")
    if isinstance(uri, str) and (shown := _path(uri, redactor)) != uri:
        changed["requestURI"] = shown
    ref = event.get("objectRef")
    kept = isinstance(ref, dict) and ref.get("apiGroup") == _RIGHTS
    gone = [name for name in _BODIES if name in event and not kept]
    if not changed and not gone:
        return event
    return {name: value for name, value in (event | changed).items() if name not in gone}


def _path(uri: str, redactor: Redactor) -> str:
    """The request's path with the words of its command, if one of them is secret without the arguments."""
    path, mark, query = uri.partition("?")
    if not mark or "command=" not in query:
        return uri
    options = parse_qsl(query, keep_blank_values=True)
    words = [value for name, value in options if name == "command"]
    hidden = msgspec.json.decode(redactor.json(msgspec.json.encode(words)), type=list[str])
    text = " ".join(hidden)
    if hidden == words and redactor.secrets_of(text) == text:
        return uri
    others = [(name, value) for name, value in options if name != "command"]
    command = [("command", word) for word in (words[0], redactor.secret(" ".join(words[1:]), "arguments"))]
    return f"{path}?{'&'.join(f'{quote(name)}={quote(value)}' for name, value in (*command, *others))}"
