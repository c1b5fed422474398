"""Options of the command line become the keys of a scenario; silence leaves them to the file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, cast

import pytest

from fixtures.core.errors import BadInput
from fixtures.scenario.command_line import overrides, scenario_of
from fixtures.scenario.loading import load
from fixtures.scenario.model import Scenario
from fixtures.scenario.options import (
    FLAG_OPTIONS,
    NUMBER_OPTIONS,
    TEXT_OPTIONS,
    VALUES,
    add_options,
    given_options,
)
from fixtures.scenario.parts import Consent

FIELDS = {"from": "source_tag", "to": "destination_tag", "at": "at_tag"}
"""Keys of a scenario that its struct calls otherwise."""


class CommandLine:
    """Options as pytest reads them, asked for as of its `Config`."""

    def __init__(self, *words: str) -> None:
        parser = pytest.Parser(_ispytest=True)
        add_options(parser)
        self.read: argparse.Namespace = parser.parse(words)

    def getoption(self, name: str, default: Any = None) -> Any:
        return getattr(self.read, name.removeprefix("--").replace("-", "_"), default)


def typed(*words: str) -> pytest.Config:
    return cast("pytest.Config", CommandLine(*words))


def test_silence_says_nothing() -> None:
    config = typed()

    assert {key for key, value in overrides(config).items() if value is not None} == set()
    assert given_options(config) == []
    assert scenario_of(config) == Scenario()


NOTE = """
[[advisory]]
id = "ours-1"
from = "2.18"
to = "2.19"
severity = "I"
title = "t"
note = "n"
condition = "always"
source = "a test"
"""


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    """A value that each option takes, of those with a word or a path."""
    file, folder = tmp_path / "file", tmp_path / "tools"
    file.write_text('{"kind": "List", "apiVersion": "v1", "items": []}')
    folder.mkdir()
    data, notes = tmp_path / "data.json", tmp_path / "notes.toml"
    data.write_text('{"schema": 1, "date": "2026-08-21", "source": "a test"}')
    notes.write_text(NOTE)
    return {
        "--releases": str(data),
        "--advisories": str(notes),
        "--from": "edge-25.4.4",
        "--to": "edge-25.10.7",
        "--at": "edge-25.10.7",
        "--target": "kind",
        "--snapshot": str(file),
        "--kubernetes": "1.30",
        "--context": "here",
        "--cluster-kubeconfig": str(file),
        "--tools": str(folder),
        "--stand-ins": "never",
        "--out": str(tmp_path / "out"),
        "--data-plane": "lazy",
        "--node-image": "kindest/node:v1.30.4",
        "--budget-from-history": str(folder),
    }


@pytest.mark.parametrize("option", TEXT_OPTIONS)
def test_a_word_lands_under_its_key(option: str, values: dict[str, str]) -> None:
    key, _ = TEXT_OPTIONS[option]
    config = typed(option, values[option])

    assert getattr(scenario_of(config), FIELDS.get(key, key)) == values[option]
    assert given_options(config) == [option]


@pytest.mark.parametrize("option", NUMBER_OPTIONS)
def test_a_number_lands_under_its_key(option: str) -> None:
    key, _ = NUMBER_OPTIONS[option]
    config = typed(option, "7.5")

    assert getattr(scenario_of(config), key) == 7.5
    assert given_options(config) == [option]


@pytest.mark.parametrize("option", FLAG_OPTIONS)
def test_a_flag_is_true_or_not_said(option: str) -> None:
    key, _ = FLAG_OPTIONS[option]

    assert getattr(scenario_of(typed(option)), key) is True
    assert overrides(typed())[key] is None


def test_every_word_is_explained_in_the_help() -> None:
    assert set(VALUES) - set(NUMBER_OPTIONS) == set(TEXT_OPTIONS)


def test_no_probes_takes_the_traffic_away() -> None:
    assert scenario_of(typed("--no-probes")).probes is False
    assert given_options(typed("--no-probes")) == ["--no-probes"]


def test_an_option_may_be_given_again() -> None:
    said = overrides(
        typed(
            *("--fault", "a", "--fault", "b"),
            *("--load-images", "x", "y", "--load-images", "edge-25.4.4=z"),
            "--keep",
        )
    )

    assert said["faults"] == ["a", "b"]
    assert said["load_images"] == ["x", "y", "edge-25.4.4=z"]
    assert said["keep"] is True


@pytest.mark.parametrize("option", ["--context", "--cluster-kubeconfig"])
def test_who_names_a_cluster_means_an_existing_one(option: str, values: dict[str, str]) -> None:
    assert scenario_of(typed(option, values[option])).target == "existing"

    with pytest.raises(BadInput, match="name an existing cluster") as told:
        scenario_of(typed(option, values[option], "--target", "kind"))
    assert (told.value.where, told.value.seen) == ("--target", "kind")


def test_a_consent_names_context_and_cluster() -> None:
    scenario = scenario_of(typed("--context", "a=b", "--consent", "a=b=u-1"))

    assert scenario.consent == Consent(context="a=b", cluster_uid="u-1")


@pytest.mark.parametrize("text", ["", "here", "here=", "=u-1"])
def test_half_a_consent_is_none(text: str) -> None:
    with pytest.raises(BadInput) as told:
        overrides(typed("--consent", text))

    assert told.value.where == "--consent"


def test_advisories_are_accepted_once_each_with_commas() -> None:
    config = typed("--acknowledge", "19-4, value-8", "--acknowledge", "19-4,")

    assert scenario_of(config).acknowledged == ("19-4", "value-8")


def test_an_advisory_that_there_is_not_is_answered_with_near_ones() -> None:
    with pytest.raises(BadInput, match="There is no advisory 19-44") as told:
        scenario_of(typed("--acknowledge", "19-44"))

    assert "19-4" in told.value.expected


def test_a_waiver_joins_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(
        '[[waivers]]\ncontrol = "CP-04"\nowner = "a"\nreason = "b"\nexpires = 2099-01-01\n'
    )

    scenario = scenario_of(typed("--scenario", str(file), "--waive", "CP-10"))

    assert [w.control for w in scenario.waivers] == ["CP-04", "CP-10"]


def test_a_file_names_what_runs_only_where_it_is_trusted(tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(f'tools = "{tmp_path}"\n')

    with pytest.raises(BadInput, match="tools"):
        scenario_of(typed("--scenario", str(file)))
    assert scenario_of(typed("--scenario", str(file), "--trust-scenario")).tools == str(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), None),
        (("--rollback",), True),
        (("--rollback", "all"), "all"),
        (("--rollback=all",), "all"),
    ],
)
def test_ways_back_are_asked_for_by_one_option(words: tuple[str, ...], said: object) -> None:
    config = typed(*words)

    assert overrides(config)["rollback"] == said
    assert scenario_of(config).rollback == (said or False)
    assert given_options(config) == (["--rollback"] if said else [])


@pytest.mark.parametrize(("text", "said"), [("true", True), ("false", False), ('"all"', "all")])
def test_a_scenario_says_which_ways_back_are_walked(
    tmp_path: Path, text: str, said: object
) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(f"rollback = {text}")

    assert load(file, {}).rollback == said


def test_no_other_word_says_which_ways_back_are_walked(tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text('rollback = "some"')

    with pytest.raises(BadInput, match="rollback"):
        load(file, {})
