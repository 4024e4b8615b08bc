"""A cell's output in JupyterLab and in a terminal."""

from __future__ import annotations

import html

from kuberunbooks.findings import RunStart, StepResult, Summary


def text_of(data: RunStart | StepResult | Summary) -> str:
    """Plain text: verdict first."""
    if isinstance(data, StepResult):
        return f"[{data.status}] {data.id} {data.title}: {data.verdict}"
    return type(data).__name__


def html_of(data: RunStart | StepResult | Summary) -> str:
    """Escaped HTML, no script."""
    return f"<p>{html.escape(text_of(data))}</p>"
