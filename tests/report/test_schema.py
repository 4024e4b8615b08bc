"""report.json holds to its published schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import nbformat
import pytest

from kuberunbooks import report
from kuberunbooks.findings import Failure
from kuberunbooks.report.json_schema import json_schema, text

from .hostile import hostile_notebook, hostile_parameters
from .samples import PARAMETERS, incident, notebook_of, start, steps

PUBLISHED = Path(__file__).parents[2] / "docs" / "report.schema.json"
DEAD = Failure(error="KernelDied", sentence="The kernel died.", advice="Run again.", exit_status=4)

RUNS: dict[str, tuple[Any, dict[str, Any], Failure | None]] = {
    "incident": (incident(), PARAMETERS, None),
    "hostile": (hostile_notebook(), hostile_parameters(), None),
    "half run": (notebook_of(steps()[:4], opening=start()), PARAMETERS, DEAD),
    "empty": (nbformat.v4.new_notebook(), {}, None),
}


def test_the_published_schema_is_the_models() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == text(), (
        "run python -m kuberunbooks.report.json_schema > docs/report.schema.json"
    )


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("name", RUNS)
def test_every_report_fits_the_schema(name: str) -> None:
    nb, parameters, failure = RUNS[name]
    made = json.loads(report.to_json(report.collect(nb, parameters=parameters, failure=failure)))
    jsonschema.validate(made, json_schema())
    assert made["schema"] == 1
    design = {
        "runbook",
        "parameters",
        "target",
        "source",
        "started_at",
        "finished_at",
        "headline",
        "severity",
    }
    assert design | {"findings", "steps", "coverage", "versions"} <= made.keys()


def test_a_report_that_lacks_its_runbook_does_not_fit() -> None:
    made = json.loads(report.to_json(report.collect(incident(), parameters=PARAMETERS)))
    del made["runbook"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made, json_schema())


@pytest.mark.parametrize("name", ["crashloop", "healthy", "image-pull", "pending-resources"])
def test_the_report_of_a_recorded_incident_fits_the_schema(diagnose: Any, name: str) -> None:
    session = diagnose(name).session
    nb = notebook_of(session.steps, opening=session.start, closing=session.summary().data)
    made = report.collect(nb, parameters={"namespace": name})
    jsonschema.validate(json.loads(report.to_json(made)), json_schema())
    assert report.to_html(made, nb)
    assert report.to_markdown(made)
