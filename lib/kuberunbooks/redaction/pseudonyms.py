"""Names for secrets: the same secret has the same name throughout a run and its case.

`[redacted:password:1]` is a plain counter per kind, not a digest of the secret,
so that neither the secret nor its being the same in two cases can be worked out.
"""

from __future__ import annotations

import re

PLACEHOLDER = re.compile(rb"\[redacted:[a-z-]+:\d+\]")
"""What stands in place of a secret. Text that holds it is never redacted again."""

_START = b"[redacted:"


class Pseudonyms:
    """Hands out names and remembers them; `counts` is how many different secrets of each kind there were."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._names: dict[bytes, bytes] = {}

    def reserve(self, counts: dict[str, int]) -> None:
        """Leaves out the names a case that is read again already holds."""
        for kind, count in counts.items():
            self.counts[kind] = max(count, self.counts.get(kind, 0))

    def name(self, secret: bytes, kind: str) -> bytes:
        """The name of a secret; the kind it was first met as stays with it."""
        if secret.startswith(_START) and PLACEHOLDER.fullmatch(secret):
            return secret
        known = self._names.get(secret)
        if known is None:
            number = self.counts[kind] = self.counts.get(kind, 0) + 1
            known = self._names[secret] = b"[redacted:%s:%d]" % (kind.encode(), number)
        return known


def placeholders(body: bytes) -> list[tuple[int, int]]:
    """Where names stand already, as (start, end)."""
    if _START not in body:
        return []
    return [match.span() for match in PLACEHOLDER.finditer(body)]
