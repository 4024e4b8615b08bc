"""SV-03: what NetworkPolicies let in to the pods behind the Services, and out of the client.

Policies say what should be enforced. Whether the network plugin does, recorded requests
may tell (`policy_answers`): then a policy explains nothing, and what it would forbid is
no alarm any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.errors import NotCollected
from kuberunbooks.findings import Note
from kuberunbooks.objects import Namespace, NetworkPolicy

from ..rules.service_match import Backing, pods_behind
from ..step import NotChecked, Yielded, step
from .policy_answers import contradictions
from .policy_egress import WayOut, way_out
from .policy_findings import (
    keeps_away,
    report_all_right,
    report_not_enforced,
    report_situations,
    report_way_out,
)
from .policy_situations import Judge, find_situations, is_judged, party
from .policy_table import situation_table
from .policy_vendors import report_vendors, served_vendors
from .target import Services


@step("SV-03", title="Do network policies let the client through?")
def policies(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Which NetworkPolicies select the pods, and do they let the client's traffic in?"""
    vendors = served_vendors(cluster)
    yield from report_vendors(vendors or [], target.subject)
    backings = [one for one in target.backings if any(is_judged(pod) for pod in one.pods)]
    yield from _not_judged(target)
    if not backings:
        yield NotChecked("No pods with addresses of their own stand behind it, so no policy was asked.")
        return
    listed = _read(cluster, backings)
    judge = Judge(listed, lambda name: _labels_of(cluster, name))
    client = target.client if target.client is not None and is_judged(target.client) else None
    situations = find_situations(
        backings, judge, party(client) if client is not None else None, target.client_port
    )
    way: WayOut | None = None
    if client is not None:
        own = _policies_of_client(cluster, listed, client.namespace, backings)
        way = way_out(client, own, backings, judge, target.client_port) if own.complete else None
    against = list(contradictions(target, cluster, backings, judge))
    yield from report_not_enforced(target, against)
    yield from report_situations(target, cluster, situations, against)
    if way is not None and client is not None:
        yield from report_way_out(target, cluster, client, way, backings, judge)
    if not situations:
        yield NotChecked("The Service sends to a port its pods do not name, so no policy was asked about it.")
    elif client is not None and way is None:
        yield NotChecked("The policies of the client's namespace could not be read, nor what they let out.")
    elif way is not None and way.unsure:
        yield NotChecked("Whether the client's own policies let it out could not be told for every Service.")
    elif not (any(keeps_away(one) for one in situations) or (way and (way.blocked or way.partly))):
        yield from report_all_right(target, situations, way, vendors)
    yield from situation_table(target, situations)


def _read(cluster: Cluster, backings: list[Backing]) -> list[NetworkPolicy]:
    """The policies of the Services' namespaces, in one list. Raises ClusterError.

    A policy that was not read could let through what the others do not.
    """
    places = {one.service.namespace for one in backings}
    place = places.pop() if len(places) == 1 else ""
    listed = cluster.read(NetworkPolicy, place, whole=True)
    if not listed.complete:
        path = NetworkPolicy.api.path(place)
        raise NotCollected("The case holds only some of the NetworkPolicies.", path=path)
    return list(listed)


def _policies_of_client(
    cluster: Cluster, listed: list[NetworkPolicy], namespace: str, backings: list[Backing]
) -> Listing[NetworkPolicy]:
    places = {one.service.namespace for one in backings}
    if places == {namespace} or len(places) > 1:
        return Listing(one for one in listed if one.namespace == namespace)
    return cluster.look(NetworkPolicy, namespace, whole=True)


def _labels_of(cluster: Cluster, name: str) -> Mapping[str, str] | None:
    found = cluster.find(Namespace, "", name).object
    return None if found is None else found.metadata.labels


def _not_judged(target: Services) -> Iterator[Note]:
    """What policies cannot tell apart from a node."""
    pods = pods_behind(target.backings)
    on_host = sorted(pod.name for pod in pods if pod.spec.host_network and not pod.is_terminal)
    if on_host:
        more = f" and {len(on_host) - 1} more" if len(on_host) > 1 else ""
        yield Note(
            text=f"Pod {on_host[0]}{more} uses the node's network. Most network plugins apply no policy to "
            "such pods, so none was judged for them."
        )
    if target.client is not None and target.client.spec.host_network:
        yield Note(
            text=f"The client {target.client.name} uses the node's network. Policies see the node's address "
            "and not the pod, so what they let it reach was not judged."
        )
