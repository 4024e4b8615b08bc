"""Fields that are null, missing, of another type or from a future version cost a field, never a step."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kuberunbooks import notebook

_ODD = (None, "", [], {}, 7, -1, True, "future-value", ["x"], {"unknownField": 1}, "2026-13-45T99:99:99Z")
_KEPT = {"kind", "apiVersion", "items", "name", "namespace"}


def _spoil(value: Any, dice: random.Random, rate: float) -> Any:
    """The value with some fields replaced by something odd, or left out."""
    if isinstance(value, dict):
        spoilt = {}
        for key, inner in value.items():
            if key not in _KEPT and dice.random() < rate:
                if dice.random() < 0.3:
                    continue
                spoilt[key] = dice.choice(_ODD)
            else:
                spoilt[key] = _spoil(inner, dice, rate)
        return spoilt
    if isinstance(value, list):
        return [_spoil(inner, dice, rate) for inner in value]
    return value


def _spoilt_case(source: Path, target: Path, seed: int) -> Path:
    dice = random.Random(seed)
    shutil.copytree(source, target)
    for path in target.rglob("*.json"):
        if path.relative_to(target).parts[0] in ("api", "apis"):
            raw = msgspec.json.decode(path.read_bytes())
            if isinstance(raw, dict) and isinstance(raw.get("items"), list):
                raw["items"] = [_spoil(item, dice, 0.04) for item in raw["items"]]
                path.write_bytes(msgspec.json.encode(raw))
    return target


INCIDENTS = [
    "crashloop",
    "probes",
    "pending-selector-taint",
    "pending-volume",
    "jobs",
    "statefulsets",
    "eviction",
    "webhook",
    "node-down",
    "init-containers",
    "services",
]


OTHERS = [
    ("statefulsets", "statefulsets"),
    ("statefulsets", "node-down"),
    ("init-containers", "init-containers"),
    ("init-containers", "config-missing"),
    ("termination-messages", "termination-messages"),
    ("termination-messages", "jobs"),
    ("running-pods", "crashloop"),
    ("running-pods", "statefulsets"),
    ("running-pods", "debugging"),
    ("running-pods", "pending-resources"),
    ("services", "services"),
    ("services", "crashloop"),
    ("start-here", "services"),
    ("start-here", "node-down"),
    ("cluster", "nodes"),
    ("cluster", "webhook"),
    ("resource-metrics", "autoscaling"),
    ("monitoring-tools", "autoscaling"),
    ("node-problems", "nodes"),
    ("audit", "healthy"),
    ("windows-networking", "nodes"),
    ("telepresence", "healthy"),
    ("crictl", "debugging"),
    ("shell", "debugging"),
    ("ephemeral-debug", "debugging"),
    ("ephemeral-debug", "crashloop"),
]


@pytest.mark.parametrize(("guide", "name"), [*(("pods", name) for name in INCIDENTS), *OTHERS])
def test_spoilt_fields_never_make_a_step_fail(
    guide: str, name: str, incident: Callable[[str], Path], tmp_path: Path
) -> None:
    for seed in range(12):
        case = _spoilt_case(incident(name), tmp_path / str(seed), seed)
        session = notebook.open(guide, case=str(case), namespace="healthy" if name == "node-down" else name)
        assert session.start.failure is None, (seed, session.start.failure)
        for step in session.step_names:
            getattr(session, step)()
        session.summary()
        failed = {step.id: step.error for step in session.steps if step.status == "failed"}
        assert not failed, (seed, failed)
