"""What changed before it broke: the sentence of the report's first screen.

It states what happened and when, and never that it is the cause. Called by the
closing cell, when the headline is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, StepResult, Words, headline
from kuberunbooks.objects import Container, Deployment, Event, ReplicaSet, StatefulSet

from ..rules.node_conditions import troubles
from ..rules.node_health import nodes_by_name
from .target import Controller, Pods

_REACH = timedelta(hours=24)  # a change older than this is no news to whoever reads an incident report
_CLOCKS = timedelta(seconds=5)  # writers' clocks, and timestamps cut to seconds
_SCALED_UP = re.compile(r"Scaled up replica set (?P<set>\S+) (?:from (?P<old>\d+) )?to (?P<new>\d+)")

# What of a container people change, as the field is spelt in a manifest.
_FIELDS = {
    "command": "command",
    "args": "args",
    "env": "env",
    "env_from": "envFrom",
    "ports": "ports",
    "resources": "resources",
    "volume_mounts": "volumeMounts",
    "liveness_probe": "livenessProbe",
    "readiness_probe": "readinessProbe",
    "startup_probe": "startupProbe",
    "security_context": "securityContext",
}


class Change(NamedTuple):
    """Something that changed: `what` is a sentence without its time."""

    at: datetime
    what: str


def change(target: Pods, cluster: Cluster, steps: list[StepResult]) -> str:
    """One sentence on the newest change before the headline began; empty when none is known."""
    found = headline([one for step in steps for one in step.findings])
    if found is None or found.severity not in ("critical", "warning") or not (target.pods or target.roots):
        return ""
    began = found.since or cluster.now
    known = [one for one in _changes(target, cluster, found) if began - _REACH <= one.at <= began + _CLOCKS]
    if not known:
        return ""
    newest = max(known, key=lambda one: one.at)
    words = target.words
    ago = (began - newest.at).total_seconds()
    if ago < 1:
        return words("change_at_once", what=newest.what)
    return words("change_earlier" if found.since else "change_ago", what=newest.what, ago=words.duration(ago))


def _changes(target: Pods, cluster: Cluster, found: Finding) -> Iterator[Change]:
    for root in _concerned(target, found):
        yield from _rollouts(root, target)
        if not target.single:
            yield from _scalings(root, target, cluster)
    if found.subject.kind != "Node":
        yield from _node_turns(target, cluster)
    yield from _removals(target, cluster, found)
    yield from _creation(target, found)


def _concerned(target: Pods, found: Finding) -> list[Controller]:
    """The workloads the headline is about; none for a lost node, whose pods' rollouts say nothing of it."""
    if found.subject.kind == "Node":
        return []
    texts = {found.owner, found.subject.text, *found.facts.get("explains", ())}
    about = [root for root in target.roots if {root.kind_name, f"{root.namespace}/{root.kind_name}"} & texts]
    return about or (target.roots if target.kind not in ("", "Pod") else [])


def _rollouts(root: Controller, target: Pods) -> Iterator[Change]:
    """The newest rollout of a Deployment, by the creation of its newest ReplicaSet."""
    words, name = target.words, root.kind_name
    sets = target.history.get(root.key, [])
    newest = sets[-1] if sets else _only_set(root, target)
    if newest is None or newest.metadata.creation_timestamp is None:
        return
    before = sets[-2] if len(sets) > 1 else None
    # After a rollback the newest revision is an old ReplicaSet: its creation is not the time of the rollout.
    if any(_born(one) > _born(newest) for one in sets):
        return
    if before is None and newest.revision < 2:
        yield Change(newest.metadata.creation_timestamp, words("change_created", name=name))
        return
    differences = _differences(before, newest, words) if before else []
    what = words(
        "change_rollout",
        name=name,
        revision=newest.revision,
        details=f"; {words.listing(differences)}" if differences else "",
    )
    yield Change(newest.metadata.creation_timestamp, what)


def _only_set(root: Controller, target: Pods) -> ReplicaSet | None:
    """The ReplicaSet of a single pod, if it is its Deployment's newest."""
    sets = [one for one in target.controllers.values() if isinstance(one, ReplicaSet)]
    if not isinstance(root, Deployment) or len(sets) != 1:
        return None
    newest = root.metadata.annotations.get("deployment.kubernetes.io/revision", "")
    return sets[0] if newest == str(sets[0].revision) else None


def _born(one: ReplicaSet) -> float:
    created = one.metadata.creation_timestamp
    return created.timestamp() if created else 0.0


def _differences(old: ReplicaSet, new: ReplicaSet, words: Words) -> list[str]:
    """What a rollout changed in the containers: `image shop/web:1.4 → shop/web:1.5`."""
    before = {one.name: one for one in (*old.template.spec.init_containers, *old.template.spec.containers)}
    after = {one.name: one for one in (*new.template.spec.init_containers, *new.template.spec.containers)}
    found: list[str] = []
    for name, container in after.items():
        earlier = before.get(name)
        if earlier is None:
            found.append(words("change_container_added", container=name))
            continue
        if earlier.image != container.image:
            found.append(words("change_image", old=earlier.image, new=container.image))
        if fields := _changed_fields(earlier, container):
            found.append(words("change_fields", fields=words.listing(fields), container=name))
    found += [words("change_container_removed", container=name) for name in before if name not in after]
    return found


def _changed_fields(old: Container, new: Container) -> list[str]:
    return [field for name, field in _FIELDS.items() if getattr(old, name) != getattr(new, name)]


def _scalings(root: Controller, target: Pods, cluster: Cluster) -> Iterator[Change]:
    for event in cluster.events(root):
        match = _SCALED_UP.search(event.message) if event.reason == "ScalingReplicaSet" else None
        if match is None or event.last_seen is None or match["old"] in (None, "0"):
            continue
        name = root.kind_name
        what = target.words("change_scaled", name=name, old=match["old"], new=match["new"])
        yield Change(event.last_seen, what)


def _node_turns(target: Pods, cluster: Cluster) -> Iterator[Change]:
    """Conditions of the sick pods' nodes that are not as they should be now, by when they turned."""
    names = {pod.spec.node_name for pod in target.suspects if not pod.is_terminal}
    for name, glance in nodes_by_name(names, cluster, single=target.single).items():
        for one in troubles(glance.object) if glance.object else ():
            if one.is_true and one.last_transition_time is not None:
                what = target.words("change_node", node=name, condition=one.type)
                yield Change(one.last_transition_time, what)


def _removals(target: Pods, cluster: Cluster, found: Finding) -> Iterator[Change]:
    """Pods of the same workload that were evicted or preempted, when that is not the headline itself."""
    if target.single or not target.namespace or found.code in ("PodEvicted", "PodPreempted"):
        return
    owner = found.owner.partition("/")[2]
    for event in cluster.look(Event, target.namespace) if owner else ():
        name = event.involved_object.name
        if event.reason in ("Preempted", "Evicted") and name.startswith(f"{owner}-") and event.last_seen:
            what = target.words("change_removed", pod=name, how=event.reason.lower())
            yield Change(event.last_seen, what)


def _creation(target: Pods, found: Finding) -> Iterator[Change]:
    """The creation of a bare pod, or of a workload that keeps no history of rollouts."""
    words = target.words
    for pod in target.pods:
        is_it = found.subject.kind == "Pod" and found.subject.name == pod.name
        created = pod.metadata.creation_timestamp
        if is_it and created is not None and not target.owner_name(pod):
            yield Change(created, words("change_created", name=f"pod/{pod.name}"))
            return
    for root in _concerned(target, found):
        created = root.metadata.creation_timestamp
        if created is None or isinstance(root, Deployment):
            continue
        is_first = (
            not isinstance(root, StatefulSet) or root.status.current_revision == root.status.update_revision
        )
        if is_first:
            yield Change(created, words("change_created", name=root.kind_name))
