"""Cells that are not ours: Markdown and outputs of people's own notebooks, made harmless.

Only what nh3 lets through becomes HTML: no script, style, form, class or id, links
to http(s) and mail only, images only when they are inside the file. Everything
else is shown as text. Sizes are bounded and a cut is said. Used by page.py.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from markupsafe import Markup, escape

from kuberunbooks.findings import RUN_MIME, STEP_MIME, SUMMARY_MIME, Words

from .words import clean

MOST_CHARACTERS = 40_000
"""Text or HTML of one output that a report keeps; a runaway print must not make it unreadable."""
MOST_IMAGE = 2_000_000
"""Base64 characters of one image that a report keeps."""

_OURS = frozenset((RUN_MIME, STEP_MIME, SUMMARY_MIME))
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_BASE64 = re.compile(r"^[A-Za-z0-9+/=\s]+$")
_DATA_IMAGE = re.compile(r"^data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+$")
_HEADING = re.compile(r"<(/?)h([1-6])\b")
_TITLE = re.compile(r"^\s*<h([4-6])>[^<]*</h\1>")
_LOWEST = 4


def is_ours(output: Any) -> bool:
    """Whether a result of ours stands in this output; its stored HTML is never used."""
    return bool(_OURS & set(output.get("data") or ()))


def markdown_html(source: str, attachments: Any = None) -> Markup:
    """A Markdown cell as harmless HTML; its headings begin below those of the report."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(escape=False, attachments=attachments or {}, exclude_anchor_links=True)
    return harmless(MarkdownWithMath(renderer=renderer).render(clean(source[:MOST_CHARACTERS])))


def harmless(html: str) -> Markup:
    """HTML that can neither act, nor load, nor look like the report's own parts."""
    import nh3

    attributes = {
        "a": {"href", "title"},
        "img": {"src", "alt", "width", "height"},
        "td": {"colspan", "rowspan"},
        "th": {"colspan", "rowspan", "scope"},
        "ol": {"start"},
    }
    cleaned = nh3.clean(
        html,
        tags=nh3.ALLOWED_TAGS - {"area", "map", "header", "footer", "nav", "article", "aside", "hgroup"},
        attributes=attributes,
        attribute_filter=_keep,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )
    # Headings of a cell stand inside a step, below the report's own levels 1 to 3.
    return Markup(_HEADING.sub(_demote, cleaned))  # noqa: S704 - nh3's output


def without_title(html: Markup) -> Markup:
    """A narrative without the heading it begins with: the step it belongs to has the same one."""
    return Markup(_TITLE.sub("", html, count=1))  # noqa: S704 - a part of harmless HTML


def output_html(output: Any, words: Words) -> Markup:
    """One foreign output: image, HTML, Markdown, or text; the richest form that is safe."""
    kind = output.get("output_type")
    if kind == "stream":
        return _text(_joined(output.get("text", "")), words)
    if kind == "error":
        return _text("\n".join(map(str, output.get("traceback") or ())), words)
    data = output.get("data") or {}
    for mime in _IMAGES:
        image = _joined(data.get(mime, ""))
        if image and len(image) <= MOST_IMAGE and _BASE64.match(image):
            return _image(mime, "".join(image.split()), words)
    if svg := _joined(data.get("image/svg+xml", "")):
        # As an image nothing in it can run or load; as markup it could.
        return _image("image/svg+xml", base64.b64encode(svg.encode("utf-8", "replace")).decode(), words)
    if html := _joined(data.get("text/html", "")):
        return harmless(clean(html[:MOST_CHARACTERS])) + _cut(len(html), words)
    if markdown := _joined(data.get("text/markdown", "")):
        return markdown_html(markdown)
    return _text(_joined(data.get("text/plain", "")), words)


def _keep(tag: str, attribute: str, value: str) -> str | None:
    if tag == "img" and attribute == "src":
        return value if _DATA_IMAGE.match(value) else None
    if attribute == "href" and value.lstrip().lower().startswith("data:"):
        return None
    return value


def _demote(match: re.Match[str]) -> str:
    return f"<{match[1]}h{min(6, int(match[2]) - 1 + _LOWEST)}"


def _joined(value: object) -> str:
    if isinstance(value, str):
        return value
    return "".join(map(str, value)) if isinstance(value, list) else ""


def _text(text: str, words: Words) -> Markup:
    if not text.strip():
        return Markup()
    shown = escape(clean(text[:MOST_CHARACTERS]))
    return Markup('<pre class="text">{}</pre>').format(shown) + _cut(len(text), words)


def _image(mime: str, encoded: str, words: Words) -> Markup:
    return Markup('<img alt="{}" src="data:{};base64,{}">').format(words("cell_output"), mime, encoded)


def _cut(length: int, words: Words) -> Markup:
    if length <= MOST_CHARACTERS:
        return Markup()
    text = words("cell_output_cut", n=f"{length - MOST_CHARACTERS:,}")
    return Markup('<p class="muted">{}</p>').format(text)
