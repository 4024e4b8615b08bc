"""Static pods of API servers and their /metrics: made, not recorded, as kubeadm and the server write them.

Called by the audit guide's tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.conftest import Diagnosis
from tests.support.made_cases import NOW, ago, make_case, pod

POLICY_PATH = "/etc/kubernetes/audit-policy.yaml"
LOG_PATH = "/var/log/kubernetes/audit/audit.log"
GOOD = (
    f"--audit-policy-file={POLICY_PATH}",
    f"--audit-log-path={LOG_PATH}",
    "--audit-log-maxage=30",
    "--audit-log-maxbackup=10",
    "--audit-log-maxsize=100",
)
MOUNTS = (
    {"name": "audit-policy", "mountPath": POLICY_PATH, "readOnly": True},
    {"name": "audit-log", "mountPath": "/var/log/kubernetes/audit"},
)
VOLUMES = (
    {"name": "audit-policy", "hostPath": {"path": POLICY_PATH, "type": "File"}},
    {"name": "audit-log", "hostPath": {"path": "/var/log/kubernetes/audit", "type": "DirectoryOrCreate"}},
)


def api_server(
    name: str = "cp-1",
    flags: Iterable[str] = GOOD,
    *,
    version: str = "v1.36.2",
    mounts: Iterable[dict[str, Any]] = MOUNTS,
    volumes: Iterable[dict[str, Any]] = VOLUMES,
    started: float = 90_000,
    ready: bool = True,
    more: Iterable[dict[str, Any]] = (),
    **container: Any,
) -> dict[str, Any]:
    """kube-apiserver's static pod on a node, `started` seconds ago, or crashing. `more`: other containers."""
    crashing = {"waiting": {"reason": "CrashLoopBackOff"}}
    state = {"running": {"startedAt": ago(started)}} if ready else crashing
    status = {
        "name": "kube-apiserver",
        "ready": ready,
        "restartCount": 0,
        "state": state,
    }
    spec = {
        "hostNetwork": True,
        "containers": [
            {
                "name": "kube-apiserver",
                "image": f"registry.k8s.io/kube-apiserver:{version}",
                "command": ["kube-apiserver", "--allow-privileged=true", *flags],
                "volumeMounts": list(mounts),
                **container,
            },
            *more,
        ],
        "volumes": list(volumes),
    }
    labels = {"component": "kube-apiserver", "tier": "control-plane"}
    return pod(
        f"kube-apiserver-{name}", "kube-system", on=name, containers=[status], spec=spec, labels=labels
    )


def metrics(
    *,
    events: float = 0,
    levels: dict[str, float] | None = None,
    errors: dict[str, float] | None = None,
    rejected: float = 0,
    up: float = 86_400,
    now: datetime = NOW,
) -> str:
    """An API server's /metrics, as far as auditing goes; it has been up so many seconds."""
    lines = [
        "# HELP apiserver_audit_event_total [ALPHA] Counter of audit events generated.",
        "# TYPE apiserver_audit_event_total counter",
        f"apiserver_audit_event_total {events}",
        "# TYPE apiserver_audit_error_total counter",
        *(
            f'apiserver_audit_error_total{{plugin="{name}"}} {value}'
            for name, value in (errors or {}).items()
        ),
        "# TYPE apiserver_audit_level_total counter",
        *(f'apiserver_audit_level_total{{level="{name}"}} {value}' for name, value in (levels or {}).items()),
        "# TYPE apiserver_audit_requests_rejected_total counter",
        f"apiserver_audit_requests_rejected_total {rejected}",
        "# TYPE process_start_time_seconds gauge",
        f"process_start_time_seconds {now.timestamp() - up:.2f}",
    ]
    return "\n".join(lines) + "\n"


def audit(
    folder: Path,
    items: Iterable[dict[str, Any]] = (),
    *,
    files: dict[str, str] | None = None,
    without: tuple[str, ...] = (),
    **options: object,
) -> Diagnosis:
    """The audit guide run on these objects; `files` are laid into the case by their path there."""
    system = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-system"}}
    case = make_case(folder / "case", [system, *items], without=without)
    for name, text in (files or {}).items():
        (case / name).parent.mkdir(parents=True, exist_ok=True)
        (case / name).write_text(text, encoding="utf-8")
    found = Diagnosis(case, "", "default", guide="audit", **options)
    for one in found.findings:
        # A text that fails falls back to the title, or to nothing.
        assert one.summary != one.title, one.code
        assert one.explanation or one.severity in ("info", "ok"), one.code
        for text in (one.title, one.summary, one.explanation):
            assert "  " not in text, (one.code, text)
    return found
