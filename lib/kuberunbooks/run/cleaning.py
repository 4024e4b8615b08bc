"""The last look at an executed notebook before it is kept: what our steps did not write may hold a secret.

The outputs of steps are redacted where they are made; printed text, tracebacks
and the results of a person's own cells pass the redaction chain here.
"""

from __future__ import annotations

from typing import Any

from kuberunbooks.findings import RUN_MIME, STEP_MIME, SUMMARY_MIME
from kuberunbooks.redaction import Redactor

_OURS = {RUN_MIME, STEP_MIME, SUMMARY_MIME}


def without_secrets(notebook: Any, redactor: Redactor) -> None:
    """Redacts the notebook's other outputs in place."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                output.text = redactor.text(output.text)
            elif output.output_type == "error":
                output.evalue = redactor.text(output.evalue)
                output.traceback = [redactor.text(line) for line in output.traceback]
            elif not _OURS & set(output.data):
                output.data = redactor.plain(output.data)
