"""Which names announce a secret, and which values are none however they are named.

One judgement for environment variables, JSON keys, command line flags and
`name=value` pairs in logs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class Secrecy(NamedTuple):
    """What a name says of its value: the kind of secret, and whether the name alone proves it.

    A name like `token` or `secret` is also used for things that are none (a parser's
    token, the name of a Secret): then the value has to look like a secret as well.
    """

    kind: str
    proven: bool


WORDS = tuple(b"pass pwd secret token cred key dsn auth sig conn sess cookie".split())
"""A cheap sieve over lower-cased text: every name that can be secret holds one of these."""

_NORMAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[-._/ ]+")


def _any(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


_OF_SECRETS = _any("client app consumer shared webhook signing jwt session cookie auth oauth2? user")
_OF_KEYS = _any(
    "api access account private secret encryption signing master storage shared ssh jwt license "
    "session cookie hmac app auth admin client webhook rsa aes gpg deploy consumer service signature "
    "transit unseal"
)
_OF_TOKENS = _any(
    "access auth api refresh id bot bearer oauth2? session security vault root deploy registry jwt "
    "job runner push personal_access private csrf xsrf sas slack github gitlab npm pypi sentry user "
    "admin service_account bootstrap"
)
_SESSIONS = _any(
    "jsessionid phpsessid sessionid session_id connect_sid sas_?signature x_amz_signature "
    "x_goog_signature shared_?access_?signature"
)
_PROVEN = (
    (
        "password",
        r"(?:.*_)?(?:\w*passwords?|\w*passwd|\w*passwort|pwd|pass_?phrase|\w+_pass|\w*pgpass\w*|\w+_?pwd)",
    ),
    # A test summary's `pass=3` is no password: as for every kind but that one, a small number is none.
    ("credential", r"pass"),
    ("secret", rf"(?:.*_)?{_OF_SECRETS}_?secrets?(?:_\d+)?"),
    ("key", rf"(?:.*_)?{_OF_KEYS}_?key(?:_id|_base|_base64|_b64|_data|_json|_\d+)?"),
    ("token", rf"(?:.*_)?{_OF_TOKENS}_?token(?:_\d+)?"),
    ("connection", r"(?:.*_)?(?:connection_?str(?:ing)?|conn_?str|dsn)"),
    ("token", _SESSIONS),
)
_POSSIBLE = (
    ("token", r"(?:.*_)?\w*tokens?(?:_\d+)?"),
    ("secret", r"(?:.*_)?\w*secrets?(?:_\d+)?"),
    ("credential", r"(?:.*_)?(?:credentials?|creds|auth|authorization|cookie|set_cookie)"),
    ("key", r"(?:.*_)key"),
    ("token", r"sig|signature"),
)
# Tokens of parsers and of paging, keys of tables and caches, lists of Secrets.
_NO_TOKEN_NOR_KEY = _any(
    "next continue page sync cursor pagination cancellation cancel max min num stop eos bos pad total "
    "prompt completion invalid unexpected public primary foreign partition sort row hot idempotency "
    "cache index map group label annotation selector routing"
)
_NEVER = re.compile(
    rf"(?:.*_)?{_NO_TOKEN_NOR_KEY}_?(?:tokens?|keys?)"
    r"|(?:.*_)?(?:image_?pull|mountable|no|missing|list|get|watch)_?secrets?"
    r"|automount_?service_?account_?token"
)

_ENV_PROVEN = re.compile(
    r"PASSW|PASSPHRASE|PWD|SECRET|TOKENS?(?![A-Z])|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|PRIVATE$"
    r"|(?:^|_)(?:DSN|PASS|AUTH|CREDS?|SAS)(?:_|$)|CONNECTION_?STR|CONN_?STR"
    r"|(?:^|_)KEY(?:_BASE|_B64|_BASE64|_DATA|_JSON|_\d+)?$"
)
# What is said about a secret and is none: where it lies, how long it lives, which kind it is.
_ABOUT = _any(
    "FILE PATH DIR NAMES? LENGTH LEN SIZE TTL EXPIRY EXPIRES? EXPIRES_IN EXPIRATION TIMEOUT ENABLED? "
    "DISABLED? TYPE METHOD MODE HOST PORT USER USERNAME COUNT POLICY ALG ALGORITHM HEADER ISSUER "
    "AUDIENCE REF PREFIX SUFFIX VERSION ENDPOINT URL URI PROVIDER FIELD INTERVAL LIFETIME PERIOD "
    "SECONDS MINUTES HOURS DAYS REQUIRED ROTATION STORE BACKEND CLASS NAMESPACE KEY_COLUMN"
)
_ENV_NEVER = re.compile(
    rf"(?:^|_)(?:OLD)?PWD$|(?:^|_){_ABOUT}$|(?:^|_){_NO_TOKEN_NOR_KEY.upper()}_?(?:TOKENS?|KEYS?)$"
)
_KINDS_OF_ENV = (
    ("PASS", "password"),
    ("PWD", "password"),
    ("TOKEN", "token"),
    ("KEY", "key"),
    ("PRIVATE", "key"),
)
_SWITCH = re.compile(r"(?i)true|false|yes|no|on|off|[01]")

TRIVIAL = frozenset(
    b"true false yes no on off none null nil undefined empty unset set missing required invalid "
    b"incorrect wrong expired present enabled disabled ok failed unknown changed default redacted "
    b"hidden masked not is was has in for from and or the a an to of password passwd secret token "
    b"string int integer bool boolean object array field value basic bearer".split()
)
"""Words that stand where a secret would and are none."""

_REFERENCE = re.compile(
    rb"\$\([A-Za-z_][\w.-]*\)?|\$\{[^}\s]*\}?|\$[A-Z_][A-Z0-9_]*|\{\{[^}]*(?:\}\})?|<[^>]*>?|%\(?\w*\)?[sdvq]?|%\w+%|"
    rb"\*+|x{3,}|X{3,}|\.{3,}|-+|_+|0x[0-9a-f]+|"
    rb"\[?(?:REDACTED|redacted|MASKED|masked|FILTERED|filtered|HIDDEN|hidden|none|nil)\]?"
)
_PATH = re.compile(
    rb"(?:file://)?~?/?(?:[a-z0-9._-]+/)+[\w.-]+|/[a-z0-9._-]+"
    rb"|[\w.-]+\.(?:pem|key|crt|txt|json|ya?ml|go|py|conf)(?::\d+)?"
)
_NAMELIKE = re.compile(rb"[A-Za-z]?[a-z0-9]*(?:[./_:-][A-Za-z0-9]+)*[./:-]?")
_UUID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


@lru_cache(maxsize=4096)
def secrecy(name: str) -> Secrecy | None:
    """What a key, flag or field of this name holds: None, a proven or a possible secret."""
    normal = _NORMAL.sub("_", name.strip("-_. "))[-80:].lower()
    if _NEVER.fullmatch(normal):
        return None
    for kind, pattern in _PROVEN:
        if re.fullmatch(pattern, normal):
            return Secrecy(kind, True)
    for kind, pattern in _POSSIBLE:
        if re.fullmatch(pattern, normal):
            return Secrecy(kind, False)
    return None


@lru_cache(maxsize=4096)
def env_secrecy(name: str) -> str:
    """The kind of secret an environment variable of this name holds, empty for none."""
    upper = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-.]", "_", name).upper()
    if not _ENV_PROVEN.search(upper) or _ENV_NEVER.search(upper):
        return ""
    return next((kind for part, kind in _KINDS_OF_ENV if part in upper), "secret")


def is_switch(value: str) -> bool:
    """Whether a value only turns something on or off: `ALLOW_EMPTY_PASSWORD=yes` tells no secret."""
    return _SWITCH.fullmatch(value) is not None


def is_reference(value: bytes) -> bool:
    """Whether a value only points at a secret or is a blank: `$(DB_PASSWORD)`, `${X}`, `<none>`, `****`."""
    return not value.strip() or _REFERENCE.fullmatch(value.strip()) is not None


def is_trivial(value: bytes) -> bool:
    """Whether a value is a blank, a reference, or a word like `true` or `missing`."""
    return is_reference(value) or value.strip().lower() in TRIVIAL


def is_path(value: bytes) -> bool:
    """Whether a value is the place of a file: `/run/secrets/db`, `tls.key`."""
    return _PATH.fullmatch(value) is not None


def looks_random(value: bytes) -> bool:
    """Whether a value on its own could be a secret: no word, no name, no small number."""
    if len(value) < 6 or is_path(value):
        return False
    if _UUID.fullmatch(value):
        return True
    digits = any(48 <= byte <= 57 for byte in value)
    if value.isalnum():
        letters = value.upper() != value.lower()
        mixed = value.lower() != value and value.upper() != value
        if not letters:
            return len(value) >= 9
        return (digits and (len(value) >= 12 or (mixed and len(value) >= 8))) or (mixed and len(value) >= 32)
    if _NAMELIKE.fullmatch(value):
        # A resource name, a host, a Go identifier; a long run with digits in it is none of these.
        return digits and any(len(part) >= 20 for part in re.split(rb"[./_:-]", value))
    if any(byte <= 32 for byte in value):
        return False
    return digits or len(value) >= 16
