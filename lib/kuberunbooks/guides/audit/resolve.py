"""The target of the audit guide: a cluster, and the files a person gives beside it.

Policy, flags, webhook configuration and log lie on the control plane's disks, which no API
shows: each may be named in a parameter, or a case carries it. The small ones are read here;
the log, which may be large, is read by the steps that are about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.given_file import UnusableFile, read_given_file
from kuberunbooks.errors import BadParameter
from kuberunbooks.findings import Words

from ..registry import Request
from ..rules.audit_webhook import kept_webhook
from ..whole_cluster import WholeCluster
from .log_files import log_files

MOST_BYTES = 1 << 20
"""Of a policy, a manifest or a kubeconfig; the largest policies have some hundred lines."""

# By parameter: what it is called, and the names a case holds it under, the first of which is ours.
_FILES = {
    "policy": (
        "an audit policy",
        ("audit/policy.yaml", "policy.yaml", "audit/audit-policy.yaml", "audit-policy.yaml"),
    ),
    "flags": (
        "flags of an API server",
        ("audit/flags.txt", "audit/kube-apiserver.yaml", "kube-apiserver.yaml"),
    ),
    "webhook_config": ("a webhook's configuration", ("audit/webhook.yaml",)),
}


class GivenFile(NamedTuple):
    """A file that was given or that the case holds; `name` is how evidence names it."""

    name: str
    body: bytes


@dataclass
class Audited(WholeCluster):
    """A cluster's auditing. `files` are those that were given, by parameter."""

    files: dict[str, GivenFile] = field(default_factory=dict)

    def option(self, name: str) -> str:
        """A parameter of the audit runbook as text, empty when it was not given: `audit_log`, `about`."""
        value = self.options.get(name, "")
        return str(value).strip() if value else ""


def resolve(cluster: Cluster, request: Request) -> Audited:
    """Reads the files that were given, else those of the case. Raises BadParameter for an unusable one."""
    target = Audited(
        request.target.strip(),
        request.namespace,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=Words(request.language),
    )
    for parameter, (what, names) in _FILES.items():
        path = target.option(parameter)
        found = _read(path, what) if path else _held(cluster, names)
        if found is not None:
            target.files[parameter] = found
        if found is not None and path and cluster.origin.kind == "live":
            _keep(names[0], found.body, cluster)
    if log := target.option("audit_log"):
        # Read by its steps; that there is none must not pass for a log in which nothing happened.
        log_files(log)
    return target


def _read(path: str, what: str) -> GivenFile:
    place = Path(path).expanduser()
    try:
        return GivenFile(place.name, read_given_file(place, MOST_BYTES))
    except UnusableFile as error:
        raise BadParameter(f"{path} cannot be used as {what}: {error}.") from error


def _keep(name: str, body: bytes, cluster: Cluster) -> None:
    """Lays the file into the run's case, for a run on the case to say the same; no secret of a kubeconfig."""
    kept = kept_webhook(body) if name.endswith("webhook.yaml") else body
    cluster.elsewhere(name, lambda: kept)


def _held(cluster: Cluster, names: tuple[str, ...]) -> GivenFile | None:
    for name in names:
        body = cluster.recorded(name)
        if body is not None:
            return GivenFile(name.rpartition("/")[2], body)
    return None
