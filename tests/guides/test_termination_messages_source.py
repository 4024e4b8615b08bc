"""Whether a message is the end of a log: compared as the kubelet takes it."""

from __future__ import annotations

import pytest

from kuberunbooks.guides.termination_messages.said import is_tail

LINES = [f"line {number}" for number in range(1, 101)]


def taken(lines: list[str], limit: int = 4096) -> str:
    """What the kubelet takes of a log of these lines (ASCII)."""
    return ("\n".join(lines[-80:]) + "\n")[-2048:][:limit]


@pytest.mark.parametrize("lines", [["no table"], ["a", "b"], LINES[:79], LINES[:80], LINES, ["w" * 300] * 20])
def test_what_the_kubelet_takes_is_recognised(lines: list[str]) -> None:
    assert is_tail(taken(lines), lines, 4096)


def test_the_share_of_the_pod_cuts_the_end_off() -> None:
    assert is_tail(taken(LINES, 512), LINES, 512)


def test_lines_stored_out_of_order_are_the_same_lines() -> None:
    stored = [*LINES[:-4], LINES[-3], LINES[-4], *LINES[-2:]]
    assert is_tail(taken(LINES), stored, 4096)
    assert is_tail("out\nerr\n", ["err", "out"], 4096)


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("no table", ["starting", "bye"]),
        ("line 100", LINES),
        ("line 99\nline 100\n", LINES),
        ("\n".join(LINES[:80]), LINES),
        ("bye", ["starting", "bye"]),
        ("a\nb\nc", ["a", "x", "c"]),
    ],
)
def test_the_words_of_an_application_are_not_taken_for_the_log(message: str, lines: list[str]) -> None:
    assert not is_tail(message, lines, 4096)
