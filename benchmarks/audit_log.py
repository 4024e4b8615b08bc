"""An audit log of hundreds of megabytes, plain and packed, read by the audit guide in bounded memory.

Made of the recorded incident's events, each repetition two hours later with other names
and IDs. Each side runs in a process of its own: ours does everything the guide says of a
log, the other only parses each line with orjson. CPU time, which other processes do not add
to: neither side waits for anything but the file, which is in the cache. Run by `make bench`;
`python -m benchmarks.audit_log 1000` measures another size, in MB.
"""

from __future__ import annotations

import gzip
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.scale import best_of
from benchmarks.table import Row, limit_row, markdown

SIZE = 300
"""MB of JSON."""
SPEED = 80
RATIO = 0.5
MEMORY = 200

INCIDENT = Path(__file__).parent.parent / "tests" / "incidents" / "audit.tar.gz"
_HOUR = re.compile(rb"2026-11-23T(\d\d)")
_BASE = datetime(2026, 1, 1)  # noqa: DTZ001 - text only

OURS = """
import sys, time, json
from kuberunbooks.guides.audit.log_reading import files_of, read_log
started = time.process_time()
reading = read_log(files_of(sys.argv[1]), seconds=3600)
seconds = time.process_time() - started
assert reading.requests > 1000 and not any(one.lines.lost for one in reading.files), reading.files
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({"seconds": seconds, "mb": peak / 1024}))
"""

FLOOR = """
import sys, time, json, orjson
started = time.process_time()
with open(sys.argv[1], "rb") as file:
    for line in file:
        orjson.loads(line)
print(json.dumps({"seconds": time.process_time() - started}))
"""


def measure(size: int = SIZE, tries: int = 2) -> list[Row]:
    """Speed plain and packed, against parsing alone in the same run, and the most memory."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "audit.log"
        written = _write(plain, size * 1_000_000) / 1e6
        packed = Path(scratch) / "packed.log.gz"
        with plain.open("rb") as source, gzip.open(packed, "wb", compresslevel=3) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        floor = written / best_of(FLOOR, plain, tries=tries)["seconds"]
        memory = 0.0
        for what, path in (("plain", plain), ("gzip", packed)):
            ours = best_of(OURS, path, tries=tries)
            memory = max(memory, ours["mb"])
            rows.append(
                _speed_row(f"audit: a log of {written:,.0f} MB, {what}", written / ours["seconds"], floor)
            )
    rows.append(limit_row(f"audit: a log of {written:,.0f} MB: peak memory", memory, MEMORY, "MB"))
    return rows


def _speed_row(what: str, speed: float, floor: float) -> Row:
    ratio = speed / floor
    return Row(
        what,
        f"{speed:,.0f} MB/s",
        f"{ratio:.2f} × orjson.loads line by line ({floor:,.0f} MB/s)",
        f"≥ {SPEED} MB/s or ≥ {RATIO} ×",
        speed >= SPEED or ratio >= RATIO,
    )


def _write(path: Path, size: int) -> int:
    """A log of at least `size` bytes; hands back how many."""
    with tarfile.open(INCIDENT) as archive:
        member = archive.extractfile("audit/audit.log")
        assert member is not None
        recorded = member.read()
    written = 0
    with path.open("wb") as file:
        for block in _blocks(recorded):
            written += file.write(block)
            if written >= size:
                break
    return written


def _blocks(recorded: bytes) -> Iterator[bytes]:
    number = 0
    while True:
        start = _BASE + timedelta(hours=2 * number)
        hours = {
            b"%02d" % (20 + one): f"{start + timedelta(hours=one):%Y-%m-%dT%H}".encode() for one in (0, 1)
        }
        block = _HOUR.sub(lambda match, hours=hours: hours[match[1]], recorded)  # type: ignore[misc]
        block = block.replace(b'"auditID":"', b'"auditID":"%06x' % number)
        block = block.replace(b'"name":"', b'"name":"r%d-' % number)
        yield block.replace(b'"username":"viewer"', b'"username":"viewer-%d"' % (number % 200))
        number += 1


if __name__ == "__main__":
    print(markdown(measure(int(sys.argv[1]) if len(sys.argv) > 1 else SIZE)))
