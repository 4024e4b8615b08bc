"""What commands printed that were run for this question, as the steps need it.

`resolve` takes the files a person gives; every step that needs an answer no API has
reads `cluster.transcripts()`, which are those of the case and of the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kuberunbooks.cluster import Cluster, Transcript, read_transcripts
from kuberunbooks.objects import Evidence

from ..rules.curl_output import Answer, read_curl


def take_transcripts(cluster: Cluster, options: Mapping[str, Any]) -> None:
    """Reads what the parameter `transcripts` names, so that the run and its case have it.

    Raises BadParameter when the file cannot be used.
    """
    if given := str(options.get("transcripts") or "").strip():
        node = str(options.get("transcripts_node") or "").strip()
        cluster.given_transcripts += read_transcripts(given, node)


def answers(cluster: Cluster) -> list[Answer]:
    """What curl was told, of all transcripts."""
    return [one for each in cluster.transcripts() if (one := read_curl(each)) is not None]


def cite(one: Transcript, shown: str = "") -> Evidence:
    """The evidence of a transcript: the command, where it ran, and the line that decides."""
    value = shown or next((line for line in one.output.splitlines() if line.strip()), "")
    status = "" if one.exit_code is None else f" → exit {one.exit_code}"
    return Evidence(
        source=f"{one.target.text} {one.source}", path=f"{' '.join(one.argv)}{status}", value=value
    )
