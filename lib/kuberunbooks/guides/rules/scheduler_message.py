"""What the scheduler says when it cannot place a pod, taken apart.

The text of condition PodScheduled=False and of event FailedScheduling: a histogram
of reasons over the nodes, and what preemption would (not) have changed. Written by
`FitError.Error` (pkg/scheduler/framework/types.go) and its plugins; spellings since
1.4 are in `_SPELLINGS`. Called by the scheduling, resources, host port and placement
steps of the pods guide. Nothing here ever raises: a text that is not understood
stays as it is, under UnclassifiedSchedulingReason.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from .patterns import RX_PREEMPT, RX_SCHED_HEAD, RX_SCHED_ITEM, RX_SCHED_LIST, RX_SCHED_SPLIT

UNCLASSIFIED = "UnclassifiedSchedulingReason"

# One spelling a line, as regular expressions that must match the whole reason; the first code that
# matches wins. Named groups become the reason's `detail`.
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "InsufficientCpu": (r"Insufficient cpu",),
    "InsufficientMemory": (r"Insufficient memory",),
    "InsufficientEphemeralStorage": (r"Insufficient ephemeral-storage",),
    "TooManyPods": (r"Too many pods", r"Insufficient pods"),
    "InsufficientExtendedResource": (r"Insufficient (?P<resource>\S+)",),
    "HostPortConflict": (
        r"node\(s\) didn't have free ports for the requested pod ports",
        r"PodFitsHostPorts",
        r"PodFitsPorts",
    ),
    "NodeSelectorMismatch": (
        r"node\(s\) didn't match (?:Pod's )?node affinity/selector",
        r"node\(s\) didn't match (?:Pod's )?node (?:selector|affinity)",
        r"node\(s\) didn't match scheduler-enforced node affinity",
        r"node\(s\) didn't satisfy plugin\(s\) \[[^\]]*\bNodeAffinity\b[^\]]*\]",
        r"MatchNodeSelector",
        r"CheckNodeLabelPresence",
    ),
    "UntoleratedTaint": (
        r"node\(s\) had untolerated taint\(s\)",
        r"node\(s\) had untolerated taint ?\{(?P<key>[^:}]*): ?(?P<value>[^}]*)\}",
        r"node\(s\) had taints? \{(?P<key>[^:}]*): ?(?P<value>[^}]*)\},? that the pod didn't tolerate",
        r"node\(s\) had taints that the pod didn't tolerate",
        r"PodToleratesNodeTaints",
    ),
    "NodesCordoned": (r"node\(s\) were unschedulable", r"NodeUnschedulable"),
    "NodeNameMismatch": (
        r"node\(s\) didn't match the requested node name",
        r"node\(s\) didn't match the requested hostname",
        r"HostName",
    ),
    "PodAffinityUnsatisfied": (
        r"node\(s\) didn't match pod (?:anti-)?affinity(?:/anti-affinity)?(?: rules)?",
        r"node\(s\) didn't satisfy existing pods anti-affinity rules",
        r"MatchInterPodAffinity",
    ),
    "TopologySpreadUnsatisfied": (
        r"node\(s\) didn't match pod topology spread constraints?(?P<label> \(missing required label\))?",
    ),
    "UnboundPersistentVolumeClaim": (
        r"pod has unbound (?:immediate )?PersistentVolumeClaims(?: \(repeated \d+ times\))?",
    ),
    "PersistentVolumeClaimMissing": (
        r'persistentvolumeclaim "(?P<claim>[^"]+)" not found',
        r'persistentvolumeclaim "(?P<claim>[^"]+)" is being deleted',
        r'persistentvolumeclaim "(?P<claim>[^"]+)" bound to non-existent persistentvolume .*',
        r'waiting for ephemeral volume controller to create the persistentvolumeclaim "(?P<claim>[^"]+)"',
        r".*pvc\(s\) bound to non-existent pv\(s\)",
    ),
    "VolumeNodeAffinityConflict": (
        r"node\(s\) had volume node affinity conflict",
        r"node\(s\) didn't match PersistentVolume's node affinity",
        r"node\(s\) had no available volume zone",
        r"node\(s\) didn't satisfy plugin\(s\) \[[^\]]*\bVolumeBinding\b[^\]]*\]",
        r"NoVolumeZoneConflict",
        r"NoVolumeNodeConflict",
    ),
    "NoPersistentVolumeAvailable": (
        r"node\(s\) didn't find available persistent volumes to bind",
        r"(?:node\(s\) )?did not have enough free storage",
    ),
    "VolumeCountLimit": (r"node\(s\) exceed max volume count", r"Max\w*VolumeCount"),
    "VolumeInUse": (
        r"node\(s\) had no available disk",
        r".*ReadWriteOncePod access mode.*",
        r"NoDiskConflict",
    ),
    "ResourceClaimUnavailable": (r"cannot allocate all claims.*", r".*\bresource ?claims?\b.*"),
}
_COMPILED = tuple(
    (re.compile(spelling, re.DOTALL), code)
    for code, spellings in _SPELLINGS.items()
    for spelling in spellings
)

# What preemption answers for itself; its other answers are filter reasons that remain.
_PREEMPTION_ANSWERS = re.compile(
    r"Preemption is not helpful for scheduling|No preemption victims found for incoming pod"
    r"|No victims found on node .*"
)

_NO_NODES = re.compile(r"^no nodes available to schedule pods\b")
# A plugin that failed is an error of the scheduler's own, whatever it quotes.
_PLUGIN_ERROR = re.compile(r'^running "?[^"]*"? ?\S* plugin\b')
_OLD_HISTOGRAM = re.compile(
    r"^No nodes are available that match all of the (?:following )?predicates:: (?P<body>.*?)\.*$", re.DOTALL
)
_OLD_ITEM = re.compile(r"(?P<reason>[^,(]+?) \((?P<count>\d+)\)(?:, |$)")
_OLDEST = re.compile(
    r"fit failure on node \((?P<node>[^)]+)\): "
    r"(?:Node didn't have enough resource: (?P<resource>\w+)|(?P<reason>\w+))"
)
_PREEMPTED = re.compile(
    r"^Preempted by (?:(?:a )?pod (?P<uid>[0-9a-f-]{36})|(?P<namespace>[^/\s]+)/(?P<name>\S+)|a pod)"
    r"(?: on node (?P<node>[^\s(]+))?"
)


class Reason(NamedTuple):
    """Why nodes were passed over: how many (None: the pod itself, so every node), the text, our code."""

    nodes: int | None
    text: str
    code: str
    detail: dict[str, str] = {}

    @property
    def counted(self) -> str:
        """As the scheduler counts it: `2 Insufficient cpu`."""
        return self.text if self.nodes is None else f"{self.nodes} {self.text}"

    @property
    def phrase(self) -> str:
        """The reason inside a sentence: `insufficient cpu`, `didn't match pod affinity rules`."""
        text = self.text.removeprefix("node(s) ")
        return text[:1].lower() + text[1:]


class Preemption(NamedTuple):
    """What evicting others would do: a histogram again, or one `note` (`not eligible due to ...`)."""

    reasons: tuple[Reason, ...] = ()
    note: str = ""


class SchedulerMessage(NamedTuple):
    """A refusal taken apart. `nodes` is how many the scheduler knew then, None when it did not say."""

    text: str
    nodes: int | None = None
    reasons: tuple[Reason, ...] = ()
    preemption: Preemption = Preemption()
    no_nodes: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of its reasons, each once, in the order given."""
        return tuple(dict.fromkeys(reason.code for reason in self.reasons))

    def of(self, code: str) -> list[Reason]:
        """The reasons of one code."""
        return [reason for reason in self.reasons if reason.code == code]

    def nodes_for(self, code: str) -> int | None:
        """How many nodes a code accounts for at most; None when the message does not count."""
        counts = [reason.nodes for reason in self.of(code)]
        return None if not counts or None in counts else sum(count or 0 for count in counts)

    def covers_all(self, code: str) -> bool:
        """Whether a code accounts for every node there was, or for the pod as a whole."""
        found = self.of(code)
        if not found:
            return False
        count = self.nodes_for(code)
        return count is None or (self.nodes is not None and count >= self.nodes)


class PreemptedBy(NamedTuple):
    """Who took a victim's place, as far as event Preempted says (its wording changed three times)."""

    uid: str = ""
    namespace: str = ""
    name: str = ""
    node: str = ""


def parse_preempted(text: str) -> PreemptedBy | None:
    """The message of event Preempted; None when it is not one."""
    match = _PREEMPTED.match(text)
    return PreemptedBy(**{key: value or "" for key, value in match.groupdict().items()}) if match else None


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> SchedulerMessage:
    """A scheduler's message in parts. Never raises; remembers, since 2,000 pods often share one text."""
    text = text.strip()
    head = RX_SCHED_HEAD.match(text)
    if head is not None:
        return _histogram(text, _number(head["n"]), (head["body"] or "").strip())
    if _NO_NODES.match(text):
        return SchedulerMessage(text, 0, no_nodes=True)
    old = _OLD_HISTOGRAM.match(text)
    if old is not None:
        items = tuple(_classified(_number(m["count"]), m["reason"]) for m in _OLD_ITEM.finditer(old["body"]))
        if items:
            return SchedulerMessage(text, None, items)
    if "failed to fit in any node" in text:
        return _oldest(text)
    return SchedulerMessage(text, None, (Reason(None, text, UNCLASSIFIED),) if text else ())


def _histogram(text: str, nodes: int, body: str) -> SchedulerMessage:
    first, *rest = RX_SCHED_SPLIT.split(body, maxsplit=1)
    if not rest and first.startswith(("preemption: ", "no new claims to deallocate")):
        first, rest = "", [first]
    return SchedulerMessage(text, nodes, _reasons(first), _preemption(rest[0] if rest else ""))


def _number(digits: str) -> int:
    # A number longer than any cluster is noise, and int() refuses thousands of digits.
    return int(digits[:9])


def _preemption(text: str) -> Preemption:
    match = RX_PREEMPT.search(text)
    if match is None:
        return Preemption()
    body = match["body"]
    if match["n"] is None:
        return Preemption(note=body)
    return Preemption(
        tuple(
            reason._replace(code="") if _PREEMPTION_ANSWERS.fullmatch(reason.text) else reason
            for reason in _reasons(body)
        )
    )


def _reasons(body: str) -> tuple[Reason, ...]:
    body = body.strip().rstrip(". ")
    if not body:
        return ()
    found: list[Reason] = []
    for part in RX_SCHED_LIST.split(body):
        item = RX_SCHED_ITEM.match(part)
        found.append(_classified(_number(item["count"]), item["reason"]) if item else _classified(None, part))
    return tuple(found)


def _classified(count: int | None, text: str) -> Reason:
    text = text.strip()
    if not _PLUGIN_ERROR.match(text):
        for pattern, code in _COMPILED:
            match = pattern.fullmatch(text)
            if match is not None:
                detail = {key: value.strip() for key, value in match.groupdict().items() if value}
                return Reason(count, text, code, detail)
    return Reason(count, text, UNCLASSIFIED)


def _oldest(text: str) -> SchedulerMessage:
    """Servers up to 1.4: one `fit failure on node (n)` line per node, counted here."""
    counts: dict[str, int] = {}
    nodes: set[str] = set()
    for match in _OLDEST.finditer(text):
        nodes.add(match["node"])
        reason = f"Insufficient {match['resource'].lower()}" if match["resource"] else match["reason"]
        counts[reason] = counts.get(reason, 0) + 1
    if not counts:
        return SchedulerMessage(text, None, (Reason(None, text, UNCLASSIFIED),))
    return SchedulerMessage(
        text, len(nodes), tuple(_classified(count, reason) for reason, count in counts.items())
    )
