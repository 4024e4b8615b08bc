"""The termination-messages guide on recorded incidents: who failed, what it said, and no alarm besides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from kuberunbooks.cluster import Cluster


class Golden(NamedTuple):
    """What the headline of a target must be, and the words its sentence must hold."""

    incident: str
    target: str
    words: tuple[str, ...]
    code: str = "TerminationFailingContainer"
    severity: str = "critical"


GOLDEN = [
    Golden(
        "termination-messages",
        "pod/termination-demo",
        ("completed", "Sleep expired"),
        "TerminationMessageFound",
        "info",
    ),
    Golden(
        "termination-messages",
        "pod/many",
        (
            'custom-path exits with code 7, saying "disk quota exceeded"',
            'fallback exits with code 2, saying "panic: nil map"',
            "huge exits with code 9",
            "message cut at 3072 bytes",
            "silent exits with code 1 (no message",
        ),
    ),
    Golden(
        "crashloop",
        "deployment/payments",
        ("Container app of both pods", "code 3", "migration 0042 missing", "4 restarts"),
    ),
    Golden("crashloop", "pod/typo", ("never ran", "/bin/servr", "no such file or directory")),
    Golden("crashloop", "pod/done-too-soon", ("without an error", "exit code 0", "started again each time")),
    Golden("oom", "deployment/indexer", ("killed for memory", "137", "no message")),
    Golden("probes", "deployment/gateway", ("liveness probe failed", "exit code 0")),
    Golden("probes", "pod/slowstart", ("startup probe failed", "137")),
    Golden("jobs", "cronjob/overlap", ("code 75", "lock held by run 41")),
    Golden("jobs", "daemonset/collector", ("code 1", "/var/run/collector.sock")),
    Golden("controllers", "job/nightly-export", ("both pods", "cannot reach warehouse:5439")),
    Golden("controllers", "deployment/api", ("no pods",), "TerminationNone", "info"),
    Golden("init-containers", "pod/init-fails", ("Init container migrate", "code 4", "column price missing")),
    Golden("init-containers", "pod/init-never", ("Init container check", "code 2", "log is empty")),
    Golden("init-containers", "pod/sidecar-init", ("Container app", "code 1")),
    Golden("init-containers", "pod/init-waits", ("has ended",), "TerminationNone", "info"),
    Golden("statefulsets", "pod/db-1", ("Container pg", "code 1", "replica cannot reach primary")),
    Golden("statefulsets", "statefulset/db", ("1 of 3 pods", "replica cannot reach primary")),
    Golden("eviction", "pod/scratch", ("evicted", "10Mi"), "PodEvicted"),
]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden.incident}:{golden.target}")
def test_the_headline_says_who_failed_and_what_it_said(golden: Golden, diagnose: Callable[..., Any]) -> None:
    found = diagnose(golden.incident, golden.target, guide="termination-messages")
    assert found.headline is not None, found.codes()
    assert (found.headline.code, found.headline.severity) == (golden.code, golden.severity)
    for words in golden.words:
        assert words in found.headline.summary


@pytest.mark.parametrize("target", ["", "deployment/frontend", "frontend", "job/once", "app=frontend"])
def test_what_is_healthy_gives_no_alarm(target: str, diagnose: Callable[..., Any]) -> None:
    assert diagnose("healthy", target, guide="termination-messages").serious() == set()


@pytest.mark.parametrize(
    ("name", "target"),
    [("init-containers", "pod/init-waits"), ("statefulsets", "pod/cache-1"), ("debugging", "")],
)
def test_what_has_not_failed_by_a_container_gives_no_alarm(
    name: str, target: str, diagnose: Callable[..., Any]
) -> None:
    assert diagnose(name, target, guide="termination-messages").serious() == set()


def test_each_container_of_the_pod_with_four_is_told_apart(diagnose: Callable[..., Any]) -> None:
    found = diagnose("termination-messages", "pod/many", guide="termination-messages")
    assert found.one("TerminationPathCustom").summary.endswith(
        "/tmp/my-log, and its message came from there."
    )
    from_log = found.one("TerminationMessageFromLogs")
    assert (from_log.subject.container, from_log.facts["lines"], from_log.facts["size"]) == (
        "fallback",
        80,
        641,
    )
    assert found.one("TerminationMessageEmptyOnError").subject.container == "silent"
    assert found.one("TerminationFallbackSuggested").subject.container == "silent"
    assert found.one("TerminationLimitReduced").facts["limit"] == 3072
    cut = {one.subject.container: one for one in found.findings if one.code == "TerminationMessageTruncated"}
    assert set(cut) == {"fallback", "huge"}
    assert cut["fallback"].confidence == "confirmed"
    assert "last 80 lines (641 bytes) of a log of 101 lines" in cut["fallback"].summary
    assert 'what was cut off says "panic: nil map"' in cut["fallback"].summary
    assert ("line 1", "panic: nil map") in [(cited.path, cited.value) for cited in cut["fallback"].evidence]
    assert cut["huge"].confidence == "likely"
    assert "shared equally by its 4 containers" in cut["huge"].explanation
    assert "3072 bytes for each" in cut["huge"].explanation


def test_the_sound_sidecar_is_said_to_be_sound(diagnose: Callable[..., Any]) -> None:
    one = diagnose("crashloop", "deployment/payments", guide="termination-messages").headline
    assert one.facts["sound"] == ["sidecar"]
    assert "sidecar of the same pod runs and is ready" in one.explanation


def test_secrets_appear_nowhere(diagnose: Callable[..., Any]) -> None:
    found = diagnose("crashloop", guide="termination-messages")
    written = msgspec.json.encode(found.session.steps)
    assert b"migration 0042 missing" in written
    assert not [secret for secret in (b"s3cr3tpw", b"hunter2-not-a-real-one") if secret in written]


def test_it_agrees_with_the_pods_runbook_on_how_bad_it_is(diagnose: Callable[..., Any]) -> None:
    for golden in GOLDEN:
        if golden.code == "TerminationFailingContainer":
            other = diagnose(golden.incident, golden.target).headline
            assert other.severity == golden.severity, golden


def test_one_pod_costs_few_requests(diagnose: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, bool]] = []
    log = Cluster.log

    def counted(self: Cluster, pod: Any, container: str, **options: Any) -> Any:
        asked.append((pod.name, container, options.get("previous", False)))
        return log(self, pod, container, **options)

    monkeypatch.setattr(Cluster, "log", counted)
    diagnose("termination-messages", "pod/many", guide="termination-messages")
    assert sorted({container for _, container, _ in asked}) == ["fallback", "silent"]
    asked.clear()
    diagnose("crashloop", "deployment/payments", guide="termination-messages")
    assert asked == [], "a message the application wrote needs no log"
