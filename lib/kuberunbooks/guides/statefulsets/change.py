"""What changed before it broke: a rollout of the StatefulSet, else what the pods guide knows."""

from __future__ import annotations

from datetime import datetime, timedelta

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, StepResult, headline

from ..pods.change import change as pods_change
from ..pods.target import Pods
from ..rules.revisions import Revision, revisions
from .rollout import under_way

_REACH = timedelta(hours=24)  # as in the pods guide: an older change is no news
_CLOCKS = timedelta(seconds=5)


def change(target: Pods, cluster: Cluster, steps: list[StepResult]) -> str:
    """One sentence on the newest change before the headline began; empty when none is known."""
    found = headline([one for step in steps for one in step.findings])
    if found is None or found.since is None or found.severity not in ("critical", "warning"):
        return pods_change(target, cluster, steps)
    rollout = _rollout_before(found, found.since, target, cluster)
    return rollout or pods_change(target, cluster, steps)


def _rollout_before(found: Finding, began: datetime, target: Pods, cluster: Cluster) -> str:
    """The rollout under way, by the newest revision that was first used before the headline began."""
    about = {found.owner, found.subject.text, *found.facts.get("explains", ())}
    root = next((one for one in under_way(target) if one.kind_name in about), None)
    if root is None or found.facts.get("node"):
        return ""
    known = revisions(root, cluster)[0]
    used = [(one.created, one) for one in known if one.created is not None]
    before = [pair for pair in used if began - _REACH <= pair[0] <= began + _CLOCKS]
    if len(known) < 2 or not before:
        return ""
    created, newest = max(before, key=_when)
    words = target.words
    what = words("change_rollout", name=root.kind_name, revision=newest.number or "?", details="")
    ago = (began - created).total_seconds()
    if ago < 1:
        return words("change_at_once", what=what)
    return words("change_earlier", what=what, ago=words.duration(ago))


def _when(pair: tuple[datetime, Revision]) -> datetime:
    return pair[0]
