"""Samples through a pod's log: cut, repeated, rotated away, killed, by another clock."""

from __future__ import annotations

import base64
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.podlog import PodLog
from fixtures.traffic.loglines import LogLines
from policies.traffic.outages import outages
from suites.harness.log_server import ENDED, HIDDEN, LogServer, Stretch, log_server
from suites.harness.prober_lines import BEGUN, EACH, INTERVAL, answered, read, written


def stamped(lines: list[bytes]) -> bytes:
    """As the API gives them with `timestamps`; one a second."""
    stamps = [(BEGUN + timedelta(seconds=i)).isoformat()[:19] for i in range(len(lines))]
    return b"".join(
        b"%s.123456789Z %s\n" % (s.encode(), x) for s, x in zip(stamps, lines, strict=True)
    )


def followed(server: LogServer, folder: Path) -> LogLines:
    """Follow the pod of the server until nothing is left."""
    lines = LogLines("web", folder / "web.samples", INTERVAL)
    connection = Connection(server.kubeconfig)
    log = PodLog(connection, "probes", "web", "prober", lines.take)
    log.start()
    log.join(20)
    assert not log.is_alive()
    lines.close()
    connection.close()
    return lines


def test_a_cut_in_the_middle_of_a_line_loses_and_doubles_nothing(tmp_path: Path) -> None:
    whole = stamped(written(20))
    every = whole.splitlines(keepends=True)
    cut = len(b"".join(every[:9])) + 70
    again = b"".join(every[7:])

    with log_server(tmp_path, Stretch(whole[:cut]), Stretch(again, ENDED)) as server:
        lines = followed(server, tmp_path)
    traffic = read(lines)

    assert answered(traffic) == 20 * EACH
    assert traffic.problems == ()
    assert [r.outcome for r in traffic.paths[0].runs] == ["ok"]
    assert (lines.lost, lines.damaged) == (0, 0)
    assert "sinceTime" not in server.asked[0]
    assert server.asked[1]["sinceTime"] == "2026-01-01T00:00:08Z"


def test_what_came_between_the_last_cut_and_the_end_is_read(tmp_path: Path) -> None:
    every = stamped(written(10)).splitlines(keepends=True)
    stretches = (Stretch(b"".join(every[:5]), ENDED), Stretch(b"".join(every[4:]), ENDED))

    with log_server(tmp_path, *stretches) as server:
        lines = followed(server, tmp_path)

    assert answered(read(lines)) == 10 * EACH
    assert lines.ended.is_set()
    assert "follow" not in server.asked[-1]


def test_a_container_that_waits_for_its_start_is_asked_again(tmp_path: Path) -> None:
    waits = Stretch(status=400, message="container prober is waiting to start: ContainerCreating")

    with log_server(tmp_path, waits, Stretch(stamped(written(3)), HIDDEN)) as server:
        lines = followed(server, tmp_path)

    assert answered(read(lines)) == 3 * EACH


def test_lines_that_were_rotated_away_are_unobserved_and_never_available(tmp_path: Path) -> None:
    every = stamped(written(20)).splitlines(keepends=True)
    stretches = (Stretch(b"".join(every[:6])), Stretch(b"".join(every[11:]), ENDED))

    with log_server(tmp_path, *stretches) as server:
        lines = followed(server, tmp_path)
    traffic = read(lines)

    (path,) = traffic.paths
    assert [(r.outcome, r.count) for r in path.runs] == [
        ("ok", 5 * EACH),
        ("missing", 5 * EACH),
        ("ok", 10 * EACH),
    ]
    assert path.sight[0].missing == 5 * EACH
    assert path.sight[0].longest_gap == pytest.approx((5 * EACH + 1) * INTERVAL)
    assert outages(path) == ()
    assert "5 lines of its log were gone" in lines.recorded().problems[0]


def test_a_nodes_own_time_zone_is_asked_for_in_utc(tmp_path: Path) -> None:
    lines = stamped(written(20)).splitlines(keepends=True)
    text = [x.replace(b"123456789Z", b"123456789+08:00") for x in lines]
    stretches = (Stretch(b"".join(text[:9])), Stretch(b"".join(text[8:]), ENDED))

    with log_server(tmp_path, *stretches) as server:
        followed(server, tmp_path)

    assert server.asked[1]["sinceTime"] == "2025-12-31T16:00:08Z"


def test_a_line_that_cannot_be_kept_is_said_and_followed_on(tmp_path: Path) -> None:
    full = iter([OSError(28, "No space left on device")])

    def take(text: bytes, at: int) -> None:
        for error in full:
            raise error

    with log_server(tmp_path, Stretch(stamped(written(3)), ENDED)) as server:
        connection = Connection(server.kubeconfig)
        log = PodLog(connection, "probes", "web", "prober", take)
        log.start()
        log.join(20)
        connection.close()

    assert not log.is_alive()
    assert len(server.asked) >= 2


def test_a_killed_pod_is_cut_off_and_keeps_what_it_said(tmp_path: Path) -> None:
    text = stamped(written(10, stop=False))

    with log_server(tmp_path, Stretch(text[:-20], HIDDEN)) as server:
        lines = followed(server, tmp_path)
    traffic = read(lines)

    assert answered(traffic) == 9 * EACH
    assert traffic.paths[0].cut_off
    assert traffic.paths[0].sight[0].longest_gap > 50
    assert "killed" in traffic.problems[0]


def test_a_damaged_line_is_left_out_and_said(tmp_path: Path) -> None:
    lines = written(10)
    lines[4] = lines[4][:-9] + b"*" * 9  # cut in the middle of a record, and something else there

    with log_server(tmp_path, Stretch(stamped(lines), ENDED)) as server:
        found = followed(server, tmp_path)
    traffic = read(found)

    assert (found.damaged, found.lost) == (1, 0)
    said = " ".join(found.recorded().problems)
    assert "1 lines of its log are damaged" in said
    assert "gone before" not in said
    assert {(r.outcome, r.count) for r in traffic.paths[0].runs} >= {("missing", EACH)}
    assert answered(traffic) == 9 * EACH


def test_a_damaged_line_that_comes_again_whole_is_neither_damaged_nor_lost(tmp_path: Path) -> None:
    every = written(10)
    lines = LogLines("web", tmp_path / "web.samples", INTERVAL)
    with closing(lines):
        for one in [*every[:4], every[4][:-9], every[4][:-9], *every[4:]]:
            lines.take(one, 0)

    assert (lines.damaged, lines.lost) == (0, 0)
    assert answered(read(lines)) == 10 * EACH


def test_other_lines_are_kept_for_people(tmp_path: Path) -> None:
    complaint = b"prober: /targets/targets.json: no JSON object"

    with log_server(tmp_path, Stretch(stamped([complaint]), ENDED)) as server:
        lines = followed(server, tmp_path)

    assert list(lines.said) == [complaint.decode()]
    assert not lines.asks.is_set()


@pytest.mark.parametrize("ahead", [3.0, -2.0])
def test_a_clock_that_is_off_is_put_right_and_said(tmp_path: Path, ahead: float) -> None:
    now = time.time_ns()
    wall = now + int(ahead * 1e9)
    lines = LogLines("web", tmp_path / "web.samples", INTERVAL)
    for number, one in enumerate(written(10, wall=wall)):
        slow = 40_000_000 if number % 3 else 2_000_000  # the quickest way here counts
        late = number * EACH * int(INTERVAL * 1e9)
        lines.take(one, now + late + slow)
    lines.close()
    traffic = read(lines, put_right=True)
    first = traffic.paths[0].runs[0].first

    assert lines.ahead() / 1e9 == pytest.approx(ahead, abs=0.01)
    assert abs((first - datetime.fromtimestamp(now / 1e9, UTC)).total_seconds()) < 0.01
    (said,) = lines.recorded().problems
    assert f"{abs(ahead) - 0.002:.3f} s" in said or f"{abs(ahead) + 0.002:.3f} s" in said
    assert ("ahead of" if ahead > 0 else "behind") in said


def test_a_clock_within_an_interval_is_left_as_it_is(tmp_path: Path) -> None:
    now = time.time_ns()
    lines = LogLines("web", tmp_path / "web.samples", INTERVAL)
    for number, one in enumerate(written(3, wall=now - 60_000_000)):
        lines.take(one, now + number * EACH * int(INTERVAL * 1e9))
    lines.close()

    assert lines.recorded().ahead == 0
    assert lines.recorded().problems == ()


@given(st.lists(st.integers(0, 12), min_size=1, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_any_cuts_and_repeats_give_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], random: Any
) -> None:
    every = written(12)
    lines = LogLines("web", tmp_path_factory.mktemp("any") / "s", INTERVAL)
    with closing(lines):
        at = 0
        for cut in [*sorted(cuts), len(every)]:
            for one in every[max(0, at - random.randrange(4)) : cut]:
                lines.take(one, 0)
            at = max(at, cut)

    (file,) = [lines.recorded().samples]
    assert file.read_bytes() == b"".join(base64.b64decode(one.split()[3]) for one in every)
