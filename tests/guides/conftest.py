"""Fixtures of the guides' tests: a guide run on objects made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Diagnosis
from tests.support.made_cases import make_case


@pytest.fixture
def examine(tmp_path: Path) -> Callable[..., Diagnosis]:
    """`examine([pod(), node()], "pod/web-1")`: all steps of a guide (else pods) on these objects."""

    def run(
        items: list[dict[str, Any]],
        target: str = "",
        *,
        namespace: str = "shop",
        without: tuple[str, ...] = (),
        **options: object,
    ) -> Diagnosis:
        return Diagnosis(make_case(tmp_path / "case", items, without=without), target, namespace, **options)

    return run
