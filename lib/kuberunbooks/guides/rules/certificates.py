"""Certificates that end soon, or have ended.

A bundle is as good as the one of its certificates that ends last: old ones stay in it on
purpose while new ones take over. Called by the cluster guide.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from kuberunbooks.cluster.validity import Validity, validities

from .thresholds import CERTIFICATE_EXPIRING, CERTIFICATE_REMAINDER, CERTIFICATE_SHORT

CertificateState = Literal["valid", "ends soon", "ended"]


def state_of(one: Validity, now: datetime) -> CertificateState:
    """Whether it has ended, or ends sooner than one made for so long should."""
    left = (one.ends - now).total_seconds()
    if left <= 0:
        return "ended"
    life = (one.ends - one.begins).total_seconds()
    if life <= CERTIFICATE_SHORT:
        return "valid"
    return "ends soon" if left < min(CERTIFICATE_EXPIRING, life * CERTIFICATE_REMAINDER) else "valid"


def last_of(bundle: Sequence[Validity]) -> Validity | None:
    """The certificate of a bundle that ends last; None for an empty one."""
    return max(bundle, key=lambda one: one.ends, default=None)


def of_bundle(text: str) -> list[Validity]:
    """The certificates of a caBundle: PEM, in base64 as the API holds bytes."""
    try:
        return validities(base64.b64decode(text, validate=True).decode("ascii", "replace"))
    except (binascii.Error, ValueError):
        return []
