"""Guides that begin without an API server, and the same error again from the case of such a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kuberunbooks import notebook
from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.cluster.case_output import CASE_OUT
from kuberunbooks.errors import CredentialsFailed, NotCollected, TimedOut, Unreachable
from kuberunbooks.guides import Guide
from kuberunbooks.guides.step import Yielded, step
from kuberunbooks.guides.whole_cluster import WholeCluster, no_change, no_timeline, whole_cluster
from kuberunbooks.objects import Node

Opened = Callable[..., notebook.Session]

NOBODY = """\
apiVersion: v1
kind: Config
current-context: gone
contexts: [{name: gone, context: {cluster: gone, user: nobody}}]
clusters: [{name: gone, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: nobody, user: {token: t}}]
"""


@step("T-01", title="Does it answer?")
def reach(target: WholeCluster, cluster: Cluster) -> Iterator[Yielded]:
    """Whether a node can be listed."""
    cluster.read(Node)
    yield from ()


def guide(opens: str) -> Guide:
    """A guide of one step."""
    rights = (("list", "", "nodes"),)
    return Guide(
        "cluster",
        "t",
        "",
        whole_cluster,
        (reach,),
        no_timeline,
        no_change,
        rights,
        opens,  # type: ignore[arg-type]
    )


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opened:
    """Opens such a guide with a kubeconfig that leads nowhere, and writes its case."""

    def run(opens: str, kubeconfig: str = NOBODY) -> notebook.Session:
        monkeypatch.setattr(notebook, "guide", lambda name: guide(opens))
        (tmp_path / "config").write_text(kubeconfig)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        monkeypatch.setenv(CASE_OUT, str(tmp_path / "case.zip"))
        return notebook.open("cluster")

    return run


def test_a_guide_that_needs_an_answer_does_not_begin(opened: Opened) -> None:
    session = opened("reached")
    assert session.start.failure is not None
    assert session.start.failure.exit_status == 3


def test_a_guide_about_the_way_to_the_server_begins_and_its_case_gives_the_same_error(
    opened: Opened, tmp_path: Path
) -> None:
    session = opened("unreached")
    assert session.start.failure is None
    session.reach()
    session.summary()
    assert session.steps[0].status == "refused"
    assert "refused the connection" in session.steps[0].error
    again = Cluster(CaseSource(tmp_path / "case.zip"))
    with pytest.raises(Unreachable, match="refused the connection"):
        again.read(Node)


def test_a_context_that_does_not_exist_is_a_mistake_of_the_person_for_that_guide(opened: Opened) -> None:
    session = opened("unreached", "apiVersion: v1\nkind: Config\ncurrent-context: nowhere\n")
    assert session.start.failure is not None
    assert session.start.failure.exit_status == 2


def test_a_guide_that_reads_files_begins_without_any_kubeconfig(opened: Opened) -> None:
    session = opened("anywhere", "apiVersion: v1\nkind: Config\n")
    assert session.start.failure is None
    session.reach()
    assert session.steps[0].status == "refused"


@pytest.mark.parametrize("kind", [Unreachable, TimedOut, CredentialsFailed])
def test_an_error_of_the_connection_is_the_same_when_read_again(tmp_path: Path, kind: type) -> None:
    (tmp_path / "manifest.json").write_text(
        '{"recorded_at": "2026-01-31T12:00:00Z", "not_collected": '
        f'[{{"path": "api/v1/nodes", "why": "It hung.", "error": "{kind.__name__}"}}]}}'
    )
    with pytest.raises(kind, match="It hung"):
        Cluster(CaseSource(tmp_path)).read(Node)


def test_an_unknown_error_is_only_something_that_was_not_collected(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(
        '{"recorded_at": "2026-01-31T12:00:00Z", "not_collected": '
        '[{"path": "api/v1/nodes", "why": "It hung.", "error": "SystemExit"}]}'
    )
    with pytest.raises(NotCollected, match="It hung"):
        Cluster(CaseSource(tmp_path)).read(Node)
