"""Turns what is known to be attached into findings: who is at work, what was forgotten, what is orphaned.

A young intercept is somebody at work; one that is older than an idle client is kept, or
whose client or manager is gone, is a fault. Called by the step about intercepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Severity, Subject, finding
from kuberunbooks.objects import Evidence

from ..rules.telepresence_objects import RECONNECTS, REVOKES, TAKES_OUT, NodeAgent
from ..rules.telepresence_told import Intercept
from ..rules.thresholds import INTERCEPT_FORGOTTEN
from .attached import Attached, Known, Standin, Taken, metrics_service
from .target import Telepresence
from .targets import commands_for

_ACTIVE = ("", "ACTIVE", "UNSPECIFIED")
_TAKES_TRAFFIC = ("global", "filtered", "replace", "unknown")
_WHOLE = ("global", "replace")
_UNKNOWN_KIND = "Workload"


class Judge:
    """Turns what is attached into findings, one for each intercept, the same workload's evidence together."""

    def __init__(self, target: Telepresence, cluster: Cluster, found: Attached) -> None:
        self._target = target
        self._cluster = cluster
        self._found = found
        self._told: set[str] = set()
        self._everybodys = any(one.everybodys and one.intercepts is not None for one in target.told)

    def all(self) -> Iterator[Finding]:
        """Everything, the pods' own evidence first."""
        made = [*self._standins(), *self._known(), *self._node_agents(), *self._taken()]
        yield from made
        if not made:
            yield from self._nothing()

    def _standins(self) -> Iterator[Finding]:
        for one in self._found.standins:
            name = one.workload.rpartition("/")[2]
            told = [
                each
                for each in self._found.known
                if each.intercept.workload == name and each.intercept.kind in ("replace", "unknown", "global")
            ]
            self._told.update(each.intercept.name for each in told)
            first = told[0] if told else None
            intercept = first.intercept if first else Intercept(name, "replace", "", workload=name)
            intercept = intercept._replace(
                kind="replace",
                workload=name,
                namespace=one.namespace,
                container=intercept.container or one.containers[0],
            )
            evidence = [*one.evidence, *([first.evidence] if first else [])]
            yield self._diverts(intercept, self._since(intercept, one.since), evidence, 0.0, one)

    def _known(self) -> Iterator[Finding]:
        for one in self._found.known:
            intercept = one.intercept
            if intercept.name in self._told:
                continue
            self._told.add(intercept.name)
            if intercept.state not in (*_ACTIVE, "NO_CLIENT"):
                yield self._failing(one)
            elif intercept.kind in _TAKES_TRAFFIC:
                evidence = [one.evidence, *self._log_evidence(intercept)]
                since = self._since(intercept, intercept.since)
                yield self._diverts(intercept, since, evidence, one.stale, None)
            else:
                yield finding(
                    "InterceptHarmless",
                    self._subject(intercept),
                    evidence=one.evidence,
                    **self._facts(intercept),
                )

    def _taken(self) -> Iterator[Finding]:
        """From the logs alone: whether it still holds only a log at level debug says."""
        if self._everybodys:
            return
        for one in self._found.taken:
            if one.seen.name in self._told:
                continue
            self._told.add(one.seen.name)
            intercept = Intercept(
                one.seen.name,
                "unknown",
                "ACTIVE",
                workload=one.workload.rpartition("/")[2],
                namespace=one.pod.namespace,
                id=one.seen.id,
            )
            if one.seen.holds:
                yield self._diverts(intercept, one.seen.at, [one.evidence], 0.0, None)
            else:
                yield self._in_log(one, intercept)

    def _in_log(self, one: Taken, intercept: Intercept) -> Finding:
        return finding(
            "InterceptSeenInLog",
            self._subject(intercept),
            evidence=one.evidence,
            since=one.seen.at,
            likely=True,
            pod_name=one.pod.name,
            **self._facts(intercept),
        )

    def _diverts(
        self,
        one: Intercept,
        since: datetime | None,
        evidence: list[Evidence],
        stale: float,
        standin: Standin | None,
    ) -> Finding:
        age = (self._cluster.now - since).total_seconds() if since is not None else None
        orphaned = self._orphaned(one, standin)
        heavy: Severity = "critical" if one.kind in _WHOLE else "warning"
        code, severity = "InterceptActive", None
        if stale and standin is None:
            pass  # what was printed long ago accuses nobody
        elif orphaned:
            code, severity = "InterceptOrphaned", heavy
        elif age is not None and age >= INTERCEPT_FORGOTTEN:
            code, severity = "InterceptForgotten", heavy
        return finding(
            code,
            self._subject(one),
            severity=severity,
            evidence=evidence,
            since=since,
            group=(one.name,),
            age=age,
            stale=stale,
            orphaned=orphaned,
            replaced_pods=len(standin.pods) if standin else 0,
            in_pods=standin is not None,
            **self._facts(one),
        )

    def _orphaned(self, one: Intercept, standin: Standin | None) -> str:
        """Why nobody can end it from his workstation any more; empty while somebody can."""
        if one.state == "NO_CLIENT":
            return "session"
        if standin is None:
            return ""
        if self._target.installed.is_absent:
            return "no-manager"
        managers = self._target.installed.managers
        return "stopped-manager" if managers and not any(each.workload.desired for each in managers) else ""

    def _since(self, one: Intercept, since: datetime | None) -> datetime | None:
        """The earliest time it is known of: its own, its pods', or the agent's log."""
        logged = [each.seen.at for each in self._found.taken if each.seen.name == one.name]
        return min((at for at in (since, *logged) if at is not None), default=None)

    def _log_evidence(self, one: Intercept) -> list[Evidence]:
        return [each.evidence for each in self._found.taken if each.seen.name == one.name][:1]

    def _failing(self, one: Known) -> Finding:
        return finding(
            "InterceptFailing",
            self._subject(one.intercept),
            evidence=one.evidence,
            state=one.intercept.state,
            message=one.intercept.message,
            **self._facts(one.intercept),
        )

    def _node_agents(self) -> Iterator[Finding]:
        by_workload: dict[tuple[str, str], list[NodeAgent]] = {}
        for one in self._found.node_agents:
            by_workload.setdefault((one.namespace, one.workload), []).append(one)
        for (namespace, workload), jobs in by_workload.items():
            made = [at for each in jobs if (at := each.job.metadata.creation_timestamp) is not None]
            since = min(made, default=None)
            age = (self._cluster.now - since).total_seconds() if since else None
            intercept = Intercept(workload, "unknown", "ACTIVE", workload=workload, namespace=namespace)
            yield finding(
                "NodeAgentAttached",
                self._subject(intercept),
                severity="warning" if age is not None and age >= INTERCEPT_FORGOTTEN else None,
                evidence=jobs[0].job.cite("metadata.creationTimestamp"),
                since=since,
                age=age,
                jobs=len(jobs),
                job_namespace=jobs[0].job.namespace,
                **self._facts(intercept),
            )

    def _nothing(self) -> Iterator[Finding]:
        lists = [one for one in self._target.told if one.intercepts is not None]
        if lists:
            yield finding(
                "InterceptsNone",
                self._target.subject,
                everybodys=self._everybodys,
                where=self._target.namespace,
            )
        elif self._target.carriers:
            yield finding(
                "InterceptsUnseen",
                self._target.subject,
                evidence=self._target.carriers[0].cite("spec.containers", "traffic-agent"),
                pods=len(self._target.carriers),
                logs=self._found.logs_read,
                metrics=metrics_service(self._target, self._cluster),
                **self._place(),
            )

    def _subject(self, one: Intercept) -> Subject:
        """The workload, as kubectl takes it."""
        for root in self._target.behind.controllers.values():
            here = root.namespace == (one.namespace or root.namespace)
            if here and root.name == one.workload and root.controller is None:
                return Subject(kind=root.kind, namespace=root.namespace, name=root.name)
        kind = one.workload_kind or _UNKNOWN_KIND
        return Subject(kind=kind, namespace=one.namespace or self._target.namespace, name=one.workload)

    def _whom(self, one: Intercept) -> str:
        """`deployment/web`, or only the name where its kind is not known."""
        subject = self._subject(one)
        return one.workload if subject.kind == _UNKNOWN_KIND else subject.text

    def _facts(self, one: Intercept) -> dict[str, Any]:
        pods = [
            pod
            for pod in self._target.pods
            if self._target.workload_of(pod).rpartition("/")[2] == one.workload
            and pod.namespace == (one.namespace or pod.namespace)
            and not pod.is_terminal
        ]
        labels = pods[0].metadata.labels if pods else {}
        return {
            "takes": one.kind,
            "whole": one.kind in _WHOLE,
            "intercept": one.name,
            "id": one.id,
            "client": one.client,
            "filters": one.filters,
            "goes_to": one.goes_to,
            "port": one.port,
            "lost_container": one.container,
            "workload": one.workload,
            "whom": self._whom(one),
            "pods": len(pods),
            "services": sorted(
                each.name
                for each in self._target.services
                if each.spec.selector and each.spec.selector.items() <= labels.items()
            ),
            **self._place(),
        }

    def _place(self) -> dict[str, Any]:
        manager = self._target.manager
        version = manager.version if manager is not None else None
        return {
            "connect_to": self._target.namespace or "default",
            "manager": manager.workload.kind_name if manager is not None else "",
            "manager_namespace": manager.namespace if manager is not None else "",
            "revokes": version is not None and version.numbers >= REVOKES,
            "forgets": version is not None and version.numbers < RECONNECTS,
            "names_container": version is None or version.numbers >= TAKES_OUT,
            **commands_for(version),
        }
