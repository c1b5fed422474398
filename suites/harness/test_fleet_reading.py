"""Fleet files: what holds for whom, and everything that is wrong in one message."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.commands.fleet import plan
from fixtures.core.errors import BadInput
from fixtures.fleet.reading import read_fleet
from suites.harness.snapshots import FIRST, cluster, recorded, written

DEFAULTS = '[defaults]\nto = "edge-25.10.7"\n'


def fleet_file(folder: Path, text: str) -> Path:
    path = folder / "fleet.toml"
    path.write_text(text)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("a", "b", "snaps/x", "snaps/y"):
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        written(path, cluster())
    return tmp_path


def test_a_cluster_goes_before_its_group_and_the_group_before_the_defaults(place: Path) -> None:
    (place / "own.toml").write_text("soak = 1\n")
    path = fleet_file(
        place,
        f"""{DEFAULTS}tools = "."
[groups.late]
to = "edge-26.6.3"
[groups.early]
[[clusters]]
name = "a"
snapshot = "a.json"
group = "late"
[[clusters]]
name = "b"
snapshot = "b.json"
group = "late"
to = "edge-25.4.4"
scenario = "own.toml"
[[snapshots]]
folder = "snaps"
group = "early"
""",
    )

    fleet = read_fleet(path)

    assert [(m.name, m.group, m.to) for m in fleet.members] == [
        ("a", "late", "edge-26.6.3"),
        ("b", "late", "edge-25.4.4"),
        ("x", "early", "edge-25.10.7"),
        ("y", "early", "edge-25.10.7"),
    ]
    assert fleet.groups == ("late", "early"), "in the order of the file"
    assert f"--scenario={place / 'own.toml'}" in fleet.members[1].options
    assert all(f"--tools={place}" in m.options for m in fleet.members)


def test_a_context_is_looked_at_and_a_snapshot_rehearsed(place: Path) -> None:
    path = fleet_file(
        place,
        '[[clusters]]\nname = "a"\nsnapshot = "a.json"\n[[clusters]]\nname = "p"\ncontext = "p"\n',
    )

    rehearsed, looked_at = read_fleet(path).members

    assert (rehearsed.suite, looked_at.suite) == ("upgrade", "verify")
    assert looked_at.options == ("--context=p",)


def test_everything_that_is_wrong_is_said_at_once(place: Path) -> None:
    (place / "cut.json").write_text('{"items": [')
    (place / "odd.toml").write_text("soak = -1\n")
    path = fleet_file(
        place,
        """
[[clusters]]
name = "one"
snapshot = "absent.json"
[[clusters]]
name = "two"
snapshot = "cut.json"
[[clusters]]
name = "Three"
snapshot = "a.json"
[[clusters]]
name = "three"
snapshot = "a.json"
[[clusters]]
name = "../etc"
snapshot = "b.json"
[[clusters]]
name = "four"
snapshot = "b.json"
group = "nobody"
[[clusters]]
name = "five"
[[clusters]]
name = "six"
snapshot = "b.json"
scenario = "odd.toml"
[[snapshots]]
folder = "nowhere"
""",
    )

    with pytest.raises(BadInput) as bad:
        read_fleet(path)

    for said in (
        "one: ",
        "two: ",
        "2 clusters are named three",
        "a.json is 2 clusters",
        "'../etc' cannot be the name of a folder",
        "there is no group nobody",
        "five: either `snapshot` or `context`",
        "six: `soak` is out of range",
        "folder nowhere: no snapshot",
    ):
        assert said in bad.value.seen
    assert bad.value.exit_code == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no cluster"),
        ("[[cluster]]\nname = 'a'\n", "did you mean `clusters`"),
        ("[[clusters]]\nsnapshot = 'a.json'\n", "`clusters[0].name` is missing"),
        ("[[clusters]]\nname = 3\nsnapshot = 'a.json'\n", "Wrong value for `clusters[0].name`"),
        ("[groups.x]\nspeed = 3\n", "Unknown key `groups.x.speed`"),
        ("= =", "fleet.toml"),
        ('[[clusters]]\nname = "a"\nsnapshot = "a\\u0000b"\n', "control character"),
        ('[[clusters]]\nname = "x.log"\nsnapshot = "a.json"\n', "name of a folder"),
        ('[[clusters]]\nname = "fleet.json"\nsnapshot = "a.json"\n', "name of a folder"),
    ],
)
def test_a_file_that_is_none_is_one_message(place: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput) as bad:
        read_fleet(fleet_file(place, text))

    assert said in str(bad.value)


def test_a_file_that_is_not_there_is_called_a_fleet_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no fleet file"):
        read_fleet(tmp_path / "absent.toml")


def test_a_plan_says_each_way_and_what_blocks_it(tmp_path: Path) -> None:
    (tmp_path / "x.json.gz").symlink_to(recorded(FIRST))
    two = "".join(
        f'[[clusters]]\nname = "{name}"\nsnapshot = "{file}"\nto = "{to}"\n'
        for name, file, to in (
            ("forth", "x.json.gz", "edge-25.10.7"),
            ("back", str(recorded(FIRST)), "edge-24.8.2"),
        )
    )

    said = list(plan(fleet_file(tmp_path, two)))

    assert any("forth" in line and line.endswith("edge-25.10.7: 1 hop") for line in said)
    (back,) = [line for line in said if "back" in line]
    assert ": blocked: " in back
    assert "Blocker(" not in back
