"""Which runbooks there are and where: ours, and a person's own notebooks beside them.

Ours stand in runbooks/ of a checkout, and under bundled/ in an installed
package. Own ones are found in the folders given with `--runbooks`, then in those
of RUNBOOK_PATH; the first notebook of a name wins, so an own copy replaces ours.
Reads notebooks as JSON: `runbook list` must not wait for the notebook machinery.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kuberunbooks.errors import BadSettings, UnknownRunbook

from .parameters import TAG, Parameter, parse

PATH_VARIABLE = "RUNBOOK_PATH"

_PACKAGE = Path(__file__).resolve().parents[1]
_BUNDLED = _PACKAGE / "bundled"
_CHECKOUT = _PACKAGE.parents[1]


class Runbook(NamedTuple):
    """A notebook that can be run: its name is the file's. `purpose` is its first paragraph, in Markdown."""

    name: str
    path: Path
    title: str
    purpose: str
    parameters: list[Parameter]
    presets: tuple[Path, ...]
    """Where its presets may stand, nearest first."""


def is_installed() -> bool:
    """Whether this is an installed package, not a checkout."""
    return _BUNDLED.is_dir()


def own_runbooks() -> Path:
    """The folder of the notebooks that come with this package."""
    return _BUNDLED / "runbooks" if is_installed() else _CHECKOUT / "runbooks"


def demo_case() -> Path:
    """The recorded incident that comes with this package."""
    return _BUNDLED / "demo.tar.gz" if is_installed() else _CHECKOUT / "tests/incidents/crashloop.tar.gz"


def template() -> Path:
    """The notebook a new runbook starts from."""
    return own_runbooks() / "_template.ipynb"


def folders(extra: Sequence[Path] = ()) -> list[Path]:
    """The folders searched, first wins. Raises BadSettings for one given by hand that is none."""
    named = [Path(part) for part in os.environ.get(PATH_VARIABLE, "").split(os.pathsep) if part]
    for folder in (*extra, *named):
        if not folder.is_dir():
            source = "--runbooks" if folder in extra else PATH_VARIABLE
            raise BadSettings(f"{folder}, given with {source}, is not a folder.")
    return [*extra, *named, own_runbooks()]


def notebooks(extra: Sequence[Path] = ()) -> dict[str, Path]:
    """The notebooks by name, sorted. A leading `_` or `.` hides one."""
    found: dict[str, Path] = {}
    for folder in folders(extra):
        for path in sorted(folder.glob("*.ipynb")):
            if path.name[0] not in "_.":
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def find(name: str, extra: Sequence[Path] = ()) -> Runbook:
    """The runbook of that name. Raises UnknownRunbook, and BadSettings when its file cannot be used."""
    known = notebooks(extra)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known) or 'none'}."
        raise UnknownRunbook(f"There is no runbook {name!r}; {hint}")
    return load(known[name])


def load(path: Path) -> Runbook:
    """A runbook from its file. Raises BadSettings."""
    cells = _cells(path)
    title, purpose = _heading(cells, path.stem)
    tagged = [cell for cell in cells if TAG in _tags(cell)]
    if len(tagged) > 1:
        raise BadSettings(
            f"{path} has {len(tagged)} cells tagged {TAG!r}; only one can be the parameters cell."
        )
    declared = parse(_source(tagged[0]), where=str(path)) if tagged else []
    beside = (path.parent / "parameters", path.parent.parent / "parameters")
    return Runbook(
        path.stem, path, title, purpose, declared, tuple(each / f"{path.stem}.yaml" for each in beside)
    )


def _cells(path: Path) -> list[dict[str, Any]]:
    problem = BadSettings(f"{path} is not a notebook.", advice="Open it in JupyterLab and save it again.")
    try:
        notebook = json.loads(path.read_bytes())
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise problem from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise problem
    return cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def _tags(cell: dict[str, Any]) -> list[str]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return tags if isinstance(tags, list) else []


def _heading(cells: list[dict[str, Any]], name: str) -> tuple[str, str]:
    """The first heading and the paragraph after it."""
    for cell in cells:
        if cell.get("cell_type") == "markdown":
            first, _, rest = _source(cell).strip().partition("\n")
            return first.lstrip("# ").strip() or name, rest.strip().partition("\n\n")[0].strip()
    return name, ""
