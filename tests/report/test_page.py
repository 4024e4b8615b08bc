"""report.html as a file: what stands in it, what must not, and how big and slow it may get."""

from __future__ import annotations

import copy
import re
import time
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from kuberunbooks import report
from kuberunbooks.findings import Failure, LogExcerpt, LogLine, StepResult, Summary

from .samples import PARAMETERS, incident, killed_for_memory, notebook_of, start, steps, summary


def page_of(nb: Any, failure: Failure | None = None) -> str:
    return report.to_html(report.collect(nb, parameters=PARAMETERS, failure=failure), nb)


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_one_file_without_script_and_without_anything_loaded(html: str) -> None:
    elements = Elements(html).found
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in elements}
    loading = {"src", "srcset", "data", "poster", "action", "background"}
    assert [attributes for _, attributes in elements if loading & attributes.keys()] == []
    assert "url(" not in html
    assert "@import" not in html
    links = [attributes.get("href") or "" for tag, attributes in elements if tag == "a"]
    assert all(one.startswith(("#", "https://kubernetes.io/")) for one in links)
    assert len(html.encode()) < 150_000


def test_the_page_forbids_itself_to_load_or_run_anything(html: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    assert policy[1] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert html.index("Content-Security-Policy") < html.index("<style>")


def test_every_link_inside_the_page_leads_somewhere(html: str) -> None:
    elements = Elements(html).found
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {one[1:] for _, attributes in elements if (one := attributes.get("href") or "").startswith("#")}
    assert targets <= set(ids)


def test_one_h1_and_no_heading_level_left_out(html: str) -> None:
    levels = [int(tag[1]) for tag, _ in Elements(html).found if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tables_have_captions_and_scopes(html: str) -> None:
    assert html.count("<table>") == html.count("<caption>")
    assert "<th>" not in html


def test_numbers_stand_right_and_what_was_left_out_is_said(html: str) -> None:
    assert re.search(r'<td class="number short">5</td>', html)
    assert "Left out here: 2 rows." in html
    assert "6 of 12,431 lines shown" in html
    assert "31 lines left out" in html
    assert "repeated 5 times" in html


def test_the_html_stored_in_the_notebook_is_never_used() -> None:
    nb = incident()
    for cell in nb.cells:
        for output in cell.get("outputs", ()):
            output.data["text/html"] = "<b>FORGED</b> all is well"
            output.data["text/plain"] = "FORGED"
    assert "FORGED" not in page_of(nb)


def test_the_case_is_opened_again_with_the_same_parameters(html: str) -> None:
    command = "runbook run pods --case case.zip -p namespace=shop -p target=deployment/web -p since=1h"
    assert command in re.sub(r"</?span>", "", html)


def test_the_end_names_parameters_versions_and_redactions(html: str) -> None:
    for text in (
        "incident-4711.zip",
        "v1.33.2",
        "kuberunbooks 0.1.0",
        "2 values (password), 1 value (bearer token)",
    ):
        assert text in html.replace("<wbr>", "")
    assert '<th scope="row">allow_actions</th><td><code>false</code>' in html


def test_code_cells_are_there_but_folded(html: str) -> None:
    assert re.search(r"<details class=\"fold\"><summary><h3>Code of the notebook</h3></summary>", html)
    assert "guide.crashes()" in html


def test_only_steps_that_found_something_serious_are_open(html: str) -> None:
    opened = re.findall(r'<details class="step (\w+)" open>', html)
    assert opened == ["critical"]
    assert html.count('<details class="step ') == 11


def test_a_healthy_run_says_what_was_checked_and_found_good() -> None:
    quiet = [one for one in steps() if one.status == "ok"]
    html = page_of(notebook_of(quiet, opening=start(), closing=Summary()))
    assert "NOTHING WRONG FOUND" in html
    assert "6 steps checked, all good" in html
    assert "Nothing needs doing." in html
    assert 'class="finding ' not in html


@pytest.mark.parametrize("word", ["Unreachable", "KernelDied", "RunTimedOut"])
def test_a_run_that_could_not_look_says_so_first(word: str) -> None:
    failure = Failure(error=word, sentence=f"{word} sentence.", advice="Try `this`.", exit_status=4)
    html = page_of(notebook_of([]), failure)
    assert (
        html.index("COULD NOT CHECK") < html.index(f"{word} sentence.") < html.index("Try <code>this</code>.")
    )
    assert "Nothing needs doing" not in html
    assert "all good" not in html


def test_a_run_that_stopped_after_a_finding_shows_both() -> None:
    failure = Failure(error="KernelDied", sentence="The kernel died.", advice="Run again.", exit_status=4)
    html = page_of(notebook_of(steps()[:9], opening=start()), failure)
    assert "CRITICAL" in html
    assert "The run stopped early: The kernel died." in html
    assert html.count('<details class="step not_run"') == 2


def test_peoples_own_cells_come_through_harmless() -> None:
    evil = (
        '<script>alert(1)</script><style>*{color:red}</style><b onclick="x()" style="x" id="verdict">kept</b>'
    )
    picture = "iVBORw0KGgo="
    extra = [
        new_markdown_cell("# My check\n\n[site](https://example.org) [bad](javascript:alert(1)) "
            f"![x](https://evil.example/x.png) {evil}"),
        new_code_cell(
            "mine()",
            outputs=[
                new_output("stream", text="printed \x1b[31m<b>"),
                new_output("display_data", {"text/html": f"<table><tr><td>cell</td></tr></table>{evil}"}),
                new_output("display_data", {"text/markdown": f"*md* {evil}"}),
                new_output("display_data", {"image/png": picture}),
                new_output("display_data", {"image/png": '"><script>'}),
                new_output("display_data", {"image/svg+xml": "<svg onload='alert(1)'/>"}),
                new_output("display_data", {"application/javascript": "alert(1)", "text/plain": "plain"}),
                new_output("display_data", {"text/vnd.mermaid": "graph", "text/latex": "$x$"}),
                new_output("error", ename="E", evalue="v", traceback=["\x1b[0;31mE\x1b[0m: <i>v</i>"]),
            ],
        ),
    ]  # fmt: skip
    html = page_of(notebook_of(steps(), opening=start(), closing=summary(), extra=extra))
    body = html[html.index("<body>") :]
    assert "<script" not in body
    assert "<style" not in body
    assert "onclick" not in body
    assert body.count('id="verdict"') == 1
    assert '<a href="https://example.org" rel="noopener noreferrer">site</a>' in body
    assert "javascript:" not in body
    assert "evil.example" not in body
    assert "<h4>My check</h4>" in body
    assert "printed &lt;b&gt;" in body
    assert "<td>cell</td>" in body
    assert "<em>md</em>" in body
    assert f"data:image/png;base64,{picture}" in body
    assert "data:image/svg+xml;base64," in body
    assert "E: &lt;i&gt;v&lt;/i&gt;" in body
    assert len(re.findall("<b>kept</b>", body)) == 3


def test_a_runaway_print_is_cut_and_the_cut_is_said() -> None:
    noisy = new_code_cell("loop()", outputs=[new_output("stream", text="x" * 5_000_000)])
    html = page_of(notebook_of(steps(), opening=start(), closing=summary(), extra=[noisy]))
    assert "4,960,000 more characters are in notebook.ipynb" in html
    assert len(html) < 150_000


def test_two_thousand_pods_of_one_cause_stay_readable() -> None:
    one = killed_for_memory()
    one.affected = [f"web-6d5f7c9b8-{at:05}" for at in range(2000)]
    one.count = one.total = 2000
    result = StepResult(id="DP-09", name="crashes", title="Crashes", status="critical", findings=[one])
    html = page_of(notebook_of([result], opening=start(), closing=Summary()))
    assert "all 2,000 pods of deployment/web" in html
    assert "and 1500 more, all named in report.json" in html
    assert html.count("<article") == 1
    assert len(html) < 150_000


def test_two_thousand_findings_without_an_owner_stay_readable() -> None:
    found = []
    for at in range(2000):
        one = copy.copy(killed_for_memory())
        one.owner, one.count, one.total = "", 1, 0
        one.summary = f"Container app of pod web-{at} is killed."
        found.append(one)
    result = StepResult(id="DP-09", name="crashes", title="Crashes", status="critical", findings=found)
    html = page_of(notebook_of([result], opening=start(), closing=Summary()))
    assert html.count("<article") == 1
    assert "The same elsewhere: 1,999 objects" in html
    assert "Only in report.json: 1,499 findings more of this kind." in html
    assert len(html) < 400_000


def timed(nb: Any) -> float:
    began = time.perf_counter()
    page_of(nb)
    return time.perf_counter() - began


def test_the_export_of_a_typical_report_is_quick() -> None:
    page_of(incident())
    assert min(timed(incident()) for _ in range(3)) < 0.15


def test_the_export_is_linear_in_the_log() -> None:
    def noisy(count: int) -> Any:
        lines = [LogLine(number=at, text="error: " + "<&>`/.#:" * 40) for at in range(count)]
        logs = [LogExcerpt(source=f"l{at}", caption="l", lines=lines, total_lines=count) for at in range(4)]
        one = StepResult(id="DP-09", name="c", title="C", status="critical", exhibits=list(logs))
        return notebook_of([one], opening=start(), closing=Summary())

    timed(noisy(10))
    small, large = (min(timed(noisy(count)) for _ in range(3)) for count in (100, 400))
    assert large < 4 * small * 3 + 0.05


def test_nbconvert_makes_the_page_from_a_notebook_that_was_run_by_hand() -> None:
    from nbconvert.exporters import get_exporter

    exporter = get_exporter("kuberunbooks.report.exporter.ReportExporter")()
    html, resources = exporter.from_notebook_node(incident())
    assert "is killed for memory at its 64Mi limit" in html
    assert resources["output_extension"] == ".html"
    assert exporter.export_from_notebook


def test_a_step_that_was_never_reached_is_listed_as_not_run_and_not_introduced() -> None:
    nb = incident()
    step = [at for at, cell in enumerate(nb.cells) if cell.cell_type == "code"][-2]
    nb.cells[step].outputs, nb.cells[step].execution_count = [], None
    nb.cells.insert(step, new_markdown_cell("## Never reached heading"))
    assert "Never reached heading" not in report.to_html(report.collect(nb, parameters=PARAMETERS), nb)


def test_a_run_that_could_not_begin_points_to_no_case() -> None:
    opening = start()
    opening.failure = Failure(error="Unreachable", sentence="Nobody answered.", advice="", exit_status=3)
    nb = notebook_of([], opening=opening, closing=Summary())
    html = report.to_html(report.collect(nb, parameters=PARAMETERS), nb)
    assert "Nobody answered." in html
    assert "--case case.zip" not in html
