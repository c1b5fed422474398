"""The engine of a fleet: as many at once as allowed, none twice, and a broken one stops nobody."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from fixtures.core.errors import BadInput
from fixtures.fleet.engine import Progress, folder, inputs, rehearse, verdict
from fixtures.fleet.model import Fleet, Member
from suites.reports.samples import healthy_sample, incomplete_sample, violated_sample

OURS = """
import pathlib, sys, time
place, code = pathlib.Path(sys.argv[1]), int(sys.argv[2])
place.mkdir()
started = place.parent / "started"
with started.open("a") as log:
    log.write(place.name + "\\n")
sys.exit(code)
"""


def fleet(*names: str) -> Fleet:
    members = tuple(Member(name=n, group="", context=n) for n in names)
    return Fleet(name="f", members=members, groups=("",))


def program(codes: dict[str, int], source: str = OURS):
    def command(member: Member, place: Path) -> list[str]:
        return [sys.executable, "-c", source, str(place), str(codes.get(member.name, 0))]

    return command


def quiet(progress: Progress) -> None:
    del progress


def test_each_is_rehearsed_once_and_a_broken_one_stops_nobody(tmp_path: Path) -> None:
    told: list[int] = []

    progress = rehearse(
        fleet("a", "b", "c"),
        tmp_path,
        program({"b": 3}),
        at_once=2,
        tell=lambda p: told.append(len(p.done)),
    )

    codes = {d.member.name: d.exit_code for d in progress.done}
    assert codes == {"a": 0, "b": 3, "c": 0}
    assert sorted((tmp_path / "started").read_text().split()) == ["a", "b", "c"]
    assert progress.red == 1
    assert told[-1] == 3


def test_never_more_at_once_than_allowed(tmp_path: Path) -> None:
    counting = """
import os, pathlib, sys, time
place = pathlib.Path(sys.argv[1])
busy = place.parent / "busy"
busy.mkdir(exist_ok=True)
mine = busy / place.name
mine.touch()
seen = len(list(busy.iterdir()))
(place.parent / f"seen-{place.name}").write_text(str(seen))
mine.unlink()
"""
    rehearse(fleet(*"abcdef"), tmp_path, program({}, counting), at_once=1, tell=quiet)

    assert {p.read_text() for p in tmp_path.glob("seen-*")} == {"1"}


def test_what_has_a_verdict_is_not_rehearsed_again(tmp_path: Path) -> None:
    healthy_sample().write(tmp_path)
    (tmp_path / healthy_sample().name).rename(tmp_path / "a")
    incomplete_sample().write(tmp_path)
    (tmp_path / incomplete_sample().name).rename(tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "ledger.jsonl").write_text("cut off")
    four = fleet("a", "b", "c", "d")
    for member in four.members:
        (tmp_path / f"{member.name}.inputs").write_text(inputs(member))

    progress = rehearse(four, tmp_path, program({}), at_once=2, tell=quiet)

    before = {d.member.name: d.before for d in progress.done}
    assert before == {"a": True, "b": True, "c": False, "d": False}
    assert sorted((tmp_path / "started").read_text().split()) == ["c", "d"]
    assert (tmp_path / "c.died-1" / "ledger.jsonl").read_text() == "cut off", "nothing is deleted"


@pytest.mark.parametrize("changed", ["to", "snapshot", "scenario", "nothing said"])
def test_a_verdict_on_something_else_is_none(tmp_path: Path, changed: str) -> None:
    """Another destination, another file of the same name, or another cluster's bundle."""
    snapshot, scenario = tmp_path / "s.json", tmp_path / "s.toml"
    snapshot.write_text("{}")
    scenario.write_text("soak = 1")
    out = tmp_path / "out"
    healthy_sample().write(out)
    (out / healthy_sample().name).rename(out / "a")
    member = Member(name="a", group="", snapshot=snapshot, scenario=scenario, to="edge-25.10.7")
    if changed != "nothing said":
        (out / "a.inputs").write_text(inputs(member))

    def again(to: str = "edge-25.10.7") -> bool:
        now = Member(name="a", group="", snapshot=snapshot, scenario=scenario, to=to)
        one = Fleet(name="f", members=(now,), groups=("",))
        return not rehearse(one, out, program({}), at_once=1, tell=quiet).done[0].before

    if changed == "nothing said":
        assert again()
        return
    assert not again()
    if changed == "to":
        assert again("edge-26.6.3")
    else:
        {"snapshot": snapshot, "scenario": scenario}[changed].write_text("soak = 2")
        assert again()


def test_a_rehearsal_that_outlived_its_engine_keeps_its_folder(tmp_path: Path) -> None:
    with (tmp_path / "a.held").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BadInput, match="still writes"):
            rehearse(fleet("a"), tmp_path, program({}), at_once=1, tell=quiet)

    assert not (tmp_path / "started").exists()


def test_a_bundle_that_was_altered_has_no_verdict(tmp_path: Path) -> None:
    violated_sample().write(tmp_path)
    place = tmp_path / violated_sample().name
    assert verdict(place) == 1

    with (place / "ledger.jsonl").open("ab") as ledger:
        ledger.write(b" ")

    assert verdict(place) == -1


def test_a_wish_to_end_ends_what_runs_in_order(tmp_path: Path) -> None:
    waiting = """
import pathlib, signal, sys, threading
place = pathlib.Path(sys.argv[1])
def end(*_):
    (place.parent / f"ended-{place.name}").touch()
    sys.exit(2)
signal.signal(signal.SIGINT, end)
(place.parent / f"up-{place.name}").touch()
threading.Event().wait()
"""

    def both_are_up() -> None:
        up = (tmp_path / "up-a", tmp_path / "up-b")
        while not all(p.exists() for p in up):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=both_are_up, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        rehearse(fleet("a", "b", "c"), tmp_path, program({}, waiting), at_once=2, tell=quiet)

    assert {p.name for p in tmp_path.glob("ended-*")} == {"ended-a", "ended-b"}
    assert not (tmp_path / "up-c").exists()


def test_a_folder_is_one_fleets_and_one_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        folder(fleet("a", "b"), out, resume=False),
        pytest.raises(BadInput, match="Another fleet"),
        folder(fleet("a", "b"), out, resume=True),
    ):
        pass
    with pytest.raises(BadInput) as again, folder(fleet("a", "b"), out, resume=False):
        pass
    assert "--resume" in again.value.expected
    with folder(fleet("b", "a"), out, resume=True):
        pass
    with pytest.raises(BadInput) as other, folder(fleet("a"), out, resume=True):
        pass
    assert "the fleet f of 2" in other.value.seen
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(BadInput), folder(fleet("a"), tmp_path / "mine", resume=True):
        pass
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes.txt"], "nothing is written"
