"""Audit events made for tests, in the form the API server writes them (made, not recorded)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from kuberunbooks import notebook
from kuberunbooks.findings import Finding, headline

START = datetime(2026, 11, 23, 21, 0, 0, tzinfo=UTC)
_IDS = count()


def event(
    user: str = "eve",
    verb: str = "get",
    resource: str = "pods",
    *,
    code: int = 200,
    after: float = 0,
    namespace: str = "shop",
    name: str = "",
    group: str = "",
    sub: str = "",
    uri: str = "",
    took: float = 0.01,
    decision: str = "",
    stage: str = "ResponseComplete",
    address: str = "10.0.0.7",
    **fields: Any,
) -> dict[str, Any]:
    """One event; `after` and `took` are in seconds. An empty resource: a request about a path."""
    at = START + timedelta(seconds=after)
    path = "/".join(part for part in ("/api/v1/namespaces", namespace, resource, name, sub) if part)
    made: dict[str, Any] = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"00000000-0000-4000-8000-{next(_IDS):012d}",
        "stage": stage,
        "requestURI": uri or path,
        "verb": verb,
        "user": {"username": user, "groups": ["system:authenticated"]} if user else {},
        "sourceIPs": ["203.0.113.9", address],
        "userAgent": "kubectl/v1.36.2 (linux/amd64) kubernetes/abc",
        "requestReceivedTimestamp": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "stageTimestamp": f"{at + timedelta(seconds=took):%Y-%m-%dT%H:%M:%S.%fZ}",
        "annotations": {
            "authorization.k8s.io/decision": decision or ("forbid" if code == 403 else "allow"),
            "authorization.k8s.io/reason": "",
        },
    }
    if code:
        made["responseStatus"] = {"metadata": {}, "code": code}
    if resource:
        made["objectRef"] = {"resource": resource, "apiVersion": "v1"}
        for key, value in (
            ("namespace", namespace),
            ("name", name),
            ("apiGroup", group),
            ("subresource", sub),
        ):
            if value:
                made["objectRef"][key] = value
    return made | fields


def lines(events: Iterable[dict[str, Any]]) -> bytes:
    """A log as the API server writes it."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in events)


class Analysis:
    """The two steps about the log on a case, without those about policy and flags."""

    def __init__(self, case: Path, **options: object) -> None:
        self.session = notebook.open("audit", case=str(case), **options)  # type: ignore[arg-type]
        assert self.session.start.failure is None, self.session.start.failure
        self.what_happened = self.session.what_happened().data
        self.suspicious = self.session.suspicious().data
        self.steps = (self.what_happened, self.suspicious)
        assert not [step.error for step in self.steps if step.status == "failed"]
        self.findings: list[Finding] = [one for step in self.steps for one in step.findings]
        self.headline = headline(self.findings)

    def serious(self) -> list[tuple[str, str]]:
        """Code and subject of what is critical or a warning."""
        return [
            (one.code, one.subject.name) for one in self.findings if one.severity in ("critical", "warning")
        ]

    def one(self, code: str) -> Finding:
        """The only finding of a code."""
        found = [one for one in self.findings if one.code == code]
        assert len(found) == 1, (code, [(one.code, one.subject.name) for one in self.findings])
        return found[0]

    def codes(self) -> set[str]:
        """All codes."""
        return {one.code for one in self.findings}

    def rows(self, caption: str) -> list[list[str]]:
        """The rows of the table whose caption begins so."""
        tables = [one for step in self.steps for one in step.exhibits if hasattr(one, "rows")]
        return next(table.rows for table in tables if table.caption.startswith(caption))


def analyse(folder: Path, events: Iterable[dict[str, Any]] | bytes, **options: object) -> Analysis:
    """The steps on a case that holds only this log."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "audit.log").write_bytes(events if isinstance(events, bytes) else lines(events))
    return Analysis(folder, **options)
