"""What a container said when it ended: its message, where that came from, and what was cut off.

Sources: pkg/kubelet/kuberuntime (getTerminationMessage, readLastStringFromContainerLogs) and
pkg/kubelet/status (normalizeStatus). The kubelet takes the tail of the file at
terminationMessagePath; when that is empty, the policy FallbackToLogsOnError lets it take the
tail of the log of a run that failed; then every container's share of the pod's 12 KiB is cut
off at the end. What is not the application's own (the runtime's, the kubelet's) is told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from kuberunbooks.cluster import Cluster, Log
from kuberunbooks.objects import Pod

from ..pods.container_logs import LogReader, Quote, quote_end, quote_log
from ..pods.target import Pods
from ..rules.error_lines import normalised
from ..rules.log_reading import Reading
from ..rules.thresholds import (
    TERMINATION_CUT_SLACK,
    TERMINATION_LOG_BYTES,
    TERMINATION_LOG_LINES,
    TERMINATION_MESSAGE_BYTES,
    TERMINATION_POD_BYTES,
)
from .ends import ContainerEnd

Author = Literal["application", "runtime", "kubelet", "unreadable", "nobody"]
"""Whose words a message is; `unreadable`: the kubelet says that it could not read the message."""
Source = Literal["file", "log", "file or log", ""]
FALLBACK = "FallbackToLogsOnError"

_UNREADABLE = ("Error on reading termination log", "Error on reading termination message from logs")
_DISORDER = 5
"""Lines by which the order of stdout and stderr may differ between the kubelet's reading and ours."""
_CLOCKS = 2.0
"""Seconds; finishedAt is cut to seconds, and a log's last line may be written while the process goes."""


@dataclass
class Said:
    """What a container said at its newest end.

    `source` is empty when there is no message of the application. `size` and `limit`
    are bytes of UTF-8. `cut` is the part that is missing; `cut_sure`: the log proves it,
    else only the length suggests it. `lost` is the error in the log that was cut off.
    `log_state` is that of the log when it was asked for, else empty.
    """

    author: Author
    source: Source
    size: int
    limit: int
    quote: Quote
    cut: Literal["", "start", "end"] = ""
    cut_sure: bool = False
    lost: str = ""
    log_state: str = ""
    reading: Reading | None = None


def share_of(pod: Pod) -> tuple[int, int]:
    """How many bytes of message each container of a pod may keep, and how many containers share them."""
    spec = pod.spec
    sharing = len(spec.containers) + len(spec.init_containers) + len(spec.ephemeral_containers)
    return min(TERMINATION_MESSAGE_BYTES, TERMINATION_POD_BYTES // max(1, sharing)), sharing


class Listener:
    """Works out what containers said, each kind of end once, with as few logs as that takes.

    A log is read when the message may have come from it, or when a container failed without
    a message: then whether its log holds anything decides what to advise.
    """

    def __init__(self, target: Pods, cluster: Cluster) -> None:
        self._reader = LogReader(cluster, single=target.single)
        self._known: dict[Hashable, Said] = {}

    def said(self, one: ContainerEnd) -> Said:
        """What the container said; for ends that are alike in one workload, what the first of them said."""
        end = one.end
        # A failure that counts is not alike to one that is over: of that the log is not read.
        key = (*one.case.like, one.failure is None, end.exit_code, end.reason, normalised(end.message))
        if key not in self._known:
            self._known[key] = self._listen(one)
        return self._known[key]

    def _listen(self, one: ContainerEnd) -> Said:
        author = author_of(one)
        limit, _ = share_of(one.case.pod)
        size = len(one.end.message.encode(errors="replace"))
        falls_back = one.spec.termination_message_policy == FALLBACK and one.end.exit_code != 0
        wants_log = one.failure is not None and not one.never_ran
        wants_log = wants_log and (author == "nobody" or (author == "application" and falls_back))
        like = (*one.case.like, one.end.exit_code, one.end.reason)
        reading = self._reader.last_end(one.case.pod, one.case.view, like) if wants_log else None
        log = reading.log if reading is not None else None
        state = log.state if log is not None else ""
        if author != "application":
            quote = quote_log(reading) if author == "nobody" else Quote()
            return Said(author, "", size, limit, quote, log_state=state, reading=reading)
        path = f"{one.case.view.path}.{one.path}"
        source: Source = _source(one, log, limit) if falls_back else "file"
        # Of words the application chose the first line counts, of a log's tail an error further up.
        policy = FALLBACK if source != "file" else ""
        quote = quote_end(one.end, path, one.case.pod, policy, reading if policy else None)
        said = Said(author, source, size, limit, quote, log_state=state, reading=reading)
        _note_cut(said, one.end.message, log)
        return said


def listener(target: Pods, cluster: Cluster) -> Listener:
    """The listener of this run."""
    if "listener" not in target.memo:
        target.memo["listener"] = Listener(target, cluster)
    found: Listener = target.memo["listener"]
    return found


def author_of(one: ContainerEnd) -> Author:
    """Whose words the message of an end is."""
    message = one.end.message
    if not message.strip():
        return "nobody"
    if one.never_ran:
        return "runtime"
    if one.end.reason == "ContainerStatusUnknown":
        return "kubelet"
    return "unreadable" if message.startswith(_UNREADABLE) else "application"


def is_tail(message: str, texts: Sequence[str], limit: int) -> bool:
    """Whether a message is what the kubelet takes of a log with these lines.

    Lines of stdout and stderr may have been stored a little out of order: then it is enough
    that they are the same lines. The first and the last may be parts of a line.
    """
    window = texts[-TERMINATION_LOG_LINES:]
    tail = ("\n".join(window) + "\n").encode(errors="replace")[-TERMINATION_LOG_BYTES:][:limit]
    taken = tail.decode(errors="ignore")
    if taken.strip() == message.strip():
        return True
    said, expected = message.strip("\n").split("\n"), taken.strip("\n").split("\n")
    if abs(len(said) - len(expected)) > 1:
        return False
    if len(said) < 3:
        return sorted(said) == sorted(expected)
    nearby = Counter(texts[-TERMINATION_LOG_LINES - _DISORDER :])
    return not Counter(said[1:-1]) - nearby


def _source(one: ContainerEnd, log: Log | None, limit: int) -> Source:
    """From the log when it equals the log's tail, from the file when not; open when the log is not known."""
    if log is not None and log.state == "empty":
        return "file"
    if log is None or not log.available or _is_of_a_later_run(one, log):
        return "file or log"
    return "log" if is_tail(one.end.message, [line.text for line in log.lines], limit) else "file"


def _is_of_a_later_run(one: ContainerEnd, log: Log) -> bool:
    """The container was started again between our reading of its status and of its log."""
    last, finished = log.lines[-1].at, one.end.finished_at
    return last is not None and finished is not None and (last - finished).total_seconds() > _CLOCKS


def _note_cut(said: Said, message: str, log: Log | None) -> None:
    """Whether a part is missing: of a file by the length alone, of a log by what the log has more."""
    full = said.size >= said.limit - TERMINATION_CUT_SLACK
    if said.source == "file":
        if full:
            # The kubelet keeps the end of the file; the pod's share then keeps the start of that.
            said.cut = "end" if said.limit < TERMINATION_MESSAGE_BYTES else "start"
        return
    if said.source == "log" and log is not None:
        texts = [line.text for line in log.lines]
        total = sum(len(text.encode(errors="replace")) + 1 for text in texts)
        if log.cut or len(texts) > TERMINATION_LOG_LINES or total > TERMINATION_LOG_BYTES:
            said.cut, said.cut_sure = "start", True
        elif full and total > said.size + TERMINATION_CUT_SLACK:
            said.cut, said.cut_sure = "end", True
        reading = said.reading
        if said.cut and reading is not None and reading.is_error and reading.quote not in message:
            said.lost = reading.quote
        return
    most = min(TERMINATION_LOG_BYTES, said.limit)
    if said.size >= most - TERMINATION_CUT_SLACK or len(message.splitlines()) >= TERMINATION_LOG_LINES:
        said.cut = "start"
