"""The content of a case folder as an API server would answer it: lists, selectors, pages, objects, logs.

Reads the files itself, on purpose without the package's own case reader: it is what live reading is
tested against. Used by api_server.py only.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

from kuberunbooks.objects import parse_fields, parse_labels

# What each kind's field selector knows beside metadata.name and metadata.namespace
# (pkg/apis/*/v1/conversion.go of Kubernetes 1.36).
_FIELDS = {
    "pods": {
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
    },
    "events": {
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
        "reason", "reportingComponent", "source", "type",
        "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid",
    },
    "nodes": {"spec.unschedulable"},
    "namespaces": {"status.phase"},
    "replicasets": {"status.replicas"},
    "replicationcontrollers": {"status.replicas"},
    "jobs": {"status.successful"},
    "secrets": {"type"},
}  # fmt: skip
_LISTED = re.compile(
    r"^(?P<root>api/v1|apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?$"
)
_LOG = re.compile(r"^api/v1/namespaces/(?P<namespace>[^/]+)/pods/(?P<pod>[^/]+)/log$")


class NotServed(Exception):
    """An answer that is no success: its status and the Status object, or the recorded body."""

    def __init__(self, status: int, reason: str, message: str, *, name: str = "", raw: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self._raw = raw
        self._status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
        self._status |= {"reason": reason, "message": message, "details": {"name": name} if name else {}}

    def body(self) -> bytes:
        """The bytes to send."""
        return self._raw or json.dumps(self._status).encode()

    @property
    def type(self) -> str:
        """The content type."""
        return "application/json" if self.body().lstrip()[:1] == b"{" else "text/plain"


class CaseFiles:
    """A case folder, read lazily."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lists: dict[Path, dict[str, Any]] = {}
        self._pages: dict[str, tuple[dict[str, Any], list[Any]]] = {}
        self._lock = Lock()
        self.pods_changed: dict[tuple[str, str], dict[str, Any] | None] = {}
        """Pods that were made, changed or (None) deleted since; see pod_writes.py."""
        self.enforced: dict[str, str] = {}
        """The Pod Security level by which a namespace is labelled beside its recorded labels."""

    def right_of(self, path: str) -> tuple[str, str]:
        """The verb and resource a GET needs: ("list", "deployments.apps"); empty for raw."""
        if _LOG.match(path):
            return "get", "pods/log"
        match = _LISTED.match(path)
        if match is None:
            return "get", ""
        group = match["root"].split("/")[1] if match["root"].startswith("apis/") else ""
        name = f"{match['plural']}.{group}" if group else match["plural"]
        return ("get" if match["name"] else "list"), name

    def answer(self, path: str, query: dict[str, str], big_page: int) -> tuple[bytes, str]:
        """Body and content type of a GET. Raises NotServed."""
        if match := _LOG.match(path):
            return self._log(match["namespace"], match["pod"], query), "text/plain"
        if path == "version":
            return (self.root / "version.json").read_bytes(), "application/json"
        match = _LISTED.match(path)
        if match is None:
            return self._raw(path, query)
        if match["name"]:
            return self._item(path, match), "application/json"
        return self._list(path, match, query, big_page), "application/json"

    def _raw(self, path: str, query: dict[str, str]) -> tuple[bytes, str]:
        path = re.sub(r"^api/v1/nodes/([^/]+)/proxy/", r"nodes/\1/", path)
        path = quote(f"{path}?{urlencode(query)}" if query else path, safe="/")
        for suffix, type_ in ((".txt", "text/plain"), (".json", "application/json")):
            for root in (self.root / "raw", self.root):
                if (root / f"{path}{suffix}").is_file():
                    return (root / f"{path}{suffix}").read_bytes(), type_
        self._recorded_refusal(path)
        raise NotServed(404, "NotFound", "", raw=b"404 page not found\n")

    def _list(self, path: str, match: re.Match[str], query: dict[str, str], big_page: int) -> bytes:
        if token := query.get("continue"):
            head, items = self._pages[token]
        else:
            head, items = self._all(path, match)
            items = _selected(items, query, match["plural"])
        limit = min(
            int(query.get("limit") or 0) or 1_000_000_000, big_page if query.get("limit") else 1_000_000_000
        )
        rest = items[limit:]
        metadata = dict(head.get("metadata") or {})
        if rest:
            with self._lock:
                following = f"page-{len(self._pages)}"
                self._pages[following] = (head, rest)
            metadata |= {"continue": following, "remainingItemCount": len(rest)}
        return json.dumps({**head, "metadata": metadata, "items": items[:limit]}).encode()

    def _all(self, path: str, match: re.Match[str]) -> tuple[dict[str, Any], list[Any]]:
        head, items = self._recorded(path, match)
        if match["plural"] == "pods" and self.pods_changed:
            changed = {
                key: pod for key, pod in self.pods_changed.items() if match["namespace"] in (None, key[0])
            }
            items = [one for one in items if _key(one) not in changed]
            items = [*items, *(pod for pod in changed.values() if pod is not None)]
        if match["plural"] == "namespaces" and self.enforced:
            items = [_labelled(one, self.enforced.get(one["metadata"]["name"])) for one in items]
        return head, items

    def _recorded(self, path: str, match: re.Match[str]) -> tuple[dict[str, Any], list[Any]]:
        if (whole := self._read(self.root / f"{path}.json")) is not None:
            return {key: value for key, value in whole.items() if key != "items"}, whole["items"]
        self._recorded_refusal(path)
        files = [] if match["namespace"] else self._of_every_namespace(match["root"], match["plural"])
        if not files:
            raise NotServed(403, "Forbidden", f"{match['plural']} is forbidden: it is not in this case")
        lists = [self._read(one) or {"items": []} for one in files]
        head = {key: value for key, value in lists[0].items() if key != "items"}
        return head, [item for one in lists for item in one["items"]]

    def _of_every_namespace(self, root: str, plural: str) -> list[Path]:
        """The files of a kind, if every namespace has one: half a list must not pass for the whole."""
        files = sorted((self.root / root / "namespaces").glob(f"*/{plural}.json"))
        existing = self._read(self.root / "api/v1/namespaces.json") or {"items": []}
        names = {item["metadata"]["name"] for item in existing["items"]}
        return files if names <= {one.parent.name for one in files} else []

    def _item(self, path: str, match: re.Match[str]) -> bytes:
        listed = path.rpartition("/")[0]
        head, items = self._all(listed, _LISTED.match(listed) or match)
        for item in items:
            if item["metadata"]["name"] == match["name"]:
                kind = str(head.get("kind", "")).removesuffix("List")
                return json.dumps({"kind": kind, "apiVersion": head.get("apiVersion"), **item}).encode()
        raise NotServed(404, "NotFound", f'{match["plural"]} "{match["name"]}" not found', name=match["name"])

    def _log(self, namespace: str, pod: str, query: dict[str, str]) -> bytes:
        stem = f"{query.get('container', '')}{'.previous' if query.get('previous') == 'true' else ''}.log"
        folder = self.root / "logs" / namespace / pod
        path = folder / stem
        if path.is_file():
            lines = path.read_bytes().splitlines(keepends=True)[-int(query.get("tailLines") or 1_000_000) :]
            return b"".join(lines)[: int(query.get("limitBytes") or 1 << 30)]
        for refused in sorted(folder.glob(f"{stem}.*.json")):
            raise NotServed(int(refused.name.split(".")[-2]), "", "", raw=refused.read_bytes())
        raise NotServed(404, "NotFound", f'the log "{stem}" of pod "{pod}" is not in this case')

    def _recorded_refusal(self, path: str) -> None:
        group = "/".join(path.split("/")[:3]) if path.startswith("apis/") else path
        for stem in (path, group):
            recorded = self.root / "errors" / stem
            for file in sorted(recorded.parent.glob(f"{recorded.name}.*.json")):
                raise NotServed(int(file.name.split(".")[-2]), "", "", raw=file.read_bytes())

    def _read(self, path: Path) -> dict[str, Any] | None:
        if path not in self._lists:
            if not path.is_file():
                return None
            found = json.loads(path.read_bytes())
            found["items"] = found.get("items") or []
            self._lists[path] = found
        return self._lists[path]


def _key(item: Any) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _labelled(namespace: Any, level: str | None) -> Any:
    if level is None:
        return namespace
    labels = {**(namespace["metadata"].get("labels") or {}), "pod-security.kubernetes.io/enforce": level}
    return {**namespace, "metadata": {**namespace["metadata"], "labels": labels}}


def _selected(items: list[Any], query: dict[str, str], plural: str) -> list[Any]:
    if labels := query.get("labelSelector"):
        try:
            selector = parse_labels(labels)
        except ValueError as error:
            raise NotServed(400, "BadRequest", f"unable to parse requirement: {error}") from error
        items = [item for item in items if selector.matches(item["metadata"].get("labels") or {})]
    for path, value, equal in parse_fields(query.get("fieldSelector", "")):
        if path not in {"metadata.name", "metadata.namespace"} | _FIELDS.get(plural, set()):
            raise NotServed(400, "BadRequest", f'field label not supported: "{path}"')
        items = [item for item in items if (_at(item, path) == value) is equal]
    return items


def _at(item: Any, path: str) -> str:
    for name in path.split("."):
        item = item.get(name) if isinstance(item, dict) else None
    return "" if item is None else str(item).lower() if isinstance(item, bool) else str(item)
