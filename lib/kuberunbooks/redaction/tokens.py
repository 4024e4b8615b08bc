"""Secrets known by their form alone: signed tokens and the keys of clouds and services.

The forms are those the services document (GitHub, GitLab, Slack, Stripe, AWS, Google, Azure, ...).
Each begins with letters that occur nowhere else, which keeps the search cheap and
ordinary digests, uids and names out of it.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator

from .names import looks_random
from .spans import Span

_SERVICES: tuple[tuple[bytes, re.Pattern[bytes]], ...] = tuple(
    (mark, re.compile(form))
    for mark, form in (
        (b"gh", rb"gh[pousr]_[A-Za-z0-9]{30,255}"),
        (b"github_pat_", rb"github_pat_\w{22,255}"),
        (b"gl", rb"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[\w-]{16,255}|gl(?:sa|c)_[\w+/=]{20,512}"),
        (b"xox", rb"xox[a-z]-[\w-]{10,255}"),
        (b"xapp-", rb"xapp-[\w-]{10,255}"),
        (b"k_live_", rb"[spr]k_live_[0-9A-Za-z]{10,255}"),
        (b"k_test_", rb"[spr]k_test_[0-9A-Za-z]{10,255}"),
        (b"whsec_", rb"whsec_[A-Za-z0-9+/=]{16,255}"),
        (b"SG.", rb"SG\.[\w-]{16,64}\.[\w-]{16,64}"),
        (b"npm_", rb"npm_[A-Za-z0-9]{30,255}"),
        (b"pypi-", rb"pypi-Ag[\w-]{30,255}"),
        (b"hv", rb"hv[sbr]\.[\w-]{20,512}"),
        (b"_v1_", rb"do[opr]_v1_[a-f0-9]{40,128}"),
        (b"dckr_", rb"dckr_(?:pat|oat)_[\w-]{20,255}"),
        (b"dapi", rb"dapi[a-f0-9]{32}(?:-\d)?"),
        (b"shp", rb"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
        (b"lin_api_", rb"lin_api_\w{20,64}"),
        (b"NRAK-", rb"NRAK-[A-Z0-9]{20,64}"),
        (b"AIza", rb"AIza[\w-]{30,64}"),
        (b"ya29.", rb"ya29\.[\w.-]{16,1024}"),
        (b"GOCSPX-", rb"GOCSPX-[\w-]{20,64}"),
        (b"1//0", rb"1//0[\w-]{30,255}"),
        (b"AGE-SECRET", rb"AGE-SECRET-KEY-1[A-Z0-9]{40,80}"),
        (b"sk-", rb"sk-(?=[\w-]{0,80}[A-Z])(?=[\w-]{0,80}\d)(?:proj-|ant-|svcacct-|or-)?[\w-]{32,255}"),
        (b"key-", rb"key-[0-9a-f]{32}"),
        (b"hf_", rb"hf_[A-Za-z0-9]{30,64}"),
        (b"PMAK-", rb"PMAK-[A-Za-z0-9-]{40,80}"),
        (b"sntry", rb"sntry[us]_[\w+/=-]{40,255}"),
        (b"ATATT3", rb"ATATT3[\w=-]{40,255}"),
    )
)
_AMAZON_ID = re.compile(rb"A(?:KI|SI|BI|CC)A[A-Z2-7]{16}(?![A-Za-z0-9])")
_AMAZON_SECRET = re.compile(rb"(?<![\w/+=-])[A-Za-z0-9/+]{40}(?![\w/+=-])")
_AZURE_SECRET = re.compile(rb"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,36}")
_TELEGRAM = re.compile(rb"(?<!\d)\d{8,10}:AA[\w-]{33}(?![\w-])")
_SIGNED_TOKEN = re.compile(rb"eyJ[\w-]{8,8192}(?:\.[\w-]{2,16384}){1,4}\.?")
_SCHEME = re.compile(
    rb"\b(?P<scheme>bearer|basic|negotiate|digest)(?:\s|\\t|%20){1,3}(?P<secret>[A-Za-z0-9][\w.~+/=:-]{5,8192})"
)
_WORD_BYTE = re.compile(rb"[\w-]")


def service_keys(body: bytes, lowered: bytes) -> Iterator[Span]:
    """Keys whose form says which service they open."""
    for mark, form in _SERVICES:
        if mark not in body:
            continue
        for match in form.finditer(body):
            start = match.start()
            if start == 0 or not _WORD_BYTE.match(body, start - 1):
                yield Span(*match.span(), "token")
    if b"q~" in lowered:
        for match in _AZURE_SECRET.finditer(body):
            yield Span(*match.span(), "secret")
    if b":AA" in body:
        for match in _TELEGRAM.finditer(body):
            yield Span(*match.span(), "token")


def amazon_keys(body: bytes, lowered: bytes) -> Iterator[Span]:
    """AWS key ids, and 40-character secret keys within 200 bytes after one."""
    del lowered
    if not any(start in body for start in (b"AKIA", b"ASIA", b"ABIA", b"ACCA")):
        return
    for match in _AMAZON_ID.finditer(body):
        if match.start() and body[match.start() - 1 : match.start()].isalnum():
            continue
        yield Span(*match.span(), "key")
        for near in _AMAZON_SECRET.finditer(body, match.end(), match.end() + 200):
            value = near[0]
            if value.lower() != value and value.upper() != value:
                yield Span(*near.span(), "key")


def signed_tokens(body: bytes, lowered: bytes) -> Iterator[Span]:
    """JSON Web Tokens, signed or encrypted."""
    del lowered
    if b"eyJ" not in body:
        return
    place = 0
    while (place := body.find(b"eyJ", place)) >= 0:
        match = _SIGNED_TOKEN.match(body, place)
        if match is None:
            # Nothing that starts inside this run of letters can be a token either.
            run = _RUN.match(body, place)
            place = run.end() if run else place + 3
            continue
        yield Span(*match.span(), "token")
        place = match.end()


_RUN = re.compile(rb"[\w-]{1,8192}")


def authorization(body: bytes, lowered: bytes) -> Iterator[Span]:
    """What follows `Bearer` and `Basic`, where it is a credential and not the next word of a sentence."""
    if (
        b"bearer" not in lowered
        and b"basic" not in lowered
        and b"negotiate" not in lowered
        and b"digest" not in lowered
    ):
        return
    for match in _SCHEME.finditer(lowered):
        secret = body[match.start("secret") : match.end("secret")]
        before = lowered[max(0, match.start() - 24) : match.start()]
        announced = b"authorization" in before
        if match["scheme"] == b"basic" and holds_user_and_password(secret):
            yield Span(*match.span("secret"), "password")
        elif looks_random(secret) or (announced and len(secret) >= 8):
            yield Span(*match.span("secret"), "token")


def holds_user_and_password(encoded: bytes) -> bool:
    """Whether base64 text says `user:password`, as in an Authorization header or a docker configuration."""
    try:
        plain = b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in plain and plain.isascii() and plain.decode().isprintable()
