"""Why an image could not be pulled, from the words of the registry, containerd and the kubelet.

Called by the images step with state.waiting.message or, where that only says
"Back-off", with the newest event Failed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .patterns import (
    RX_IMG_ARCH,
    RX_IMG_AUTH,
    RX_IMG_DISK,
    RX_IMG_NET,
    RX_IMG_NOTFOUND,
    RX_IMG_RATE,
    RX_LOOKUP,
)

_WRAPPERS = re.compile(
    r'^(?:(?:Back-off pulling|Failed to pull|failed to pull and unpack) image "[^"]*": |ErrImagePull: '
    r'|Error: |rpc error: code = \w+ desc = |failed to resolve (?:reference|image) "[^"]*": '
    r'|failed to do request: |(?:Head|Get|Post) "[^"]*": )+'
)
_ONLY_BACKOFF = re.compile(r'^Back-off pulling image "[^"]*"$')
_NO_CONNECTION = re.compile(r"(?i)\bdial tcp\b|\blookup \S+|proxyconnect|TLS handshake|x509:")


class PullError(NamedTuple):
    """Codes, decisive first; `cause` is the message unwrapped; `lookup` the name that did not resolve."""

    codes: tuple[str, ...]
    cause: str
    lookup: str = ""
    dns: str = ""


@lru_cache(maxsize=1024)
def classify(message: str) -> PullError:
    """The codes for a pull message; `ImagePullFailed` when it fits no known one.

    A connection that was never made outranks what the registry might have said.
    Registries answer "not found or access denied" alike: then both codes are given.
    """
    cause = _WRAPPERS.sub("", message).strip() or message
    codes = _codes(f": {cause}")
    lookup = RX_LOOKUP.search(cause)
    if lookup is None:
        return PullError(codes, cause)
    return PullError(codes, cause, lookup["host"], (lookup["dns"] or "").removesuffix(":53"))


def _codes(cause: str) -> tuple[str, ...]:
    if RX_IMG_RATE.search(cause):
        return ("ImagePullRateLimited",)
    if RX_IMG_DISK.search(cause):
        return ("ImageDiskFull",)
    if RX_IMG_ARCH.search(cause):
        return ("ImageArchMismatch",)
    if _NO_CONNECTION.search(cause) and RX_IMG_NET.search(cause):
        return ("ImageRegistryUnreachable",)
    missing = RX_IMG_NOTFOUND.search(cause) is not None
    if RX_IMG_AUTH.search(cause):
        return ("ImagePullUnauthorized", "ImageNotFound") if missing else ("ImagePullUnauthorized",)
    if missing:
        return ("ImageNotFound",)
    return ("ImageRegistryUnreachable",) if RX_IMG_NET.search(cause) else ("ImagePullFailed",)


def says_why(message: str) -> bool:
    """Whether a message holds a cause; the bare "Back-off pulling image" of older kubelets does not."""
    return bool(message) and _ONLY_BACKOFF.match(message) is None


def registry_of(image: str) -> str:
    """The registry host an image reference names; `docker.io` when it names none (distribution/reference)."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first
    return "docker.io"
