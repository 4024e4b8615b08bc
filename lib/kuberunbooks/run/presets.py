"""Named sets of parameters: `--preset NAME` from parameters/RUNBOOK.yaml, or `--preset FILE`.

A runbook's preset file maps names to parameters; a file given by its path holds
the parameters themselves. Both are checked like `-p`, with YAML's own types.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml

from kuberunbooks.errors import BadSettings

from .library import Runbook
from .parameters import checked


def preset(runbook: Runbook, name: str) -> dict[str, Any]:
    """The parameters of a preset. Raises BadSettings, UnknownParameter, BadParameter."""
    if name.endswith((".yaml", ".yml")):
        return checked(runbook.parameters, _mapping(Path(name), f"{name} holds no parameters"))
    known = presets(runbook)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known) or 'none'}."
        raise BadSettings(
            f"Runbook {runbook.name} has no preset {name!r}; {hint}",
            advice="Presets stand in parameters/RUNBOOK.yaml; a name ending in .yaml is a file of your own.",
        )
    return checked(runbook.parameters, known[name])


def presets(runbook: Runbook) -> dict[str, dict[str, Any]]:
    """All presets of a runbook by name; the file nearest to the notebook is the one. Raises BadSettings."""
    for path in runbook.presets:
        if path.is_file():
            found = _mapping(path, f"{path} holds no presets")
            for name, values in found.items():
                if not isinstance(values, dict):
                    raise BadSettings(f"Preset {name!r} in {path} is no mapping of parameters.")
            return found
    return {}


def _mapping(path: Path, empty: str) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = f", line {line + 1}" if line is not None else ""
        raise BadSettings(f"{path}{place} is not YAML.") from error
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise BadSettings(f"{empty}: it must map names to values.")
    return loaded
