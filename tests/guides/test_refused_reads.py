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

RESOURCES = sorted(
    {f"{resource}.{group}" if group else resource for _, group, resource in guide("pods").rights} - {"pods"}
)
TARGETS = [
    ("crashloop", "deployment/payments"),
    ("crashloop", "pod/typo"),
    ("pending-volume", "pod/ledger"),
    ("pending-selector-taint", "pod/gpu-batch"),
    ("controllers", "deployment/api"),
    ("webhook", "deployment/uploads"),
    ("statefulsets", "pod/cache-1"),
    ("statefulsets", ""),
    ("config-missing", "pod/mailer"),
    ("eviction", "deployment/filler"),
    ("nodes", "pod/stranded"),
    ("probes", "deployment/gateway"),
]
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


def outcome(folder: Path, target: str, deny: list[str], config: Path) -> Outcome:
    """All steps of the pods guide against a server that refuses `deny`."""
    with serve_case(folder, deny=deny) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(server.kubeconfig(config)))
            session = notebook.open("pods", namespace=folder.name, target=target)
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
def everything(incident: Callable[[str], Path], tmp_path_factory: Any) -> Callable[[str, str], Outcome]:
    """What is found when everything may be read, once per target."""
    known: dict[tuple[str, str], Outcome] = {}
    config = tmp_path_factory.mktemp("allowed") / "config"

    def run(name: str, target: str) -> Outcome:
        if (name, target) not in known:
            known[name, target] = outcome(incident(name), target, [], config)
        return known[name, target]

    return run


@pytest.mark.parametrize(("name", "target"), TARGETS)
@pytest.mark.parametrize("resource", RESOURCES)
def test_a_refused_kind_adds_no_alarm_and_no_claim(
    name: str,
    target: str,
    resource: str,
    incident: Callable[[str], Path],
    everything: Callable[[str, str], Outcome],
    tmp_path: Path,
) -> None:
    if target.partition("/")[0] == resource.partition(".")[0].removesuffix("s"):
        pytest.skip("a target that may not be read ends the run at once")
    allowed = everything(name, target)
    refused = outcome(incident(name), target, [f"list {resource}", f"get {resource}"], tmp_path / "config")
    general = {GENERAL.get(code, code) for code in allowed.serious}
    if resource == "nodes" and "PodUnschedulable" in allowed.serious:
        general.add("UntoleratedTaint")  # the scheduler's own word, which no list of nodes corrects
    assert refused.serious - {"PermissionDenied"} <= allowed.serious | general
    assert refused.absent <= allowed.absent
