"""The node problem detectors of the cluster: which DaemonSets, how they are started, which files they read.

Read once, for all steps. Where a volume, a flag or a ConfigMap cannot be read, the file
stays unknown and nothing is said about it.
"""

from __future__ import annotations

import re
import shlex

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import Container, DaemonSet, Pod

from .config_files import CONFIG_FLAG, OLD_FLAGS, read_files
from .detector import Detector
from .target import NodeProblems

_NAME = "node-problem-detector"
_TAG = re.compile(r":v?(?P<version>\d+(?:\.\d+){1,2})[^/:]*$")


def find_detectors(target: NodeProblems, cluster: Cluster) -> tuple[list[Detector], Listing[DaemonSet]]:
    """The detectors, and the list of DaemonSets they were found in; that is read once."""
    if "detectors" not in target.memo:
        sets = cluster.look(DaemonSet, "", whole=True)
        found = [detector for one in sets if (detector := _detector(one)) is not None]
        for detector in found:
            read_files(detector, cluster)
            detector.pods = _pods(detector, target, cluster)
        target.memo["detectors"] = (found, sets)
    known: tuple[list[Detector], Listing[DaemonSet]] = target.memo["detectors"]
    return known


def declared_conditions(detectors: list[Detector]) -> set[str]:
    """The condition types their configurations define."""
    return {type_ for one in detectors for monitor in one.monitors for type_ in monitor.conditions}


def sources(detectors: list[Detector]) -> set[str]:
    """The names under which they report events."""
    return {monitor.source for one in detectors for monitor in one.monitors if monitor.source}


def event_namespaces(detectors: list[Detector]) -> frozenset[str]:
    """Namespaces other than the usual one they are told to write events into."""
    return frozenset(name for one in detectors if (name := one.flag("event-namespace")))


def _detector(one: DaemonSet) -> Detector | None:
    containers = one.template.spec.containers
    for index, container in enumerate(containers):
        if _NAME in container.image:
            return _made(one, container, index)
    named = any(_NAME in text for text in (one.name, *one.metadata.labels.values()))
    return _made(one, containers[0], 0) if named and containers else None


def _made(one: DaemonSet, container: Container, index: int) -> Detector:
    match = _TAG.search(container.image.partition("@")[0])
    version = tuple(int(part) for part in match["version"].split(".")) if match else None
    return Detector(one, container, index, version, _flags(container))


def _flags(container: Container) -> dict[str, list[str]]:
    """The flags of the command line, also of one that a shell is given."""
    words: list[str] = []
    for text in (*container.command, *container.args):
        try:
            words += shlex.split(text) if " " in text else [text]
        except ValueError:
            words += text.split()
    found: dict[str, list[str]] = {}
    for place, word in enumerate(words):
        if not word.startswith("-"):
            continue
        name, given, value = word.lstrip("-").partition("=")
        after = words[place + 1] if place + 1 < len(words) else ""
        if not given and (CONFIG_FLAG.fullmatch(name) or name in OLD_FLAGS):
            value = after
        found.setdefault(name, []).append(value)
    return found


def _pods(detector: Detector, target: NodeProblems, cluster: Cluster) -> Listing[Pod]:
    """Its pods; of one node those there."""
    one = detector.daemon_set
    selector = one.selector.text()
    if not selector:
        return Listing(complete=False, why="its selector cannot be asked for")
    fields = f"spec.nodeName={target.node}" if target.node else ""
    pods = cluster.look(Pod, one.namespace, labels=selector, fields=fields, whole=True)
    own = [pod for pod in pods if pod.controller is None or pod.controller.name == one.name]
    return Listing(own, complete=pods.complete, why=pods.why)
