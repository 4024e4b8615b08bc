"""AU-07, AU-08: how events are handed on, and whether batches, throttle and buffer suffice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table
from kuberunbooks.objects import Evidence

from ..rules.audit_flags import BATCH, BLOCKING, STRICT, Batch
from ..rules.audit_tuning import Sums, enough_qps, sums
from ..rules.thresholds import AUDIT_LATENCY, AUDIT_UPTIME
from ..step import NotChecked, Yielded, step
from .readings import PATH, Readings, readings
from .resolve import Audited
from .servers import NO_FLAGS, Configuration, servers

_MODE_WORDS = {
    BATCH: "in batches, nobody waits",
    BLOCKING: "at once, each answer waits for it",
    STRICT: "at once, and a request whose event cannot be stored fails",
}


@step("AU-07", title="Does a request wait for its event?")
def modes(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """Are events handed on at once or in batches, and may that hold up or refuse requests?"""
    seen = servers(target, cluster)
    if not seen:
        yield NotChecked(NO_FLAGS)
        return
    rows = []
    for one in seen:
        for backend in one.flags.backends:
            batch = one.flags.batch(backend)
            rows.append([one.names[0], backend, batch.mode, _MODE_WORDS.get(batch.mode, "not known")])
        yield from _mode(one)
    if rows:
        yield Table(
            caption="How events are handed on",
            columns=[Column(name=name) for name in ("API SERVER", "BACKEND", "MODE", "MEANS")],
            rows=rows,
        )
    else:
        yield Note(text="No backend is configured, so nothing is handed on.")


def _mode(one: Configuration) -> Iterator[Finding]:
    fine = []
    for backend in one.flags.backends:
        mode = one.flags.batch(backend).mode
        flag = f"audit-{backend}-mode"
        facts: dict[str, Any] = {"backend": backend, "flag": f"--{flag}", "mode": mode}
        if mode == STRICT:
            yield one.finding("AuditModeStrict", group=(backend,), evidence=one.cite(flag), **facts)
        elif mode == BLOCKING and backend == "webhook":
            yield one.finding("AuditModeBlockingWebhook", group=(backend,), evidence=one.cite(flag), **facts)
        elif mode in (BATCH, BLOCKING):
            fine.append(f"{backend} {mode}")
    if fine and len(fine) == len(one.flags.backends):
        cited = one.cite(*(f"audit-{backend}-mode" for backend in one.flags.backends))
        yield one.finding("AuditModeOk", evidence=cited, modes=fine)


@step("AU-08", title="Do batches, throttle and buffer suffice?")
def tuning(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """Does what the flags let through and hold suffice for the events there are?"""
    seen = servers(target, cluster)
    if not seen:
        yield NotChecked(NO_FLAGS)
        return
    batched = [
        (one, backend, one.flags.batch(backend))
        for one in seen
        for backend in one.flags.backends
        if one.flags.batch(backend).mode == BATCH
    ]
    if not batched:
        yield Note(
            text="No backend works in batches: there is no buffer that could overflow and no throttle."
        )
        return
    reading = readings(target, cluster)
    rate = rate_of(reading, cluster)
    if rate is None:
        yield NotChecked(f"How many events there are is not known ({reading.why or _TOO_YOUNG}).")
        return
    worked = [
        (one, backend, batch, found)
        for one, backend, batch in batched
        if (found := sums(batch, rate, AUDIT_LATENCY)) is not None
    ]
    yield _table(worked, reading)
    tight = [finding_ for one in worked for finding_ in _tight(*one, reading)]
    yield from tight
    if worked and not tight:
        one, _, batch, found = worked[0]
        yield one.finding(
            "AuditTuningOk",
            evidence=_cited(reading),
            rate=_number(rate),
            window=reading.seconds,
            batches=_number(found.batches),
            taken=int(found.taken),
            buffer=batch.buffer,
            held=_number(found.held),
        )


_TOO_YOUNG = "the API server has not run long enough for an average, or does not say since when it runs"


def rate_of(reading: Readings, cluster: Cluster) -> float | None:
    """Events a second: between two readings, else on average since an API server that is old enough began."""
    if reading.added is not None and reading.seconds:
        return reading.added.events / reading.seconds
    counters = reading.now
    uptime = counters.uptime(cluster.now) if counters else None
    return counters.rate(cluster.now) if counters and uptime is not None and uptime >= AUDIT_UPTIME else None


def _tight(
    one: Configuration, backend: str, batch: Batch, found: Sums, reading: Readings
) -> Iterator[Finding]:
    facts: dict[str, Any] = {
        "backend": backend,
        "rate": _number(found.rate),
        "window": reading.seconds,
        "size": batch.size,
        "batches": _number(found.batches),
        "qps": _number(batch.qps),
        "taken": int(found.taken),
        "buffer": batch.buffer,
        "needed": found.needed,
        "latency": AUDIT_LATENCY,
        "enough": enough_qps(batch, found.rate),
        "room": max(1, math.ceil(found.needed / 1000) * 1000),
    }
    prefix = f"audit-{backend}-batch"
    if found.is_throttled:
        yield one.finding(
            "AuditThrottleTooLow",
            group=(backend,),
            evidence=[*_cited(reading), *one.cite(f"{prefix}-max-size", f"{prefix}-throttle-qps")],
            **facts,
        )
    if batch.buffer < found.needed:
        yield one.finding(
            "AuditBufferTooSmall",
            group=(backend,),
            # A webhook gets its batches side by side: a slow one alone does not fill the buffer.
            severity="info" if backend == "webhook" else None,
            evidence=[*_cited(reading), *one.cite(f"{prefix}-buffer-size")],
            side_by_side=backend == "webhook",
            **facts,
        )


def _cited(reading: Readings) -> list[Evidence]:
    counters = reading.now
    if counters is None:
        return []
    cited = [Evidence(PATH, "apiserver_audit_event_total", f"{counters.events:.0f}")]
    if reading.added is not None:
        cited.append(
            Evidence(
                PATH, f"apiserver_audit_event_total, {reading.seconds} s on", f"+{reading.added.events:.0f}"
            )
        )
    elif counters.started is not None:
        cited.append(Evidence(PATH, "process_start_time_seconds", f"{counters.started:%Y-%m-%dT%H:%M:%SZ}"))
    return cited


def _number(value: float) -> str:
    if math.isinf(value):
        return "any number of"
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def _table(worked: list[tuple[Configuration, str, Batch, Sums]], reading: Readings) -> Table:
    over = f"over {reading.seconds} s" if reading.seconds else "on average since the API server began"
    names = (
        ("API SERVER", False), ("BACKEND", False), ("EVENTS/S", True), ("BATCH", True), ("BATCHES/S", True),
        ("ALLOWED/S", True), ("BUFFER", True), ("HOLDS", True),
    )  # fmt: skip
    rows = [
        [
            one.names[0],
            backend,
            _number(found.rate),
            f"{batch.size:,}",
            _number(found.batches),
            _number(batch.qps) if found.taken else "no throttle",
            f"{batch.buffer:,}",
            f"{_number(found.held)} s",
        ]
        for one, backend, batch, found in worked
    ]
    return Table(
        caption=f"The flags against the events there are, {over}; peaks are higher",
        columns=[Column(name=name, numeric=numeric) for name, numeric in names],
        rows=rows,
    )
