"""The walk over a plan: which step comes when, what stops it, and what it has seen by the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.errors import Broken
from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import StepChanged
from fixtures.evidence.walk import (
    PER_HOP,
    STEPS,
    WAY_BACK,
    WAYS_BACK,
    Rollback,
    length,
    next_step,
    order,
)
from fixtures.run.rehearsal import ACTIONS, LEAVING, Rehearsal, StepUnavailable
from fixtures.run.walk_evidence import Drained, WalkEvidence
from fixtures.scenario.linked_spec import LinkedSpec
from fixtures.scenario.model import Scenario
from fixtures.steps.cli_steps import CliInstaller
from fixtures.steps.context import Cluster
from policies.facts.observations import Canary, PodMoment
from policies.facts.traffic import Traffic
from policies.planning.path import Hop, Plan
from policies.traffic.beside import Beside
from suites.harness.test_session import session
from suites.reports.test_resumed_ledger import AT, PLAN

LINKED = Scenario(extensions=("multicluster",), linked=LinkedSpec(name="west"))


def plan(hops: int) -> Plan:
    each = tuple(
        Hop(number=n, source_tag=f"s{n}", destination_tag=f"s{n + 1}") for n in range(1, hops + 1)
    )
    return Plan(source_tag="s1", destination_tag=f"s{hops + 1}", hops=each)


ROLLBACKS = st.sampled_from((False, True, "all"))


@given(hops=st.integers(0, 4), rollback=ROLLBACKS)
def test_every_hop_is_walked_whole_before_the_next(hops: int, *, rollback: Rollback) -> None:
    every = order(plan(hops), rollback=rollback)

    assert (every[0], every[-1]) == (("baseline", 0), ("settled", 0))
    assert len(every) == len(set(every)) == length(hops, rollback=rollback)
    for number in range(1, hops + 1):
        steps = [step for step, of in every if of == number]
        wanted = [
            s
            for s in STEPS
            if s in PER_HOP
            or (rollback == "all" and s in WAYS_BACK)
            or (rollback and s == WAY_BACK)
        ]
        assert steps == wanted
    assert [of for _, of in every[1:-1]] == sorted(of for _, of in every[1:-1])


def test_each_way_back_follows_the_step_it_leads_back_from() -> None:
    changing = [s for s in PER_HOP if s not in ("preflighted", "cli_upgraded")]

    assert list(WAYS_BACK.values()) == changing
    assert [STEPS[STEPS.index(of) + 1] for of in WAYS_BACK.values()] == list(WAYS_BACK)
    assert WAYS_BACK.keys() <= ACTIONS.keys()
    assert WAYS_BACK.keys() - LEAVING.keys() == {"crds_rolled_back"}, "nothing was taken back"


@given(hops=st.integers(0, 3), rollback=ROLLBACKS)
def test_one_step_leads_to_the_next_until_the_last(hops: int, *, rollback: Rollback) -> None:
    here: tuple[str, int] | None = ("baseline", 0)
    walked: list[tuple[str, int]] = []
    while here is not None:
        walked.append(here)
        here = next_step(plan(hops), *here, rollback=rollback)

    assert tuple(walked) == order(plan(hops), rollback=rollback)


def walk(
    folder: Path,
    name: str = "main",
    *,
    scenario: Scenario | None = None,
    opening: Callable[[str], Cluster] | None = None,
) -> Rehearsal:
    """A rehearsal whose cluster cannot be had, unless told otherwise."""

    def absent(_: str) -> Cluster:
        raise Broken("no cluster")

    run = session(folder / name, [])
    return Rehearsal(
        scenario=scenario or Scenario(),
        plan=PLAN,
        installer=CliInstaller(),
        ledger=run.ledger,
        console=run.console,
        open_cluster=lambda: (opening or absent)(name),
        name=name,
    )


def changes(folder: Path) -> list[tuple[str, str]]:
    bodies = [r.body for r in read(folder / LEDGER).records]
    return [(b.step, b.state) for b in bodies if isinstance(b, StepChanged)]


def test_a_step_that_fails_is_told_once_and_makes_the_others_unavailable(tmp_path: Path) -> None:
    here = walk(tmp_path)

    with pytest.raises(Broken, match="no cluster"):
        here.reach("preflighted", 1)
    with pytest.raises(StepUnavailable, match="the step baseline failed: no cluster"):
        here.reach("preflighted", 1)

    assert here.broken == "the step baseline failed: no cluster"
    assert changes(tmp_path / "main") == [("baseline", "started"), ("baseline", "failed")]


def test_a_bug_in_a_step_is_no_finding_but_breaks_the_run(tmp_path: Path) -> None:
    def wrong(_: str) -> Cluster:
        raise ValueError("a bug")

    here = walk(tmp_path, opening=wrong)

    with pytest.raises(Broken, match="could not take its facts: ValueError"):
        here.reach("baseline")

    assert here.broken


def test_after_a_violated_blocker_no_cluster_is_touched(tmp_path: Path) -> None:
    opened: list[str] = []

    def told(name: str) -> Cluster:
        opened.append(name)
        raise Broken("not asked for")

    here = walk(tmp_path, opening=told)
    here.block("CP-04")
    here.block("CP-05")

    with pytest.raises(StepUnavailable, match="blocked by CP-04"):
        here.reach("settled")

    assert opened == []
    assert changes(tmp_path / "main") == [("baseline", "blocked")]


def test_of_two_linked_clusters_the_other_is_there_before_the_first_links(tmp_path: Path) -> None:
    opened: list[str] = []

    def told(name: str) -> Cluster:
        opened.append(name)
        raise Broken(f"{name} is gone")

    main = walk(tmp_path, scenario=LINKED, opening=told)
    west = walk(tmp_path, "west", scenario=LINKED, opening=told)
    main.link(west)

    with pytest.raises(Broken, match="west is gone"):
        main.reach("baseline")

    assert opened == ["west"]
    with pytest.raises(StepUnavailable, match="west is gone"):
        main.reach("baseline")
    assert (main.leads, west.leads) == (True, False)


def test_a_walk_that_never_opened_a_cluster_ends_well(tmp_path: Path) -> None:
    ending = walk(tmp_path).close()

    assert (ending.problems, ending.left) == ([], {})


def pod(uid: str, *, ended: bool = False) -> PodMoment:
    return PodMoment(namespace="shop", name=uid, uid=uid, born=AT, ended=AT if ended else None)


def drained(*pods: PodMoment, canaries: tuple[Canary, ...] = ()) -> Drained:
    return Drained(canaries=canaries, sightings=(), pods=pods, endpoints=())


def test_windows_leave_no_time_between_two_steps() -> None:
    seen, minute = WalkEvidence(), timedelta(minutes=1)

    seen.probed("baseline", "", begun=AT, ended=AT + minute)
    seen.probed("preflighted", "h", begun=AT, ended=AT + 3 * minute)

    first, second = seen.windows
    assert (first.start, first.end) == (AT, AT + minute)
    assert (second.start, second.end) == (first.end, AT + 3 * minute)


def test_of_each_pod_the_newest_moment_counts() -> None:
    seen = WalkEvidence()

    seen.add(drained(pod("a"), pod("b")))
    seen.add(drained(pod("a", ended=True)))

    assert {p.uid: p.ended for p in seen.pods} == {"a": AT, "b": None}


def test_the_clock_of_the_whole_begins_with_whatever_was_first() -> None:
    seen = WalkEvidence()
    seen.add(drained(pod("a")))

    late = seen.beside(Traffic(), AT + timedelta(minutes=1))

    assert late.clock.zero == AT + timedelta(minutes=1)
    assert late.pods == (pod("a"),)
    assert seen.beside(None, AT) == Beside(), "without traffic nothing is beside it"
