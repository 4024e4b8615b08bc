"""Which profile a namespace lets through."""

from __future__ import annotations

import pytest

from kuberunbooks.acting.pod_security import ENFORCE, Place, pod_security

LEVELS = ("privileged", "baseline", "restricted")


@pytest.mark.parametrize(
    ("place", "profile", "through"),
    [
        ("container", "", 2),
        ("container", "legacy", 2),
        ("container", "general", 1),
        ("container", "baseline", 2),
        ("container", "restricted", 3),
        ("container", "netadmin", 1),
        ("container", "sysadmin", 1),
        ("copy", "general", 1),
        ("copy", "baseline", 2),
        ("copy", "restricted", 3),
        ("node", "", 1),
        ("node", "legacy", 1),
        ("node", "general", 1),
        ("node", "baseline", 2),
        ("node", "restricted", 3),
        ("node", "sysadmin", 1),
        ("container", "a-custom-one", 1),
    ],
)
def test_a_profile_passes_the_levels_that_allow_what_it_adds(
    place: Place, profile: str, through: int
) -> None:
    found = [pod_security("shop", {ENFORCE: level}, profile, place).fits for level in LEVELS]
    assert found == [True] * through + [False] * (3 - through)


def test_a_namespace_without_label_lets_everything_through() -> None:
    assert pod_security("shop", {}, "sysadmin", "node").fits is True


def test_what_is_not_known_is_not_judged() -> None:
    assert pod_security("shop", None, "sysadmin", "node").fits is None
    assert pod_security("shop", {ENFORCE: "a-level-of-tomorrow"}, "restricted", "copy").fits is None
