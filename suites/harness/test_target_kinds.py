"""Each kind of target is known to everybody who goes by its name."""

from __future__ import annotations

from typing import get_args

import pytest

from fixtures.evidence.records import TargetName
from fixtures.run.choose import TARGETS
from fixtures.scenario.target_kinds import BY_CONTEXT, DEFAULT_TARGET, TRAITS, guarded


def test_every_name_has_its_traits_and_can_be_opened() -> None:
    names = set(get_args(TargetName))

    assert names == set(TRAITS) == set(TARGETS)
    assert {DEFAULT_TARGET, BY_CONTEXT} <= names


@pytest.mark.parametrize(("name", "trust"), [("embedded", False), ("kind", True), ("nouse", True)])
def test_what_reaches_beyond_the_run_needs_trust(name: str, *, trust: bool) -> None:
    assert guarded(name) is trust


def test_only_a_simulated_target_ends_with_its_run() -> None:
    ended = {name for name, row in TARGETS.items() if row.left is None}

    assert ended == {name for name, traits in TRAITS.items() if traits.simulated}
