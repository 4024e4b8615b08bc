"""`runbook cleanup`: finds what was left, asks, and deletes that and nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kuberunbooks.acting.actions import MANAGED_BY, OURS, RUN
from kuberunbooks.cli import cli
from tests.support.api_server import ApiServer, serve_case

Shop = Callable[..., Any]


@pytest.fixture
def shop(incident: Callable[[str], Path], tmp_path: Path) -> Shop:
    """As elsewhere, but the server can list the pods of all namespaces."""
    folder = tmp_path / "case"
    shutil.copytree(incident("crashloop"), folder)
    shutil.copy(folder / f"api/v1/namespaces/{NAMESPACE}/pods.json", folder / "api/v1/pods.json")
    return lambda **options: serve_case(folder, **options)


NAMESPACE = "crashloop"


def put(server: ApiServer, name: str, *, labels: dict[str, str] | None = None, **spec: Any) -> None:
    """A pod that stands there."""
    pod = {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"containers": [{"name": "debugger", "image": "busybox"}], **spec},
    }
    server.writes.create(NAMESPACE, pod, trial=False)


def cleanup(server: ApiServer, folder: Path, *arguments: str, typed: str = "") -> Result:
    environment = {"KUBECONFIG": str(server.kubeconfig(folder / "config"))}
    return CliRunner().invoke(
        cli, ["cleanup", *arguments], input=typed, env=environment, standalone_mode=False
    )


def filled(server: ApiServer) -> None:
    """Ours, kubectl's, and three that look like it and are neither."""
    put(server, "web-debug-x7k2p", labels={MANAGED_BY: OURS, RUN: "0a1b2c3d"})
    put(server, "node-debugger-n1-9w4zx")
    put(server, "web-debug")
    put(server, "node-debugger-n1-abcde", containers=[{"name": "app", "image": "x"}])
    put(server, "helm-thing", labels={MANAGED_BY: "Helm"})


@pytest.mark.parametrize("where", [("-n", NAMESPACE), ("-A",)])
def test_it_lists_ours_and_kubectls_and_deletes_them_after_a_yes(
    where: tuple[str, ...], shop: Shop, tmp_path: Path
) -> None:
    with shop() as server:
        filled(server)
        result = cleanup(server, tmp_path, *where, typed="y\n")
        assert sorted(server.writes.deleted) == ["node-debugger-n1-9w4zx", "web-debug-x7k2p"]
    assert result.return_value == 0
    assert f"{NAMESPACE}/web-debug-x7k2p  Running  0 min old  of run 0a1b2c3d" in result.output
    assert f"{NAMESPACE}/node-debugger-n1-9w4zx  Running  0 min old  made by kubectl" in result.output
    assert "helm-thing" not in result.output


@pytest.mark.parametrize("typed", ["n\n", "\n"])
def test_a_no_deletes_nothing(typed: str, shop: Shop, tmp_path: Path) -> None:
    with shop() as server:
        filled(server)
        result = cleanup(server, tmp_path, "-A", typed=typed)
        assert server.writes.deleted == []
    assert result.return_value == 1


def test_nobody_there_to_say_yes_deletes_nothing(shop: Shop, tmp_path: Path) -> None:
    with shop() as server:
        filled(server)
        assert cleanup(server, tmp_path, "-A", typed="").exit_code != 0
        assert server.writes.deleted == []


def test_yes_is_taken_for_said(shop: Shop, tmp_path: Path) -> None:
    with shop() as server:
        filled(server)
        assert cleanup(server, tmp_path, "-n", NAMESPACE, "--yes").return_value == 0
        assert len(server.writes.deleted) == 2


def test_a_cluster_without_leftovers_is_said(shop: Shop, tmp_path: Path) -> None:
    with shop() as server:
        result = cleanup(server, tmp_path, "-n", NAMESPACE)
    assert result.return_value == 0
    assert f"No debugging pod is left in namespace {NAMESPACE}" in result.output


def test_what_may_not_be_deleted_is_said_and_the_rest_goes(shop: Shop, tmp_path: Path) -> None:
    with shop(deny=["delete pods"]) as server:
        filled(server)
        result = cleanup(server, tmp_path, "-n", NAMESPACE, "--yes")
    assert result.return_value == 1
    assert "could not be deleted" in result.output


def test_a_namespace_or_all_must_be_named(shop: Shop, tmp_path: Path) -> None:
    with shop() as server:
        assert cleanup(server, tmp_path).exit_code != 0
        assert cleanup(server, tmp_path, "-A", "-n", "x").exit_code != 0


def test_a_run_that_lost_its_guardian_too_is_cleaned_up(shop: Shop, tmp_path: Path) -> None:
    """kill -9 on both processes: what a machine that is switched off leaves."""
    script = """
        import os, time
        from kuberunbooks import notebook
        from kuberunbooks.acting import make_pod
        session = notebook.open("pods", namespace="crashloop", allow_actions=True)
        actor = session._cluster.actor
        manifest = {"metadata": {"name": "web-debug-x7k2p", "namespace": "crashloop"},
                    "spec": {"containers": [{"name": "debugger", "image": "busybox"}]}}
        actor.perform(actor.plan(make_pod(manifest, words="copy", kubectl=["kubectl"])))
        print(actor._guardian._process.pid, flush=True)
        time.sleep(60)
    """
    with shop() as server:
        environment = {**os.environ, "KUBECONFIG": str(server.kubeconfig(tmp_path / "config"))}
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)], env=environment, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        os.kill(int(process.stdout.readline()), signal.SIGKILL)
        process.kill()
        process.wait(10)
        assert server.writes.deleted == []
        assert cleanup(server, tmp_path, "-A", "--yes").return_value == 0
        assert server.writes.deleted == ["web-debug-x7k2p"]
