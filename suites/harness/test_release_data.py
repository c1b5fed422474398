"""Data sets in files: found in order, refused with file and key, the old ones untouched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.errors import BadInput
from fixtures.releases.knowledge import Named, age, refuse_future, take
from fixtures.releases.places import UPDATED, VARIABLE, user_folder
from fixtures.releases.reading import read_data_set
from fixtures.scenario.loading import load
from policies.planning.advisories import applicable, relevant
from policies.releases import Catalogue, catalogue, use
from policies.releases.grammar import parse
from policies.skew.hops import Hop

NEW = "edge-26.11.2"
HEAD: dict[str, Any] = {"schema": 1, "date": "2026-11-30", "source": "a test"}
STATED = {**HEAD, "releases": {NEW: {"logical": "2.21"}}}
ADVISORY = """
[[advisory]]
id = "ours-1"
from = "2.18"
to = "2.19"
severity = "X"
title = "Our ingress needs the old port"
note = "Write down what bit us."
condition = "extension"
arguments = ["viz"]
source = "incident 12"
"""


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv(VARIABLE, raising=False)
    yield
    use([])


def write(path: Path, values: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values) if not isinstance(values, str) else values)
    return path


def test_the_first_place_that_says_a_thing_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(logical: str) -> dict[str, Any]:
        return {**HEAD, "releases": {NEW: {"logical": logical}}}

    write(user_folder() / "update.json", said("2.23"))
    assert str(take().stated(_version(NEW))) == "2.23"
    monkeypatch.setenv(VARIABLE, str(write(tmp_path / "env.json", said("2.22"))))
    assert str(take().stated(_version(NEW))) == "2.22"
    named = write(tmp_path / "named.json", said("2.21"))
    known = take(Named(releases=str(named)))
    assert str(known.stated(_version(NEW))) == "2.21"
    assert [p.name for p in known.provenance] == [
        "named.json",
        "env.json",
        "update.json",
        "shipped",
    ]
    assert known is catalogue()


def test_a_folder_has_a_file_per_section(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write(folder / "dataset.toml", 'schema = 1\ndate = 2026-11-30\nsource = "a test"\n')
    write(folder / "releases.toml", f'["{NEW}"]\nlogical = "2.21"\n')
    assert read_data_set(folder).releases[NEW].logical == "2.21"
    write(folder / "secrets.toml", "")
    with pytest.raises(BadInput, match=r"secrets\.toml is no section"):
        read_data_set(folder)


def test_a_scenario_states_a_release_or_names_a_file(tmp_path: Path) -> None:
    table = write(tmp_path / "s.toml", f'to = "{NEW}"\n[releases."{NEW}"]\nlogical = "2.21"\n')
    load(table, {})
    assert str(catalogue().stated(_version(NEW))) == "2.21"
    load(None, {"releases": str(write(tmp_path / "r.json", STATED))})
    assert catalogue().provenance[0].name == "r.json"
    load(None, {})
    assert [p.name for p in catalogue().provenance] == ["shipped"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({**HEAD, "schema": 2}, "schema 2"),
        ({**HEAD, "schema": True}, "`schema` is missing"),
        ({"date": "2026-11-30"}, "`schema` is missing"),
        ({**HEAD, "realeases": {}}, "did you mean `releases`"),
        ({**HEAD, "releases": {NEW: {"logicl": "2.21"}}}, "did you mean"),
        ({**HEAD, "releases": {NEW: {"logical": 3}}}, "releases"),
        ({**HEAD, "releases": {NEW: {"logical": "2.1"}}}, "goes back"),
        ({**HEAD, "date": "soon"}, "date"),
        (json.dumps(STATED)[:40], "not JSON"),
        ("[]", "no table"),
        ("[" * 5000, "not JSON"),
        ("", "not JSON"),
        ({**HEAD, "source": [[[[{}]]]]}, "source"),
    ],
)
def test_a_bad_data_set_is_named_and_nothing_changes(
    values: object, told: str, tmp_path: Path
) -> None:
    before = catalogue().digest
    path = write(tmp_path / "bad.json", values)
    with pytest.raises(BadInput) as refused:
        take(Named(releases=str(path)))
    assert told in str(refused.value)
    assert "bad.json" in str(refused.value)
    assert refused.value.exit_code == 4
    assert catalogue().digest == before


def test_a_data_set_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"absent\.json"):
        take(Named(releases=str(tmp_path / "absent.json")))


def test_advisories_of_ones_own_fire(tmp_path: Path) -> None:
    write(tmp_path / "notes" / "ours.toml", ADVISORY)
    take(Named(advisories=str(tmp_path / "notes")))
    hop = Hop(number=1, source_tag="edge-25.4.4", destination_tag="edge-25.10.7")
    assert "ours-1" in [a.id for a in relevant(hop)]
    assert len(catalogue().advisories) == len(Catalogue().advisories) + 1
    use([])
    assert "ours-1" not in [r.id for r in applicable(hop, _facts())]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"extension"', '"extensoin"', "did you mean 'extension'"),
        ('["viz"]', '["viz", "jaeger"]', "takes NAME"),
        ('["viz"]', "[]", "takes NAME"),
        ('"ours-1"', '"19-4"', "is taken"),
        ("severity", "severty", "did you mean"),
        ('"X"', '"fatal"', "severity"),
        ('"2.19"', '"latest"', "not a logical version"),
        ('condition = "extension"', "condition = \"__import__('os')\"", "there is no condition"),
        ("source =", "command = 'id'\nsource =", "Unknown key"),
    ],
)
def test_a_wrong_advisory_is_named_with_its_line(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    first = ADVISORY.replace("ours-1", "ours-0")
    path = write(tmp_path / "ours.toml", first + ADVISORY.replace(old, new))
    with pytest.raises(BadInput) as refused:
        take(Named(advisories=str(path)))
    assert told in str(refused.value)
    assert "ours.toml, line 13" in str(refused.value)


def test_a_month_that_has_not_come_has_no_release() -> None:
    today = date(2026, 12, 1)
    refuse_future(parse("edge-27.1.1"), "--to", today)
    refuse_future(parse("stable-99.1.1"), "--to", today)
    with pytest.raises(BadInput, match=r"edge-27\.2\.1"):
        refuse_future(parse("edge-27.2.1"), "--to", today)


def test_age_is_counted_in_days() -> None:
    assert age(Catalogue(), date(2026, 8, 31)) == 10


def _version(text: str) -> Any:
    from policies.releases.versions import parse

    return parse(text)


def _facts() -> Any:
    from datetime import UTC, datetime

    from policies.facts.cluster import ClusterFacts

    return ClusterFacts(taken_at=datetime(2026, 12, 1, tzinfo=UTC))


def test_a_damaged_update_names_the_command_that_replaces_it() -> None:
    write(user_folder() / UPDATED, '{"schema": 1, "da')

    with pytest.raises(BadInput) as bad:
        take()

    assert bad.value.next_command == "rehearse releases update"
