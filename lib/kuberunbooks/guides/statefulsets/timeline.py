"""The timeline of StatefulSets: the pods' own, and when each revision was first used."""

from __future__ import annotations

from datetime import timedelta

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Mark

from ..pods.target import Pods
from ..pods.timeline import timeline as pods_timeline
from ..rules.revisions import revisions
from .rollout import under_way


def timeline(target: Pods, cluster: Cluster) -> list[Mark]:
    """The marks of the pods guide, and the rollouts of those StatefulSets whose revisions were read."""
    marks = pods_timeline(target, cluster)
    horizon = cluster.now - timedelta(seconds=target.since)
    oldest = min((mark.at for mark in marks if mark.at < horizon), default=horizon)
    for root in under_way(target):
        for one in revisions(root, cluster)[0]:
            if one.created is not None and one.created >= oldest:
                text = target.words("mark_rollout", revision=one.number or "?")
                marks.append(Mark(lane=target.label_of(root), at=one.created, kind="change", text=text))
    return sorted(marks, key=lambda mark: mark.at)
