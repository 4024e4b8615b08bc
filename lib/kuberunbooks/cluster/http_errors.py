"""HTTP statuses as errors of this package, one sentence each.

Called by the transport for what happens live, and by the case reader for what
was recorded: a recorded 403 and a live one are the same error.
"""

from __future__ import annotations

import msgspec

from kuberunbooks.errors import (
    Forbidden,
    Gone,
    NotFound,
    Refused,
    ServerFault,
    Throttled,
    Unauthorized,
)
from kuberunbooks.objects import NOT_JSON

_KINDS: dict[int, type[Refused]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    410: Gone,
    429: Throttled,
}
_LONGEST_MESSAGE = 2000
_LONGEST_TEXT = 64 * 1024


class _Named(msgspec.Struct):
    name: str = ""


class _Status(msgspec.Struct):
    kind: str = ""
    details: _Named | None = None


def refusal(status: int, body: bytes, path: str) -> Refused:
    """The error for an HTTP status that is no answer, with the server's words when it gave any.

    A 404 is NotFound only when it names the object (apimachinery, NewNotFound):
    the 404 of a path nobody serves says nothing about what exists.
    """
    kind = _KINDS.get(status, ServerFault if status >= 500 else Refused)
    if kind is NotFound and not _names_object(body):
        kind = Refused
    message, text = status_message(body), _plain_text(body)
    if "\n" in text.strip():
        message = ""  # a health check's list, one line a check, is no sentence
    return kind(message or _plain_sentence(status, path), path=path, status=status, text=text)


def _names_object(body: bytes) -> bool:
    try:
        found = msgspec.json.decode(body, type=_Status)
    except NOT_JSON:
        return False
    return found.kind == "Status" and found.details is not None and bool(found.details.name)


def _plain_text(body: bytes) -> str:
    """An answer that is neither JSON nor a web page."""
    if is_web_page(body) or body.lstrip()[:1] == b"{":
        return ""
    return body[:_LONGEST_TEXT].decode("utf-8", "replace")


def status_message(body: bytes) -> str:
    """The message of a Status object, or a plain text answer; empty for a web page.

    A Prometheus behind a proxied path says it in `error`.
    """
    try:
        said = msgspec.json.decode(body)
        return str(said.get("message") or said.get("error") or "")
    except (*NOT_JSON, AttributeError):
        text = body[:_LONGEST_MESSAGE].decode("utf-8", "replace").strip()
        # An API group the server does not have answers exactly this, which is no sentence.
        return "" if is_web_page(body) or text == "404 page not found" else text


def is_web_page(body: bytes) -> bool:
    """Whether an answer is HTML (a login page, a proxy's error page)."""
    return body[:200].lstrip().lower().startswith((b"<!doctype", b"<html", b"<head", b"<?xml"))


def _plain_sentence(status: int, path: str) -> str:
    if status == 404:
        return f"The server does not serve {path} (404)."
    return f"The server answered {status} to {path}."
