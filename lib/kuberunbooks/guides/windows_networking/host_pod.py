"""How a node is asked: the script, run in a HostProcess pod of its own, as actions that somebody may allow.

Script and manifest are those that the last step prints, so that both ways are the same. Called by the
step that asks, and by the last one, which shows what asking would do.
"""

from __future__ import annotations

import base64
import re
import shlex
from typing import NamedTuple

import msgspec
import yaml

from kuberunbooks.acting import Action, fresh_name, make_pod, run_command
from kuberunbooks.cluster.rights import Right
from kuberunbooks.findings import attached
from kuberunbooks.objects import Node

PREFIX = "windows-checks-"
COMMAND_SECONDS = 30.0
"""PowerShell starts in some seconds and loads three modules: HNS, adapters, CIM."""

# The name goes into a manifest and into PowerShell, whose quotes are not those of a shell.
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_SCRIPT = "windows-checks.ps1"
_MANIFEST = "windows-checks-pod.yaml"

# PowerShell 5.1 without a console: progress would go to standard error as XML, and text out in the machine's
# code page. Errors belong between the answers (*>&1): a command that failed has not said "there is none".
_WRAPPED = """$ProgressPreference = "SilentlyContinue"
try {{ [Console]::OutputEncoding = New-Object Text.UTF8Encoding $false }} catch {{ }}
& {{
{script}
}} *>&1
"""


class Asking(NamedTuple):
    """The pod in which one node is asked, and the command in it."""

    node: Node
    pod: Action
    command: Action


def plain_name(node: Node) -> str:
    """The node's name where it may stand in a manifest and a script; empty where it may not."""
    return node.name if _NAME.fullmatch(node.name) else ""


def asking(node: Node) -> Asking:
    """What asking a node does; its name must be a `plain_name`."""
    manifest = yaml.safe_load(attached(_MANIFEST, {"node": node.name}))
    name = fresh_name(PREFIX + node.name)
    manifest["metadata"]["name"] = name
    pod = make_pod(
        manifest,
        words=f"make a HostProcess pod on node {node.name}, as powerful as its administrator; "
        "it is removed when the script has run",
        kubectl=[],
        place="node",
        owner=node,
    )
    container = manifest["spec"]["containers"][0]["name"]
    command = run_command(
        pod.namespace,
        name,
        container,
        encoded(attached(_SCRIPT, {})),
        words=f"run {_SCRIPT} (printed in this report) in container {container} of that pod; it only reads",
        seconds=COMMAND_SECONDS,
        node=node.name,
    )
    return Asking(
        node,
        # Who cannot read the pod sees neither that it runs nor whose it is, and could not remove it.
        pod._replace(kubectl=_made_by_hand(pod), rights=(*pod.rights, Right("get", "", "pods"))),
        command._replace(kubectl=_run_by_hand(command)),
    )


def encoded(script: str) -> list[str]:
    """PowerShell with a script as one argument, which no quoting on the way can change.

    Not by standard input: API servers before 1.30 cannot end it. Windows takes 32,767 characters.
    """
    text = _WRAPPED.format(script=script)
    return [
        *("powershell.exe", "-NoProfile", "-NonInteractive", "-OutputFormat", "Text"),
        *("-EncodedCommand", base64.b64encode(text.encode("utf-16-le")).decode()),
    ]


def _made_by_hand(pod: Action) -> tuple[str, ...]:
    overrides = msgspec.json.encode({"apiVersion": "v1", "spec": pod.manifest["spec"]}).decode()
    flags = ("--restart=Never", f"--image={pod.image}", f"--overrides={overrides}")
    return ("kubectl", "run", pod.name, "-n", pod.namespace, *flags)


def _run_by_hand(command: Action) -> tuple[str, ...]:
    """With the script as a file, as the last step prints it: what is encoded nobody can read."""
    words = ("kubectl", "exec", "-i", command.name, "-n", command.namespace, "-c", command.container)
    shell = shlex.join([*words, "--", "powershell.exe", "-NoProfile", "-Command", "-"])
    return ("sh", "-c", f"{shell} < {_SCRIPT}")
