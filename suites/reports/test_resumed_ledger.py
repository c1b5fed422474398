"""A ledger that was cut off is gone on with; what a run that died had completed is read of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from fixtures.core.errors import BadInput
from fixtures.evidence.bundle import MANIFEST, open_bundle, seal, unseal
from fixtures.evidence.ledger import LEDGER, Clocks, Ledger, LedgerError, read
from fixtures.evidence.records import (
    VERDICTS,
    FactsTaken,
    FindingMade,
    Note,
    Planned,
    Resumed,
    RunEnded,
    RunStarted,
    StepChanged,
    superseded_by,
)
from fixtures.run.resuming.interrupted_run import folder_of, read_died
from fixtures.scenario.model import Scenario
from fixtures.scenario.parts import Consent, ExtensionSpec
from policies.facts.cluster import ClusterFacts
from policies.planning.path import Hop, Plan
from policies.verdicts.findings import Finding, holds, not_assessed
from reports.build.report import build

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOP = Hop(number=1, source_tag="edge-25.4.4", destination_tag="edge-25.10.7")
PLAN = Plan(source_tag=HOP.source.text, destination_tag=HOP.destination.text, hops=(HOP,))
SCENARIO = Scenario(
    source_tag=HOP.source.text,
    consent=Consent(context="here", cluster_uid="u"),
    extensions={"viz": ExtensionSpec()},
)
NOTE = Note(text="something a reader must know")


def finding(control: str, step: str, hop: str = HOP.label, test: str = "t") -> FindingMade:
    verdict = holds("it held") if test else not_assessed("not observed")
    return FindingMade(
        finding=Finding(
            control=control, severity="blocker", step=step, hop=hop, test=test, verdict=verdict
        )
    )


def began(folder: Path, *, target: Literal["embedded", "existing"] = "existing") -> Ledger:
    ledger = Ledger.create(folder, "run")
    ledger.write(
        RunStarted(
            suite="upgrade",
            title="t",
            version="0",
            target=target,
            simulated=True,
            settings=SCENARIO.encoded(),
        )
    )
    ledger.write(Planned(plan=PLAN))
    return ledger


def went(ledger: Ledger, step: str, hop: str = "", *, minute: int, reached: bool = True) -> None:
    """A step with its facts; the first facts before it are those after the one before."""
    now = AT + timedelta(minutes=minute)
    ledger.write(StepChanged(step=step, hop=hop, state="started"), cluster_time=now)
    if step == "baseline":
        before = FactsTaken(step=step, when="before", facts=ClusterFacts(taken_at=now))
        ledger.write(before, cluster_time=now)
    if reached:
        later = now + timedelta(seconds=30)
        after = FactsTaken(step=step, hop=hop, when="after", facts=ClusterFacts(taken_at=later))
        ledger.write(after, cluster_time=later)
        ledger.write(StepChanged(step=step, hop=hop, state="reached"), cluster_time=later)


def died(folder: Path, *, code: int | None = None) -> Path:
    """Two completed steps with a finding each, and one that was under way."""
    with began(folder) as ledger:
        went(ledger, "baseline", minute=0)
        went(ledger, "preflighted", HOP.label, minute=1)
        ledger.write(finding("PRE-01", "preflighted"))
        ledger.write(finding("CP-08", "control_plane_upgraded", test=""))
        went(ledger, "cli_upgraded", HOP.label, minute=2, reached=False)
        ledger.write(finding("CLI-01", "cli_upgraded"))
        if code is not None:
            ledger.write(RunEnded(exit_code=code, verdict=VERDICTS[code], seconds=1))
    return folder


def test_it_goes_on_after_the_last_whole_record(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, "run") as ledger:
        ledger.write(NOTE)
        last = ledger.write(NOTE)
    with (tmp_path / LEDGER).open("ab") as file:
        file.write(b'{"schema":1,"seq":2,"run":"ru')
    reading = read(tmp_path / LEDGER)
    later = Clocks(utc=lambda: last.at + timedelta(hours=1), monotonic=lambda: 7.0)

    with Ledger.resume(tmp_path, reading, later) as ledger:
        third = ledger.write(NOTE)

    assert reading.cut_off
    assert (third.seq, third.run, third.mono) == (2, "run", round(last.mono + 3600, 6))
    again = read(tmp_path / LEDGER)
    assert not again.problem
    assert again.records == (*reading.records, third)


def test_a_ledger_that_is_still_written_is_refused(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, "run") as ledger:
        ledger.write(NOTE)
        with pytest.raises(LedgerError, match="still runs"):
            Ledger.resume(tmp_path, read(tmp_path / LEDGER))
        ledger.write(NOTE)


def test_a_ledger_that_changed_since_it_was_read_is_refused(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, "run") as ledger:
        ledger.write(NOTE)
    reading = read(tmp_path / LEDGER)
    with (tmp_path / LEDGER).open("ab") as file:
        file.write(b"more\n")

    with pytest.raises(LedgerError, match="changed since"):
        Ledger.resume(tmp_path, reading)


def test_what_was_completed_is_built_again(tmp_path: Path) -> None:
    found = read_died(died(tmp_path / "run"))

    assert [(r.step, r.hop) for r in found.reached] == [("baseline", None), ("preflighted", HOP)]
    assert found.reached[1].before == found.reached[0].after
    assert found.last.ended == AT + timedelta(minutes=1, seconds=30)
    assert found.scenario == SCENARIO
    assert found.plan == PLAN
    assert [f.control for f in found.findings] == ["PRE-01"]
    records = found.reading.records
    gone = [
        r.body.finding.control
        for r in records
        if r.seq in found.superseded and isinstance(r.body, FindingMade)
    ]
    assert gone == ["CP-08", "CLI-01"]


def test_a_step_that_went_on_after_its_facts_is_compared_as_it_left_the_cluster(
    tmp_path: Path,
) -> None:
    left = ClusterFacts(taken_at=AT + timedelta(hours=1))
    with began(tmp_path / "run") as ledger:
        went(ledger, "baseline", minute=0)
        now = AT + timedelta(minutes=1)
        body = StepChanged(step="rolled_back", hop=HOP.label, state="started")
        ledger.write(body, cluster_time=now)
        back = ClusterFacts(taken_at=now)
        place = {"step": "rolled_back", "hop": HOP.label}
        ledger.write(FactsTaken(**place, when="after", facts=back), cluster_time=now)
        ledger.write(FactsTaken(**place, when="left", facts=left), cluster_time=left.taken_at)
        body = StepChanged(step="rolled_back", hop=HOP.label, state="reached")
        ledger.write(body, cluster_time=left.taken_at)
        went(ledger, "pruned", HOP.label, minute=90)

    found = read_died(tmp_path / "run")

    assert [r.step for r in found.reached] == ["baseline", "rolled_back", "pruned"]
    assert (found.reached[1].after.taken_at, found.reached[1].left) == (now, left)
    assert found.reached[2].before == left


@pytest.mark.parametrize("code", [2, 3])
def test_an_interrupted_or_broken_run_can_go_on_and_its_report_is_whole(
    tmp_path: Path, code: int
) -> None:
    folder = died(tmp_path / "run", code=code)
    seal(folder)
    found = read_died(folder)
    unseal(folder)

    with Ledger.resume(folder, found.reading) as ledger:
        ledger.write(
            Resumed(
                step="preflighted",
                hop=HOP.label,
                unobserved_from=found.last.ended,
                compared_at=AT,
                superseded=found.superseded,
            )
        )
        ledger.write(finding("CLI-01", "cli_upgraded"))
        ledger.write(RunEnded(exit_code=0, verdict="holds", seconds=2))

    report = build(seal(folder))
    assert report.origin.problems == ()
    assert report.verdict.word == "holds"
    assert sorted(e.control for e in report.findings) == ["CLI-01", "PRE-01"]
    assert report.counts.findings == 2
    assert len(superseded_by(read(folder / LEDGER).records)) == 2


def test_records_after_the_end_are_still_told_of_when_nobody_resumed(tmp_path: Path) -> None:
    folder = died(tmp_path / "run", code=2)
    with Ledger.resume(folder, read(folder / LEDGER)) as ledger:
        ledger.write(NOTE)

    assert "after the closing record" in build(open_bundle(folder)).origin.problems[-1]


@pytest.mark.parametrize("code", [0, 1, 6])
def test_a_verdict_is_final(tmp_path: Path, code: int) -> None:
    with pytest.raises(BadInput, match=f"has ended, with the verdict `{VERDICTS[code]}`"):
        read_died(died(tmp_path / "run", code=code))


def test_a_run_without_a_completed_step_is_refused(tmp_path: Path) -> None:
    with began(tmp_path / "run") as ledger:
        went(ledger, "baseline", minute=0, reached=False)

    with pytest.raises(BadInput, match="No step of that rehearsal was completed"):
        read_died(tmp_path / "run")


def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    file = died(tmp_path / "run") / LEDGER
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:4], b"{garbage}\n", *lines[5:]]))

    with pytest.raises(BadInput, match="damaged"):
        read_died(tmp_path / "run")


def test_a_bundle_that_was_altered_is_refused(tmp_path: Path) -> None:
    folder = died(tmp_path / "run", code=2)
    seal(folder)
    file = folder / LEDGER
    file.write_bytes(file.read_bytes().replace(b"it held", b"it fell"))

    with pytest.raises(BadInput, match="altered"):
        read_died(folder)
    assert (folder / MANIFEST).exists()


def test_a_ledger_without_its_scenario_is_refused(tmp_path: Path) -> None:
    records = read(died(tmp_path / "other") / LEDGER).records
    with Ledger.create(tmp_path / "run", records[0].run) as ledger:
        for record in records:
            body = record.body
            if isinstance(body, RunStarted):
                body = msgspec.structs.replace(body, settings="")
            ledger.write(body, cluster=record.cluster, cluster_time=record.cluster_time)

    with pytest.raises(BadInput, match="does not hold its scenario"):
        read_died(tmp_path / "run")


def test_a_run_that_is_not_there_is_named_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there = died(tmp_path / ".rehearsals" / "20260131T120000Z-a-b")

    with pytest.raises(BadInput, match="20260131T120000Z-a-b"):
        folder_of("20260131T120000Z-a-c")

    assert folder_of(there.name).resolve() == there
    assert folder_of(str(there / LEDGER)) == there
