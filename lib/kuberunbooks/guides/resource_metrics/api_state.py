"""Is the resource metrics API served, by whom, and does that one answer?

The APIService says so. Where it may not be read, the list of API groups does, which
everybody may read. Called by every step of this guide whose verdict depends on it.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.objects import APIService, Condition, Evidence, HorizontalPodAutoscaler

from ..rules.autoscaling import RESOURCE_API, needed_apis
from ..rules.conditions import cite_condition
from .autoscalers_read import autoscalers
from .target import Measured

API_SERVICE = f"v1beta1.{RESOURCE_API}"
SUBJECT = f"apiservice/{API_SERVICE}"
"""The metrics API as findings name it, to say what it explains or what explains it."""

_MEMO = "metrics api"


class ApiState(NamedTuple):
    """`served` and `available` are None where that could not be read; `why` says why.

    `object` is the APIService, None where it is absent or unread.
    """

    served: bool | None
    available: bool | None
    object: APIService | None
    evidence: tuple[Evidence, ...]
    why: str = ""

    @property
    def is_absent(self) -> bool:
        """Nobody serves the metrics API: proven."""
        return self.served is False

    @property
    def condition(self) -> Condition | None:
        """Condition Available of the APIService."""
        return self.object.condition("Available") if self.object is not None else None


def metrics_api(target: Measured, cluster: Cluster) -> ApiState:
    """What is known of the metrics API; read once in a run."""
    if _MEMO not in target.memo:
        target.memo[_MEMO] = _look(cluster)
    found: ApiState = target.memo[_MEMO]
    return found


def _look(cluster: Cluster) -> ApiState:
    glance = cluster.find(APIService, "", API_SERVICE)
    if glance.object is not None:
        condition = glance.object.condition("Available")
        available = condition.is_true if condition is not None else None
        cited = cite_condition(glance.object, "Available", "status", "reason", "message")
        return ApiState(True, available, glance.object, tuple(cited))
    if glance.known:
        absent = Evidence(f"{APIService.api.path()}#{API_SERVICE}", "metadata.name", "absent")
        return ApiState(False, False, None, (absent,))
    groups = api_groups(cluster)
    if groups is None:
        return ApiState(None, None, None, (), glance.why)
    listed = "listed" if RESOURCE_API in groups else "absent"
    cited = [Evidence("apis", f"groups[name={RESOURCE_API}]", listed)]
    # A group whose server does not answer may be left out too: then reading it tells which.
    return ApiState(RESOURCE_API in groups, None, None, tuple(cited), glance.why)


class _Group(msgspec.Struct):
    name: str = ""


class _Groups(msgspec.Struct):
    groups: list[_Group] = []


def api_groups(cluster: Cluster) -> set[str] | None:
    """The API groups the server lists; None where that could not be read."""
    try:
        return {one.name for one in msgspec.json.decode(cluster.raw("apis"), type=_Groups).groups}
    except ClusterError as error:
        cluster.note_failure(error, "get /apis")
    except (msgspec.DecodeError, UnicodeDecodeError):
        cluster.coverage.truncate("apis (the answer is no list of API groups)")
    return None


def dependents(target: Measured, cluster: Cluster) -> list[HorizontalPodAutoscaler]:
    """The autoscalers in question that read the resource metrics API."""
    return [one for one in autoscalers(target, cluster).found if RESOURCE_API in needed_apis(one)]
