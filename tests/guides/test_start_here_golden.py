"""The first look at the recorded incidents: the cause leads, everything that is wrong has its row."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kuberunbooks import notebook
from kuberunbooks.findings import Table
from kuberunbooks.guides import guides
from tests.conftest import Diagnosis


class Incident(NamedTuple):
    """What a person found: the causes of which one must lead, and what must stand in the tables.

    `elsewhere` are causes of the whole cluster, where it is more than the namespace.
    """

    causes: tuple[str, ...]
    rows: tuple[str, ...]
    namespace: str = ""
    elsewhere: tuple[str, ...] = ()


SERVICES = Incident(
    (
        "ServiceNamedPortMissing",
        "ServiceSelectorMatchesNothing",
        "ServiceTargetPortMismatch",
        "ServiceProtocolMismatch",
    ),
    (
        "NetworkPolicy only-frontend",
        "service/kube-dns",
        "service/wrong-selector",
        "service/wrong-port",
        "service/wrong-port-name",
        "service/no-selector",
        "service/lb",
        "service/udp-mismatch",
    ),
)
INCIDENTS = {
    "pending-resources": Incident(("InsufficientCpu",), ("deployment/reports",)),
    "pending-selector-taint": Incident(
        ("NodeSelectorMismatch", "InsufficientExtendedResource"),
        ("pod/trainer", "pod/gpu-batch", "pod/gated"),
    ),
    "pending-hostport": Incident(("HostPortConflict",), ("deployment/edge",)),
    "pending-volume": Incident(("StorageClassMissing",), ("pod/ledger",)),
    "image-pull": Incident(
        ("ImageRegistryUnreachable", "ImageNameInvalid", "ImageNeverPullMissing"),
        ("deployment/storefront", "pod/badname", "pod/neverpull"),
    ),
    "crashloop": Incident(
        ("ContainerExitedError", "CommandNotFound", "CommandExitsImmediately"),
        ("deployment/payments", "pod/typo", "pod/done-too-soon"),
    ),
    "oom": Incident(("ContainerOomKilled",), ("deployment/indexer",)),
    "probes": Incident(
        ("LivenessProbeFailing", "ReadinessProbeFailing", "StartupProbeFailing"),
        ("deployment/gateway", "deployment/catalog", "pod/slowstart"),
    ),
    "config-missing": Incident(
        ("ContainerConfigMissing", "VolumeMountFailed", "RunAsNonRootViolation"),
        ("pod/mailer", "pod/vault-client", "pod/rooted"),
    ),
    "init-containers": Incident(
        ("InitCrashLoop", "InitPodFailed"),
        ("pod/init-fails", "pod/init-waits", "pod/init-image", "pod/init-never", "pod/sidecar-init"),
    ),
    "termination-messages": Incident(("ContainerExitedError",), ("pod/many",)),
    "services": SERVICES,
    "services-nftables": SERVICES._replace(namespace="services"),
    "statefulsets": Incident(
        ("ContainerExitedError", "PodFinalizerBlocked", "NoPersistentVolumeAvailable"),
        ("statefulset/db", "statefulset/search", "statefulset/cache", "search-missing"),
    ),
    "controllers": Incident(
        ("QuotaNeedsResources", "ServiceAccountMissing", "JobBackoffLimitExceeded"),
        ("replicationcontroller/legacy", "deployment/api", "job/nightly-export"),
    ),
    "debugging": Incident(
        ("DebugPodLeftBehind", "EphemeralLeftBehind"),
        ("ephemeral-demo", "myapp", "node-debugger"),
        elsewhere=("NodeStatusUnknown",),
    ),
    "nodes": Incident(("NodeStatusUnknown",), ("node/worker-2",)),
    "node-down": Incident(("NodeStatusUnknown",), ("node/lab-node-1",), "healthy"),
    "admission": Incident(
        ("PodSecurityDenied", "LimitRangeViolation"), ("deployment/probe-agent", "statefulset/store")
    ),
    "webhook": Incident(("WebhookBackendDown",), ("deployment/uploads",)),
    "autoscaling": Incident(("HpaTargetMissing", "HpaMissingRequests"), ("thumbs", "ghost")),
    "eviction": Incident(("PodEvicted", "PodPreempted"), ("pod/scratch", "deployment/filler")),
    "jobs": Incident(
        ("JobDeadlineExceeded", "JobBackoffLimitExceeded", "ContainerExitedError"),
        ("job/too-slow", "cronjob/paused", "cronjob/overlap", "daemonset/collector"),
    ),
}


def tables(found: Diagnosis) -> list[Table]:
    """The tables of the sweep."""
    return [one for one in found.steps["OV-05"].exhibits if isinstance(one, Table)]


def text_of(found: Diagnosis) -> str:
    return "\n".join(" | ".join(row) for table in tables(found) for row in table.rows)


@pytest.mark.parametrize("name", INCIDENTS)
def test_a_cause_leads_and_everything_wrong_in_the_namespace_has_its_row(
    name: str, diagnose: Callable[..., Any]
) -> None:
    wanted = INCIDENTS[name]
    found = diagnose(name, namespace=wanted.namespace, guide="start-here")
    assert found.headline is not None
    assert found.headline.code in wanted.causes, found.headline.summary
    assert [row for row in wanted.rows if row not in text_of(found)] == []


@pytest.mark.parametrize("name", INCIDENTS)
def test_so_it_is_when_the_whole_cluster_is_looked_at(name: str, diagnose: Callable[..., Any]) -> None:
    wanted = INCIDENTS[name]
    found = diagnose(name, namespace="-", guide="start-here")
    assert found.headline is not None
    assert found.headline.code in (wanted.elsewhere or wanted.causes), found.headline.summary
    assert [row for row in wanted.rows if row not in text_of(found)] == []


@pytest.mark.parametrize("name", INCIDENTS)
def test_every_row_names_a_runbook_that_finds_what_it_is_sent_to(
    name: str, diagnose: Callable[..., Any], incident: Callable[[str], Path]
) -> None:
    found = diagnose(name, namespace=INCIDENTS[name].namespace, guide="start-here")
    commands = {row[-1] for table in tables(found) for row in table.rows}
    assert commands
    for command in commands:
        program, verb, runbook, *options = shlex.split(command)
        assert (program, verb) == ("runbook", "run")
        assert runbook in guides()
        given = dict(zip(options[::2], options[1::2], strict=True))
        assert given["--case"] == "case.zip"
        target = given.get("-p", "").removeprefix("target=")
        session = notebook.open(
            runbook, case=str(incident(name)), namespace=given.get("-n", "default"), target=target
        )
        assert session.start.failure is None, (command, session.start.failure)


def test_a_row_is_told_by_the_runbook_it_is_sent_to_as_well(
    diagnose: Callable[..., Any], incident: Callable[[str], Path]
) -> None:
    found = diagnose("crashloop", guide="start-here")
    for one in found.steps["OV-05"].findings:
        *_, target = shlex.split(one.facts["deeper"])
        closer = Diagnosis(incident("crashloop"), target.removeprefix("target="), "crashloop")
        assert closer.headline is not None
        assert closer.headline.code == one.code


def test_healthy_is_silent_in_its_namespace_and_in_the_whole_cluster(diagnose: Callable[..., Any]) -> None:
    for namespace in ("healthy", "-"):
        found = diagnose("healthy", namespace=namespace, guide="start-here")
        assert found.serious() == set(), [(one.code, one.summary) for one in found.findings]
        assert found.headline is None
        assert tables(found) == []
        assert found.one("TriageApplication")


@pytest.mark.parametrize("name", ["termination-messages", "services", "crashloop", "nodes"])
def test_every_finding_has_its_texts_evidence_and_next_steps(name: str, diagnose: Callable[..., Any]) -> None:
    found = diagnose(name, namespace="-", guide="start-here")
    for one in found.findings:
        assert one.title != one.code, one.code
        assert one.summary, one.code
        assert "{{" not in one.summary + one.title + one.explanation, one
        if one.severity in ("critical", "warning"):
            assert one.evidence, one.code
            assert one.next, one.code


def test_a_finding_of_the_sweep_begins_with_the_runbook_that_looks_closer(
    diagnose: Callable[..., Any],
) -> None:
    found = diagnose("statefulsets", guide="start-here")
    for one in found.steps["OV-05"].findings:
        assert one.next[0].command.startswith(
            "runbook run statefulsets --case case.zip -n statefulsets -p target="
        )


def test_a_cause_is_told_once_and_what_it_explains_is_not(diagnose: Callable[..., Any]) -> None:
    found = diagnose("node-down", namespace="healthy", guide="start-here")
    assert [one.code for one in found.steps["OV-05"].findings] == ["NodeStatusUnknown"]
    rows = tables(found)[0].rows
    assert len(rows) == 1


def test_the_secrets_of_an_incident_are_nowhere(diagnose: Callable[..., Any]) -> None:
    found = diagnose("crashloop", guide="start-here")
    shown = repr(found.session.steps) + repr(found.closing)
    assert "s3cr3tpw" not in shown
    assert "hunter2-not-a-real-one" not in shown


def test_a_namespace_that_does_not_exist_is_said_and_looked_for_elsewhere(
    diagnose: Callable[..., Any],
) -> None:
    found = diagnose("crashloop", namespace="crashlop", guide="start-here")
    assert found.headline.code == "NamespaceMissing"
    assert "runbook run start-here --case case.zip -n -" in text_of(found)


def test_one_workload_is_looked_at_with_its_services(diagnose: Callable[..., Any]) -> None:
    found = diagnose("probes", "deployment/catalog", guide="start-here")
    assert found.headline.code == "ReadinessProbeFailing"
    assert "gateway" not in text_of(found)
