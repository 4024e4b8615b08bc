"""What holds for every text: redaction repeats, never fails, stays linear, and leaves nothing hostile."""

# ruff: noqa: E501 - one text a line reads better than wrapped ones
from __future__ import annotations

import time
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kuberunbooks.redaction import Redactor

from .corpus import ORDINARY, SECRETS

FRAGMENTS = st.sampled_from(
    [*SECRETS, *ORDINARY, "[redacted:password:1]", "password", "=", ":", '"', "\\", "://", "@", " ", "\n"]
)
MIXED = st.lists(st.one_of(FRAGMENTS, st.text(max_size=12)), max_size=6).map("".join)


@settings(max_examples=300, deadline=None)
@given(MIXED)
def test_redacting_twice_changes_nothing(text: str) -> None:
    redactor = Redactor()
    redactor.learn("DB_PASSWORD", "hunter2-learned")
    once = redactor.text(text)
    assert redactor.text(once) == once


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.text(max_size=200))
def test_nothing_makes_it_fail(body: bytes, text: str) -> None:
    redactor = Redactor()
    redactor.json(body)
    redactor.secrets_in_bytes(body)
    redactor.learn(text, text)
    redactor.text(text)
    redactor.secrets_of(text)


@settings(max_examples=100, deadline=None)
@example([{"password": 0}])
@given(
    st.recursive(
        st.none() | st.integers() | MIXED,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MIXED, inner, max_size=3),
        max_leaves=8,
    )
)
def test_json_stays_json_and_redacting_it_twice_changes_nothing(value: Any) -> None:
    redactor = Redactor()
    once = redactor.json(msgspec.json.encode(value))
    msgspec.json.decode(once)
    assert redactor.json(once) == once


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_no_control_or_direction_character_is_left(text: str) -> None:
    hostile = {"\u202e", "\u2066", "\u2069", "\u200f", "\u061c"}
    shown = Redactor().text(f"{text}\x1b[31m\u202e{text}\x00\x9b2J\r\n")
    assert not [char for char in shown if unicodedata.category(char) == "Cc" and char not in "\n\t"]
    assert not hostile & set(shown)


def test_terminal_escapes_go_with_their_parameters() -> None:
    text = "\x1b[1;31mERROR\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07 \x1b(B10%\r20%\r\n"
    assert Redactor().text(text) == "ERROR link 10% 20%\n"


def test_an_escape_cannot_split_a_secret() -> None:
    assert "hunter2" not in Redactor().text("pass\x1b[0mword=hun\x1b[1mter2")


def test_the_same_secret_has_the_same_name_everywhere_and_another_one_another() -> None:
    redactor = Redactor()
    assert (
        redactor.text("password=aaa111 x postgres://u:aaa111@h")
        == "password=[redacted:password:1] x postgres://u:[redacted:password:1]@h"
    )
    assert redactor.text("password=bbb222") == "password=[redacted:password:2]"
    assert redactor.counts == {"password": 2}


def test_names_of_a_case_that_is_read_again_are_not_given_twice() -> None:
    redactor = Redactor()
    redactor.reserve({"password": 3})
    assert (
        redactor.text("password=[redacted:password:3] password=new111")
        == "password=[redacted:password:3] password=[redacted:password:4]"
    )


class _Inner(msgspec.Struct, frozen=True):
    text: str


class _Outer(msgspec.Struct):
    inner: _Inner
    texts: list[str]
    facts: dict[str, Any]
    pair: tuple[str, int] = ("password=hunter2", 1)


def test_a_struct_is_redacted_in_every_string_it_holds() -> None:
    given_ = _Outer(
        _Inner("password=hunter2"), ["ok", "token=Zx81kQ09aa"], {"a": {"b": ["pwd=hunter2"]}, "n": 1}
    )
    found = Redactor().struct(given_)
    assert isinstance(found, _Outer)
    assert "hunter2" not in repr(found)
    assert "Zx81kQ09aa" not in repr(found)
    assert (found.texts[0], found.facts["n"], found.pair[1]) == ("ok", 1, 1)
    assert "hunter2" in given_.inner.text, "the original is not touched"


ADVERSARIAL = [
    "password=", 'password="', "://a:", "://a:b@", "eyJ", "eyJaaaaaaaaa.", "-----BEGIN RSA PRIVATE KEY-----\n", "\x1b]", "basic ",
    "AKIAIOSFODNN7EXAMPL2 ", "password" + " " * 99, "secret=a,", "mysql ", "A" * 99, "ghp_", ":a@tcp(", "-", "curl -u a:", "?sig=", "aaa8Q~",
    'name":"X_TOKEN","value":"', "\\", "a.", "[redacted:password:1]", "token", "--token ",
]  # fmt: skip


@pytest.mark.parametrize("unit", ADVERSARIAL)
def test_no_input_makes_it_slower_than_linear(unit: str) -> None:
    """Ratios, not seconds: twice the text takes about twice as long (three times allows for a busy machine)."""

    def cost(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        best = 1e9
        for _ in range(3):
            started = time.process_time()
            Redactor().text(text)
            best = min(best, time.process_time() - started)
        return best

    assert cost(160_000) < 3 * cost(80_000) + 0.02
