"""Running one command in a container, over a websocket, and whatever can come of that.

The channels are those of kubelet and API server (apimachinery, pkg/util/remotecommand): 0 standard input,
1 standard output, 2 standard error, 3 a Status with the exit code; v5 adds 255, which ends a stream. An
API server before 1.30 speaks v4 only, where standard input cannot be ended: a command that reads to the
end of it then runs into its deadline.

A command that did not end, printed too much or lost its connection is no error: its output up to there is
handed back, marked `partial`. It may go on running in the container, for nothing over this protocol ends it.
There is no terminal, so nothing is merged, coloured or echoed. Called by actor.py.
"""

from __future__ import annotations

import codecs
import time
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from websockets.http11 import Response

from kuberunbooks import __version__
from kuberunbooks.cluster.connection_errors import connection_error
from kuberunbooks.cluster.credentials import Credentials
from kuberunbooks.cluster.http_errors import is_web_page, refusal
from kuberunbooks.cluster.transport import encoded
from kuberunbooks.errors import BadAnswer, Forbidden, TimedOut, Unauthorized, Unreachable
from kuberunbooks.objects import NOT_JSON

from .dial import dial
from .websocket import Broken, Websocket

_V5 = "v5.channel.k8s.io"
PROTOCOLS = (_V5, "v4.channel.k8s.io")

_STDIN, _STDOUT, _STDERR, _ERROR, _CLOSE = 0, 1, 2, 3, 255
_PIECE = 32 * 1024
_LONGEST_STATUS = 64 * 1024
_GRACE = 2.0
"""Seconds for output that is still on its way when the exit code has come."""

ADVICE = "Bind the role of deploy/rbac/runbook-prober.yaml in this namespace, or run as somebody who has it."


class Limits(NamedTuple):
    """Seconds: to connect (TLS and proxy included), to be granted the upgrade, for the command itself.

    `most_bytes` is how much of both streams together is taken.
    """

    connect: float = 10.0
    upgrade: float = 15.0
    command: float = 30.0
    most_bytes: int = 1 << 20


class Command(NamedTuple):
    """What to run and where."""

    namespace: str
    pod: str
    container: str
    argv: tuple[str, ...]
    stdin: bytes | None = None


class Output(NamedTuple):
    """What came of a command. `exit_code` None: nobody said. `why` is a clause, when it is `partial`."""

    stdout: bytes
    stderr: bytes
    exit_code: int | None
    partial: bool = False
    why: str = ""


class _Cause(msgspec.Struct):
    reason: str = ""
    message: str = ""


class _Details(msgspec.Struct):
    causes: list[_Cause] | None = None


class _Status(msgspec.Struct):
    status: str = ""
    reason: str = ""
    message: str = ""
    details: _Details | None = None


class _Ended(NamedTuple):
    """What the error channel says: the exit code, and why the command could not be run at all."""

    exit_code: int
    error: str = ""


def execute(credentials: Credentials, command: Command, limits: Limits) -> Output:
    """Runs a command to its end or to its limits.

    Raises ClusterErrors when it could not begin: no connection, or the server's refusal in its words.
    A command that the runtime could not start (no such file in the image) ends as with kubectl: exit
    code 1, and the reason on standard error.
    """
    path = f"api/v1/namespaces/{command.namespace}/pods/{command.pod}/exec"
    sock = dial(credentials, limits.connect, path)
    websocket = Websocket(sock, _uri(credentials, path, command), PROTOCOLS)
    try:
        _upgrade(websocket, credentials, path, limits.upgrade)
        return _Run(websocket, command, limits).output()
    finally:
        websocket.close()


def _uri(credentials: Credentials, path: str, command: Command) -> str:
    query = [("container", command.container), *(("command", one) for one in command.argv)]
    query += [("stdin", "true")] if command.stdin is not None else []
    query += [("stdout", "true"), ("stderr", "true")]
    return f"ws{credentials.url.removeprefix('http')}/{encoded(path, query)}"


def _upgrade(websocket: Websocket, credentials: Credentials, path: str, seconds: float) -> None:
    server = credentials.server
    headers = [*credentials.headers().items(), ("User-Agent", f"kuberunbooks/{__version__}")]
    try:
        answer = websocket.upgrade(headers, time.monotonic() + seconds)
    except TimeoutError:
        raise TimedOut(f"The API server {server} did not answer {path} within {seconds:g} s.") from None
    except Broken as error:
        raise Unreachable(f"The API server {server} gave no answer to {path}: {error}.") from error
    except OSError as error:
        raise connection_error(error, server, proxy=credentials.proxy, path=path, waited=seconds) from error
    if answer is not None:
        raise _refused(answer, credentials, path)
    if websocket.protocol not in PROTOCOLS:
        raise BadAnswer(f"{server} runs commands by another protocol than {' or '.join(PROTOCOLS)}.")


def _refused(answer: Response, credentials: Credentials, path: str) -> Exception:
    status, body, server = answer.status_code, bytes(answer.body or b""), credentials.server
    if 300 <= status < 400:
        elsewhere = urlsplit(answer.headers.get("Location", "")).hostname or "another page"
        return BadAnswer(f"{server} redirects to {elsewhere} instead of answering {path}.")
    if is_web_page(body) and (status < 400 or status in (403, 404)):
        return BadAnswer(f"{server} answers {path} with a web page, not as an API server.")
    if status == 101:
        return BadAnswer(f"{server} runs commands by another protocol than {' or '.join(PROTOCOLS)}.")
    if status < 400:
        return BadAnswer(
            f"{server} answers {path} without the upgrade to a websocket ({status}).",
            advice="A proxy on the way may not let websockets through; see `kubectl exec -v=6`.",
        )
    error = refusal(status, body, path)
    if isinstance(error, Unauthorized):
        context = credentials.context
        sentence = f"The API server {server} does not accept the credentials of context {context!r} (401)."
        return Unauthorized(sentence, path=path, status=401)
    if isinstance(error, Forbidden):
        error.advice = ADVICE
    return error


class _Run:
    """One command that has begun."""

    def __init__(self, websocket: Websocket, command: Command, limits: Limits) -> None:
        self._websocket = websocket
        self._limits = limits
        self._stdin = memoryview(command.stdin or b"")
        self._feeding = command.stdin is not None
        self._streams = {_STDOUT: bytearray(), _STDERR: bytearray(), _ERROR: bytearray()}
        self._room = limits.most_bytes
        self._deadline = time.monotonic() + limits.command

    def output(self) -> Output:
        """Reads until the command ended, or a limit was met."""
        ended: _Ended | None = None
        why = "the connection ended before the command did"
        try:
            while self._websocket.open:
                self._feed()
                for message in self._websocket.messages(self._deadline):
                    self._take(message)
                if self._room < 0:
                    why = f"its output was cut off after {self._limits.most_bytes} bytes"
                    break
                if ended is None and (ended := self._ended()) is not None:
                    self._deadline = min(self._deadline, time.monotonic() + _GRACE)
        except TimeoutError:
            why = f"it did not end within {self._limits.command:g} s and may still run in the container"
        except OSError:
            pass
        return self._result(ended or self._ended(), why)

    def _result(self, ended: _Ended | None, why: str) -> Output:
        stdout, stderr = bytes(self._streams[_STDOUT]), bytes(self._streams[_STDERR])
        if ended is None or self._room < 0:
            return Output(stdout, stderr, ended.exit_code if ended else None, partial=True, why=why)
        if ended.error:
            stderr += f"error: {ended.error}\n".encode()
        return Output(stdout, stderr, ended.exit_code)

    def _feed(self) -> None:
        """The next piece of standard input once the one before has left, then its end where v5 can say it."""
        if not self._feeding or self._websocket.sending:
            return
        if self._stdin:
            self._websocket.send(bytes([_STDIN]) + self._stdin[:_PIECE])
            self._stdin = self._stdin[_PIECE:]
            return
        self._feeding = False
        if self._websocket.protocol == _V5:
            self._websocket.send(bytes([_CLOSE, _STDIN]))

    def _take(self, message: bytes) -> None:
        if not message:
            return
        channel, data = message[0], message[1:]
        if channel in (_STDOUT, _STDERR):
            self._streams[channel] += data[: max(self._room, 0)]
            self._room -= len(data)
        elif channel == _ERROR and len(self._streams[_ERROR]) < _LONGEST_STATUS:
            self._streams[_ERROR] += data

    def _ended(self) -> _Ended | None:
        """What the error channel says by now; None while that is nothing, or not yet whole."""
        try:
            status = msgspec.json.decode(bytes(self._streams[_ERROR]), type=_Status)
        except NOT_JSON:
            return None
        if status.status == "Success":
            return _Ended(0)
        causes = (status.details.causes if status.details else None) or []
        code = next((one.message for one in causes if one.reason == "ExitCode"), "")
        if status.reason == "NonZeroExitCode" and code.isdecimal():
            return _Ended(int(code))
        return _Ended(1, status.message or status.reason or "the command could not be run")


def text(data: bytes, *, partial: bool) -> str:
    """Output as text: bytes that are no UTF-8 become U+FFFD, a character that was cut in two is left out."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(data, final=not partial)
