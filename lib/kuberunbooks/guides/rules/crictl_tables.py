"""Reads the tables crictl prints to people: columns by their headings, which grew over the versions.

`crictl ps` has POD since 1.26 and NAMESPACE since 1.31; ids are cut to 13 characters.
Called by `crictl_read`.
"""

from __future__ import annotations

import re

from .crictl_values import ContainerUse, RuntimeContainer, RuntimeImage, RuntimeVersion, Sandbox

_HEADINGS = {
    "pods": re.compile(r"^POD ID[ ]{2,}CREATED[ ]{2,}STATE[ ]{2,}NAME[ ]{2,}[^\n]*$", re.MULTILINE),
    "containers": re.compile(r"^CONTAINER(?: ID)?[ ]{2,}IMAGE[ ]{2,}CREATED[ ]{2,}[^\n]*$", re.MULTILINE),
    "images": re.compile(r"^IMAGE[ ]{2,}TAG[ ]{2,}[^\n]*IMAGE ID[ ]{2,}SIZE[^\n]*$", re.MULTILINE),
    "stats": re.compile(
        r"^CONTAINER(?: ID)?[ ]{2,}(?:NAME[ ]{2,})?CPU %[ ]{2,}MEM[ ]{2,}[^\n]*$", re.MULTILINE
    ),
}
_UNITS = {"B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[kKMGT]?B)")
_VERSION = re.compile(
    r"^RuntimeName:[ \t]+(?P<name>\S+)[ \t]*$\n^RuntimeVersion:[ \t]+(?P<version>\S+)", re.MULTILINE
)
_MOST_ROWS = 5000


def read_sandbox_table(text: str) -> list[Sandbox] | None:
    """`crictl pods`; None when this is something else."""
    rows = _rows("pods", text)
    if rows is None:
        return None
    return [
        Sandbox(
            id=row.get("POD ID", ""),
            ready=row.get("STATE", "") == "Ready",
            name=row.get("NAME", ""),
            namespace=row.get("NAMESPACE", ""),
            attempt=_number(row.get("ATTEMPT", "")),
        )
        for row in rows
    ]


def read_container_table(text: str) -> list[RuntimeContainer] | None:
    """`crictl ps`; None when this is something else."""
    rows = _rows("containers", text)
    if rows is None:
        return None
    return [
        RuntimeContainer(
            id=row.get("CONTAINER", "") or row.get("CONTAINER ID", ""),
            sandbox=row.get("POD ID", ""),
            name=row.get("NAME", ""),
            state=row.get("STATE", "").lower(),
            attempt=_number(row.get("ATTEMPT", "")),
            image=row.get("IMAGE", ""),
            pod=row.get("POD", ""),
            namespace=row.get("NAMESPACE", ""),
        )
        for row in rows
    ]


def read_image_table(text: str) -> list[RuntimeImage] | None:
    """`crictl images`, with `--digests` or without; an image has a row for each of its tags."""
    rows = _rows("images", text)
    if rows is None:
        return None
    found: dict[str, RuntimeImage] = {}
    for row in rows:
        id_, name, tag = row.get("IMAGE ID", ""), row.get("IMAGE", ""), row.get("TAG", "")
        tags = (f"{name}:{tag}",) if name and tag and "<none>" not in (name, tag) else ()
        before = found.get(id_)
        found[id_] = RuntimeImage(
            id=id_,
            tags=(*(before.tags if before else ()), *tags),
            size=_size(row.get("SIZE", "")),
            pinned=row.get("PINNED") == "true",
        )
    return list(found.values())


def read_use_table(text: str) -> list[ContainerUse] | None:
    """`crictl stats`; None when this is something else."""
    rows = _rows("stats", text)
    if rows is None:
        return None
    return [
        ContainerUse(
            id=row.get("CONTAINER", "") or row.get("CONTAINER ID", ""),
            name=row.get("NAME", ""),
            pod="",
            namespace="",
            memory=_size(row.get("MEM", "")),
            disk=_size(row.get("DISK", "")),
            cpu=_percent(row.get("CPU %", "")),
        )
        for row in rows
    ]


def read_version(text: str) -> RuntimeVersion | None:
    """`crictl version`, which knows no other form."""
    match = _VERSION.search(text)
    return RuntimeVersion(match["name"], match["version"]) if match else None


def _rows(kind: str, text: str) -> list[dict[str, str]] | None:
    """The rows below the heading, by column; they end at the first line that does not fit."""
    heading = _HEADINGS[kind].search(text)
    if heading is None:
        return None
    starts = [(match[0].rstrip(), match.start()) for match in re.finditer(r"\S+(?: \S+)*", heading[0])]
    rows: list[dict[str, str]] = []
    for line in text[heading.end() + 1 :].splitlines()[:_MOST_ROWS]:
        # Pasted tables may have lost their alignment: two blanks and more part columns all the same.
        cells = re.split(r"[ ]{2,}", line.strip())
        if len(line) < starts[-1][1] or line[starts[0][1]] == " " or len(cells) < len(starts) - 1:
            break
        ends = [start for _, start in starts[1:]] + [len(line)]
        rows.append({name: line[start:end].strip() for (name, start), end in zip(starts, ends, strict=True)})
    return rows


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,9}", text) else 0


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    return int(float(match["number"]) * _UNITS[match["unit"]]) if match else 0


def _percent(text: str) -> float | None:
    return float(text) / 100 if re.fullmatch(r"\d{1,7}(?:\.\d{1,6})?", text) else None
