"""The same namespace over loopback HTTP: a live run against just downloading and parsing the same lists.

The server runs in a process of its own and serves both sides. Run by `make bench`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.big_namespace import write_case
from benchmarks.table import Row, limit_row, ratio_row

ROOT = Path(__file__).resolve().parent.parent
RATIO = 1.5
MEMORY = 400
PODS = 5000

_FLOOR = """
import sys, time, json, urllib3, orjson
url, paths = sys.argv[1], json.loads(sys.argv[2])
pool = urllib3.PoolManager(maxsize=8)
started = time.perf_counter()
for path in paths:
    token = ""
    while True:
        fields = {"limit": "500"} | ({"continue": token} if token else {})
        body = pool.request("GET", f"{url}/{path}", fields=fields, headers={"accept-encoding": "gzip"}).data
        token = orjson.loads(body)["metadata"].get("continue", "")
        if not token:
            break
print(json.dumps({"seconds": time.perf_counter() - started}))
"""

_OURS = """
import sys, time, json
from kuberunbooks import notebook, guides
import kuberunbooks.cluster.live, kuberunbooks.cluster.rights
from kuberunbooks.findings import entries; entries("en"); guides.guide("pods")
started = time.perf_counter()
session = notebook.open("pods", namespace="big")
assert session.start.failure is None, session.start.failure
for name in session.step_names:
    getattr(session, name)()
session.summary()
seconds = time.perf_counter() - started
# Not ru_maxrss: that counts what the process it was forked from held.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({"seconds": seconds,
                  "MB": peak / 1024}))
"""

_PATHS = [
    "api/v1/namespaces/big/pods",
    "api/v1/namespaces/big/events",
    "apis/apps/v1/namespaces/big/replicasets",
    "apis/apps/v1/namespaces/big/deployments",
    "api/v1/namespaces/big/services",
    "apis/discovery.k8s.io/v1/namespaces/big/endpointslices",
    "api/v1/nodes",
]


def _best(code: str, *arguments: str, env: dict[str, str] | None = None) -> dict[str, float]:
    command = [sys.executable, "-c", code, *arguments]
    found = [
        json.loads(subprocess.run(command, check=True, capture_output=True, env=env, cwd=ROOT).stdout)
        for _ in range(3)
    ]
    return min(found, key=lambda one: one["seconds"])


def measure() -> list[Row]:
    """Time and memory of a live run of all steps, against the download alone."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_case(Path(scratch) / "case", PODS)
        config = Path(scratch) / "config"
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.api_server", str(folder)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            config.write_text(
                json.dumps(
                    {
                        "apiVersion": "v1",
                        "kind": "Config",
                        "current-context": "bench",
                        "clusters": [{"name": "bench", "cluster": {"server": url}}],
                        "users": [{"name": "bench", "user": {}}],
                        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
                    }
                )
            )
            floor = _best(_FLOOR, url, json.dumps(_PATHS))
            ours = _best(_OURS, env={"KUBECONFIG": str(config), "PATH": "/usr/bin:/bin"})
        finally:
            server.kill()
    name = f"{PODS:,} pods over HTTP, 1 in 100 crash-looping"
    return [
        ratio_row(name, ours["seconds"], floor["seconds"], "downloading and parsing", RATIO),
        limit_row(f"{name}: peak memory", ours["MB"], MEMORY, "MB"),
    ]
