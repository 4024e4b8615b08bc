"""Executed notebooks as the session leaves them, built by hand: what the report is tested on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from kuberunbooks.cluster import Coverage, EventWindow, Origin, Refusal
from kuberunbooks.findings import (
    RUN_MIME,
    STEP_MIME,
    SUMMARY_MIME,
    Bar,
    Bars,
    Column,
    Document,
    Finding,
    Hop,
    Lines,
    LogExcerpt,
    LogLine,
    Mark,
    Moment,
    NextStep,
    Note,
    Route,
    RunStart,
    Series,
    StepResult,
    Subject,
    Summary,
    Table,
    Threshold,
)
from kuberunbooks.objects import Evidence

NOW = datetime(2026, 11, 23, 14, 22, 40, tzinfo=UTC)
PODS = "api/v1/namespaces/shop/pods"
PARAMETERS = {
    "context": "",
    "case": "incident-4711.zip",
    "namespace": "shop",
    "target": "deployment/web",
    "since": "1h",
    "allow_actions": False,
    "interactive": False,
    "language": "en",
    "alert_time": "2026-11-23T14:06:00Z",
}


def before(minutes: float) -> datetime:
    """That long before the moment of the evidence."""
    return NOW - timedelta(minutes=minutes)


def usage_of_nodes() -> Bars:
    """Bars with marks, one of them over everything, one without marks."""
    return Bars(
        caption="Memory of the nodes, of what pods may use",
        marks=["requested", "limits"],
        bars=[
            Bar(
                label="worker-1",
                value=14.5,
                full=15.0,
                text="14.5 of 15 GiB, 97 %",
                marks=[9.0, 22.0],
                level="critical",
            ),
            Bar(
                label="worker-2.eu-central-1.compute.internal",
                value=6.0,
                full=15.0,
                text="6 of 15 GiB, 40 %",
                marks=[12.0, None],
            ),
            Bar(label="worker-3<b>", value=0.0, full=15.0, text="unknown"),
        ],
        omitted=4,
    )


def memory_over_time() -> Lines:
    """Two lines, one with a gap, a limit and the alert."""
    start = before(60).timestamp()
    climbing = [(start + 60 * i, 1e6 * (100 + 2.4 * i) if not 20 < i < 26 else None) for i in range(60)]
    flat = [(start + 60 * i, 40e6 + (i % 5) * 1e6) for i in range(60)]
    return Lines(
        caption="Memory of pod web-6d5f7c9b8-x2x4l (working set)",
        unit="bytes",
        series=[Series(name="app", points=climbing), Series(name="side<car>", points=flat)],
        thresholds=[Threshold(label="limit", value=256 * 1024 * 1024)],
        moments=[Moment(label="alert", at=before(16.5))],
    )


def route() -> Route:
    """The way of a request, with every state a hop may have."""
    return Route(
        caption="The way of a request",
        hops=[
            Hop(label="Client", name="pod/client", state="ok"),
            Hop(label="DNS"),
            Hop(label="Service", name="web-with-a-rather-long-name-as-people-give-them", state="warning"),
            Hop(label="Pods", name="deployment/web", state="critical", says="none is ready"),
        ],
    )


def change() -> Document:
    """What a rollout changed, as a difference."""
    text = "--- revision 3\n+++ revision 4\n@@ -1 +1 @@\n-  memory: 128Mi\n+  memory: 64Mi\n   cpu: 1"
    return Document(caption="Revision 3 against 4", form="diff", text=text)


def killed_for_memory() -> Finding:
    """The headline of the incident: two of three pods killed at their memory limit."""
    return Finding(
        code="ContainerOomKilled",
        severity="critical",
        subject=Subject(kind="Pod", namespace="shop", name="web-6d5f7c9b8-x2x4l", container="app"),
        facts={"limit": "64Mi", "times": 9},
        evidence=[
            Evidence(
                f"{PODS}#web-6d5f7c9b8-x2x4l",
                "status.containerStatuses[0].lastState.terminated.reason",
                "OOMKilled",
            ),
            Evidence(f"{PODS}#web-6d5f7c9b8-x2x4l", "spec.containers[0].resources.limits['memory']", "64Mi"),
        ],
        since=before(20),
        guide="pods",
        step="DP-09",
        owner="deployment/web",
        count=2,
        total=3,
        affected=["web-6d5f7c9b8-x2x4l", "web-6d5f7c9b8-zw9kp"],
        title="Killed for memory at its limit",
        summary="Container app of 2 of 3 pods of deployment/web is killed for memory at its 64Mi limit, "
        "9 times in the last 20 minutes.",
        explanation="The kernel ends a process that asks for more than `resources.limits.memory`. The "
        "container starts again and meets the same limit.",
        next=[
            NextStep(
                why="See what it did before it was killed",
                command="kubectl logs web-6d5f7c9b8-x2x4l -c app -n shop --previous --tail=50",
            ),
            NextStep(
                why="Go back to the revision that fitted, if this came with the rollout",
                command="kubectl rollout undo deployment/web -n shop",
                changes=True,
            ),
            NextStep(
                why="Give it more memory, if the need is real",
                command="kubectl set resources deployment/web -c app --limits=memory=128Mi -n shop",
                changes=True,
            ),
        ],
        upstream="https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/",
        observed_at=NOW,
    )


def crash_loop() -> Finding:
    """A wrapper: says that, not why; the memory explains it."""
    return Finding(
        code="CrashLoop",
        severity="critical",
        subject=Subject(kind="Pod", namespace="shop", name="web-6d5f7c9b8-x2x4l", container="app"),
        evidence=[
            Evidence(
                f"{PODS}#web-6d5f7c9b8-x2x4l",
                "status.containerStatuses[0].state.waiting.reason",
                "CrashLoopBackOff",
            )
        ],
        since=before(18),
        guide="pods",
        step="DP-09",
        owner="deployment/web",
        count=2,
        total=3,
        affected=["web-6d5f7c9b8-x2x4l", "web-6d5f7c9b8-zw9kp"],
        title="Keeps crashing",
        summary="Container app of 2 of 3 pods of deployment/web keeps crashing; "
        "the kubelet waits longer each time.",
        explanation="The cause is another finding.",
        next=[
            NextStep(
                why="Watch the restarts", command="kubectl get pods -n shop -l app=web --watch", changes=False
            )
        ],
        observed_at=NOW,
    )


def readiness_failing() -> Finding:
    """A second cause on another pod."""
    return Finding(
        code="ReadinessProbeFailing",
        severity="warning",
        subject=Subject(kind="Pod", namespace="shop", name="web-6d5f7c9b8-q8s7d", container="app"),
        evidence=[
            Evidence(
                "api/v1/namespaces/shop/events#web-6d5f7c9b8-q8s7d.18a1",
                "message",
                "Readiness probe failed: Get "
                '"http://10.244.1.17:8080/healthz": dial tcp 10.244.1.17:8080: connect: connection refused',
            )
        ],
        confidence="likely",
        since=before(6),
        guide="pods",
        step="DP-09",
        owner="deployment/web",
        total=3,
        affected=["web-6d5f7c9b8-q8s7d"],
        title="Readiness probe finds nobody listening on port 8080",
        summary="Container app of 1 of 3 pods of deployment/web does not answer "
        "its readiness probe on port 8080.",
        explanation="The pod runs, but its Service sends it no traffic.",
        next=[
            NextStep(
                why="See what it listens on",
                command="kubectl logs web-6d5f7c9b8-q8s7d -c app -n shop --tail=50",
            )
        ],
        observed_at=NOW,
    )


def disruption_budget() -> Finding:
    """Only worth knowing."""
    return Finding(
        code="DisruptionBudgetExhausted",
        severity="info",
        subject=Subject(kind="PodDisruptionBudget", namespace="shop", name="web"),
        evidence=[
            Evidence(
                "apis/policy/v1/namespaces/shop/poddisruptionbudgets#web", "status.disruptionsAllowed", "0"
            )
        ],
        guide="pods",
        step="DP-11",
        title="A drain would hang: poddisruptionbudget/web allows no disruption",
        summary="poddisruptionbudget/web allows no disruption while these pods are not ready; "
        "a node drain would hang.",
        observed_at=NOW,
    )


def excerpt() -> LogExcerpt:
    """A log with a gap, a marked line and a repeat."""
    lines = [
        LogLine(number=12391 + at, text=f'level=info msg="cache warm" entries={at * 4000}') for at in range(3)
    ]
    lines += [
        LogLine(number=12425, text='level=error msg="cache over budget" used=61.8Mi limit=64Mi', marked=True),
        LogLine(number=12426, text='level=info msg="loading catalogue page"', repeats=5),
        LogLine(number=12431, text="runtime: out of memory: cannot allocate 8388608-byte block", marked=True),
    ]
    return LogExcerpt(
        source="logs/shop/web-6d5f7c9b8-x2x4l/app.previous.log",
        caption="Last run of container app in web-6d5f7c9b8-x2x4l",
        lines=lines,
        total_lines=12431,
        note="Lines that look like the cause are marked.",
    )


def steps() -> list[StepResult]:
    """The steps of the incident, as a guide would leave them."""
    quiet = [
        ("DP-02", "scheduling", "Is every pod on a node?"),
        ("DP-03", "resources", "Is there room for what the pods ask for?"),
        ("DP-05", "placement", "May the pods go where there is room?"),
        ("DP-06", "images", "Can every image be pulled?"),
        ("DP-07", "waiting", "Can every container be created and started?"),
        ("DP-08", "terminating", "Does anything hang while it is deleted?"),
    ]
    overall = StepResult(
        id="DP-01",
        name="overall",
        title="What state are the pods in?",
        question="Are all containers running, and has anything restarted lately?",
        status="info",
        verdict="3 pods, 1 running and ready",
        seconds=0.0041,
        exhibits=[
            Table(
                caption="Pods as kubectl prints them",
                columns=[
                    Column(name="NAME"),
                    Column(name="READY"),
                    Column(name="STATUS"),
                    Column(name="RESTARTS", numeric=True),
                    Column(name="AGE", numeric=True),
                    Column(name="NODE"),
                ],
                rows=[
                    ["web-6d5f7c9b8-x2x4l", "0/1", "CrashLoopBackOff", "5", "21m", "worker-2"],
                    ["web-6d5f7c9b8-zw9kp", "0/1", "OOMKilled", "4", "21m", "worker-1"],
                    ["web-6d5f7c9b8-q8s7d", "0/1", "Running", "0", "7m", "worker-3"],
                ],
                omitted=2,
            ),
        ],
    )
    crashes = StepResult(
        id="DP-09",
        name="crashes",
        title="Why do containers end?",
        question="What ended them, and what did they say before?",
        status="critical",
        verdict="Killed for memory at its limit",
        seconds=0.0213,
        findings=[killed_for_memory(), crash_loop(), readiness_failing()],
        exhibits=[
            excerpt(),
            Note(text="The log of `web-6d5f7c9b8-zw9kp` is alike and was not read."),
            route(),
            usage_of_nodes(),
            memory_over_time(),
            change(),
        ],
        upstream="https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/",
    )
    workloads = StepResult(
        id="DP-11",
        name="workloads",
        title="Does the workload get its pods?",
        status="info",
        verdict="A drain would hang",
        findings=[disruption_budget()],
    )
    refused = StepResult(
        id="DP-04",
        name="host_ports",
        title="Do host ports limit the pods?",
        status="refused",
        verdict="Not permitted: list nodes",
        error="nodes is forbidden: User sre cannot list resource nodes",
    )
    return [
        overall,
        *(
            StepResult(
                id=id_, name=name, title=title, verdict="Nothing wrong found", seconds=0.0012, question=title
            )
            for id_, name, title in quiet[:2]
        ),
        refused,
        *(
            StepResult(id=id_, name=name, title=title, verdict="Nothing wrong found")
            for id_, name, title in quiet[2:]
        ),
        crashes,
        StepResult(
            id="DP-10",
            name="manifest",
            title="Is it what was asked for?",
            status="skipped",
            verdict="No manifest given",
        ),
        workloads,
    ]


def marks() -> list[Mark]:
    """Three pods over twenty minutes."""
    one, two, three = "pod/web-6d5f7c9b8-x2x4l", "pod/web-6d5f7c9b8-zw9kp", "pod/web-6d5f7c9b8-q8s7d"
    found = [Mark(lane="deployment/web", at=before(21), kind="change", text="rolled out revision 7")]
    found += [
        Mark(lane=one, at=before(at), kind="restart", text="app killed for memory", severity="critical")
        for at in (20, 18.5, 16, 11, 4)
    ]
    found += [
        Mark(lane=two, at=before(at), kind="restart", text="app killed for memory", severity="critical")
        for at in (19.6, 17, 13, 8)
    ]
    found += [
        Mark(
            lane=one,
            at=before(15),
            kind="event",
            text="Back-off restarting failed container",
            severity="warning",
            count=31,
            until=before(1),
        ),
        Mark(
            lane=two,
            at=before(19),
            kind="condition",
            text="Ready=False: containers with unready status: [app]",
            severity="warning",
        ),
        Mark(lane=three, at=before(7), kind="event", text="Scheduled to worker-3"),
        Mark(
            lane=three,
            at=before(6),
            kind="event",
            text="Readiness probe failed: connection refused",
            severity="warning",
            count=12,
        ),
        Mark(lane="pod/web-5c9d8b7f6-old1", at=before(20.5), kind="deletion", text="deleted by the rollout"),
    ]
    return found


def start() -> RunStart:
    """What the opening cell leaves."""
    return RunStart(
        runbook="pods",
        target="deployment/web",
        target_text="shop/deployment/web",
        source=Origin(kind="case", case="incident-4711.zip", server_version="v1.33.2", recorded_at=NOW),
        started_at=NOW + timedelta(hours=1),
        now=NOW,
        pods=3,
        versions={"kuberunbooks": "0.1.0", "python": "3.11.2"},
        planned={step.id: step.title for step in steps()},
    )


def summary() -> Summary:
    """What the closing cell leaves."""
    return Summary(
        change="deployment/web rolled out revision 7 at 14:01:40 UTC, 60 s before "
        "the first kill (image web:2.3 to web:2.4)",
        marks=marks(),
        coverage=Coverage(
            refused=[
                Refusal(
                    what="list nodes",
                    why='nodes is forbidden: User "sre" cannot list resource "nodes" at the cluster scope',
                    path="api/v1/nodes",
                    status=403,
                    command="kubectl auth can-i list nodes -A",
                )
            ],
            truncated=["logs/shop/web-6d5f7c9b8-x2x4l/app.previous.log: the last 500 lines were read"],
            event_window=EventWindow(seconds=52 * 60.0, oldest=before(52)),
            requests=11,
            redactions={"password": 2, "bearer token": 1},
        ),
        finished_at=NOW + timedelta(hours=1, seconds=1.4),
    )


def notebook_of(
    results: list[StepResult],
    *,
    opening: RunStart | None = None,
    closing: Summary | None = None,
    extra: list[Any] | None = None,
) -> nbformat.NotebookNode:
    """An executed notebook with these outputs."""
    cells = [
        new_markdown_cell(
            "# Debug pods\n\nFinds why pods do not run. [Upstream guide](https://kubernetes.io/docs/)."
        ),
        new_code_cell('namespace: str = "shop"  # help', metadata={"tags": ["parameters"]}),
    ]
    if opening is not None:
        cells.append(_result('guide = notebook.open("pods", namespace=namespace)', RUN_MIME, opening))
    for one in results:
        cells.append(new_markdown_cell(f"## {one.title}\n\nWhy this comes now, in *plain* words."))
        cells.append(_result(f"guide.{one.name}()", STEP_MIME, one))
    cells += extra or []
    if closing is not None:
        cells.append(_result("guide.summary()", SUMMARY_MIME, closing))
    return new_notebook(cells=cells)


def _result(source: str, mime: str, data: Any) -> nbformat.NotebookNode:
    bundle = {mime: msgspec.to_builtins(data), "text/html": "<p>stored HTML</p>", "text/plain": "stored text"}
    return new_code_cell(source, outputs=[new_output("execute_result", bundle, execution_count=1)])


def incident() -> nbformat.NotebookNode:
    """The whole incident."""
    return notebook_of(steps(), opening=start(), closing=summary())
