"""What is shown of the recorded incidents: only the planted secrets change, every other word stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kuberunbooks import notebook
from kuberunbooks.redaction import Redactor
from tests.conftest import INCIDENTS

NAMESPACES = {"node-down": "healthy", "services-nftables": "services"}


def shown(case: Path, namespace: str) -> list[str]:
    """Every string a run shows, in order."""
    session = notebook.open("pods", case=str(case), namespace=namespace)
    for name in session.step_names:
        getattr(session, name)()
    summary = session.summary().data
    return list(strings([msgspec.to_builtins(step) for step in (*session.steps, summary)]))


def strings(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(inner)


@pytest.mark.parametrize(
    "name", sorted(path.name.removesuffix(".tar.gz") for path in INCIDENTS.glob("*.tar.gz"))
)
def test_a_report_loses_its_secrets_and_not_a_word_more(
    incident: Callable[[str], Path], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    redacted = shown(incident(name), NAMESPACES.get(name, name))
    monkeypatch.setattr(Redactor, "struct", lambda self, value: value)
    plain = shown(incident(name), NAMESPACES.get(name, name))
    changed = {
        (old, new) for old, new in zip(plain, redacted, strict=True) if old != new and "redacted" in new
    }
    if name != "crashloop":
        assert not changed
        return
    url = "connect postgres://pay:{}@db.shop.svc:5432/pay"
    assert changed == {(url.format("s3cr3tpw"), url.format("[redacted:password:1]"))}
