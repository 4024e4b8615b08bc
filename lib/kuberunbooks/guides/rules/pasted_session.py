"""Finds the commands in pasted text: what was copied from a shell or from `sh -x`, with prompts and all.

Only the commands the steps about names read. Called by the services guide.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import msgspec

from kuberunbooks.cluster import Transcript, TranscriptTarget

MOST_PASTED = 1024 * 1024
"""Characters; longer pastes are the rules of a node or logs, no session with lookups."""

_PROMPT = re.compile(
    r"^(?:[^\s#$%>][^#$%>\n]{0,200}[#$%>]|[#$%>+]|/[^#$\n]{0,200}[#$])[ \t]*"
    r"(?P<command>(?:kubectl exec [^\n]{1,300}? -- )?(?:nslookup|dig|getent|cat)[ \t][^\n]{1,500})$",
    re.MULTILINE,
)
_ANSWERS = re.compile(r"^(?=Server:|; <<>> DiG)", re.MULTILINE)


def sessions(one: Transcript) -> Iterator[Transcript]:
    """The commands in pasted text, each with its own output; the transcript itself when it names its command.

    A paste without prompts is cut where an answer begins, and stays without commands.
    """
    if one.argv:
        yield one
        return
    text = one.stdout
    if len(text) > MOST_PASTED:
        return
    found = list(_PROMPT.finditer(text))
    if not found:
        for piece in _ANSWERS.split(text):
            if piece.strip():
                yield msgspec.structs.replace(one, stdout=piece)
        return
    ends = [match.start() for match in found[1:]] + [len(text)]
    for match, end in zip(found, ends, strict=True):
        words, target = unwrapped(command_words(match["command"]), one.target)
        if words:
            yield msgspec.structs.replace(one, argv=words, target=target, stdout=text[match.end() + 1 : end])


def unwrapped(words: list[str], target: TranscriptTarget) -> tuple[list[str], TranscriptTarget]:
    """The command itself and where it ran, also of `kubectl exec POD -n NAMESPACE -- command`."""
    if words[:2] != ["kubectl", "exec"] or "--" not in words:
        return words, target
    place = words.index("--")
    before, namespace, pod = iter(words[2:place]), "", ""
    for word in before:
        if word in ("-n", "--namespace"):
            namespace = next(before, "")
        elif word in ("-c", "--container"):
            next(before, "")
        elif not word.startswith("-"):
            pod = pod or word.rpartition("/")[2]
    return words[place + 1 :], TranscriptTarget(kind="pod", namespace=namespace, pod=pod)


def command_words(command: str) -> list[str]:
    """The words of a command as a shell would split them; none when its quotes do not fit."""
    try:
        return shlex.split(command)
    except ValueError:
        return []
