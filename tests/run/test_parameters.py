"""Parameters: declared in the notebook, given by a person, and never code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.translators import PythonTranslator

from kuberunbooks.errors import BadParameter, BadSettings, UnknownParameter
from kuberunbooks.run import parameters

CELL = """
namespace: str = "default"  # "-" for all namespaces
allow_actions: bool = False
restarts: int = 3  # how many
share: float = 0.9
names: list[str] = ["a", "b"]
labels: dict = {"app": "web"}
"""
DECLARED = parameters.parse(CELL, where="test.ipynb")


def test_the_cell_is_read_without_being_run() -> None:
    assert [tuple(one) for one in DECLARED] == [
        ("namespace", "str", "default", '"-" for all namespaces'),
        ("allow_actions", "bool", False, ""),
        ("restarts", "int", 3, "how many"),
        ("share", "float", 0.9, ""),
        ("names", "list", ["a", "b"], ""),
        ("labels", "dict", {"app": "web"}, ""),
    ]


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("import os", 1),
        ("a: str = ''\nb = 3", 2),
        ("a: str = open('/etc/passwd').read()", 1),
        ("a: set = {1}", 1),
        ("a: int = 'text'", 0),
        ("a: str", 1),
        ("a: str = '", 0),
        ("os.name: str = ''", 1),
    ],
)
def test_a_cell_that_holds_anything_else_is_refused(cell: str, line: int) -> None:
    with pytest.raises(
        BadSettings, match=f"Line {line} of the parameters cell" if line else "parameters cell"
    ):
        parameters.parse(cell, where="test.ipynb")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("namespace", "0012", "0012"),
        ("namespace", "true", "true"),
        ("namespace", "", ""),
        ("namespace", "a=b", "a=b"),
        ("allow_actions", "yes", True),
        ("allow_actions", "False", False),
        ("restarts", "12", 12),
        ("share", "1", 1.0),
        ("names", '["x"]', ["x"]),
        ("labels", '{"a": {"b": [1, null]}}', {"a": {"b": [1, None]}}),
    ],
)
def test_text_becomes_the_declared_type_and_nothing_else(name: str, text: str, value: Any) -> None:
    converted = parameters.from_text(DECLARED, name, text)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("allow_actions", "maybe"),
        ("restarts", "3.5"),
        ("restarts", ""),
        ("share", "nan"),
        ("names", "a,b"),
        ("names", '{"a": 1}'),
        ("names", "[" * 100_000),
        ("labels", "[1]"),
    ],
)
def test_text_that_is_not_of_the_type_is_refused(name: str, text: str) -> None:
    with pytest.raises(BadParameter, match=f"Parameter {name}="):
        parameters.from_text(DECLARED, name, text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("namespace", 10),
        ("restarts", True),
        ("names", ("a",)),
        ("labels", {1: "x"}),
        ("labels", {"x": {1, 2}}),
        ("share", float("inf")),
    ],
)
def test_values_from_a_file_are_not_bent_to_fit(name: str, value: Any) -> None:
    with pytest.raises(BadParameter):
        parameters.checked(DECLARED, {name: value})


def test_an_unknown_name_suggests_the_near_one() -> None:
    with pytest.raises(UnknownParameter, match="did you mean namespace"):
        parameters.from_text(DECLARED, "namspace", "x")


class Sly(str):
    """A string whose source form is code."""

    def __repr__(self) -> str:
        return "__import__('os').system('true')"


def test_a_value_that_would_write_itself_as_code_is_refused() -> None:
    with pytest.raises(BadParameter):
        parameters.checked(DECLARED, {"namespace": Sly("x")})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=4))
def test_whatever_is_let_through_arrives_in_the_notebook_as_that_value(value: dict[str, Any]) -> None:
    checked = parameters.checked(DECLARED, {"labels": value})
    source = PythonTranslator.codify(checked)
    scope: dict[str, Any] = {}
    exec(source, scope)  # what the kernel does with the injected cell
    assert scope["labels"] == value
    assert set(scope) - {"__builtins__"} == {"labels"}
