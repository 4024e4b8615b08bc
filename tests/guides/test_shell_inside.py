"""The shell guide on made transcripts: every rule both ways, and the script run by real shells."""

# ruff: noqa: E501 - what tools print, as they print it

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.cluster import Transcript
from kuberunbooks.guides.rules.container_exec import outcome
from kuberunbooks.guides.rules.container_inside import listen
from kuberunbooks.guides.rules.container_script import inside_script
from kuberunbooks.guides.rules.proc_list import read_processes
from kuberunbooks.guides.rules.proc_mounts import mounted_at, read_mounts
from kuberunbooks.guides.rules.proc_sockets import Listener, listeners
from tests.conftest import Diagnosis
from tests.support.made_cases import ago, node, pod, running, stopped

Examine = Callable[..., Diagnosis]

NO_SHELL = (
    "error: Internal error occurred: error executing command in container: failed to exec in container: failed to "
    'start exec "4c1b": OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": '
    "executable file not found in $PATH: unknown\n"
)
# /proc/net/tcp and tcp6 as the kernel prints them: 127.0.0.1:8080, *:80, an established one, [::]:9090, [::1]:7000.
PROC_NET = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31337 1 0000000000000000 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31338 1 0000000000000000 100 0 0 10 0
   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 31339 1 0000000000000000 20 4 30 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:2382 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31340 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:1B58 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31341 1 0000000000000000 100 0 0 10 0
"""
MOUNTS = """overlay / overlay {root},relatime,lowerdir=/a:/b,upperdir=/c 0 0
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
/dev/vda1 /data ext4 {data},relatime 0 0
/dev/vda1 /with\\040blank ext4 rw,relatime 0 0
tmpfs /var/run/secrets/kubernetes.io/serviceaccount tmpfs ro,relatime,size=1024k 0 0
"""


class Said:
    """A folder of transcripts of one pod's container."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder

    def __call__(
        self,
        argv: list[str],
        stdout: str = "",
        *,
        stderr: str = "",
        code: int | None = 0,
        container: str = "app",
        **more: Any,
    ) -> Said:
        target = {"kind": "pod", "namespace": "shop", "pod": "web-1", "container": container}
        made = {
            "target": target,
            "argv": argv,
            "stdout": stdout,
            "stderr": stderr,
            "exit_code": code,
            "at": ago(0),
            **more,
        }
        (self.folder / f"{len(list(self.folder.iterdir())):03}.json").write_text(json.dumps(made))
        return self


@pytest.fixture
def said(tmp_path: Path) -> Said:
    return Said(tmp_path / "said")


def web(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Pod web-1 whose container app has these fields, up for an hour."""
    made = pod(spec={"containers": [{"name": "app", "image": "shop/web:1", **(container or {})}], **spec})
    made["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": ago(3600)}}
    return made


def look(examine: Examine, one: dict[str, Any], said: Said | None = None, **options: Any) -> Diagnosis:
    if said is not None:
        options["transcripts"] = str(said.folder)
    return examine([one, node()], "pod/web-1", guide="shell", **options)


@pytest.mark.parametrize("argv", [["sh", "-c", "id"], ["/bin/sh", "-c", "foo"]])
def test_a_shell_that_ran_is_there_also_when_its_command_was_not(
    examine: Examine, said: Said, argv: list[str]
) -> None:
    said(argv, stderr="sh: foo: not found\n", code=127)
    found = look(examine, web(), said)
    assert found.one("ShellAvailable").facts["shell"] == argv[0]
    assert "ShellMissing" not in found.codes()


def test_no_shell_is_no_fault(examine: Examine, said: Said) -> None:
    said(["sh", "-c", "id"], stderr=NO_SHELL, code=1)
    found = look(examine, web(), said)
    assert found.one("ShellMissing").facts["tried"] == ["sh"]
    assert found.serious() == set()


def test_a_shell_elsewhere_counts(examine: Examine, said: Said) -> None:
    said(["sh", "-c", "id"], stderr=NO_SHELL, code=1)
    said(["/busybox/sh", "-c", "id"], "uid=65532(nonroot) gid=65532(nonroot) groups=65532(nonroot)\n")
    found = look(examine, web(), said)
    assert found.one("ShellAvailable").facts["shell"] == "/busybox/sh"


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        (NO_SHELL, "absent"),
        (
            "OCI runtime exec failed: executable file `ls` not found: No such file or directory: OCI runtime attempted\n",
            "absent",
        ),
        (
            'Error from server (Forbidden): pods "web-1" is forbidden: User "bob" cannot create resource "pods/exec"',
            "forbidden",
        ),
        ("Error from server: error dialing backend: dial tcp 10.0.0.7:10250: i/o timeout\n", "unreached"),
        ('error: unable to upgrade connection: container not found ("app")\n', "unreached"),
        ("command terminated with exit code 2\n", "failed"),
    ],
)
def test_what_kubectl_says_tells_what_became_of_a_command(stderr: str, kind: str) -> None:
    assert outcome(Transcript(argv=["ls"], stderr=stderr, exit_code=1)).kind == kind


def test_an_output_that_was_cut_off_is_no_success() -> None:
    assert outcome(Transcript(argv=["cat", "x"], stdout="a", partial=True, why="its deadline")).kind == "cut"


def test_commands_that_do_not_get_there_are_told(examine: Examine, said: Said) -> None:
    said(
        ["ls"],
        stderr="Error from server: error dialing backend: dial tcp 10.0.0.7:10250: i/o timeout\n",
        code=1,
    )
    one = look(examine, web(), said).one("ExecStreamFailed")
    assert one.facts["kubelet"] is True
    assert one.facts["node"] == "n1"


def test_that_exec_is_forbidden_is_told_unless_a_later_command_got_in(examine: Examine, said: Said) -> None:
    refused = 'Error from server (Forbidden): pods "web-1" is forbidden: User "bob" cannot create resource "pods/exec"'
    said(["ls"], stderr=refused, code=1)
    assert look(examine, web(), said).serious() == {"ExecForbidden"}
    said(["ls"], "bin\n")
    assert look(examine, web(), said).serious() == set()


def test_the_first_of_several_containers_is_named_as_a_choice(examine: Examine) -> None:
    two = pod(containers=[running("app"), running("side")])
    assert look(examine, two).one("ContainerChoiceRequired").facts["first"] == "app"
    two["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "side"}
    assert "ContainerChoiceRequired" not in look(examine, two).codes()
    assert look(examine, two).one("ShellTargetRunning").subject.container == "side"


def test_a_container_that_is_not_there_is_told_with_those_that_are(examine: Examine) -> None:
    one = look(examine, web(), container="ap").one("ContainerNameUnknown")
    assert one.facts["names"] == ["app"]


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        (stopped(code=1), "critical"),
        (stopped(code=0, reason="Completed"), "info"),
        (
            {"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 4},
            "critical",
        ),
    ],
)
def test_a_container_that_does_not_run_takes_no_command(
    examine: Examine, status: dict[str, Any], severity: str
) -> None:
    one = look(examine, pod(containers=[status], ready=False)).one("ShellTargetNotRunning")
    assert one.severity == severity
    assert one.next[0].command.startswith("runbook run pods")


def test_a_pod_that_is_just_starting_is_no_alarm(examine: Examine) -> None:
    waiting = {"name": "app", "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}
    young = pod(containers=[waiting], phase="Pending", ready=False, creationTimestamp=ago(20))
    assert look(examine, young).serious() == set()


def test_what_would_be_run_is_shown_as_one_quoted_command(examine: Examine) -> None:
    found = look(examine, web(), command="ls -l '/my data'")
    table = next(one for one in found.steps["SH-03"].exhibits if getattr(one, "rows", None))
    commands = [row[-1] for row in table.rows]
    assert commands[1] == "kubectl exec web-1 -n shop -c app -- ls -l '/my data'"
    assert shlex.split(commands[0])[-3:] == ["sh", "-c", inside_script()]
    assert found.one("ShellNotTried").next[0].command.endswith("-p allow_actions=true")


def test_sockets_are_read_from_proc_ss_and_netstat_alike() -> None:
    expected = [Listener("*", 80), Listener("::1", 7000), Listener("127.0.0.1", 8080), Listener("*", 9090)]
    assert listeners(PROC_NET) == expected
    assert [one.is_local for one in expected] == [False, True, True, False]
    assert listeners("LISTEN 0 511 0.0.0.0:80 0.0.0.0:*\nLISTEN 0 4096 [::1]:7000 [::]:*\n") == expected[:2]
    assert listeners(
        "Active Internet connections (only servers)\ntcp 0 0 127.0.0.1:8080 0.0.0.0:* LISTEN\n"
    ) == [expected[2]]
    assert listeners("  sl  local_address rem_address   st\n") == []
    assert listeners("hello") is None


PORTS = {"ports": [{"containerPort": 80}, {"containerPort": 9090}]}


def test_a_pod_that_listens_as_it_declares_is_fine(examine: Examine, said: Said) -> None:
    said(["cat", "/proc/net/tcp", "/proc/net/tcp6"], PROC_NET)
    found = look(examine, web(PORTS), said)
    assert found.one("ListensAsDeclared").facts["ports"] == [80, 9090]
    assert found.serious() == set()


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"ports": [{"containerPort": 81}], "readinessProbe": {"httpGet": {"port": 81}}}, "critical"),
        ({"readinessProbe": {"tcpSocket": {"port": 81}}}, "critical"),
        ({"ports": [{"containerPort": 81}]}, "warning"),
        ({"ports": [{"containerPort": 81}, {"containerPort": 80}]}, "info"),
        ({"ports": [{"containerPort": 81, "protocol": "UDP"}]}, None),
        ({"livenessProbe": {"httpGet": {"port": 81, "host": "10.0.0.1"}}}, None),
    ],
)
def test_a_port_nobody_listens_on_weighs_what_asks_it(
    examine: Examine, said: Said, fields: dict[str, Any], severity: str | None
) -> None:
    said(["cat", "/proc/net/tcp", "/proc/net/tcp6"], PROC_NET)
    waiting = web(fields)
    waiting["status"]["containerStatuses"][0]["ready"] = False
    found = [one for one in look(examine, waiting, said).findings if one.code == "LocalhostRefused"]
    assert [one.severity for one in found] == ([severity] if severity else [])


def test_a_container_that_just_started_may_not_listen_yet(examine: Examine, said: Said) -> None:
    said(["cat", "/proc/net/tcp"], PROC_NET)
    young = web({"readinessProbe": {"tcpSocket": {"port": 81}}})
    young["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": ago(20)}}
    assert look(examine, young, said).serious() == set()


def test_a_probe_of_a_port_bound_to_localhost_is_told(examine: Examine, said: Said) -> None:
    said(["cat", "/proc/net/tcp"], PROC_NET)
    probed = {
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"port": "http"}},
    }
    for ready, codes in ((False, {"ListensOnLocalhostOnly"}), (True, set())):
        for host_network in (False, True):
            one = web(probed, hostNetwork=host_network)
            one["status"]["containerStatuses"][0]["ready"] = ready
            assert look(examine, one, said).serious() == (set() if host_network else codes)
    assert look(examine, web({"ports": [{"containerPort": 8080}]}), said).serious() == set()


def test_requests_from_inside_are_read(examine: Examine, said: Said) -> None:
    said(["curl", "-sS", "http://localhost:80/"], "Not found\n")
    said(
        ["wget", "-qO-", "http://127.0.0.1:81/"],
        stderr="wget: can't connect to remote host (127.0.0.1): Connection refused\n",
        code=1,
    )
    found = look(examine, web({"ports": [{"containerPort": 81}]}), said)
    assert found.one("LocalhostServes").facts["port"] == 80
    assert found.one("LocalhostRefused").facts["port"] == 81


def test_mounts_are_read_with_blanks_in_their_names() -> None:
    mounts = read_mounts(MOUNTS.format(root="rw", data="rw")) or []
    assert mounted_at("/with blank/", mounts) is not None
    assert mounted_at("/nowhere", mounts) is None
    assert read_mounts("hello") is None


DATA = {
    "volumeMounts": [
        {"name": "data", "mountPath": "/data"},
        {"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
    ]
}
VOLUMES = [
    {"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}},
    {"name": "token", "projected": {}},
]


@pytest.mark.parametrize(
    ("data", "codes"), [("rw", {"VolumesMounted"}), ("ro", {"VolumeReadOnly"}), ("", {"VolumeNotMounted"})]
)
def test_volumes_are_compared_with_the_mounts(
    examine: Examine, said: Said, data: str, codes: set[str]
) -> None:
    text = MOUNTS.format(root="rw", data=data or "rw")
    text = text if data else text.replace(" /data ", " /other ")
    said(["cat", "/proc/mounts"], text)
    found = look(examine, web(DATA, volumes=VOLUMES), said)
    assert {one.code for one in found.findings if one.code.startswith("Volume")} == codes


def test_a_volume_that_is_to_be_read_only_is_fine(examine: Examine, said: Said) -> None:
    said(["cat", "/proc/mounts"], MOUNTS.format(root="ro", data="ro"))
    only_read = {"volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}]}
    found = look(examine, web(only_read, volumes=VOLUMES), said)
    assert found.serious() == set()
    assert found.one("InsideUser").facts["read_only"] is True


@pytest.mark.parametrize(("used", "free", "told"), [(97_000, 3_000, True), (50_000, 50_000, False)])
def test_a_full_file_system_is_told(examine: Examine, said: Said, used: int, free: int, told: bool) -> None:
    said(
        ["df", "-P", "-k"],
        f"Filesystem 1024-blocks Used Available Capacity Mounted on\noverlay 100000 {used} {free} {used // 1000}% /\n",
    )
    found = look(examine, web(), said)
    assert ("InsideFilesystemFull" in found.serious()) is told


def test_the_user_is_compared_with_the_one_asked_for(examine: Examine, said: Said) -> None:
    said(["id"], "uid=0(root) gid=0(root) groups=0(root)\n")
    assert (
        look(examine, web({"securityContext": {"runAsUser": 1000}}), said)
        .one("InsideUserDiffers")
        .facts["wanted"]
        == 1000
    )
    assert "InsideUserDiffers" not in look(examine, web(), said).codes()


@pytest.mark.parametrize(
    "text",
    [
        "PID   USER     COMMAND\n    1 root     nginx: master process\n    7 nobody   nginx: worker process\n",
        "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\nroot           1  0.0  0.0   8932  5644 ?        Ss   Nov23   0:00 nginx: master process\nnobody         7  0.0  0.0   9384  2556 ?        S    Nov23   0:00 nginx: worker process\n",
        "UID          PID    PPID  C STIME TTY          TIME CMD\nroot           1       0  0 Nov23 ?        00:00:00 nginx: master process\nnobody         7       1  0 Nov23 ?        00:00:00 nginx: worker process\n",
        "PID   USER     TIME  COMMAND\n    1 root      0:00 nginx: master process\n    7 nobody    0:00 nginx: worker process\n",
    ],
    ids=["old busybox", "aux", "ef", "busybox"],
)
def test_processes_are_read_from_every_ps(text: str) -> None:
    assert [(one.pid, one.user, one.command) for one in read_processes(text) or []] == [
        (1, "root", "nginx: master process"),
        (7, "nobody", "nginx: worker process"),
    ]


def test_process_one_is_compared_with_the_command(examine: Examine, said: Said) -> None:
    said(["ps"], "PID   USER     TIME  COMMAND\n    1 root      0:00 python3 /app/run.py\n")
    assert (
        look(examine, web({"command": ["/usr/bin/python3", "/app/run.py"]}), said)
        .one("InsideProcesses")
        .facts["same"]
        is True
    )
    assert look(examine, web({"command": ["/entry.sh"]}), said).one("InsideProcesses").facts["same"] is False
    assert look(examine, web(), said).one("InsideProcesses").facts["same"] is None


def test_many_zombies_are_told(examine: Examine, said: Said) -> None:
    rows = "".join(f"{pid}\tZ\t\n" for pid in range(100, 160))
    said(["sh", "-c", "…"], f"=== runbook runs: processes\n1\tS\tapp\n{rows}\n=== runbook exit: 0\n")
    assert look(examine, web(), said).one("InsideZombies").facts["zombies"] == 60


RESOLV = "nameserver {ip}\nsearch {search}\noptions ndots:5\n"
KUBE_DNS = {
    "kind": "Service",
    "apiVersion": "v1",
    "metadata": {"name": "kube-dns", "namespace": "kube-system", "uid": "u"},
    "spec": {"clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"]},
}


@pytest.mark.parametrize(
    ("ip", "search", "spec", "codes"),
    [
        ("10.96.0.10", "shop.svc.cluster.local svc.cluster.local cluster.local", {}, {"ResolvConfOk"}),
        ("169.254.20.10", "shop.svc.cluster.local svc.cluster.local cluster.local", {}, {"ResolvConfOk"}),
        (
            "8.8.8.8",
            "shop.svc.cluster.local svc.cluster.local cluster.local",
            {},
            {"ResolvConfNameserverWrong"},
        ),
        ("10.96.0.10", "cluster.local", {}, {"ResolvConfSearchMissing"}),
        ("8.8.8.8", "example.com", {"dnsPolicy": "Default"}, set()),
    ],
)
def test_the_resolver_is_compared_with_the_clusters_dns(
    examine: Examine, said: Said, ip: str, search: str, spec: dict[str, Any], codes: set[str]
) -> None:
    said(["cat", "/etc/resolv.conf"], RESOLV.format(ip=ip, search=search))
    found = examine([web(**spec), node(), KUBE_DNS], "pod/web-1", guide="shell", transcripts=str(said.folder))
    assert {one.code for one in found.findings if one.code.startswith("ResolvConf")} == codes


def test_environment_is_compared_by_names_and_no_value_is_shown(examine: Examine, said: Said) -> None:
    said(["env"], "PATH=/bin\nMODE=geheim77\n")
    found = look(
        examine, web({"env": [{"name": "MODE", "value": "geheim77"}, {"name": "LATER", "value": "x"}]}), said
    )
    assert found.one("EnvironmentMissing").facts["missing"] == ["LATER"]
    for step in found.steps.values():
        assert "geheim77" not in str(step.exhibits)
    assert "geheim77" not in str(found.findings)


def test_files_of_secrets_are_not_shown(examine: Examine, said: Said) -> None:
    said(["cat", "/etc/cred/password"], "correct horse battery staple\n")
    mounted = {"volumeMounts": [{"name": "cred", "mountPath": "/etc/cred"}]}
    found = look(examine, web(mounted, volumes=[{"name": "cred", "secret": {"secretName": "cred"}}]), said)
    assert "ExecCommandOk" in found.codes()
    assert "horse" not in str(found.findings)
    assert "horse" not in str(found.steps["SH-06"].exhibits)


def test_a_status_is_told_with_its_meaning_and_a_missing_tool_with_the_way_to_have_it(
    examine: Examine, said: Said
) -> None:
    said(
        ["ls", "/x"],
        stderr="ls: /x: No such file or directory\ncommand terminated with exit code 2\n",
        code=2,
    )
    said(["tcpdump", "-i", "any"], stderr=NO_SHELL.replace('"sh"', '"tcpdump"'), code=1)
    found = look(examine, web(), said)
    assert found.one("ExecNonZeroExit").facts["exit_code"] == 2
    assert found.one("DebugToolMissing").facts["tool"] == "tcpdump"
    assert found.serious() == set()


def test_a_pasted_session_is_read_with_its_containers(examine: Examine, tmp_path: Path) -> None:
    pasted = tmp_path / "session.txt"
    pasted.write_text(
        "me@laptop:~$ kubectl exec web-1 -n shop -c app -- id\nuid=1000 gid=1000\n"
        "me@laptop:~$ kubectl exec -it other-1 -n shop -- id\nuid=0(root) gid=0(root)\n"
        "me@laptop:~$ kubectl exec web-1 -n shop -c app -- ss -lnt\n"
        "State  Recv-Q Send-Q Local Address:Port Peer Address:Port\nLISTEN 0      511    127.0.0.1:80 0.0.0.0:*\n"
    )
    found = examine(
        [web({"ports": [{"containerPort": 80}]}), node()], "pod/web-1", guide="shell", transcripts=str(pasted)
    )
    assert found.one("InsideUser").facts["uid"] == 1000
    assert found.one("ListensOnLocalhostOnly").severity == "info"


def test_what_kubectl_was_told_counts_as_the_command_in_the_pod(examine: Examine, said: Said) -> None:
    place = {"kind": "workstation", "namespace": "shop", "pod": "web-1"}
    said(["kubectl", "exec", "web-1", "-n", "shop", "--", "ls"], "bin\n", target=place)
    said(["kubectl", "debug", "web-1", "--copy-to=web-1-debug"], "pod/web-1-debug created\n", target=place)
    found = look(examine, web(), said)
    assert found.one("ExecCommandOk").facts["words"] == ["ls"]


SHELLS = [words for words in (["dash"], ["bash"], ["busybox", "sh"], ["sh"]) if shutil.which(words[0])]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda words: words[0])
def test_the_script_answers_everything_in_this_shell(shell: list[str]) -> None:
    done = subprocess.run([*shell, "-c", inside_script()], capture_output=True, text=True, timeout=60, check=True, env={
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "GEHEIM": "first line\nsecond=line"})  # fmt: skip
    assert done.stderr == ""
    one = Transcript(argv=["sh", "-c", inside_script()], stdout=done.stdout, exit_code=0)
    inside = listen([one], {}, ("shop", "web-1", "app"))[("shop", "web-1", "app")]
    assert inside.user is not None
    assert inside.processes is not None
    assert any(each.pid == 1 for each in inside.processes.value)
    assert inside.sockets is not None
    assert inside.environment is not None
    assert "GEHEIM" in inside.environment.value
    assert "second" not in inside.environment.value
    assert "first line" not in done.stdout
    assert inside.tools is not None
    assert inside.shells[-1].value.kind == "ran"
