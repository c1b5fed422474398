"""Each kind of target is known to everybody who goes by its name."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from fixtures.evidence.target_kinds import BY_CONTEXT, DEFAULT_TARGET, TRAITS, TargetName, guarded
from fixtures.scenario.model import Scenario
from fixtures.targets.base import Provider, provider_of


@pytest.mark.parametrize("name", sorted(TRAITS))
def test_a_name_alone_leads_to_the_module_that_makes_it(name: TargetName) -> None:
    provider = provider_of(name)

    assert isinstance(provider, Provider)
    assert provider.capabilities.simulated is TRAITS[name].simulated


def test_one_line_names_a_target_and_its_traits() -> None:
    assert len(get_args(TargetName)) == len(TRAITS) == 3
    assert {DEFAULT_TARGET, BY_CONTEXT} <= set(TRAITS)


def test_a_scenario_names_one_of_them() -> None:
    assert msgspec.convert({"target": "kind"}, Scenario).traits is TRAITS["kind"]
    with pytest.raises(msgspec.ValidationError, match=r"\$\.target"):
        msgspec.convert({"target": "nouse"}, Scenario)


@pytest.mark.parametrize(("name", "trust"), [("embedded", False), ("kind", True), ("nouse", True)])
def test_what_reaches_beyond_the_run_needs_trust(name: str, *, trust: bool) -> None:
    assert guarded(name) is trust


def test_only_a_simulated_target_ends_with_its_run() -> None:
    ended = {name for name in TRAITS if provider_of(name).left is None}

    assert ended == {name for name, traits in TRAITS.items() if traits.simulated}
