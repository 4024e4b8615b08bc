"""Reads the manifest a person gives: YAML or JSON, several documents, Lists (DP-10).

The file may be anything, so it is bounded before it is built: size, depth, number of
nodes, and no aliases that unfold into more than that.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from kuberunbooks.cluster.given_file import UnusableFile, read_given_file
from kuberunbooks.findings import Finding, Subject, finding
from kuberunbooks.objects import Evidence

MOST_BYTES = 2 * 1024 * 1024
_MOST_NODES = 200_000
_DEEPEST = 60


class UnreadableManifest(Exception):
    """The file cannot be used; the text says why, in one clause."""


def read_manifest(path: str) -> list[dict[str, Any]]:
    """The Kubernetes objects in a file, Lists taken apart. Raises UnreadableManifest."""
    try:
        return parse_manifest(read_given_file(Path(path).expanduser(), MOST_BYTES))
    except UnusableFile as error:
        raise UnreadableManifest(str(error)) from error


def unreadable(path: str, subject: Subject, error: UnreadableManifest) -> Finding:
    """The finding that says so; the subject is what was compared with the file."""
    file = Path(path).name
    return finding(
        "ManifestUnreadable",
        subject,
        evidence=Evidence(file, "content", str(error)),
        file=file,
        path=path,
        why=str(error),
    )


def parse_manifest(body: bytes) -> list[dict[str, Any]]:
    """As `read_manifest`, from bytes."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = body.decode("utf-8-sig")
        _bound_events(text, loader)
        documents = list(yaml.load_all(text, Loader=loader))
    except UnicodeDecodeError as error:
        raise UnreadableManifest("it is no text") from error
    except yaml.YAMLError as error:
        raise UnreadableManifest(f"it is no YAML: {' '.join(str(error).split())[:200]}") from error
    except (ValueError, RecursionError, TypeError) as error:
        raise UnreadableManifest("it holds values YAML cannot build") from error
    objects: list[dict[str, Any]] = []
    for document in documents:
        _bound_unfolded(document)
        objects += _objects(_as_json(document))
    if not objects:
        raise UnreadableManifest("it holds no Kubernetes object (nothing with apiVersion and kind)")
    return objects


def _bound_events(text: str, loader: Any) -> None:
    """Counts before anything is built: building is recursive, reading events is not."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST or count > _MOST_NODES:
            raise UnreadableManifest("it is nested too deeply or has too many fields")


def _bound_unfolded(document: Any) -> None:
    """A few nested aliases unfold into billions of nodes, or into themselves."""
    left = _MOST_NODES
    waiting = [document]
    while waiting:
        value = waiting.pop()
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        left -= 1 + len(inner)
        if left < 0:
            raise UnreadableManifest("its aliases unfold into too many fields")
        waiting.extend(inner)


def _as_json(document: Any) -> Any:
    """As kubectl sends it: keys are text, dates too."""
    try:
        return json.loads(json.dumps(document, default=str))
    except (TypeError, ValueError) as error:
        raise UnreadableManifest("it holds values JSON does not have") from error


def _objects(document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        return []
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        return [found for item in document["items"] for found in _objects(item)]
    if not isinstance(document.get("apiVersion"), str) or not isinstance(document.get("metadata"), dict):
        return []
    return [document]
