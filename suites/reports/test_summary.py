"""The Markdown summary: the verdict first, small, and no text of anybody acts as markup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace

from policies.verdicts.findings import Item, violated
from reports.build.report import build
from reports.formats import summary
from reports.formats.markdown import code, told
from reports.model.report import Report
from suites.reports.samples import HOSTILE, Sample

LIMIT = 1024 * 1024
"""Bytes of a step's summary on GitHub."""
PARSER = MarkdownIt("gfm-like", {"linkify": False})
INERT = {"text", "code_inline", "softbreak"}
MARKUP = st.sampled_from("`*_<>[]()#-+|\\\n:@!$&~ .1/")
ACTIVE = [
    "<script>alert(1)</script>",
    "[text](https://example.com)",
    "![image](https://example.com/x.png)",
    "https://example.com",
    "www.example.com",
    "**bold** _it_ ~~gone~~",
    "@team please",
    "closes #12 and !34",
    "/approve",
    "- a list",
    "1. a list",
    "> a quotation",
    "# a heading",
    "a | b",
    "``` fence",
    "`` a ` b",
    "`unbalanced",
    "<!-- hidden",
    "</details>",
    "$x^2$ and :tada:",
    "a\n\n# b\n/merge",
    "&lt;b&gt;",
    "\\*escaped\\*",
]


def inline(text: str) -> list[Token]:
    """What a parser makes of text that begins a line."""
    blocks = PARSER.parse(text)
    assert [t.type for t in blocks] == ["paragraph_open", "inline", "paragraph_close"], text
    return blocks[1].children or []


@pytest.mark.parametrize("text", ACTIVE)
@pytest.mark.parametrize("shown", [told, code])
def test_what_could_act_is_text_in_a_code_span(shown: Callable[[str], str], text: str) -> None:
    (token,) = inline(shown(text))

    assert token.type == "code_inline"
    assert "".join(token.content.split()) == "".join(text.split())


def test_plain_text_stands_as_it_is_and_quotes_stay_quotes() -> None:
    plain = "3 advisories of the hop, as seen (12.5 s): cr.l5d.io/linkerd/proxy"

    assert told(plain) == plain
    assert told("run `linkerd check` again") == "run `linkerd check` again"
    assert told("edge-25.4.4 -> edge-25.10.7") == "edge-25.4.4 →\u00a0edge-25.10.7"
    assert told("") == ""


@given(st.text(MARKUP | st.characters(), max_size=40))
def test_any_text_is_one_paragraph_of_text_and_code(text: str) -> None:
    shown = told(text)
    if shown:
        assert {t.type for t in inline(shown)} <= INERT
        assert "\n" not in shown


def test_the_verdict_comes_first(report: Report) -> None:
    first = summary.render(report).splitlines()[0]

    assert report.verdict.word in first
    assert ("simulated" in first) == report.header.simulated


def test_every_violated_blocker_is_told_with_its_next_command(reports: dict[str, Report]) -> None:
    report = reports["violated"]
    shown = summary.render(report)

    assert report.failures
    for entry in report.failures:
        assert f"- **{entry.control}** " in shown
        assert f"`{entry.next_command}`" in shown


def test_every_control_stands_below_its_status(report: Report) -> None:
    shown = summary.render(report)

    for entry in (*report.findings, *report.without_finding):
        assert told(entry.control, 40) in shown


def test_hostile_names_are_no_markup(reports: dict[str, Report]) -> None:
    shown = summary.render(reports["hostile"])
    blocks = PARSER.parse(shown)
    html = {t.content.strip() for t in blocks if t.type == "html_block"}
    inlines = [c for t in blocks for c in t.children or []]

    assert "alert(1)" in shown
    assert all(h.startswith("<details><summary>") or h == "</details>" for h in html)
    assert {t.type for t in inlines} <= INERT | {"strong_open", "strong_close"}
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert all(not line or line.lstrip()[0] in "#*-|<" for line in shown.splitlines())


def test_it_fits_into_a_step_whatever_was_found(tmp_path: Path) -> None:
    item = Item(subject=HOSTILE * 50, expected="x", seen="\u20ac`" * 5000)
    long = "\u20ac" * 9000
    bad = violated(HOSTILE * 100, expected=long, seen="`" * 9000, items=[item] * 50, cause=long)
    report = build(Sample(verdicts={"CP-01": bad, "PRE-08": bad}, exit_code=1).write(tmp_path))
    entry, advice = report.failures[0], report.advice[0]
    many = (*(replace(entry, id=f"A{n}") for n in range(1000)), *([advice] * 1000))
    unlike = tuple(replace(e, reason=f"{n} {long}", title=long) for n, e in enumerate(many))

    assert len(summary.render(replace(report, findings=unlike)).encode()) < LIMIT
