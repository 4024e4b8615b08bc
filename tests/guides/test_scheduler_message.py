"""The scheduler's words, every spelling of them, give the code, the count and what was left unsaid."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberunbooks.guides.rules.scheduler_message import UNCLASSIFIED, parse, parse_preempted

SPELLINGS = [
    ("Insufficient cpu", "InsufficientCpu"),
    ("Insufficient memory", "InsufficientMemory"),
    ("Insufficient ephemeral-storage", "InsufficientEphemeralStorage"),
    ("Insufficient nvidia.com/gpu", "InsufficientExtendedResource"),
    ("Insufficient hugepages-2Mi", "InsufficientExtendedResource"),
    ("Too many pods", "TooManyPods"),
    ("node(s) didn't have free ports for the requested pod ports", "HostPortConflict"),
    ("node(s) didn't match Pod's node affinity/selector", "NodeSelectorMismatch"),
    ("node(s) didn't match Pod's node affinity", "NodeSelectorMismatch"),
    ("node(s) didn't match node selector", "NodeSelectorMismatch"),
    ("node(s) didn't match scheduler-enforced node affinity", "NodeSelectorMismatch"),
    ("node(s) didn't satisfy plugin(s) [NodeAffinity]", "NodeSelectorMismatch"),
    ("node(s) had untolerated taint(s)", "UntoleratedTaint"),
    ("node(s) had untolerated taint {node.kubernetes.io/not-ready: }", "UntoleratedTaint"),
    ("node(s) had taint {dedicated: batch}, that the pod didn't tolerate", "UntoleratedTaint"),
    ("node(s) had taints that the pod didn't tolerate", "UntoleratedTaint"),
    ("node(s) were unschedulable", "NodesCordoned"),
    ("node(s) didn't match the requested node name", "NodeNameMismatch"),
    ("node(s) didn't match pod affinity rules", "PodAffinityUnsatisfied"),
    ("node(s) didn't match pod anti-affinity rules", "PodAffinityUnsatisfied"),
    ("node(s) didn't match pod affinity/anti-affinity rules", "PodAffinityUnsatisfied"),
    ("node(s) didn't satisfy existing pods anti-affinity rules", "PodAffinityUnsatisfied"),
    ("node(s) didn't match pod topology spread constraints", "TopologySpreadUnsatisfied"),
    (
        "node(s) didn't match pod topology spread constraints (missing required label)",
        "TopologySpreadUnsatisfied",
    ),
    ("pod has unbound immediate PersistentVolumeClaims", "UnboundPersistentVolumeClaim"),
    ("pod has unbound immediate PersistentVolumeClaims (repeated 3 times)", "UnboundPersistentVolumeClaim"),
    ('persistentvolumeclaim "data" not found', "PersistentVolumeClaimMissing"),
    ('persistentvolumeclaim "data" is being deleted', "PersistentVolumeClaimMissing"),
    (
        "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
        "PersistentVolumeClaimMissing",
    ),
    ("node(s) had volume node affinity conflict", "VolumeNodeAffinityConflict"),
    ("node(s) didn't match PersistentVolume's node affinity", "VolumeNodeAffinityConflict"),
    ("node(s) had no available volume zone", "VolumeNodeAffinityConflict"),
    ("node(s) didn't find available persistent volumes to bind", "NoPersistentVolumeAvailable"),
    ("node(s) did not have enough free storage", "NoPersistentVolumeAvailable"),
    ("node(s) exceed max volume count", "VolumeCountLimit"),
    ("node(s) had no available disk", "VolumeInUse"),
    (
        "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
        "VolumeInUse",
    ),
    ("cannot allocate all claims", "ResourceClaimUnavailable"),
    ('resourceclaim "gpu" not found', "ResourceClaimUnavailable"),
    ("node(s) were too far from the sea", UNCLASSIFIED),
]
PREEMPTION = [
    "",
    " preemption: 0/7 nodes are available: 7 Preemption is not helpful for scheduling.",
    " preemption: 0/7 nodes are available: 2 No victims found on node n1, 5 Insufficient cpu..",
    " no new claims to deallocate, preemption: 0/7 nodes are available: 7 Insufficient cpu.",
    " preemption: not eligible due to preemptionPolicy=Never.",
]


@pytest.mark.parametrize(("text", "code"), SPELLINGS)
@pytest.mark.parametrize("preemption", PREEMPTION)
def test_every_spelling_gives_its_code_and_count_whatever_preemption_says(
    text: str, code: str, preemption: str
) -> None:
    found = parse(f"0/7 nodes are available: 7 {text}.{preemption}")
    assert found.nodes == 7
    assert [(one.nodes, one.text, one.code) for one in found.reasons] == [(7, text, code)]
    assert found.covers_all(code)


@pytest.mark.parametrize(("text", "code"), SPELLINGS)
def test_a_reason_about_the_pod_itself_has_no_count_and_holds_for_all_nodes(text: str, code: str) -> None:
    found = parse(f"0/3 nodes are available: {text}. not found")
    assert [(one.nodes, one.code) for one in found.reasons] == [(None, code)]
    assert found.covers_all(code)


def test_a_histogram_keeps_every_count() -> None:
    found = parse(
        "0/3 nodes are available: 2 Insufficient memory, 2 Too many pods, 3 Insufficient cpu. "
        "no new claims to deallocate, preemption: 0/3 nodes are available: "
        "1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling."
    )
    assert [(one.nodes, one.code) for one in found.reasons] == [
        (2, "InsufficientMemory"),
        (2, "TooManyPods"),
        (3, "InsufficientCpu"),
    ]
    assert [(one.nodes, one.code) for one in found.preemption.reasons] == [(1, ""), (2, "")]
    assert not found.covers_all("InsufficientMemory")


def test_the_taint_the_resource_and_the_claim_are_kept_where_the_server_names_them() -> None:
    found = parse(
        "0/2 nodes are available: 1 Insufficient example.com/fpga, "
        "1 node(s) had untolerated taint {dedicated: batch}."
    )
    assert [one.detail for one in found.reasons] == [
        {"resource": "example.com/fpga"},
        {"key": "dedicated", "value": "batch"},
    ]
    missing = parse('0/2 nodes are available: persistentvolumeclaim "my.data" not found. not found')
    assert missing.reasons[0].detail == {"claim": "my.data"}


def test_a_taint_with_a_comma_in_its_old_wording_is_not_cut_in_two() -> None:
    text = "0/2 nodes are available: 2 node(s) had taint {a: b}, that the pod didn't tolerate."
    assert [one.nodes for one in parse(text).reasons] == [2]


def test_why_preemption_was_not_tried_is_kept() -> None:
    found = parse(
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
        "not eligible due to a terminating pod on the nominated node."
    )
    assert found.preemption.note == "not eligible due to a terminating pod on the nominated node"


def test_a_cluster_without_nodes_is_told_from_one_whose_nodes_refuse() -> None:
    assert parse("no nodes available to schedule pods").no_nodes
    assert not parse("0/1 nodes are available: 1 Insufficient cpu.").no_nodes


def test_servers_up_to_1_9_count_behind_the_reason() -> None:
    found = parse(
        "No nodes are available that match all of the following predicates:: "
        "Insufficient cpu (2), MatchNodeSelector (1), PodToleratesNodeTaints (3)."
    )
    assert [(one.nodes, one.code) for one in found.reasons] == [
        (2, "InsufficientCpu"),
        (1, "NodeSelectorMismatch"),
        (3, "UntoleratedTaint"),
    ]


def test_the_oldest_servers_write_a_line_per_node() -> None:
    found = parse(
        "pod (frontend-1) failed to fit in any node fit failure on node (n1): Node didn't have enough "
        "resource: CPU, requested: 500, used: 1800, capacity: 2000 fit failure on node (n2): "
        "MatchNodeSelector"
    )
    assert found.nodes == 2
    assert [(one.nodes, one.code) for one in found.reasons] == [
        (1, "InsufficientCpu"),
        (1, "NodeSelectorMismatch"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        'running "VolumeBinding" filter plugin for pod "x": could not get storageclass "y"',
        'running PreFilter plugin "DynamicResources": resourceclaim "gpu" not found',
        "0/3 nodes are available: 3 something nobody has ever read.",
        "pod rejected by an extender",
    ],
)
def test_what_is_not_known_is_quoted_and_not_guessed(text: str) -> None:
    found = parse(text)
    assert found.codes == (UNCLASSIFIED,)
    assert found.reasons[0].text in text


def test_a_failing_plugin_is_not_taken_for_what_it_quotes() -> None:
    text = 'running PreBind plugin "DynamicResources": cannot allocate all claims'
    assert parse(text).codes == (UNCLASSIFIED,)


_KNOWN = [text for text, code in SPELLINGS if code != UNCLASSIFIED]


@given(
    st.lists(
        st.tuples(st.integers(1, 99999), st.sampled_from(_KNOWN)), min_size=1, unique_by=lambda one: one[1]
    ),
    st.sampled_from(PREEMPTION),
)
def test_counts_survive_in_any_company(entries: list[tuple[int, str]], preemption: str) -> None:
    listed = ", ".join(f"{count} {text}" for count, text in sorted(entries, key=lambda one: str(one)))
    found = parse(f"0/99999 nodes are available: {listed}.{preemption}")
    assert sorted((one.nodes or 0, one.text) for one in found.reasons) == sorted(entries)


@given(st.text(max_size=400))
def test_no_text_makes_it_fail(text: str) -> None:
    assert parse(text).text == text.strip()
    parse(f"0/3 nodes are available: {text}")
    parse(f"0/3 nodes are available: 1 {text}, 2 x. preemption: {text}")
    parse_preempted(text)


def test_absurd_numbers_and_long_texts_neither_fail_nor_stall() -> None:
    started = time.perf_counter()
    parse("0/" + "9" * 5000 + " nodes are available: " + "9" * 5000 + " Insufficient cpu.")
    parse("0/3 nodes are available: " + ", ".join(f"1 reason {n}. x" for n in range(2000)))
    parse("0/3 nodes are available: " + ". , " * 3000)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("text", "uid", "name", "node"),
    [
        (
            "Preempted by pod e1c1d989-db09-4697-af2f-34ff2d98bc95 on node lab-node-1",
            "e1c1d989-db09-4697-af2f-34ff2d98bc95",
            "",
            "lab-node-1",
        ),
        ("Preempted by shop/vip on node n1", "", "vip", "n1"),
        ("Preempted by a pod on node n1", "", "", "n1"),
    ],
)
def test_who_preempted_is_read_from_every_wording(text: str, uid: str, name: str, node: str) -> None:
    found = parse_preempted(text)
    assert found is not None
    assert (found.uid, found.name, found.node) == (uid, name, node)


def test_another_event_is_no_preemption() -> None:
    assert parse_preempted("Preempting lower priority pods") is None
