"""What is said acts neither on a terminal nor on a CI runner, whoever wrote it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rehearse
from fixtures.core.errors import BadInput
from fixtures.core.plain_text import harmless
from fixtures.run.console import Console
from policies.verdicts.findings import Finding, violated
from reports.build.report import build
from reports.formats import text
from reports.formats.interchange import github
from suites.reports.samples import hostile_sample

COMMANDS = (
    "::error::planted",
    "  ::set-output name=a::b",
    "##[set-env name=PATH]/tmp",
    "text ##vso[task.setvariable variable=a]b",
    "##TeamCity[buildStop]",
    "\x1b[0Ksection_start:1:planted\r\x1b[0K",
)
PLANTED = "a\n" + "\n".join(COMMANDS) + "\u2028::error::b\u202e\x9b31m\x07\x00"
READ = re.compile(
    r"(?im)^\s*::|##\[|##vso\[|##teamcity\[|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]"
)
"""What a terminal or a runner would act on."""


@settings(deadline=None)
@given(st.lists(st.sampled_from([*COMMANDS, ":", "#", "[", "\n", " ", "\t", "\r", "x"])))
def test_nothing_that_acts_is_left(parts: list[str]) -> None:
    assert not READ.search(harmless("".join(parts)))


@settings(deadline=None)
@given(st.text())
def test_it_is_said_the_same_way_twice(anything: str) -> None:
    assert harmless(harmless(anything)) == harmless(anything)


def test_harmless_text_stays_as_it_is() -> None:
    for kept in ("suites/upgrade/test_1.py::test_a", "fe80::1", "# title\n\ttab", "Ümläut → ok"):
        assert harmless(kept) == kept


def test_an_error_says_what_it_is_about_harmlessly() -> None:
    assert not READ.search(str(BadInput(PLANTED, where=PLANTED, seen=PLANTED, cause=PLANTED)))


def test_the_console_says_names_of_a_cluster_harmlessly() -> None:
    said: list[str] = []
    console = Console(said.append, live=False, colour=False)
    finding = Finding(
        control="CP-01",
        severity="blocker",
        step="baseline",
        verdict=violated(PLANTED, expected=PLANTED, seen=PLANTED),
    )

    console.step_started("baseline", PLANTED)
    console.step_failed("baseline", "", BadInput(PLANTED))
    console.found(finding)
    console.say(PLANTED)
    console.end()

    assert not READ.search("".join(said))


def test_summary_and_annotations_of_a_hostile_bundle_are_harmless(tmp_path: Path) -> None:
    bad = violated(PLANTED, expected=PLANTED, seen=PLANTED, cause=PLANTED, next_command=PLANTED)
    sample = replace(hostile_sample(), title=PLANTED, verdicts={"CP-01": bad}, reason=PLANTED)
    report = build(sample.write(tmp_path))

    assert not READ.search(text.render(report))
    for line in github.render(report).splitlines():
        level, _, rest = line.removeprefix("::").partition(" ")
        assert level in ("error", "warning", "notice")
        assert not READ.search(rest)


def test_a_command_line_is_answered_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    assert rehearse.main(["plan", "--from", PLANTED, "--to", "edge-25.4.4"]) == 1

    said = capsys.readouterr()
    assert not READ.search(said.out + said.err)
