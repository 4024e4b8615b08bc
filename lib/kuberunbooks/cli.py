"""The command `runbook`."""

from __future__ import annotations

import click


@click.group()
def main() -> None:
    """Kubernetes incident runbooks."""
