"""What is asked on a node, in one script, and how a person asks the same by hand.

The script only reads: lists, states, versions, the configuration, and the ends of the newest
exited containers, without the environment of any (`--quiet`).
"""

from __future__ import annotations

from ..rules.container_sections import script

DEADLINE = "10s"
"""For each question to the runtime; crictl's own default of 2 s is short for a node in trouble."""
_EXITED = 20
SCRIPT_SECONDS = 180.0
"""For the whole script: eight questions that may each take the deadline, and the exited containers."""

_COMMANDS = {
    "date -u +%s": "date -u +%s",
    "cat /etc/crictl.yaml": "cat /etc/crictl.yaml",
    "crictl --version": "crictl --version",
    "crictl version": f"crictl -t {DEADLINE} version",
    "crictl info": f"crictl -t {DEADLINE} info --quiet",
    "crictl pods -o json": f"crictl -t {DEADLINE} pods -o json",
    "crictl ps -a -o json": f"crictl -t {DEADLINE} ps -a -o json",
    "crictl images -o json": f"crictl -t {DEADLINE} images -o json",
    "crictl imagefsinfo": f"crictl -t {DEADLINE} imagefsinfo",
    "crictl stats -o json": f"crictl -t {DEADLINE} stats -o json",
    "df -P -k": "df -P -k /var/lib/containerd /var/lib/containers /var/lib/docker /var/lib/kubelet "
    "2>/dev/null",
    "crictl inspect": "for i in $(crictl ps -a -q --state Exited | head -n "
    f"{_EXITED}); do crictl -t {DEADLINE} inspect --quiet -o json $i; done",
}


def node_script() -> str:
    """The script, for `sh -c` on the node itself."""
    return script(_COMMANDS)


def node_shell(node: str, namespace: str) -> list[str]:
    """kubectl's way to run it: a privileged pod on the node, which has to be deleted afterwards."""
    return [
        "kubectl", "debug", f"node/{node}", "-it", "-n", namespace, "--profile=sysadmin", "--image=busybox",
        "--", "chroot", "/host", "sh", "-c", node_script(),
    ]  # fmt: skip
