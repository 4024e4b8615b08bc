"""Finds the pod or the node to look into, and everything the recommendation turns on.

One pod costs a handful of requests: the pod with its workload and events, its node, its namespace, the
pod `NAME-debug` and the debugging pods by label.
"""

from __future__ import annotations

import re
import shlex

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import BadParameter, NotFound
from kuberunbooks.findings import Words
from kuberunbooks.objects import Namespace, Node, Pod

from ..pods.resolve import resolve as resolve_pods
from ..pods.target import Pods
from ..registry import Request
from ..rules.debug_choice import WAYS, choose
from ..rules.debug_manifests import PROFILES
from ..services.transcripts import take_transcripts
from .situation import causes_of, container_of, situation_of
from .target import Debugging

_NODE = re.compile(r"(?:node|nodes|no)[/ ](?P<name>[a-z0-9][-a-z0-9.]*)")
_DEBUGGING = "app.kubernetes.io/managed-by in (kubectl-debug, kuberunbooks)"
_MOST_REQUESTS = 30


def resolve(cluster: Cluster, request: Request) -> Debugging:
    """Finds the target; one that does not exist comes back with `missing` set.

    Raises BadParameter for what is no target or parameter of this runbook, ClusterError when the
    server does not let us look.
    """
    options = _checked(dict(request.options))
    take_transcripts(cluster, options)
    node = _NODE.fullmatch(request.target.strip())
    if node is not None:
        behind = Pods(
            "", request.namespace, since=request.since, now=cluster.now, words=Words(request.language)
        )
        target = Debugging(f"node/{node['name']}", request.namespace, behind, about_node=True)
        target.node_name = node["name"]
        target.node = _node(node["name"], cluster)
    else:
        behind = resolve_pods(cluster, request)
        target = Debugging(behind.wanted, request.namespace, behind)
        _choose_pod(target, cluster)
    target.options, target.now, target.words = options, cluster.now, behind.words
    _surroundings(target, cluster)
    if not target.missing:
        target.container = container_of(target)
        target.causes = causes_of(target, cluster)
        target.situation = situation_of(target, cluster)
        target.choice = choose(target.situation)
    return target


def _checked(options: dict[str, object]) -> dict[str, object]:
    way, profile = str(options.get("way") or "").strip(), str(options.get("profile") or "").strip()
    if way and way not in WAYS:
        raise BadParameter(
            f"way={way!r} is no way into a pod.",
            advice=f"Empty takes the recommended one; else {', '.join(WAYS)}.",
        )
    if profile and profile not in PROFILES:
        raise BadParameter(
            f"profile={profile!r} is no profile of kubectl debug.", advice=f"There is {', '.join(PROFILES)}."
        )
    try:
        options["command words"] = shlex.split(str(options.get("command") or ""))
    except ValueError as error:
        raise BadParameter(f"command is no command line: {error}.", advice="Close its quotes.") from error
    return options


def _node(name: str, cluster: Cluster) -> Node | None:
    """The node that was asked for. Raises NotFound when there is none."""
    found = cluster.node(name)
    if found.known and found.object is None:
        raise NotFound(f"There is no node {name}.", advice="See kubectl get nodes.")
    return found.object


def _choose_pod(target: Debugging, cluster: Cluster) -> None:
    """Of several pods the one that is worst off: a debugging pod itself is never meant."""
    behind = target.behind
    eligible = [one for one in behind.pods if not is_debugging(one)] or behind.pods
    sick = [one for one in behind.suspects if one in eligible and one.phase != "Succeeded"]
    target.pod = next(iter([*sick, *eligible]), None)
    target.more = len(behind.pods) - 1
    if target.pod is None:
        return
    target.others = [one for one in behind.pods if one is not target.pod]
    behind.pods = [target.pod]
    behind.single = True
    behind.most_requests = _MOST_REQUESTS
    behind.index()
    target.node_name = target.pod.spec.node_name
    if target.node_name:
        target.node = cluster.node(target.node_name).object


def is_debugging(pod: Pod) -> bool:
    """Whether a pod was made to debug another one, or a node."""
    labels = pod.metadata.labels
    return labels.get("app.kubernetes.io/managed-by") in ("kubectl-debug", "kuberunbooks") or (
        pod.controller is None
        and (pod.name.startswith("node-debugger-") or (pod.name.endswith("-debug") and not labels))
    )


def _surroundings(target: Debugging, cluster: Cluster) -> None:
    """The namespace's Pod Security level, and the debugging pods that are there already."""
    place = target.place
    namespace = cluster.find(Namespace, "", place)
    target.labels = namespace.object.metadata.labels if namespace.object is not None else None
    found = {one.name: one for one in target.others if one.namespace == place}
    if cluster.origin.kind == "case":
        found |= {one.name: one for one in cluster.look(Pod, place)}
    else:
        found |= {one.name: one for one in cluster.look(Pod, place, labels=_DEBUGGING)}
        if target.pod is not None and (copy := cluster.find(Pod, place, f"{target.pod.name}-debug").object):
            found[copy.name] = copy
    target.others = [one for one in found.values() if target.pod is None or one.name != target.pod.name]
