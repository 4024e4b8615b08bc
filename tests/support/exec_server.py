"""The exec endpoint of a test API server: real websockets, and real local processes behind them.

    with serve_case(folder, run=local_process) as server: ...          # `sh -c ...` really runs
    with serve_case(folder, run=scripted({("cat", "/etc/hosts"): Said(b"127.0.0.1 x\n")})) as server: ...
    server.exec.protocols = [V4]                                       # an API server before 1.30

A websocket implementation (wsproto) that is not the one under test (websockets). What it does as API
server and kubelet do: the channels and their first empty frames, v5's close signal for standard input, the
exit code as a Status on channel 3, a command that is not there as InternalError without an exit code, a
close frame at the end. A test may interfere through `Misbehaviour`. Used by api_server.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import selectors
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, Request, TextMessage

V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
_CHUNK = 32 * 1024


@dataclass(frozen=True)
class Asked:
    """One exec request."""

    namespace: str
    pod: str
    container: str
    argv: tuple[str, ...]
    stdin: bool


@dataclass(frozen=True)
class Said:
    """What a scripted command prints; `missing` is the runtime's message when there is no such command."""

    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int = 0
    missing: str = ""


@dataclass
class Misbehaviour:
    """What goes wrong on the way; bytes are counted over both streams.

    `cut_after` breaks the connection, `no_status` ends it without an exit code, `fragment` sends each
    message in frames of so many bytes, `ping` sends pings in between, `drip` one byte a frame with pauses,
    `status` is sent in place of the real one, `early` lets output follow after the exit code,
    `as_text` sends text messages, `garbage` is sent as it is in place of everything.
    """

    cut_after: int | None = None
    no_status: bool = False
    fragment: int = 0
    ping: bool = False
    drip: float = 0.0
    status: bytes | None = None
    early: bool = False
    as_text: bool = False
    garbage: bytes = b""


Runner = Callable[[Asked], "subprocess.Popen[bytes] | Said"]


def local_process(asked: Asked) -> subprocess.Popen[bytes] | Said:
    """Runs the command here, as if this were the container."""
    try:
        return subprocess.Popen(
            list(asked.argv),
            stdin=subprocess.PIPE if asked.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return Said(missing=not_found(asked.argv[0], error.strerror or ""))


def scripted(said: Mapping[tuple[str, ...], Said]) -> Runner:
    """Commands answered from a table; any other is not in the image."""

    def run(asked: Asked) -> Said:
        return said.get(asked.argv) or Said(missing=not_found(asked.argv[0]))

    return run


def not_found(name: str, why: str = "executable file not found in $PATH") -> str:
    """The message of API server, kubelet and runc for a command that cannot be started (recorded, 1.36)."""
    return (
        "Internal error occurred: error executing command in container: failed to exec in container: "
        f'failed to start exec "0123abcd": OCI runtime exec failed: exec failed: unable to start container '
        f'process: exec: "{name}": {why}: unknown'
    )


@dataclass
class ExecServer:
    """What the upgraded connections of one API server share."""

    run: Runner
    protocols: list[str] = field(default_factory=lambda: [V5, V4])
    misbehaviour: Misbehaviour = field(default_factory=Misbehaviour)
    asked: list[Asked] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def serve(
        self, connection: socket.socket, target: str, headers: list[tuple[str, str]], asked: Asked
    ) -> None:
        """Takes over a connection whose request was read; returns when it has ended."""
        self.asked.append(asked)
        websocket = WSConnection(ConnectionType.SERVER)
        websocket.initiate_upgrade_connection(
            [(name.lower().encode(), value.encode()) for name, value in headers], target
        )
        offered: list[str] = []
        for event in websocket.events():
            if isinstance(event, Request):
                offered = event.subprotocols
        chosen = next((one for one in offered if one in self.protocols), None)
        connection.sendall(websocket.send(AcceptConnection(subprotocol=chosen)))
        _Conversation(self, connection, websocket, chosen or "").hold(asked)

    def stop(self) -> None:
        """Ends all processes."""
        self.stopping.set()
        for process in self.processes:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, 9)


class _Gone(Exception):
    """The client has left, or a misbehaviour ends it."""


class _Conversation:
    def __init__(
        self, server: ExecServer, connection: socket.socket, websocket: WSConnection, chosen: str
    ) -> None:
        self._server = server
        self._connection = connection
        self._websocket = websocket
        self._v5 = chosen == V5
        self._sent = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._input: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._message = b""

    def hold(self, asked: Asked) -> None:
        with contextlib.suppress(_Gone, OSError):
            if self._server.misbehaviour.garbage:
                self._connection.sendall(self._server.misbehaviour.garbage)
                self._server.stopping.wait(0.5)
                return
            for channel in (1, 2, 3):
                self._send(channel, b"")
            started = self._server.run(asked)
            if isinstance(started, Said):
                self._recite(started)
            else:
                self._process = started
                self._server.processes.append(started)
                threading.Thread(target=self._feed, args=(started,), daemon=True).start()
                self._pump(started)
            self._connection.sendall(self._websocket.send(CloseConnection(code=1000)))
            self._connection.settimeout(2)
            self._connection.recv(4096)
        if self._process is not None:
            self._input.put(None)
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, 9)
            self._process.wait()

    def _recite(self, said: Said) -> None:
        self._out(1, said.stdout)
        self._out(2, said.stderr)
        if said.missing:
            self._status(
                {"status": "Failure", "message": said.missing, "reason": "InternalError", "code": 500}
            )
        else:
            self._ended(said.exit_code)

    def _pump(self, process: subprocess.Popen[bytes]) -> None:
        selector = selectors.DefaultSelector()
        for channel, pipe in ((1, process.stdout), (2, process.stderr)):
            assert pipe is not None
            selector.register(pipe, selectors.EVENT_READ, channel)
        selector.register(self._connection, selectors.EVENT_READ, 0)
        left = 2
        while left and not self._server.stopping.is_set():
            ready = [key for key, _ in selector.select(0.1)]
            if isinstance(self._connection, ssl.SSLSocket) and self._connection.pending():
                self._receive()
            for key in ready:
                if key.data == 0:
                    self._receive()
                elif data := os.read(key.fd, _CHUNK):
                    self._out(key.data, data)
                else:
                    selector.unregister(key.fileobj)
                    left -= 1
        if self._server.misbehaviour.early:
            self._ended(process.wait())
            self._out(1, b"late\n")
            return
        self._ended(process.wait())

    def _receive(self) -> None:
        data = self._connection.recv(1 << 16)
        self._websocket.receive_data(data or None)
        for event in self._websocket.events():
            if isinstance(event, CloseConnection):
                raise _Gone
            if isinstance(event, Ping):
                self._connection.sendall(self._websocket.send(event.response()))
            if not isinstance(event, BytesMessage | TextMessage) or isinstance(event, Pong):
                continue
            self._message += bytes(event.data) if isinstance(event, BytesMessage) else event.data.encode()
            if event.message_finished:
                message, self._message = self._message, b""
                self._fed(message)
        if not data:
            raise _Gone

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        """Apart from the rest, as in a kubelet: a process that does not read must not stop its output."""
        while process.stdin is not None and (data := self._input.get()) is not None:
            with contextlib.suppress(OSError):
                process.stdin.write(data)
                process.stdin.flush()
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _fed(self, message: bytes) -> None:
        if message[:1] == b"\x00":
            self._input.put(message[1:])
        elif message == b"\xff\x00" and self._v5:
            self._input.put(None)

    def _out(self, channel: int, data: bytes) -> None:
        for start in range(0, len(data), _CHUNK):
            self._send(channel, data[start : start + _CHUNK])

    def _send(self, channel: int, data: bytes) -> None:
        how = self._server.misbehaviour
        if how.cut_after is not None and channel in (1, 2) and self._sent + len(data) > how.cut_after:
            left = data[: how.cut_after - self._sent]
            self._connection.sendall(self._frames(bytes([channel]) + left)[: len(left) + 4])
            self._connection.shutdown(socket.SHUT_RDWR)
            raise _Gone
        if channel in (1, 2):
            self._sent += len(data)
        frames = self._frames(bytes([channel]) + data)
        if how.drip:
            for byte in frames:
                self._connection.sendall(bytes([byte]))
                if self._server.stopping.wait(how.drip):
                    raise _Gone
            return
        self._connection.sendall(frames)

    def _frames(self, message: bytes) -> bytes:
        how = self._server.misbehaviour
        sent = self._websocket.send(Ping(b"still there?")) if how.ping else b""
        if how.as_text:
            return sent + self._websocket.send(TextMessage(message.decode("latin-1")))
        if not how.fragment:
            return sent + self._websocket.send(BytesMessage(message))
        for start in range(0, len(message), how.fragment):
            piece = message[start : start + how.fragment]
            last = start + how.fragment >= len(message)
            sent += self._websocket.send(BytesMessage(piece, message_finished=last))
            if how.ping and not last:
                sent += self._websocket.send(Ping(b"in between"))
        return sent

    def _ended(self, code: int) -> None:
        if code < 0:
            code = 128 - code  # as a runtime reports a signal
        if code == 0:
            self._status({"status": "Success"})
            return
        causes = {"causes": [{"reason": "ExitCode", "message": str(code)}]}
        self._status(
            {
                "status": "Failure",
                "reason": "NonZeroExitCode",
                "message": f"command terminated with non-zero exit code: exit code {code}",
                "details": causes,
            }
        )

    def _status(self, status: dict[str, Any]) -> None:
        how = self._server.misbehaviour
        if how.no_status:
            return
        self._send(
            3, how.status if how.status is not None else json.dumps({"metadata": {}, **status}).encode()
        )


def wait_until(done: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether it came to be in that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.02)
    return done()
