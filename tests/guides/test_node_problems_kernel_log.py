"""Kernel logs: every way they are printed, and what the rules make of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.cluster import Transcript
from kuberunbooks.guides.rules.kernel_log import is_kernel_log, looks_like_kernel_log, read_kernel_log
from kuberunbooks.guides.rules.kernel_patterns import default_rules, extra_rules
from kuberunbooks.guides.rules.oom_kills import kills
from kuberunbooks.guides.rules.rule_matches import matched_lines
from tests.conftest import Diagnosis
from tests.support.made_cases import make_case, node, pod
from tests.support.made_npd import LOG, condition, config_map, daemon_set, detector, problem, watched, well

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
UID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
Judge = Callable[..., Diagnosis]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """`judge([node()], log)`: the node-problems guide on objects and a given kernel log."""

    def run(items: list[dict[str, Any]], log: str = "", target: str = "", **more: Any) -> Diagnosis:
        if log:
            file = tmp_path / "kernel.log"
            file.write_text(log, encoding="utf-8")
            more.setdefault("kernel_log", str(file))
        return Diagnosis(make_case(tmp_path / "case", items), target, "shop", guide="node-problems", **more)

    return run


# Reading


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("[12345.678901] EXT4-fs error", None),
        ("[    0.000000] EXT4-fs error", None),
        ("<3>[12345.678901] EXT4-fs error", None),
        ("kern  :err   : [12345.678901] EXT4-fs error", None),
        ("[12345.678901] [  T123] EXT4-fs error", None),
        ("[Mon Nov 23 11:20:01 2026] EXT4-fs error", None),
        ("2026-11-23T11:20:01,123456+00:00 EXT4-fs error", "11:20:01"),
        ("3,339,5140900,-;EXT4-fs error", None),
        ("Nov 23 11:20:01 n1 kernel: EXT4-fs error", None),
        ("Nov  3 11:20:01 n1 kernel: [12345.678901] EXT4-fs error", None),
        ("2026-11-23T12:20:01.123456+01:00 n1 kernel: [12345.678901] EXT4-fs error", "11:20:01"),
        ("2026-11-23T11:20:01+0000 n1 kernel: EXT4-fs error", "11:20:01"),
        ("Mon 2026-11-23 11:20:01 UTC n1 kernel: EXT4-fs error", "11:20:01"),
        ("1795432801.123456 n1 kernel: EXT4-fs error", "11:20:01"),
        ("[12345.678901] n1 kernel: EXT4-fs error", None),
        ('{"MESSAGE":"EXT4-fs error","__REALTIME_TIMESTAMP":"1795432801000000"}', "11:20:01"),
        ("EXT4-fs error", None),
        ("Nov 23 11:20:01 n1 kernel: EXT4-fs error\r", None),
    ],
)
def test_the_message_is_what_the_kernel_said(line: str, at: str | None) -> None:
    (read,) = read_kernel_log(line, NOW).lines
    assert read.message == "EXT4-fs error"
    assert (f"{read.at:%H:%M:%S}" if read.at else None) == at


def test_markers_blank_lines_and_details_of_devices_are_left_out() -> None:
    text = "-- Logs begin at Mon --\n\n6,1,2,-;hello\n SUBSYSTEM=pci\n DEVICE=+pci:0\n-- Boot 0a --\n"
    assert [line.message for line in read_kernel_log(text, NOW).lines] == ["hello"]


def test_lines_of_others_in_a_journal_are_not_the_kernels() -> None:
    text = "Nov 23 11:20:01 n1 kernel: a\nNov 23 11:20:02 n1 systemd[1]: Started kubelet.service.\n"
    log = read_kernel_log(text, NOW)
    assert [line.message for line in log.kernel] == ["a"]
    assert log.lines[1].tag == "systemd"
    assert log.host == "n1"


@pytest.mark.parametrize(
    ("argv", "is_one"),
    [
        (["dmesg", "-T"], True),
        (["sh", "-c", "dmesg | tail -100"], True),
        (["chroot", "/host", "journalctl", "--no-pager", "-kb"], True),
        (["journalctl", "--dmesg"], True),
        (["cat", "/var/log/kern.log"], True),
        (["journalctl", "-u", "kubelet"], False),
        (["journalctl", "-b", "--unit=k"], False),
        (["cat", "/etc/resolv.conf"], False),
    ],
)
def test_commands_that_print_a_kernel_log_are_known(argv: list[str], is_one: bool) -> None:
    assert is_kernel_log(Transcript(argv=argv)) is is_one


def test_a_paste_is_recognised_by_its_form() -> None:
    assert looks_like_kernel_log(LOG)
    assert not looks_like_kernel_log("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j KUBE-FIREWALL\nCOMMIT\n")
    assert not looks_like_kernel_log("")


@pytest.mark.parametrize(
    "text", ["\x00" * 1000, "[" * 5000, "<3>" * 900, "Nov 23 " * 900, '{"' * 3000, "a,b;" * 999]
)
def test_odd_texts_are_read_without_harm(text: str) -> None:
    read_kernel_log(text, NOW)
    looks_like_kernel_log(text)
    kills([text])


# Rules on lines kernels have printed


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            "Killed process 1012 (heapster) total-vm:327128kB, anon-rss:306328kB, file-rss:11132kB",
            "OOMKilling",
        ),
        ("INFO: task umount.aufs:21568 blocked for more than 120 seconds.", "TaskHung"),
        ("unregister_netdevice: waiting for lo to become free. Usage count = 1", "UnregisterNetDevice"),
        ("BUG: unable to handle kernel NULL pointer dereference at 0000000000000078", "KernelOops"),
        ("BUG: kernel NULL pointer dereference, address: 0000000000000008", "KernelOops"),
        ("divide error: 0000 [#1] SMP", "KernelOops"),
        ("kernel BUG at mm/slub.c:305!", "KernelOops"),
        ("Kernel panic - not syncing: Fatal exception", "KernelOops"),
        (
            "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm ls: reading directory",
            "Ext4Error",
        ),
        ("Buffer I/O error on dev sda1, logical block 0, async page read", "IOError"),
        ("blk_update_request: I/O error, dev sdb, sector 2048 op 0x0:(READ)", "IOError"),
        ("XFS (dm-0): Corruption of in-memory data detected. Shutting down filesystem.", "XfsHasShutdown"),
        ("EXT4-fs (sda1): Remounting filesystem read-only", "FilesystemIsReadOnly"),
        ("watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kworker/3:1:123]", "CpuLockup"),
        ("rcu: INFO: rcu_sched self-detected stall on CPU", "CpuLockup"),
        ("nf_conntrack: nf_conntrack: table full, dropping packet", "ConntrackFull"),
        ("NVRM: Xid (PCI:0000:00:1e): 79, pid=1, GPU has fallen off the bus.", "GpuError"),
        ("{1}[Hardware Error]: event severity: corrected", "CperHardwareErrorCorrected"),
    ],
)
def test_lines_that_kernels_print_are_known(message: str, reason: str) -> None:
    found = {
        rule.reason
        for rule in (*default_rules(), *extra_rules())
        if matched_lines(rule.pattern, [message], rule.buffer)
    }
    assert found == {reason}


@pytest.mark.parametrize(
    "message",
    [
        "EXT4-fs (sda1): mounted filesystem with ordered data mode",
        "NVRM: Xid (PCI:0000:00:1e): 13, pid=1, Graphics Engine Exception",
        "Out of memory handling initialised",
        "eth0: link up",
        "XFS (dm-0): Mounting V5 Filesystem",
    ],
)
def test_lines_of_everyday_life_are_not(message: str) -> None:
    assert not any(matched_lines(rule.pattern, [message], 10) for rule in (*default_rules(), *extra_rules()))


def test_whose_process_was_killed_is_read_from_the_line_before() -> None:
    (one,) = kills(line.message for line in read_kernel_log(LOG, NOW).lines)
    assert (one.name, one.pid, one.pod_uid, one.at_limit) == ("java", 4242, UID, True)


def test_a_node_out_of_memory_is_told_by_the_constraint() -> None:
    (one,) = kills(
        [
            "oom-kill:constraint=CONSTRAINT_NONE,global_oom,task_memcg=/system.slice,task=redis,pid=7,uid=0",
            "Out of memory: Killed process 7 (redis) total-vm:1kB, anon-rss:2kB, file-rss:3kB",
        ]
    )
    assert (one.pod_uid, one.at_limit) == ("", False)


# The step


def test_a_log_alone_is_diagnosed_without_any_detector(judge: Judge) -> None:
    found = judge([node()], LOG, kernel_log_node="n1")
    assert {"KernelOomKilling", "KernelTaskHung"} <= found.serious()
    would = found.one("NpdWouldHaveReported")
    assert "OOMKilling once and TaskHung once from kernel.log" in would.summary
    assert found.one("KernelOomKilling").subject.name == "n1"
    assert found.one("KernelOomKilling").confidence == "likely"


def test_the_pod_of_a_killed_process_is_named_where_its_node_is_known(judge: Judge) -> None:
    victim = pod("web-1", "shop", on="n1", uid=UID)
    assert "java (pod shop/web-1)" in judge([node(), victim], LOG, "n1").one("KernelOomKilling").summary
    # Whose log it is nothing tells: its pods are not asked for.
    assert f"pod uid {UID}" in judge([node(), victim], LOG).one("KernelOomKilling").summary


def test_the_host_in_the_lines_tells_the_node(judge: Judge) -> None:
    line = "2026-11-23T11:59:01+00:00 n1 kernel: task jbd2:1 blocked for more than 120 seconds.\n"
    assert judge([node("n1"), node("n2")], line).one("KernelTaskHung").subject.name == "n1"
    assert judge([node("n1"), node("n2")], line, "n2").one("KernelTaskHung").subject.name == "n2"


def test_a_quiet_log_is_told_as_good(judge: Judge) -> None:
    found = judge([node()], "[    0.000000] Linux version 6.1\n[    1.000000] eth0: link up\n")
    assert found.serious() == set()
    assert found.one("KernelLogQuiet").severity == "ok"
    assert "NpdWouldHaveReported" not in found.codes()


def test_what_lies_long_before_the_logs_end_is_information(judge: Judge) -> None:
    old = "[   10.000000] EXT4-fs error (device sda1): x\n[90000.000000] eth0: link up\n"
    assert judge([node()], old).one("FilesystemError").severity == "info"
    assert judge([node()], old, since="2d").one("FilesystemError").severity == "critical"


def test_what_node_or_event_say_already_is_not_said_twice(judge: Judge) -> None:
    log = "[ 1.000000] INFO: task docker:7 blocked for more than 300 seconds.\n"
    bad = watched("n1", condition("KernelDeadlock", "True", "DockerHung", "task docker:7 blocked"))
    event = problem("n1", "TaskHung", "task docker:7 blocked for more than 300 seconds.")
    found = judge([bad, event, daemon_set(), config_map(), detector()], log, "n1")
    assert found.one("KernelDeadlock").step == "NP-06"
    assert found.one("KernelTaskHung").step == "NP-07"


def test_a_lasting_problem_in_the_log_gives_its_condition(judge: Judge) -> None:
    found = judge(well(), "[ 1.000000] EXT4-fs (sda1): Remounting filesystem read-only\n", "n1")
    one = found.one("ReadonlyFilesystem")
    assert one.severity == "critical"
    assert "The kernel log of node n1 tells of a filesystem that became read-only" in one.summary


def test_the_configured_rules_are_tested_first_and_ours_fill_the_gaps(judge: Judge) -> None:
    log = "[ 1.000000] BUG: kernel NULL pointer dereference, address: 0000\n" + LOG
    found = judge(well(), log, "n1")
    table = next(one for one in found.steps["NP-09"].exhibits if getattr(one, "columns", None))
    rows = {(row[0], row[1]): row[2] for row in table.rows}
    assert rows["OOMKilling", "kernel-monitor.json"] == "1"
    assert rows["DockerHung", "kernel-monitor.json"] == "0"
    assert rows["KernelOops", "this runbook"] == "1"


def test_a_log_that_was_recorded_is_read_and_gives_the_same(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [node()])
    held = {"target": {"kind": "node", "node": "n1"}, "argv": ["dmesg"], "stdout": LOG, "exit_code": 0}
    (case / "transcripts").mkdir()
    (case / "transcripts/000.json").write_text(json.dumps(held))
    found = Diagnosis(case, "", "shop", guide="node-problems")
    assert {"KernelOomKilling", "KernelTaskHung"} <= found.serious()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    case = make_case(tmp_path, [node()])
    session = notebook.open("node-problems", case=str(case), kernel_log=str(tmp_path / "none.log"))
    assert session.start.failure is not None
    assert "none.log" in session.start.failure.sentence
