"""Planning and performing: nothing without permission, nothing unasked, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import errors, notebook
from kuberunbooks.acting import Action, add_ephemeral_container, fresh_name, make_pod, run_command
from kuberunbooks.acting.actions import MANAGED_BY, OURS, RUN, RUN_ID
from kuberunbooks.acting.actor import LiveActor
from kuberunbooks.acting.permission import actor_for
from kuberunbooks.acting.seen import pods_seen
from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.cluster.case_output import CASE_OUT
from kuberunbooks.objects import Node, Pod
from tests.support.api_server import ApiServer, Fault, serve_case
from tests.support.exec_server import local_process, wait_until
from tests.support.live import open_live

Shop = Callable[..., Any]
Act = Callable[..., tuple[Cluster, LiveActor]]
NAMESPACE = "crashloop"


@pytest.fixture
def act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Act:
    """`act(server)`: a cluster with an actor; its guardian finds the same kubeconfig."""

    def make(api: ApiServer) -> tuple[Cluster, LiveActor]:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        live = open_live(api, tmp_path)
        cluster = Cluster(live)
        actor = actor_for(cluster, live, True)
        assert isinstance(actor, LiveActor)
        cluster.actor = actor
        return cluster, actor

    return make


def a_pod(cluster: Cluster) -> tuple[str, str]:
    """Name and container of the first pod."""
    found = cluster.read(Pod, NAMESPACE)[0]
    return found.name, found.spec.containers[0].name


def command(cluster: Cluster, *argv: str, **options: Any) -> Action:
    return run_command(NAMESPACE, *a_pod(cluster), list(argv) or ["true"], **options)


def debug_pod(name: str = "", **container: Any) -> Action:
    manifest = {
        "metadata": {
            "name": name or fresh_name("web-debug"),
            "namespace": NAMESPACE,
            "labels": {"app": "web"},
        },
        "spec": {"containers": [{"name": "debugger", "image": "busybox:1.28", **container}]},
    }
    return make_pod(manifest, words="copy pod web", kubectl=["kubectl", "debug", "web"], profile="general")


def debugger(cluster: Cluster, name: str = "debugger-x7k2p", **fields: Any) -> Action:
    container = {"name": name, "image": "busybox:1.28", "command": ["sleep", "600"], **fields}
    pod, _ = a_pod(cluster)
    return add_ephemeral_container(NAMESPACE, pod, container, words="add a debugger", kubectl=["kubectl"])


def writes(api: ApiServer) -> list[str]:
    """What was sent that is neither a read nor a review, trials apart."""
    return [
        f"{one.method} {one.path}"
        for one in api.requests
        if one.method != "GET" and "reviews" not in one.path and one.query.get("dryRun") != "All"
    ]


# --- permission ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [False, None, "", "true", "false", 1, "yes", [True]])
def test_nothing_but_true_makes_an_actor(allowed: object, shop: Shop, tmp_path: Path) -> None:
    with shop() as server:
        live = open_live(server, tmp_path)
        assert actor_for(Cluster(live), live, allowed) is None


@pytest.mark.parametrize("allowed", [True, False])
def test_a_notebook_hands_the_permission_on_to_a_live_cluster_only(
    allowed: bool,
    shop: Shop,
    incident: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with shop() as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        session = notebook.open("pods", namespace=NAMESPACE, allow_actions=allowed)
        assert session._cluster is not None
        assert (session._cluster.actor is not None) is allowed
        assert writes(server) == []
    session = notebook.open(
        "pods", case=str(incident("crashloop")), namespace=NAMESPACE, allow_actions=allowed
    )
    assert session._cluster is not None
    assert session._cluster.actor is None


def test_a_plan_changes_nothing(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        for action in (command(cluster), debug_pod(), debugger(cluster)):
            assert actor.plan(action).allowed
        assert writes(server) == []
        assert server.writes.made == []
        assert server.exec.asked == []


def test_only_what_this_actor_planned_is_performed(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        _, other = act(server)
        plan = other.plan(command(cluster))
        for one in (plan, actor.plan(command(cluster))._replace(action=command(cluster, "reboot"))):
            with pytest.raises(ValueError, match="was not planned by"):
                actor.perform(one)
        assert server.exec.asked == []


def test_what_was_refused_is_not_performed(shop: Shop, act: Act) -> None:
    with shop(deny=["create pods"]) as server:
        _, actor = act(server)
        plan = actor.plan(debug_pod())
        assert not plan.allowed
        with pytest.raises(ValueError, match="not permitted"):
            actor.perform(plan)
        assert writes(server) == []


# --- planning --------------------------------------------------------------------------------------------


def test_a_right_that_is_missing_is_named_with_the_command_that_asks_for_it(shop: Shop, act: Act) -> None:
    with shop(deny=["patch pods/ephemeralcontainers", "delete pods"]) as server:
        cluster, actor = act(server)
        (refusal,) = actor.plan(debugger(cluster)).refusals
        assert refusal.what == "patch pods/ephemeralcontainers"
        assert (
            refusal.command
            == f"kubectl auth can-i patch pods --subresource=ephemeralcontainers -n {NAMESPACE}"
        )
        assert [one.what for one in actor.plan(debug_pod()).refusals] == ["delete pods"]
        assert not [one for one in server.requests if one.query.get("dryRun")]


def test_a_right_that_was_given_is_asked_for_once_and_one_that_was_not_again(shop: Shop, act: Act) -> None:
    reviews = "selfsubjectaccessreviews"
    with shop() as server:
        cluster, actor = act(server)
        before = server.count(reviews)
        for _ in range(3):
            assert actor.plan(command(cluster)).allowed
        assert server.count(reviews) == before + 2
        server.deny.add("create pods")
        assert not actor.plan(debug_pod()).allowed
        server.deny.clear()
        assert actor.plan(debug_pod()).allowed


@pytest.mark.parametrize(
    ("deny", "allowed"),
    [
        ([], True),
        (["create pods/exec"], True),
        (["get pods/exec"], True),
        (["create pods/exec", "get pods/exec"], False),
    ],
)
def test_either_right_to_exec_may_be_the_one_that_counts(
    deny: list[str], allowed: bool, shop: Shop, act: Act
) -> None:
    with shop(deny=deny) as server:
        cluster, actor = act(server)
        assert actor.plan(command(cluster)).allowed is allowed


def test_a_server_that_answers_no_review_leaves_it_to_the_deed(shop: Shop, act: Act) -> None:
    with shop(allow_reviews=False) as server:
        cluster, actor = act(server)
        plan = actor.plan(command(cluster, "echo", "x"))
        assert [one.given for one in plan.rights] == [None, None]
        assert actor.perform(plan).transcript.stdout == "x\n"  # type: ignore[union-attr]


def test_pod_security_is_foretold_and_the_dry_run_decides(shop: Shop, act: Act) -> None:
    privileged = {"securityContext": {"privileged": True}}
    with shop(enforce={NAMESPACE: "restricted"}) as server:
        cluster, actor = act(server)
        action = debugger(cluster, **privileged)._replace(profile="sysadmin")
        plan = actor.plan(action)
        assert plan.pod_security is not None
        assert (plan.pod_security.enforced, plan.pod_security.fits) == ("restricted", False)
        (refusal,) = plan.refusals
        assert (refusal.what, refusal.status) == ("dry run", 403)
        assert 'violates PodSecurity "restricted:latest"' in refusal.why
        assert plan.dry_run


def test_the_servers_warnings_are_handed_on(shop: Shop, act: Act) -> None:
    with shop(warns='would violate PodSecurity "restricted:latest": seccompProfile') as server:
        _, actor = act(server)
        plan = actor.plan(debug_pod())
    assert plan.allowed
    assert plan.warnings == ('would violate PodSecurity "restricted:latest": seccompProfile',)


def test_a_name_that_is_taken_shows_in_the_dry_run_and_its_pod_stays(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        taken, _ = a_pod(cluster)
        plan = actor.plan(debug_pod(taken))
        assert "already exists" in plan.refusals[0].why
        actor.close()
        assert server.writes.deleted == []


# --- performing ------------------------------------------------------------------------------------------


def test_a_commands_transcript_joins_those_given_to_the_run(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        action = command(cluster, "sh", "-c", "echo out; echo no >&2; exit 3")
        done = actor.perform(actor.plan(action))
        (heard,) = cluster.transcripts()
    assert heard is done.transcript
    assert (heard.stdout, heard.stderr, heard.exit_code, heard.partial) == ("out\n", "no\n", 3, False)
    assert heard.argv == list(action.argv)
    assert (heard.target.pod, heard.target.container) == a_pod(cluster)
    assert heard.at is not None


def test_a_command_on_a_node_is_a_transcript_of_the_node(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        actor.perform(actor.plan(command(cluster, "echo", "x", node="n1")))
    assert cluster.transcripts()[0].target.text == "node/n1"


def test_binary_output_is_counted_in_the_transcript_and_handed_out_whole(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        done = actor.perform(actor.plan(command(cluster, "printf", r"\324\303\262\241", binary=True)))
    assert done.stdout == b"\xd4\xc3\xb2\xa1"
    assert done.transcript is not None
    assert done.transcript.stdout == "(4 bytes that are no text)\n"


def test_a_cut_off_command_is_partial_in_the_case_too(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CASE_OUT, str(tmp_path / "case.zip"))
    with shop() as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        session = notebook.open("pods", namespace=NAMESPACE, allow_actions=True)
        cluster = session._cluster
        assert cluster is not None
        assert cluster.actor is not None
        said = "echo password=Hunter2Hunter2; sleep 30"
        cluster.actor.perform(cluster.actor.plan(command(cluster, "sh", "-c", said, seconds=1.0)))
        cluster.actor.perform(cluster.actor.plan(command(cluster, "echo", "whole")))
        session.summary()
    cut, whole = CaseSource(tmp_path / "case.zip").transcripts()
    assert (cut.partial, cut.exit_code) == (True, None)
    assert "did not end within 1 s" in cut.why
    assert cut.stdout.startswith("password=")
    assert "Hunter2" not in f"{cut.stdout}{cut.argv}"
    assert (whole.partial, whole.why, whole.stdout) == (False, "", "whole\n")


def test_a_refusal_that_nobody_foresaw_is_an_error_and_leaves_nothing(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        plan = actor.plan(debug_pod())
        server.deny.add("create pods")
        with pytest.raises(errors.Forbidden) as caught:
            actor.perform(plan)
        assert "runbook-prober" in caught.value.advice
        assert actor.close() == []
        assert server.writes.deleted == []
    assert [one.exit_code for one in cluster.transcripts()] == [1]


def test_an_ephemeral_container_is_added_and_waited_for(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        pod, _ = a_pod(cluster)
        before = cluster.get(Pod, NAMESPACE, pod)
        assert not before.status.ephemeral_container_statuses
        done = actor.perform(actor.plan(debugger(cluster)))
        assert done.made["spec"]["ephemeralContainers"][0]["name"] == "debugger-x7k2p"
        found = actor.wait(NAMESPACE, pod, lambda one: bool(one.status.ephemeral_container_statuses), 5)
        assert found.status.ephemeral_container_statuses[0].name == "debugger-x7k2p"
        assert cluster.get(Pod, NAMESPACE, pod).status.ephemeral_container_statuses
        ((heard, seen),) = pods_seen(cluster.transcripts())
        assert seen.status.ephemeral_container_statuses[0].name == "debugger-x7k2p"
        assert "env" not in heard.stdout
        actor.perform(actor.plan(run_command(NAMESPACE, pod, "debugger-x7k2p", ["echo", "in it"])))
    assert cluster.transcripts()[-1].stdout == "in it\n"


def test_waiting_ends_with_its_time_and_gives_the_last_state(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        pod, _ = a_pod(cluster)
        assert actor.wait(NAMESPACE, pod, lambda one: False, 0.2).name == pod


# --- clean-up --------------------------------------------------------------------------------------------


def test_every_pod_carries_its_origin_and_its_end(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        node = cluster.read(Node)[0]
        manifest = {
            "metadata": {"name": "node-debugger-x", "namespace": NAMESPACE, "labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "debugger", "image": "busybox"}],
                "activeDeadlineSeconds": 10**9,
            },
        }
        action = make_pod(manifest, words="debug a node", kubectl=["kubectl"], owner=node, lifetime=300)
        done = actor.perform(actor.plan(action))
        metadata, spec = done.made["metadata"], done.made["spec"]
        assert metadata["labels"] == {MANAGED_BY: OURS, RUN: RUN_ID}
        assert metadata["ownerReferences"] == [
            {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node.uid}
        ]
        assert spec["activeDeadlineSeconds"] == 300
        actor.close()


@pytest.mark.parametrize("how", ["well", "error", "interrupt"])
def test_a_borrowed_pod_is_gone_however_the_block_ends(how: str, shop: Shop, act: Act) -> None:
    class Ended(Exception):
        pass

    kinds: dict[str, type[BaseException]] = {"error": Ended, "interrupt": KeyboardInterrupt}
    with shop() as server:
        _, actor = act(server)
        plan = actor.plan(debug_pod())
        if how == "well":
            with actor.borrowed(plan) as name:
                assert server.writes.made == [name]
        else:
            with pytest.raises(kinds[how]), actor.borrowed(plan):
                raise kinds[how]
        assert server.writes.deleted == server.writes.made != []


def test_an_answer_that_never_came_does_not_leave_the_pod(shop: Shop, act: Act) -> None:
    with shop() as server:
        _, actor = act(server)
        plan = actor.plan(debug_pod())
        server.faults.append(Fault(r"/pods\?fieldValidation", cut=10, times=1))
        with pytest.raises(errors.ClusterError), actor.borrowed(plan):
            pass
        assert server.writes.deleted == server.writes.made != []


def test_what_cannot_be_removed_is_said_and_tried_again(shop: Shop, act: Act) -> None:
    with shop() as server:
        _, actor = act(server)
        plan = actor.plan(debug_pod())
        server.deny.add("delete pods")
        with actor.borrowed(plan) as name:
            pass
        (said,) = actor.close()
        assert said.startswith(f"Pod {name} in {NAMESPACE} could not be removed: pods is forbidden")
        server.deny.clear()
        assert actor.close() == []
        assert server.writes.deleted == [name]


def test_the_closing_cell_removes_what_is_left(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop() as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        session = notebook.open("pods", namespace=NAMESPACE, allow_actions=True)
        assert session._cluster is not None
        actor = session._cluster.actor
        assert actor is not None
        actor.perform(actor.plan(debug_pod()))
        session.summary()
        assert server.writes.deleted == server.writes.made != []


def test_only_its_own_pods_are_removed(shop: Shop, act: Act) -> None:
    with shop() as server:
        cluster, actor = act(server)
        pod, _ = a_pod(cluster)
        with pytest.raises(ValueError, match="was not made by this run"):
            actor.remove(NAMESPACE, pod)
        name = actor.perform(actor.plan(debug_pod())).planned.action.name
        changed = server.files.pods_changed[NAMESPACE, name]
        assert changed is not None
        changed["metadata"]["labels"] = {}  # another of that name by now
        actor.remove(NAMESPACE, name)
        assert server.writes.deleted == []


_RUN = """
    import os, sys, time
    from kuberunbooks import notebook
    from kuberunbooks.acting import make_pod
    session = notebook.open("pods", namespace="crashloop", allow_actions=True)
    actor = session._cluster.actor
    manifest = {"metadata": {"name": "web-debug-x7k2p", "namespace": "crashloop"},
                "spec": {"containers": [{"name": "debugger", "image": "busybox"}]}}
    actor.perform(actor.plan(make_pod(manifest, words="copy", kubectl=["kubectl"])))
    print("made", flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("by", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "its own end"])
def test_a_process_that_ends_leaves_no_pod(by: str, shop: Shop, tmp_path: Path) -> None:
    with shop() as server:
        environment = {**os.environ, "KUBECONFIG": str(server.kubeconfig(tmp_path / "config"))}
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_RUN), "0" if by == "its own end" else "60"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"made\n"
        if by != "its own end":
            # As the runner does: the whole process group, at once.
            os.killpg(process.pid, getattr(signal, by))
        process.wait(20)
        assert wait_until(lambda: server.writes.deleted == ["web-debug-x7k2p"], 20)


def test_the_guardian_leaves_a_namesake_of_another_run_alone(shop: Shop, act: Act) -> None:
    with shop() as server:
        _, actor = act(server)
        name = actor.perform(actor.plan(debug_pod())).planned.action.name
        changed = server.files.pods_changed[NAMESPACE, name]
        assert changed is not None
        changed["metadata"]["labels"][RUN] = "another"
        actor._guardian.close()
        assert server.writes.deleted == []


def test_reads_go_on_while_a_command_runs(incident: Callable[[str], Path], act: Act) -> None:
    with serve_case(incident("crashloop"), run=local_process) as server:
        cluster, actor = act(server)
        actor.perform(actor.plan(command(cluster, "true")))
        assert cluster.read(Node)
        assert cluster.again(Pod, NAMESPACE, a_pod(cluster)[0])
