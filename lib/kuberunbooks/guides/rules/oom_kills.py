"""Whom the kernel killed for memory, and whether a container's limit or the node itself had run out.

Read from the kernel's own lines (`oom-kill:constraint=…`, `Killed process …`; mm/oom_kill.c)
and from events that quote them. Called by the node-problems guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_NAME = r"\((?P<{}>[^)]{{0,60}})\)"
_KILLED = re.compile(
    r"(?P<memory>Memory cgroup o|[Oo])ut of memory(?: \(oom_kill_allocating_task\))?: "
    rf"Kill(?:ed)? process (?P<pid>\d+) {_NAME.format('name')}"
    rf"|Killed process (?P<pid2>\d+) {_NAME.format('name2')}"
)
_CHOSEN = re.compile(
    r"oom-kill:constraint=(?P<constraint>\w+).{0,3000}?task_memcg=(?P<cgroup>[^,]*),.{0,200}?pid=(?P<pid>\d+)"
)
_POD = re.compile(r"pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})")


class Kill(NamedTuple):
    """One process killed. `pod_uid` is empty when the lines do not tell whose it was.

    `at_limit`: its cgroup had reached its limit; False: the node had no memory left; None: not told.
    """

    name: str
    pid: int
    pod_uid: str
    at_limit: bool | None


def kills(messages: Iterable[str]) -> list[Kill]:
    """The processes killed, in order; the line that says who was chosen comes before the kill."""
    chosen: dict[str, tuple[str, str]] = {}
    found: dict[tuple[str, str], Kill] = {}
    for message in messages:
        if (picked := _CHOSEN.search(message)) is not None:
            chosen[picked["pid"]] = (picked["constraint"], _pod_uid(picked["cgroup"]))
        killed = _KILLED.search(message)
        if killed is None:
            continue
        pid, name = killed["pid"] or killed["pid2"], killed["name"] or killed["name2"]
        constraint, pod = chosen.get(pid, ("", ""))
        at_limit = constraint == "CONSTRAINT_MEMCG" if constraint else None
        if at_limit is None and killed["pid"]:
            at_limit = killed["memory"].startswith("Memory")
        earlier = found.get((pid, name))
        if at_limit is None and earlier is not None:
            at_limit = earlier.at_limit
        found[pid, name] = Kill(name, int(pid), pod, at_limit)
    return list(found.values())


def _pod_uid(cgroup: str) -> str:
    match = _POD.search(cgroup)
    return match["uid"].replace("_", "-") if match else ""
