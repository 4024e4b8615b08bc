"""A browser for the tests that look at the page as a reader does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import report

from .samples import PARAMETERS, incident

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def html() -> str:
    """The incident's page."""
    nb = incident()
    return report.to_html(report.collect(nb, parameters=PARAMETERS), nb)


@pytest.fixture
def shown(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """`shown(html, width=390, height=844)` is the page loaded from a file, as a mail or ticket would."""
    contexts = []

    def load(html: str, *, width: int = 1280, height: int = 800, scheme: str = "light") -> Any:
        path = tmp_path / "report.html"
        path.write_text(html, encoding="utf-8")
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.seen = []
        page.on("dialog", lambda dialog: (page.seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: page.seen.append(f"console {message.text}"))
        page.on("pageerror", lambda error: page.seen.append(f"error {error}"))
        page.on("request", lambda request: page.seen.append(f"request {request.url[:80]}"))
        page.goto(path.as_uri())
        return page

    yield load
    for context in contexts:
        context.close()
