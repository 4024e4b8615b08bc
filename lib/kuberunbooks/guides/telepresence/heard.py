"""Takes what commands printed on workstations: files a person gives, and transcripts of the case.

`telepresence ... --output json` writes JSON of its own, which is no transcript of ours: it
is taken as the command's output. The environments in it are left out before anything keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kuberunbooks.cluster import Cluster, Transcript, TranscriptTarget, read_transcripts
from kuberunbooks.cluster.given_file import UnusableFile, read_given_file
from kuberunbooks.errors import BadParameter
from kuberunbooks.objects import Evidence

from ..rules.telepresence_client import MOST_READ, client_json, read_told
from ..rules.telepresence_told import Told

_WORKSTATION = TranscriptTarget(kind="workstation")


def take_transcripts(cluster: Cluster, options: Mapping[str, Any]) -> None:
    """Reads what the parameter `transcripts` names, so that the run and its case have it.

    Raises BadParameter when a file cannot be used.
    """
    given = str(options.get("transcripts") or "").strip()
    if not given:
        return
    place = Path(given).expanduser()
    try:
        files = sorted(one for one in place.iterdir() if one.is_file()) if place.is_dir() else [place]
    except OSError as error:
        raise BadParameter(f"{given} cannot be used as pasted output: {error.strerror}.") from error
    for file in files:
        cluster.given_transcripts += list(_of_file(file))


def _of_file(file: Path) -> Iterator[Transcript]:
    if file.suffix == ".json":
        try:
            body = read_given_file(file, MOST_READ)
        except UnusableFile:
            body = b""
        plain = client_json(body.decode("utf-8", "replace"))
        if plain is not None:
            yield Transcript(target=_WORKSTATION, stdout=plain, source=file.name)
            return
    for one in read_transcripts(str(file)):
        if not one.argv and not one.target.node:
            one.target = _WORKSTATION
        plain = client_json(one.stdout) if len(one.stdout) <= MOST_READ else None
        if plain is not None:
            one.stdout = plain
        yield one


def told(cluster: Cluster) -> list[Told]:
    """What the transcripts tell of Telepresence."""
    found = (read_told(one) for one in cluster.transcripts())
    return [one for one in found if one.says_something]


def cite(one: Told, shown: str) -> Evidence:
    """The evidence of a transcript: where it ran, the command if it is known, and what of it decides.

    The output itself is never quoted: a list of intercepts holds the application's environment.
    """
    held = one.transcript
    return Evidence(f"{held.target.text} {held.source}".strip(), " ".join(held.argv[:4]) or "output", shown)
