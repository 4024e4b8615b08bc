"""Terminal and cell text: verdict first, no control characters, commands in one piece."""

from __future__ import annotations

import re

import pytest

from kuberunbooks import report
from kuberunbooks.findings import Failure, Finding, StepResult, Subject, Summary

from .samples import PARAMETERS, incident, notebook_of, route, start, steps, summary

CRASHES = next(one for one in steps() if one.id == "DP-09")


def test_the_terminal_says_verdict_then_what_to_do_then_where_the_files_are() -> None:
    text = str(
        report.terminal(report.collect(incident(), parameters=PARAMETERS), {"report.html": "out/report.html"})
    )
    verdict, do_next = text.index("is killed for memory"), text.index("Do next")
    assert text.startswith(" ✖ CRITICAL ")
    assert verdict < do_next < text.index("out/report.html")
    assert "\n     kubectl logs web-6d5f7c9b8-x2x4l -c app -n shop --previous --tail=50\n" in text
    assert "[changes the" in text


def test_a_command_is_never_wrapped_on_the_terminal() -> None:
    results = steps()
    long = "kubectl get pods " + " ".join(f"web-{at}" for at in range(40))
    results[8].findings[0].next[0].command = long
    nb = notebook_of(results, opening=start(), closing=summary())
    assert long in str(report.terminal(report.collect(nb, parameters=PARAMETERS)))


def test_a_terminal_gets_no_escape_of_the_clusters() -> None:
    results = steps()
    results[8].findings[0].summary = "\x1b]0;title\x07\x1b[2Jgone\x9b31m\u202eback"
    results[8].findings[0].evidence[0] = type(results[8].findings[0].evidence[0])("a\x1b[1m", "b", "c\r\x08")
    for text in (report.text_of(results[8]), report.html_of(results[8])):
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r", "\x08"} & set(text) or text.startswith("<div")
    nb = notebook_of(results, opening=start(), closing=summary())
    text = str(report.terminal(report.collect(nb, parameters=PARAMETERS)))
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)


def test_a_quiet_step_is_one_line() -> None:
    quiet = StepResult(id="DP-02", name="s", title="Is every pod on a node?", verdict="Nothing wrong found")
    assert report.text_of(quiet) == "✔ DP-02 Is every pod on a node? [good] Nothing wrong found"


def test_the_way_of_a_request_is_told_hop_by_hop_also_when_all_is_well() -> None:
    quiet = StepResult(
        id="SV-16", name="s", title="Where?", verdict="Nothing wrong found", exhibits=[route()]
    )
    lines = report.text_of(quiet).splitlines()
    assert lines[1:] == [
        "  The way of a request",
        "    ✔ Client pod/client: fine",
        "    ○ DNS: not checked",
        "    ▲ Service web-with-a-rather-long-name-as-people-give-them: something is wrong",
        "    ✖ Pods deployment/web: none is ready",
    ]


def test_a_step_that_had_nothing_to_look_at_says_so_and_does_not_look_fine() -> None:
    blind = StepResult(id="SV-04", name="s", title="Name?", status="skipped", verdict="No lookup was made.")
    text = report.text_of(blind)
    assert "good" not in text
    assert text.endswith("No lookup was made.")


def test_a_step_that_found_something_says_verdict_evidence_and_what_to_do_in_that_order() -> None:
    text = report.text_of(CRASHES)
    verdict = text.index("Container app of 2 of 3 pods")
    evidence = text.index("lastState.terminated.reason = OOMKilled")
    assert verdict < evidence < text.index("kubectl logs web-6d5f7c9b8-x2x4l")
    assert "api/v1/namespaces/shop/pods#web-6d5f7c9b8-x2x4l" in text
    assert "12431 runtime: out of memory" in text


def test_the_opening_cell_says_why_it_could_not_look() -> None:
    opening = start()
    opening.failure = Failure(error="Unreachable", sentence="No connection.", advice="Look.", exit_status=3)
    assert "COULD NOT CHECK: No connection." in report.text_of(opening)
    assert "No connection." in report.html_of(opening)
    assert "Look." in report.html_of(opening)


@pytest.mark.parametrize(
    "data", [start(), *steps(), summary(), Summary()], ids=lambda one: type(one).__name__
)
def test_a_cells_html_has_no_script_and_escapes_its_text(data: object) -> None:
    html = report.html_of(data)  # type: ignore[arg-type]
    assert "<script" not in html
    assert "&#39;memory&#39;" in html or "memory']" not in html


def test_the_closing_cell_shows_the_verdict_of_the_report_and_what_to_do_next() -> None:
    closing = report.compose(start(), steps(), summary())
    collected = report.collect(incident(), parameters=PARAMETERS)
    assert closing.verdict == collected.verdict
    assert closing.coverage_line == collected.coverage_line
    text, html = report.text_of(closing), report.html_of(closing)
    assert text.startswith("✖ CRITICAL")
    for shown in (text, html):
        assert "is killed for memory at its 64Mi limit" in shown
        assert "kubectl rollout undo deployment/web" in shown
    assert '<svg class="drawing"' in html


def test_a_refused_step_shows_what_the_server_said() -> None:
    text = report.text_of(next(one for one in steps() if one.status == "refused"))
    assert "[could not be read]" in text
    assert "nodes is forbidden" in text


@pytest.mark.parametrize("columns", [60, 80])
def test_prose_keeps_within_a_narrow_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = str(report.terminal(report.collect(incident(), parameters=PARAMETERS)))
    prose = [line for line in text.splitlines() if "kubectl" not in line]
    assert max(map(len, prose)) <= columns
    assert any(len(line) > columns - 20 for line in prose)


def test_evidence_from_one_object_names_the_object_once() -> None:
    finding = CRASHES.findings[0]
    assert len(finding.evidence) == 2
    source = finding.evidence[0].source
    one = StepResult(id="DP-09", name="s", title="t", status="critical", findings=[finding])
    assert report.text_of(one).count(f"read from {source}") == 1
    assert report.html_of(one).count('class="place"') == 1


def test_a_cell_opens_the_cause_and_folds_the_symptom_and_what_is_the_same_again() -> None:
    def about(code: str, name: str) -> Finding:
        subject = Subject(kind="Pod", namespace="shop", name=name)
        return Finding(
            code=code, severity="critical", subject=subject, summary=f"{code} of {name}", affected=[name]
        )

    findings = [
        about("ContainerExitedError", "a"),
        about("ContainerExitedError", "b"),
        about("CrashLoop", "a"),
    ]
    step = StepResult(id="DP-09", name="s", title="t", status="critical", findings=findings)
    html = report.html_of(step)
    items = re.findall(
        r'<details class="item critical"( open)?><summary>.*?</svg>(.*?)</summary>', html, re.S
    )
    assert items == [
        (" open", "ContainerExitedError of a"),
        ("", "ContainerExitedError of b"),
        ("", "CrashLoop of a"),
    ]


def test_a_step_below_an_opening_that_failed_says_it_was_not_run() -> None:
    step = StepResult(id="DP-02", name="s", title="t", status="skipped", verdict="Nobody answered.")
    assert report.text_of(step) == "○ DP-02 t [not looked at] Nobody answered."
    assert "not looked at" in report.html_of(step)
