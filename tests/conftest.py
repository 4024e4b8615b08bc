"""Shared fixtures: recorded incidents, and a guide run on one of them."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from kuberunbooks import notebook
from kuberunbooks.findings import Finding, headline

# The same examples everywhere: a run judges the change. HYPOTHESIS_PROFILE=default looks further.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

INCIDENTS = Path(__file__).parent / "incidents"


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`incident("crashloop")` is the folder of a recorded incident, unpacked once per test process."""
    root = tmp_path_factory.mktemp("incidents")

    def unpack(name: str) -> Path:
        if not (root / name).exists():
            with tarfile.open(INCIDENTS / f"{name}.tar.gz") as archive:
                # Python 3.11.2 of Debian 12 has no filters yet; the archives are our own.
                archive.extractall(root, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        return root / name

    return unpack


class Diagnosis:
    """A guide run on a case, step by step, without a notebook around it."""

    def __init__(
        self, case: Path, target: str, namespace: str, *, guide: str = "pods", **options: object
    ) -> None:
        self.session = notebook.open(guide, case=str(case), namespace=namespace, target=target, **options)
        assert self.session.start.failure is None, self.session.start.failure
        for name in self.session.step_names:
            getattr(self.session, name)()
        self.closing = self.session.summary().data
        self.steps = {step.id: step for step in self.session.steps}
        self.findings: list[Finding] = [one for step in self.session.steps for one in step.findings]
        self.headline = headline(self.findings)
        failed = [f"{step.id}: {step.error}" for step in self.session.steps if step.status == "failed"]
        assert not failed, failed

    def codes(self) -> set[str]:
        """All codes found."""
        return {one.code for one in self.findings}

    def serious(self) -> set[str]:
        """The critical and warning codes."""
        return {one.code for one in self.findings if one.severity in ("critical", "warning")}

    def one(self, code: str) -> Finding:
        """The only finding of that code."""
        found = [one for one in self.findings if one.code == code]
        assert len(found) == 1, (code, [item.code for item in self.findings])
        return found[0]


@pytest.fixture(scope="session")
def diagnose(incident: Callable[[str], Path]) -> Callable[..., Diagnosis]:
    """`diagnose("crashloop", "deployment/payments")`: all steps of a guide (`guide=`, else pods) on it."""

    def run(name: str, target: str = "", *, namespace: str = "", **options: object) -> Diagnosis:
        return Diagnosis(incident(name), target, namespace or name, **options)

    return run
