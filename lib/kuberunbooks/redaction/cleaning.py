"""Text from a cluster is hostile: terminal escapes, control and bidirectional characters are taken out.

Applied by Redactor.text to whatever is shown. A recorded case keeps these
characters (JSON escapes them), so that it answers byte for byte what the
cluster did.
"""

from __future__ import annotations

import re

# ECMA-48 sequences: CSI (colours, cursor), OSC and other strings up to BEL or ST, two-byte escapes; the
# C1 forms as UTF-8. String sequences stop at a line end so that a lone introducer cannot hide the rest.
_ESCAPES = re.compile(
    rb"(?:\x1b\[|\xc2\x9b)[0-?]*[ -/]*[@-~]"
    rb"|(?:\x1b[\]PX^_]|\xc2[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\n]*(?:\x07|\x1b\\|\xc2\x9c)"
    rb"|\x1b[ -/]*[0-~]"
)
_CONTROLS = bytes(code for code in (*range(32), 127) if code not in (9, 10))
# U+0080-009F, and what changes the direction of text: U+061C, U+200E-200F, U+202A-202E, U+2066-2069.
_INVISIBLE = re.compile(rb"\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]")


def clean(body: bytes) -> bytes:
    """UTF-8 text without escapes, control and bidirectional characters; line feed and tab stay.

    A carriage return inside a line becomes a space: progress bars must not glue
    their numbers together, and no line may be added that the log does not have.
    """
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b" ")
    if b"\x1b" in body or b"\xc2" in body:
        body = _ESCAPES.sub(b"", body)
    body = body.translate(None, _CONTROLS)
    return body if body.isascii() else _INVISIBLE.sub(b"", body)
