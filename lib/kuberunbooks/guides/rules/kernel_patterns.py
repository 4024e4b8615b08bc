"""What the kernel says when something is wrong: the rules of kernel_patterns.yaml.

Those node problem detector comes with, ours for what they miss, and which finding each
reason gives. Called by the node-problems guide, for logs and for events.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import msgspec

from kuberunbooks.findings.words import read_yaml

_FINDINGS = {
    "OOMKilling": "KernelOomKilling",
    "TaskHung": "KernelTaskHung",
    "UnregisterNetDevice": "UnregisterNetDevice",
    "KernelOops": "KernelOops",
    "CpuLockup": "KernelLockup",
    "Ext4Error": "FilesystemError",
    "Ext4Warning": "FilesystemError",
    "XfsError": "FilesystemError",
    "BtrfsError": "FilesystemError",
    "IOError": "DiskIoError",
    "MemoryReadError": "MemoryReadError",
    "CperHardwareErrorCorrected": "MemoryReadError",
    "MemoryUncorrectable": "HardwareErrorEvent",
    "CperHardwareErrorRecoverable": "HardwareErrorEvent",
    "MachineCheck": "HardwareErrorEvent",
    "GpuError": "HardwareErrorEvent",
    "ConntrackFull": "ConntrackTableFull",
}
_NOTICES = frozenset(("KubeletStart", "DockerStart", "ContainerdStart"))
_LESSER = frozenset(("Ext4Warning",))

OURS = "this runbook"
"""Where a rule is from that node problem detector does not have."""


class KernelRule(NamedTuple):
    """A rule on messages. `origin` is the configuration file it is from, or OURS.

    A `condition` makes it a lasting problem; else it gives an event with the `reason`.
    `buffer` is how many lines a match may span.
    """

    reason: str
    pattern: str
    condition: str
    origin: str
    buffer: int = 10


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    reason: str
    pattern: str
    condition: str = ""


class _Patterns(msgspec.Struct, forbid_unknown_fields=True):
    default: dict[str, list[_Entry]]
    extra: list[_Entry]


@functools.cache
def _patterns() -> _Patterns:
    return msgspec.convert(read_yaml(Path(__file__).with_name("kernel_patterns.yaml")), _Patterns)


def default_rules(file: str = "") -> list[KernelRule]:
    """The rules node problem detector comes with: of one configuration file, or all."""
    return [
        KernelRule(one.reason, one.pattern, one.condition, f"default {name}")
        for name, entries in _patterns().default.items()
        for one in entries
        if file in ("", name)
    ]


def extra_rules() -> list[KernelRule]:
    """Ours, for what the default rules miss on current kernels."""
    return [KernelRule(one.reason, one.pattern, one.condition, OURS) for one in _patterns().extra]


def finding_of(reason: str) -> str:
    """The code of an event's or rule's reason; NodeProblemEvent for one that is not known."""
    return _FINDINGS.get(reason, "NodeProblemEvent")


def is_notice(reason: str) -> bool:
    """Whether events of that reason are everyday life: a service of the node was started."""
    return reason in _NOTICES


def is_lesser(reason: str) -> bool:
    """Whether the reason is a warning where the others of its code are critical."""
    return reason in _LESSER
