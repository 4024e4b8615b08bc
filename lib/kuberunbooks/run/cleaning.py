"""The last look at an executed notebook before it is kept: what our steps did not write.

The outputs of steps are redacted and bounded where they are made. What a
person's own cells print, show or raise passes the redaction chain here; printed
text is joined (nbclient's own way of doing that is quadratic in the length of a
line) and bounded. So do the parameters that papermill wrote into the notebook.
"""

from __future__ import annotations

from typing import Any

from kuberunbooks.findings import RUN_MIME, STEP_MIME, SUMMARY_MIME
from kuberunbooks.redaction import Redactor

_OURS = {RUN_MIME, STEP_MIME, SUMMARY_MIME}

MOST_PRINTED = 200_000
"""Characters of printed text kept of a cell, from its beginning and its end."""


PASTED = "pasted"
"""The parameter of any runbook that takes what a command printed: it is judged, and shown nowhere."""

_INJECTED = "injected-parameters"


def shown(parameters: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """The parameters as results show them: without secrets, and of what was pasted only how much it is."""
    kept = dict(parameters)
    if pasted := kept.get(PASTED):
        kept[PASTED] = f"({len(str(pasted)):,} characters, not shown)"
    redacted: dict[str, Any] = redactor.plain(kept)
    return redacted


def clean(notebook: Any, parameters: dict[str, Any], redactor: Redactor) -> None:
    """Joins, bounds and redacts the notebook's other outputs, in place.

    `parameters` (as `shown`) take the place of those that papermill wrote in.
    """
    _show(notebook, parameters)
    for cell in notebook.cells:
        if cell.get("outputs"):
            cell.outputs = _joined(cell.outputs)
            for output in cell.outputs:
                _redact(output, redactor)


def _show(notebook: Any, parameters: dict[str, Any]) -> None:
    from papermill.translators import translate_parameters

    held = notebook.metadata.get("papermill", {})
    if "parameters" in held:
        held["parameters"] = parameters
    for cell in notebook.cells:
        if _INJECTED in cell.metadata.get("tags", ()):
            cell.source = translate_parameters("python3", "python", parameters)


def _joined(outputs: list[Any]) -> list[Any]:
    joined: list[Any] = []
    parts: list[list[str]] = []
    for output in outputs:
        is_stream = output.output_type == "stream"
        if is_stream and joined and joined[-1].output_type == "stream" and joined[-1].name == output.name:
            parts[-1].append(output.text)
        else:
            joined.append(output)
            parts.append([output.text] if is_stream else [])
    for output, texts in zip(joined, parts, strict=True):
        if texts:
            output.text = _bounded("".join(texts))
    return joined


def _bounded(text: str) -> str:
    if len(text) <= MOST_PRINTED:
        return text
    half = MOST_PRINTED // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters left out ...\n{text[-half:]}"


def _redact(output: Any, redactor: Redactor) -> None:
    if output.output_type == "stream":
        output.text = redactor.text(output.text)
    elif output.output_type == "error":
        output.evalue = redactor.text(output.evalue)
        output.traceback = [redactor.text(line) for line in output.traceback]
    elif not _OURS & set(output.data):
        output.data = redactor.plain(output.data)
