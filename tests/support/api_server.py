"""A Kubernetes API server for tests: a recorded case folder, served over real HTTP.

    with serve_case(incident("crashloop"), deny=["list nodes"]) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        notebook.open("pods", namespace="crashloop")
    assert server.count(r"/pods$") == 1

What it does as an API server does:
    lists with labelSelector, fieldSelector (only the fields the real server knows; 400 else),
    limit and continue; single objects; 404 and 403 as Status objects; recorded refusals
    (errors/PATH.STATUS.json, logs/.../C.log.STATUS.json); logs with tailLines, previous, limitBytes;
    /version; SelfSubjectReview, SelfSubjectRulesReview, SelfSubjectAccessReview; the Date header; gzip.
Its clock (`Date`) stands at the newest time of the case, so that a live run judges ages as a run on the
case does. A list the case does not hold is refused with 403: to the run it is then unknown, as it is in
the case.

    deny=["list nodes", "get pods/log", "list deployments.apps"]   403 on them, and the reviews say so
    allow_reviews=False, rules_incomplete=True, user="...", old=True   how the reviews answer (old: 404)
    token="..."          401 without this bearer token
    tls=True             https with a certificate for `tls_names` (default localhost, 127.0.0.1)
    services={"monitoring/prom": "http://127.0.0.1:9090"}   what its proxy of a Service leads to
    run=local_process    commands in containers, over websockets (exec_server.py); `server.exec.asked`
    enforce={"shop": "restricted"}, becomes=...   how it takes new pods (pod_writes.py); `server.writes.made`
    gzip=False, page_expires=True (410 on every continue), big_page=N (limit capped at N)

Faults are rules tried in order on every request, each as often as `times` says:

    Fault(r"/pods", status=429, headers={"Retry-After": "1"}, times=2)
    Fault(r".", hang=5) | drip=0.2 | reset=True | cut=100 (bytes sent of more announced)
    Fault(r".", body=b"<html>..", type="text/html") | body=b"null" | redirect="https://login.example/"

`server.requests` holds every request (method, path, query, headers) in order.
`main` serves a folder from the command line: python -m tests.support.api_server FOLDER [PORT].
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import urllib3
import yaml

from kuberunbooks.cluster.case import CaseSource
from tests.support.case_files import CaseFiles, NotServed
from tests.support.exec_server import Asked, ExecServer, scripted
from tests.support.pod_writes import PodWrites


@dataclass
class Fault:
    """What goes wrong for requests whose path and query match; see the module's docstring."""

    match: str
    times: int = 1_000_000
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    type: str = "application/json"
    hang: float = 0.0
    drip: float = 0.0
    reset: bool = False
    cut: int = 0
    redirect: str = ""


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    client: tuple[str, int]


class ApiServer:
    """A running server; `url`, `requests` and `kubeconfig` are what tests need."""

    def __init__(self, files: CaseFiles, options: dict[str, Any], faults: list[Fault]) -> None:
        self.files = files
        self.faults = faults
        self.requests: list[Request] = []
        self.deny: set[str] = set(options.get("deny", ()))
        self.allow_reviews: bool = options.get("allow_reviews", True)
        self.rules_incomplete: bool = options.get("rules_incomplete", False)
        self.user: str = options.get("user", "jane")
        self.groups: list[str] = options.get("groups", ["system:authenticated"])
        self.old: bool = options.get("old", False)
        self.token: str = options.get("token", "")
        self.services: dict[str, str] = options.get("services", {})
        self.gzip: bool = options.get("gzip", True)
        self.page_expires: bool = options.get("page_expires", False)
        self.big_page: int = options.get("big_page", 1_000_000)
        self.now: datetime = options.get("now") or CaseSource(files.root).now()
        self.exec = ExecServer(options.get("run") or scripted({}))
        self.writes = PodWrites(
            files,
            lambda: self.now,
            enforce=options.get("enforce"),
            becomes=options.get("becomes"),
            warns=options.get("warns", ""),
        )
        self.lock = threading.Lock()
        self.connections: set[socket.socket] = set()
        self.authority: Any = None
        self._stopping = threading.Event()
        handler = type("Handler", (_Handler,), {"server_state": self})
        self.http = _Server(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.scheme = "http"
        if options.get("tls"):
            self._secure(options.get("tls_names", ("localhost", "127.0.0.1")), options.get("client_ca"))
        self.port: int = self.http.server_address[1]

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def count(self, pattern: str = ".") -> int:
        """How many requests had a path that matches."""
        return sum(1 for one in self.requests if re.search(pattern, one.path))

    def kubeconfig(self, path: Path, *, user: dict[str, Any] | None = None, **cluster: Any) -> Path:
        """Writes a kubeconfig with one context `test`; `user` and `cluster` fields override the defaults."""
        entry: dict[str, Any] = {"server": self.url, **cluster}
        if self.authority is not None and "insecure-skip-tls-verify" not in entry:
            pem = self.authority.cert_pem.bytes()
            entry.setdefault("certificate-authority-data", base64.b64encode(pem).decode())
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "tester"}}],
            "clusters": [{"name": "test", "cluster": {key: value for key, value in entry.items() if value}}],
            "users": [{"name": "tester", "user": user if user is not None else {"token": self.token or "t"}}],
        }
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path

    def fault_for(self, target: str) -> Fault | None:
        """The first fault that applies to this request, once counted."""
        with self.lock:
            for one in self.faults:
                if one.times > 0 and re.search(one.match, target):
                    one.times -= 1
                    return one
        return None

    def wait(self, seconds: float) -> None:
        """Hangs, but not past the end of the test."""
        self._stopping.wait(seconds)

    def start(self) -> None:
        """Serves in a thread."""
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Ends it as a server that dies: open connections break, hanging requests are let go."""
        self._stopping.set()
        self.http.shutdown()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.exec.stop()
        self.http.server_close()

    def _secure(self, names: Iterable[str], client_ca: Any) -> None:
        import trustme

        self.authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*names).configure_cert(context)
        if client_ca is not None:
            client_ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        self.http.socket = context.wrap_socket(
            self.http.socket, server_side=True, do_handshake_on_connect=False
        )
        self.scheme = "https"


_EXEC = re.compile(r"^api/v1/namespaces/(?P<namespace>[^/]+)/pods/(?P<pod>[^/]+)/exec$")
_PODS = re.compile(
    r"^api/v1/namespaces/(?P<namespace>[^/]+)/pods(?:/(?P<pod>[^/]+)(?P<sub>/ephemeralcontainers)?)?$"
)
_SERVICE_PROXY = re.compile(
    r"^api/v1/namespaces/(?P<namespace>[^/]+)/services/(?:https?:)?(?P<name>[^/:]+)(?::[^/]+)?/proxy/(?P<rest>.*)$"
)


def _forwarded(url: str, query: dict[str, str]) -> tuple[bytes, str]:
    """What the Service's pod answers; 503 when nothing listens, in the API server's words."""
    try:
        answer = urllib3.request("GET", url, fields=query, retries=False, redirect=False, timeout=30)
    except urllib3.exceptions.HTTPError as error:
        said = "error trying to reach service: dial tcp 10.244.0.9:9090: connect: connection refused"
        raise NotServed(503, "ServiceUnavailable", said) from error
    if answer.status >= 300:
        raise NotServed(answer.status, "", "", raw=answer.data)
    return answer.data, answer.headers.get("content-type", "text/plain")


@contextlib.contextmanager
def serve_case(folder: Path | str, *, faults: Iterable[Fault] = (), **options: Any) -> Iterator[ApiServer]:
    """Serves a case folder until the block ends; see the module's docstring for the options."""
    server = ApiServer(CaseFiles(Path(folder)), options, list(faults))
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Server(ThreadingHTTPServer):
    """Tells nothing of connections that clients break; that is what some tests are about."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection; `server_state` is the ApiServer."""

    server_state: ApiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server_state.connections.add(self.connection)

    def finish(self) -> None:
        self.server_state.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self.server_state.now.astimezone(UTC), usegmt=True)

    def _answer(self, method: str) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path).lstrip("/")
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        state = self.server_state
        with state.lock:
            state.requests.append(
                Request(method, f"/{path}", query, dict(self.headers.items()), self.client_address)
            )
        fault = state.fault_for(self.path)
        if fault is not None and self._fail(fault):
            return
        try:
            scheme, _, token = (self.headers.get("authorization") or "").partition(" ")
            if state.token and (scheme.lower(), token) != ("bearer", state.token):
                raise NotServed(401, "Unauthorized", "Unauthorized")
            if upgraded := _EXEC.match(path):
                self._exec(upgraded["namespace"], upgraded["pod"], parse_qs(parts.query, True))
                return
            if method != "GET" and (pods := _PODS.match(path)):
                self._send(200, _json(self._write(method, pods, query, body)), "application/json", fault)
                return
            content, type_ = self._content(method, path, query, body)
            self._send(200, content, type_, fault)
        except NotServed as refused:
            self._send(refused.status, refused.body(), refused.type, fault)

    def _exec(self, namespace: str, pod: str, query: dict[str, list[str]]) -> None:
        """As API server and kubelet: `get` or, since 1.35, `create` on pods/exec lets one in."""
        state = self.server_state
        self._permit("get" if "get pods/exec" in state.deny else "create", "pods/exec")
        found = state.writes.find(namespace, pod)
        if found is None:
            raise NotServed(404, "NotFound", f'pods "{pod}" not found', name=pod)
        container = query.get("container", [""])[0]
        places = ("containers", "initContainers", "ephemeralContainers")
        if container not in [one["name"] for place in places for one in found["spec"].get(place) or []]:
            raise NotServed(400, "BadRequest", f"container {container} is not valid for pod {pod}")
        if self.headers.get("upgrade", "").lower() != "websocket":
            raise NotServed(400, "BadRequest", "Upgrade request required")
        asked = Asked(namespace, pod, container, tuple(query.get("command", ())), "stdin" in query)
        self.close_connection = True
        state.exec.serve(self.connection, self.path, list(self.headers.items()), asked)

    def _write(self, method: str, match: re.Match[str], query: dict[str, str], body: bytes) -> dict[str, Any]:
        writes, namespace, pod = self.server_state.writes, match["namespace"], match["pod"]
        verb = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}[method]
        self._permit(verb, "pods" + (match["sub"] or ""))
        trial, document = query.get("dryRun") == "All", json.loads(body or b"{}")
        if method == "POST":
            return writes.create(namespace, document, trial=trial)
        if method == "PATCH":
            return writes.add_ephemeral(namespace, pod, document, trial=trial)
        return writes.delete(namespace, pod, document)

    def _permit(self, verb: str, resource: str) -> None:
        state = self.server_state
        if f"{verb} {resource}" in state.deny:
            said = f'{resource} is forbidden: User "{state.user}" cannot {verb} resource "{resource}"'
            raise NotServed(403, "Forbidden", said)

    def _content(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[bytes, str]:
        state = self.server_state
        if method == "POST":
            return _json(_review(state, path, json.loads(body or b"{}"))), "application/json"
        proxied = _SERVICE_PROXY.match(path)
        verb, resource = ("get", "services/proxy") if proxied else state.files.right_of(path)
        if resource and f"{verb} {resource}" in state.deny:
            raise NotServed(
                403,
                "Forbidden",
                f'{resource} is forbidden: User "{state.user}" cannot {verb} resource "{resource}"',
            )
        if proxied and (backend := state.services.get(f"{proxied['namespace']}/{proxied['name']}")):
            return _forwarded(f"{backend}/{proxied['rest']}", query)
        if query.get("continue") and state.page_expires:
            raise NotServed(410, "Expired", "The provided continue parameter is too old to display a list.")
        return state.files.answer(path, query, state.big_page)

    def _send(self, status: int, content: bytes, type_: str, fault: Fault | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", type_)
        if (
            len(content) > 1024
            and self.server_state.gzip
            and "gzip" in self.headers.get("accept-encoding", "")
        ):
            content = gzip.compress(content, 1)
            self.send_header("Content-Encoding", "gzip")
        if self.server_state.writes.warns and self.command in ("POST", "PATCH") and "review" not in self.path:
            self.send_header("Warning", f'299 - "{self.server_state.writes.warns}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault is not None and fault.cut:
            self.wfile.write(content[: fault.cut])
            self.close_connection = True
        elif fault is not None and fault.drip:
            for byte in content:
                if self.server_state._stopping.is_set():
                    break
                with contextlib.suppress(OSError):
                    self.wfile.write(bytes([byte]))
                self.server_state.wait(fault.drip)
        else:
            with contextlib.suppress(OSError):
                self.wfile.write(content)

    def _fail(self, fault: Fault) -> bool:
        """Plays a fault; False when the real answer should still be sent (hang, cut and drip do that)."""
        if fault.hang:
            self.server_state.wait(fault.hang)
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return True
        if fault.redirect:
            fault.headers["Location"] = fault.redirect
        if not fault.status and fault.body is None and not fault.redirect:
            return False
        content = fault.body if fault.body is not None else _status(fault.status)
        self.send_response(fault.status or (302 if fault.redirect else 200))
        self.send_header("Content-Type", fault.type)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return True


def _review(state: ApiServer, path: str, document: dict[str, Any]) -> dict[str, Any]:
    kind = path.rpartition("/")[2]
    if not state.allow_reviews:
        raise NotServed(403, "Forbidden", f"{kind} is forbidden")
    if kind == "selfsubjectreviews":
        if state.old:
            raise NotServed(404, "NotFound", "the server could not find the requested resource")
        return {**document, "status": {"userInfo": {"username": state.user, "groups": state.groups}}}
    if kind == "selfsubjectrulesreviews":
        if not document.get("spec", {}).get("namespace"):
            raise NotServed(400, "BadRequest", "no namespace on request")
        return {**document, "status": _rules(state)}
    if kind == "selfsubjectaccessreviews":
        asked = document["spec"]["resourceAttributes"]
        resource = asked["resource"] + (f"/{asked['subresource']}" if asked.get("subresource") else "")
        named = f"{resource}.{asked['group']}" if asked.get("group") else resource
        return {**document, "status": {"allowed": f"{asked['verb']} {named}" not in state.deny}}
    raise NotServed(404, "NotFound", "the server could not find the requested resource")


def _rules(state: ApiServer) -> dict[str, Any]:
    """Everything but what is denied: one rule per verb and group, naming what remains."""
    if state.rules_incomplete:
        return {
            "resourceRules": [],
            "incomplete": True,
            "evaluationError": "webhook authorizer does not list rules",
        }
    rules = []
    for verb in ("get", "list"):
        groups: dict[str, list[str]] = {}
        for resource, group in KNOWN_RESOURCES:
            named = f"{resource}.{group}" if group else resource
            if f"{verb} {named}" not in state.deny:
                groups.setdefault(group, []).append(resource)
        rules += [{"verbs": [verb], "apiGroups": [one], "resources": some} for one, some in groups.items()]
    return {"resourceRules": rules, "nonResourceRules": [], "incomplete": False}


KNOWN_RESOURCES = [
    *((name, "") for name in (
        "pods", "pods/log", "services", "endpoints", "nodes", "events", "namespaces", "configmaps", "secrets",
        "replicationcontrollers", "serviceaccounts", "persistentvolumes", "persistentvolumeclaims",
        "resourcequotas", "limitranges",
    )),
    *((name, "apps") for name in ("deployments", "replicasets", "statefulsets", "daemonsets")),
    ("controllerrevisions", "apps"),
    *((name, "batch") for name in ("jobs", "cronjobs")),
    ("horizontalpodautoscalers", "autoscaling"), ("poddisruptionbudgets", "policy"),
    ("endpointslices", "discovery.k8s.io"), ("networkpolicies", "networking.k8s.io"),
    ("ingresses", "networking.k8s.io"), ("storageclasses", "storage.k8s.io"), ("csinodes", "storage.k8s.io"),
    ("volumeattachments", "storage.k8s.io"), ("leases", "coordination.k8s.io"),
    ("priorityclasses", "scheduling.k8s.io"), ("apiservices", "apiregistration.k8s.io"),
    ("validatingwebhookconfigurations", "admissionregistration.k8s.io"),
    ("mutatingwebhookconfigurations", "admissionregistration.k8s.io"), ("resourceclaims", "resource.k8s.io"),
]  # fmt: skip


def _status(code: int) -> bytes:
    return NotServed(code, "", {429: "Too many requests, please try again later."}.get(code, "")).body()


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def main() -> None:
    """Serves a folder until interrupted, and prints its address."""
    server = ApiServer(CaseFiles(Path(sys.argv[1])), {}, [])
    print(server.url, flush=True)
    server.start()
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
