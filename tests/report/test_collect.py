"""What a run comes to, from whatever its notebook holds."""

from __future__ import annotations

import copy
import math
from typing import Any

import msgspec
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output

from kuberunbooks import report
from kuberunbooks.cluster import Coverage, EventWindow, Refusal
from kuberunbooks.findings import (
    RUN_MIME,
    STEP_MIME,
    SUMMARY_MIME,
    Failure,
    LogExcerpt,
    LogLine,
    StepResult,
    Summary,
    Table,
)
from kuberunbooks.report.notebook_outputs import MOST_LINES, MOST_ROWS

from .samples import NOW, PARAMETERS, before, incident, notebook_of, start, steps, summary

DEAD = Failure(error="KernelDied", sentence="The kernel died in cell 12.", advice="Run again.", exit_status=4)


def collect(nb: Any, **options: Any) -> report.RunReport:
    return report.collect(nb, parameters=PARAMETERS, **options)


def quiet() -> list[StepResult]:
    return [one for one in steps() if one.status == "ok"]


def fact(made: report.RunReport, key: str) -> str:
    return next((one.text for one in made.facts if one.key == key), "")


def put(nb: nbformat.NotebookNode, mime: str, value: Any) -> nbformat.NotebookNode:
    """The notebook with one more cell that claims to hold `value`."""
    nb.cells.append(new_code_cell("x", outputs=[new_output("display_data", {mime: value})]))
    return nb


def test_the_first_screen_says_verdict_facts_and_at_most_three_steps_safest_first() -> None:
    made = collect(incident())
    assert made.outcome == "found"
    assert made.severity == "critical"
    assert made.verdict.startswith("Container app of 2 of 3 pods of deployment/web is killed for memory")
    assert fact(made, "since") == "2026-11-23 14:02:40 UTC, 20 min before the recording"
    assert fact(made, "affected") == "2 of 3 pods of deployment/web, container app"
    assert "rolled out revision 7" in fact(made, "changed")
    assert fact(made, "certainty").startswith("confirmed by lastState.terminated.reason = OOMKilled")
    assert "could not check: list nodes" in fact(made, "certainty")
    assert [step.changes for step in made.next] == [False, True, True]


def test_the_coverage_line_counts_what_was_not_checked() -> None:
    line = collect(incident()).coverage_line
    assert line == (
        "Checked 9 of 11 steps, 1 not looked at; 1 not permitted (list nodes). Events reach back 52 min."
    )


def test_a_cause_stands_before_what_it_explains() -> None:
    codes = [one.code for one in collect(incident()).findings]
    assert codes == [
        "ContainerOomKilled",
        "CrashLoop",
        "ReadinessProbeFailing",
        "DisruptionBudgetExhausted",
    ]


def test_a_likely_finding_is_called_likely() -> None:
    results = steps()
    crashes = next(one for one in results if one.id == "DP-09")
    crashes.findings = crashes.findings[2:]
    made = collect(notebook_of(results, opening=start(), closing=summary()))
    assert made.severity == "warning"
    assert fact(made, "certainty").startswith("likely, because of message = …connect: connection refused")


def test_a_healthy_run_says_what_was_checked() -> None:
    made = collect(notebook_of(quiet(), opening=start(), closing=Summary(finished_at=NOW)))
    assert made.outcome == "good"
    assert made.severity == "ok"
    assert made.verdict == (
        "Nothing wrong found in 3 pods of shop/deployment/web: 6 steps checked, all good."
    )
    assert made.headline is None
    assert made.next == []
    assert fact(made, "certainty") == "6 of 6 steps read what they needed and found nothing wrong"


@pytest.mark.parametrize("status", ["refused", "failed"])
def test_a_step_that_could_not_look_never_counts_as_good(status: Any) -> None:
    blind = StepResult(id="DP-09", name="crashes", title="Crashes", status=status, error="no")
    refused = Coverage(refused=[Refusal(what="list nodes", why="forbidden", command="kubectl auth can-i")])
    made = collect(notebook_of([*quiet(), blind], opening=start(), closing=Summary(coverage=refused)))
    assert made.outcome == "partly"
    assert made.severity == "info"
    assert "1 step could not be checked" in made.verdict
    assert "all good" not in made.verdict
    assert made.next[0].command == "kubectl auth can-i"


def test_a_run_in_which_no_step_could_look_is_no_healthy_run() -> None:
    blind = [StepResult(id=one.id, name=one.name, title=one.title, status="refused") for one in quiet()]
    made = collect(notebook_of(blind, opening=start(), closing=Summary()))
    assert made.severity == "unknown"
    assert "Nothing could be checked" in made.verdict


def test_a_cluster_that_cannot_be_reached_gives_sentence_and_advice_first() -> None:
    opening = start()
    opening.failure = Failure(
        error="Unreachable",
        sentence="No connection to 10.0.0.1:6443.",
        advice="`kubectl cluster-info`",
        exit_status=3,
    )
    skipped = [StepResult(id=one.id, name=one.name, title=one.title, status="skipped") for one in quiet()]
    made = collect(notebook_of(skipped, opening=opening, closing=Summary()))
    assert (made.outcome, made.severity) == ("unknown", "unknown")
    assert made.verdict == "No connection to 10.0.0.1:6443."
    assert made.next[0].why == "`kubectl cluster-info`"
    assert made.coverage_line.startswith("Checked 0 of 6 steps; 6 not run.")
    assert {step.status for step in made.steps} == {"not_run"}


def test_a_healthy_run_without_a_right_does_not_say_that_all_is_good() -> None:
    refused = Coverage(refused=[Refusal(what="list nodes", why="forbidden")])
    made = collect(notebook_of(quiet(), opening=start(), closing=Summary(coverage=refused)))
    assert made.severity == "ok"
    assert made.verdict.endswith("6 steps checked, but without the right to list nodes.")
    assert fact(made, "certainty").endswith("could not check: list nodes")


def test_a_kernel_that_died_keeps_what_was_found_until_then() -> None:
    made = collect(notebook_of(steps()[:9], opening=start()), failure=DEAD)
    assert made.severity == "critical"
    assert made.failure == DEAD
    assert [step.id for step in made.steps if step.status == "not_run"] == ["DP-10", "DP-11"]
    assert any("closing cell has not run" in note for note in made.notes)
    assert "2 not run" in made.coverage_line


def test_a_kernel_that_died_before_anything_was_found_claims_nothing() -> None:
    made = collect(notebook_of(steps()[:3], opening=start()), failure=DEAD)
    assert made.severity == "unknown"
    assert made.verdict == "The run stopped early: The kernel died in cell 12."
    assert "good" not in made.verdict


def test_a_cell_that_raised_is_a_failure_even_when_nobody_says_so() -> None:
    nb = notebook_of(quiet()[:2], opening=start())
    nb.cells.append(
        new_code_cell(
            "1/0",
            outputs=[
                new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=["…"])
            ],
        )
    )
    made = collect(nb)
    assert made.failure is not None
    assert made.failure.error == "CellFailed"
    assert "ZeroDivisionError: division by zero" in made.failure.sentence
    assert made.severity == "unknown"


def test_a_notebook_that_ran_to_its_end_chose_its_steps() -> None:
    made = collect(notebook_of(quiet(), opening=start(), closing=summary()))
    assert all(step.status != "not_run" for step in made.steps)


def test_a_notebook_without_results_says_so() -> None:
    made = collect(nbformat.v4.new_notebook())
    assert made.severity == "unknown"
    assert made.verdict == "This notebook holds no result: no step of it has run."
    assert made.target_text == "shop/deployment/web"


def test_a_step_run_twice_counts_once_and_the_later_run_counts() -> None:
    again = StepResult(id="DP-09", name="crashes", title="Why do containers end?", status="ok")
    nb = notebook_of([*steps(), again], opening=start(), closing=summary())
    made = collect(nb)
    assert [step.status for step in made.steps if step.id == "DP-09"] == ["ok"]
    assert made.headline is None or made.headline.code != "ContainerOomKilled"


NONSENSE = [
    None,
    7,
    [],
    "not JSON",
    {},
    {"id": 3},
    {"id": "DP-01", "name": "x", "title": "x", "status": "splendid"},
    {"id": "DP-01", "name": "x", "title": "x", "findings": [{"code": "X"}]},
    {"id": "DP-01", "name": "x", "title": "x", "seconds": "soon"},
    {
        "id": "DP-01",
        "name": "x",
        "title": "x",
        "marks": [{"lane": "a", "at": "yesterday", "kind": "k", "text": "t"}],
    },
]


CLAIMS = [(mime, value) for mime in (RUN_MIME, STEP_MIME) for value in NONSENSE]
CLAIMS += [(SUMMARY_MIME, value) for value in NONSENSE if not isinstance(value, dict) or "marks" in value]


@pytest.mark.parametrize(("mime", "value"), CLAIMS)
def test_an_output_that_is_not_what_it_claims_is_left_out_and_said(mime: str, value: Any) -> None:
    nb = put(incident(), mime, value)
    made = collect(nb)
    assert made.severity == "critical"
    assert [note for note in made.notes if "was left out" in note]
    assert report.to_html(made, nb)


def test_strange_values_that_fit_the_schema_break_nothing() -> None:
    odd = msgspec.to_builtins(steps()[8])
    odd["seconds"] = math.inf
    odd["id"] = "DP-09\x1b[31m\u202e"
    odd["findings"][0]["since"] = "2026-11-23T14:02:40"
    odd["findings"][0]["facts"] = {"explains": 5, "deep": [[[]]]}
    odd["findings"][0]["count"] = -(10**30)
    odd["findings"][0]["evidence"] = [{"source": "\x00", "path": "", "value": ""}]
    odd["findings"][1]["since"] = "0001-01-01T00:00:00"
    odd["findings"][2]["subject"] = {"kind": "", "namespace": "", "name": ""}
    odd["marks"] = [
        {
            "lane": "a",
            "at": at,
            "kind": "unheard-of",
            "text": "t",
            "count": -5,
            "until": "0001-01-01T00:00:00Z",
        }
        for at in ("0001-01-01T00:00:00", "9999-12-31T23:59:59Z", "2026-11-23T14:00:00+02:00")
    ]
    nest: Any = "end"
    for _ in range(200):
        nest = [nest]
    odd["findings"][0]["facts"]["nest"] = nest
    window = {"coverage": {"event_window": {"seconds": math.nan}}}
    nb = put(
        put(put(incident(), STEP_MIME, odd), SUMMARY_MIME, window),
        RUN_MIME,
        {**msgspec.to_builtins(start()), "now": "2026-11-23T14:22:40"},
    )
    made = collect(nb)
    html = report.to_html(made, nb)
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert report.to_markdown(made)
    assert str(report.terminal(made))
    assert msgspec.json.decode(report.to_json(made))["headline"]["since"] == "2026-11-23T14:02:40Z"


def test_huge_exhibits_are_cut_and_the_cut_is_said() -> None:
    table = Table(caption="t", columns=[], rows=[[]] * (MOST_ROWS + 7), omitted=1)
    log = LogExcerpt(
        source="l", caption="l", lines=[LogLine(number=at, text="x") for at in range(MOST_LINES + 7)]
    )
    one = StepResult(id="DP-01", name="o", title="O", exhibits=[table, log])
    made = collect(notebook_of([one], opening=start(), closing=summary()))
    kept_table, kept_log = made.steps[0].exhibits
    assert isinstance(kept_table, Table)
    assert isinstance(kept_log, LogExcerpt)
    assert (len(kept_table.rows), kept_table.omitted) == (MOST_ROWS, 8)
    assert len(kept_log.lines) == MOST_LINES
    assert made.notes


def test_a_failure_in_raw_bytes_of_a_terminal_can_still_be_written() -> None:
    failure = Failure(error="CellFailed", sentence="\x1b[31mred\udcff", advice="\udcff", exit_status=4)
    nb = notebook_of([], opening=start())
    made = collect(nb, failure=failure)
    assert made.verdict == "red"
    for text in (report.to_html(made, nb), report.to_markdown(made), str(report.terminal(made))):
        assert b"\x1b" not in text.encode()
    assert report.to_json(made)


def test_collecting_leaves_the_notebook_as_it_was() -> None:
    nb = incident()
    kept = copy.deepcopy(nb)
    report.to_html(collect(nb), nb)
    assert nb == kept


def test_what_changed_is_unknown_and_not_none_when_no_event_was_read() -> None:
    closing = summary()
    closing.change, closing.coverage.event_window = "", EventWindow()
    made = collect(notebook_of(steps(), opening=start(), closing=closing))
    assert fact(made, "changed") == "not known: no events were read"
    closing.coverage.event_window = EventWindow(seconds=3000.0, oldest=before(50))
    made = collect(notebook_of(steps(), opening=start(), closing=closing))
    assert fact(made, "changed") == "no change was seen; events reach back 50 min"


def test_causes_of_the_same_name_are_listed_once() -> None:
    results = steps()
    first = next(one for one in results if one.id == "DP-09").findings[0]
    for at in range(3):
        other = msgspec.structs.replace(first, code="ContainerExitedError", severity="warning")
        other.subject = msgspec.structs.replace(first.subject, name=f"other-{at}")
        other.affected, other.owner, other.title = [f"other-{at}"], "", "Container app exits"
        results[8].findings.append(other)
    also = fact(collect(notebook_of(results, opening=start(), closing=summary())), "also")
    assert also.count("Container app exits") == 1


def test_the_first_screen_names_what_was_not_read_without_its_whole_path() -> None:
    closing = summary()
    path = "apis/apps/v1/namespaces/shop/deployments"
    closing.coverage = Coverage(refused=[Refusal(path=path, what=f"read {path}", why="forbidden")])
    made = collect(notebook_of(quiet(), opening=start(), closing=closing))
    assert "(read deployments)" in made.coverage_line
    assert path not in made.coverage_line
