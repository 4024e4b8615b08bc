"""What may not be read is unknown, never absent: each kind of resource refused in turn.

A refusal may cost detail. It never adds an alarm, and no text then says that something does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kuberunbooks import notebook
from kuberunbooks.findings import Finding
from kuberunbooks.guides import guide
from tests.support.api_server import serve_case

TARGETS = [
    ("pods", "crashloop", "deployment/payments"),
    ("pods", "crashloop", "pod/typo"),
    ("pods", "pending-volume", "pod/ledger"),
    ("pods", "pending-selector-taint", "pod/gpu-batch"),
    ("pods", "controllers", "deployment/api"),
    ("pods", "webhook", "deployment/uploads"),
    ("pods", "statefulsets", "pod/cache-1"),
    ("pods", "statefulsets", ""),
    ("pods", "config-missing", "pod/mailer"),
    ("pods", "eviction", "deployment/filler"),
    ("pods", "nodes", "pod/stranded"),
    ("pods", "probes", "deployment/gateway"),
    ("statefulsets", "statefulsets", ""),
    ("statefulsets", "statefulsets", "pod/cache-1"),
    ("init-containers", "init-containers", ""),
    ("init-containers", "init-containers", "pod/init-waits"),
    ("termination-messages", "termination-messages", ""),
    ("running-pods", "crashloop", "deployment/payments"),
    ("running-pods", "pending-resources", "deployment/reports"),
    ("services", "services", "service/wrong-selector"),
    ("services", "services", ""),
    ("services", "crashloop", "deployment/payments"),
    ("start-here", "crashloop", ""),
    ("cluster", "nodes", ""),
    ("cluster", "nodes", "node/worker-2"),
    ("cluster", "webhook", ""),
    ("resource-metrics", "autoscaling", ""),
    ("monitoring-tools", "autoscaling", ""),
    ("node-problems", "nodes", ""),
    ("audit", "healthy", ""),
    ("windows-networking", "nodes", ""),
    ("telepresence", "crashloop", ""),
    ("shell", "crashloop", "pod/typo"),
    ("ephemeral-debug", "crashloop", "pod/typo"),
    ("crictl", "nodes", ""),
]


def resources(name: str) -> list[str]:
    """What a guide may read beside the pods themselves: `deployments.apps`."""
    rights = {f"{resource}.{group}" if group else resource for _, group, resource in guide(name).rights}
    return sorted(rights - {"pods"})


CASES = [(runbook, name, target, kind) for runbook, name, target in TARGETS for kind in resources(runbook)]
# With less to go by the same trouble has a more general name.
GENERAL = {
    "StorageClassMissing": "UnboundPersistentVolumeClaim",
    "NoPersistentVolumeAvailable": "UnboundPersistentVolumeClaim",
}
_ABSENT = re.compile(
    r"[^;,.:()]*(?:do(?:es)? not exist|there (?:is|are) no|was never|nobody)[^;,.()]*", re.IGNORECASE
)


class Outcome(NamedTuple):
    """The serious codes of a run, and the clauses in it that claim that something is not there."""

    serious: set[str]
    absent: set[str]


def outcome(runbook: str, folder: Path, target: str, deny: list[str], config: Path) -> Outcome:
    """All steps of a guide against a server that refuses `deny`."""
    with serve_case(folder, deny=deny) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(server.kubeconfig(config)))
            session = notebook.open(runbook, namespace=folder.name, target=target)
        assert session.start.failure is None, session.start.failure
        for name in session.step_names:
            getattr(session, name)()
    failed = [f"{one.id}: {one.error}" for one in session.steps if one.status == "failed"]
    assert not failed, failed
    found: list[Finding] = [one for step in session.steps for one in step.findings]
    serious = [one for one in found if one.severity in ("critical", "warning")]
    said = {clause.strip() for one in serious for clause in _ABSENT.findall(one.summary)}
    return Outcome({one.code for one in serious}, said)


@pytest.fixture(scope="module")
def everything(incident: Callable[[str], Path], tmp_path_factory: Any) -> Callable[..., Outcome]:
    """What is found when everything may be read, once per guide and target."""
    known: dict[tuple[str, str, str], Outcome] = {}
    config = tmp_path_factory.mktemp("allowed") / "config"

    def run(runbook: str, name: str, target: str) -> Outcome:
        if (runbook, name, target) not in known:
            known[runbook, name, target] = outcome(runbook, incident(name), target, [], config)
        return known[runbook, name, target]

    return run


@pytest.mark.parametrize(("runbook", "name", "target", "resource"), CASES)
def test_a_refused_kind_adds_no_alarm_and_no_claim(
    runbook: str,
    name: str,
    target: str,
    resource: str,
    incident: Callable[[str], Path],
    everything: Callable[..., Outcome],
    tmp_path: Path,
) -> None:
    asked = {
        target.partition("/")[0],
        {"statefulsets": "statefulset", "services": "service"}.get(runbook, ""),
    }
    if resource.partition(".")[0].removesuffix("s") in asked:
        pytest.skip("a target that may not be read ends the run at once")
    allowed = everything(runbook, name, target)
    deny = [f"list {resource}", f"get {resource}"]
    refused = outcome(runbook, incident(name), target, deny, tmp_path / "config")
    general = {GENERAL.get(code, code) for code in allowed.serious}
    if resource == "nodes" and "PodUnschedulable" in allowed.serious:
        general.add("UntoleratedTaint")  # the scheduler's own word, which no list of nodes corrects
    assert refused.serious - {"PermissionDenied"} <= allowed.serious | general
    assert refused.absent <= allowed.absent
