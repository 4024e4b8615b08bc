"""A namespace with one pod, and an API server for it in whose containers commands really run."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.acting.exec import Command, Limits, Output, execute
from kuberunbooks.cluster.live import LiveSource
from tests.support.api_server import ApiServer, serve_case
from tests.support.exec_server import local_process
from tests.support.live import open_live


@pytest.fixture
def shop(incident: Callable[[str], Path]) -> Callable[..., AbstractContextManager[ApiServer]]:
    """`shop(tls=True)`: the crashloop incident behind an API server that runs commands."""

    def serve(**options: Any) -> AbstractContextManager[ApiServer]:
        return serve_case(incident("crashloop"), **{"run": local_process, **options})

    return serve


class Container:
    """A container of a served pod, and commands run in it."""

    def __init__(self, live: LiveSource, server: ApiServer) -> None:
        pod = server.files.answer("api/v1/namespaces/crashloop/pods", {}, 1000)

        first = json.loads(pod[0])["items"][0]
        self.live = live
        self.pod: str = first["metadata"]["name"]
        self.name: str = first["spec"]["containers"][0]["name"]

    def run(self, *argv: str, stdin: bytes | None = None, **limits: Any) -> Output:
        """A command, by default with ten seconds."""
        wanted = Limits(**{"command": 10.0, **limits})
        return execute(self.live.credentials, Command("crashloop", self.pod, self.name, argv, stdin), wanted)


@pytest.fixture
def container(tmp_path: Path) -> Callable[..., Container]:
    """`container(server)`: the first one of the served namespace."""

    def make(api: ApiServer, **kubeconfig: Any) -> Container:
        return Container(open_live(api, tmp_path, **kubeconfig), api)

    return make


class _Proxy(socketserver.StreamRequestHandler):
    """Opens tunnels (CONNECT) for whoever sends a password, and notes what for."""

    asked: list[str] = []

    def handle(self) -> None:
        first = self.rfile.readline().decode()
        headers = list(iter(self.rfile.readline, b"\r\n"))
        self.asked.append(first)
        if not any(b"proxy-authorization" in line.lower() for line in headers):
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = first.split()[1].rpartition(":")
        with socket.create_connection((host, int(port))) as beyond:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=_copy, args=(beyond, self.connection), daemon=True).start()
            _copy(self.connection, beyond)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Proxy:
    """A running proxy: its host and port, and what it was asked for."""

    def __init__(self, port: int) -> None:
        self.place = f"127.0.0.1:{port}"

    @property
    def asked(self) -> list[str]:
        """The tunnels, `host:port` each."""
        return [one.split()[1] for one in _Proxy.asked]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """An HTTP proxy that wants a password."""
    _Proxy.asked = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Proxy) as running:
        running.daemon_threads = True
        running.block_on_close = False
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield Proxy(running.server_address[1])
        running.shutdown()
