"""Reading logs: what is kept of one, what is quoted, what is said of what is left out."""

from __future__ import annotations

import time

import pytest

from kuberunbooks.cluster import Log
from kuberunbooks.cluster.logs import Line, parse_log
from kuberunbooks.guides.rules.error_lines import error_rank, message_of, normalised
from kuberunbooks.guides.rules.log_reading import Reading, read_log


def reading(text: str, **options: int) -> Reading:
    lines = tuple(Line(None, line) for line in text.splitlines())
    return read_log(Log("logs/shop/web-1/app.log", "read", lines), "a log", **options)


def shown(found: Reading) -> list[str]:
    return [line.text for line in found.excerpt.lines]


JAVA = """2026-11-23 10:00:00 INFO started
Exception in thread "main" java.lang.IllegalStateException: no database
\tat com.shop.App.connect(App.java:42)
\tat com.shop.App.main(App.java:7)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.connect0(Native Method)
\t... 12 more"""

PYTHON = """starting
Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    connect()
  File "/app/db.py", line 9, in connect
    raise ValueError("no password given")
ValueError: no password given"""

GO = """listening
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47a3c2]

goroutine 1 [running]:
main.serve(0x0)
\t/src/error.go:33 +0x1d
main.main()
\t/src/main.go:12 +0x20
exit status 2"""

NODE = """> shop@1.0.0 start
Error: Cannot find module 'express'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1048:15)
    at require (node:internal/modules/helpers:119:18)"""


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        (JAVA, "Caused by: java.net.ConnectException: Connection refused"),
        (PYTHON, "ValueError: no password given"),
        (GO, "panic: runtime error: invalid memory address or nil pointer dereference"),
        (NODE, "Error: Cannot find module 'express'"),
    ],
    ids=["java", "python", "go", "node"],
)
def test_the_quote_of_a_stack_trace_is_its_message_not_a_frame(text: str, quote: str) -> None:
    assert reading(text).quote == quote


@pytest.mark.parametrize("text", [JAVA, PYTHON, GO, NODE], ids=["java", "python", "go", "node"])
def test_a_stack_trace_far_above_the_tail_is_kept_whole(text: str) -> None:
    tail = "\n".join(f"tick {'abcdefghij'[i % 10] * (i % 37 + 1)}" for i in range(500))
    found = reading(f"{text}\n{tail}")
    trace = [line for line in text.splitlines()[1:] if line]
    assert [line for line in shown(found) if line in trace] == trace
    assert "error message from earlier" in found.excerpt.note


def test_of_two_errors_the_later_one_is_quoted() -> None:
    assert reading("ERROR cache refused\nERROR no database\nbye").quote == "ERROR no database"


def test_a_line_that_calls_itself_info_is_quoted_only_when_there_is_nothing_worse() -> None:
    assert reading("ERROR no database\nINFO retry failed, giving up").quote == "ERROR no database"
    assert reading("started\nINFO retry failed\nbye").quote == "INFO retry failed"


def test_without_any_error_the_last_line_with_text_is_quoted_and_known_not_to_be_one() -> None:
    found = reading("one\ntwo\n\n")
    assert (found.quote, found.number, found.is_error) == ("two", 2, False)


def test_the_message_of_a_json_line_is_quoted_without_its_wrapping() -> None:
    text = '{"level":"error","ts":1,"msg":"cannot open ledger","error":"permission denied"}'
    assert reading(text).quote == "cannot open ledger: permission denied"


def test_repeats_that_differ_in_numbers_times_and_uuids_are_one_line_with_a_count() -> None:
    text = "\n".join(
        f"10:00:{i % 60:02d} retry {i} of request 0b5c1b7e-1111-4222-8333-{i:012x}" for i in range(200)
    )
    found = reading(text)
    assert len(found.excerpt.lines) == 1
    assert found.excerpt.lines[0].repeats == 200
    assert found.excerpt.lines[0].number == 200
    assert "folded" in found.excerpt.note


def test_a_log_that_fits_is_shown_line_by_line() -> None:
    found = reading("8 MiB\n16 MiB\n24 MiB")
    assert shown(found) == ["8 MiB", "16 MiB", "24 MiB"]
    assert found.excerpt.note == ""


def test_a_repeating_block_is_folded_in_its_order() -> None:
    found = reading("\n".join(["connect", "refused", "sleep"] * 50))
    assert [(line.text, line.repeats) for line in found.excerpt.lines] == [
        ("connect", 50),
        ("refused", 50),
        ("sleep", 50),
    ]


def test_what_is_left_out_is_said_in_numbers() -> None:
    words = [
        f"{'abcdefghij'[i % 10]}{'klmnopqrst'[i // 10 % 10]}{'uvwxyzABCD'[i // 100]}" for i in range(1000)
    ]
    words[5] = "ERROR disk quota exceeded"
    found = reading("\n".join(words))
    assert found.excerpt.note == "Last 40 of 1,000 lines, 1 error message from earlier."
    assert found.excerpt.total_lines == 1000
    assert shown(found)[0] == "ERROR disk quota exceeded"
    assert found.excerpt.lines[0].number == 6


def test_a_log_of_which_only_the_end_was_read_says_so() -> None:
    lines = tuple(Line(None, f"tick {'abcdefghij'[i % 10] * (i + 1)}") for i in range(60))
    note = read_log(Log("logs/x", "read", lines, cut=True), "a log").excerpt.note
    assert note.startswith("Last 40 of the last 60 that were read")


def test_an_excerpt_never_exceeds_its_bytes() -> None:
    text = "\n".join(f"ERROR {'abcdefghij'[i % 10] * 900}{'xyz'[i % 3] * i}" for i in range(300))
    found = reading(text, most_bytes=4096)
    assert sum(len(line.text.encode()) + 1 for line in found.excerpt.lines) <= 4096
    assert found.excerpt.lines


def test_a_trace_too_long_for_the_excerpt_is_begun_and_the_rest_counted() -> None:
    found = reading(
        "panic: out of range\n" + "\n".join(f"\t/src/{'ab'[i % 2] * 300}.go:{i}" for i in range(500)),
        most_bytes=4096,
    )
    assert shown(found)[0] == "panic: out of range"
    assert sum(len(line.text.encode()) + 1 for line in found.excerpt.lines) <= 4096
    left_out = 501 - len(found.excerpt.lines)
    assert f"{left_out} lines of long stack traces left out" in found.excerpt.note


def test_a_very_long_line_is_shortened_and_the_rest_is_counted() -> None:
    found = reading("x" * 5_000_000)
    assert found.excerpt.lines[0].text.endswith("… (4,999,000 more characters)")
    assert len(found.quote) < 300


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("gone", "removed"),
        ("empty", "wrote nothing"),
        ("waiting", "not started"),
        ("unreachable", "node did not answer"),
        ("refused", "does not permit"),
        ("missing", "not read"),
    ],
)
def test_a_log_that_is_not_there_is_explained_and_quotes_nothing(state: str, words: str) -> None:
    found = read_log(Log("logs/x", state, why="because"), "a log")  # type: ignore[arg-type]
    assert words in found.excerpt.note
    assert (found.quote, found.excerpt.lines) == ("", [])


def test_the_kubelets_apology_for_a_removed_log_is_no_log() -> None:
    body = b"unable to retrieve container logs for containerd://4e5c7dc26b7445d872"
    assert "removed" in read_log(parse_log("logs/x", body), "a log").excerpt.note


def test_blank_lines_alone_are_said_to_be_blank() -> None:
    assert reading("\n\n  \n").excerpt.note == "The log holds only blank lines."


def test_errors_are_marked_and_frames_and_harmless_lines_are_not() -> None:
    marked = {line.text for line in reading(GO).excerpt.lines if line.marked}
    assert "\t/src/error.go:33 +0x1d" not in marked
    assert any(text.startswith("panic: ") for text in marked)
    assert error_rank("0 errors found") == 0
    assert error_rank('{"level":"info","error":null}') < 2


def test_messages_that_differ_in_words_are_not_folded() -> None:
    assert normalised("user 7 refused") == normalised("user 8 refused")
    assert normalised("user 7 refused") != normalised("user 7 denied")


def test_a_quote_is_of_bounded_length() -> None:
    assert len(message_of("ERROR " + "y" * 10_000)) < 300


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"ERROR request {i} failed in {i * 7} ms" for i in range(100_000)),
        "ERROR " + "-:" * 5_000_000,
        "panic: x\n" + "\tat a.b.C(D.java:1)\n" * 300_000,
        "\n".join(["error" + "1-" * 4000] * 1000),
    ],
    ids=["many errors", "one line", "one trace", "long words"],
)
def test_ten_megabytes_are_read_in_seconds_whatever_their_form(text: str) -> None:
    lines = tuple(Line(None, line) for line in text.splitlines())
    started = time.perf_counter()
    read_log(Log("logs/x", "read", lines), "a log")
    assert time.perf_counter() - started < 8
