"""Taints, allocation, versions, reboots and evictions of nodes (made, not recorded)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from kuberunbooks.guides.rules.node_taints import leaving, meaning_of, tainted_since
from kuberunbooks.guides.rules.requests import effective_limit
from kuberunbooks.guides.rules.taint_eviction import evictions
from kuberunbooks.guides.rules.version_skew import minor_version, skew_of, version_skew
from kuberunbooks.objects import Node, Pod, PodSpec, Taint
from kuberunbooks.objects.quantity import parse_quantity
from tests.support.cluster_nodes import asking, silent, sound_node, unplaced, with_leases
from tests.support.made_cases import NOW, ago, event, owner, pod

Examine = Callable[..., Any]
Items = list[dict[str, Any]]


def look(examine: Examine, items: Items, target: str = "", **options: object) -> Any:
    """The cluster guide on these objects."""
    return examine(items, target, guide="cluster", **options)


def node_of(made: dict[str, Any]) -> Node:
    return msgspec.convert(made, Node)


def with_kubelet(name: str, version: str) -> Node:
    made = sound_node(name)
    made["status"]["nodeInfo"]["kubeletVersion"] = version
    return node_of(made)


# versions


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("v1.36.2", (1, 36)),
        ("v1.29.3-eks-ae9a62a", (1, 29)),
        ("v1.27.8-gke.1067004", (1, 27)),
        ("v1.30.0+k3s1", (1, 30)),
        ("1.28", (1, 28)),
        ("", None),
        ("latest", None),
    ],
)
def test_versions_are_read_whatever_a_vendor_appends(text: str, minor: tuple[int, int] | None) -> None:
    assert minor_version(text) == minor


@pytest.mark.parametrize(
    ("kubelet", "server", "behind"),
    [
        ("v1.36.0", "v1.36.9", None),
        ("v1.33.9", "v1.36.2", None),
        ("v1.32.9", "v1.36.2", 4),
        ("v1.37.0", "v1.36.2", -1),
        ("v1.24.9", "v1.27.1", 3),
        ("v1.24.9", "v1.26.1", None),
        ("v1.25.1", "v1.28.1", None),
        ("", "v1.36.2", None),
        ("v1.37.0", "", None),
    ],
)
def test_the_skew_policy_allows_three_minors_back_and_none_ahead(
    kubelet: str, server: str, behind: int | None
) -> None:
    found = skew_of(with_kubelet("n1", kubelet), server)
    assert (found.behind if found else None) == behind


def test_kubelets_too_new_are_critical_and_too_old_a_warning_one_finding_each() -> None:
    nodes = [with_kubelet(f"old-{number}", f"v1.{30 + number}.1") for number in range(2)]
    nodes += [with_kubelet("new", "v1.37.0"), with_kubelet("right", "v1.36.2")]
    newer, older = version_skew(nodes, "v1.36.2")
    assert (newer.severity, newer.affected) == ("critical", ["new"])
    assert (older.severity, older.affected, older.facts["apart"]) == ("warning", ["old-0", "old-1"], 6)


def test_the_guide_compares_with_the_server_that_was_recorded(examine: Examine) -> None:
    made = sound_node("n1")
    made["status"]["nodeInfo"]["kubeletVersion"] = "v1.37.1"
    assert (
        "newer than the API server" in look(examine, with_leases([made, sound_node("n2")])).headline.summary
    )


@pytest.mark.parametrize(
    ("runtime", "kubelet", "is_told"),
    [
        ("docker://24.0.7", "v1.28.3", True),
        ("docker://20.10.7", "v1.23.3", False),
        ("containerd://1.7.27", "v1.36.0", True),
        ("containerd://1.7.27", "v1.35.0", False),
        ("containerd://2.1.4", "v1.36.0", False),
        ("cri-o://1.36.0", "v1.36.0", False),
    ],
)
def test_an_old_runtime_is_a_note_and_no_alarm(
    runtime: str, kubelet: str, is_told: bool, examine: Examine
) -> None:
    made = sound_node("n1")
    made["status"]["nodeInfo"] |= {"containerRuntimeVersion": runtime, "kubeletVersion": kubelet}
    told = [one for one in look(examine, with_leases([made])).findings if one.code == "DeprecatedRuntime"]
    assert [one.severity for one in told] == (["info"] if is_told else [])


# reboots


def rebooted(made: dict[str, Any], at: float = 600) -> dict[str, Any]:
    return event(made, "Rebooted", "Node n1 has been rebooted, boot id: 23a3b77c", type_="Warning", at=at)


def test_a_sudden_reboot_is_a_warning(examine: Examine) -> None:
    made = sound_node("n1")
    found = look(examine, [rebooted(made), *with_leases([made, sound_node("n2")])])
    assert found.headline.code == "NodeRebooted"
    assert "without being cordoned" in found.headline.summary


def test_a_reboot_after_a_cordon_or_long_ago_or_of_a_laboratory_is_no_alarm(examine: Examine) -> None:
    made = sound_node("n1")
    planned = [rebooted(made), event(made, "NodeNotSchedulable", at=900)]
    found = look(examine, [*planned, *with_leases([made, sound_node("n2")])])
    assert found.one("NodeRebooted").severity == "info"


def test_an_old_reboot_is_history(examine: Examine) -> None:
    made = sound_node("n1")
    found = look(examine, [rebooted(made, at=7000), *with_leases([made, sound_node("n2")])])
    assert "NodeRebooted" not in found.codes()


def test_the_only_node_of_a_laboratory_may_be_switched_on_again(examine: Examine) -> None:
    made = sound_node("n1")
    assert look(examine, [rebooted(made), *with_leases([made])]).one("NodeRebooted").severity == "info"


# taints


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("node.kubernetes.io/unreachable", "lost"),
        ("node.kubernetes.io/disk-pressure", "pressure"),
        ("node.cloudprovider.kubernetes.io/uninitialized", "starting"),
        ("node.cilium.io/agent-not-ready", "starting"),
        ("ebs.csi.aws.com/agent-not-ready", "starting"),
        ("ToBeDeletedByClusterAutoscaler", "leaving"),
        ("DeletionCandidateOfClusterAutoscaler", "own"),
        ("node-role.kubernetes.io/control-plane", "role"),
        ("nvidia.com/gpu", "own"),
    ],
)
def test_taints_are_known_by_their_keys(key: str, kind: str) -> None:
    assert meaning_of(Taint(key=key)).kind == kind


def test_the_autoscaler_writes_the_time_as_the_value() -> None:
    key = "ToBeDeletedByClusterAutoscaler"
    assert tainted_since(Taint(key=key, value=str(int(NOW.timestamp())))) == NOW
    for value in ("soon", "9" * 30, ""):
        assert tainted_since(Taint(key=key, value=value)) is None
    assert leaving(node_of(sound_node("n1", taints=[{"key": key, "effect": "NoSchedule"}])))
    assert not leaving(node_of(sound_node("n1")))


def test_role_and_pool_taints_are_a_note(examine: Examine) -> None:
    control = sound_node(
        "cp", taints=[{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    )
    found = look(examine, with_leases([control, sound_node("n1")]))
    assert found.one("NodeTainted").severity == "info"
    assert "kept for the control plane" in found.one("NodeTainted").summary


def test_a_startup_taint_that_stays_is_a_warning_and_one_of_a_new_node_is_not(examine: Examine) -> None:
    key = "node.cloudprovider.kubernetes.io/uninitialized"
    taint = {"key": key, "value": "true", "effect": "NoSchedule"}
    new = sound_node("new", age=120, taints=[taint])
    assert "NodeStartupTaintLeft" not in look(examine, with_leases([new, sound_node("n2")])).codes()
    old = sound_node("old", taints=[taint])
    left = look(examine, with_leases([old, new, sound_node("n2")])).one("NodeStartupTaintLeft")
    assert (left.severity, left.affected) == ("warning", ["old"])
    assert key in left.summary


def test_a_cordon_is_a_note_unless_every_node_has_one(examine: Examine) -> None:
    some = with_leases([sound_node("n1", unschedulable=True), sound_node("n2")])
    assert look(examine, some).one("NodeCordoned").severity == "info"
    every = with_leases(sound_node(name, unschedulable=True) for name in ("n1", "n2"))
    found = look(examine, every)
    assert found.headline.code == "NodeCordoned"
    assert "no new pod finds a place" in found.headline.summary


def test_a_forgotten_cordon_is_said_to_be_old(examine: Examine) -> None:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": ago(3 * 86400)}
    made = sound_node("n1", age=9 * 86400, unschedulable=True, taints=[taint])
    assert (
        "for 3 days; perhaps that was forgotten"
        in look(examine, with_leases([made, sound_node("n2")])).one("NodeCordoned").summary
    )


def test_an_out_of_service_taint_is_a_warning_only_on_a_node_that_is_back(examine: Examine) -> None:
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    back = sound_node("back", taints=[taint])
    off = silent(sound_node("off", taints=[dict(taint)]))
    found = look(examine, [*with_leases([back, sound_node("n2")]), off])
    assert found.one("NodeOutOfServiceTaint").affected == ["back"]


# allocation


def test_a_full_node_is_a_note_as_long_as_nobody_waits(examine: Examine) -> None:
    items = [asking("web-1", cpu="3800m"), *with_leases([sound_node("n1"), sound_node("n2")])]
    full = look(examine, items).one("NodeRequestsNearlyFull")
    assert (full.severity, full.affected, full.facts["percent"]) == ("info", ["n1"], [95])


NO_ROOM = (
    "0/2 nodes are available: 2 Insufficient cpu. "
    "preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
)


def test_a_full_node_is_a_warning_when_a_pod_waits_for_room_on_it(examine: Examine) -> None:
    items = [asking("web-1", cpu="3800m"), unplaced("web-2", NO_ROOM), *with_leases([sound_node("n1")])]
    full = look(examine, items).one("NodeRequestsNearlyFull")
    assert full.severity == "warning"
    assert "1 pod (shop/web-2) waits for room there" in full.summary


@pytest.mark.parametrize(
    "waiting",
    [
        unplaced("new", NO_ROOM, age=20),
        unplaced("huge", NO_ROOM, cpu="64"),
        unplaced("other", "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."),
        {**unplaced("picky", NO_ROOM), "spec": {"nodeSelector": {"disk": "ssd"}, "containers": []}},
    ],
    ids=lambda made: made["metadata"]["name"],
)
def test_a_pod_that_waits_for_something_else_makes_no_node_too_full(
    waiting: dict[str, Any], examine: Examine
) -> None:
    items = [asking("web-1", cpu="3800m"), waiting, *with_leases([sound_node("n1")])]
    assert look(examine, items).one("NodeRequestsNearlyFull").severity == "info"


def test_pods_that_have_ended_take_no_room(examine: Examine) -> None:
    ended = asking("job-1", cpu="3800m", phase="Succeeded", ready=False)
    found = look(examine, [ended, *with_leases([sound_node("n1")])])
    assert "NodeRequestsNearlyFull" not in found.codes()


def test_a_node_with_as_many_pods_as_it_may_have(examine: Examine) -> None:
    made = sound_node("n1")
    made["status"]["allocatable"]["pods"] = "2"
    items = [pod("a", on="n1"), pod("b", on="n1"), *with_leases([made])]
    assert look(examine, items).one("NodePodCountFull").severity == "info"
    waiting = unplaced("c", "0/1 nodes are available: 1 Too many pods.", cpu="10m")
    assert look(examine, [waiting, *items]).one("NodePodCountFull").severity == "warning"


def test_limits_beyond_what_there_is_are_a_note(examine: Examine) -> None:
    items = [asking("web-1", memory="1Gi", limit="40Gi"), *with_leases([sound_node("n1")])]
    over = look(examine, items).one("NodeOvercommitted")
    assert (over.severity, over.facts["percent"]) == ("info", [250])


def test_the_pods_of_one_node_are_listed_as_describe_does(examine: Examine) -> None:
    items = [asking("web-1", cpu="1", memory="4Gi", limit="8Gi"), pod("other", on="n2")]
    made = sound_node("n1")
    made["status"]["capacity"] = {"cpu": "4200m"}
    found = look(examine, [*items, *with_leases([made, sound_node("n2")])], "n1")
    resources, pods, *bars = found.steps["CL-07"].exhibits
    assert pods.rows == [
        ["shop", "web-1", "Running", "1 (25%)", "0 (0%)", "4Gi (25%)", "8Gi (50%)", "120m"],
    ]
    assert resources.rows == [
        ["cpu", "4200m", "4", "1 (25%)", "0 (0%)"],
        ["memory", "", "16Gi", "4Gi (25%)", "8Gi (50%)"],
        ["pods", "", "110", "1 (0%)", ""],
    ]
    drawn = bars[0].bars[0]
    assert (drawn.value, drawn.full, drawn.text) == (1.0, 4.0, "1 of 4, 25%")


def test_all_nodes_together_are_the_first_row(examine: Examine) -> None:
    items = [asking("a", cpu="1", on="n1"), asking("b", cpu="3", memory="4Gi", on="n2")]
    found = look(examine, [*items, *with_leases([sound_node("n1"), sound_node("n2")])])
    table = found.steps["CL-07"].exhibits[0]
    assert table.rows[0] == ["all 2", "2 of 220", "4 (50%)", "0 (0%)", "4Gi (12%)", "0 (0%)", "8 cpu, 32Gi"]
    assert [row[0] for row in table.rows[1:]] == ["n2", "n1"]


def test_pods_that_cannot_be_read_are_not_counted(examine: Examine) -> None:
    found = look(examine, with_leases([sound_node("n1")]), without=("Pod",))
    assert found.steps["CL-07"].status == "skipped"


def test_a_limit_counts_as_a_request_does() -> None:
    spec = msgspec.convert(
        {
            "containers": [{"name": "app", "resources": {"limits": {"cpu": "1"}}}, {"name": "free"}],
            "initContainers": [
                {"name": "big", "resources": {"limits": {"cpu": "3"}}},
                {"name": "side", "restartPolicy": "Always", "resources": {"limits": {"cpu": "500m"}}},
            ],
            "overhead": {"cpu": "100m", "memory": "1Gi"},
        },
        PodSpec,
    )
    assert effective_limit(spec) == {"cpu": parse_quantity("3100m")}


# evictions

LOST = "node.kubernetes.io/unreachable"


def tolerating(name: str, seconds: int | None, **more: Any) -> dict[str, Any]:
    """A pod that tolerates the loss of its node for so many seconds; None: for ever."""
    toleration = {"key": LOST, "operator": "Exists", "effect": "NoExecute"}
    if seconds is not None:
        toleration["tolerationSeconds"] = seconds  # type: ignore[assignment]
    return pod(name, on="n1", spec={"tolerations": [toleration]}, **more)


def test_what_becomes_of_each_pod_follows_from_its_tolerations() -> None:
    lost = node_of(silent(sound_node("n1"), since=200))
    made = {
        "stays": tolerating("a", None),
        "due": tolerating("b", 300),
        "overdue": tolerating("c", 100),
        "deleting": tolerating("d", 100, deletionTimestamp=ago(50)),
    }
    found = evictions(lost, [msgspec.convert(one, Pod) for one in made.values()], NOW)
    assert [one.fate for one in found] == list(made)
    assert found[1].at == NOW + timedelta(seconds=100)
    assert evictions(lost, [msgspec.convert(pod("e", on="n1"), Pod)], NOW)[0].fate == "overdue"


def test_pods_that_will_be_moved_off_are_told_with_the_time(examine: Examine) -> None:
    items = [silent(sound_node("n1"), since=60), tolerating("web-1", 300), *with_leases([sound_node("n2")])]
    found = look(examine, items)
    coming = found.one("NodeEvictingPods")
    assert coming.severity == "info"
    assert "the first at 12:04:00 UTC (in 4 min)" in coming.summary
    assert found.headline.code == "NodeStatusUnknown"


def test_pods_that_are_moved_off_are_explained_by_the_loss_of_the_node(examine: Examine) -> None:
    stateful = tolerating("db-0", 300, deletionTimestamp=ago(100), ownerReferences=owner("StatefulSet", "db"))
    agent = tolerating("agent", None, ownerReferences=owner("DaemonSet", "agent"))
    own = tolerating("mine", None)
    items = [silent(sound_node("n1"), since=600), stateful, agent, own, *with_leases([sound_node("n2")])]
    found = look(examine, items)
    assert found.headline.code == "NodeStatusUnknown"
    moved = found.one("NodeEvictingPods")
    assert moved.severity == "critical"
    assert "of StatefulSets" in moved.summary
    staying = found.one("PodsToleratingForever")
    assert (staying.facts["pods"], staying.facts["others"]) == (2, ["shop/mine"])


def test_a_node_that_is_being_removed_evicts_without_alarm(examine: Examine) -> None:
    leaves = sound_node("n1", taints=[{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}])
    items = [silent(leaves, since=400), tolerating("web-1", 300, deletionTimestamp=ago(50))]
    assert (
        look(examine, [*items, *with_leases([sound_node("n2")])]).one("NodeEvictingPods").severity == "info"
    )


def test_no_lost_node_means_no_eviction(examine: Examine) -> None:
    found = look(examine, [tolerating("web-1", 300), *with_leases([sound_node("n1")])])
    assert found.steps["CL-09"].exhibits == []
    assert found.codes() & {"NodeEvictingPods", "PodsToleratingForever"} == set()


def test_hostile_names_and_messages_reach_the_report_as_text(examine: Examine) -> None:
    bad = silent(
        sound_node("n1", taints=[{"key": "<script>", "value": "'; rm -rf /", "effect": "NoExecute"}])
    )
    bad["status"]["conditions"].append({"type": "<b>Bad</b>", "status": "True", "message": "{{ 7 * 7 }}"})
    bad["status"]["allocatable"] = {"cpu": "NaN", "pods": None}
    found = look(examine, [bad, pod("x", on="n1"), *with_leases([sound_node("n2")])])
    assert "<b>Bad</b>=True on n1 ({{ 7 * 7 }})" in found.headline.summary
    assert "<script>='; rm -rf /:NoExecute" in found.one("NodeTainted").summary
