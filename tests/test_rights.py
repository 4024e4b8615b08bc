"""The role we tell people to bind is what the guides ask for: nothing less, and no verb that writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kuberunbooks.guides import guide, guides

ROLE = yaml.safe_load((Path(__file__).parent.parent / "deploy/rbac/runbook-reader.yaml").read_text())


def allowed(verb: str, group: str, resource: str) -> bool:
    return any(
        verb in rule["verbs"] and group in rule.get("apiGroups", []) and resource in rule.get("resources", [])
        for rule in ROLE["rules"]
    )


@pytest.mark.parametrize("name", guides())
def test_the_read_only_role_permits_everything_a_guide_reads(name: str) -> None:
    missing = [right for right in guide(name).rights if not allowed(*right)]
    assert not missing


def test_the_read_only_role_writes_nothing_and_reads_no_secret() -> None:
    assert {verb for rule in ROLE["rules"] for verb in rule["verbs"]} <= {"get", "list", "watch"}
    assert all("secrets" not in rule.get("resources", []) for rule in ROLE["rules"])
