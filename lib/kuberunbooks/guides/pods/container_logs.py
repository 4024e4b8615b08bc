"""Which log to read for a container's last end, and how many logs a step may read at all.

Used by the crash, probe and init-container rules, which share the reader of their step.
"""

from __future__ import annotations

from collections.abc import Hashable

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import LogExcerpt, LogLine
from kuberunbooks.objects import ContainerView, Evidence, Pod, Terminated

from ..rules.error_lines import bounded, error_rank, message_of, quote_of
from ..rules.exit_codes import START_REASONS
from ..rules.log_reading import Reading, read_log

MOST_LOGS = 8
"""Logs a step reads over many pods: one worked example of each cause suffices."""
MOST_LOGS_ONE_POD = 2
"""Logs a step reads of one pod, so that a run over one pod stays within its dozen requests."""

NEVER_RAN = "There is no log: the process never ran, so it wrote nothing."
NOT_READ = "The log was not read: this step had already read as many logs as it may."


class Quote:
    """What a container said last: the line, where it stands (`termination message`, `log`), the evidence."""

    def __init__(self, text: str = "", source: str = "", evidence: Evidence | None = None) -> None:
        self.text = text
        self.source = source
        self.evidence = [evidence] if evidence is not None else []


class LogReader:
    """Reads the logs of ended or unready containers for one step, each once and not too many."""

    def __init__(self, cluster: Cluster, *, single: bool) -> None:
        self._cluster = cluster
        self._left = MOST_LOGS_ONE_POD if single else MOST_LOGS
        self._examples: set[Hashable] = set()

    def last_end(self, pod: Pod, view: ContainerView, like: Hashable) -> Reading | None:
        """The log of the run that ended last; None when a container like this one (`like`) was read already.

        A run that never began has none, and that is said without asking. Of a
        container that waits for its restart the current and the previous log are
        the same text; of one that runs again the previous one is the run that ended.
        """
        if like in self._examples:
            return None
        caption = _caption(pod, view)
        end = view.status.newest_end
        if end is None or end.reason not in START_REASONS:
            return self._read(pod, view, like, caption, previous=view.status.state.running is not None)
        self._examples.add(like)
        source = f"logs/{pod.namespace}/{pod.name}/{view.name}.log"
        return Reading(LogExcerpt(source=source, caption=caption, note=NEVER_RAN))

    def current(self, pod: Pod, view: ContainerView, like: Hashable) -> Reading | None:
        """The log of the run that goes on now; None when one like it was read already."""
        caption = f"Log of container {view.name} of pod {pod.name}, the current run"
        return self._read(pod, view, like, caption, previous=False)

    def _read(
        self, pod: Pod, view: ContainerView, like: Hashable, caption: str, *, previous: bool
    ) -> Reading | None:
        if like in self._examples:
            return None
        self._examples.add(like)
        if self._left <= 0:
            suffix = ".previous.log" if previous else ".log"
            source = f"logs/{pod.namespace}/{pod.name}/{view.name}{suffix}"
            return Reading(LogExcerpt(source=source, caption=caption, note=NOT_READ))
        self._left -= 1
        return read_log(self._cluster.log(pod, view.name, previous=previous), caption)


def quote_end(end: Terminated, path: str, pod: Pod, policy: str, reading: Reading | None) -> Quote:
    """What to quote of an end: its termination message, else the line of its log that says most.

    `path` is the field the end was read from. A message the kubelet took from the
    log (policy FallbackToLogsOnError) is only its tail: an error further up counts more.
    """
    lines = [line for line in end.message.splitlines() if line.strip()]
    from_log = policy == "FallbackToLogsOnError"
    if lines and not (from_log and reading is not None and reading.quote and not any(map(error_rank, lines))):
        # Of several lines the error; without one a message's first line, a log's last.
        errors = any(error_rank(line) > 1 for line in lines)
        chosen = lines[quote_of(lines)] if errors or from_log else lines[0]
        value = bounded(end.message.strip(), 1000)
        return Quote(message_of(chosen), "termination message", pod.cite(f"{path}.message", value))
    if reading is not None and reading.quote:
        return Quote(reading.quote, "log", _line(reading))
    return Quote()


def quote_log(reading: Reading | None) -> Quote:
    """The line of a log that says most."""
    return Quote(reading.quote, "log", _line(reading)) if reading is not None and reading.quote else Quote()


def line_evidence(reading: Reading, line: LogLine) -> Evidence:
    """A line of the excerpt as evidence."""
    return Evidence(reading.excerpt.source, f"line {line.number}", line.text)


def _line(reading: Reading) -> Evidence:
    found = next((line for line in reading.excerpt.lines if line.number == reading.number), None)
    return line_evidence(reading, found or LogLine(number=reading.number, text=reading.quote))


def _caption(pod: Pod, view: ContainerView) -> str:
    end = view.status.newest_end
    run = "the last run"
    if end is not None and end.finished_at is not None:
        run = f"the run that ended {end.finished_at:%Y-%m-%d %H:%M:%S} UTC with exit code {end.exit_code}"
    return f"Log of container {view.name} of pod {pod.name}, {run}"
