"""Passwords on command lines, where a short option and not a name announces them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .names import is_reference
from .spans import Span

_GAP = rb"""(?:[ \t]+|\\*["'],\s*)\\*["']?"""
_USER = re.compile(
    rb"(?:\s|\"|')(?:-u|--user|--proxy-user)(?:=|"
    + _GAP
    + rb""")\\*["']?[^\s:"'\\]{1,128}:(?P<secret>[^\s"'\\]{1,256})"""
)
_SHORT = re.compile(
    rb"(?:sshpass"
    + _GAP
    + rb"-p|mysql(?:dump|admin|sh)?\b[^\n|;&]{0,200}?[\s\"']-p|redis-cli\b[^\n|;&]{0,200}?[\s\"']-a"
    rb"|mongo(?:sh)?\b[^\n|;&]{0,200}?[\s\"']-p"
    rb"|docker"
    + _GAP
    + rb"login\b[^\n|;&]{0,200}?[\s\"']-p)(?:"
    + _GAP
    + rb""")?\\*["']?(?P<secret>[^\s"'\\;|&-][^\s"'\\;|&]{0,255})"""
)


PROGRAMS = frozenset(
    ("curl", "wget", "sshpass", "mysql", "mysqldump", "redis-cli", "mongo", "mongosh", "docker")
)
"""Those with such options."""


def command_lines(body: bytes, lowered: bytes) -> Iterator[Span]:
    """`curl -u user:SECRET`, `mysql -pSECRET`, `redis-cli -a SECRET`, `sshpass -p SECRET`."""
    del lowered
    if b"curl" in body or b"wget" in body:
        for match in _USER.finditer(body):
            if not match["secret"].isdigit() and not is_reference(match["secret"]):
                yield Span(*match.span("secret"), "password")
    if (
        b"sshpass" in body
        or b"mysql" in body
        or b"redis-cli" in body
        or b"mongo" in body
        or b"docker" in body
    ):
        for match in _SHORT.finditer(body):
            if not is_reference(match["secret"]):
                yield Span(*match.span("secret"), "password")
