"""Configuration files of node problem detector, judged as the program does; and its regular expressions."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from kuberunbooks.guides.rules.go_duration import go_seconds
from kuberunbooks.guides.rules.go_regexp import compiled
from kuberunbooks.guides.rules.kernel_patterns import default_rules, extra_rules
from kuberunbooks.guides.rules.npd_config import Monitor, read_config
from kuberunbooks.guides.rules.rule_matches import matched_lines
from tests.support.made_npd import custom_plugin, kernel_monitor


def read(config: Any, version: tuple[int, ...] | None = (0, 8, 19)) -> Monitor:
    return read_config(
        config if isinstance(config, str) else json.dumps(config), "monitor.json", None, version
    )


def defects(config: Any, **more: Any) -> dict[str, str]:
    """Weight by place."""
    return {one.path: one.weight for one in read(config, **more).defects}


def test_sound_files_have_no_defects() -> None:
    assert defects(kernel_monitor()) == {}
    assert defects(custom_plugin()) == {}
    assert defects({"cpu": {}, "invokeInterval": "60s"}) == {}
    assert read({"disk": {}}).kind == "system-stats-monitor"
    assert read(custom_plugin()).kind == "custom-plugin-monitor"


def test_keys_are_found_whatever_their_case() -> None:
    config = {key.upper(): value for key, value in kernel_monitor().items()}
    assert defects(config) == {}
    assert len(read(config).rules) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is no JSON"),
        ("[]", "it is no JSON object"),
        ('{"a": NaN}', "NaN is no JSON value"),
        ("[" * 100_000, "nested too deep"),
        ('{"plugin": "kmsg",}', "line 1"),
    ],
)
def test_what_is_no_json_stops_it(text: str, why: str) -> None:
    (one,) = read(text).defects
    assert one.weight == "stops"
    assert why in one.why


@pytest.mark.parametrize(
    ("changes", "path", "weight"),
    [
        ({"plugin": None}, "plugin", "stops"),
        ({"plugin": "syslog"}, "plugin", "stops"),
        ({"plugin": 5}, "plugin", "stops"),
        ({"rules": None}, "rules", "silent"),
        ({"rules": {}}, "rules", "stops"),
        ({"rules": ["x"]}, "rules[0]", "stops"),
        ({"source": None}, "source", "silent"),
        ({"lookback": "5 minutes"}, "lookback", "stops"),
        ({"bufferSize": "10"}, "bufferSize", "stops"),
        ({"bufferSize": -1}, "bufferSize", "stops"),
        ({"plugin": "filelog", "logPath": None}, "logPath", "silent"),
        ({"plugin": "journald"}, "pluginConfig.source", "silent"),
        ({"plugin": "filelog"}, "pluginConfig.message", "silent"),
        ({"plugin": "filelog", "pluginConfig": {"timestamp": "("}}, "pluginConfig.timestamp", "stops"),
        ({"pluginConfig": {"source": 1}}, "pluginConfig.source", "stops"),
        ({"conditions": [{"reason": "x"}]}, "conditions[0].type", "silent"),
    ],
)
def test_a_log_monitor_is_judged_as_the_program_does(changes: dict[str, Any], path: str, weight: str) -> None:
    assert defects(kernel_monitor(**changes))[path] == weight


@pytest.mark.parametrize(
    ("rule", "path", "weight"),
    [
        ({"type": "temporary", "reason": "R", "pattern": "("}, "pattern", "stops"),
        ({"type": "temporary", "reason": "R"}, "pattern", "silent"),
        ({"type": "temporary", "reason": "R", "pattern": "^x"}, "pattern", "silent"),
        ({"type": "Temporary", "reason": "R", "pattern": "x"}, "type", "silent"),
        ({"type": "permanent", "reason": "R", "pattern": "x"}, "condition", "silent"),
        ({"type": "temporary", "pattern": "x"}, "reason", "silent"),
    ],
)
def test_a_rule_of_a_log_monitor_is_judged(rule: dict[str, Any], path: str, weight: str) -> None:
    (one,) = read(kernel_monitor(rules=[rule])).defects
    assert (one.path, one.weight, one.in_rule) == (f"rules[0].{path}", weight, True)


@pytest.mark.parametrize(
    ("changes", "path", "weight"),
    [
        ({"plugin": "kmsg"}, "plugin", "stops"),
        ({"pluginConfig": {"timeout": "fast"}}, "pluginConfig.timeout", "stops"),
        ({"pluginConfig": {"invoke_interval": "0s"}}, "pluginConfig.invoke_interval", "stops"),
        ({"pluginConfig": {"timeout": "1s"}}, "rules[0].timeout", "stops"),
        ({"conditions": []}, "rules[0].condition", "stops"),
    ],
)
def test_a_custom_plugin_monitor_is_judged(changes: dict[str, Any], path: str, weight: str) -> None:
    held = read_config(json.dumps(custom_plugin(**changes)), "c.json", "custom-plugin-monitor", (0, 8))
    assert {one.path: one.weight for one in held.defects}[path] == weight


def test_the_programs_that_come_with_it_are_called_rightly() -> None:
    def rule(path: str, *args: str) -> dict[str, Any]:
        return {
            "type": "permanent",
            "condition": "NTPProblem",
            "reason": "R",
            "path": path,
            "args": list(args),
        }

    fine = [
        rule("/home/kubernetes/bin/health-checker", "--component=cri"),
        rule("/home/kubernetes/bin/log-counter", r"--pattern=Started (a|b).", "--count=5"),
    ]
    assert defects(custom_plugin(rules=fine)) == {}
    wrong = [
        rule("/home/kubernetes/bin/health-checker", "--component=containerd"),
        rule("/home/kubernetes/bin/log-counter", "--pattern=("),
    ]
    assert set(defects(custom_plugin(rules=wrong))) == {"rules[0].args", "rules[1].args"}


def test_versions_before_the_plugins_need_none() -> None:
    old = kernel_monitor(plugin=None, logPath="/log/kern.log")
    assert "plugin" not in defects(old, version=(0, 2))
    assert "plugin" in defects(old, version=(0, 3))
    assert "plugin" in defects(old, version=None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        ("-2s", -2),
        ("", None),
        ("5", None),
        ("5 m", None),
    ],
)
def test_durations_are_those_of_go(text: str, seconds: float | None) -> None:
    assert go_seconds(text) == seconds


# Regular expressions


@pytest.mark.parametrize(
    "pattern", [r"(?!x)", r"(?<=x)", r"(a)\1", "a++", r"\Z", r"\C", "(", "a{1001}", "[z-a]"]
)
def test_what_go_refuses_is_refused(pattern: str) -> None:
    assert compiled(pattern).regexp is None
    assert compiled(pattern).why


@pytest.mark.parametrize("pattern", [r"\z", "(?s)a.b", r"(?P<n>a)", "(?i)x", r"\pL+", r"\\C", r"a\Q.\E", ""])
def test_what_go_takes_is_taken(pattern: str) -> None:
    assert compiled(pattern).why == ""


def test_odd_texts_do_not_raise() -> None:
    assert compiled("\ud800").why
    assert compiled("a" * 1_000_000) is not None


def test_a_pattern_made_to_hang_does_not() -> None:
    began = time.perf_counter()
    assert matched_lines(r"(a+)+b", ["a" * 5000] * 50, 10) == []
    assert matched_lines(r"^(a|aa)+$", ["a" * 5000 + "!"] * 50, 10) == []
    assert time.perf_counter() - began < 10


def test_a_rule_matches_up_to_the_end_of_the_line() -> None:
    lines = [
        "task docker:7 blocked for more than 300 seconds.",
        "task docker:7 blocked for more than 3 seconds. x",
    ]
    assert matched_lines(r"task docker:\w+ blocked for more than \w+ seconds\.", lines, 10) == [0]
    assert matched_lines("corrected$", ["event severity: corrected", "corrected once"], 10) == [0]
    assert matched_lines("é", ["caffé", "caffè", "é"], 10) == [0, 2]


def test_a_pattern_of_two_lines_needs_both_one_after_the_other() -> None:
    pattern = r"Kill process \d+ .*\nKilled process \d+"
    assert matched_lines(pattern, ["Kill process 1 (a)", "Killed process 1", "x"], 10) == [1]
    assert matched_lines(pattern, ["Kill process 1 (a)", "x", "Killed process 1"], 10) == []
    assert matched_lines(pattern, ["Kill process 1 (a)", "Killed process 1"], 1) == []


def test_a_start_anchor_matches_only_where_nothing_is_buffered() -> None:
    assert matched_lines("^x", ["x", "x"], 10) == []
    assert matched_lines("^x", ["x", "x"], 1) == [0, 1]


def test_what_cannot_be_tested_is_said() -> None:
    assert matched_lines("", ["x"], 10) is None
    assert matched_lines("(", ["x"], 10) is None


def test_every_pattern_of_ours_compiles_and_stands_once() -> None:
    rules = [*default_rules(), *extra_rules()]
    assert [one.pattern for one in rules if compiled(one.pattern).regexp is None] == []
    assert len({one.pattern for one in rules}) == len(rules)
