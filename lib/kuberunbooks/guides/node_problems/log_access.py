"""NP-02: can it read what it watches: is each log's folder mounted, and does it know its node's name?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding

from ..rules.npd_config import Monitor
from ..step import NotChecked, Yielded, step
from .detector import ConfigFile, Detector, built_in
from .detectors import find_detectors
from .target import NodeProblems

_KMSG = "/dev/kmsg"
_JOURNALS = ("/var/log/journal", "/run/log/journal")


class Need(NamedTuple):
    """A log a file's monitor reads. `paths` are alternatives, any of which suffices."""

    file: ConfigFile
    plugin: str
    paths: tuple[str, ...]


@step(
    "NP-02",
    title="Can it read the logs?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/monitor-node-health/",
)
def log_access(target: NodeProblems, cluster: Cluster) -> Iterator[Yielded]:
    """Is every log it watches mounted into its container, and does it know on which node it is?"""
    detectors, _ = find_detectors(target, cluster)
    if not detectors:
        yield NotChecked("No DaemonSet of node problem detector was found.")
        return
    rows = []
    for one in detectors:
        for need in _needs(one):
            held, how = _access(one, need)
            rows.append([one.text, need.file.name, need.plugin, " or ".join(need.paths), how])
            if not held:
                yield _missing(one, need, how)
        yield from _node_name(one)
    if rows:
        columns = [Column(name=name) for name in ("DAEMONSET", "FILE", "PLUGIN", "READS", "HOW")]
        yield Table(
            caption="The logs it watches, and how they come into its container", columns=columns, rows=rows
        )
    else:
        yield Note(text="Which logs it watches is not known: none of its configuration files could be read.")


def _needs(one: Detector) -> Iterator[Need]:
    for file in one.files:
        if file.kind == "system-log-monitor" and (file.monitor is not None or built_in(file)):
            need = _need(file)
            # Windows' own paths: such a detector sees its host's files as they are.
            if need is not None and not any("\\" in path for path in need.paths):
                yield need
        elif file.monitor is not None:
            for rule in file.monitor.rules:
                flags = dict(word.lstrip("-").partition("=")[::2] for word in rule.args)
                if rule.path.rpartition("/")[2] == "log-counter" and flags.get("log-path"):
                    yield Need(file, "log-counter", (flags["log-path"],))
                    break


def _need(file: ConfigFile) -> Need | None:
    monitor = file.monitor or Monitor(file.name, "system-log-monitor", plugin="kmsg")
    if monitor.plugin == "kmsg":
        return Need(file, "kmsg", (_KMSG,))
    if monitor.log_path:
        return Need(file, monitor.plugin or "filelog", (monitor.log_path,))
    return Need(file, "journald", _JOURNALS) if monitor.plugin == "journald" else None


def _access(one: Detector, need: Need) -> tuple[bool, str]:
    """Whether the log can be read, and how, or why not."""
    why = "not mounted"
    for path in need.paths:
        mounted = one.mount_of(path)
        if mounted is None:
            continue
        mount, volume = mounted
        if volume is not None and volume.host_path is not None:
            how = f"{volume.host_path.get('path', '?')} of the node at {mount.mount_path}"
            return True, how + ("" if mount.read_only else ", writable")
        if volume is None or volume.empty_dir is not None or volume.config_map is not None:
            why = f"volume {mount.name} at {mount.mount_path} is not from the node"
        else:
            return True, f"volume {mount.name}, of a kind that was not looked at"
    context = one.container.security_context
    if need.plugin == "kmsg" and context is not None and context.privileged:
        return True, "privileged containers have the node's devices"
    return False, why


def _missing(one: Detector, need: Need, why: str) -> Finding:
    monitor = need.file.monitor
    return finding(
        "NpdLogPathMissing",
        one.daemon_set,
        evidence=one.daemon_set.cite(
            f"{one.path}.volumeMounts", [m.mount_path for m in one.container.volume_mounts]
        ),
        group=(need.file.path,),
        file=need.file.name,
        plugin=need.plugin,
        log=need.paths[0],
        why=why,
        config_map=need.file.config_map,
        rules=len(monitor.rules) if monitor else 0,
    )


def _node_name(one: Detector) -> Iterator[Finding]:
    """Without NODE_NAME it takes its host name: the pod's name, unless the pod has the node's network."""
    host_network = one.daemon_set.template.spec.host_network
    if host_network or one.flag("hostname-override") or one.container.env_from:
        return
    if any(variable.name == "NODE_NAME" for variable in one.container.env):
        return
    evidence = one.daemon_set.cite(f"{one.path}.env", [variable.name for variable in one.container.env])
    yield finding("NpdNodeNameMissing", one.daemon_set, evidence=evidence, container_name=one.container.name)
