"""TP-03: whether the cluster's Services can be reached from the workstation, as the upstream guide tries it.

`curl -ik https://kubernetes.default`: any HTTP status is an answer, 401 and 403 are the
usual ones. It is read from what curl printed; nothing is asked from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from kuberunbooks.cluster import Cluster, Transcript
from kuberunbooks.findings import finding
from kuberunbooks.objects import Evidence, Service

from ..rules.curl_output import read_curl
from ..rules.webhooks import webhook_backend
from ..step import NotChecked, Yielded, step
from .client import UPSTREAM
from .target import Telepresence

_HOST = re.compile(r"^kubernetes(?:\.default(?:\.svc(?:\.[a-z0-9.-]+)?)?)?$")
_ANSWERED = re.compile(r"^HTTP/[\d.]+ (?P<status>\d{3})", re.MULTILINE)
_ASKED = re.compile(r"curl\b[^\n]*https://(?P<host>kubernetes[a-z0-9.-]*)", re.MULTILINE)
_FAILED = re.compile(r"curl: \((?P<code>\d+)\) (?P<why>[^\n]{1,300})")


@step("TP-03", title="Does the cluster answer from the workstation?", upstream=UPSTREAM)
def reach(target: Telepresence, cluster: Cluster) -> Iterator[Yielded]:
    """Once connected, does https://kubernetes.default answer on the workstation?"""
    found = [made for each in cluster.transcripts() if (made := _asked(each)) is not None]
    if not found:
        if not target.installed.has_trace and not target.carriers:
            yield NotChecked("There is no sign of Telepresence, so nobody is connected through it.")
        else:
            yield NotChecked(
                "Nobody gave what `curl -ik https://kubernetes.default` prints on the workstation; "
                "the parameter transcripts takes it."
            )
        return
    one, status, why = found[-1]
    shown = f"HTTP {status}" if status else why
    evidence = [Evidence(f"{one.target.text} {one.source}".strip(), " ".join(one.argv) or "curl", shown)]
    if status:
        yield finding("ClusterServiceReachable", target.subject, evidence=evidence, status=status)
        return
    backend = webhook_backend(cluster, "default", "kubernetes")
    yield finding(
        "ClusterServiceUnreachable",
        target.subject,
        evidence=[*evidence, *backend.evidence],
        why=why,
        ready=backend.ready,
        disconnected=any(each.status and each.status != "Connected" for each in target.told),
        service=f"{Service.api.path('default')}#kubernetes",
    )


def _asked(one: Transcript) -> tuple[Transcript, int, str] | None:
    """The status that was answered, 0 for none, and why in curl's words; None when it is no such request."""
    plain = msgspec.structs.replace(one, argv=one.argv[1:]) if one.argv[:1] == ["telepresence"] else one
    said = _ANSWERED.findall(one.stdout)
    status = int(said[-1]) if said else 0
    answer = read_curl(plain)
    if answer is not None:
        if not _HOST.match(answer.host):
            return None
        status = status or answer.status
        if not status and answer.outcome == "answered":
            return None
        return one, status, answer.why or answer.outcome
    asked = _ASKED.search(one.stdout) if not one.argv else None
    if asked is None or not _HOST.match(asked["host"]):
        return None
    failed = _FAILED.search(one.output)
    if not status and failed is None:
        return None
    return one, status, failed["why"] if failed else ""
