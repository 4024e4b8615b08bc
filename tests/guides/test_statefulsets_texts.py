"""Every text of the statefulsets guide reads well, hostile names stay quoted, and odd fields cost no step."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.findings import entries
from kuberunbooks.findings.words import CATALOGUE, read_yaml
from tests.conftest import Diagnosis
from tests.guides.test_statefulsets_names_and_volumes import BOUND, healthy, waiting, with_claims
from tests.guides.test_statefulsets_rollout import old, rolled, rolled_back
from tests.guides.test_statefulsets_stuck import OUT_OF_SERVICE, stranded
from tests.support.made_cases import make_case, node
from tests.support.numbered import (
    claim,
    crashing,
    deleted,
    lease,
    member,
    on_lost_node,
    service,
    silent_node,
    statefulset,
)

Items = list[dict[str, Any]]
DELETE = {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Delete"}}
PARTITION = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}


def two_on_the_lost_node() -> Items:
    pods = [on_lost_node(member(number, on="n2")) for number in (1, 2)]
    return [node(), silent_node(), lease(), statefulset(ready=1), service(), member(0), *pods]


CASES: dict[str, Callable[[], Items]] = {
    "silent node": lambda: [*stranded(silent_node()), lease()],
    "silent node without a lease": lambda: stranded(silent_node()),
    "node that renews": lambda: [*stranded(silent_node()), lease(renewed=3)],
    "two on the lost node": two_on_the_lost_node,
    "node gone": lambda: stranded(),
    "out of service": lambda: stranded(silent_node(taints=[OUT_OF_SERVICE])),
    "unknown": lambda: [node(), statefulset(ready=2), member(1, phase="Unknown", ready=False)],
    "deletion hangs": lambda: [
        node(),
        statefulset(ready=2),
        member(0),
        deleted(member(1), overdue=900, finalizers=["a.example/x"]),
        member(2),
    ],
    "zero grace": lambda: healthy(template={"terminationGracePeriodSeconds": 0}),
    "ordinal missing": lambda: [node(), statefulset(ready=2, created=2), service(), member(0), member(1)],
    "ordinal missing in parallel": lambda: [
        node(),
        statefulset(ready=1, created=1, spec={"podManagementPolicy": "Parallel"}),
        member(1),
    ],
    "name held": lambda: [node(), statefulset(ready=2, created=2), member(0), member(1), member(2, uid="x")],
    "order": lambda: [node(), statefulset(replicas=4, ready=1, created=2), member(0), crashing(1), member(7)],
    "order, slowly": lambda: [
        node(),
        statefulset(ready=1, created=2),
        member(0),
        member(1, ready=False, since=300),
    ],
    "scale-down": lambda: [node(), statefulset(replicas=2, ready=1), member(0), crashing(1), member(2)],
    "rollout": lambda: rolled(old(0), old(1), member(2), ready=3),
    "rollout blocked": lambda: rolled(old(0), old(1), crashing(2)),
    "trap": lambda: rolled_back(crashing(2)),
    "mended forward": lambda: rolled(old(0), old(1), crashing(2), update="db-mended"),
    "partition": lambda: rolled(old(0), old(1), member(2), ready=3, spec=PARTITION),
    "on delete": lambda: rolled(
        old(0), crashing(1, revision="db-old"), member(2), spec={"updateStrategy": {"type": "OnDelete"}}
    ),
    "no service": lambda: healthy(),
    "service with an address": lambda: healthy(service(clusterIP="10.0.0.1")),
    "service without selector": lambda: healthy(service(selector={})),
    "service of others": lambda: healthy(service(selector={"app": "x"})),
    "claim pending": lambda: waiting("Immediate"),
    "claims": lambda: with_claims(*BOUND[1:], claim("data-db-0", size="9Gi"), claim("data-db-5")),
    "claims that go": lambda: with_claims(*BOUND, spec=DELETE),
    "none": lambda: [node()],
    "many": lambda: [
        node(),
        *(statefulset(f"s{n}", replicas=0) for n in range(30)),
        *(service(f"s{n}") for n in range(30)),
    ],
    "scaled to nothing": lambda: [node(), statefulset(replicas=0), service()],
    "missing": list,
}
OPTIONS = ({}, {"nodes_off": "n2,n1,n9"})


def run(name: str, folder: Path, **options: str) -> Diagnosis:
    target = "statefulset/db" if name in ("missing", "silent node") else ""
    return Diagnosis(make_case(folder, CASES[name]()), target, "shop", guide="statefulsets", **options)


@pytest.mark.parametrize("name", CASES)
def test_every_text_reads_as_a_sentence(name: str, tmp_path: Path) -> None:
    for place, options in enumerate(OPTIONS):
        for one in run(name, tmp_path / str(place), **options).findings:
            assert one.title != one.code
            assert one.summary.endswith((".", "!")), one.summary
            whys = [step.why for step in one.next]
            commands = [step.command for step in one.next]
            for text in (one.title, one.summary, one.explanation, *whys, *commands):
                assert "  " not in text, (one.code, text)
                assert "None" not in text.split(), (one.code, text)
                assert " ." not in text, (one.code, text)
                assert " ," not in text, (one.code, text)


def test_every_code_of_the_guide_is_given_by_one_of_these_cases(tmp_path: Path) -> None:
    own = set(read_yaml(CATALOGUE / "en" / "statefulsets.yaml"))
    given: set[str] = set()
    for place, name in enumerate(CASES):
        for more, options in enumerate(OPTIONS):
            given |= run(name, tmp_path / f"{place}-{more}", **options).codes()
    assert own - given == set()
    assert own <= set(entries())


ODD = (None, "", [], {}, 7, -1, True, "odd", ["x"], {"a": 1}, "2026-13-45T99:99:99Z")


def spoilt(value: Any, dice: random.Random) -> Any:
    """The value with some fields replaced by something odd, or left out."""
    if isinstance(value, dict):
        found = {}
        for key, inner in value.items():
            if key not in ("kind", "apiVersion", "name", "namespace", "metadata") and dice.random() < 0.06:
                if dice.random() < 0.7:
                    found[key] = dice.choice(ODD)
                continue
            found[key] = spoilt(inner, dice)
        return found
    return [spoilt(inner, dice) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", CASES)
def test_odd_fields_never_make_a_step_fail(name: str, tmp_path: Path) -> None:
    for seed in range(6):
        dice = random.Random(seed)
        items = [spoilt(one, dice) for one in CASES[name]()]
        case = make_case(tmp_path / str(seed), items)
        found = Diagnosis(case, "", "shop", guide="statefulsets", nodes_off="n2")
        assert "failed" not in {step.status for step in found.session.steps}


def test_hostile_names_reach_no_command_unquoted(tmp_path: Path) -> None:
    items = [*stranded(silent_node()), lease()]
    for one in items:
        if one["kind"] == "StatefulSet":
            one["spec"]["serviceName"] = "x; rm -rf /"
            one["spec"]["selector"]["matchLabels"] = {"app": "db"}
            one["spec"]["template"]["metadata"]["labels"] = {"app": "$(id)"}
    found = Diagnosis(make_case(tmp_path, items), "", "shop", guide="statefulsets", nodes_off="n2")
    commands = [step.command for one in found.findings for step in one.next]
    assert [one for one in commands if "x; rm" in one]
    assert all("'x; rm -rf /'" in one for one in commands if "rm -rf" in one)
