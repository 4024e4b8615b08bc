"""Eight threads read eight kinds for the first time in the same instant: the process lives."""

from __future__ import annotations

import subprocess
import sys

import pytest

READ_SIDE_BY_SIDE = """
import sys
sys.setswitchinterval(1e-6)
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from kuberunbooks.cluster.decode import decode_list
from kuberunbooks.run.record import IN_THE_NAMESPACE

start = Barrier(8)
item = b'{"metadata":{"name":"a"},"spec":{"template":{"spec":{"containers":[{"name":"x"}]}}}}'

def read(kind):
    start.wait()
    return len(decode_list(kind, b'{"metadata":{},"items":[' + item + b']}', "list").items)

with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(read, IN_THE_NAMESPACE[:8])))
"""


@pytest.mark.parametrize("attempt", range(3))
def test_kinds_met_for_the_first_time_side_by_side_crash_nothing(attempt: int) -> None:
    del attempt
    done = subprocess.run([sys.executable, "-c", READ_SIDE_BY_SIDE], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "8"), done.stderr
