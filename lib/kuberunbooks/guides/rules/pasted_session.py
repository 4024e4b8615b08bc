"""Finds the commands in pasted text: what was copied from a shell or from `sh -x`, with prompts and all.

Only the commands the asking guide can read. Called by the services guide for lookups, by
the crictl and shell guides for theirs.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator

import msgspec

from kuberunbooks.cluster import Transcript, TranscriptTarget

MOST_PASTED = 1024 * 1024
"""Characters; longer pastes are the rules of a node or logs, no session with lookups."""

_LOOKUPS = "nslookup|dig|getent|cat"
_ANSWERS = re.compile(r"^(?=Server:|; <<>> DiG)", re.MULTILINE)


@functools.cache
def _prompt(programs: str) -> re.Pattern[str]:
    """A line that is a prompt and a command of these programs; what leads there may stand before them."""
    return re.compile(
        r"^(?:[^\s#$%>][^#$%>\n]{0,200}[#$%>]|[#$%>+]|/[^#$\n]{0,200}[#$])[ \t]*"
        r"(?P<command>(?:kubectl (?:exec|debug) [^\n]{1,300}? -- )?(?:sudo (?:-\w+ )*|chroot /\S* )*"
        rf"(?:{programs})(?:[ \t][^\n]{{1,500}})?)$",
        re.MULTILINE,
    )


def sessions(one: Transcript, programs: str = _LOOKUPS) -> Iterator[Transcript]:
    """The commands in pasted text, each with its own output; the transcript itself when it names its command.

    `programs` are their names, `a|b`. A paste without prompts is cut where an answer begins,
    and stays without commands.
    """
    if one.argv:
        yield one
        return
    text = one.stdout
    if len(text) > MOST_PASTED:
        return
    found = list(_prompt(programs).finditer(text))
    if not found:
        for piece in _ANSWERS.split(text):
            if piece.strip():
                yield msgspec.structs.replace(one, stdout=piece)
        return
    ends = [match.start() for match in found[1:]] + [len(text)]
    for match, end in zip(found, ends, strict=True):
        words, target = unwrapped(command_words(match["command"]), one.target)
        if words:
            output = text[match.end() + 1 : end]
            yield msgspec.structs.replace(one, argv=words, target=target, stdout=output, stderr="")


def unwrapped(words: list[str], target: TranscriptTarget) -> tuple[list[str], TranscriptTarget]:
    """The command and where it ran, also of `kubectl exec POD -n NAMESPACE -c CONTAINER -- command`."""
    if words[:1] != ["kubectl"] or words[1:2] not in (["exec"], ["debug"]) or "--" not in words:
        return words, target
    place = words.index("--")
    before, namespace, pod, container = iter(words[2:place]), "", "", ""
    for word in before:
        if word in ("-n", "--namespace"):
            namespace = next(before, "")
        elif word in ("-c", "--container"):
            container = next(before, "")
        elif word in ("--image", "--profile", "--target", "--context", "--kubeconfig"):
            next(before, "")
        elif not word.startswith("-"):
            pod = pod or word
    command = words[place + 1 :]
    if pod.startswith("node/"):
        return command, TranscriptTarget(kind="node", node=pod.removeprefix("node/"))
    name = pod.rpartition("/")[2]
    return command, TranscriptTarget(kind="pod", namespace=namespace, pod=name, container=container)


def command_words(command: str) -> list[str]:
    """The words of a command as a shell would split them; none when its quotes do not fit."""
    try:
        return shlex.split(command)
    except ValueError:
        return []
