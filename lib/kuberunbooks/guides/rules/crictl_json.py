"""Reads crictl's JSON (`-o json`): the CRI's protobuf messages, 64-bit numbers as text, nanoseconds.

Odd fields count as absent. What stands before the JSON (warnings of crictl) and behind it
is left out. Called by `crictl_read`.

https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from .crictl_values import (
    ContainerUse,
    ImageFs,
    Inspection,
    RuntimeCondition,
    RuntimeContainer,
    RuntimeImage,
    RuntimeInfo,
    Sandbox,
    is_labelled,
    pod_uid,
)

_BEGIN = re.compile(r"^[ \t]*[{\[][ \t]*(?:$|[{\"\]}])", re.MULTILINE)


def json_value(text: str) -> Any:
    """The JSON in an output, None when there is none."""
    match = _BEGIN.search(text)
    if match is None:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, match.end() - len(match[0].lstrip()))[0]
    except (ValueError, RecursionError):
        return None


def read_sandboxes(found: Any) -> list[Sandbox] | None:
    """`crictl pods -o json`; None when this is something else."""
    items = _list(found, "items")
    if items is None or any("SANDBOX_" not in _text(one, "state") for one in items):
        return None
    return [
        Sandbox(
            id=_text(one, "id"),
            ready=_text(one, "state") == "SANDBOX_READY",
            name=_text(one, "metadata", "name"),
            namespace=_text(one, "metadata", "namespace"),
            uid=_text(one, "metadata", "uid"),
            attempt=_number(one, "metadata", "attempt"),
            created=_moment(_get(one, "createdAt")),
            labelled=is_labelled(_labels(one)),
        )
        for one in items
    ]


def read_containers(found: Any) -> list[RuntimeContainer] | None:
    """`crictl ps -a -o json`; None when this is something else."""
    items = _list(found, "containers")
    if items is None or any("CONTAINER_" not in _text(one, "state") for one in items):
        return None
    return [_container(one) for one in items]


def _container(one: Any) -> RuntimeContainer:
    labels = _labels(one)
    return RuntimeContainer(
        id=_text(one, "id"),
        sandbox=_text(one, "podSandboxId"),
        name=_text(one, "metadata", "name"),
        state=_text(one, "state").removeprefix("CONTAINER_").lower(),
        attempt=_number(one, "metadata", "attempt"),
        image=_text(one, "imageId") or _text(one, "imageRef") or _text(one, "image", "image"),
        created=_moment(_get(one, "createdAt")),
        pod_uid=pod_uid(labels),
        pod=labels.get("io.kubernetes.pod.name", ""),
        namespace=labels.get("io.kubernetes.pod.namespace", ""),
    )


def read_images(found: Any) -> list[RuntimeImage] | None:
    """`crictl images -o json`; None when this is something else."""
    items = _list(found, "images")
    if items is None or any(not isinstance(_get(one, "repoTags"), list | None) for one in items):
        return None
    return [
        RuntimeImage(
            id=_text(one, "id"),
            tags=tuple(_texts(one, "repoTags")),
            digests=tuple(_texts(one, "repoDigests")),
            size=_number(one, "size"),
            pinned=_get(one, "pinned") is True,
        )
        for one in items
    ]


def read_image_fs(found: Any) -> list[ImageFs] | None:
    """`crictl imagefsinfo`: since 1.29 a list of file systems, before that one; None when something else."""
    status = _get(found, "status")
    listed = _list(status, "imageFilesystems")
    systems = listed if listed is not None else [status] if _get(status, "fsId") is not None else None
    if systems is None:
        return None
    return [
        ImageFs(
            mountpoint=_text(one, "fsId", "mountpoint"),
            used=_number(one, "usedBytes", "value"),
            inodes=_number(one, "inodesUsed", "value"),
        )
        for one in systems
    ]


def read_info(found: Any) -> RuntimeInfo | None:
    """`crictl info`; None when this is something else. Of its configuration nothing is kept."""
    conditions = _list(_get(found, "status"), "conditions")
    if conditions is None or not any(_text(one, "type") == "RuntimeReady" for one in conditions):
        return None
    return RuntimeInfo(
        conditions=tuple(
            RuntimeCondition(
                _text(one, "type"), _get(one, "status") is True, _text(one, "reason"), _text(one, "message")
            )
            for one in conditions
        ),
        network_load=_text(found, "lastCNILoadStatus"),
    )


def read_uses(found: Any) -> list[ContainerUse] | None:
    """`crictl stats -o json`; None when this is something else."""
    items = _list(found, "stats")
    if items is None or any(_get(one, "attributes") is None for one in items):
        return None
    uses = []
    for one in items:
        labels = _labels(_get(one, "attributes"))
        nanocores = _get(one, "cpu", "usageNanoCores", "value")
        uses.append(
            ContainerUse(
                id=_text(one, "attributes", "id"),
                name=_text(one, "attributes", "metadata", "name"),
                pod=labels.get("io.kubernetes.pod.name", ""),
                namespace=labels.get("io.kubernetes.pod.namespace", ""),
                memory=_number(one, "memory", "workingSetBytes", "value"),
                disk=_number(one, "writableLayer", "usedBytes", "value"),
                cpu=None if nanocores is None else _number(one, "cpu", "usageNanoCores", "value") / 1e9,
            )
        )
    return uses


def read_inspections(found: Any) -> list[Inspection]:
    """`crictl inspect` of one container, or of several (then a list); empty when this is something else."""
    return list(_inspections(found if isinstance(found, list) else [found]))


def _inspections(found: list[Any]) -> Iterator[Inspection]:
    for one in found:
        status = _get(one, "status")
        if not _text(status, "state").startswith("CONTAINER_"):
            continue
        yield Inspection(
            id=_text(status, "id"),
            name=_text(status, "metadata", "name"),
            state=_text(status, "state").removeprefix("CONTAINER_").lower(),
            exit_code=_number(status, "exitCode"),
            reason=_text(status, "reason"),
            message=_text(status, "message"),
            finished=_moment(_get(status, "finishedAt")),
        )


def _get(found: Any, *path: str) -> Any:
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def _list(found: Any, name: str) -> list[Any] | None:
    listed = _get(found, name)
    return listed if isinstance(listed, list) else None


def _text(found: Any, *path: str) -> str:
    value = _get(found, *path)
    return value if isinstance(value, str) else ""


def _texts(found: Any, name: str) -> list[str]:
    return [one for one in _list(found, name) or [] if isinstance(one, str)]


def _labels(found: Any) -> dict[str, str]:
    labels = _get(found, "labels")
    if not isinstance(labels, dict):
        return {}
    return {name: value for name, value in labels.items() if isinstance(value, str)}


def _number(found: Any, *path: str) -> int:
    """A number, which protobuf's JSON writes as text when it may have 64 bits."""
    value = _get(found, *path)
    if isinstance(value, bool):
        return 0
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?\d{1,19}", value) else 0
    return int(value) if isinstance(value, int) else 0


def _moment(value: Any) -> float | None:
    """Seconds since 1970 of nanoseconds (lists) or of RFC 3339 (inspect); None when it is not set."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,19}", value):
        return int(value) / 1e9 or None
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value).replace("Z", "+00:00"))
        except ValueError:
            return None
        return parsed.timestamp() if parsed.tzinfo is not None and parsed.year > 1980 else None
    return value / 1e9 if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
