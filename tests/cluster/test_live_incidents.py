"""Every recorded pod incident, served over HTTP, gives the findings it gives as a case, within its budget."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.findings import Finding
from tests.support.api_server import serve_case

# Namespace of each incident that concerns pods; node-down is about the namespace healthy.
INCIDENTS = {
    name: {"node-down": "healthy"}.get(name, name)
    for name in sorted(
        path.name.removesuffix(".tar.gz") for path in Path(__file__).parents[1].glob("incidents/*")
    )
    if name not in ("audit", "services-nftables")
}
# What could not be read is refused by the server and not held by the case: said in other words.
ABOUT_READING = {"PermissionDenied", "EvidenceUnavailable", "AccessLimited", "AccessComplete"}
# A kubelet is not asked without need, but what a case holds of it is shown.
ABOUT_READING.add("KubeletMetricsOk")
MOST_REQUESTS = 12
# What a run on one pod may ask, of guides that show where the pods guide only judges.
OTHER_GUIDES = {
    "init-containers": (["init-containers", "config-missing", "healthy"], 16),
    "termination-messages": (["termination-messages", "crashloop", "jobs"], 12),
    "running-pods": (["probes", "statefulsets", "pending-resources", "debugging", "healthy"], 25),
    "statefulsets": (["statefulsets", "admission", "healthy"], 30),
    "services": (["services", "probes", "healthy"], 40),
}
# Guides that are not about one pod.
WIDE = [
    *(("start-here", name) for name in ("crashloop", "jobs", "nodes", "healthy")),
    *(("cluster", name) for name in ("nodes", "node-down", "webhook", "healthy")),
    *(("resource-metrics", name) for name in ("autoscaling", "healthy")),
    *(("monitoring-tools", name) for name in ("autoscaling", "healthy")),
    *(("node-problems", name) for name in ("nodes", "healthy")),
    ("audit", "healthy"),
    *(("windows-networking", name) for name in ("nodes", "healthy")),
    *(("telepresence", name) for name in ("crashloop", "healthy")),
    *((guide, name) for guide in ("shell", "ephemeral-debug") for name in ("crashloop", "healthy")),
    ("crictl", "healthy"),
]
ELSEWHERE = [(guide, name) for guide, (names, _) in OTHER_GUIDES.items() for name in names]


def run(guide: str = "pods", **parameters: Any) -> notebook.Session:
    """All steps of a guide, none of which may fail."""
    session = notebook.open(guide, **parameters)
    assert session.start.failure is None, session.start.failure
    for name in session.step_names:
        getattr(session, name)()
    failed = [f"{step.id}: {step.error}" for step in session.steps if step.status == "failed"]
    assert not failed, failed
    return session


def told(session: notebook.Session) -> list[Finding]:
    """The findings in an order that does not depend on times."""
    findings = [one for step in session.steps for one in step.findings if one.code not in ABOUT_READING]
    return sorted(findings, key=lambda one: repr(_identity(one)))


def _identity(one: Finding) -> tuple[Any, ...]:
    return (one.code, one.severity, one.subject, one.owner, one.count, one.total, sorted(one.facts))


def same(one: Any, other: Any) -> bool:
    """Equal, durations in seconds within ten: the live clock runs on while the recorded one stands still."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 10
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return bool(one == other)


@pytest.mark.parametrize(("guide", "name"), [*(("pods", name) for name in INCIDENTS), *ELSEWHERE, *WIDE])
def test_live_and_recorded_say_the_same(
    guide: str, name: str, incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, namespace = incident(name), INCIDENTS[name]
    if (guide, name) in WIDE:
        folder = with_all_namespaces(folder, tmp_path / name)
    recorded = run(guide, case=str(folder), namespace=namespace)
    # What commands printed no server serves: it is given as a person would give it.
    heard = {"transcripts": str(folder / "transcripts")} if (folder / "transcripts").exists() else {}
    with serve_case(folder, now=recorded.start.now) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        live = run(guide, context="test", namespace=namespace, **heard)
    assert [_identity(one) for one in told(live)] == [_identity(one) for one in told(recorded)]
    for one, other in zip(told(live), told(recorded), strict=True):
        for facts in (one.facts, other.facts):
            facts.pop("why_unknown", None)
            facts.pop("why", None)
            facts.pop("deeper", None)  # the command names the context, or the case
        assert same(one.facts, other.facts), (one.code, one.facts, other.facts)
    assert live.start.source.kind == "live"
    assert live.start.source.server_version == "v1.36.2"


def with_all_namespaces(folder: Path, copy: Path) -> Path:
    """The case as if it held all there is: to a server that lacks a namespace, all of them are refused."""
    shutil.copytree(folder, copy)
    path = copy / "api/v1/namespaces.json"
    listed = json.loads(path.read_bytes())
    held = {one.name for one in (copy / "api/v1/namespaces").iterdir()}
    listed["items"] = [one for one in listed["items"] if one["metadata"]["name"] in held]
    path.write_text(json.dumps(listed))
    return copy


def pods_of(folder: Path, namespace: str) -> list[str]:
    listed = json.loads((folder / f"api/v1/namespaces/{namespace}/pods.json").read_bytes())
    return [item["metadata"]["name"] for item in listed["items"]]


@pytest.mark.parametrize("name", INCIDENTS)
def test_one_pod_takes_at_most_twelve_requests(
    name: str, incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, namespace = incident(name), INCIDENTS[name]
    with serve_case(folder) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        for pod in pods_of(folder, namespace):
            server.requests.clear()
            session = run(namespace=namespace, target=f"pod/{pod}")
            asked = [f"{one.method} {one.path} {one.query}" for one in server.requests]
            assert len(asked) <= MOST_REQUESTS, asked
            assert session.summary().data.coverage.requests == len(asked)


@pytest.mark.parametrize(
    ("guide", "name"),
    # The pods of the other incidents belong to no StatefulSet, which that guide says at once.
    [one for one in ELSEWHERE if one[0] != "statefulsets" or one[1] == "statefulsets"],
)
def test_one_pod_takes_a_bounded_number_of_requests_in_every_guide(
    guide: str, name: str, incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, namespace = incident(name), INCIDENTS[name]
    with serve_case(folder) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        for pod in pods_of(folder, namespace):
            server.requests.clear()
            run(guide, namespace=namespace, target=f"pod/{pod}")
            asked = [f"{one.method} {one.path} {one.query}" for one in server.requests]
            assert len(asked) <= OTHER_GUIDES[guide][1], asked


@pytest.mark.parametrize(
    ("guide", "name"),
    [
        ("pods", "crashloop"),
        ("pods", "pending-resources"),
        ("running-pods", "pending-resources"),
        ("running-pods", "crashloop"),
        ("init-containers", "init-containers"),
        ("termination-messages", "termination-messages"),
        ("statefulsets", "statefulsets"),
        ("services", "services"),
    ],
)
def test_the_requests_for_one_pod_do_not_grow_with_the_cluster(
    guide: str, name: str, incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = incident(name), tmp_path / "large"
    shutil.copytree(small, large)
    for kind, path, copies in (
        ("pod", f"api/v1/namespaces/{name}/pods", 1500),
        ("node", "api/v1/nodes", 300),
        ("event", f"api/v1/namespaces/{name}/events", 1500),
    ):
        listed = json.loads((large / f"{path}.json").read_bytes())
        pattern = listed["items"][0]
        listed["items"] += [
            {
                **pattern,
                "metadata": {**pattern["metadata"], "name": f"{kind}-{number}", "uid": f"{kind}-{number}"},
                **(
                    {"involvedObject": {"kind": "Pod", "name": "x"}, "type": "Warning"}
                    if kind == "event"
                    else {}
                ),
            }
            for number in range(copies)
        ]
        (large / f"{path}.json").write_text(json.dumps(listed))
    counts = []
    for folder in (small, large):
        with serve_case(folder) as server:
            monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
            run(guide, namespace=name, target=f"pod/{pods_of(small, name)[-1]}")
            counts.append(server.count())
    assert counts[1] == counts[0] <= (MOST_REQUESTS if guide == "pods" else OTHER_GUIDES[guide][1])


@pytest.mark.cluster
@pytest.mark.skipif(os.environ.get("RUNBOOK_TEST_CLUSTER") != "1", reason="needs a real cluster")
@pytest.mark.parametrize("namespace", ["kube-system", "default", "-"])
def test_a_real_cluster_can_be_read(namespace: str) -> None:
    session = run(namespace=namespace)
    assert session.start.source.server_version.startswith("v1.")
    assert session.start.source.user
    closing = session.summary().data
    assert closing.coverage.requests > 0
    assert not [step.id for step in session.steps if step.status == "refused"]


@pytest.mark.cluster
@pytest.mark.skipif(os.environ.get("RUNBOOK_TEST_CLUSTER") != "1", reason="needs a real cluster")
def test_one_pod_of_a_real_cluster_takes_at_most_twelve_requests() -> None:
    everything = run(namespace="kube-system")
    assert everything._target is not None
    for pod in list(everything._target.pods)[:5]:
        session = run(namespace="kube-system", target=f"pod/{pod.name}")
        assert session.summary().data.coverage.requests <= MOST_REQUESTS
