"""Budgets: what a scenario may name, and what earlier runs allow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.core.errors import BadInput
from fixtures.evidence.bundle import seal
from fixtures.evidence.ledger import LEDGER, Ledger
from fixtures.evidence.records import Resumed, RunEnded, RunStarted, TrafficSeen, Verdict
from fixtures.run.opening.budgets import budgets_of, check_budgets, probed_paths
from fixtures.run.opening.history import read_history
from fixtures.scenario.model import Scenario
from fixtures.scenario.parts import BudgetSpec
from policies.facts.traffic import Budget, Traffic
from policies.planning.path import Plan, plan
from policies.releases.grammar import parse
from policies.traffic import downtime
from suites.policy.traffic_stories import told, traffic, windows

SOURCE, TARGET = "edge-25.4.4", "edge-25.10.7"
STEPS = windows(20, 20)
CLEAN, LOSSY = "." * 40, "." * 25 + "rrr" + "." * 12
WANTED = Scenario(source_tag=SOURCE, destination_tag=TARGET)


def hop() -> Plan:
    return plan(parse(SOURCE), parse(TARGET), kubernetes="1.31")


@pytest.mark.parametrize(
    ("budget", "key"),
    [
        ({"step": "control_plane"}, "budgets[1].step"),
        ({"path": "web *"}, "budgets[1].path"),
        ({"path": "meshed by edge-24.11.8 *"}, "budgets[1].path"),
        ({"kind": "http3"}, "budgets[1].kind"),
        ({"path": "unmeshed *", "kind": "sse"}, "budgets[1].kind"),
        ({"longest_outage": -1.0}, "budgets[1].longest_outage"),
        ({"failed_ratio": 1.1}, "budgets[1].failed_ratio"),
        ({"failed_samples": -1}, "budgets[1].failed_samples"),
    ],
)
def test_a_budget_that_never_applies_is_named_by_its_key(budget: dict[str, Any], key: str) -> None:
    good = BudgetSpec(step="data_plane_upgraded", path="unmeshed *", kind="http-*")
    scenario = Scenario(budgets=(good, BudgetSpec(**budget)))

    with pytest.raises(BadInput) as caught:
        check_budgets(scenario, hop())

    assert caught.value.where == f"scenario: {key}"
    assert caught.value.exit_code == 4


def test_budgets_that_fit_are_taken() -> None:
    specs = [BudgetSpec(path=path, kind=kind) for path, kind in probed_paths(hop()).items()]

    check_budgets(Scenario(budgets=(*specs, BudgetSpec(step="settled"), BudgetSpec())), hop())


def test_a_budget_for_clients_of_another_cluster_needs_a_gateway() -> None:
    budget = (BudgetSpec(path="mirrored http-new"),)

    check_budgets(Scenario(budgets=budget, extensions=("multicluster",)), hop())
    for scenario in (
        Scenario(budgets=budget),
        Scenario(budgets=budget, target="existing"),
        Scenario(budgets=budget, target="kind", extensions=("multicluster",)),
    ):
        with pytest.raises(BadInput, match="mirrored http-new"):
            check_budgets(scenario, hop())


def run_in(folder: Path, seen: Traffic | None, *, verdict: Verdict = "holds", **more: Any) -> Path:
    """A finished run of the same hop, sealed, with this traffic."""
    scenario = WANTED.flattened() | more.pop("scenario", {})
    after: list[Resumed] = more.pop("after", [])
    started: dict[str, Any] = {
        "suite": "upgrade",
        "title": "a run",
        "version": "0",
        "target": "embedded",
        "simulated": True,
        "source": SOURCE,
        "destination": TARGET,
        "scenario": scenario,
        **more,
    }
    ledger = Ledger.create(folder, folder.name)
    ledger.write(RunStarted(**started))
    if seen is not None:
        ledger.write(TrafficSeen(traffic=seen))
    for body in after:
        ledger.write(body)
    ledger.write(RunEnded(exit_code=0, verdict=verdict, seconds=1.0))
    ledger.close()
    seal(folder)
    return folder


def seen(text: str) -> Traffic:
    return traffic(told(text, STEPS), steps=STEPS)


def runs_in(folder: Path, *texts: str) -> Path:
    for number, text in enumerate(texts):
        run_in(folder / f"run-{number}", seen(text))
    return folder


def test_enough_runs_allow_what_they_lost_and_every_loosening_is_noted(tmp_path: Path) -> None:
    history = read_history(runs_in(tmp_path, LOSSY, *[CLEAN] * 18), WANTED)

    found = downtime.within_budget(seen(LOSSY), history.budgets)
    assert found.status == "holds"
    assert "the most of 19 runs" in found.items[0].explained
    loosened = [n for n in history.notes if n.startswith("budget of path web in step 1")]
    assert len(loosened) == 1
    assert "failed ratio 0.15" in loosened[0]
    assert not [n for n in history.notes if "in step 0" in n], "nothing was lost there"


def test_too_few_runs_change_nothing_and_say_so(tmp_path: Path) -> None:
    history = read_history(runs_in(tmp_path, LOSSY, LOSSY), WANTED)

    found = downtime.within_budget(seen(LOSSY), history.budgets)
    assert found.status == "violated"
    assert "2 of 19 runs needed" in found.items[0].expected
    assert "fewer runs than needed (2 to 2 of 19)" in "\n".join(history.notes)


def test_the_scenarios_own_budgets_come_first(tmp_path: Path) -> None:
    history = read_history(runs_in(tmp_path, *[LOSSY] * 19), WANTED)
    strict = Scenario(budgets=(BudgetSpec(step="step 1"),))

    assert budgets_of(strict, history.budgets)[0] == Budget(step="step 1")
    found = downtime.within_budget(seen(LOSSY), budgets_of(strict, history.budgets))
    assert found.status == "violated"


RESUMED = Resumed(step="pruned", unobserved_from=STEPS[0].start, compared_at=STEPS[0].end)
UNLIKE: dict[str, dict[str, Any]] = {
    "between other releases": {"destination": "edge-25.9.1"},
    "on kind": {"target": "kind"},
    "a fault was injected": {"scenario": {"faults[0]": "x.toml"}},
    "it ended as broken": {"verdict": "broken"},
    "another probe interval or probe limit or speed": {"scenario": {"probe_interval": "1.0"}},
    "no finished rehearsal": {"suite": "verify"},
    "it died and was resumed: its traffic is a part": {"after": [RESUMED]},
}


@pytest.mark.parametrize("why", UNLIKE)
def test_runs_that_say_nothing_of_this_one_are_left_out(tmp_path: Path, why: str) -> None:
    run_in(tmp_path / "unlike", seen(LOSSY), **UNLIKE[why])

    history = read_history(tmp_path, WANTED)

    assert history.budgets == ()
    assert f"1 left out: {why}" in history.notes[0]


def test_runs_without_traffic_or_with_a_blind_detector_are_left_out(tmp_path: Path) -> None:
    run_in(tmp_path / "none", None)
    run_in(tmp_path / "blind", msgspec.structs.replace(seen(LOSSY), self_tests=()))

    history = read_history(tmp_path, WANTED)

    assert "0 of 2 runs" in history.notes[0]
    assert "no traffic was probed" in history.notes[0]
    assert "no outage was made on purpose" in history.notes[0]


def test_a_run_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    run_in(tmp_path / "one", seen(CLEAN))
    (tmp_path / "latest").symlink_to("one")

    assert "1 of 1 run in " in read_history(tmp_path, WANTED).notes[0]


def absent(folder: Path) -> Path:
    return folder / "absent"


def empty(folder: Path) -> Path:
    return folder


def a_file(folder: Path) -> Path:
    (folder / "file").write_text("{}")
    return folder / "file"


def damaged(folder: Path) -> Path:
    path = run_in(folder / "damaged", seen(LOSSY)) / LEDGER
    path.write_bytes(path.read_bytes().replace(b"refused", b"timeout"))
    return folder


def no_ledger(folder: Path) -> Path:
    (folder / "strange").mkdir()
    (folder / "strange" / LEDGER).write_text("not a ledger")
    return folder


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (absent, "absent"),
        (empty, "no earlier run"),
        (a_file, "no folder"),
        (damaged, "damaged"),
        (no_ledger, "strange"),
    ],
)
def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, made: Any, named: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_history(made(tmp_path), WANTED)

    assert named in str(caught.value)
    assert "--budget-from-history" in caught.value.where
    assert caught.value.exit_code == 4
