"""What the telepresence client printed on somebody's workstation: versions, status, intercepts.

Reads the output of `telepresence version`, `status` and `list` of Telepresence 2, as text
and as JSON, recognised by its content: pasted output rarely names its command. Of an
intercept only what is named here is kept: its JSON also holds the application's whole
environment. Called by the telepresence guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from kuberunbooks.cluster import Transcript
from kuberunbooks.objects import NOT_JSON

from .prometheus_text import samples
from .telepresence_objects import version_of
from .telepresence_text import told_in_text
from .telepresence_told import Intercept, Kind, Told

MOST_READ = 4 * 1024 * 1024
"""Characters of one transcript that are looked at; a list of thousands of workloads is a few megabytes."""


# InterceptDispositionType of rpc/manager/manager.proto.
_STATES = (
    "UNSPECIFIED",
    "ACTIVE",
    "WAITING",
    "NO_CLIENT",
    "NO_AGENT",
    "NO_MECHANISM",
    "NO_PORTS",
    "AGENT_ERROR",
    "BAD_ARGS",
    "REMOVED",
)
_METRICS = ("telepresence_intercept_active_status", "intercept_active_status")


def read_told(one: Transcript) -> Told:
    """What a transcript tells of Telepresence; nothing for the output of any other command."""
    text = one.stdout
    if len(text) > MOST_READ:
        return Told(one)
    document = _json(text)
    if document is not None:
        return _of_json(one, document)
    if any(metric in text for metric in _METRICS):
        return Told(one, intercepts=list(_of_metrics(text)), everybodys=True)
    return told_in_text(one, text)


def client_json(text: str) -> str | None:
    """Text that is JSON of the client, without the application's environment; None when it is none.

    `telepresence list` prints the environment of every intercepted container, which no step needs.
    """
    found = _json(text)
    entries = [found] if isinstance(found, dict) else found if isinstance(found, list) else []
    known = ("cmd", "user_daemon", "daemon", "connections", "intercept_infos", "workload_resource_type")
    if not any(isinstance(one, dict) and any(key in one for key in known) for one in entries):
        return None
    return msgspec.json.encode(_without_environment(found)).decode()


def _without_environment(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_environment(inner)
            for key, inner in value.items()
            if key not in ("environment", "api_key")
        }
    return [_without_environment(inner) for inner in value] if isinstance(value, list) else value


def _json(text: str) -> Any:
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return msgspec.json.decode(text.encode())
    except NOT_JSON:
        return None


def _of_json(one: Transcript, found: Any) -> Told:
    """`list` gives its workloads alone or under `stdout`; `status` an object with the daemons."""
    if isinstance(found, dict) and isinstance(found.get("connections"), list) and found["connections"]:
        found = found["connections"][0]
    workloads = found.get("stdout") if isinstance(found, dict) and found.get("cmd") == "list" else found
    if isinstance(workloads, list):
        infos = [each for each in workloads if isinstance(each, dict)]
        if all("intercept_infos" in each or "workload_resource_type" in each for each in infos):
            return Told(one, intercepts=[made for each in infos for made in _of_workload(each)])
        return Told(one)
    daemon = _inner(found, "user_daemon") or _inner(found, "daemon")
    if not daemon and not _inner(found, "traffic_manager"):
        return Told(one)
    manager = _inner(found, "traffic_manager")
    namespace = _text(daemon, "namespace")
    return Told(
        one,
        client=version_of(_text(daemon, "version")),
        manager=version_of(_text(manager, "version")),
        agent_image=_text(manager, "traffic_agent"),
        status=_text(daemon, "status") or ("Running" if daemon.get("running") else "Not running"),
        context=_text(daemon, "kubernetes_context"),
        namespace=namespace,
        intercepts=list(_of_status(daemon, namespace)),
    )


def _of_workload(info: dict[str, Any]) -> Iterator[Intercept]:
    for each in _dicts(info, "intercept_infos"):
        spec = _inner(each, "spec")
        host, port = _text(spec, "target_host"), spec.get("target_port")
        yield Intercept(
            name=_text(spec, "name") or _text(info, "name"),
            kind=_kind_of(spec),
            state=_state(each.get("disposition")),
            workload=_text(spec, "agent") or _text(info, "name"),
            workload_kind=_text(spec, "workload_kind") or _text(info, "workload_resource_type"),
            namespace=_text(spec, "namespace") or _text(info, "namespace"),
            id=_text(each, "id"),
            client=_text(spec, "client"),
            filters=_text(each, "mechanism_args_desc"),
            goes_to=f"{host}:{port}" if host and isinstance(port, int) else host,
            port=_text(spec, "port_identifier") or _text(spec, "service_port_name"),
            service=_text(spec, "service_name"),
            container=_text(spec, "container_name"),
            message=_text(each, "message"),
            since=_time(each.get("modified_at")),
        )


def _kind_of(spec: dict[str, Any]) -> Kind:
    if spec.get("wiretap") is True:
        return "wiretap"
    if spec.get("replace") in (True, 1) or spec.get("no_default_port") is True:
        return "replace"
    return "global" if _text(spec, "mechanism") in ("", "tcp") else "filtered"


def _of_status(daemon: dict[str, Any], namespace: str) -> Iterator[Intercept]:
    """Only names and clients stand there; whether an intercept has filters does not."""
    kinds: tuple[tuple[str, Kind], ...] = (
        ("intercepts", "unknown"),
        ("replacements", "replace"),
        ("wiretaps", "wiretap"),
    )
    for key, kind in kinds:
        for each in _dicts(daemon, key):
            name = _text(each, "name")
            yield Intercept(
                name, kind, "ACTIVE", workload=name, namespace=namespace, client=_text(each, "client")
            )
    for each in _dicts(daemon, "ingests"):
        workload = _text(each, "workload")
        yield Intercept(
            workload,
            "ingest",
            "ACTIVE",
            workload=workload,
            namespace=namespace,
            container=_text(each, "container"),
        )


def _of_metrics(text: str) -> Iterator[Intercept]:
    """The manager's gauge is 1 while an intercept is active; its `workload` is the intercept's name."""
    for one in samples(text.encode(), _METRICS):
        if one.value == 1:
            name = one.labels.get("workload", "")
            yield Intercept(name, "unknown", "ACTIVE", workload=name, client=one.labels.get("client", ""))


def _state(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and 0 <= value < len(_STATES):
        return _STATES[value]
    return "UNSPECIFIED"


def _time(value: Any) -> datetime | None:
    """A protobuf timestamp as encoding/json writes it (`{"seconds": …}`), or RFC 3339."""
    try:
        if isinstance(value, dict):
            return (
                datetime.fromtimestamp(float(value.get("seconds") or 0), UTC)
                if value.get("seconds")
                else None
            )
        if isinstance(value, str):
            found = datetime.fromisoformat(value.replace("Z", "+00:00"))
            return found if found.tzinfo else None
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    return None


def _inner(value: Any, key: str) -> dict[str, Any]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _dicts(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    inner = value.get(key)
    return [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []


def _text(value: dict[str, Any], key: str) -> str:
    inner = value.get(key)
    return inner if isinstance(inner, str) else ""
