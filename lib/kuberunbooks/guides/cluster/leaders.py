"""The leaders of scheduler and controller manager: whether somebody does their work.

A Lease nobody renews is the sign; what the component was seen to do after that is against
it, pods it never looked at are for it. Called by the step about the control plane and by
the one about failure modes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Column, Finding, Table, Words, finding
from kuberunbooks.objects import Event, Evidence, Lease, Pod

from ..rules.leader_leases import Leader, leader
from ..rules.thresholds import CLOCK_SKEW, LEADER_FORGOTTEN, PENDING_GRACE
from .lost import because_of, explained_by

SYSTEM = "kube-system"
CODES = {"kube-scheduler": "SchedulerDown", "kube-controller-manager": "ControllerManagerDown"}
"""What a component's Lease is called, and what it means when its work is not done."""

_DONE = {"kube-scheduler": "Scheduled", "kube-controller-manager": "SuccessfulCreate"}
"""The reason of an event only this component writes as it works."""
_WORKERS = {
    "kube-scheduler": {"default-scheduler"},
    "kube-controller-manager": {
        "replicaset-controller",
        "job-controller",
        "cronjob-controller",
        "daemonset-controller",
        "statefulset-controller",
    },
}


class Led(NamedTuple):
    """How a component is led.

    `down`: nobody does its work. `sign` is an object that shows it, where one does; `acted`
    an event that shows the opposite: the component works, without this Lease.
    """

    component: str
    leader: Leader
    down: bool
    signs: tuple[Pod, ...] = ()
    acted: Event | None = None


def system_leases(cluster: Cluster) -> Listing[Lease]:
    """The Leases of kube-system: those of the leaders, and one of each API server."""
    return cluster.look(Lease, SYSTEM)


def led(cluster: Cluster) -> list[Led]:
    """The components whose Lease was read. Asks for more only when one is not renewed."""
    found: list[Led] = []
    for lease in system_leases(cluster):
        one = leader(lease, cluster.now) if lease.name in CODES else None
        if one is not None:
            found.append(Led(lease.name, one, False) if one.state == "leads" else _silent(one, cluster))
    return found


def _silent(one: Leader, cluster: Cluster) -> Led:
    component, renewed = one.lease.name, one.lease.spec.renew_time or cluster.now
    acted = _acted_since(component, renewed, cluster)
    signs = tuple(_never_looked_at(cluster)) if component == "kube-scheduler" and acted is None else ()
    forgotten = one.age > LEADER_FORGOTTEN and not signs
    return Led(component, one, acted is None and not forgotten, signs, acted)


def _acted_since(component: str, time: datetime, cluster: Cluster) -> Event | None:
    """An event that only this component writes, of after the Lease was last renewed."""
    after = time + timedelta(seconds=CLOCK_SKEW)
    events = cluster.look(Event, fields=f"reason={_DONE[component]}", whole=True)
    done = (one for one in events if one.component in _WORKERS[component])
    return next((one for one in done if one.last_seen is not None and one.last_seen > after), None)


def _never_looked_at(cluster: Cluster) -> Iterator[Pod]:
    """Pods the default scheduler should have placed and has not even refused."""
    waiting = cluster.look(Pod, fields="spec.nodeName=,status.phase=Pending", whole=True)
    for pod in waiting:
        tried = pod.condition("PodScheduled") is not None or pod.spec.scheduling_gates
        ours = pod.spec.scheduler_name in ("", "default-scheduler")
        if not tried and ours and pod.age(cluster.now) > PENDING_GRACE:
            yield pod


def down_findings(found: list[Led], lost: set[str]) -> Iterator[Finding]:
    """What is down. Where its host is among the lost nodes, that is why."""
    for one in found:
        if not one.down:
            continue
        lease = one.leader.lease
        evidence = [lease.cite("spec.renewTime"), lease.cite("spec.holderIdentity")]
        evidence += [pod.cite("status.conditions[type=PodScheduled]", "absent") for pod in one.signs[:3]]
        down = finding(
            CODES[one.component],
            lease,
            evidence=evidence,
            since=lease.spec.renew_time,
            likely=not one.signs,
            component=one.component,
            silent=one.leader.age,
            holder=one.leader.holder,
            released=one.leader.state == "released",
            waiting=len(one.signs),
            example=f"{one.signs[0].namespace}/{one.signs[0].name}" if one.signs else "",
        )
        yield explained_by(down, because_of([one.leader.holder], lost))


def leaders_table(found: list[Led], words: Words) -> Table:
    """Who leads, and since when the Lease was not renewed."""
    return Table(
        caption="Leaders of the control plane",
        columns=[Column(name=name) for name in ("COMPONENT", "LEADER", "LEASE RENEWED", "STATE")],
        rows=[
            [
                one.component,
                one.leader.holder or "nobody",
                f"{words.duration(one.leader.age)} ago",
                _state(one),
            ]
            for one in found
        ],
    )


def _state(one: Led) -> str:
    if one.leader.state == "leads":
        return "leads"
    if one.acted is not None:
        seen = f"{one.acted.last_seen:%H:%M:%S} UTC" if one.acted.last_seen else ""
        return f"works without this Lease (last seen at work at {seen})"
    if not one.down:
        return "an old Lease: leader election is off, it seems"
    return "gave it up, and nobody took over" if one.leader.state == "released" else "not renewed"


def healthy_evidence(found: list[Led]) -> list[Evidence]:
    """What shows that all of them are led."""
    return [one.leader.lease.cite("spec.renewTime") for one in found]
