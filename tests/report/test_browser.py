"""The page in a browser: nothing runs, nothing loads, everything can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks import report
from kuberunbooks.findings import Failure, StepResult

from .hostile import HARMLESS, PAYLOAD, hostile_notebook, hostile_parameters
from .samples import PARAMETERS, notebook_of, start, steps, summary

pytestmark = pytest.mark.browser

Shown = Callable[..., Any]

PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 800}

BANDS = {"good": "ok", "partly": "info"}
TAGS = """() => [...document.querySelectorAll('*')].map(element => element.localName)"""
HANDLERS = """() => [...document.querySelectorAll('*')].flatMap(element => [...element.attributes])
    .filter(one => one.name.startsWith('on') || /^\\s*javascript:/i.test(one.value)).map(one => one.name)"""


def page_of(nb: Any, parameters: dict[str, Any] | None = None, failure: Failure | None = None) -> str:
    return report.to_html(report.collect(nb, parameters=parameters or PARAMETERS, failure=failure), nb)


def tags(page: Any) -> Counter[str]:
    found = Counter(page.evaluate(TAGS))
    del found["wbr"]
    return found


def test_hostile_text_stays_text(shown: Shown) -> None:
    page = shown(page_of(hostile_notebook(), hostile_parameters()))
    harmless = shown(page_of(hostile_notebook(HARMLESS), hostile_parameters(HARMLESS)))
    assert tags(page) == tags(harmless)
    assert page.evaluate(HANDLERS) == []
    assert page.evaluate("() => window.pwned") is None
    assert [one for one in page.seen if not one.startswith("request file:")] == []
    assert len(page.seen) == 1
    page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
    for place in ("h1", ".facts", ".finding h3", ".evidence", "#timeline tbody", "#steps .log", "#about pre"):
        assert "<script>window.pwned=1;alert(1)</script>" in page.locator(place).first.inner_text(), place
    assert page.locator("body").evaluate("body => getComputedStyle(body).display") != "none"


def test_hostile_text_stays_text_in_a_cell_and_a_failure(shown: Shown) -> None:
    failure = Failure(error="CellFailed", sentence=PAYLOAD, advice=f"`{PAYLOAD}`", exit_status=4)
    opening = start()
    opening.failure, opening.source.user, opening.source.context = failure, PAYLOAD, PAYLOAD
    failed = page_of(notebook_of([], opening=opening), hostile_parameters(), failure)
    closing = report.collect(hostile_notebook(), parameters=hostile_parameters())
    cells = "".join(report.html_of(one) for one in (opening, *steps(), summary(), closing))
    for html in (failed, f"<!doctype html><title>t</title>{cells}"):
        page = shown(html)
        assert page.evaluate(HANDLERS) == []
        assert not {"script", "iframe", "img", "form", "base", "link", "input"} & set(tags(page))
        assert [one for one in page.seen if not one.startswith("request file:")] == []


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_the_first_screen_needs_no_scrolling(shown: Shown, html: str, size: dict[str, int]) -> None:
    page = shown(html, **size)
    for part in (".band", "h1", ".facts div >> nth=3", "#verdict .next li >> nth=2", "#verdict .coverage"):
        box = page.locator(part).bounding_box()
        assert box is not None, part
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= size["height"], part


def test_a_phone_never_scrolls_sideways(shown: Shown) -> None:
    long_name = "web-" + "x" * 240
    page = shown(page_of(hostile_notebook(long_name), hostile_parameters(long_name)), **PHONE)
    page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_nothing_bars_a_screen_reader(shown: Shown, html: str, scheme: str, size: dict[str, int]) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = shown(
        html.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'"),
        **size,
        scheme=scheme,
    )
    page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
    violations = Axe().run(page).response["violations"]
    assert [
        (one["id"], one["impact"], [node["html"] for node in one["nodes"]][:3]) for one in violations
    ] == []


@pytest.mark.parametrize("outcome", ["good", "partly", "unknown", "info", "warning"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_band_can_be_read(shown: Shown, outcome: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    quiet = [one for one in steps() if one.status == "ok"]
    failure = None
    if outcome == "partly":
        quiet.append(StepResult(id="X", name="x", title="X", status="refused", error="no"))
    elif outcome == "unknown":
        failure = Failure(error="Unreachable", sentence="No connection.", advice="Try.", exit_status=3)
    nb = notebook_of(quiet, opening=start(), closing=summary())
    html = page_of(nb, failure=failure)
    if outcome in ("info", "warning"):
        html = html.replace('class="band ok"', f'class="band {outcome}"')
    assert f'class="band {BANDS.get(outcome, outcome)}"' in html
    page = shown(
        html.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'"), scheme=scheme
    )
    violations = Axe().run(page, options={"runOnly": ["color-contrast"]}).response["violations"]
    assert violations == []


def test_a_command_is_selected_whole(shown: Shown, html: str) -> None:
    page = shown(html)
    page.locator("#verdict .command").first.click()
    selected = page.evaluate("() => getSelection().toString().trim()")
    assert selected == "kubectl logs web-6d5f7c9b8-x2x4l -c app -n shop --previous --tail=50"


def test_a_link_opens_what_it_leads_to(shown: Shown, html: str) -> None:
    page = shown(html)
    step = page.locator("details.step", has_text="Is every pod on a node?").first
    assert step.get_attribute("open") is None
    page.locator(".toc a", has_text="Is every pod on a node?").click()
    assert step.get_attribute("open") is not None
    explained = page.locator("#finding-2")
    assert not explained.is_visible()
    page.locator("#steps a[href='#finding-2']").click()
    assert explained.is_visible()


def test_copied_log_lines_bring_no_line_numbers(shown: Shown, html: str) -> None:
    page = shown(html)
    style = page.locator(".log .no").first.evaluate("one => getComputedStyle(one).userSelect")
    assert style == "none"


def test_print_loses_no_folded_content(shown: Shown, html: str) -> None:
    page = shown(html)
    page.emulate_media(media="print")
    hidden = page.evaluate(
        """() => [...document.querySelectorAll('details:not([open]) > :not(summary)')]
            .filter(one => !one.getBoundingClientRect().height
                || !one.checkVisibility({contentVisibilityAuto: true}))
            .map(one => one.outerHTML.slice(0, 80))"""
    )
    assert page.locator("details:not([open])").count() > 3
    assert hidden == []


def test_the_timeline_stays_inside_its_drawing(shown: Shown, html: str) -> None:
    page = shown(html, **PHONE)
    places = page.evaluate(
        """() => { const box = document.querySelector('.drawing').getBoundingClientRect();
            return [...document.querySelectorAll('.drawing .dot > :not(title)')].map(one => {
                const mark = one.getBoundingClientRect();
                return mark.left >= box.left && mark.right <= box.right && mark.bottom <= box.bottom; }) }"""
    )
    assert len(places) >= 12
    assert all(places)
