"""Kubernetes incident runbooks: the shared helper library behind the notebooks.

Layers, top to bottom, each importing only what is below it: cli; run, notebook;
guides, report; findings; cluster; redaction; objects; errors. `docs/design.md`
says why, import-linter enforces it.
"""

__version__ = "0.1.0"
