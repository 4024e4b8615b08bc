"""The incident with hostile text in every place where text from a cluster or a person can stand."""

from __future__ import annotations

from typing import Any

import msgspec
import nbformat

from kuberunbooks.findings import RUN_MIME, STEP_MIME, SUMMARY_MIME

from .samples import PARAMETERS, incident

PAYLOAD = (
    "\"'><script>window.pwned=1;alert(1)</script><img src=https://evil.example/x.png onerror=alert(2)>"
    "</style><style>*{display:none!important}</style></title></pre></code></details></svg></textarea>"
    "<svg onload=alert(3)><iframe src=https://evil.example></iframe>"
    "<link rel=stylesheet href=//evil.example/x.css>"
    "<form action=https://evil.example><input autofocus onfocus=alert(4)></form><base href=https://evil.example/>"
    "<a href=javascript:alert(5)>x</a><body onload=alert(6)><!-- {{ 7*7 }} {% raw %} ${x} &lt;b&gt; ]]>"
)
"""Scripts, handlers, CSS, frames, forms, tags that close what they did not open, template syntax."""

HARMLESS = "(as-long-as-a-payload-and-with-no-meaning-to-a-browser)"

# Fields with a closed set of values: anything else there fails the schema, and the output is left out.
_CLOSED = frozenset(
    [
        "severity",
        "level",
        "unit",
        "status",
        "state",
        "form",
        "confidence",
        "type",
        "language",
        "exit_status",
        "schema",
        "until",
        "at",
        "since",
        "observed_at",
        "now",
        "oldest",
        "recorded_at",
        "started_at",
        "finished_at",
    ]
)
# Kinds name a drawing and a word: unknown ones are allowed and tested by themselves.
_KINDS = frozenset(("kind", "subject_kind"))


def poisoned(value: Any, text: str, key: str = "") -> Any:
    """The JSON with `text` appended to every free string in it, keys of free mappings included."""
    if isinstance(value, dict):
        free = key in ("facts", "versions", "redactions", "planned")
        return {(name + text if free else name): poisoned(item, text, name) for name, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, text, key) for item in value]
    if isinstance(value, str) and key not in _CLOSED and key not in _KINDS:
        return value + text
    return value


def hostile_notebook(text: str = PAYLOAD) -> nbformat.NotebookNode:
    """The incident with `text` in every string of its results."""
    nb = incident()
    for cell in nb.cells:
        for output in cell.get("outputs", ()):
            for mime in (RUN_MIME, STEP_MIME, SUMMARY_MIME):
                if mime in output.data:
                    output.data[mime] = poisoned(msgspec.to_builtins(output.data[mime]), text)
            output.data["text/html"] = f"<p>stored</p>{text}"
        if cell.cell_type == "code":
            cell.source += f"  # {text}"
    return nb


def hostile_parameters(text: str = PAYLOAD) -> dict[str, Any]:
    """The parameters with `text` in every string."""
    return {
        name: value + text if isinstance(value, str) and name not in ("language", "alert_time") else value
        for name, value in PARAMETERS.items()
    }
