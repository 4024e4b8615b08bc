"""Asking from inside the cluster: with permission the recorded verdicts, without it nothing is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.acting import Action
from kuberunbooks.acting.actor import LiveActor
from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case_output import CASE_OUT
from kuberunbooks.findings import Finding, headline
from kuberunbooks.guides.services import asking
from kuberunbooks.guides.services.probe import IMAGE
from tests.support.api_server import ApiServer, serve_case
from tests.support.exec_server import Asked, Said, not_found
from tests.support.made_cases import ago, make_case, node, pod
from tests.support.services import endpoint, endpoint_slice, service

Diagnose = Callable[..., Any]
Incident = Callable[[str], Path]

RESOLVER = (
    "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
)
NO_TOOL = Said(missing=not_found("curl"))


class Run:
    """A live run of the guide, all of its steps."""

    def __init__(
        self, server: ApiServer, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any
    ) -> None:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(folder / "kubeconfig")))
        self.server = server
        self.session = notebook.open("services", **options)
        assert self.session.start.failure is None, self.session.start.failure
        for name in self.session.step_names:
            getattr(self.session, name)()
        self.closing = self.session.summary().data
        self.steps = {one.id: one for one in self.session.steps}
        self.findings: list[Finding] = [one for step in self.session.steps for one in step.findings]
        self.headline = headline(self.findings)
        assert not [one.error for one in self.session.steps if one.status == "failed"]

    @property
    def codes(self) -> list[tuple[str, str, str]]:
        """Step, code and severity of everything found, but for what tells of the asking itself."""
        return verdicts(self.session)

    @property
    def exhibits(self) -> str:
        """Of the first step, as text."""
        return str(self.steps["SV-00"].exhibits)


def verdicts(session: Any) -> list[tuple[str, str, str]]:
    return sorted(
        (step.id, one.code, one.severity)
        for step in session.steps
        for one in step.findings
        if not one.code.startswith("ProbePod")
    )


def writes(server: ApiServer) -> list[str]:
    """Everything sent that is neither a read nor a review; upgrades too."""
    return [
        one.path
        for one in server.requests
        if (one.method != "GET" and "selfsubject" not in one.path) or "upgrade" in map(str.lower, one.headers)
    ]


# --- recorded --------------------------------------------------------------------------------------------


def recorded(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(one.read_text("utf-8")) for one in sorted((folder / "transcripts").iterdir())]


def as_recorded(folder: Path) -> Callable[[Asked], Said]:
    """Answers a command with what the same tool was told about the same name or address."""
    said = {}
    for one in recorded(folder):
        if one["target"].get("pod"):
            of_client = one["target"]["pod"] == "client"
            said[of_client, one["argv"][0], one["argv"][-1]] = Said(
                one["stdout"].encode(), one["stderr"].encode(), one["exit_code"]
            )

    def run(asked: Asked) -> Said:
        name = asked.argv[-1]
        if asked.argv[0] == "nslookup" and name.startswith("wrong-port"):
            # Nobody asked for this name; the server refused every question.
            name = "hostnames"
        return said.get((asked.pod == "client", asked.argv[0], name)) or Said(
            missing=not_found(asked.argv[0])
        )

    return run


@pytest.fixture
def of_nodes(incident: Incident, tmp_path: Path) -> Path:
    """The recorded transcripts that no run makes: those of the node, and of the listening ports."""
    source, place = incident("services") / "transcripts", tmp_path / "pasted"
    place.mkdir()
    for one in sorted(source.iterdir()):
        held = json.loads(one.read_text("utf-8"))
        if held["target"].get("node") or held["argv"][0] == "sh":
            shutil.copy(one, place)
    return place


@pytest.mark.parametrize("name", ["hostnames", "wrong-port"])
def test_a_run_that_asks_gives_the_recorded_verdicts(
    name: str,
    incident: Incident,
    diagnose: Diagnose,
    of_nodes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = f"service/{name}"
    before = diagnose("services", target, guide="services", client="pod/client")
    monkeypatch.setenv(CASE_OUT, str(tmp_path / "case.zip"))
    options: dict[str, Any] = {"namespace": "services", "target": target, "client": "pod/client"}
    folder = incident("services")
    with serve_case(folder, run=as_recorded(folder)) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, transcripts=str(of_nodes), **options)
        assert server.writes.made == []  # the client has all the tools
    of_answers = {"SV-04", "SV-06", "SV-07", "SV-08", "SV-11", "SV-15"}
    expected = [one for one in verdicts(before.session) if one[0] in of_answers]
    # Of wrong-port nobody had looked up the name.
    more = [("SV-04", "ServiceDnsFails", "critical")] if name == "wrong-port" else []
    assert [one for one in run.codes if one[0] in of_answers] == sorted([*expected, *more])
    assert run.headline is not None
    assert run.headline.code == before.headline.code
    assert run.headline.summary == before.headline.summary
    monkeypatch.delenv(CASE_OUT)
    again = notebook.open("services", case=str(tmp_path / "case.zip"), allow_actions=True, **options)
    for step in again.step_names:
        getattr(again, step)()
    assert verdicts(again) == run.codes


# --- made ------------------------------------------------------------------------------------------------


def running_pod(name: str, address: str) -> dict[str, Any]:
    labels = {"app": name.partition("-")[0]}
    return pod(name, labels=labels, status={"podIP": address, "podIPs": [{"ip": address}]})


def shop(*more: dict[str, Any], **port: Any) -> list[dict[str, Any]]:
    """Service web with one ready pod at 10.0.0.1, and a client."""
    return [
        node("n1"),
        running_pod("web-1", "10.0.0.1"),
        running_pod("client", "10.0.0.9"),
        service(ports=[{"port": 80, "targetPort": 80, "protocol": "TCP", **port}]),
        endpoint_slice("web", [endpoint("web-1")]),
        *more,
    ]


def healthy(asked: Asked) -> Said:
    """A container with all tools, in a cluster where everything works."""
    if asked.argv[0] == "cat":
        return Said(RESOLVER.encode())
    if asked.argv[0] == "nslookup":
        full = (
            "web.shop.svc.cluster.local"
            if "web" in asked.argv[-1]
            else "kubernetes.default.svc.cluster.local"
        )
        address = "10.96.0.10" if "web" in asked.argv[-1] else "10.96.0.1"
        return Said(
            f"Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\nName:\t{full}\nAddress: {address}\n".encode()
        )
    return Said(b"200\n")


@contextmanager
def served(folder: Path, items: list[dict[str, Any]] | None = None, **options: Any) -> Iterator[ApiServer]:
    case = make_case(folder / "case", items or shop())
    with serve_case(case, **{"run": healthy, **options}) as server:
        yield server


def without(*tools: str, pod: str = "client") -> Callable[[Asked], Said]:
    def run(asked: Asked) -> Said:
        if asked.pod.startswith(pod) and asked.argv[0] in tools:
            return Said(missing=not_found(asked.argv[0]))
        return healthy(asked)

    return run


OPTIONS: dict[str, Any] = {"namespace": "shop", "target": "service/web"}


def test_without_permission_nothing_is_written_and_the_commands_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path) as server:
        for client in ("", "pod/client"):
            run = Run(server, tmp_path, monkeypatch, allow_actions=False, client=client, **OPTIONS)
            assert "kubectl exec" in run.exhibits
            assert "nslookup -timeout=2 web.shop.svc.cluster.local" in run.exhibits
            assert ("kubectl run services-probe -n shop" in run.exhibits) is not client
            assert {run.steps[one].status for one in ("SV-04", "SV-08", "SV-11", "SV-15")} == {"skipped"}
        assert writes(server) == []
        assert server.exec.asked == []


def test_the_client_asks_itself_where_it_has_the_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, client="pod/client", **OPTIONS)
        assert server.writes.made == []
        assert {one.pod for one in server.exec.asked} == {"client", "web-1"}
    codes = {code for _, code, _ in run.codes}
    assert {"ServiceDnsOk", "ClusterDnsOk", "ServiceIpOk", "PodEndpointsOk", "HairpinOk"} <= codes
    assert run.headline is None or run.headline.severity == "ok"


def test_without_a_client_a_restricted_probe_pod_asks_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path, enforce={"shop": "restricted"}) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, **OPTIONS)
        (name,) = server.writes.made
        assert name.startswith("services-probe-")
        assert server.writes.deleted == [name]
        assert {one.pod for one in server.exec.asked} == {name, "web-1"}
        of_probe = f"/api/v1/namespaces/shop/pods/{name}"
        ways_in = {f"{of_probe}/exec", "/api/v1/namespaces/shop/pods/web-1/exec"}
        assert set(writes(server)) == {"/api/v1/namespaces/shop/pods", of_probe, *ways_in}
    found = {one.code for one in run.findings}
    assert {"ProbePodReady", "ServiceDnsOk", "ServiceIpOk", "PodEndpointsOk", "HairpinOk"} <= found
    assert IMAGE in run.exhibits
    assert "restricted" in run.exhibits


def test_a_probe_asks_only_what_the_client_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(tmp_path, run=without("curl")) as server:
        Run(server, tmp_path, monkeypatch, allow_actions=True, client="pod/client", **OPTIONS)
        (name,) = server.writes.made
        assert {one.argv[0] for one in server.exec.asked if one.pod == name} == {"curl"}
        # Once is enough to know that it has none.
        assert [one.argv[0] for one in server.exec.asked if one.pod == "client"].count("curl") == 1


def test_getent_answers_where_the_client_has_no_nslookup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(asked: Asked) -> Said:
        if asked.argv[0] == "getent":
            return Said(b"10.96.0.10      STREAM web.shop.svc.cluster.local\n")
        return without("nslookup")(asked)

    with served(tmp_path, run=run) as server:
        found = Run(server, tmp_path, monkeypatch, allow_actions=True, client="pod/client", **OPTIONS)
        assert server.writes.made == []
    assert "ServiceDnsOk" in {code for _, code, _ in found.codes}


def test_an_image_without_tools_leaves_everything_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path, run=lambda asked: Said(missing=not_found(asked.argv[0]))) as server:
        run = Run(
            server, tmp_path, monkeypatch, allow_actions=True, probe_image="example.com/bare:1", **OPTIONS
        )
        assert server.writes.deleted == server.writes.made != []
    assert "Image example.com/bare:1 lacks cat, curl, nslookup" in run.exhibits
    assert {run.steps[one].status for one in ("SV-04", "SV-08", "SV-11", "SV-15")} == {"skipped"}


def test_a_probe_that_cannot_start_says_why_and_goes_and_alarms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(made: dict[str, Any]) -> None:
        waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
        status = {"name": "probe", "image": IMAGE, "imageID": "", "ready": False, "restartCount": 0}
        made["status"] = {
            "phase": "Pending",
            "containerStatuses": [{**status, "state": {"waiting": waiting}}],
        }

    monkeypatch.setenv(CASE_OUT, str(tmp_path / "case.zip"))
    with served(tmp_path, becomes=stuck) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, **OPTIONS)
        assert server.writes.deleted == server.writes.made != []
        # The pod behind the Service is not asked: nobody else was answered.
        assert server.exec.asked == []
    (failed,) = (one for one in run.findings if one.code == "ProbePodFailed")
    assert failed.severity == "info"
    assert "ImagePullBackOff: Back-off pulling image" in failed.summary
    monkeypatch.delenv(CASE_OUT)
    again = notebook.open("services", case=str(tmp_path / "case.zip"), **OPTIONS)
    assert [one.code for one in again.client_pod().data.findings] == ["ProbePodFailed"]


@pytest.mark.parametrize(
    ("deny", "said"),
    [
        (["create pods"], "create pods: not permitted"),
        (["delete pods"], "delete pods: not permitted"),
        (["create pods/exec", "get pods/exec"], "commands may not be run"),
    ],
)
def test_what_is_not_permitted_is_not_tried(
    deny: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path, deny=deny) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, **OPTIONS)
        assert server.writes.made == []
        assert server.exec.asked == []
    assert said in run.exhibits


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_probe_goes_whatever_ends_the_asking(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform = LiveActor.perform

    def ends(self: LiveActor, planned: Any) -> Any:
        if planned.action.argv[:1] == ("curl",):
            raise error
        return perform(self, planned)

    monkeypatch.setattr(LiveActor, "perform", ends)
    with served(tmp_path) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
        session = notebook.open("services", allow_actions=True, **OPTIONS)
        if error is KeyboardInterrupt:
            with pytest.raises(KeyboardInterrupt):
                session.client_pod()
        else:
            assert session.client_pod().data.status == "failed"
        assert server.writes.deleted == server.writes.made != []


def policy(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "NetworkPolicy",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": ago(7200)},
        "spec": spec,
    }


def test_a_probe_sends_no_request_where_policies_let_in_only_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = {"podSelector": {"matchLabels": {"role": "frontend"}}}
    only = policy("only-frontend", podSelector={"matchLabels": {"app": "web"}}, ingress=[{"from": [peer]}])
    with served(tmp_path, shop(only)) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, **OPTIONS)
        assert {one.argv[0] for one in server.exec.asked} == {"cat", "nslookup"}
    assert "No request was sent to web" in run.exhibits
    assert not [one for one in run.findings if one.code.startswith(("ServiceIp", "PodEndpoint"))]


def test_no_probe_is_made_where_a_policy_limits_what_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = policy("no-way-out", podSelector={}, policyTypes=["Egress"])
    with served(tmp_path, shop(closed)) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, **OPTIONS)
        assert server.writes.made == []
    assert "No probe pod was made: NetworkPolicy no-way-out limits what leaves it" in run.exhibits


@pytest.mark.parametrize(
    "port", [{"port": 5432}, {"name": "grpc"}, {"appProtocol": "kubernetes.io/h2c"}, {"name": "https"}]
)
def test_servers_that_do_not_speak_http_are_sent_no_request(
    port: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path, shop(**port)) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, client="pod/client", **OPTIONS)
        assert {one.argv[0] for one in server.exec.asked} == {"cat", "nslookup"}
    assert "No port of Service web says that it speaks HTTP" in run.exhibits


def test_what_is_asked_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [node("n1"), running_pod("client", "10.0.0.200")]
    items += [running_pod(f"web-{number}", f"10.0.0.{number + 1}") for number in range(12)]
    for number in range(6):
        name = f"svc-{number}"
        endpoints = [endpoint(f"web-{one}", address=f"10.0.0.{one + 1}") for one in range(12)]
        items += [service(name, clusterIP=f"10.96.1.{number}"), endpoint_slice(name, endpoints)]
    with served(tmp_path, items) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, namespace="shop", client="pod/client")
        asked = [one.argv for one in server.exec.asked]
        reviews = server.count("selfsubjectaccessreviews")
    assert "Of 6 Services only svc-0, svc-1, svc-2 were asked about" in run.exhibits
    assert len(asked) <= 3 * (3 + 3 + 5 + 12) + 2
    assert sum("10.96.1.0:80" in one[-1] for one in asked) == 3 + 12
    assert reviews < 40


def test_it_ends_in_time_and_says_what_was_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_BUDGET", 5.0)  # less than the first command may take
    with served(tmp_path) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, client="pod/client", **OPTIONS)
        assert server.exec.asked == []
    assert "No time was left" in run.exhibits
    assert any("asked from inside the cluster" in one for one in run.closing.coverage.truncated)


def test_it_is_asked_once_however_often_the_cell_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, client="pod/client", **OPTIONS)
        before = len(server.exec.asked)
        run.session.client_pod()
        assert len(server.exec.asked) == before


def test_another_domain_of_the_cluster_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(asked: Asked) -> Said:
        if asked.argv[0] == "cat":
            return Said(RESOLVER.replace("cluster.local", "corp.example").encode())
        return healthy(asked)

    with served(tmp_path, run=run) as server:
        Run(server, tmp_path, monkeypatch, allow_actions=True, client="pod/client", **OPTIONS)
        names = [one.argv[-1] for one in server.exec.asked if one.argv[0] == "nslookup"]
    assert names == ["web", "web.shop", "web.shop.svc.corp.example", "kubernetes.default"]


def test_a_client_that_does_not_run_leaves_it_to_a_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = shop()
    items[2]["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    with served(tmp_path, items) as server:
        Run(server, tmp_path, monkeypatch, allow_actions=True, client="pod/client", **OPTIONS)
        (name,) = server.writes.made
        assert "client" not in {one.pod for one in server.exec.asked}
        assert server.writes.deleted == [name]


def test_a_pod_without_curl_leaves_the_way_back_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(tmp_path, run=without("curl", pod="web-1")) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, client="pod/client", **OPTIONS)
    assert "Pod web-1 has no curl" in run.exhibits
    assert run.steps["SV-15"].status == "skipped"
    assert "PodEndpointsOk" in {code for _, code, _ in run.codes}


def test_an_actor_that_refuses_the_command_at_the_last_moment_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = LiveActor.plan

    def planned(self: LiveActor, action: Action) -> Any:
        found = plan(self, action)
        if action.kind == "command":
            server.deny.add("create pods/exec")
        return found

    monkeypatch.setattr(LiveActor, "plan", planned)
    with served(tmp_path) as server:
        run = Run(server, tmp_path, monkeypatch, allow_actions=True, client="pod/client", **OPTIONS)
        assert server.exec.asked == []
        assert server.writes.made == []
    assert "Not everything was asked" in run.exhibits
    assert [one for one in run.closing.coverage.refused if "pods/exec" in one.what]


def test_a_case_is_never_asked(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", shop())
    session = notebook.open("services", case=str(case), allow_actions=True, **OPTIONS)
    cluster = session._cluster
    assert isinstance(cluster, Cluster)
    shown = str(session.client_pod().data.exhibits)
    assert "What can be asked from inside the cluster" in shown
    assert cluster.given_transcripts == []
