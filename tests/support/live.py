"""Opening a live source on a test server, with limits that fit a test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kuberunbooks.cluster.live import LiveSource
from kuberunbooks.cluster.transport import Limits
from tests.support.api_server import ApiServer

FAST = Limits(connect=5.0, read=10.0, total=20.0, waits=(0.01, 0.02, 0.03))
"""Limits that a busy machine keeps; retries without pauses."""

HASTY = FAST._replace(read=0.5, total=1.5)
"""Limits for a server that is too slow on purpose."""


def open_live(api: ApiServer, folder: Path, *, limits: Limits = FAST, **kubeconfig: Any) -> LiveSource:
    """A LiveSource for the server, through a kubeconfig written into `folder`."""
    before = os.environ.get("KUBECONFIG")
    os.environ["KUBECONFIG"] = str(api.kubeconfig(folder / "kubeconfig", **kubeconfig))
    try:
        return LiveSource(limits=limits)
    finally:
        if before is None:
            del os.environ["KUBECONFIG"]
        else:
            os.environ["KUBECONFIG"] = before
