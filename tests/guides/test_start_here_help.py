"""Release, rights, bug report and where to ask: what the end of the first look says and leaves out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.findings import Document, Table
from kuberunbooks.guides.start_here.providers import plugins_of, provider_of
from kuberunbooks.guides.start_here.releases import Support, as_of, support_of
from kuberunbooks.notebook import Session
from kuberunbooks.objects import DaemonSet, Node
from tests.conftest import Diagnosis
from tests.support.api_server import serve_case
from tests.support.cluster_nodes import sound_node
from tests.support.made_cases import make_case, pod, stopped, workload

Examine = Callable[..., Diagnosis]
GUIDE = {"guide": "start-here"}
TODAY = date(2026, 11, 23)


def test_the_table_of_releases_is_whole_and_in_order() -> None:
    minors = [(1, number) for number in range(24, 38)]
    found = [support_of(minor, TODAY) for minor in minors]
    ends = [one.ends for one in found if one.ends is not None]
    assert len(ends) == len(minors)
    assert ends == sorted(ends)
    assert all(one.released and one.ends and one.released < one.ends for one in found)
    assert as_of() < TODAY


@pytest.mark.parametrize(
    ("minor", "told", "over"),
    [
        ((1, 37), None, False),
        ((1, 35), None, False),
        ((1, 34), None, True),
        ((1, 32), None, True),
        ((1, 23), None, True),
        # Newer than anybody here knows of: nothing is claimed.
        ((1, 39), None, None),
        # Told that there is 1.42, 1.39 is no longer among the newest three.
        ((1, 39), (1, 42), True),
        ((1, 40), (1, 42), False),
        # A date that is known counts, whatever was told.
        ((1, 36), (1, 39), False),
    ],
)
def test_whether_a_release_still_gets_fixes(
    minor: tuple[int, int], told: tuple[int, int] | None, over: bool | None
) -> None:
    assert support_of(minor, TODAY, told).over is over


def test_a_release_is_supported_until_the_end_of_its_last_day() -> None:
    last = date(2026, 10, 27)
    assert support_of((1, 34), last).over is False
    assert support_of((1, 34), date(2026, 10, 28)).over is True


def test_what_is_known_of_a_release_goes_with_the_verdict() -> None:
    found = support_of((1, 35), TODAY)
    assert found == Support(False, date(2027, 2, 28), date(2025, 12, 17), (1, 37), 2)


@pytest.fixture
def of_version(tmp_path: Path) -> Callable[..., Diagnosis]:
    """`of_version("v1.33.4-eks-1", nodes)`: the first look at a sound cluster of that version."""

    def run(version: str, nodes: list[dict[str, Any]] | None = None, **options: object) -> Diagnosis:
        case = make_case(tmp_path / "case", [*(nodes or [sound_node("n1")]), pod()])
        (case / "version.json").write_text(json.dumps({"gitVersion": version}))
        return Diagnosis(case, "", "shop", guide="start-here", **options)

    return run


def on_azure() -> dict[str, Any]:
    return sound_node("n1", providerID="azure:///subscriptions/x/virtualMachines/n1")


def test_a_release_without_fixes_is_a_warning_that_says_when_it_ended(of_version: Any) -> None:
    one = of_version("v1.33.4").one("VersionEndOfLife")
    assert one.severity == "warning"
    assert "ended on 2026-06-28" in one.summary
    assert "table of releases is of 2026-09-15" in one.explanation


def test_it_explains_no_outage(examine: Examine, tmp_path: Path) -> None:
    items = [sound_node("n1"), pod(ready=False)]
    case = make_case(tmp_path / "case", items)
    (case / "version.json").write_text(json.dumps({"gitVersion": "v1.33.4"}))
    found = Diagnosis(case, "", "shop", guide="start-here")
    assert "VersionEndOfLife" in found.serious()
    assert found.headline.code == "PodNotReady"


@pytest.mark.parametrize(
    ("version", "nodes"),
    [("v1.33.4-eks-113cf36", None), ("v1.33.4-gke.1036000", None), ("v1.33.4", [on_azure()])],
    ids=["EKS", "GKE", "AKS"],
)
def test_where_a_vendor_has_a_calendar_of_its_own_it_is_no_alarm(
    version: str, nodes: list[dict[str, Any]] | None, of_version: Any
) -> None:
    found = of_version(version, nodes)
    assert found.one("VersionEndOfLife").severity == "info"
    assert "its own calendar counts" in found.one("VersionEndOfLife").summary
    assert "VersionEndOfLife" not in found.serious()


def test_a_release_newer_than_the_table_is_not_judged(of_version: Any) -> None:
    found = of_version("v1.41.0")
    assert found.serious() == {"KubeletVersionSkew"}  # its kubelets are of 1.36
    assert "is not known" in found.one("VersionReported").summary


def test_the_newest_release_can_be_told(of_version: Any) -> None:
    found = of_version("v1.39.1", newest_minor="1.42")
    assert "1.42 is the newest release known here" in found.one("VersionEndOfLife").summary


def test_a_newest_release_that_is_none_is_refused_with_advice(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [pod()])
    failure = notebook.open(
        "start-here", case=str(case), namespace="shop", newest_minor="latest"
    ).start.failure
    assert failure is not None
    assert failure.error == "BadParameter"
    assert "1.37" in failure.advice


def test_a_version_nobody_knows_is_not_looked_at(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [sound_node("n1"), pod()])
    (case / "version.json").unlink()
    found = Diagnosis(case, "", "shop", guide="start-here")
    assert found.steps["OV-02"].status == "skipped"
    assert "Kubernetes version" in found.one("SupportBundleIncomplete").facts["missing"]


def text_of(found: Diagnosis) -> str:
    return next(one for one in found.steps["OV-03"].exhibits if isinstance(one, Document)).text


def test_the_text_to_paste_holds_the_facts_and_not_a_single_name(examine: Examine) -> None:
    named = sound_node("ip-10-1-2-3.secret-corp.internal", providerID="aws:///eu-central-1a/i-0abc")
    items = [
        named,
        workload("DaemonSet", "cilium", "kube-system"),
        pod(
            "acme-payments-1",
            on="ip-10-1-2-3.secret-corp.internal",
            ready=False,
            containers=[stopped(code=2)],
        ),
    ]
    found = examine(items, **GUIDE)
    text = text_of(found)
    for fact in (
        "v1.36.2",
        "Amazon Web Services",
        "Debian GNU/Linux 12",
        "6.1.0-18-amd64",
        "amd64",
        "Cilium",
    ):
        assert fact in text
    assert "ContainerExitedError: 1" in text
    for name in ("secret-corp", "acme", "i-0abc", "shop"):
        assert name not in text
    assert found.one("SupportBundleReady")


def test_what_differs_between_nodes_is_counted(examine: Examine) -> None:
    other = sound_node("n2")
    other["status"]["nodeInfo"]["kernelVersion"] = "5.15.0"
    found = examine([sound_node("n1"), sound_node("n3"), other, pod()], **GUIDE)
    assert "6.1.0-18-amd64 (2 nodes), 5.15.0 (1 node)" in text_of(found)


def test_facts_that_are_missing_are_named_and_not_made_up(examine: Examine) -> None:
    found = examine([sound_node("n1"), pod()], without=("Node",), **GUIDE)
    assert {"Operating system", "Kernel", "Cloud provider", "Network plugin"} <= set(
        found.one("SupportBundleIncomplete").facts["missing"]
    )
    assert "none told by the nodes" not in text_of(found)


def node_of(provider: str) -> Node:
    found = Node()
    found.spec.provider_id = provider
    return found


@pytest.mark.parametrize(
    ("provider", "scheme"),
    [
        ("aws:///eu-central-1a/i-0abc", "aws"),
        ("gce://project/zone/name", "gce"),
        ("kind://docker/kind/kind-control-plane", "kind"),
        ("ocid1.instance.oc1.eu-frankfurt-1.abc", "oci"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_the_cloud_is_known_by_the_provider_id(provider: str, scheme: str) -> None:
    assert provider_of([node_of(provider)]) == scheme


def test_the_network_plugin_is_known_by_its_daemonset() -> None:
    def named(name: str) -> DaemonSet:
        one = DaemonSet()
        one.metadata.name = name
        return one

    assert plugins_of([named("kube-proxy"), named("calico-node"), named("kube-multus-ds")]) == [
        "Calico",
        "Multus",
    ]
    assert plugins_of([named("fluent-bit")]) == []


@contextmanager
def live(folder: Path, config: Path, deny: list[str], namespace: str = "shop") -> Iterator[Session]:
    """A run on a server that refuses `deny`."""
    with serve_case(folder, deny=deny) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(server.kubeconfig(config)))
        session = notebook.open("start-here", namespace=namespace)
        for name in session.step_names:
            getattr(session, name)()
        yield session


def access_of(session: Session) -> Any:
    return next(step for step in session.steps if step.id == "OV-06")


def test_who_asks_and_what_was_refused_is_said_without_asking_again(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [sound_node("n1"), pod()])
    with live(case, tmp_path / "config", ["list nodes", "get nodes"]) as session:
        one = access_of(session).findings[0]
        assert one.code == "AccessLimited"
        assert one.subject.name == "jane"
        assert "may not" in one.summary
        assert "list nodes" in one.summary
        rows = next(each for each in access_of(session).exhibits if isinstance(each, Table)).rows
        assert ["list nodes", "no"] in rows
        assert ["list pods", "yes"] in rows
        assert ["list nodes", "yes"] not in rows


def test_a_refusal_in_another_namespace_is_not_one_in_this(tmp_path: Path) -> None:
    # The server knows no kube-system, and refuses what it does not know.
    case = make_case(tmp_path / "case", [sound_node("n1"), pod()])
    with live(case, tmp_path / "config", []) as session:
        rows = next(each for each in access_of(session).exhibits if isinstance(each, Table)).rows
        assert ["list pods of kube-system", "no"] in rows
        assert ["list pods", "yes"] in rows


def test_a_run_of_one_namespace_makes_no_more_requests_for_a_larger_one(tmp_path: Path) -> None:
    counts = []
    for number in (5, 50):
        items = [sound_node("n1"), *(pod(f"web-{index}") for index in range(number))]
        case = make_case(tmp_path / f"case-{number}", items)
        with serve_case(case) as server, pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
            session = notebook.open("start-here", namespace="shop")
            for name in session.step_names:
                getattr(session, name)()
            counts.append(len(server.requests))
    assert counts[0] == counts[1]


def test_a_server_that_does_not_answer_is_for_the_cluster_runbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(tmp_path / "case", [pod()])
    with serve_case(case) as server:
        config = server.kubeconfig(tmp_path / "config")
    monkeypatch.setenv("KUBECONFIG", str(config))
    session = notebook.open("start-here", namespace="shop")
    assert session.start.failure is not None
    assert "runbook run cluster" in session.start.failure.advice
    for name in session.step_names:
        assert getattr(session, name)().data.status == "skipped"


def test_rights_in_one_namespace_only_are_told_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(tmp_path / "case", [pod()])
    with serve_case(case, deny=["list pods"]) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        session = notebook.open("start-here", namespace="-")
    assert session.start.failure is not None
    assert "name it with -n" in session.start.failure.advice


def test_what_is_only_said_and_not_explained_suggests_asking(examine: Examine) -> None:
    unclear = pod(ready=False)
    found = examine([sound_node("n1"), unclear], **GUIDE)
    assert found.headline.code == "PodNotReady"
    assert found.one("HelpSuggested").facts["codes"] == ["PodNotReady"]


def test_what_is_explained_does_not(diagnose: Callable[..., Any]) -> None:
    found = diagnose("crashloop", guide="start-here")
    assert "HelpSuggested" not in found.codes()
    places = next(one for one in found.steps["OV-04"].exhibits if isinstance(one, Table))
    assert any("discuss.kubernetes.io" in row[-1] for row in places.rows)
