"""Asking Windows nodes: in a HostProcess pod where that is allowed, by what was pasted, or not at all.

The API server is the test server; what PowerShell prints is made, not recorded.
"""

from __future__ import annotations

import base64
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kuberunbooks import notebook
from kuberunbooks.acting import run_command
from kuberunbooks.cluster import Transcript, TranscriptTarget
from kuberunbooks.cluster.case_output import CASE_OUT
from kuberunbooks.cluster.decode import decode_item
from kuberunbooks.findings import Finding, Table
from kuberunbooks.guides.rules.windows_session import Piece, pieces
from kuberunbooks.guides.windows_networking import host_pod, hosts
from kuberunbooks.guides.windows_networking.heard import LAST_QUESTION
from kuberunbooks.objects import Node as KubernetesNode
from tests.support.api_server import ApiServer, Fault, serve_case
from tests.support.exec_server import Asked, Misbehaviour, Said
from tests.support.kubectl_debug import KUBECTL
from tests.support.made_cases import make_case
from tests.support.made_windows import (
    ADAPTERS_TABLE,
    IPCONFIG,
    NETWORKS_JSON,
    check_texts,
    cni_conf,
    endpoints_json,
    healthy_windows,
    kubeadm,
    linux_node,
    stuck,
    windows_node,
)

Run = Callable[..., Any]
GUIDE = "windows-networking"
PROXY = "http://joe:hunter2hunter2@proxy.test:443/"


def printed(*exceptions: str, networks: str = NETWORKS_JSON) -> str:
    """What the script prints on a node, in its order: to Get-HnsNetwork `networks`."""
    ranges = exceptions or ("10.244.0.0/16", "10.96.0.0/12", "10.127.130.0/24")
    answers = {
        "hostname": "win-1\n",
        "ipconfig /all": IPCONFIG,
        "Get-HnsNetwork": networks,
        "Get-NetAdapter": ADAPTERS_TABLE,
        "Get-HnsEndpoint": endpoints_json("10.244.4.7", "10.244.4.8"),
        "Get-Content config.toml": "",
        "Get-Content cni.conf": cni_conf(*ranges),
        "Get-CimInstance Win32_Process": "",
        "Get-ChildItem SourceVip": "",
        "Get-Content subnet.env": "",
        "proxies": f"HTTP_PROXY=\nHTTPS_PROXY={PROXY}\n",
    }
    text = "".join(f"PS> {question}\n{answer}\n" for question, answer in answers.items())
    return text.replace("\n", "\r\n")


class Node:
    """PowerShell in the HostProcess pods of a test server: prints the same for every script."""

    def __init__(self, said: Said | None = None) -> None:
        self.said = said or Said(stdout=printed().encode())
        self.scripts: list[str] = []

    def __call__(self, asked: Asked) -> Said:
        assert asked.argv[0] == "powershell.exe"
        assert not asked.stdin
        self.scripts.append(base64.b64decode(asked.argv[-1]).decode("utf-16-le"))
        return self.said


class Outcome:
    """A session that has come to its end."""

    def __init__(self, session: notebook.Session) -> None:
        assert session.start.failure is None, session.start.failure
        for name in session.step_names:
            getattr(session, name)()
        self.closing = session.summary().data
        self.steps = {step.id: step for step in session.steps}
        self.findings: list[Finding] = [one for step in session.steps for one in step.findings]
        failed = [f"{step.id}: {step.error}" for step in session.steps if step.status == "failed"]
        assert not failed, failed
        check_texts(self)

    def codes(self) -> list[tuple[str, str]]:
        """Code and subject of all that was found, in order."""
        return [(one.code, one.subject.name) for one in self.findings]

    def one(self, code: str) -> Finding:
        """The only finding of that code."""
        (found,) = [one for one in self.findings if one.code == code]
        return found

    def rows(self, step: str) -> list[dict[str, str]]:
        """What would be done, or is, as that step shows it."""
        tables = [one for one in self.steps[step].exhibits if isinstance(one, Table)]
        return [
            dict(zip((column.name for column in one.columns), row, strict=True))
            for one in tables
            for row in one.rows
        ]


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`live(items, run=Node(), allow_actions=True)`: a run on a test server, and the server."""
    monkeypatch.setenv(CASE_OUT, str(tmp_path / "case.zip"))

    def run(
        items: Any,
        target: str = "",
        *,
        namespace: str = "shop",
        allow_actions: bool = True,
        misbehaviour: Misbehaviour | None = None,
        pasted: str = "",
        **options: Any,
    ) -> tuple[Outcome, ApiServer]:
        case = make_case(tmp_path / "made", items)
        with serve_case(case, **{"run": Node(), **options}) as server:
            server.exec.misbehaviour = misbehaviour or Misbehaviour()
            monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
            session = notebook.open(
                GUIDE, namespace=namespace, target=target, allow_actions=allow_actions, pasted=pasted
            )
            return Outcome(session), server

    return run


@pytest.fixture
def again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`again(target)`: a run on the case that the live one has written; nothing is allowed."""

    def run(target: str = "", namespace: str = "shop") -> Outcome:
        monkeypatch.delenv(CASE_OUT, raising=False)
        return Outcome(
            notebook.open(GUIDE, case=str(tmp_path / "case.zip"), namespace=namespace, target=target)
        )

    return run


def writes(server: ApiServer) -> list[str]:
    """What was sent that is no read and no review, trials too."""
    return [
        f"{one.method} {one.path}"
        for one in server.requests
        if one.method != "GET" and "review" not in one.path
    ]


# -- allowed --


def test_a_node_is_asked_in_a_pod_that_is_gone_afterwards_and_judged_by_the_same_rules(
    live: Run, again: Run
) -> None:
    node = Node(Said(stdout=printed("10.244.0.0/16").encode()))
    found, server = live(healthy_windows(), run=node)
    assert found.one("WindowsHostAnswered").subject.name == "win-1"
    assert found.one("WindowsPodNetworkPresent").subject.name == "win-1"
    assert "ExceptionListIncomplete" in dict(found.codes())
    (made,) = server.writes.made
    assert made.startswith("windows-checks-win-1-")
    assert server.writes.deleted == [made]
    assert [row["permitted"] for row in found.rows("WN-16")] == ["yes, tried with a dry run", "yes"]
    assert again().codes() == found.codes()


def test_what_is_run_is_the_script_that_the_report_prints(live: Run) -> None:
    node = Node()
    asked, _ = live(healthy_windows(), run=node)
    found, _ = live(healthy_windows(), allow_actions=False)
    shown = found.one("WindowsHostScript").next[0].command
    assert asked.one("WindowsHostAnswered").next[0].command == shown
    script = shown.removeprefix("cat > windows-checks.ps1 <<'EOF'\n").removesuffix("EOF")
    assert script in node.scripts[0]
    assert f'"PS> {LAST_QUESTION}"' in script.splitlines()[-3]


def test_errors_are_told_between_the_answers_and_the_text_is_utf_8() -> None:
    argv = host_pod.encoded('"PS> hostname"\nhostname')
    script = base64.b64decode(argv[-1]).decode("utf-16-le")
    assert "\n} *>&1" in script
    assert "UTF8Encoding" in script
    # Otherwise standard error comes as XML.
    assert argv[argv.index("-OutputFormat") + 1] == "Text"
    assert len(" ".join(argv)) < 32_767


def test_the_pod_that_is_made_is_the_one_that_is_printed(live: Run) -> None:
    found, _ = live(healthy_windows(), allow_actions=False)
    (by_hand,) = [
        step.command for step in found.one("WindowsHostScript").next if "hostProcess" in step.command
    ]
    manifest = yaml.safe_load(by_hand.partition("<<'EOF'\n")[2].partition("EOF\n")[0])
    row = found.rows("WN-15")[0]
    words = row["by hand"].split(" '--overrides=")
    overrides = json.loads(words[1].removesuffix("'"))
    assert overrides["spec"].pop("activeDeadlineSeconds") == 600
    assert overrides["spec"] == manifest["spec"]
    assert f"--image={manifest['spec']['containers'][0]['image']}" in words[0]


def test_a_command_that_failed_does_not_say_that_there_is_nothing(live: Run) -> None:
    missing = "Get-HnsNetwork : The term 'Get-HnsNetwork' is not recognized as the name of a cmdlet\n"
    text = printed(networks=missing).replace("vEthernet (Ethernet 2)", "Ethernet 3")
    found, _ = live(healthy_windows(), run=Node(Said(stdout=text.encode())))
    assert "WindowsVirtualAdapterMissing" not in dict(found.codes())
    empty = printed(networks="").replace("vEthernet (Ethernet 2)", "Ethernet 3")
    found, _ = live(
        healthy_windows(), run=Node(Said(stdout=empty.replace("Hyper-V Virtual", "Real").encode()))
    )
    assert found.one("WindowsVirtualAdapterMissing").subject.name == "win-1"


def test_secrets_the_node_prints_are_in_no_finding_and_no_case(live: Run, tmp_path: Path) -> None:
    found, _ = live(healthy_windows())
    assert "hunter2hunter2" not in repr(found.steps) + repr(found.closing)
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        kept = b"".join(archive.read(name) for name in archive.namelist())
    assert b"PS> proxies" in kept
    assert b"hunter2" not in kept


def test_at_most_three_ready_nodes_are_asked_those_in_trouble_first(live: Run) -> None:
    nodes = [windows_node(f"win-{n}", address=f"10.127.130.{20 + n}") for n in range(1, 6)]
    nodes.append(windows_node("win-6", ready="Unknown", reason="NodeStatusUnknown", since=4000))
    node = Node()
    sick = [stuck("iis-5", on="win-5"), stuck("iis-6", on="win-6")]
    found, server = live([linux_node(), kubeadm(), *nodes, *sick], run=node)
    assert [name.rpartition("-")[0] for name in server.writes.made] == [
        "windows-checks-win-5",
        "windows-checks-win-1",
        "windows-checks-win-2",
    ]
    assert server.writes.deleted == server.writes.made
    assert any("At most 3 ready nodes" in repr(one) for one in found.steps["WN-16"].exhibits)


def test_only_the_node_that_was_named_is_asked(live: Run) -> None:
    items = [*healthy_windows(), windows_node("win-2", address="10.127.130.22", cidr="10.244.5.0/24")]
    found, server = live(items, "node/win-2")
    assert [name.rpartition("-")[0] for name in server.writes.made] == ["windows-checks-win-2"]
    assert found.one("WindowsHostAnswered").subject.name == "win-2"


def test_a_node_that_is_lost_is_not_asked(live: Run) -> None:
    lost = windows_node(ready="Unknown", reason="NodeStatusUnknown", since=4000)
    found, server = live([linux_node(), lost])
    assert writes(server) == []
    assert found.steps["WN-16"].verdict.startswith("No Windows node in question is ready")


def test_who_has_answered_is_not_asked_again(live: Run) -> None:
    found, server = live(healthy_windows(), "node/win-1", pasted=printed())
    assert writes(server) == []
    assert found.one("WindowsHostAnswered").subject.name == "win-1"
    assert found.one("WindowsPodNetworkPresent").subject.name == "win-1"
    # What the answers do not show is not asked with the same script again.
    assert "WindowsHostScript" not in dict(found.codes())
    assert any("the arguments of kube-proxy" in repr(one) for one in found.steps["WN-15"].exhibits)


@pytest.mark.skipif(not KUBECTL.exists(), reason="kubectl of the dev extra is not installed")
def test_kubectl_makes_the_same_pod_by_hand(tmp_path: Path) -> None:
    node, _ = decode_item(KubernetesNode, json.dumps(windows_node()).encode(), "made")
    pod = host_pod.asking(node).pod
    kinds = {"name": "pods", "singularName": "pod", "kind": "Pod", "namespaced": True}
    pods = {**kinds, "verbs": ["create", "get", "list"]}
    discovery = {
        r"^/api\?": {"kind": "APIVersions", "versions": ["v1"]},
        r"^/apis\?": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
        r"^/api/v1\?": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [pods]},
    }
    answers = [Fault(match, body=json.dumps(answer).encode()) for match, answer in discovery.items()]
    with serve_case(make_case(tmp_path / "made", healthy_windows()), faults=answers) as server:
        config = server.kubeconfig(tmp_path / "config")
        argv = [str(KUBECTL), f"--kubeconfig={config}", *pod.kubectl[1:]]
        env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=30, env=env, check=False)
        assert ended.returncode == 0, ended.stderr
        made = server.writes.find(pod.namespace, pod.name)
    assert made is not None
    (container,) = made["spec"].pop("containers")
    (wanted,) = pod.manifest["spec"]["containers"]
    assert {name: container[name] for name in wanted} == wanted
    assert {name: made["spec"][name] for name in pod.manifest["spec"] if name in made["spec"]} == {
        name: value for name, value in pod.manifest["spec"].items() if name != "containers"
    }


# -- refused, and what goes wrong --


@pytest.mark.parametrize(
    ("options", "why", "asks"),
    [
        (
            {"deny": ["create pods"]},
            "create pods in namespace kube-system is not permitted",
            "kubectl auth can-i create pods -n kube-system",
        ),
        (
            {"deny": ["get pods"]},
            "get pods in namespace kube-system is not permitted",
            "kubectl auth can-i get pods -n kube-system",
        ),
        (
            {"deny": ["create pods/exec", "get pods/exec"]},
            "create pods/exec in namespace kube-system is not permitted",
            "kubectl auth can-i create pods --subresource=exec -n kube-system",
        ),
        (
            {"enforce": {"kube-system": "baseline"}},
            'the API server would not take the pod: pods "windows-checks-win-1-',
            "",
        ),
    ],
)
def test_what_is_refused_is_said_and_nothing_is_made(
    options: dict[str, Any], why: str, asks: str, live: Run
) -> None:
    found, server = live(healthy_windows(), **options)
    refused = found.one("WindowsHostUnanswered")
    assert refused.facts["why"].startswith(why)
    assert [step.command for step in refused.next if step.command] == ([asks] if asks else [])
    if "enforce" in options:
        assert 'violates PodSecurity "baseline:latest"' in refused.summary
    assert server.writes.made == []
    assert server.exec.asked == []
    assert any(row["permitted"].startswith("no: ") for row in found.rows("WN-16"))
    # What can be done by hand stays.
    still_open = found.one("WindowsHostChecksOpen")
    assert still_open.facts["node"] == "win-1"
    assert not any("allow_actions" in step.command for step in still_open.next)
    assert "WindowsHostScript" in dict(found.codes())


def test_a_pod_that_does_not_start_is_removed_and_its_reason_is_told_in_the_case_too(
    live: Run, again: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "WAIT_SECONDS", 0.2)

    def becomes(pod: dict[str, Any]) -> None:
        waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
        state = {"name": "shell", "state": {"waiting": waiting}, "ready": False, "restartCount": 0}
        pod["status"] = {"phase": "Pending", "containerStatuses": [state]}

    found, server = live(healthy_windows(), becomes=becomes)
    why = "its HostProcess pod did not run (Pending, ImagePullBackOff: Back-off pulling image)"
    assert found.one("WindowsHostUnanswered").facts["why"] == why
    assert server.writes.deleted == server.writes.made != []
    assert server.exec.asked == []
    assert again().one("WindowsHostUnanswered").facts["why"] == why


def test_a_script_that_is_cut_off_is_judged_as_far_as_it_came(live: Run, again: Run) -> None:
    began = printed()[: printed().index("PS> Get-Content config")].encode()
    lost = Misbehaviour(no_status=True)
    found, server = live(healthy_windows(), run=Node(Said(stdout=began)), misbehaviour=lost)
    assert found.one("WindowsHostUnanswered").facts["why"] == (
        "the script did not run to its end: the connection ended before the command did"
    )
    assert found.one("WindowsPodNetworkPresent").subject.name == "win-1"
    assert server.writes.deleted == server.writes.made != []
    assert "WindowsPodNetworkPresent" in dict(again().codes())


def test_a_pod_without_powershell_is_told_in_the_words_of_the_runtime(live: Run) -> None:
    found, server = live(healthy_windows(), run=Node(Said(missing="exec: powershell.exe: not found")))
    assert "exec: powershell.exe: not found" in found.one("WindowsHostUnanswered").summary
    assert server.writes.deleted == server.writes.made != []


def test_a_pod_that_ends_at_once_is_not_waited_for(live: Run) -> None:
    def becomes(pod: dict[str, Any]) -> None:
        pod["status"] = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource"}

    found, server = live(healthy_windows(), becomes=becomes)
    assert "(Failed, The node was low on resource)" in found.one("WindowsHostUnanswered").summary
    assert server.exec.asked == []
    assert server.writes.deleted == server.writes.made != []


# -- not allowed --


def test_without_permission_nothing_is_sent_and_what_would_be_done_is_shown(live: Run) -> None:
    found, server = live(healthy_windows(), allow_actions=False)
    assert writes(server) == []
    assert server.exec.asked == []
    assert found.steps["WN-16"].status == "skipped"
    assert "allow_actions=true" in found.steps["WN-16"].verdict
    pod, command = found.rows("WN-15")
    assert pod["request"].startswith("create pods/windows-checks-win-1-")
    assert pod["by hand"].startswith("kubectl run windows-checks-win-1-")
    assert command["request"].endswith("/exec -n kube-system")
    assert command["by hand"].endswith("-- powershell.exe -NoProfile -Command - < windows-checks.ps1'")
    assert {row["permitted"] for row in (pod, command)} == {"not asked"}
    assert any("allow_actions=true" in step.command for step in found.one("WindowsHostChecksOpen").next)


def test_a_case_shows_the_same(examine: Run) -> None:
    found = examine(healthy_windows(), guide=GUIDE, allow_actions=True)
    assert found.steps["WN-16"].status == "skipped"
    assert "What a run with allow_actions=true would do" in repr(found.steps["WN-15"].exhibits)


def test_a_name_that_is_no_node_name_is_in_no_action(live: Run) -> None:
    found, server = live([linux_node(), windows_node("win'\nreboot #")])
    assert writes(server) == []
    assert "reboot" not in repr(found.rows("WN-15"))


# -- pasted --


def test_what_was_pasted_is_judged_as_a_file_is(examine: Run, tmp_path: Path) -> None:
    file = tmp_path / "checks.txt"
    file.write_text(printed("10.244.0.0/16"), newline="")
    given = examine(healthy_windows(), "node/win-1", guide=GUIDE, transcripts=str(file))
    pasted = examine(healthy_windows(), "node/win-1", guide=GUIDE, pasted=printed("10.244.0.0/16"))
    assert "ExceptionListIncomplete" in pasted.codes()
    assert [(one.code, one.summary) for one in pasted.findings] == [
        (one.code, one.summary) for one in given.findings
    ]
    assert "hunter2hunter2" not in repr(pasted.session.steps) + repr(pasted.closing)


def test_with_several_nodes_pasted_text_needs_a_name(examine: Run) -> None:
    items = [*healthy_windows(), windows_node("win-2", address="10.127.130.22", cidr="10.244.5.0/24")]
    named = examine(items, guide=GUIDE, pasted=NETWORKS_JSON, transcripts_node="win-2")
    assert named.one("WindowsPodNetworkPresent").subject.name == "win-2"
    target = examine(items, "node/win-2", guide=GUIDE, pasted=NETWORKS_JSON)
    assert target.one("WindowsPodNetworkPresent").subject.name == "win-2"


# -- what was recorded --


def heard(argv: list[str], text: str, **fields: Any) -> list[Piece]:
    target = TranscriptTarget(kind="node", node="win-1")
    return list(pieces(Transcript(target=target, argv=argv, stdout=text, **fields)))


@pytest.mark.parametrize(
    "argv",
    [
        ["powershell.exe", "-NoProfile", "-EncodedCommand", "cABz"],
        ["C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe", "-File", "windows-checks.ps1"],
        ["pwsh", "-NoProfile", "-Command", "-"],
        ["kubectl", "exec", "-i", "windows-checks-win-1", "--", "powershell.exe", "-Command", "-"],
    ],
)
def test_what_a_script_printed_is_cut_at_its_prompts(argv: list[str]) -> None:
    found = heard(argv, "PS> Get-HnsNetwork\r\nPS> hostname\r\nwin-1\r\n", exit_code=0)
    assert [(one.command, one.is_empty) for one in found] == [("Get-HnsNetwork", True), ("hostname", False)]


def test_what_one_command_printed_is_not_cut() -> None:
    (found,) = heard(["powershell.exe", "-Command", "Get-Content notes.txt"], "PS> hostname\n", exit_code=0)
    assert found.command == "Get-Content notes.txt"


def test_only_a_script_that_ended_shows_that_its_last_command_printed_nothing() -> None:
    argv = run_command("x", "y", "z", host_pod.encoded("hostname")).argv
    assert heard(list(argv), "PS> Get-HnsNetwork\n", exit_code=0)[0].is_empty
    assert not heard(list(argv), "PS> Get-HnsNetwork\n", exit_code=None, partial=True)[0].is_empty
