"""Whether the detector saw the outages that were made on purpose (TRF-02)."""

from __future__ import annotations

from policies.facts.traffic import PathTraffic, SelfTest, Traffic
from policies.traffic.outages import outages
from policies.verdicts.findings import Item, Verdict, judged, not_assessed
from policies.verdicts.moments import Clock
from policies.verdicts.wording import number


def void(traffic: Traffic) -> str:
    """Return why no traffic control can be assessed at all; empty when they can."""
    if not traffic.measured:
        return "no traffic was probed"
    if not traffic.self_tests:
        return "the detector was not tested before: no outage was made on purpose"
    if _unseen(traffic):
        return "the detector did not see an outage made on purpose (TRF-02)"
    return ""


def self_test_seen(traffic: Traffic) -> Verdict:
    """Judge whether each outage made on purpose was seen, to an interval's width (TRF-02)."""
    if not traffic.self_tests:
        return not_assessed("no outage was made on purpose")
    return judged(
        _unseen(traffic),
        holds_as=f"{number(len(traffic.self_tests), 'outage')} made on purpose, all measured",
        violated_as="An outage made on purpose was not measured: the run is void",
        expected="each found, its ends exact to one interval plus the prober's lateness",
        cause="the machine is too busy for this interval, or the prober was stopped",
        next_command="run again on a quieter machine, or with a longer probe interval",
    )


def _unseen(traffic: Traffic) -> list[Item]:
    paths = {p.path.id: p for p in traffic.paths}
    return [i for t in traffic.self_tests if (i := _self_test(t, paths.get(t.path))) is not None]


def _self_test(test: SelfTest, seen: PathTraffic | None) -> Item | None:
    length = (test.end - test.start).total_seconds()
    subject = (
        f"{length:.3f} s without a listener on path {test.path}, from {Clock().say(test.start)}"
    )
    if seen is None:
        return Item(subject=subject, expected="an outage", seen="the path was not probed")
    near = [o for o in outages(seen) if o.start <= test.end and o.end >= test.start]
    if not near:
        return Item(subject=subject, expected="an outage", seen="none")
    here = {o.window for o in near}
    lateness = max((s.lateness_max for s in seen.sight if s.window in here), default=0.0)
    slack = seen.path.interval + lateness
    last = max(near, key=lambda o: o.end)
    started = abs((min(o.start for o in near) - test.start).total_seconds())
    ended = abs((last.end - test.end).total_seconds())
    if started <= slack and ended <= slack + last.answer_seconds:
        return None
    return Item(
        subject=subject,
        expected=f"both ends exact to {slack:.3f} s",
        seen=f"start {started:.3f} s off, end {ended:.3f} s off",
    )
