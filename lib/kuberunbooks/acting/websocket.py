"""One websocket to the API server, in one thread and never past its deadline.

The protocol is that of the `websockets` library (its part without input and output); here is only what
moves its bytes through a socket: sending and receiving take turns, so that a command which prints while
it is still being fed cannot stall, and every wait ends with the deadline, in the middle of a frame too.
Called by exec.py.
"""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from typing import cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

_CHUNK = 1 << 16
_BIGGEST_MESSAGE = 16 << 20
"""API servers pass on what the kubelet's pipes gave, some 32 KiB at a time."""

# What the library would log at DEBUG holds the Authorization header.
_SILENT = logging.Logger("kuberunbooks.websocket", logging.CRITICAL + 1)
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class Broken(Exception):
    """The connection ended, or what came over it is no websocket; the message is a clause."""


class Websocket:
    """A connection that was upgraded, or was refused: then `refused` is the server's answer."""

    def __init__(self, sock: socket.socket, uri: str, protocols: Sequence[str]) -> None:
        """`uri` is ws:// or wss://; the socket is connected, with TLS done. Sends nothing yet."""
        self._sock = sock
        self._sock.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)
        self._outgoing = bytearray()
        self._ended = False
        self._broken: OSError | None = None
        self._message = bytearray()
        self._early: list[Frame] = []
        self._protocol = ClientProtocol(
            parse_uri(uri),
            subprotocols=[Subprotocol(one) for one in protocols],
            max_size=_BIGGEST_MESSAGE,
            logger=_SILENT,
        )

    def upgrade(self, headers: Iterable[tuple[str, str]], deadline: float) -> Response | None:
        """Asks for the upgrade: None when it was granted, else the server's answer.

        `deadline` is by time.monotonic, here and below. Raises TimeoutError, Broken, OSError.
        """
        request = self._protocol.connect()
        for name, value in headers:
            request.headers[name] = value
        self._protocol.send_request(request)
        while True:
            events = self._turn(deadline)
            if events and isinstance(events[0], Response):
                # What the server sent together with its answer is the first of the messages.
                self._early = [event for event in events if isinstance(event, Frame)]
                return None if self._protocol.handshake_exc is None else events[0]
            if self._broken is not None:
                raise self._broken
            if self._ended:
                raise Broken("it closed the connection without an answer")
            if self._protocol.handshake_exc is not None:
                raise Broken("it does not answer as HTTP")

    @property
    def protocol(self) -> str:
        """The subprotocol the server chose; empty when it chose none."""
        return self._protocol.subprotocol or ""

    def send(self, message: bytes) -> None:
        """Puts a binary message in line; it leaves while `messages` is asked."""
        if self._protocol.state is not State.OPEN:
            return  # the other side has said goodbye already, and what it said is still to be read
        self._protocol.send_binary(message)
        self._line_up()

    @property
    def sending(self) -> bool:
        """Whether something is still in line."""
        return bool(self._outgoing)

    @property
    def open(self) -> bool:
        """Whether more may come."""
        return bool(self._early) or (not self._ended and self._protocol.state is State.OPEN)

    def messages(self, deadline: float) -> list[bytes]:
        """The messages that came next; none when the connection ended, or when what was in line has left.

        Raises TimeoutError.
        """
        before = len(self._outgoing)
        while self.open:
            frames, self._early = self._early, []
            frames = frames or [event for event in self._turn(deadline) if isinstance(event, Frame)]
            whole = [message for frame in frames if (message := self._assembled(frame)) is not None]
            if whole or (before and not self._outgoing):
                return whole
        return []

    def close(self) -> None:
        """Says goodbye if that takes no waiting, and closes the socket."""
        try:
            if self._protocol.state is State.OPEN and not self._outgoing:
                self._protocol.send_close(1000)
                self._sock.send(b"".join(self._protocol.data_to_send()))
        except OSError:
            pass
        finally:
            self._selector.close()
            self._sock.close()

    def _assembled(self, frame: Frame) -> bytes | None:
        """The message a frame completes."""
        if frame.opcode not in _DATA:
            return None
        self._message += frame.data
        if not frame.fin:
            return None
        message, self._message = bytes(self._message), bytearray()
        return message

    def _turn(self, deadline: float) -> list[Frame | Response]:
        """Sends and receives what can be, after waiting for it; the events that came of it."""
        self._line_up()
        self._wait(deadline)
        self._send_some()
        try:
            data = self._sock.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return []
        except OSError as error:
            # Reset, or ended without TLS's goodbye: what came before it counts.
            self._broken, data = error, b""
        if data:
            self._protocol.receive_data(data)
        elif not self._ended:
            self._ended = True
            self._protocol.receive_eof()
        return cast("list[Frame | Response]", self._protocol.events_received())

    def _line_up(self) -> None:
        for piece in self._protocol.data_to_send():
            self._outgoing += piece

    def _wait(self, deadline: float) -> None:
        """Until the socket is ready. Raises TimeoutError at the deadline."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)
        self._selector.modify(self._sock, wanted)
        if not self._selector.select(left):
            raise TimeoutError

    def _send_some(self) -> None:
        if not self._outgoing:
            return
        try:
            sent = self._sock.send(self._outgoing[:_CHUNK])
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            # The other side has gone; what it said before is still to be read.
            self._outgoing.clear()
            return
        del self._outgoing[:sent]
