"""The commands a container is told to run, read as a shell reads them.

As far as that needs no running: words, quotes, comments, variables whose value is plain.
Every pass is linear, and of an endless script only the beginning is looked at. Called by
`command_addresses` and by whoever asks which programs a container calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kuberunbooks.objects import Container

_MOST_CHARACTERS = 20_000
_MOST_OF_A_VALUE = 500
"""Longer values are cut: scripts may double a variable again and again."""

_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh"})
# Words before the program proper.
_BEFORE = frozenset(
    {"until", "while", "if", "elif", "then", "else", "do", "!", "exec", "time", "sudo", "{", "}", "[", "[[",
     "test", "env", "command", "nohup", "--", "export"}
)  # fmt: skip

_TOKEN = re.compile(
    r"""(?P<end>[;&|()\n`]+)|(?P<word>(?:[^\s;&|()`'"\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+)|[\s\S]"""
)
_QUOTES = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])""")
_SHELL_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::?-(?P<default>[^}]*))?\}|\$(?P<plain>\w+)")
_API_VARIABLE = re.compile(r"\$\((?P<name>[A-Za-z_][\w.-]*)\)")
_ASSIGNED = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>[\s\S]*)")
_OWN_NAMESPACE = re.compile(
    r"(?:\$\(|`)\s*cat\s+/(?:var/)?run/secrets/kubernetes\.io/serviceaccount/namespace\s*(?:\)|`)"
)
_DURATION = re.compile(r"\d+(?:\.\d+)?[smhd]?")


class Command(NamedTuple):
    """One simple command: the program's name without its folder, its words, and where they stand."""

    program: str
    words: tuple[str, ...]
    path: str


def commands_of(container: Container, namespace: str) -> list[Command]:
    """The simple commands a container is told to run, in order; none when the image decides.

    `namespace` is the pod's: scripts ask for it in a file every container has.
    """
    known = variables_of(container, namespace)
    words = [(f"command[{place}]", text) for place, text in enumerate(container.command)]
    words += [(f"args[{place}]", text) for place, text in enumerate(container.args)]
    texts = [
        (path, _expanded(_OWN_NAMESPACE.sub(lambda _: namespace, text[:_MOST_CHARACTERS]), known))
        for path, text in words
    ]
    place = next((at for at, (_, text) in enumerate(texts[:4]) if _base(text) in _SHELLS), -1)
    if place >= 0:
        for at in range(place + 1, len(texts)):
            _, text = texts[at]
            if not text.startswith(("-", "+")):
                return list(_direct(texts[at:]))
            if "c" in text.partition("-")[2] and not text.startswith("--") and at + 1 < len(texts):
                path, script = texts[at + 1]
                return list(_script(script, path, known))
        return []
    if texts and re.search(r"\s", texts[0][1]):
        return list(_script(texts[0][1], texts[0][0], known))
    return list(_direct(texts))


def variables_of(container: Container, namespace: str) -> dict[str, str]:
    """Environment variables whose value stands in the specification, those they refer to filled in."""
    known: dict[str, str] = {}
    for one in container.env:
        source = one.value_from
        if source is None:
            known[one.name] = _expanded(one.value[:_MOST_CHARACTERS], known)[:_MOST_OF_A_VALUE]
        elif source.field_ref is not None and source.field_ref.field_path == "metadata.namespace":
            known[one.name] = namespace
    return known


def _expanded(text: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` as the kubelet replaces it; an unknown one is left as a variable for the shell."""
    return _API_VARIABLE.sub(lambda match: known.get(match["name"], f"${{{match['name']}}}"), text)


def _direct(texts: Sequence[tuple[str, str]]) -> Iterator[Command]:
    """A command without a shell: every element is a word."""
    words = [text for _, text in texts]
    yield from _simple(words, texts[0][0] if texts else "", {})


def _script(script: str, path: str, known: Mapping[str, str]) -> Iterator[Command]:
    """The simple commands of a shell script."""
    variables = dict(known)
    words: list[str] = []
    comment = False
    for match in _TOKEN.finditer(script[:_MOST_CHARACTERS]):
        end, word = match["end"], match["word"]
        if end is not None:
            if not comment or "\n" in end:
                yield from _simple(words, path, variables)
                words, comment = [], False
        elif word is not None and not comment:
            comment = word.startswith("#")
            text = _filled(_unquoted(word), variables)
            if text and not comment:
                words.append(text)
    yield from _simple(words, path, variables)


def _unquoted(word: str) -> str:
    def plain(match: re.Match[str]) -> str:
        single, double, escaped = match.groups()
        if escaped is not None:
            return "" if escaped == "\n" else escaped
        return single if single is not None else double or ""

    return _QUOTES.sub(plain, word)


def _filled(word: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match["name"] or match["plain"]
        return variables.get(name) or match["default"] or f"${{{name}}}"

    return _SHELL_VARIABLE.sub(value, word)


def _simple(words: Sequence[str], path: str, variables: dict[str, str]) -> Iterator[Command]:
    """The command these words make, without what stands before the program; notes assignments."""
    place = 0
    while place < len(words):
        word = words[place]
        assigned = _ASSIGNED.fullmatch(word)
        if assigned is not None:
            variables[assigned["name"]] = assigned["value"][:_MOST_OF_A_VALUE]
        elif word == "timeout":
            place += 1
            while place < len(words) and (words[place].startswith("-") or _DURATION.fullmatch(words[place])):
                place += 1
            continue
        elif word not in _BEFORE:
            yield from _program(_base(word), words[place + 1 :], path, variables)
            return
        place += 1


def _program(name: str, words: Sequence[str], path: str, variables: dict[str, str]) -> Iterator[Command]:
    """The command; of a shell within the script (`timeout 60 sh -c '…'`) what it runs."""
    option = next((at for at, word in enumerate(words) if re.fullmatch(r"-[a-z]*c", word)), -1)
    if name in _SHELLS and 0 <= option < len(words) - 1:
        yield from _script(words[option + 1], path, variables)
    else:
        yield Command(name, tuple(words), path)


def _base(word: str) -> str:
    return word.rpartition("/")[2]
