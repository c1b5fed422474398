from __future__ import annotations

import contextlib
import resource
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.core import redaction
from fixtures.evidence.ledger import (
    LEDGER,
    Clocks,
    Ledger,
    LedgerError,
    UnreadableLedgerError,
    parse,
    read,
)
from fixtures.evidence.records import AnyBody, Note, RunEnded
from suites.reports.strategies import of_type

NOTE = Note(text="something a reader must know")


def test_records_are_numbered_timed_and_read_back_equal(tmp_path: Path) -> None:
    moments = iter([10.0, 10.5, 12.25])
    at = datetime(2025, 11, 24, tzinfo=UTC)
    clocks = Clocks(utc=lambda: at, monotonic=lambda: next(moments))

    with Ledger.create(tmp_path, "run", clocks) as ledger:
        written = (ledger.write(NOTE), ledger.write(NOTE, cluster="west", cluster_time=at))

    assert [(r.seq, r.mono, r.cluster, r.cluster_time) for r in written] == [
        (0, 0.5, "main", None),
        (1, 2.25, "west", at),
    ]
    assert read(tmp_path / LEDGER).records == written


@pytest.mark.parametrize("body", get_args(AnyBody), ids=lambda b: b.__name__)
def test_every_kind_of_record_survives_the_ledger(
    body: type, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    number = iter(range(1000))

    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(of_type(body))
    def survives(value: AnyBody) -> None:
        place = folder / str(next(number))
        with Ledger.create(place, "run") as ledger:
            ledger.write(value)
        assert read(place / LEDGER).records[0].body == value

    survives()


@pytest.mark.parametrize(
    "password", ["secret", "holds", "secrets", "embedded", "2000-01", "00000", "schema"]
)
def test_a_password_that_is_a_word_of_the_format_leaves_a_ledger_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setattr(redaction, "_forms", ())
    monkeypatch.setattr(redaction, "_encoded", ())
    redaction.remember([password])
    at = datetime(2000, 1, 1, tzinfo=UTC)

    with Ledger.create(tmp_path, "run", Clocks(utc=lambda: at, monotonic=lambda: 0.0)) as ledger:
        ledger.write(RunEnded(exit_code=0, verdict="holds", seconds=100000.5))
        ledger.write(Note(text=f"with {password}!"), cluster_time=at)

    ended, note = read(tmp_path / LEDGER).records
    assert ended.body == RunEnded(exit_code=0, verdict="holds", seconds=100000.5)
    assert note.body == Note(text="with [removed]!")
    assert note.prev
    assert note.cluster_time == at


def test_each_record_is_on_disk_before_write_returns(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, "run") as ledger:
        for expected in (1, 2, 3):
            ledger.write(NOTE)
            assert len(read(tmp_path / LEDGER).records) == expected


def test_threads_may_write_at_once(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, "run") as ledger:

        def write() -> None:
            for _ in range(200):
                ledger.write(NOTE)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    reading = read(tmp_path / LEDGER)
    assert [r.seq for r in reading.records] == list(range(800))
    assert reading.problem == ""


@given(st.integers(1, 2000))
@settings(deadline=None)
def test_a_ledger_cut_off_anywhere_gives_every_whole_record(missing: int) -> None:
    whole = b"".join(_lines(8))
    text = whole[: max(len(whole) - missing, 0)]
    complete = text.count(b"\n")
    if complete == 0:
        with pytest.raises(UnreadableLedgerError):
            parse(text, "ledger.jsonl")
        return

    reading = parse(text, "ledger.jsonl")

    assert len(reading.records) == complete
    assert reading.truncated == (not text.endswith(b"\n"))
    assert bool(reading.problem) == reading.truncated


def test_damage_in_the_middle_is_told_with_its_line() -> None:
    lines = _lines(5)
    lines[2] = b'{"schema":1,"seq":2,"ru\n'

    reading = parse(b"".join(lines), "ledger.jsonl")

    assert len(reading.records) == 2
    assert reading.truncated
    assert "line 3" in reading.problem
    assert "2 lines after it were not read" in reading.problem


def test_a_missing_record_is_told() -> None:
    lines = _lines(5)
    del lines[1]

    assert "record 2 where record 1" in parse(b"".join(lines), "ledger.jsonl").problem


def _renumbered(lines: list[bytes]) -> list[bytes]:
    """What somebody would make of it who mends the numbers, but not the chain."""
    records = [msgspec.json.decode(line) for line in lines]
    return [msgspec.json.encode({**r, "seq": n}) + b"\n" for n, r in enumerate(records)]


@settings(deadline=None)
@given(
    st.integers(4, 9).flatmap(
        lambda n: st.permutations(range(n)).flatmap(
            lambda order: st.integers(1, n).map(lambda kept: list(order)[:kept])
        )
    )
)
def test_removed_and_reordered_records_show_even_when_they_are_renumbered(
    kept: list[int],
) -> None:
    lines = _lines(max(kept) + 1)
    whole = kept == list(range(len(kept)))

    reading = parse(b"".join(_renumbered([lines[n] for n in kept])), "ledger.jsonl")

    assert (reading.problem == "") == whole


def test_an_altered_record_breaks_the_chain_after_it() -> None:
    lines = _lines(5)
    lines[2] = lines[2].replace(b'"mono"', b'"mono" ')

    problem = parse(b"".join(lines), "ledger.jsonl").problem

    assert "Record 3 does not follow" in problem


def test_a_record_of_another_run_is_told() -> None:
    lines = _lines(4)
    lines[2] = lines[2].replace(b'"run":"run"', b'"run":"ran"')

    assert "another run" in parse(b"".join(lines), "ledger.jsonl").problem


def test_the_chain_goes_on_after_a_resume(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, "run") as ledger:
        ledger.write(NOTE)
        ledger.write(NOTE)
    with Ledger.resume(tmp_path, read(tmp_path / LEDGER)) as ledger:
        ledger.write(NOTE)

    reading = read(tmp_path / LEDGER)

    assert (len(reading.records), reading.problem) == (3, "")


def test_a_newer_schema_is_refused_with_both_numbers() -> None:
    text = b"".join(_lines(2)).replace(b'"schema":2', b'"schema":99')

    with pytest.raises(UnreadableLedgerError) as refused:
        parse(text, "ledger.jsonl")

    assert "schema 99" in str(refused.value)
    assert "up to 2" in str(refused.value)
    assert refused.value.exit_code == 4


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"junk\n", b"[1]\n", b"\x00\xff\n", b'{"schema":1}\n']
)
def test_what_is_no_ledger_is_refused_without_a_traceback(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    path.write_bytes(text)

    with pytest.raises(UnreadableLedgerError, match=r"ledger") as refused:
        read(path)

    assert str(path) in str(refused.value)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_no_bytes_break_the_reader(text: bytes) -> None:
    with contextlib.suppress(UnreadableLedgerError):
        parse(text, "ledger.jsonl")


def test_a_full_disk_keeps_the_records_before_and_names_the_file(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path, "run")
    ledger.write(NOTE)
    size = (tmp_path / LEDGER).stat().st_size

    with _files_end_at(size + 40), pytest.raises(LedgerError) as refused:
        ledger.write(NOTE)
    with pytest.raises(LedgerError):
        ledger.write(NOTE)
    ledger.close()

    assert str(tmp_path / LEDGER) in str(refused.value)
    assert "before it are kept" in str(refused.value)
    reading = read(tmp_path / LEDGER)
    assert len(reading.records) == 1
    assert not reading.truncated


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(LedgerError) as refused:
        Ledger.create(tmp_path / "file" / "run", "run")

    assert str(tmp_path / "file" / "run" / LEDGER) in str(refused.value)
    assert "--out" in refused.value.next_command


def test_a_file_where_the_folder_should_be_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(LedgerError, match="a file of its name is there") as refused:
        Ledger.create(tmp_path / "file", "run")

    assert "--out" in refused.value.next_command


def test_a_ledger_is_never_continued(tmp_path: Path) -> None:
    Ledger.create(tmp_path, "run").close()

    with pytest.raises(LedgerError, match="ledger is already there"):
        Ledger.create(tmp_path, "run")


def test_nothing_is_written_after_close(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path, "run")
    ledger.close()
    ledger.close()

    with pytest.raises(LedgerError, match="closed"):
        ledger.write(NOTE)


def test_the_end_is_known_only_when_it_is_the_last_record(tmp_path: Path) -> None:
    end = RunEnded(exit_code=0, verdict="holds", seconds=1.0)
    with Ledger.create(tmp_path, "run") as ledger:
        ledger.write(end)
        assert read(tmp_path / LEDGER).ended == end
        ledger.write(NOTE)
    assert read(tmp_path / LEDGER).ended is None


def _lines(count: int) -> list[bytes]:
    with TemporaryDirectory() as folder:
        with Ledger.create(Path(folder), "run") as ledger:
            for number in range(count):
                ledger.write(Note(text=f"note {number}"))
        return (Path(folder) / LEDGER).read_bytes().splitlines(keepends=True)


@contextmanager
def _files_end_at(size: int) -> Generator[None]:
    """Writing beyond this size fails in the operating system, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_ledger_that_is_deleted_is_noticed_at_the_next_record(tmp_path: Path) -> None:
    with Ledger.create(tmp_path, "run") as ledger:
        ledger.write(NOTE)
        (tmp_path / LEDGER).unlink()

        with pytest.raises(LedgerError, match="deleted"):
            ledger.write(NOTE)


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 0.0])
def test_a_clock_that_is_set_is_noticed(jump: float, tmp_path: Path) -> None:
    begun = datetime(2025, 11, 24, tzinfo=UTC)
    passed = iter([0.0, 1.0, 2.0, 3.0])
    days = iter([begun, begun + timedelta(seconds=1), begun + timedelta(seconds=2 + jump)])

    with Ledger.create(tmp_path, "run", Clocks(lambda: next(days), lambda: next(passed))) as one:
        for _ in range(3):
            one.write(NOTE)

    assert one.clocks_apart == abs(jump)
