"""The nbconvert exporter behind report.html.

`to_html` is what a run calls. Registered with nbconvert as `incident-report` too:
`jupyter nbconvert --to incident-report pods.ipynb`, and JupyterLab's "Save and
export notebook as", turn a notebook that was run by hand into the same page.
Nothing of nbconvert's own templates is used, since they load scripts and fonts.
"""

from __future__ import annotations

import functools
from typing import Any

import jinja2
from nbconvert.exporters.templateexporter import TemplateExporter

from .collect import collect
from .environment import environment
from .model import RunReport
from .page import page_of


class ReportExporter(TemplateExporter):  # type: ignore[misc]
    """A notebook as an incident report. Without preprocessors: they refuse a notebook edited by hand."""

    export_from_notebook = "Incident report"
    default_preprocessors: list[Any] = []
    output_mimetype = "text/html"

    def _file_extension_default(self) -> str:
        return ".html"

    def _template_file_default(self) -> str:
        return "report.html.j2"

    def _template_paths(self, prune: bool = True, root_dirs: Any = None) -> list[str]:
        del prune, root_dirs
        return []

    def _create_environment(self) -> jinja2.Environment:
        return environment()

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page; `resources["report"]` is the RunReport, collected from the notebook when not given."""
        resources = dict(resources or {})
        report = resources.pop("report", None) or collect(nb, parameters=_parameters(nb))
        html = self.template.render(page=page_of(report, nb))
        return html, self._init_resources(resources)


def to_html(report: RunReport, nb: Any) -> str:
    """report.html: one file, no script, nothing loaded from elsewhere."""
    html, _ = _exporter().from_notebook_node(nb, {"report": report})
    return str(html)


def prepare() -> None:
    """Imports nbconvert's Markdown and compiles the page's templates."""
    import nbconvert.filters.markdown_mistune  # noqa: F401

    for name in ("report.html.j2", "_parts.html.j2", "_step.html.j2", "_timeline.html.j2", "report.css"):
        environment().get_template(name)


@functools.cache
def _exporter() -> ReportExporter:
    return ReportExporter()


def _parameters(nb: Any) -> dict[str, Any]:
    found = nb.get("metadata", {}).get("papermill", {}).get("parameters", {})
    return dict(found) if isinstance(found, dict) else {}
