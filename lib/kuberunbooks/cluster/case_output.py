"""Where a run leaves its case: asked for by the runner through the environment, written by the session.

The closing cell writes it; a run that never gets there (an interrupted cell, a
kernel told to stop) writes what was read until then when the process ends.
"""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from typing import Any

from kuberunbooks.errors import RunbookError
from kuberunbooks.redaction import Redactor

from .case import CaseSource
from .case_writer import CaseWriter
from .recorder import RecordingSource
from .source import Source
from .transcripts import Transcript

CASE_OUT = "RUNBOOK_CASE_OUT"
"""Environment variable: the path of the case.zip to write; unset or empty, none is written."""


class CaseOutput:
    """The case a run writes, if it was asked to. `scope` says in the manifest what the run was about.

    `transcripts` are those that were given to the run and are to enter the case.
    """

    def __init__(self, redactor: Redactor, scope: dict[str, Any]) -> None:
        self.transcripts: list[Transcript] = []
        place = os.environ.get(CASE_OUT, "")
        self._path = Path(place) if place else None
        self._redactor = redactor
        self._scope = scope
        self._source: RecordingSource | CaseSource | None = None

    def attach(self, source: Source) -> Source:
        """The source to read from: a live one is recorded, a case is copied when the run ends."""
        if isinstance(source, CaseSource):
            self._redactor.reserve(source.manifest.redactions)
        if self._path is None:
            return source
        atexit.register(self.write)
        if isinstance(source, CaseSource):
            self._source = source
            return source
        self._source = RecordingSource(source)
        self._source.scope = self._scope
        return self._source

    def write(self) -> str:
        """Writes the case, once. Never raises: hands back why it could not be written, or empty text."""
        atexit.unregister(self.write)
        source, self._source = self._source, None
        if source is None or self._path is None:
            return ""
        try:
            if isinstance(source, CaseSource):
                CaseWriter(self._redactor).copy(self._path, source, self.transcripts)
            else:
                source.write(self._path, self._redactor, self.transcripts)
        except (OSError, RunbookError) as error:
            return f"{self._path.name} could not be written: {getattr(error, 'strerror', None) or error}"
        return ""
