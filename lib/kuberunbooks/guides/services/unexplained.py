"""SV-16: the picture of the way from the client to the pods, and what to do when every hop is right.

Comes last: it draws what the steps before it noted about their hops.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Hop, HopState, Route, finding

from ..rules.service_match import read_endpoints
from ..step import NotChecked, Yielded, step
from .target import Services
from .trace import SYMPTOMS, HopName, serious_codes, trace

# In the order a request takes; the labels are the picture's.
_HOPS: tuple[tuple[HopName, str], ...] = (
    ("client", "Client"),
    ("dns", "DNS"),
    ("service", "Service"),
    ("proxy", "Proxy"),
    ("policy", "Policies"),
    ("slices", "Slices"),
    ("pods", "Pods"),
)
_PROVEN: tuple[HopName, ...] = ("service", "slices", "pods")


@step("SV-16", title="Where does it break?")
def unexplained(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Which hops on the way from the client to the pods are right, and what is left to do?"""
    if not target.backings:
        yield NotChecked("There is no Service whose way could be followed.")
        return
    states = trace(target)
    yield Route(
        caption="The way of a request",
        hops=[_hop(name, label, states.get(name, "unchecked"), target) for name, label in _HOPS],
    )
    yield _so_far(target, states)
    serious = serious_codes(target)
    if serious and serious <= SYMPTOMS and all(states.get(name) == "ok" for name in _PROVEN):
        yield finding(
            "ServiceUnexplained",
            target.subject,
            evidence=target.services[0].cite("spec.clusterIP"),
            unchecked=_labels(states, "unchecked"),
        )


def _so_far(target: Services, states: dict[HopName, HopState]) -> Finding:
    wrong = _labels(states, "critical") + _labels(states, "warning")
    return finding(
        "ServiceRouteBreaks" if wrong else "ServiceRouteRight",
        target.services[0] if len(target.services) == 1 else target.subject,
        evidence=target.services[0].cite("spec.type"),
        wrong=wrong,
        unchecked=_labels(states, "unchecked"),
    )


def _labels(states: dict[HopName, HopState], state: HopState) -> list[str]:
    return [label for name, label in _HOPS if states.get(name, "unchecked") == state]


def _hop(name: HopName, label: str, state: HopState, target: Services) -> Hop:
    only = target.backings[0] if len(target.backings) == 1 else None
    number = len(target.backings)
    if name == "client":
        return Hop(label=label, state=state, name=target.client.kind_name if target.client else "")
    if name == "service":
        return Hop(label=label, state=state, name=only.service.name if only else f"{number} of them")
    if name == "slices" and target.slices_unread is None:
        held = [read_endpoints(one) for one in target.backings]
        ready, every = sum(len(one.ready) for one in held), sum(len(one.all) for one in held)
        return Hop(label=label, state=state, name=f"{ready} of {every} ready")
    if name == "pods":
        pods = target.behind.pods
        owners = sorted({target.who_made(pod) for pod in pods}) if only else []
        return Hop(label=label, state=state, name=owners[0] if len(owners) == 1 else f"{len(pods)} pods")
    return Hop(label=label, state=state)
