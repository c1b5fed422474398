"""Real clients' logs through the same analysis: it finds the failures the recordings tell of."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from policies.facts.traffic import PathTraffic, Window
from policies.traffic.outages import cells, episodes, outages
from suites.harness.recorded_traffic import INTERVALS, between_totals, moment, path_traffic, pods

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no recordings in {RECORDINGS}")

FIRST = "edge-25.4.4-to-edge-25.10.7"
SECOND = "edge-25.10.7-to-edge-26.6.3"
HELM = "helm-edge-25.10.7-to-edge-26.6.3"
BACK = "rollback-edge-25.10.7-to-edge-25.4.4"
LINKED = "multicluster-edge-25.10.7-to-edge-26.6.3"

# walk, client, path: when each failure began, in the order of the recordings' README
TOLD: dict[tuple[str, str, str], tuple[str, ...]] = {
    (FIRST, "shop", "tcp-long"): ("09:40:36.632", "09:40:40.804"),
    (FIRST, "plain", "tcp-long"): ("09:40:40.826",),
    (SECOND, "shop", "tcp-long"): ("16:02:33.320", "16:02:44.475"),
    (SECOND, "shop", "http-new"): ("16:02:35.246",),
    (SECOND, "plain", "http-new"): ("16:02:30.276", "16:02:41.376", "16:02:41.468"),
    (SECOND, "plain", "http-reused"): ("16:02:41.470",),
    (SECOND, "plain", "tcp-long"): ("16:02:33.283", "16:02:38.354"),
    (HELM, "shop", "tcp-long"): ("16:16:12.239",),
    (HELM, "plain", "tcp-long"): ("16:16:02.291", "16:16:12.321"),
    (HELM, "plain", "http-reused"): ("16:16:04.197",),
    (LINKED, "shop", "tcp-long"): ("16:58:57.184", "16:59:21.473"),
}
CLIENTS = [(w, c) for w in (FIRST, SECOND, HELM, BACK) for c in ("shop", "plain")]
EVERY = [(w, c, p) for w, c in [*CLIENTS, (LINKED, "shop")] for p in INTERVALS]


def walk(folder: str, client: str, path: str) -> PathTraffic:
    """One path of one client, from the walk's first step on."""
    marks = (RECORDINGS / folder / "timeline.jsonl").read_text().splitlines()
    first = next(m for m in map(msgspec.json.decode, marks) if m["what"] == "step")
    start = moment(first["t"])
    files = sorted((RECORDINGS / folder).glob(f"client-{client}-*.jsonl.gz"))
    steps = [Window(step="walk", start=start, end=start + timedelta(hours=1))]
    whole = path_traffic(pods(files), path, steps)
    later = tuple(r for r in whole.runs if r.window == 0)
    return msgspec.structs.replace(whole, runs=later)


def failed_at(seen: PathTraffic) -> list[datetime]:
    return [r.first for r in seen.runs for _ in range(r.count) if r.outcome in FAILED]


FAILED = ("refused", "reset", "5xx", "timeout")


@pytest.mark.parametrize(("folder", "client", "path"), EVERY)
def test_counts_and_times_are_the_recordings(folder: str, client: str, path: str) -> None:
    wanted = [moment(t) for t in TOLD.get((folder, client, path), ())]
    seen = walk(folder, client, path)
    found = outages(seen)

    if (folder, client, path) == (FIRST, "plain", "http-new"):
        assert sum(o.failed for o in found) == 10
        assert found[0].start == moment("09:40:33.598")
        assert found[-1].earliest_end == moment("09:40:38.457")
        return
    assert sum(o.failed for o in found) == len(wanted)
    assert [o.start for o in found] == [
        t
        for t in wanted
        if t != moment("16:02:41.468")  # in one outage with the one before
    ]
    assert sum(e.failed for e in episodes(found)) == len(wanted)


@pytest.mark.parametrize(("folder", "client", "path"), EVERY)
def test_bounds_are_within_an_interval(folder: str, client: str, path: str) -> None:
    # A client that waits for each answer sends when it can: its samples are up to 0.2 s apart.
    apart = timedelta(seconds=INTERVALS[path] * (2.5 if path == "tcp-long" else 1.5))

    logs = pods(sorted((RECORDINGS / folder).glob(f"client-{client}-*.jsonl.gz")))
    for outage in outages(walk(folder, client, path)):
        if not between_totals(logs, outage.start):
            continue  # the pod went before it told its next total
        assert outage.earliest_start is not None
        assert outage.latest_end is not None
        assert outage.start - outage.earliest_start <= apart
        assert outage.latest_end - outage.earliest_end <= apart + timedelta(milliseconds=200)


def test_ten_refusals_around_the_ends_of_pods_are_two_episodes() -> None:
    found = episodes(outages(walk(FIRST, "plain", "http-new")))

    assert [e.failed for e in found] == [5, 5]
    assert all(e.first_error.startswith("refused") for e in found)


@pytest.mark.parametrize(("folder", "client"), [(FIRST, "shop"), (SECOND, "shop")])
def test_between_two_pods_of_a_client_nothing_was_observed(folder: str, client: str) -> None:
    counted = cells(walk(folder, client, "http-new"))[0]

    assert counted.unobserved == 1
    assert counted.answered > 1000


def test_lines_that_several_files_repeat_count_once() -> None:
    files = sorted((RECORDINGS / FIRST).glob("client-plain-*.jsonl.gz"))
    (all_of_them,) = pods(files)
    (longest,) = pods(f for f in files if "final" in f.name)

    assert len(files) == 3
    assert len(all_of_them.lines) == len(longest.lines)
