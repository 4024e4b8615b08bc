"""The one script that tells what is in a container, for the sh of busybox, dash and bash.

What a tool would print is read from /proc where the tool may be missing. Of the environment
only the names leave the container. Called by the shell guide.
"""

from __future__ import annotations

from .container_sections import script

NAMES = "environment names"
PROCESSES = "processes"
TOOLS = "tools"

_TOOLS = (
    "bash ash curl wget nc ncat nslookup dig getent ping ip ss netstat ps top lsof strace gdb tcpdump "
    "openssl vi less python3 perl java node apt-get apk yum"
)

_COMMANDS = {
    "id": "id 2>/dev/null || while read -r k v; do case $k in Uid:|Gid:) echo $k $v;; esac; "
    "done </proc/self/status",
    "cat /etc/os-release": 'while read -r l; do echo "$l"; done </etc/os-release',
    "cat /proc/mounts": 'while read -r l; do echo "$l"; done </proc/mounts',
    # States and commands as files: ps is missing as often as it is there, and prints in many forms.
    PROCESSES: "for p in /proc/[0-9]*; do s=; while read -r k v _; do case $k in State:) s=$v; break;; esac; "
    'done <$p/status; [ -n "$s" ] || continue; '
    "printf '%s\\t%s\\t%s\\n' ${p#/proc/} $s \"$(tr '\\000\\n' '  ' <$p/cmdline)\"; done 2>/dev/null; :",
    "cat /proc/net/tcp /proc/net/tcp6": "for f in /proc/net/tcp /proc/net/tcp6; do [ -r $f ] && "
    'while IFS= read -r l; do echo "$l"; done <$f; done; :',
    "cat /etc/resolv.conf": 'while read -r l; do echo "$l"; done </etc/resolv.conf',
    NAMES: "cat /proc/self/environ | tr '\\n\\000' ' \\n' | sed 's/=.*//'",
    TOOLS: f"for t in {_TOOLS}; do command -v $t >/dev/null 2>&1 && echo $t; done; :",
    # Last, for it hangs on a network file system whose server is gone.
    "df -P -k": "df -P -k",
}


def inside_script() -> str:
    """For `sh -c` in a container."""
    return script(_COMMANDS)
