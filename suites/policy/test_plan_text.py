from __future__ import annotations

import pytest
from hypothesis import given

from policies.planning.advisories import applicable
from policies.planning.path import Plan, plan
from policies.releases.grammar import parse
from reports.formats.plan import WIDTH, render
from suites.policy import strategies as sts


@given(sts.plans())
def test_every_hop_its_reasons_and_its_notes_are_in_the_text(found: Plan) -> None:
    text = render(found)
    flat = " ".join(text.split())
    for hop in found.hops:
        assert hop.label in text
        for reason in hop.reasons:
            assert reason in flat
    for upgrade in found.kubernetes_upgrades:
        assert f"! {upgrade}" in flat
    for note in found.notes:
        assert " ".join(note.split()) in flat
    assert text.endswith("\n")
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_blocked_plan_says_so_first_and_how_to_go_on() -> None:
    text = render(plan(parse("edge-25.4.4"), parse("edge-25.10.5")))
    assert "BLOCKED" in text.splitlines()[1]
    assert "-> Use edge-25.10.7 instead." in text


def test_without_hops_only_the_blockers_are_told() -> None:
    text = render(plan(parse("edge-25.4.4"), parse("nonsense")))
    assert text.splitlines()[1].startswith("no path")
    assert "what blocks" in text


def test_advisories_of_a_cluster_are_told_with_what_was_seen() -> None:
    found = plan(parse("edge-25.10.7"), parse("edge-26.6.3"), kubernetes="1.31")
    facts = sts.cluster("edge-25.10.7", ["edge-25.10.7"])
    text = render(found, applicable(found.hops[0], facts))
    assert "20-2" in text
    assert "seen: 2 pods run the proxy as a container" in text
    assert "no concern here" in text
    assert "20-1 " not in text


@pytest.mark.parametrize("part", ["18-1", "18-9", "read this", "can break traffic"])
def test_without_a_cluster_every_note_is_to_be_read(part: str) -> None:
    assert part in render(plan(parse("edge-24.11.8"), parse("edge-25.4.4")))
