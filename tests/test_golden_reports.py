"""Recorded incidents through the real command: notebook, report, case, and the same again from that case."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

SCHEMA = json.loads(
    (Path(__file__).parent.parent / "docs" / "report.schema.json").read_text(encoding="utf-8")
)
RESULTS = ("report.html", "report.json", "summary.md", "notebook.ipynb", "case.zip")

INCIDENTS = [
    ("pods", "crashloop", "deployment/payments", "ContainerExitedError", "migration 0042 missing"),
    ("pods", "pending-volume", "pod/ledger", "StorageClassMissing", "premium-ssd"),
    ("pods", "webhook", "deployment/uploads", "WebhookBackendDown", "images.policy.example.com"),
    ("pods", "healthy", "", None, "Nothing wrong found"),
    ("statefulsets", "statefulsets", "db", "ContainerExitedError", "replica cannot reach primary"),
    ("init-containers", "init-containers", "pod/init-fails", "InitCrashLoop", "column price missing"),
    (
        "termination-messages",
        "termination-messages",
        "pod/many",
        "TerminationFailingContainer",
        "disk quota exceeded",
    ),
    ("running-pods", "probes", "deployment/gateway", "LivenessProbeFailing", "connection refused"),
    ("services", "services", "service/wrong-port", "ServiceTargetPortMismatch", "9376"),
    ("services", "services", "service/hostnames", "DnsServiceMissing", "DNS"),
    ("start-here", "crashloop", "", "CommandNotFound", "/bin/servr"),
    ("start-here", "healthy", "", None, "Nothing wrong found"),
    ("cluster", "nodes", "", "NodeStatusUnknown", "KernelDeadlock"),
    ("cluster", "webhook", "", "WebhookBackendDown", "images.policy.example.com"),
    ("resource-metrics", "autoscaling", "hpa/thumbs", "MetricsApiMissing", "metrics"),
    ("resource-metrics", "autoscaling", "hpa/ghost", "HpaTargetMissing", "no-such"),
    ("monitoring-tools", "autoscaling", "", "HpaMetricUnserved", "metrics"),
    ("node-problems", "nodes", "", "KernelDeadlock", "worker-2"),
    ("audit", "audit", "", "AuditRbacChanged", "temp-admin"),
    ("windows-networking", "nodes", "", "NodeStatusUnknown", "win-1"),
    ("windows-networking", "healthy", "", "NoWindowsNodes", "Windows"),
    ("telepresence", "healthy", "", "TrafficManagerMissing", "Telepresence"),
    ("ephemeral-debug", "debugging", "pod/ephemeral-demo", "DebugWayRecommended", "has no shell of its own"),
    ("shell", "debugging", "pod/ephemeral-demo", "ShellMissing", "sh is not in its image"),
    ("crictl", "debugging", "", "CrictlNotAsked", "crictl"),
]


def run(case: Path, namespace: str, target: str, out: Path, runbook: str = "pods") -> dict[str, Any]:
    """The report of a run, which must end well and hold to the schema."""
    done = subprocess.run(
        [sys.executable, "-m", "kuberunbooks.cli", "run", runbook, "--case", str(case), "--out", str(out),
         "-p", f"namespace={namespace}", "-p", f"target={target}"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads((out / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, SCHEMA)
    return report


@pytest.mark.parametrize(("runbook", "name", "target", "code", "words"), INCIDENTS)
def test_the_command_reports_the_cause_and_its_own_case_gives_the_same(
    runbook: str,
    name: str,
    target: str,
    code: str | None,
    words: str,
    incident: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    first = run(incident(name), name, target, tmp_path / "first", runbook)
    assert (first["headline"] or {"code": None})["code"] == code
    assert words in (tmp_path / "first" / "report.html").read_text(encoding="utf-8")
    assert words in (tmp_path / "first" / "summary.md").read_text(encoding="utf-8")
    assert all((tmp_path / "first" / file).stat().st_size for file in RESULTS)
    again = run(tmp_path / "first" / "case.zip", name, target, tmp_path / "again", runbook)
    for key in ("headline", "severity", "verdict", "findings"):
        assert again[key] == first[key], key


def test_the_secrets_of_an_incident_are_in_none_of_its_files(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    recorded = incident("crashloop")
    held = b"".join(path.read_bytes() for path in recorded.rglob("*") if path.is_file())
    secrets = (b"s3cr3tpw", b"hunter2-not-a-real-one")
    assert all(secret in held for secret in secrets)
    run(recorded, "crashloop", "", tmp_path / "out")
    written = [(tmp_path / "out" / file).read_bytes() for file in RESULTS[:-1]]
    with zipfile.ZipFile(tmp_path / "out" / "case.zip") as case:
        written += [case.read(name) for name in case.namelist()]
    assert not [secret for secret in secrets for body in written if secret in body]
