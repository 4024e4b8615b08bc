"""AU-10: events that are larger than a backend takes."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Note

from ..step import NotChecked, Yielded, step
from .resolve import Audited
from .servers import NO_FLAGS, servers


@step("AU-10", title="What becomes of large events?")
def truncation(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """Are events cut that are larger than a backend takes?"""
    seen = servers(target, cluster)
    if not seen:
        yield NotChecked(NO_FLAGS)
        return
    if not any(one.flags.backends for one in seen):
        yield Note(text="No backend is configured, so there are no events to cut.")
    for one in seen:
        for backend in one.flags.backends:
            cut = one.flags.truncation(backend)
            flag = f"audit-{backend}-truncate-enabled"
            yield one.finding(
                "AuditTruncateOn" if cut.enabled else "AuditTruncateOff",
                group=(backend,),
                evidence=one.cite(flag),
                backend=backend,
                flag=f"--{flag}",
                event=cut.event,
                batch=cut.batch,
            )
