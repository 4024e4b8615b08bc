"""The JSON Schema of report.json, for those who read it elsewhere.

`python -m kuberunbooks.report.json_schema > docs/report.schema.json` writes it
anew after a change of the model; a test holds the two together.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import msgspec

from .model import RunReport


def json_schema() -> dict[str, Any]:
    """The schema (JSON Schema draft 2020-12), with the docstrings of the model as descriptions."""
    schema = _tidy(msgspec.json.schema(RunReport))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "report.json of a runbook run",
        **schema,
    }


def _tidy(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(item) if key == "description" and isinstance(item, str) else _tidy(item)
            for key, item in value.items()
        }
    return [_tidy(item) for item in value] if isinstance(value, list) else value


def text() -> str:
    """The schema as it stands in docs/."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
