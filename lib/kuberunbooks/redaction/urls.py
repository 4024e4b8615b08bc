"""Credentials inside addresses: URLs, database names of Go and Oracle drivers, signed links, web hooks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .names import is_reference
from .spans import Span

# The password may hold "/" when people forget to encode it; a port number never does (`http://host:80/path/@x`).
_USERINFO = re.compile(
    rb"""://(?P<user>[^\s:/@?#"'<>\\]{0,256}):(?P<secret>[^\s/"'<>\\]{1,512}|(?!\d{1,5}/)[^\s"'<>\\$:{]{1,100})@(?=[^\s"'<>\\@]|$)"""
)
_USER_ONLY = re.compile(rb"://(?P<secret>[\w-]{20,256})(?::)?@")
_GO_DRIVER = re.compile(rb"""(?<=:)(?P<secret>[^\s:"'<>\\/]{1,128})@(?:tcp6?|unix)\(""")
_ORACLE = re.compile(rb"jdbc:oracle:\w+:[\w$#]{1,64}/(?P<secret>[^\s@\"'\\]{1,128})@")
_WEB_HOOK = re.compile(
    rb"(?:hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/webhookb2/|"
    rb"api\.telegram\.org/bot)(?P<secret>[\w@/:-]{16,256})"
)
_SIGNED = re.compile(
    rb"(?:[?&;]|\\u0026|amp;)(?:sig|signature|x-amz-signature|x-goog-signature)=(?P<secret>[\w%+/=-]{16,512})",
    re.IGNORECASE,
)


def credentials_in_urls(body: bytes, lowered: bytes) -> Iterator[Span]:
    """`scheme://user:SECRET@host`; the user and the host stay."""
    if b"://" not in body:
        return
    if b"@" in body:
        for match in _USERINFO.finditer(body):
            secret = match["secret"]
            if b"@" in secret and b"/" in secret:
                # The "@" behind a slash belongs to the path.
                end = match.start("secret") + secret.index(b"@")
                yield Span(match.start("secret"), end, "password")
            elif not is_reference(secret):
                yield Span(*match.span("secret"), "password")
        for match in _USER_ONLY.finditer(body):
            if any(48 <= byte <= 57 for byte in match["secret"]):
                yield Span(*match.span("secret"), "token")
    if b"hook" in lowered or b"telegram" in lowered:
        for match in _WEB_HOOK.finditer(body):
            yield Span(*match.span("secret"), "token")


def credentials_of_drivers(body: bytes, lowered: bytes) -> Iterator[Span]:
    """`user:SECRET@tcp(host)` of Go's MySQL driver, `jdbc:oracle:thin:user/SECRET@host`."""
    if b"@tcp" in body or b"@unix(" in body:
        for match in _GO_DRIVER.finditer(body):
            if not is_reference(match["secret"]):
                yield Span(*match.span("secret"), "password")
    if b"jdbc:oracle" in lowered:
        for match in _ORACLE.finditer(body):
            yield Span(*match.span("secret"), "password")


def signatures(body: bytes, lowered: bytes) -> Iterator[Span]:
    """The signature of a signed link (Azure SAS, S3, Google): it opens the link for whoever holds it."""
    if b"sig=" in lowered or b"signature=" in lowered:
        for match in _SIGNED.finditer(body):
            yield Span(*match.span("secret"), "token")
