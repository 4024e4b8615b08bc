"""JupyterLab on the runbooks: `runbook lab`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from kuberunbooks.errors import BadSettings

from . import library
from .output import disk_errors


def start(folder: Path | None, options: Sequence[str] = ()) -> NoReturn:
    """Replaces this process by JupyterLab with its `options`. Raises BadSettings when something lacks."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise BadSettings(
            "JupyterLab is not installed here.",
            advice="`pip install -c constraints.txt '.[lab]'` in the checkout adds it.",
        )
    place = folder or _editable_runbooks()
    if not place.is_dir():
        raise BadSettings(f"{place} is not a folder.")
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *options, str(place)])  # noqa: S606


def _editable_runbooks() -> Path:
    """The checkout's notebooks, or copies of the installed ones, in which an upgrade undoes no edits."""
    own = library.own_runbooks()
    if not library.is_installed():
        return own
    place = Path("runbooks")
    with disk_errors(place):
        place.mkdir(exist_ok=True)
        for path in own.glob("*.ipynb"):
            if not (place / path.name).exists():
                shutil.copyfile(path, place / path.name)
    return place
