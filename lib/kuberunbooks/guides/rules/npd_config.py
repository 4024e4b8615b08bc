"""Node problem detector's configuration files, read and judged as the program itself does.

Source: github.com/kubernetes/node-problem-detector (pkg/systemlogmonitor, custompluginmonitor,
systemstatsmonitor), August 2026. It reads its files once, at its start, with Go's JSON
decoder: keys whatever their case, unknown ones ignored. Called by the node-problems guide.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from .go_duration import go_seconds
from .go_regexp import compiled
from .npd_fields import Defect, Fields, Weight

Kind = Literal["system-log-monitor", "custom-plugin-monitor", "system-stats-monitor"]
_PLUGIN_KEY_SINCE = (0, 3)
_LOG_PLUGINS = ("kmsg", "filelog", "journald")
_FILELOG_KEYS = ("timestamp", "message", "timestampFormat")
_TYPES = ("temporary", "permanent")
_COMPONENTS = ("kubelet", "docker", "cri", "kube-proxy")
_DEFAULT_TIMEOUT = 5.0
_DEFAULT_INTERVAL = 30.0
# What may span lines or looks at the buffer's beginning, outside of classes and escapes.
_CLASS_OR_ESCAPE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]])*\]", re.DOTALL)
_KEYS = {
    "system-log-monitor": ("plugin", "pluginConfig", "logPath", "lookback", "delay", "skipList", "bufferSize",
                           "source", "conditions", "rules", "metricsReporting"),
    "custom-plugin-monitor": ("plugin", "pluginConfig", "source", "conditions", "rules", "metricsReporting"),
    "system-stats-monitor": ("cpu", "disk", "host", "memory", "osFeature", "net", "invokeInterval"),
}  # fmt: skip


class Rule(NamedTuple):
    """A rule: of a log monitor with a `pattern`, of custom plugins with a `path`; times in seconds."""

    place: str
    type: str
    condition: str
    reason: str
    pattern: str = ""
    path: str = ""
    args: tuple[str, ...] = ()
    timeout: float = 0.0
    interval: float = 0.0

    @property
    def gives(self) -> str:
        """What it reports: `event OOMKilling`, `condition KernelDeadlock`."""
        return f"event {self.reason}" if self.type == "temporary" else f"condition {self.condition}"


class Monitor(NamedTuple):
    """A configuration file, read.

    `conditions` maps each type to the reason it has when all is well; lines of a file that
    hold a text of `skipped` are not looked at.
    """

    file: str
    kind: Kind
    plugin: str = ""
    plugin_config: dict[str, Any] = {}
    log_path: str = ""
    source: str = ""
    buffer: int = 10
    skipped: tuple[str, ...] = ()
    conditions: dict[str, str] = {}
    rules: tuple[Rule, ...] = ()
    defects: tuple[Defect, ...] = ()


def read_config(text: str, file: str, kind: Kind | None, version: tuple[int, ...] | None) -> Monitor:
    """A configuration file. `kind` None: its content tells; `version` None: the image does not tell it."""
    try:
        raw = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else str(error)
        defect = Defect("", _around(text, error), f"it is no JSON: {why}", "stops", False)
        return Monitor(file, kind or "system-log-monitor", defects=(defect,))
    if not isinstance(raw, dict):
        defect = Defect("", type(raw).__name__, "it is no JSON object", "stops", False)
        return Monitor(file, kind or "system-log-monitor", defects=(defect,))
    return _Reader(raw, file, kind or _kind_of(raw), version).monitor()


def spans_lines(pattern: str) -> bool:
    """Whether a pattern is meant for several lines, or looks at the beginning of the buffer."""
    bare = _CLASS_OR_ESCAPE.sub(lambda found: found[0] if found[0] in (r"\n", r"\A", r"\z") else "", pattern)
    return any(part in bare for part in (r"\n", "\n", r"\A", r"\z", "^")) or bool(
        re.search(r"\(\?\w*s", bare)
    )


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _around(text: str, error: Exception) -> str:
    place = getattr(error, "lineno", 0)
    lines = text.splitlines()
    return lines[place - 1].strip()[:120] if 0 < place <= len(lines) else ""


def _kind_of(raw: dict[str, Any]) -> Kind:
    keys = {key.lower() for key in raw}
    if raw.get("plugin") == "custom":
        return "custom-plugin-monitor"
    stats = {"cpu", "disk", "host", "memory", "osfeature", "net", "invokeinterval"}
    return "system-stats-monitor" if keys & stats and "rules" not in keys else "system-log-monitor"


class _Reader:
    """One file on its way to a Monitor; collects what is wrong with it."""

    def __init__(self, raw: dict[str, Any], file: str, kind: Kind, version: tuple[int, ...] | None) -> None:
        self._raw, self._file, self._kind, self._version = raw, file, kind, version
        self._defects: list[Defect] = []
        self._fields = Fields(raw, "", self._defects)

    def monitor(self) -> Monitor:
        if self._kind == "system-stats-monitor":
            self._duration(self._fields, "invokeInterval", in_rule=False)
            return Monitor(self._file, self._kind, defects=tuple(self._defects))
        fields = self._fields
        conditions = self._conditions()
        plugin, settings = fields.text("plugin"), fields.get("pluginConfig", dict, {})
        read = self._log_rules if self._kind == "system-log-monitor" else self._plugin_rules
        rules = tuple(read(conditions))
        monitor = Monitor(
            self._file,
            self._kind,
            plugin=plugin,
            plugin_config=settings,
            log_path=fields.text("logPath"),
            source=fields.text("source"),
            buffer=min(1000, max(1, fields.get("bufferSize", int, 0) or 10)),
            skipped=tuple(one for one in fields.get("skipList", list, []) if isinstance(one, str) and one),
            conditions=conditions,
            rules=rules,
        )
        self._whole(monitor)
        return monitor._replace(defects=tuple(self._defects))

    def _whole(self, monitor: Monitor) -> None:
        """What is wrong outside the rules."""
        if self._kind == "system-log-monitor":
            self._log_plugin(monitor)
        elif monitor.plugin != "custom":
            why = f'it must be "custom"{self._hint("plugin")}'
            self._add("plugin", monitor.plugin or "absent", why, "stops")
        if not monitor.rules and not any(one.path == "rules" for one in self._defects):
            self._add("rules", "absent", f"without rules it watches nothing{self._hint('rules')}", "silent")
        if not monitor.source:
            why = f"what it reports would name no source{self._hint('source')}"
            self._add("source", "absent", why, "silent")

    def _log_plugin(self, monitor: Monitor) -> None:
        plugin = monitor.plugin
        legacy = self._version is not None and self._version < _PLUGIN_KEY_SINCE
        if plugin not in _LOG_PLUGINS and not (legacy and not plugin):
            named = ", ".join(_LOG_PLUGINS)
            why = f"it must be one of {named}{self._hint('plugin')}"
            self._add("plugin", plugin or "absent", why, "stops")
        if not monitor.log_path and plugin not in ("kmsg", "journald"):
            why = f"it says not which log to read{self._hint('logPath')}"
            self._add("logPath", "absent", why, "silent")
        if plugin == "journald" and not monitor.plugin_config.get("source"):
            self._add("pluginConfig.source", "absent", "journald needs the source to look for", "silent")
        for key, value in monitor.plugin_config.items():
            if not isinstance(value, str):
                self._add(f"pluginConfig.{key}", str(value), "it must be text", "stops")
        if plugin == "filelog":
            self._filelog(monitor.plugin_config)
        for key in ("lookback", "delay"):
            self._duration(self._fields, key, in_rule=False)
        if (self._fields.get("bufferSize", int, 0) or 0) < 0:
            self._add("bufferSize", str(self._fields.get("bufferSize", int, 0)), "it is negative", "stops")

    def _filelog(self, settings: dict[str, Any]) -> None:
        for key in _FILELOG_KEYS:
            text = settings.get(key)
            if not text:
                why = "without it no line of the file is understood"
                self._add(f"pluginConfig.{key}", "absent", why, "silent")
            elif key != "timestampFormat" and isinstance(text, str) and (why := compiled(text).why):
                self._add(f"pluginConfig.{key}", text, f"it does not compile: {why}", "stops")

    def _conditions(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for place, fields in self._each("conditions"):
            type_ = fields.text("type")
            if type_:
                found[type_] = fields.text("reason")
            else:
                self._add(f"{place}.type", "absent", "a condition without a type is never set", "silent")
        return found

    def _log_rules(self, conditions: dict[str, str]) -> Iterator[Rule]:
        buffer = self._fields.get("bufferSize", int, 0) or 10
        for place, fields in self._each("rules"):
            rule = self._rule(place, fields, conditions, "silent")
            pattern = fields.text("pattern")
            if not pattern:
                old = ' (there is "message", the key of the oldest versions)' if fields.has("message") else ""
                why = f"without a pattern the rule matches every line{old}"
                self._add(f"{place}.pattern", "absent", why, "silent", in_rule=True)
            elif why := compiled(pattern).why:
                why = f"the pattern does not compile: {why}"
                self._add(f"{place}.pattern", pattern, why, "stops", in_rule=True)
            elif buffer > 1 and _begins_with_anchor(pattern):
                why = f"^ is the beginning of the last {buffer} lines together, so it never matches"
                self._add(f"{place}.pattern", pattern, why, "silent", in_rule=True)
            yield rule._replace(pattern=pattern)

    def _plugin_rules(self, conditions: dict[str, str]) -> Iterator[Rule]:
        settings = self._fields.child("pluginConfig")
        most = self._duration(settings, "timeout", in_rule=False) or _DEFAULT_TIMEOUT
        usual = self._duration(settings, "invoke_interval", in_rule=False)
        if usual is not None and usual <= 0:
            self._add("pluginConfig.invoke_interval", str(usual), "it must be longer than zero", "stops")
        for place, fields in self._each("rules"):
            rule = self._rule(place, fields, conditions, "stops")
            path, args = fields.text("path"), fields.get("args", list, [])
            if not path:
                self._add(
                    f"{place}.path", "absent", "it says not which program to run", "stops", in_rule=True
                )
            timeout = self._duration(fields, "timeout", in_rule=True)
            if timeout is not None and timeout > most:
                why = f"it is longer than the {most:g} s of pluginConfig.timeout"
                self._add(f"{place}.timeout", fields.text("timeout"), why, "stops", in_rule=True)
            interval = self._duration(fields, "invoke_interval", in_rule=True)
            words = tuple(str(one) for one in args)
            self._program(place, path, words)
            yield rule._replace(
                path=path,
                args=words,
                timeout=timeout or most,
                interval=interval or usual or _DEFAULT_INTERVAL,
            )

    def _program(self, place: str, path: str, args: tuple[str, ...]) -> None:
        """What is wrong with how the two programs that come with node problem detector are called."""
        name = re.split(r"[/\\]", path)[-1].removesuffix(".exe")
        flags = dict(word.lstrip("-").partition("=")[::2] for word in args if word.startswith("-"))
        if name == "health-checker" and flags.get("component", "kubelet") not in _COMPONENTS:
            why = f"health-checker knows {', '.join(_COMPONENTS)}"
            self._add(f"{place}.args", f"--component={flags['component']}", why, "silent", in_rule=True)
        if name == "log-counter":
            for flag in ("pattern", "revert-pattern"):
                if flags.get(flag) and (why := compiled(flags[flag]).why):
                    why = f"--{flag} does not compile: {why}"
                    self._add(f"{place}.args", flags[flag], why, "silent", in_rule=True)

    def _rule(self, place: str, fields: Fields, conditions: dict[str, str], weight: Weight) -> Rule:
        """What both kinds of rules have; `weight` is what an undefined condition does to that kind."""
        type_, condition, reason = (fields.text(key) for key in ("type", "condition", "reason"))
        if type_ not in _TYPES:
            why = f"it must be {' or '.join(_TYPES)}; anything else is taken for permanent"
            self._add(f"{place}.type", type_ or "absent", why, "silent", in_rule=True)
        elif type_ == "permanent" and condition not in conditions:
            why = f"a permanent rule needs one of the defined conditions{_near(condition, conditions)}"
            self._add(f"{place}.condition", condition or "absent", why, weight, in_rule=True)
        if not reason:
            self._add(f"{place}.reason", "absent", "the report would have no reason", "silent", in_rule=True)
        return Rule(place, type_, condition, reason)

    def _duration(self, fields: Fields, key: str, *, in_rule: bool) -> float | None:
        text = fields.text(key)
        if not text:
            return None
        seconds = go_seconds(text)
        if seconds is None:
            why = "it is no duration as Go writes them (30s, 5m)"
            self._add(f"{fields.prefix}{key}", text, why, "stops", in_rule=in_rule)
        return seconds

    def _each(self, key: str) -> Iterator[tuple[str, Fields]]:
        """The objects of a list, with where they stand."""
        for index, one in enumerate(self._fields.get(key, list, [])):
            place = f"{key}[{index}]"
            if isinstance(one, dict):
                yield place, Fields(one, f"{place}.", self._defects, in_rule=key == "rules")
            else:
                self._add(place, str(one), "it is no object", "stops", in_rule=key == "rules")

    def _hint(self, key: str) -> str:
        """A key that was probably meant to be this one."""
        unknown = [one for one in self._raw if one.lower() not in {k.lower() for k in _KEYS[self._kind]}]
        old = {"logPath": "log"}.get(key, "")
        near = difflib.get_close_matches(key, unknown, n=1, cutoff=0.7) or [
            one for one in unknown if one == old
        ]
        return f'; there is a key "{near[0]}", which means nothing to it' if near else ""

    def _add(self, path: str, value: str, why: str, weight: Weight, *, in_rule: bool = False) -> None:
        self._defects.append(Defect(path, value, why, weight, in_rule))


def _begins_with_anchor(pattern: str) -> bool:
    bare = pattern.lstrip("(")
    return bare.startswith(("^", r"\A")) and not re.search(r"\\n|\n|\(\?\w*s", pattern) and "|" not in pattern


def _near(name: str, known: dict[str, str]) -> str:
    near = difflib.get_close_matches(name, known, n=1) if name else []
    return f"; did it mean {near[0]}?" if near else ""
