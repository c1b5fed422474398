"""Sample files: what was written is what is read, in any order, cut off or damaged."""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.prober.outputs import File
from fixtures.prober.records import NONE, RECORD, RESULTS, SAMPLE, STOP, TEXT, Log
from fixtures.traffic.samplefile import SampleFile, SampleFileError
from fixtures.traffic.samples import read_traffic
from fixtures.traffic.timebase import Timebase
from policies.facts.traffic import PathTraffic, Window
from policies.traffic.outages import cells
from policies.traffic.runs import Sample, runs
from suites.policy.traffic_stories import ZERO

START = 1_000_000_000_000
STEP = 20_000_000
WALL = int(ZERO.timestamp()) * 10**9

rows = st.lists(
    st.tuples(
        st.sampled_from([*RESULTS, *["ok"] * 10, "missing"]),
        st.integers(0, 15_000),
        st.integers(0, 400_000),
    ),
    min_size=1,
    max_size=60,
)


def write(path: Path, asked: list[tuple[str, int, int]], shuffle: int = 0) -> list[Sample]:
    """Write a file, samples slightly out of order, and say what a reader should find."""
    spec = {
        "id": "web",
        "kind": "http-new",
        "host": "h",
        "port": 1,
        "interval": 0.02,
        "limit": 1.0,
    }
    log = Log(File(str(path)), {"format": 1, "paths": [spec], "mono_ns": START, "wall_ns": WALL})
    packed: list[bytes] = []
    wanted: list[Sample] = []
    for place, (result, late, total) in enumerate(asked):
        due = START + place * STEP
        unsent = result in ("held", "late", "missing")
        told = "why" if result not in ("ok", "held", "late", "missing") else ""
        begun = due if unsent else due + late * 1000
        wanted.append(
            Sample(
                due=at(due),
                start=at(begun),
                end=at(begun if unsent else begun + total * 1000),
                outcome=result,  # pyright: ignore[reportArgumentType]
                detail=told,
            )
        )
        if result == "missing":
            continue
        times = (NONE,) * 5 if unsent else (late, 1, 1, 1, total)
        number = RESULTS.index(result)
        packed.append(RECORD.pack(SAMPLE, number, 0, place, due, *times, 0, 0, log.text(told), 0))
    order = random.Random(shuffle)
    for start in range(0, len(packed), 16):
        part = packed[start : start + 16]
        order.shuffle(part)
        for body in part:
            log.write(body)
    log.mark(STOP)
    log.close()
    while wanted and wanted[-1].outcome == "missing":
        wanted.pop()
    return wanted


def at(mono: int) -> datetime:
    return ZERO + timedelta(microseconds=(mono - START) // 1000)


def only(path: Path, windows: list[Window], base: Timebase | None = None) -> PathTraffic:
    return read_traffic([path], windows, base).paths[0]


def without_text(found: PathTraffic) -> list[tuple[object, ...]]:
    return [(r.outcome, r.count, r.window, r.first, r.first_end, r.last) for r in found.runs]


@settings(deadline=None)  # how long a file takes depends on the machine
@given(rows, st.integers(0, 9), st.lists(st.integers(1, 900), max_size=3))
def test_a_file_reads_as_the_runs_of_its_samples(
    asked: list[tuple[str, int, int]], shuffle: int, lengths: list[int]
) -> None:
    windows: list[Window] = []
    start = ZERO + timedelta(milliseconds=30)
    for length in lengths:
        end = start + timedelta(milliseconds=length)
        windows.append(Window(step="s", start=start, end=end))
        start = end
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.bin"
        wanted = runs(write(file, asked, shuffle), windows)
        if not wanted or asked[0][0] == "missing":
            return  # the first sample gives the schedule its zero
        found = only(file, windows)

    assert found.runs == wanted
    assert not found.cut_off


@settings(deadline=None)
@given(rows, st.data())
def test_a_damaged_or_cut_file_is_read_as_far_as_it_is_sound(
    asked: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.bin"
        write(file, asked)
        whole = bytearray(file.read_bytes())
        head = 48 * (1 + len(whole) // 48 - records_of_samples(whole))
        place = data.draw(st.integers(min(head, len(whole) - 1), len(whole) - 1))
        whole[place] ^= data.draw(st.integers(1, 255))
        cut = data.draw(st.integers(head, len(whole)))
        file.write_bytes(whole[:cut])
        found = read_traffic([file], [])

    sound = [p for p in found.problems if "damaged" in p]
    assert bool(sound) == (place // 48 * 48 + 48 <= cut)
    assert len(found.paths) == 1


def records_of_samples(whole: bytes | bytearray) -> int:
    """Records after the description, which is what a reader cannot do without."""
    kinds = [whole[i] for i in range(0, len(whole), 48)]
    return len(kinds) - next(i for i, k in enumerate(kinds) if k != TEXT)


@pytest.mark.parametrize(
    "data", [b"", b"short", os.urandom(4800), b"\0" * 480, b'{"paths": []}' * 50]
)
def test_a_file_that_no_prober_wrote_is_named(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "else.bin"
    file.write_bytes(data)

    with pytest.raises(SampleFileError) as error:
        read_traffic([file], [])

    assert str(file) in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SampleFileError):
        read_traffic([tmp_path / "none"], [])


def test_cluster_time_runs_faster_than_the_prober(tmp_path: Path) -> None:
    file = tmp_path / "samples.bin"
    write(file, [("ok", 1000, 5000)] * 10)
    cluster = ZERO + timedelta(days=1)
    base = Timebase(wall=ZERO, cluster=cluster, speed=50.0)
    windows = [Window(step="s", start=cluster, end=cluster + timedelta(seconds=5))]

    found = only(file, windows, base)

    (inside, outside) = found.runs
    assert (inside.count, inside.window) == (5, 0)
    assert (outside.count, outside.window) == (5, -1)
    assert inside.first == cluster + timedelta(seconds=0.05)
    assert (found.path.interval, found.path.limit) == (1.0, 50.0)
    assert found.sight[1].longest_gap == 1.0
    assert found.sight[1].lateness_max == 0.05


class Held:
    """A clock that stood for the first half second of wall time."""

    def at(self, moment: datetime) -> datetime:
        return ZERO + 20 * max(moment - ZERO - timedelta(seconds=0.5), timedelta(0))

    def wall(self, cluster: datetime) -> datetime:
        return ZERO + timedelta(seconds=0.5) + (cluster - ZERO) / 20

    def line(self) -> tuple[list[float], list[float]]:
        stood = ZERO.timestamp() + 0.5
        return [stood - 1, stood, stood + 10], [7.0, 7.0, 17.0]


def test_what_was_given_up_while_the_cluster_stood_is_starved(tmp_path: Path) -> None:
    """Samples are 20 ms apart; those that failed were given up after 90 ms."""
    file = tmp_path / "samples.bin"
    write(file, [(r, 0, 90_000) for r in ("timeout", "ok", "reset", "ok", "timeout", "ok")])
    write_late = tmp_path / "late.bin"
    write(write_late, [("ok", 0, 100)] * 30 + [("timeout", 0, 90_000)] + [("ok", 0, 100)] * 2)
    base = Timebase(wall=ZERO, cluster=ZERO, speed=20.0, clock=Held())
    windows = [Window(step="s", start=ZERO, end=ZERO + timedelta(seconds=20))]

    early, later = only(file, windows, base), only(write_late, windows, base)

    assert [r.outcome for r in early.runs] == ["starved", "ok", "reset", "ok", "starved", "ok"]
    assert [r.outcome for r in later.runs if r.outcome != "ok"] == ["timeout"]
    assert early.sight[0].longest_gap == 0  # nobody could be away while the clock stood
    assert later.sight[-1].longest_gap == pytest.approx(0.4, abs=0.001)


def test_one_path_in_two_files_is_unobserved_between_them(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    write(one, [("ok", 0, 100)] * 5)
    write(two, [("refused", 0, 100)] * 5 + [("ok", 0, 100)] * 5)
    windows = [Window(step="s", start=ZERO, end=ZERO + timedelta(minutes=1))]
    later = Timebase(wall=ZERO, cluster=ZERO + timedelta(seconds=10))

    first = read_traffic([one], windows).paths[0]
    both = read_traffic([one, two], windows).paths[0]

    assert sum(c.answered for c in cells(both).values()) == 10
    assert sum(c.failed for c in cells(both).values()) == 5
    assert only(two, windows, later).runs[0].first - first.runs[0].first == timedelta(seconds=10)


def test_latency_is_counted_per_server_and_sums_to_the_answers(tmp_path: Path) -> None:
    file = tmp_path / "samples.bin"
    write(file, [("ok", 0, 900), ("ok", 0, 40_000), ("refused", 0, 10), ("ok", 0, 90_000_000)])

    (counted,) = only(file, []).latency

    assert sum(counted.counts) == 3
    assert counted.counts[-1] == 1


def test_a_text_that_two_paths_write_at_once_has_one_number(tmp_path: Path) -> None:
    file = tmp_path / "samples.bin"
    log = Log(File(str(file)), {"format": 1, "paths": [], "mono_ns": START, "wall_ns": WALL})
    lock: threading.Lock = log._lock  # pyright: ignore[reportPrivateUsage]
    texts = [
        "a pod with a name longer than one part of a text is",
        "another, that is long as well",
    ]

    with lock:
        writing = [threading.Thread(target=log.text, args=(texts[0],)) for _ in range(8)]
        for thread in writing:
            thread.start()
        time.sleep(0.05)  # until all have found it unwritten
    for thread in writing:
        thread.join()
    numbers = [log.text(text) for text in texts]
    log.close()
    read = SampleFile(file)

    assert [read.text(number) for number in numbers] == texts
