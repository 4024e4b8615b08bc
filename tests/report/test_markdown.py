"""summary.md: short, and inert wherever it is pasted."""

from __future__ import annotations

import re

import mistune
import pytest

from kuberunbooks import report
from kuberunbooks.findings import Failure
from kuberunbooks.report.markdown import escape, fence

from .hostile import PAYLOAD, hostile_notebook, hostile_parameters
from .samples import PARAMETERS, incident, notebook_of, start, steps

GFM = mistune.create_markdown(
    escape=False, plugins=["url", "table", "strikethrough", "task_lists", "footnotes"]
)


def test_the_summary_is_verdict_facts_next_steps_and_coverage() -> None:
    text = report.to_markdown(report.collect(incident(), parameters=PARAMETERS))
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == "**CRITICAL** · pods · shop/deployment/web"
    assert lines[1].startswith("**Container app of 2 of 3 pods of deployment/web is killed for memory")
    assert "```sh\nkubectl rollout undo deployment/web -n shop\n```" in text
    assert "**(changes the cluster)**" in text
    assert lines[-1].startswith("Checked 9 of 11 steps")
    assert len(text) < 2500


def test_the_summary_names_other_causes_but_not_what_the_headline_explains() -> None:
    text = report.to_markdown(report.collect(incident(), parameters=PARAMETERS))
    assert "does not answer its readiness probe" in text
    assert "keeps crashing" not in text


def test_a_run_that_stopped_says_so_beside_what_it_found() -> None:
    dead = Failure(error="KernelDied", sentence="The kernel died.", advice="Run again.", exit_status=4)
    nb = notebook_of(steps()[:9], opening=start())
    text = report.to_markdown(report.collect(nb, parameters=PARAMETERS, failure=dead))
    assert text.startswith("**CRITICAL**")
    assert "The run stopped early: The kernel died." in text


@pytest.mark.parametrize(
    "text",
    [
        PAYLOAD,
        "[click](https://evil.example) ![x](https://evil.example/x.png) <https://evil.example>",
        "https://evil.example www.evil.example HTTPS://EVIL.example javascript:alert(1) a@evil.example",
        "# heading", "- item", "1. item", "> quote", "--- ", "=== ", "| a | b |", "~~~sh",
        "```sh", "    code",
        "**bold** _em_ ~~gone~~ `code` \\",
        "[^1]: note", "[x]: https://evil.example", "- [ ] task", "&lt;b&gt; &#60;b&#62;", "a\n\n# b",
    ],
)  # fmt: skip
def test_text_of_the_cluster_is_prose_and_nothing_else(text: str) -> None:
    html = str(GFM(f"before\n\n{escape(text)}\n\nafter"))
    assert set(re.findall(r"</?([a-zA-Z][\w-]*)", html)) <= {"p"}, html


@pytest.mark.parametrize(
    "text", ["@everyone", "ping @sre-team!", "#4711", "!12", "GH-7", "$5", "%3", "&9", "~label"]
)
def test_mentions_and_references_are_broken(text: str) -> None:
    name = re.search(r"[@#!$%&~]?(?:GH-)?[\w-]+$", text.rstrip("!"))
    assert name is not None
    assert name[0] not in escape(text).replace("\\", "").replace("&amp;", "&")
    assert escape(text).replace("\u2060", "").replace("\\", "").replace("&amp;", "&") == text


@pytest.mark.parametrize("command", ["echo '```'", "a\n```\n# b", "`x`", "````"])
def test_a_command_cannot_leave_its_fence(command: str) -> None:
    html = str(GFM(fence(command)))
    assert re.findall(r"</?([a-zA-Z]\w*)", html) == ["pre", "code", "code", "pre"]


def test_the_hostile_summary_renders_to_the_tags_of_the_harmless_one() -> None:
    made = report.collect(hostile_notebook(), parameters=hostile_parameters())
    html = str(GFM(report.to_markdown(made)))
    assert set(re.findall(r"</?([a-zA-Z][\w-]*)", html)) <= {"p", "strong", "ul", "li", "pre", "code"}
    assert "](" not in report.to_markdown(made).replace("\\](", "")
