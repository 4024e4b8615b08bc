"""From when to when certificates are valid, read out of PEM text.

Nothing else of a certificate is looked at, so no library for X.509 is needed. Called for
the client certificate of a kubeconfig (tls.py) and for those that objects of a cluster hold.
"""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from typing import NamedTuple

# The Validity of a certificate in DER: SEQUENCE {notBefore, notAfter}, each UTCTime or GeneralizedTime
# (RFC 5280, 4.1.2.5).
_VALIDITY = re.compile(
    rb"\x30.(?:\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z)(?:\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z)", re.DOTALL
)
_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
_MOST = 200
"""Certificates of a bundle that are looked at; a bundle of all public authorities holds about 150."""


class Validity(NamedTuple):
    """notBefore and notAfter of a certificate, UTC."""

    begins: datetime
    ends: datetime


def validities(pem: str) -> list[Validity]:
    """Those of the certificates of a PEM text, in order; what cannot be read is left out."""
    found: list[Validity] = []
    start = pem.find(_BEGIN)
    while start >= 0 and len(found) < _MOST:
        end = pem.find(_END, start)
        if end < 0:
            break
        end += len(_END)
        one = _validity(pem[start:end])
        if one is not None:
            found.append(one)
        start = pem.find(_BEGIN, end)
    return found


def _validity(pem: str) -> Validity | None:
    try:
        match = _VALIDITY.search(ssl.PEM_cert_to_DER_cert(pem))
        if match is None:
            return None
        return Validity(_time(match[1] or match[2]), _time(match[3] or match[4]))
    except ValueError:
        return None


def _time(digits: bytes) -> datetime:
    # UTCTime has two digits of the year: 50 and later are the last century (RFC 5280, 4.1.2.5.1).
    text = digits.decode()
    year = text if len(text) == 14 else ("19" if text >= "50" else "20") + text
    return datetime.strptime(year, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
