"""AU-06: whether events are sent to a webhook, and whether its configuration can work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Subject, Table, finding
from kuberunbooks.objects import Evidence

from ..rules.audit_webhook import Webhook, read_webhook
from ..step import NotChecked, Yielded, step
from .mounts import mount_of, runs, source
from .resolve import Audited
from .servers import NO_FLAGS, Configuration, servers


@step("AU-06", title="Are events sent to a webhook?")
def webhook_backend(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """Is a webhook configured, and can its configuration work?"""
    seen = servers(target, cluster)
    given = target.files.get("webhook_config")
    if not seen and given is None:
        yield NotChecked(NO_FLAGS)
        return
    using = [one for one in seen if one.flags.webhook]
    for one in using:
        yield one.finding(
            "AuditWebhookConfigured",
            evidence=one.cite("audit-webhook-config-file", "audit-webhook-initial-backoff"),
            path=one.flags.webhook,
            backoff=one.flags.text("audit-webhook-initial-backoff", "10s"),
            checked=given is not None,
        )
    if seen and not using:
        yield Note(
            text="No API server that was seen sends events to a webhook (no --audit-webhook-config-file)."
        )
    if given is not None:
        webhook = read_webhook(given.body)
        if not webhook.faults:
            yield _webhook_table(webhook, given.name)
        yield from _webhook_findings(webhook, given.name, using)


def _webhook_findings(webhook: Webhook, name: str, using: list[Configuration]) -> Iterator[Finding]:
    subject = Subject(kind="File", namespace="", name=name)
    if webhook.faults:
        first = webhook.faults[0]
        yield finding(
            "AuditWebhookInvalid",
            subject,
            evidence=[Evidence(name, fault.path, fault.value) for fault in webhook.faults],
            file=name,
            path=first.path,
            why=first.why,
            others=[f"{fault.path}: {fault.why}" for fault in webhook.faults[1:]],
        )
        return
    if webhook.is_plain or webhook.insecure:
        field = "server" if webhook.is_plain else "insecure-skip-tls-verify"
        yield finding(
            "AuditWebhookInsecure",
            subject,
            evidence=Evidence(
                name, f"clusters[].cluster.{field}", webhook.host if webhook.is_plain else "true"
            ),
            file=name,
            host=webhook.host,
            plain=webhook.is_plain,
            own_host=webhook.host in ("localhost", "127.0.0.1", "::1"),
            severity="info" if webhook.host in ("localhost", "127.0.0.1", "::1") else None,
        )
    if webhook.is_service:
        # On the node's network a pod asks the node's resolver, unless its DNS policy says otherwise.
        pods = [one.pod for one in using if one.pod is not None]
        resolves = any(
            not pod.spec.host_network or pod.spec.dns_policy == "ClusterFirstWithHostNet" for pod in pods
        )
        if not resolves:
            yield finding(
                "AuditWebhookUnresolvable",
                subject,
                likely=True,
                severity=None if pods else "info",
                evidence=Evidence(name, "clusters[].cluster.server", webhook.host),
                file=name,
                host=webhook.host,
                seen=bool(pods),
            )
    yield from _unmounted_files(webhook, name, using)


def _unmounted_files(webhook: Webhook, name: str, using: list[Configuration]) -> Iterator[Finding]:
    """Certificates named by path must be in the API server's pod as well."""
    for one in using:
        for field, path in webhook.files.items():
            full = path if path.startswith("/") else str(PurePosixPath(one.flags.webhook).parent / path)
            if one.pod is not None and mount_of(one.pod, full).volume is None:
                yield one.finding(
                    "AuditVolumeNotMounted",
                    severity="warning" if runs(one) else None,
                    group=(field,),
                    evidence=[
                        Evidence(name, field, path),
                        Evidence(source(one), "spec.containers[].volumeMounts", f"none holds {full}"),
                    ],
                    flag=f"{field} of {name}",
                    path=full,
                    how="read",
                    mount="",
                    # The file that was given need not be the one it runs with.
                    runs=False,
                )


def _webhook_table(webhook: Webhook, name: str) -> Table:
    trust = "not checked" if webhook.insecure else "its own CA" if webhook.has_ca else "the system's CAs"
    rows = [
        ["sent to", webhook.host],
        ["encrypted", "no" if webhook.is_plain else "yes"],
        ["server's certificate", "none" if webhook.is_plain else trust],
        ["says who it is by", webhook.credential or "nothing"],
        *[[field, path] for field, path in sorted(webhook.files.items())],
    ]
    return Table(
        caption=f"The webhook in {name}", columns=[Column(name="WHAT"), Column(name="VALUE")], rows=rows
    )
