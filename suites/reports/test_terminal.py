"""What a person sees on the terminal, and what GitHub shows beside the change."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from reports.formats import summary, text
from reports.formats.interchange import github
from reports.formats.wording import path_of
from reports.model.report import Report


def test_a_failure_can_be_acted_on_from_the_terminal_alone(reports: dict[str, Report]) -> None:
    shown = text.render(reports["violated"], documents=["out/report.html"])
    lines = shown.splitlines()

    assert lines[0].startswith("VIOLATED  edge-25.4.4 → edge-25.10.7")
    assert "simulated" in lines[0]
    for entry in reports["violated"].failures:
        assert any(line.startswith(f"violated {entry.control}  ") for line in lines)
        assert f"  next          {entry.next_command}" in lines
    assert "report: out/report.html" in lines


def test_advice_is_told_apart_from_failures(reports: dict[str, Report]) -> None:
    shown = text.render(reports["healthy"])

    assert re.search(r"^advice PRE-08", shown, re.MULTILINE)
    assert "\nviolated " not in shown


def test_each_waived_control_is_named_with_who_answers_for_it(
    reports: dict[str, Report],
) -> None:
    report = reports["violated"]
    (waived,) = report.waived
    twice = replace(report, findings=(*report.findings, replace(waived, hop="hop 2")))

    for shown in (text.render(report), text.render(twice)):
        lines = [line for line in shown.splitlines() if line.startswith("waived ")]
        assert lines == ["waived CP-04  mesh team, until 2026-03-31: planned rotation"]
    assert "waived" not in text.render(reports["healthy"])


def test_reasons_for_not_assessing_are_shown_required_ones_first(
    reports: dict[str, Report],
) -> None:
    shown = text.render(reports["incomplete"])

    assert shown.index("required  PRE-13") < shown.index("the scenario does not ask")
    assert "secrets: forbidden to user auditor" in shown


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [
        (
            (("context", "my prod"),),
            0,
            [
                "bin/rehearse snapshot --context 'my prod' -o mine.json.gz",
                "bin/rehearse upgrade --snapshot mine.json.gz --to edge-25.10.7",
            ],
        ),
        (
            (("snapshot", "a.json"),),
            6,
            ["bin/rehearse upgrade --snapshot a.json --to edge-25.10.7"],
        ),
        ((), 1, ["bin/rehearse verify --to 2.19"]),
    ],
)
def test_a_look_ahead_says_what_comes_next(
    reports: dict[str, Report], said: tuple[tuple[str, str], ...], code: int, told: list[str]
) -> None:
    healthy = reports["healthy"]
    header = replace(healthy.header, suite="verify", command="bin/rehearse verify --to 2.19")
    verdict = replace(healthy.verdict, exit_code=code)
    look = replace(healthy, header=header, verdict=verdict, scenario=said)

    *_, last = text.render(look).split("\nnext: ")

    assert [line.strip() for line in last.splitlines()[1:]] == told
    assert "\nnext: " not in text.render(healthy)


def test_a_look_is_called_one_wherever_its_verdict_stands_alone(
    reports: dict[str, Report],
) -> None:
    healthy = reports["healthy"]
    look = replace(healthy, header=replace(healthy.header, suite="verify"))

    for render in (summary.render, github.render):
        assert "Linkerd upgrade" in unquote(render(healthy))
        assert "Linkerd, looked at" in unquote(render(look))
        assert "Linkerd upgrade" not in unquote(render(look))
    header = look.header
    assert path_of("verify", header.source, header.destination).startswith("verify edge-")
    assert path_of("upgrade", header.source, header.destination).startswith("edge-")
    assert path_of("verify", "", "") == "verify"


def test_colour_only_when_asked(report: Report) -> None:
    assert "\x1b" not in text.render(report)
    coloured = text.render(report, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == text.render(report)


def test_hostile_names_cannot_move_the_cursor(reports: dict[str, Report]) -> None:
    for shown in (text.render(reports["hostile"]), github.render(reports["hostile"])):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", shown)


def test_annotations_name_blockers_as_errors_and_advice_as_warnings(
    reports: dict[str, Report],
) -> None:
    lines = github.render(reports["violated"]).splitlines()

    assert [line.partition(" ")[0] for line in lines] == ["::error", "::error", "::warning"]
    assert "CP-02" in lines[0]
    assert "%0Anext: kubectl" in lines[0]


def test_annotations_are_escaped(reports: dict[str, Report]) -> None:
    lines = github.render(reports["hostile"]).splitlines()

    for line in lines:
        command = re.fullmatch(r"::(error|warning|notice) title=([^:,]*)::(.*)", line)
        assert command, line
        assert "\n" not in command[3]


def test_a_run_without_a_violation_has_one_line_with_its_verdict(
    reports: dict[str, Report],
) -> None:
    assert "::notice" in github.render(reports["healthy"])
    incomplete = github.render(reports["incomplete"]).splitlines()[-1]
    assert incomplete.startswith("::error")
    assert "incomplete" in incomplete


def test_many_failures_are_summed_up(reports: dict[str, Report]) -> None:
    report = reports["violated"]
    one = report.failures[0]
    many = replace(report, findings=tuple(replace(one, id=f"F{n}") for n in range(40)))

    lines = github.render(many).splitlines()

    assert len([line for line in lines if line.startswith("::error")]) == github.LIMIT
    assert "31 more" in lines[-1]
