"""A Prometheus for tests: Debian's own binary on made series, or a small server that gives made answers.

    with real_prometheus(tmp_path, series, alerts=["AppDown"], down=["127.0.0.1:9"]) as url: ...
    with answering({"api/v1/alerts": {...}}) as server: server.url; server.asked

The series are made, not recorded: names and labels as cAdvisor, kube-state-metrics and node-exporter
give them. They are written as a block of the real store, so that what comes back is the real
server's own JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.support.made_cases import NOW, ended, owner, pod, running

SECONDS = 60.0
"""How long the real server may take to start and to scrape once."""

UNPACKED = Path(__file__).parents[2] / ".venv" / "debian" / "usr" / "bin"
"""Where `make test` puts the real server; it is not installed, for then Debian would start it."""


class MadeSeries(NamedTuple):
    """A metric with labels; `value` gives its value so many seconds before NOW."""

    name: str
    labels: dict[str, str]
    value: Callable[[float], float]
    since: float = 7200.0
    until: float = 0.0
    step: float = 30.0


def container(pod: str, name: str = "app", namespace: str = "shop", **more: str) -> dict[str, str]:
    """The labels of a container's series by cAdvisor, as kube-prometheus scrapes it."""
    return {"namespace": namespace, "pod": pod, "container": name, "job": "kubelet", "node": "n1", **more}


def openmetrics(series: Iterable[MadeSeries]) -> str:
    """The series as text that promtool reads."""
    by_name: dict[str, list[MadeSeries]] = {}
    for one in series:
        by_name.setdefault(one.name, []).append(one)
    lines = []
    for name, members in by_name.items():
        counter = name.endswith("_total")
        lines.append(f"# TYPE {name.removesuffix('_total')} {'counter' if counter else 'gauge'}")
        for one in members:
            labels = ",".join(f"{key}={json.dumps(value)}" for key, value in one.labels.items())
            before = one.since
            while before >= one.until:
                at = NOW.timestamp() - before
                lines.append(f"{name}{{{labels}}} {one.value(before)} {at:.3f}")
                before -= one.step
    return "\n".join([*lines, "# EOF", ""])


def has_prometheus() -> bool:
    """Whether the real one is installed (Debian: prometheus)."""
    return bool(_program("prometheus") and _program("promtool"))


def _program(name: str) -> str:
    """Where it is: what `make test` unpacked, or what the machine has; empty without it."""
    return shutil.which(name, path=f"{UNPACKED}{os.pathsep}{os.environ.get('PATH', '')}") or ""


@contextlib.contextmanager
def real_prometheus(
    folder: Path,
    series: Sequence[MadeSeries] = (),
    *,
    alerts: Sequence[Mapping[str, Any]] = (),
    down: Sequence[Mapping[str, str]] = (),
    prefix: str = "",
) -> Iterator[str]:
    """A running Prometheus that holds the series; gives its address.

    `alerts` are rules (alert, labels, annotations) that fire at once, `down` labels of a target
    that nothing answers for, `prefix` where it serves (`/prometheus`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "store"
    store.mkdir()
    if series:
        text = folder / "made.om"
        text.write_text(openmetrics(series), encoding="utf-8")
        subprocess.run(
            [_program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(text), str(store)],
            check=True,
            capture_output=True,
        )
    port = _free_port()
    rules = [{"expr": "vector(1)", **one} for one in alerts]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "made", "rules": rules}]}))
    silent = f"127.0.0.1:{_free_port()}"
    scrapes = [
        {
            "job_name": "self",
            "metrics_path": f"{prefix}/metrics",
            "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
        }
    ]
    scrapes += [
        {"job_name": f"down-{index}", "static_configs": [{"targets": [silent], "labels": dict(labels)}]}
        for index, labels in enumerate(down)
    ]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": scrapes,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    process = subprocess.Popen(
        [
            _program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={store}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.route-prefix={prefix or '/'}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "prometheus.log").open("w"),
    )
    url = f"http://127.0.0.1:{port}{prefix}"
    try:
        _wait(url, len(scrapes), bool(alerts), process, folder)
        yield url
    finally:
        process.terminate()
        process.wait(SECONDS)


def _wait(url: str, targets: int, alerting: bool, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Until it has scraped itself and tried the other targets, and its rules have fired."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            scraped = _json(f"{url}/api/v1/query?query=up")["data"]["result"]
            fired = _json(f"{url}/api/v1/alerts")["data"]["alerts"]
            works = any(one["value"][1] == "1" for one in scraped)
            if works and len(scraped) == targets and (fired or not alerting):
                return
        time.sleep(0.2)
    raise AssertionError((folder / "prometheus.log").read_text()[-2000:])


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Answering:
    """A small HTTP server that gives what was made for it; `asked` holds (path, query, headers)."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        handler = type("Handler", (_Handler,), {"state": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def questions(self) -> list[str]:
        """The PromQL expressions it was asked."""
        return [query["query"] for _, query, _ in self.asked if "query" in query]


@contextlib.contextmanager
def answering(answers: Mapping[str, Any]) -> Iterator[Answering]:
    """Serves answers by path: bytes, JSON values, (status, body), or a function of the query giving one."""
    server = Answering(answers)
    thread = threading.Thread(target=server.http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: Answering
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = parts.path.strip("/")
        self.state.asked.append((path, query, {key.lower(): value for key, value in self.headers.items()}))
        found = self.state.answers.get(path, (404, b"404 page not found\n"))
        if callable(found):
            found = found(query)
        status, body = found if isinstance(found, tuple) else (200, found)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Location": body.decode()} if 300 <= status < 400 and isinstance(body, bytes) else {}
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def success(data: Any) -> dict[str, Any]:
    """An answer of Prometheus' API."""
    return {"status": "success", "data": data}


def vector(*results: tuple[dict[str, str], str]) -> dict[str, Any]:
    """The answer to an instant query: (labels, value as text)."""
    at = NOW.timestamp()
    return success(
        {
            "resultType": "vector",
            "result": [{"metric": labels, "value": [at, value]} for labels, value in results],
        }
    )


def matrix(*results: tuple[dict[str, str], Sequence[tuple[float, str]]]) -> dict[str, Any]:
    """The answer to a range query: (labels, [(seconds before NOW, value as text), …])."""
    now = NOW.timestamp()
    return success(
        {
            "resultType": "matrix",
            "result": [
                {"metric": labels, "values": [[now - before, value] for before, value in points]}
                for labels, points in results
            ],
        }
    )


def prometheus_pod(
    name: str = "prometheus-k8s-0", *, image: str = "quay.io/prometheus/prometheus:v2.42.0", **more: Any
) -> dict[str, Any]:
    """A pod as the Prometheus operator makes it; `more` as `made_cases.pod` takes it."""
    labels = {"app.kubernetes.io/name": "prometheus", "prometheus": "k8s"}
    made = pod(
        name, "monitoring", labels=labels, ownerReferences=owner("StatefulSet", "prometheus-k8s"), **more
    )
    made["spec"]["containers"] = [
        {"name": "prometheus", "image": image, "args": ["--web.route-prefix=/"]},
        {
            "name": "config-reloader",
            "image": "quay.io/prometheus-operator/prometheus-config-reloader:v0.63.0",
        },
    ]
    return made


def service(
    name: str = "prometheus-k8s",
    *,
    ports: Sequence[Mapping[str, Any]] = (
        {"name": "web", "port": 9090},
        {"name": "reloader-web", "port": 8080},
    ),
    selector: Mapping[str, str] | None = None,
    namespace: str = "monitoring",
) -> dict[str, Any]:
    """A Service that leads to it, as kube-prometheus makes it."""
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}"},
        "spec": {
            "clusterIP": "10.96.0.9",
            "selector": dict(selector or {"app.kubernetes.io/name": "prometheus"}),
            "ports": [dict(one) for one in ports],
        },
    }


def web_pods(*names: str, killed: float | None = None, memory: str = "256Mi") -> list[dict[str, Any]]:
    """Deployment shop/web with these pods; the first was killed for memory so many seconds ago."""
    hash_, labels = "5d4f7c9b8d", {"app": "web"}
    meta = {"namespace": "shop", "labels": labels}
    spec = {"replicas": len(names), "selector": {"matchLabels": labels}}
    spec["template"] = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app"}]}}
    made: list[dict[str, Any]] = [
        {
            "kind": kind,
            "apiVersion": "apps/v1",
            "metadata": {**meta, "name": name, "uid": f"uid-{name}", "ownerReferences": owners},
            "spec": spec,
            "status": {"replicas": len(names), "readyReplicas": len(names)},
        }
        for kind, name, owners in (
            ("Deployment", "web", []),
            ("ReplicaSet", f"web-{hash_}", owner("Deployment", "web")),
        )
    ]
    for index, name in enumerate(names):
        last = ended(137, "OOMKilled", at=killed) if killed is not None and not index else None
        one = pod(
            name,
            labels={**labels, "pod-template-hash": hash_},
            ownerReferences=owner("ReplicaSet", f"web-{hash_}"),
            containers=[running(restarts=1 if last else 0, last=last)],
        )
        one["spec"]["containers"][0]["resources"] = {"limits": {"memory": memory, "cpu": "250m"}}
        made.append(one)
    return made
