"""DP-10: running, but not doing what it was told: the manifest against what the API server holds.

Needs the file (`manifest=PATH`). Two questions: does it hold fields the server does
not know (a slip such as `commnd` is dropped or refused), and does the live object
have what the file asks for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError, NotCollected
from kuberunbooks.findings import Column, Finding, Note, Severity, Subject, Table, finding
from kuberunbooks.objects import Evidence, Pod

from ..rules.managed_fields import manager_of
from ..rules.manifest_schema import SchemaCheck, check
from ..rules.manifest_schema import path_text as schema_path_text
from ..step import Yielded, step
from .manifest_diff import Difference, differences, path_text, value_text
from .manifest_file import UnreadableManifest, read_manifest, unreadable
from .resolve import WORKLOAD_KINDS
from .target import Controller, Pods

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ANNOTATION = f"metadata.annotations['{_LAST_APPLIED}']"
_KINDS = {kind.api.kind: kind for kind in (Pod, *WORKLOAD_KINDS)}
_ROWS = 50


class Document(NamedTuple):
    """An object of the file that makes pods, and the one of the cluster it became (None: there is none)."""

    path: str
    manifest: dict[str, Any]
    subject: Subject
    live: Pod | Controller | None

    @property
    def file(self) -> str:
        """The file's name without its folders."""
        return Path(self.path).name


@step("DP-10", title="Does it run what you asked for?")
def manifest(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Does the cluster hold what your manifest asks for, and does it know all of its fields?"""
    path = str(target.options.get("manifest") or "")
    if not path:
        yield Note(
            text="Not compared with a manifest: give the file it was applied from as the parameter manifest "
            "to find misspelt fields and what differs from what runs."
        )
        return
    file = Path(path).name
    try:
        documents = read_manifest(path)
    except UnreadableManifest as error:
        yield unreadable(path, target.subject, error)
        return
    chosen = list(_choose(documents, path, target))
    if not chosen:
        held = sorted({f"{one['kind']} {one['metadata'].get('name', '')}" for one in documents})
        yield Note(text=f"{file} holds {', '.join(held[:10])}: nothing there made the pods looked at here.")
    for document in chosen:
        yield from _judge(document, cluster)


def _choose(documents: list[dict[str, Any]], path: str, target: Pods) -> Iterator[Document]:
    """The documents that made the target's pods; of a whole namespace also those that made nothing."""
    known: dict[tuple[str, str, str], Pod | Controller] = dict(target.controllers)
    known.update({root.key: root for root in target.roots})
    wanted = target.wanted.rpartition("/")[2]
    pods: dict[tuple[str, str], Pod] | None = None
    for one in documents:
        kind, meta = one["kind"], one["metadata"]
        if kind not in _KINDS or not meta.get("name"):
            continue
        name = str(meta["name"])
        place = str(meta.get("namespace") or target.namespace)
        if target.namespace and place != target.namespace:
            continue
        if kind == "Pod" and pods is None:
            pods = {(pod.namespace, pod.name): pod for pod in target.pods}
        live = (pods or {}).get((place, name)) if kind == "Pod" else known.get((kind, place, name))
        if live is not None or not target.wanted or (target.missing and name == wanted):
            yield Document(path, one, Subject(kind=kind, namespace=place, name=name), live)


def _judge(document: Document, cluster: Cluster) -> Iterator[Yielded]:
    schema = check(document.manifest, cluster.origin.server_version)
    if schema.unknown:
        yield _unknown(document, schema)
    if schema.other:
        text = "; ".join(schema.other[:5])
        yield Note(text=f"{document.file}, {document.subject.text}: the API's schema also objects: {text}")
    if document.live is None:
        yield Note(text=f"{document.file}: the cluster has no {document.subject.text} to compare with.")
        return
    try:
        held = cluster.read_raw_object(type(document.live), document.live.namespace, document.live.name)
    except NotCollected as error:
        yield Note(text=f"{document.subject.text} was not compared: {error}")
        return
    except ClusterError as error:
        cluster.note_failure(error, f"get {document.live.api.resource}", document.live.namespace)
        yield Note(text=f"{document.subject.text} was not compared: {error}")
        return
    yield from _compare(document, schema, held)


def _compare(document: Document, schema: SchemaCheck, held: dict[str, Any]) -> Iterator[Yielded]:
    found = list(differences(schema.known, held))
    applied = _last_applied(held)
    dropped = [one for one in found if one.kind == "dropped"]
    changed = [one for one in found if one.kind == "changed"]
    if dropped:
        yield _different("ManifestFieldDropped", document, dropped, held, applied)
    if changed:
        yield _different("ManifestValueChanged", document, changed, held, applied)
    stale = applied is not None and _differ(document.manifest, applied)
    if stale and document.live is not None:
        yield finding(
            "ManifestStale",
            document.live,
            evidence=Evidence(document.live.source, _ANNOTATION, "differs from the file"),
            file=document.file,
            path=document.path,
            live_differs=bool(found),
        )
    if found:
        yield _table(document, found)
    elif not schema.unknown and not stale and document.live is not None:
        yield finding(
            "ManifestMatches",
            document.live,
            evidence=document.live.cite("metadata.generation"),
            file=document.file,
            path=document.path,
            version=schema.version,
        )


def _unknown(document: Document, schema: SchemaCheck) -> Finding:
    fields = [{"path": schema_path_text(one.path), "near": one.near} for one in schema.unknown]
    return finding(
        "ManifestUnknownField",
        document.subject,
        evidence=[Evidence(document.file, field["path"], "unknown field") for field in fields[:5]],
        group=tuple(field["path"] for field in fields),
        fields=fields,
        version=schema.version,
        file=document.file,
        path=document.path,
        exists=document.live is not None,
    )


def _different(
    code: str,
    document: Document,
    found: Sequence[Difference],
    held: dict[str, Any],
    applied: dict[str, Any] | None,
) -> Finding:
    """One finding for all fields of a kind: the first ones are quoted, a table holds the rest."""
    pending = {one.path for one in differences(document.manifest, applied)} if applied is not None else set()
    metadata = held.get("metadata")
    managed = metadata.get("managedFields") if isinstance(metadata, dict) else None
    fields = [_field(one, managed, one.path in pending) for one in found]
    unapplied = all(one.path in pending for one in found)
    live = document.live or document.subject
    source = document.file if isinstance(live, Subject) else live.source
    nothing = "absent" if code == "ManifestFieldDropped" else "differs"
    return finding(
        code,
        live,
        severity=_severity(code, fields, unapplied),
        evidence=[Evidence(source, field["path"], field["held"] or nothing) for field in fields[:5]],
        file=document.file,
        path=document.path,
        fields=fields,
        unapplied=unapplied,
    )


def _field(one: Difference, managed: Any, unapplied: bool) -> dict[str, Any]:
    owner = manager_of(managed, one.path) if one.kind == "changed" else None
    return {
        "path": path_text(one.path),
        "asked": value_text(one.asked, one.path),
        "held": value_text(one.held, one.path) if one.kind == "changed" else "",
        "unapplied": unapplied,
        "manager": owner.name if owner else "",
        "at": owner.time if owner else "",
    }


def _severity(code: str, fields: Sequence[dict[str, Any]], unapplied: bool) -> Severity | None:
    """A field that was never applied is no fault of the server, and a scaled workload nobody's mistake."""
    if code == "ManifestFieldDropped":
        return "warning" if unapplied else None
    scaled = [field["path"] for field in fields] == ["spec.replicas"]
    return "info" if scaled and not unapplied else None


def _last_applied(held: dict[str, Any]) -> dict[str, Any] | None:
    """What `kubectl apply` last sent; None after a server-side apply, a create, or when it cannot be read."""
    metadata = held.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    text = annotations.get(_LAST_APPLIED) if isinstance(annotations, dict) else None
    if not isinstance(text, str):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _differ(left: dict[str, Any], right: dict[str, Any]) -> bool:
    both = (differences(left, right), differences(right, left))
    return any(next(found, None) is not None for found in both)


def _table(document: Document, found: Sequence[Difference]) -> Table:
    rows = [
        [
            path_text(one.path),
            value_text(one.asked, one.path) or "(not shown)",
            "absent" if one.kind == "dropped" else value_text(one.held, one.path) or "(not shown)",
        ]
        for one in found[:_ROWS]
    ]
    return Table(
        caption=f"{document.subject.text}: {document.file} against the cluster",
        columns=[Column(name="FIELD"), Column(name="IN THE FILE"), Column(name="IN THE CLUSTER")],
        rows=rows,
        omitted=max(0, len(found) - _ROWS),
    )
