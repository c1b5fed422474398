"""Two clusters in one rehearsal: what the scenario may say, who waits for whom, two on kind."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.errors import BadInput
from fixtures.evidence.walk import PER_HOP
from fixtures.run.opening.opener import Opener
from fixtures.scenario.linked_spec import MAIN, LinkedSpec, awaited
from fixtures.scenario.loading import load
from fixtures.scenario.model import Scenario
from fixtures.targets import kind_marks
from suites.harness.kind_machine import kind_machine
from suites.harness.kind_standins import Machine

Step = tuple[str, int]
LINKED: dict[str, Any] = {"extensions": ["multicluster"], "linked": {"name": "west"}}


def steps(hops: int) -> list[Step]:
    per_hop = [(s, n) for n in range(1, hops + 1) for s in PER_HOP]
    return [("baseline", 0), *per_hop, ("settled", 0)]


def walk(hops: int, first: str, asked: list[tuple[str, Step]]) -> list[tuple[str, Step]]:
    """Steps in the order they are taken when they are asked for in any order."""
    taken: list[tuple[str, Step]] = []
    pending: list[tuple[str, Step]] = []

    def reach(cluster: str, step: Step) -> None:
        if (cluster, step) in taken:
            return
        assert (cluster, step) not in pending, f"{cluster} waits for itself at {step}"
        pending.append((cluster, step))
        position = steps(hops).index(step)
        if position:
            reach(cluster, steps(hops)[position - 1])
        wait = awaited(*step, hops, main=cluster == MAIN, leads=cluster == first)
        if wait is not None:
            reach("west" if cluster == MAIN else MAIN, wait)
        pending.remove((cluster, step))
        taken.append((cluster, step))

    for cluster, step in asked:
        reach(cluster, step)
    return taken


@given(data=st.data(), hops=st.integers(1, 3), first=st.sampled_from([MAIN, "west"]))
def test_whatever_is_asked_for_first_the_order_between_clusters_holds(
    data: st.DataObject, hops: int, first: str
) -> None:
    every = [(c, s) for c in (MAIN, "west") for s in steps(hops)]
    asked = data.draw(st.permutations(every))

    taken = walk(hops, first, asked)

    second = "west" if first == MAIN else MAIN
    at = {pair: i for i, pair in enumerate(taken)}
    assert len(at) == len(every)
    for n in range(1, hops + 1):
        both = [at[c, ("preflighted", n)] for c in (MAIN, "west")]
        extensions = [at[c, ("extensions_upgraded", n)] for c in (first, second)]
        restarted = [at[c, ("data_plane_upgraded", n)] for c in (first, second)]
        assert max(both) < at[first, ("cli_upgraded", n)] < at[second, ("cli_upgraded", n)]
        assert extensions[0] < at[second, ("crds_upgraded", n)]
        assert max(extensions) < restarted[0] < restarted[1]
    assert at["west", ("baseline", 0)] < at[MAIN, ("baseline", 0)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"linked": {"name": "main"}}, "`linked.name`"),
        ({"linked": {"name": "West_1"}}, "`linked.name`"),
        ({"linked": {"name": "west", "first": "east"}}, "`linked.first`"),
        ({"linked": {"name": "west", "exports": ["web"]}}, "`linked.exports`"),
        ({"extensions": ["viz"]}, "extension multicluster"),
        ({"extensions": {"multicluster": {"links": ["west"]}}}, "names a cluster that is there"),
        ({"installation": "helm"}, "by the CLI"),
        ({"target": "existing"}, "of the rehearsal's own"),
    ],
)
def test_what_cannot_be_linked_is_refused_and_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        load(None, {**LINKED, **change})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Machine]:
    with kind_machine(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.parametrize("name", ["", "mine"])
def test_two_kind_clusters_live_side_by_side_and_both_are_deleted(
    here: Machine, tmp_path: Path, name: str
) -> None:
    scenario = Scenario(
        target="kind",
        node_image="kindest/node:v1.31.2",
        cluster_name=name,
        extensions=("multicluster",),
        linked=LinkedSpec(name="west"),
    )
    opener = Opener(scenario, tmp_path / "run", None, tell=lambda _: None)
    other = opener.other()
    assert other is not None
    first, second = opener.target()[0], other.target()[0]

    first.start()
    second.start()

    assert here.clusters == {first.name, second.name}
    assert first.kubeconfig != second.kubeconfig
    assert not name or (first.name, second.name) == ("mine", "mine-west")
    second.stop()
    assert here.clusters == {first.name}, "each deletes its own"
    first.stop()
    assert here.clusters == set()
    assert not list(kind_marks.abandoned())
