"""Opening and beginning a run: values that are whole, and nothing touched before it begins."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from fixtures.core.errors import BadInput, Broken
from fixtures.evidence.ledger import LEDGER, LedgerError, read
from fixtures.evidence.records import FindingMade, Note, Planned, Resumed, RunEnded, RunStarted
from fixtures.run.console import Console
from fixtures.run.opening.history import History
from fixtures.run.opening.open_run import Opened, open_session
from fixtures.run.opening.recognition import What
from fixtures.run.resuming.begun_run import Run, UpgradeRun, VerifyRun, make_run
from fixtures.run.resuming.interrupted_run import Continued, read_died
from fixtures.run.session import Place
from fixtures.scenario.linked_spec import LinkedSpec
from fixtures.scenario.model import Scenario
from fixtures.scenario.parts import Waiver
from policies.verdicts.findings import Finding, holds, violated
from suites.harness.scripted_api import refused, scripted_api
from suites.harness.snapshots import cluster, written
from suites.harness.test_invocation import RUNNING, deployment
from suites.reports.test_resumed_ledger import AT, HOP, PLAN, began, went

NEXT = "edge-25.10.7"


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def snapshot(tmp_path: Path) -> str:
    """A control plane of edge-25.4.4 in a file."""
    parts = map(deployment, ("destination", "identity", "proxy-injector"))
    return str(written(tmp_path / "snapshot.json", cluster(*parts)))


def opened(scenario: Scenario, suite: What = "upgrade", lines: list[str] | None = None) -> Opened:
    said = lines if lines is not None else list[str]()
    return open_session(scenario, suite, Console(said.append, live=False, colour=False))


def begun(folder: Path, scenario: Scenario | None = None, suite: What = "upgrade") -> Run:
    given = opened(scenario or Scenario(), suite)
    named = replace(given, scenario=_in(folder, given.scenario))
    run = make_run(named)
    run.start()
    return run


def _in(folder: Path, scenario: Scenario) -> Scenario:
    return msgspec.structs.replace(scenario, out=str(folder))


def bodies(folder: Path) -> list[object]:
    return [r.body for r in read(folder / LEDGER).records]


def test_an_upgrade_is_opened_with_its_plan_and_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    given = opened(Scenario(destination_tag=NEXT), lines=lines)

    assert given.plan is not None
    assert [(h.source_tag, h.destination_tag) for h in given.plan.hops] == [(RUNNING, NEXT)]
    assert (given.scenario.source_tag, given.scenario.destination_tag) == (RUNNING, NEXT)
    assert given.scenario.kubernetes
    assert lines == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_opened_cannot_be_changed() -> None:
    given = opened(Scenario())

    with pytest.raises(FrozenInstanceError):
        given.plan = None  # pyright: ignore[reportAttributeAccessIssue]


def test_a_look_at_a_snapshot_has_no_plan_and_can_do_nothing(snapshot: str) -> None:
    given = opened(Scenario(snapshot=snapshot), "verify")

    assert given.plan is None
    assert given.snapshot is not None
    assert given.capabilities.names() == set()


def test_an_upgrade_of_a_snapshot_starts_at_what_it_runs(snapshot: str) -> None:
    given = opened(Scenario(snapshot=snapshot, destination_tag=NEXT))

    assert given.scenario.source_tag == RUNNING
    with pytest.raises(BadInput, match="--from does not agree") as told:
        opened(
            Scenario(snapshot=snapshot, source_tag="edge-25.10.7", destination_tag="edge-26.6.3")
        )
    assert told.value.expected == f"--from {RUNNING}, or no --from"


def test_the_way_back_is_a_capability_only_where_it_is_asked_for() -> None:
    assert opened(Scenario(rollback=True)).capabilities.rollback
    assert not opened(Scenario()).capabilities.rollback
    assert not opened(Scenario()).capabilities.released_client, "no client lies there"


def test_faults_are_read_before_anything_begins() -> None:
    given = opened(Scenario(faults=("tap-unavailable",)))

    assert [f.id for f in given.faults] == ["tap-unavailable"]


@pytest.mark.parametrize(
    ("scenario", "suite", "where"),
    [
        (Scenario(), "verify", "pytest suites/verify"),
        (Scenario(snapshot="SNAPSHOT", destination_tag="edge-99.1.1"), "verify", "--to"),
        (Scenario(required=("CP-99",)), "upgrade", "scenario: required or waivers"),
        (
            Scenario(
                waivers=(Waiver(control="XX-1", owner="me", reason="r", expires=date(2026, 1, 1)),)
            ),
            "upgrade",
            "scenario: required or waivers",
        ),
        (
            Scenario(source_tag=NEXT, destination_tag=RUNNING),
            "upgrade",
            f"--from {NEXT} --to {RUNNING}",
        ),
        (Scenario(snapshot="SNAPSHOT", kubernetes="1.20"), "upgrade", "--kubernetes"),
    ],
    ids=["no cluster", "release", "required", "waived", "backward", "kubernetes"],
)
def test_what_is_wrong_is_refused_with_its_place(
    scenario: Scenario, suite: What, where: str, snapshot: str
) -> None:
    if scenario.snapshot:
        scenario = msgspec.structs.replace(scenario, snapshot=snapshot)

    with pytest.raises(BadInput) as told:
        opened(scenario, suite)

    assert told.value.where == where
    assert told.value.exit_code == 4


def test_a_cluster_that_nobody_consented_to_change_is_not_even_asked(tmp_path: Path) -> None:
    with scripted_api(tmp_path, lambda _: refused(500, "InternalError")) as api:
        scenario = Scenario(
            target="existing", context="here", cluster_kubeconfig=str(api.kubeconfig)
        )
        with pytest.raises(BadInput, match="may only be read") as told:
            opened(scenario)

    assert "--consent CONTEXT=UID" in told.value.expected
    assert api.asked == []


def test_a_run_begins_with_its_header_and_no_cluster(tmp_path: Path) -> None:
    run = begun(tmp_path / "run", Scenario(destination_tag=NEXT))

    assert isinstance(run, UpgradeRun)
    assert [walk.cluster for walk in run.walks] == [None]
    header, plan, *more = bodies(tmp_path / "run")
    assert isinstance(header, RunStarted)
    assert (header.source, header.destination, header.target) == (RUNNING, NEXT, "embedded")
    assert header.canary_rate > 0
    assert plan == Planned(plan=run.main.plan)
    assert all(isinstance(each, Note) for each in more)  # e.g. of how old the knowledge is


def test_what_a_person_must_know_comes_after_the_header(tmp_path: Path) -> None:
    given = opened(Scenario())
    run = make_run(
        replace(
            given,
            scenario=_in(tmp_path / "run", given.scenario),
            remarks=("a fork",),
            history=History(notes=("18 runs count",)),
        )
    )

    run.start()

    said = [b for b in bodies(tmp_path / "run") if isinstance(b, Note)]
    assert said == [Note(text="a fork"), Note(step="settled", text="18 runs count")]


def test_a_look_judges_the_snapshot_it_was_opened_with(tmp_path: Path, snapshot: str) -> None:
    run = begun(tmp_path / "run", Scenario(snapshot=snapshot), "verify")

    assert isinstance(run, VerifyRun)
    assert run.walks == ()
    assert run.verification.running().text == RUNNING
    header = bodies(tmp_path / "run")[0]
    assert isinstance(header, RunStarted)
    assert (header.suite, header.target, header.canary_rate) == ("verify", "snapshot", 0.0)


def test_two_linked_clusters_share_ledger_plan_and_blocker(tmp_path: Path) -> None:
    linked = Scenario(extensions=("multicluster",), linked=LinkedSpec(name="west"))

    run = begun(tmp_path / "run", linked)

    assert isinstance(run, UpgradeRun)
    main, west = run.walks
    assert (run.walk("main"), run.walk("west")) == (main, west)
    assert (main.other, west.other) == (west, main)
    assert (west.plan, west.ledger) == (main.plan, main.ledger)
    assert (main.scenario.probes, west.scenario.probes) == (True, False)
    with pytest.raises(KeyError):
        run.walk("east")
    run.block("CP-04")
    assert (main.blocked_by, west.blocked_by) == ("CP-04", "CP-04")


def test_a_run_without_a_finding_ends_as_5_with_its_summary(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")

    run.close()
    ended = run.finish(lambda folder: f"reports of {folder.name}")

    assert (ended.code, ended.summary) == (5, "reports of run")
    last = bodies(tmp_path / "run")[-1]
    assert isinstance(last, RunEnded)
    assert last.exit_code == 5


def test_reports_that_cannot_be_written_are_no_verdict(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    run.session.record("CP-04", holds("kept"), Place("control_plane_upgraded"))
    assert run.session.exit_code() == 0

    def full(_: Path) -> str:
        raise Broken("no room")

    ended = run.finish(full)

    assert ended.code == 3
    assert "no room" in ended.summary


def test_a_bug_in_a_document_is_no_verdict_and_asks_for_a_report(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    run.session.record("CP-04", holds("kept"), Place("control_plane_upgraded"))

    def broken(_: Path) -> str:
        raise AttributeError("with the text of a cluster")

    ended = run.finish(broken)

    assert ended.code == 3
    assert "a bug of the program, not of your cluster: AttributeError" in ended.summary
    assert "with the text of a cluster" not in ended.summary
    assert str(run.session.ledger.path) in ended.summary


def test_of_two_clusters_either_may_break_the_run(tmp_path: Path) -> None:
    linked = Scenario(extensions=("multicluster",), linked=LinkedSpec(name="west"))
    run = begun(tmp_path / "run", linked)
    run.walks[1].broken = "the step baseline failed: west is gone"

    ended = run.finish(lambda _: "")

    assert ended.code == 3
    assert run.session.broken == run.walks[1].broken


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    given = opened(Scenario())

    with pytest.raises(LedgerError):
        make_run(replace(given, scenario=_in(tmp_path / "file" / "run", given.scenario)))


def died_in(folder: Path) -> Continued:
    """A rehearsal that completed two steps, in the second of which a blocker was violated."""
    stopped = Finding(
        control="PRE-01",
        severity="blocker",
        step="preflighted",
        hop=HOP.label,
        test="t",
        verdict=violated("no", expected="a", seen="b"),
    )
    with began(folder) as ledger:
        went(ledger, "baseline", minute=0)
        went(ledger, "preflighted", HOP.label, minute=1)
        ledger.write(FindingMade(finding=stopped))
    return Continued(read_died(folder), AT + timedelta(minutes=9))


def test_a_rehearsal_that_died_is_gone_on_with_where_it_was_left(
    tmp_path: Path, lines: list[str]
) -> None:
    continued = died_in(tmp_path / "run")
    given = opened(Scenario(), lines=lines)
    run = make_run(replace(given, plan=PLAN, continued=continued))
    assert isinstance(run, UpgradeRun)

    run.start()

    assert run.session.folder == tmp_path / "run"
    assert run.session.kept == {"t": continued.died.findings[0]}
    assert run.main.blocked_by == "PRE-01"
    assert run.main.reach("preflighted", 1).step == "preflighted", "it is not walked again"
    assert run.main.cluster is None
    written = bodies(tmp_path / "run")
    assert sum(isinstance(b, RunStarted) for b in written) == 1
    (again,) = [b for b in written if isinstance(b, Resumed)]
    assert (again.step, again.compared_at) == ("preflighted", continued.compared_at)
    assert "2 steps are completed, 1 finding stands" in "".join(lines)
    (gap,) = run.session.unobserved
    assert (gap.step, gap.until) == ("cli_upgraded", None)
    run.session.watched_again(AT)
    assert gap.until == AT
