"""The parameters of a notebook, and the values a person gives, checked against them.

papermill writes parameters into the notebook as source code. Names, and values
other than plain JSON, would run as code there, so only names the cell declares
and only values of the declared JSON types get through here. The cell is parsed,
never executed. Used by library.py, presets.py and runner.py.
"""

from __future__ import annotations

import ast
import difflib
import io
import json
import math
import tokenize
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from kuberunbooks.errors import BadParameter, BadSettings, UnknownParameter

TAG = "parameters"

_TYPES: dict[str, type] = {"str": str, "bool": bool, "int": int, "float": float, "list": list, "dict": dict}
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class Parameter(NamedTuple):
    """One line of the parameters cell: `name: type = default  # help`."""

    name: str
    type: str
    default: Any
    help: str


def parse(source: str, *, where: str) -> list[Parameter]:
    """The parameters a cell declares, in order.

    Raises BadSettings, naming `where` and the line, when the cell holds anything
    but `name: type = value` with JSON types.
    """
    try:
        lines = ast.parse(source).body
    except (SyntaxError, ValueError) as error:
        raise BadSettings(f"The parameters cell of {where} is not Python: {error}.") from error
    comments = _comments(source)
    return [_parameter(line, comments, where) for line in lines if not _is_docstring(line)]


def from_text(parameters: Iterable[Parameter], name: str, text: str) -> Any:
    """The value of `-p name=text`, converted by the declared type. Raises UnknownParameter, BadParameter.

    Text stays text (`0012`, `true`, `null`); bool takes true/false, yes/no,
    on/off; list and dict are written as JSON.
    """
    declared = _declared(parameters, name)
    try:
        return check(declared, _READERS[declared.type](text))
    except (ValueError, RecursionError):
        raise _wrong(declared, text) from None


def checked(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """`values`, with every name and type as declared. Raises UnknownParameter, BadParameter."""
    known = list(parameters)
    return {name: check(_declared(known, name), value) for name, value in values.items()}


def check(parameter: Parameter, value: Any) -> Any:
    """The value if it has the parameter's type (an int serves as a float). Raises BadParameter."""
    wanted = _TYPES[parameter.type]
    if wanted is float and type(value) is int:
        value = float(value)
    # type(), not isinstance(): True is no int here, and a str subclass could run code when written as source.
    if type(value) is not wanted or not _is_json(value):
        raise _wrong(parameter, value)
    return value


def defaults(parameters: Iterable[Parameter]) -> dict[str, Any]:
    """Every parameter's default."""
    return {one.name: one.default for one in parameters}


def _declared(parameters: Iterable[Parameter], name: str) -> Parameter:
    known = {one.name: one for one in parameters}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known) or 'none'}."
    raise UnknownParameter(f"There is no parameter {name!r}; {hint}")


def _wrong(parameter: Parameter, value: Any) -> BadParameter:
    shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
    return BadParameter(f"Parameter {parameter.name}={shown} is not {_A_TYPE[parameter.type]}.")


_A_TYPE = {
    "str": "text (in a YAML file, put it in quotes)",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "list": "a JSON list",
    "dict": "a JSON object",
}


def _is_json(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    if isinstance(value, dict):
        return all(type(key) is str and _is_json(item) for key, item in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or type(value) in (str, bool, int)


def _to_bool(text: str) -> bool:
    try:
        return _WORDS[text.strip().lower()]
    except KeyError:
        raise ValueError(text) from None


_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "bool": _to_bool,
    "int": int,
    "float": float,
    "list": json.loads,
    "dict": json.loads,
}


def _parameter(line: ast.stmt, comments: dict[int, str], where: str) -> Parameter:
    problem = BadSettings(
        f"Line {line.lineno} of the parameters cell of {where} is not `name: type = value` "
        f"with one of the types {', '.join(_TYPES)}."
    )
    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None:
        name, type_ = line.target.id, _type_name(line.annotation)
    else:
        raise problem
    try:
        default = ast.literal_eval(line.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise problem from None
    if type_ not in _TYPES:
        raise problem
    parameter = Parameter(name, type_, default, comments.get(line.end_lineno or line.lineno, ""))
    try:
        return parameter._replace(default=check(parameter, default))
    except BadParameter as error:
        raise BadSettings(f"The parameters cell of {where} contradicts itself: {error}") from error


def _type_name(annotation: ast.expr) -> str:
    """`list` for both `list` and `list[str]`."""
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return annotation.id if isinstance(annotation, ast.Name) else ""


def _is_docstring(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def _comments(source: str) -> dict[int, str]:
    """The comment at the end of each line, by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }
