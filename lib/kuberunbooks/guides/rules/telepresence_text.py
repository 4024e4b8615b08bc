"""Reads what the telepresence client printed as text: `telepresence version`, `status` and `list`.

Recognised by its content: pasted output rarely names its command. Called by the reader of
the client's output.
"""

from __future__ import annotations

import re

from kuberunbooks.cluster import Transcript

from .telepresence_objects import version_of
from .telepresence_told import Intercept, Kind, Told

_VERSION_LINE = re.compile(
    r"^[ \t]*(?:OSS |Enhanced )?(?P<who>Client|Traffic Manager|Traffic Agent)[ \t]*:[ \t]+"
    r"(?P<said>\S.{0,199})$",
    re.MULTILINE,
)
_STATUS_LINE = re.compile(
    r"^[ \t]+(?P<key>[A-Z][A-Za-z ]{2,30}?)[ \t]*:[ \t]+(?P<said>\S.{0,299})$", re.MULTILINE
)
_DAEMON = re.compile(
    r"^(?:OSS |Enhanced )?(?:User Daemon|Daemon)\b[^\n]{0,80}: (?P<state>Running|Not running)", re.M
)
_MANAGER = re.compile(
    r"^(?:OSS |Enhanced )?Traffic Manager: (?P<state>Connected|Not connected)", re.MULTILINE
)
_HEADER = re.compile(
    r"^(?:(?P<kind>deployment|statefulset|replicaset|rollout)[ \t]+)?"
    r"(?P<name>[a-z0-9][-a-z0-9.]{0,252})[ \t]*: "
    r"(?P<state>intercepted|wiretapped|replaced|ingested|ready to \w+|not \w+|local-only \w+)\b",
)
_FIELD = re.compile(r"^[ \t]+(?P<key>[A-Z][A-Za-z ]{1,30}?)[ \t]*: (?P<said>.{0,500})$")
_NOTHING = re.compile(r"^No Workloads \(", re.MULTILINE)
_NAMES: dict[str, Kind] = {"Intercept name": "global", "Wiretap name": "wiretap", "Container name": "replace"}


def told_in_text(one: Transcript, text: str) -> Told:
    """What the text tells; a Told that says nothing for the output of any other command."""
    versions = {match["who"]: match["said"].strip() for match in _VERSION_LINE.finditer(text)}
    daemon, manager = _DAEMON.search(text), _MANAGER.search(text)
    lines = {match["key"].strip(): match["said"].strip() for match in _STATUS_LINE.finditer(text)}
    client = version_of(versions.get("Client", ""))
    status = ""
    if daemon is not None:
        status = lines.get("Status", "") or daemon["state"]
        client = client or version_of(_after(text, daemon.end()))
    listed = _of_listing(text)
    return Told(
        one,
        client=client,
        manager=version_of(
            versions.get("Traffic Manager", "") or _after(text, manager.end() if manager else -1)
        ),
        agent_image=versions.get("Traffic Agent", ""),
        status=status,
        context=lines.get("Kubernetes context", "") if daemon else "",
        namespace=lines.get("Namespace", "") if daemon else "",
        intercepts=listed,
    )


def _after(text: str, place: int) -> str:
    """The first `Version` line after that place."""
    if place < 0:
        return ""
    match = re.compile(r"^[ \t]+Version[ \t]*: (\S+)", re.MULTILINE).search(text, place, place + 2000)
    return match[1] if match else ""


def _of_listing(text: str) -> list[Intercept] | None:
    """What `telepresence list` says is intercepted; None when the text is no such list."""
    found: list[Intercept] = []
    seen = bool(_NOTHING.search(text))
    workload = kind = state = ""
    for line in text.splitlines():
        if header := _HEADER.match(line):
            seen = True
            workload, state = header["name"], header["state"]
            kind = (header["kind"] or "").capitalize()
            continue
        field = _FIELD.match(line) if workload else None
        if field is None:
            if line and not line[0].isspace():
                workload = ""
            continue
        key, said = field["key"].strip(), field["said"].strip()
        if key in _NAMES and state in ("intercepted", "wiretapped", "replaced"):
            name, place = (workload, said) if _NAMES[key] == "replace" else (said, "")
            found.append(
                Intercept(name, _NAMES[key], "", workload=workload, workload_kind=kind, container=place)
            )
        elif found and found[-1].workload == workload:
            found[-1] = _with_field(found[-1], key, said)
    return [_placed(one) for one in found] if seen else None


def _with_field(one: Intercept, key: str, said: str) -> Intercept:
    if key == "State":
        state, _, message = said.removeprefix("error: ").partition(": ")
        return one._replace(state=state, message=message)
    if key == "Workload kind":
        return one._replace(workload_kind=said)
    if key == "ID":
        return one._replace(id=said)
    if key in ("Destination", "Address") or " -> " in said:
        return one._replace(goes_to=one.goes_to or said.rpartition(" -> ")[2])
    if key in ("Intercepting", "Wiretapping") and said.startswith(("HTTP ", "using mechanism=")):
        kind: Kind = "filtered" if one.kind == "global" else one.kind
        return one._replace(kind=kind, filters=said)
    if key in ("Service Port Identifier", "Container Port Identifier"):
        return one._replace(port=said)
    return one


def _placed(one: Intercept) -> Intercept:
    """Workloads of several namespaces are listed as NAME.NAMESPACE; a workload's own name may hold no dot."""
    workload, dot, namespace = one.workload.partition(".")
    return one._replace(workload=workload, namespace=namespace) if dot else one
