"""The crictl guide on made output: crictl itself, its endpoint, the runtime's state, logs and commands."""

# ruff: noqa: E501 - what tools print, as they print it

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from kuberunbooks.cluster import Transcript
from kuberunbooks.guides.rules.container_sections import pieces, script
from kuberunbooks.guides.rules.crictl_read import read_runtimes
from tests.conftest import Diagnosis
from tests.guides.test_crictl_lists import Examine, run
from tests.support.made_cases import NOW, node
from tests.support.made_crictl import CONFIG, VERSION, Outputs, info

# As crictl 1.26 to 1.36 write them (cri-tools, kubernetes issues 131164 and 114956).
DEFAULTS = (
    "WARN[0000] runtime connect using default endpoints: [unix:///run/containerd/containerd.sock "
    "unix:///run/crio/crio.sock unix:///var/run/cri-dockerd.sock]. As the default settings are now deprecated, "
    "you should set the endpoint instead.\n"
)
NO_SOCKET = (
    'FATA[0002] validate service connection: validate CRI v1 runtime API for endpoint "unix:///run/crio/crio.sock": '
    'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix '
    '/run/crio/crio.sock: connect: no such file or directory"\n'
)
OLD = (
    "FATA[0000] validate service connection: validate CRI v1 runtime API for endpoint "
    '"unix:///run/containerd/containerd.sock": rpc error: code = Unimplemented desc = unknown service '
    "runtime.v1.RuntimeService\n"
)
SLOW = "FATA[0002] listing containers: rpc error: code = DeadlineExceeded desc = context deadline exceeded\n"
DENIED = (
    "FATA[0000] validate service connection: validate CRI v1 runtime API for endpoint "
    '"unix:///run/containerd/containerd.sock": rpc error: code = Unavailable desc = connection error: desc = '
    '"transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: permission denied"\n'
)


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "outputs")


def worker(
    *, ready: str = "True", kubelet: str = "v1.36.2", runtime: str = "containerd://2.1.3"
) -> dict[str, object]:
    made = node(ready=ready)
    made["status"]["nodeInfo"] = {"kubeletVersion": kubelet, "containerRuntimeVersion": runtime}
    return made


def test_a_well_set_up_crictl_is_silent(examine: Examine, outputs: Outputs) -> None:
    outputs.add("cat /etc/crictl.yaml", CONFIG).add("crictl --version", "crictl version v1.36.0\n")
    outputs.add("crictl version", VERSION).add("crictl info --quiet", info())
    found = run(examine, [worker()], outputs)
    assert found.serious() == set()
    assert {"CrictlReady", "CrictlEndpointSet", "RuntimeReady"} <= found.codes()
    assert "CrictlVersionSkew" not in found.codes()
    assert "RuntimeVersionDiffers" not in found.codes()


def test_versions_that_do_not_go_together_are_told(examine: Examine, outputs: Outputs) -> None:
    outputs.add("crictl --version", "crictl version 1.30.0\n").add("crictl version", VERSION)
    found = run(examine, [worker(runtime="containerd://1.7.13")], outputs)
    assert found.one("CrictlVersionSkew").facts["older"] is True
    assert found.one("RuntimeVersionDiffers").facts["known"] == "1.7.13"
    assert found.serious() == set()


def test_a_guessed_endpoint_that_works_is_only_mentioned(examine: Examine, outputs: Outputs) -> None:
    outputs.add("crictl version", VERSION, stderr=DEFAULTS)
    found = run(examine, [worker()], outputs)
    assert found.one("CrictlEndpointUnset").severity == "info"
    assert found.serious() == set()


def test_the_socket_of_dockershim_and_that_of_another_runtime_are_told(
    examine: Examine, tmp_path: Path
) -> None:
    for name, socket in (("shim", "unix:///var/run/dockershim.sock"), ("crio", "unix:///run/crio/crio.sock")):
        given = Outputs(tmp_path / name).add("cat /etc/crictl.yaml", f"runtime-endpoint: {socket}\n")
        assert run(examine, [worker()], given).serious() == {"CrictlEndpointObsolete"}


@pytest.mark.parametrize(
    ("said", "why", "ready", "severity"),
    [
        (NO_SOCKET, "absent", "True", "warning"),
        (NO_SOCKET, "absent", "False", "critical"),
        (OLD, "old", "True", "warning"),
    ],
)
def test_why_there_is_no_connection_is_told(
    examine: Examine, outputs: Outputs, said: str, why: str, ready: str, severity: str
) -> None:
    outputs.add("crictl ps", stderr=said, code=1)
    one = run(examine, [worker(ready=ready)], outputs).one("CrictlConnectFailed")
    assert (one.facts["why"], one.severity) == (why, severity)


def test_of_guessed_sockets_only_the_last_has_to_answer(examine: Examine, outputs: Outputs) -> None:
    outputs.add("crictl version", VERSION, stderr=DEFAULTS + NO_SOCKET.replace("FATA", "ERRO"))
    assert run(examine, [worker()], outputs).serious() == set()


def test_a_passed_deadline_is_told_with_the_deadline(examine: Examine, outputs: Outputs) -> None:
    outputs.add("cat /etc/crictl.yaml", CONFIG).add("crictl version", VERSION).add(
        "crictl ps -a", stderr=SLOW, code=1
    )
    one = run(examine, [worker()], outputs).one("CrictlDeadlineExceeded")
    assert (one.facts["timeout"], one.facts["answers"]) == (10, True)


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ("sh: crictl: not found\n", True),
        ("bash: crictl: command not found\n", True),
        ("chroot: failed to run command ‘crictl’: No such file or directory\n", True),
        (DENIED, False),
    ],
)
def test_no_crictl_and_no_rights_are_no_alarm(
    examine: Examine, outputs: Outputs, said: str, missing: bool
) -> None:
    outputs.add("crictl ps", stderr=said, code=127)
    found = run(examine, [worker()], outputs)
    assert found.one("CrictlUnavailable").facts["missing"] is missing
    assert found.serious() == set()


def test_a_runtime_or_network_that_is_not_ready_is_critical(examine: Examine, tmp_path: Path) -> None:
    network = Outputs(tmp_path / "network").add(
        "crictl info", info(network=False, message="Network plugin returns error: cni plugin not initialized")
    )
    found = run(examine, [worker(ready="False")], network)
    assert found.one("RuntimeNetworkNotReady").severity == "critical"
    assert "cni plugin not initialized" in found.one("RuntimeNetworkNotReady").summary
    runtime = Outputs(tmp_path / "runtime").add("crictl info", info(ready=False, message="no disk"))
    assert "RuntimeNotReady" in run(examine, [worker(ready="False")], runtime).serious()


def test_a_fresh_node_may_have_no_network_yet(examine: Examine, outputs: Outputs) -> None:
    fresh = worker(ready="False")
    fresh["metadata"]["creationTimestamp"] = "2026-11-23T11:59:00Z"  # type: ignore[index]
    outputs.add("crictl info", info(network=False, message="cni plugin not initialized"))
    assert run(examine, [fresh], outputs).one("RuntimeNetworkNotReady").severity == "info"


def test_warnings_of_containerd_are_mentioned(examine: Examine, outputs: Outputs) -> None:
    outputs.add("crictl info", info(deprecated='{"io.containerd.deprecation/cri-registry-mirrors":"…"}'))
    found = run(examine, [worker()], outputs)
    assert "RuntimeDeprecations" in found.codes()
    assert found.serious() == set()


@pytest.mark.parametrize(("off", "told"), [(95, True), (-400, True), (2, False)])
def test_a_clock_that_is_off_is_told(examine: Examine, outputs: Outputs, off: int, told: bool) -> None:
    outputs.add("date -u +%s", str(int((NOW + timedelta(seconds=off)).timestamp())) + "\n").add(
        "crictl version", VERSION
    )
    found = run(examine, [worker()], outputs)
    assert ("NodeClockOff" in found.serious()) is told


def test_logs_and_commands_by_crictl_are_read(examine: Examine, outputs: Outputs) -> None:
    outputs.add(
        "crictl logs --tail=100 4c1b608e89ede", "starting\npanic: cannot open /data/db: no such host\n"
    )
    outputs.add("crictl logs 5c1b608e89ede", stderr='FATA[0000] failed to try resolving symlinks in path "/var/log/pods/x": '
                "lstat /var/log/pods/x: no such file or directory\n", code=1)  # fmt: skip
    outputs.add("crictl exec 4c1b608e89ede ls", "bin\netc\n")
    outputs.add("crictl exec -i -t 6c1b608e89ede sh", code=1, stderr=(
        'FATA[0000] execing command in container: failed to exec in container: OCI runtime exec failed: exec failed: '
        'unable to start container process: exec: "sh": executable file not found in $PATH\n'))  # fmt: skip
    found = run(examine, [worker()], outputs)
    assert found.one("RuntimeLogCaptured").facts["is_error"] is True
    assert found.one("RuntimeLogMissing").facts["id"] == "5c1b608e89ede"
    assert found.one("RuntimeExecOk").facts["id"] == "4c1b608e89ede"
    assert found.one("RuntimeExecFailed").facts["exe"] == "sh"


def test_the_output_of_one_script_is_taken_apart() -> None:
    taken = list(
        pieces(Transcript(stdout="junk\n=== runbook runs: crictl ps -a\nCONTAINER\n\n=== runbook exit: 3\n"))
    )
    assert [(one.argv, one.stdout, one.exit_code) for one in taken] == [
        (["crictl", "ps", "-a"], "CONTAINER\n", 3)
    ]
    assert "echo '=== runbook exit: '$c" in script({"id": "id"})


def test_output_of_other_programs_is_nobodys_runtime() -> None:
    other = [
        Transcript(argv=["ps", "aux"], stdout="PID   USER     COMMAND\n"),
        Transcript(stdout="FATA[0000] something of another program: permission denied\n"),
        Transcript(stdout='{"apiVersion": "v1", "kind": "List", "items": []}'),
        Transcript(stdout="{"),
    ]
    assert read_runtimes(other, "n1") == {}


def test_the_incident_debugging_says_how_to_ask(diagnose: Callable[..., Diagnosis]) -> None:
    found = diagnose("debugging", "node/lab-node-1", guide="crictl")
    assert found.serious() == set()
    assert {step.status for step in found.steps.values()} == {"skipped", "info"}
    assert found.headline is not None
    assert found.headline.code == "CrictlNotAsked"
    table = next(one for one in found.steps["CR-01"].exhibits if getattr(one, "rows", None))
    by_hand = table.rows[0][-1]
    assert by_hand.startswith("kubectl debug node/lab-node-1 -it -n debugging --profile=sysadmin")
    assert "-- chroot /host sh -c '" in by_hand


def test_the_healthy_cluster_is_silent(diagnose: Callable[..., Diagnosis]) -> None:
    assert diagnose("healthy", guide="crictl").serious() == set()
