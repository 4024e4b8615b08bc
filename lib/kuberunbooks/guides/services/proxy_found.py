"""Who proxies here: kube-proxy by its DaemonSet and configuration, or a network plugin in its place.

Reads kube-system once a run, and not more than is needed: its DaemonSets in one list,
then a ConfigMap. What cannot be read leaves `known` False, and then nothing is claimed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import NOT_JSON, ConfigMap, DaemonSet, Evidence

from .node_answers import node_answers
from .target import Services
from .transcripts import cite

PLACE = "kube-system"
_MEMO = "proxy found"
_MOST_EXPLAINED = 100
_MODE_LINE = re.compile(r"^mode:[ \t]*[\"']?(?P<mode>\w*)", re.MULTILINE)
_MODE_FLAG = re.compile(r"^--proxy-mode(?:=(?P<mode>\w+))?$")
_PROXY_ALL = re.compile(r"^[ \t]+proxyAll:[ \t]*true\b", re.MULTILINE)
_OVN_PLACES = ("ovn-kubernetes", "openshift-ovn-kubernetes")


class ProxyFound(NamedTuple):
    """What was found of it.

    `known`: the DaemonSets of kube-system were read. `daemon_set` is kube-proxy's.
    `replacement` names what proxies in its place, by `because`. `mode` is empty when
    nothing says it; `mode_by` says where it stands, `is_default` that it was left open.
    """

    known: bool = False
    daemon_set: DaemonSet | None = None
    replacement: str = ""
    because: Evidence | None = None
    mode: str = ""
    mode_by: Evidence | None = None
    is_default: bool = False


def find_proxy(target: Services, cluster: Cluster) -> ProxyFound:
    """Who proxies in this cluster; what nodes answered goes before what is configured."""
    found: ProxyFound | None = target.memo.get(_MEMO)
    if found is None:
        target.memo[_MEMO] = found = _find(target, cluster)
    return found


def explained(target: Services) -> list[str]:
    """The Services in question, as a cause on a node names what it explains."""
    return [f"{one.namespace}/{one.kind_name}" for one in target.services[:_MOST_EXPLAINED]]


def _find(target: Services, cluster: Cluster) -> ProxyFound:
    said = node_answers(target, cluster)
    listed = cluster.look(DaemonSet, PLACE)
    by_name = {one.name: one for one in listed}
    found = ProxyFound(listed.complete, by_name.get("kube-proxy"))
    if said.modes:
        transcript, mode = said.modes[-1]
        return found._replace(mode=mode, mode_by=cite(transcript, mode))
    if said.rules:
        first = said.rules[0]
        source = said.sources[first.node, first.dump.mode][0]
        return found._replace(mode=first.dump.mode, mode_by=cite(source))
    if (other := _replacement(by_name, cluster, found)) is not None:
        return found._replace(replacement=other[0], because=other[1])
    return _configured(found, cluster) if found.daemon_set is not None else found


def _replacement(
    by_name: dict[str, DaemonSet], cluster: Cluster, found: ProxyFound
) -> tuple[str, Evidence] | None:
    if "cilium" in by_name or "anetd" in by_name:
        text, evidence = _setting(cluster, "cilium-config", "kube-proxy-replacement")
        if evidence is not None and text.strip().lower() in ("true", "strict"):
            return "Cilium", evidence
    if found.daemon_set is not None and found.daemon_set.desired:
        return None
    if (router := by_name.get("kube-router")) is not None:
        arguments = [text for one in router.template.spec.containers for text in (*one.command, *one.args)]
        if not any(text.startswith("--run-service-proxy=false") for text in arguments):
            return "kube-router", router.cite("spec.template.spec.containers[0].args")
    if "antrea-agent" in by_name:
        text, evidence = _setting(cluster, "antrea-config", "antrea-agent.conf")
        if evidence is not None and _PROXY_ALL.search(text):
            return "Antrea", evidence
    if found.known and found.daemon_set is None:
        for place in _OVN_PLACES:
            if (ovn := cluster.find(DaemonSet, place, "ovnkube-node").object) is not None:
                return "OVN-Kubernetes", ovn.cite("metadata.name")
    return None


def _configured(found: ProxyFound, cluster: Cluster) -> ProxyFound:
    """The mode by a flag, else by the configuration; empty there is the default, iptables on Linux."""
    daemon_set = found.daemon_set
    if daemon_set is None or not daemon_set.template.spec.containers:
        return found
    container = daemon_set.template.spec.containers[0]
    words = [*container.command, *container.args]
    for index, word in enumerate(words):
        if (match := _MODE_FLAG.match(word)) is not None:
            mode = match["mode"] or "".join(words[index + 1 : index + 2])
            return found._replace(
                mode=mode, mode_by=daemon_set.cite("spec.template.spec.containers[0].command", word)
            )
    text, evidence = _setting(cluster, "kube-proxy", "config.conf")
    if evidence is None:
        return found
    match = _MODE_LINE.search(text)
    mode = match["mode"] if match else ""
    shown = Evidence(evidence.source, f"{evidence.path} mode", mode or "empty, the default")
    return found._replace(mode=mode or "iptables", mode_by=shown, is_default=not mode)


def _setting(cluster: Cluster, name: str, key: str) -> tuple[str, Evidence | None]:
    """The text under a key of a ConfigMap of kube-system, with evidence; no evidence when it is not there."""
    found = cluster.find(ConfigMap, PLACE, name).object
    if found is None or key not in found.data:
        return "", None
    try:
        text = msgspec.json.decode(found.data[key], type=str)
    except (msgspec.ValidationError, *NOT_JSON):
        return "", None
    return text, found.cite(f"data[{key}]", text if len(text) < 100 else "…")
