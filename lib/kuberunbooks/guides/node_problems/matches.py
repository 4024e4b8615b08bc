"""The rules that apply to a kernel log, and the lines each of them matches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..rules.go_regexp import compiled
from ..rules.kernel_log import KernelLine
from ..rules.kernel_patterns import KernelRule, default_rules, extra_rules
from ..rules.npd_config import Monitor
from ..rules.rule_matches import matched_lines
from .detector import Detector, built_in
from .given_logs import GivenLog

_MOST_RULES = 300


class Match(NamedTuple):
    """A rule and the lines it matches; `why` says why it could not be tested."""

    rule: KernelRule
    lines: list[KernelLine]
    why: str = ""


def matches(log: GivenLog, detectors: list[Detector]) -> list[Match]:
    """Every rule with its lines: those that are configured, then default ones and ours for what is left."""
    found = [
        match for one in detectors for file in one.files if file.monitor for match in _of(log, file.monitor)
    ]
    own = [rule for one in detectors for file in one.files for rule in built_in(file)]
    found += [_test(rule, log.log.kernel) for rule in own]
    seen = {(match.rule.reason, line.number) for match in found for line in match.lines}
    known = {(match.rule.reason, match.rule.pattern) for match in found}
    for rule in (*default_rules(), *extra_rules()):
        if (rule.reason, rule.pattern) not in known:
            match = _test(rule, log.log.kernel)
            # A line tells its reason once, whichever rules find it.
            left = [line for line in match.lines if (rule.reason, line.number) not in seen]
            seen.update((rule.reason, line.number) for line in left)
            if left or not (found and detectors):
                found.append(match._replace(lines=left))
    return found[:_MOST_RULES]


def _of(log: GivenLog, monitor: Monitor) -> Iterator[Match]:
    """The rules of a log monitor, on the lines it would have got."""
    if monitor.kind != "system-log-monitor":
        return
    lines, why = _lines(log, monitor)
    for rule in monitor.rules[:_MOST_RULES]:
        condition = "" if rule.type == "temporary" else rule.condition
        own = KernelRule(rule.reason, rule.pattern, condition, monitor.file, monitor.buffer)
        if why:
            yield Match(own, [], why)
        elif not rule.pattern:
            yield Match(own, [], "every line")
        else:
            yield _test(own, lines)


def _lines(log: GivenLog, monitor: Monitor) -> tuple[list[KernelLine], str]:
    """What the monitor would have read of this log; a journal holds more than the kernel's lines."""
    if monitor.plugin == "journald":
        source = str(monitor.plugin_config.get("source", ""))
        lines = [line for line in log.log.lines if line.tag == source]
        return lines, "" if lines or source == "kernel" else f"no lines of {source}"[:60]
    if monitor.plugin != "filelog":
        return log.log.kernel, ""
    message = compiled(str(monitor.plugin_config.get("message", ""))).regexp
    if message is None:
        return [], "its message pattern is wrong"
    read = []
    for line in log.log.lines:
        match = message.search(line.raw)
        if match is not None and not any(one in line.raw for one in monitor.skipped):
            groups = match.groups()
            read.append(line._replace(message=(groups[-1] or "") if groups else match.group()))
    # The log was printed another way than that file is written: the rules alone can be tested.
    return (read, "") if read else (log.log.kernel, "")


def _test(rule: KernelRule, lines: Sequence[KernelLine]) -> Match:
    indices = matched_lines(rule.pattern, [line.message for line in lines], rule.buffer)
    if indices is None:
        return Match(rule, [], "not a pattern")
    return Match(rule, [lines[index] for index in indices])
