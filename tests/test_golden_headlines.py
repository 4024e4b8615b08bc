"""Every recorded incident gives the root cause a person found in it, and nothing that is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest


class Golden(NamedTuple):
    """What a correct report of one target must say: the headline's code, and words its sentence must hold."""

    incident: str
    target: str
    code: str
    words: tuple[str, ...]
    namespace: str = ""


GOLDEN = [
    Golden(
        "pending-resources", "deployment/reports", "InsufficientCpu", ("cpu", "900m", "deployment/reports")
    ),
    Golden("pending-selector-taint", "pod/trainer", "NodeSelectorMismatch", ("accelerator=a100",)),
    Golden("pending-selector-taint", "pod/gpu-batch", "InsufficientExtendedResource", ("nvidia.com/gpu",)),
    Golden("pending-selector-taint", "pod/gated", "SchedulingGatesPresent", ("example.com/quota-review",)),
    Golden("pending-hostport", "deployment/edge", "HostPortConflict", ("18080",)),
    Golden("pending-volume", "pod/ledger", "StorageClassMissing", ("premium-ssd", "ledger-data")),
    Golden("image-pull", "deployment/storefront", "ImageRegistryUnreachable", ("registry.shop.test",)),
    Golden("image-pull", "pod/badname", "ImageNameInvalid", ()),
    Golden("image-pull", "pod/neverpull", "ImageNeverPullMissing", ("Never",)),
    Golden("crashloop", "deployment/payments", "ContainerExitedError", ("3", "migration 0042 missing")),
    Golden("crashloop", "pod/typo", "CommandNotFound", ("/bin/servr",)),
    Golden("crashloop", "pod/done-too-soon", "CommandExitsImmediately", ("0",)),
    Golden("oom", "deployment/indexer", "ContainerOomKilled", ("64Mi",)),
    Golden("probes", "deployment/gateway", "LivenessProbeFailing", ("8080", "refused")),
    Golden("probes", "deployment/catalog", "ReadinessProbeFailing", ("/healthz", "404")),
    Golden("probes", "pod/slowstart", "StartupProbeFailing", ()),
    Golden("config-missing", "pod/mailer", "ContainerConfigMissing", ("SMTP_PORT", "mailer-config")),
    Golden("config-missing", "pod/vault-client", "VolumeMountFailed", ("vault-approle",)),
    Golden("config-missing", "pod/rooted", "RunAsNonRootViolation", ("root",)),
    Golden("init-containers", "pod/init-fails", "InitCrashLoop", ("migrate", "4", "price")),
    Golden("init-containers", "pod/init-waits", "InitProgress", ("wait-for-queue",)),
    Golden("init-containers", "pod/init-image", "", ("tools",)),
    Golden("init-containers", "pod/init-never", "InitPodFailed", ("check",)),
    Golden("init-containers", "pod/sidecar-init", "ContainerExitedError", ("app",)),
    Golden("statefulsets", "pod/db-1", "ContainerExitedError", ("replica cannot reach primary",)),
    Golden("statefulsets", "statefulset/db", "ContainerExitedError", ("replica cannot reach primary",)),
    Golden("statefulsets", "pod/search-0", "", ("standard",)),
    Golden("statefulsets", "pod/cache-1", "PodFinalizerBlocked", ("example.com/drain",)),
    Golden(
        "controllers", "replicationcontroller/legacy", "QuotaNeedsResources", ("team-quota", "limits.cpu")
    ),
    Golden("controllers", "deployment/api", "ServiceAccountMissing", ("api-runner",)),
    Golden("controllers", "job/nightly-export", "JobBackoffLimitExceeded", ("cannot reach warehouse:5439",)),
    Golden("nodes", "pod/stranded", "NodeStatusUnknown", ("worker-2",)),
    Golden("node-down", "", "NodeStatusUnknown", ("lab-node-1",), "healthy"),
    Golden("node-down", "deployment/frontend", "NodeStatusUnknown", ("lab-node-1",), "healthy"),
    Golden("admission", "deployment/probe-agent", "PodSecurityDenied", ("restricted",)),
    Golden("admission", "statefulset/store", "LimitRangeViolation", ("64Mi", "128Mi")),
    Golden(
        "webhook", "deployment/uploads", "WebhookBackendDown", ("images.policy.example.com", "image-policy")
    ),
    Golden("eviction", "pod/scratch", "PodEvicted", ("10Mi",)),
    Golden("eviction", "deployment/filler", "PodPreempted", ("vip",)),
    Golden("jobs", "job/too-slow", "JobDeadlineExceeded", ("15",)),
    Golden("jobs", "cronjob/paused", "CronJobSuspended", ()),
    Golden("jobs", "cronjob/overlap", "JobBackoffLimitExceeded", ("75", "lock held by run 41")),
    Golden("jobs", "daemonset/collector", "ContainerExitedError", ("/var/run/collector.sock",)),
    Golden("termination-messages", "pod/many", "ContainerExitedError", ()),
]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden.incident}:{golden.target}")
def test_the_headline_is_the_root_cause(golden: Golden, diagnose: Callable[..., Any]) -> None:
    found = diagnose(golden.incident, golden.target, namespace=golden.namespace)
    assert found.headline is not None, found.codes()
    if golden.code:
        assert found.headline.code == golden.code, (found.headline.summary, found.serious())
    for word in golden.words:
        assert word in found.headline.summary, found.headline.summary


QUIET = [
    ("healthy", "", "healthy"),
    ("healthy", "deployment/frontend", "healthy"),
    ("healthy", "job/once", "healthy"),
    ("termination-messages", "pod/termination-demo", ""),
    ("eviction", "pod/vip", ""),
    ("statefulsets", "pod/db-0", ""),
    ("services", "deployment/hostnames", ""),
    ("autoscaling", "deployment/thumbs", ""),
    ("init-containers", "pod/init-waits", ""),
    ("pending-selector-taint", "pod/gated", ""),
]


@pytest.mark.parametrize(("name", "target", "namespace"), QUIET)
def test_what_is_well_raises_no_alarm(
    name: str, target: str, namespace: str, diagnose: Callable[..., Any]
) -> None:
    found = diagnose(name, target, namespace=namespace)
    assert found.serious() == set(), [(one.code, one.summary) for one in found.findings]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden.incident}:{golden.target}")
def test_every_finding_names_where_it_was_read_and_has_a_text(
    golden: Golden, diagnose: Callable[..., Any]
) -> None:
    found = diagnose(golden.incident, golden.target, namespace=golden.namespace)
    for one in found.findings:
        assert one.title != one.code, one.code
        assert one.summary, one.code
        assert "{{" not in one.summary + one.title + one.explanation, one
        if one.severity in ("critical", "warning"):
            assert one.evidence, one.code
            assert one.next, one.code
            assert all(step.why for step in one.next), one.code
            assert all(
                "'None'" not in step.command and "None" not in step.command.split() for step in one.next
            ), one.next


WHOLE_NAMESPACES = {
    "pending-resources": "InsufficientCpu",
    "pending-hostport": "HostPortConflict",
    "pending-volume": "StorageClassMissing",
    "oom": "ContainerOomKilled",
    "webhook": "WebhookBackendDown",
}


@pytest.mark.parametrize(("name", "code"), WHOLE_NAMESPACES.items())
def test_a_namespace_with_one_fault_gives_that_fault(
    name: str, code: str, diagnose: Callable[..., Any]
) -> None:
    assert diagnose(name).headline.code == code
