"""Outages and episodes: when a path did not answer, and how surely that is known.

An *outage* is a maximal run of failed samples on one path. It starts when the first failed request
*started*, and ends when the next success was *answered*: that answer is the first proof that it is
over. What is only known within bounds is told with them: it cannot have begun before the last
success was sent, nor later than the first failure returned; it cannot have ended before the last
failed request was sent, nor later than the next success was answered.

An *episode* joins outages with fewer than ten successes between them: a path that fails one
request in five is one story, not sixty.

A sample is *excused* when the control path failed at the same instant. Samples that were not sent
or not judged (the prober paused, nothing recorded) are neither success nor failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from policies.facts.cluster import Fact
from policies.facts.traffic import ANSWERED, FAILURES, PathTraffic, SampleRun, Traffic
from policies.traffic.binomial import exact_interval

SUCCESSES_BETWEEN = 10
"""As many successes in a row end an episode."""

LEAST_SAMPLES = 3
"""Fewer samples of a path in a step, all answered, say nothing about it."""

Span = tuple[datetime, datetime]


class Outage(Fact, frozen=True, kw_only=True):
    """A maximal run of failed samples on one path."""

    path: str
    window: int
    """Where its first failed sample was due."""
    start: datetime
    end: datetime
    """When the next success was answered; when the last failure returned, while it is open."""
    earliest_start: datetime | None = None
    """None: no success was seen before."""
    latest_start: datetime
    earliest_end: datetime
    latest_end: datetime | None = None
    """None: no success was seen after; it is open."""
    failed: int
    held: int = 0
    """Samples that could not be sent while a failing request held the path."""
    excused: int = 0
    """Failed samples at whose instant the control path failed too."""
    excused_seconds: float = 0.0
    first_error: str
    last_error: str
    answered_before: int = 0
    """Successes between the outage before and this one."""
    answer_seconds: float = 0.0
    """How long the success took that ended it."""

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()

    @property
    def counted_seconds(self) -> float:
        """What counts against the budget: without the stretches that are excused."""
        if self.excused >= self.failed:
            return 0.0
        return max(0.0, self.seconds - self.excused_seconds)


class Episode(Fact, frozen=True, kw_only=True):
    """Failures on one path with fewer than ten successes between them."""

    path: str
    window: int
    start: datetime
    end: datetime
    earliest_start: datetime | None = None
    latest_start: datetime
    earliest_end: datetime
    latest_end: datetime | None = None
    failed: int
    total: int
    """Samples that were sent from the first failure to the last."""
    held: int = 0
    excused: int = 0
    outages: int
    longest_outage: float
    """Cluster seconds."""
    first_error: str
    last_error: str

    @property
    def rate(self) -> float:
        """Failed samples among those sent."""
        return self.failed / self.total

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


class Cell(Fact, frozen=True, kw_only=True):
    """One path in one window, counted."""

    path: str
    window: int
    answered: int = 0
    failed: int = 0
    """Failed samples, and those held by a failing request; excused ones are left out."""
    excused: int = 0
    unobserved: int = 0
    """Late, missing, or held by a request that was answered."""
    wrong_identity: int = 0

    @property
    def observed(self) -> int:
        return self.answered + self.failed

    @property
    def ratio(self) -> float:
        """Failed among observed; 0 where nothing was observed."""
        return self.failed / self.observed if self.observed else 0.0


class Availability(Fact, frozen=True, kw_only=True):
    """Answered samples among those observed, with the exact interval of the true proportion."""

    answered: int
    observed: int
    low: float
    high: float
    confidence: float

    @property
    def value(self) -> float | None:
        return self.answered / self.observed if self.observed else None


def outages(seen: PathTraffic, excuses: Sequence[Span] = ()) -> tuple[Outage, ...]:
    """Return every outage of one path, in order of time.

    Args:
        seen: The path and its runs, in the order the samples were due.
        excuses: Stretches in which the control path failed, see `excuses`.
    """
    found: list[Outage] = []
    failing: list[SampleRun] = []
    before: SampleRun | None = None
    answered = 0
    for run in seen.runs:
        if run.outcome in FAILURES or (failing and run.outcome == "held"):
            failing.append(run)
        elif run.outcome in ANSWERED:
            if failing:
                found.append(_outage(seen.path.id, failing, before, run, answered, excuses))
                failing, answered = [], 0
            before = run
            answered += run.count
    if failing:
        found.append(_outage(seen.path.id, failing, before, None, answered, excuses))
    return tuple(found)


def _outage(
    path: str,
    runs: Sequence[SampleRun],
    before: SampleRun | None,
    after: SampleRun | None,
    answered: int,
    excuses: Sequence[Span],
) -> Outage:
    failed = [r for r in runs if r.outcome in FAILURES]
    first, last = failed[0], failed[-1]
    start = first.first
    returned = max(r.last_end for r in failed)
    end = max(start, after.first_end if after else returned)
    return Outage(
        path=path,
        window=first.window,
        start=start,
        end=end,
        earliest_start=min(before.last, start) if before else None,
        latest_start=max(first.first_end, start),
        earliest_end=min(last.last, end),
        latest_end=end if after else None,
        failed=sum(r.count for r in failed),
        held=sum(r.count for r in runs) - sum(r.count for r in failed),
        excused=sum(_excused(r, excuses) for r in failed),
        excused_seconds=_overlap(start, end, excuses),
        first_error=error_text(first),
        last_error=error_text(last),
        answered_before=answered,
        answer_seconds=(after.first_end - after.first).total_seconds() if after else 0.0,
    )


def error_text(run: SampleRun) -> str:
    """Tell what a failed run said: `5xx 503 connection refused`, `reset by peer`."""
    return " ".join(t for t in (run.outcome, str(run.status or ""), run.detail) if t)


def _starts(run: SampleRun) -> Iterator[datetime]:
    """Yield when each request of a run started; those between first and last were due evenly."""
    if run.count == 1:
        yield run.first
        return
    apart = (run.last - run.first) / (run.count - 1)
    for number in range(run.count):
        yield run.first + apart * number


def _excused(run: SampleRun, excuses: Sequence[Span]) -> int:
    touched = [(a, b) for a, b in excuses if a <= run.last_end and b >= run.first]
    if not touched:
        return 0
    return sum(any(a <= start <= b for a, b in touched) for start in _starts(run))


def _overlap(start: datetime, end: datetime, excuses: Sequence[Span]) -> float:
    shared = (min(end, b) - max(start, a) for a, b in excuses)
    return sum((s.total_seconds() for s in shared if s > timedelta()), 0.0)


def excuses(traffic: Traffic) -> tuple[Span, ...]:
    """Return stretches in which a control path failed, as wide as its bounds allow, joined.

    What was made to fail on purpose, for the detector's test, excuses nothing.
    """
    on_purpose = {test.path for test in traffic.self_tests}
    spans = sorted(
        (o.earliest_start or o.start, o.latest_end or o.end)
        for seen in traffic.control
        if seen.path.id not in on_purpose
        for o in outages(seen)
    )
    joined: list[Span] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def episodes(found: Iterable[Outage]) -> tuple[Episode, ...]:
    """Join the outages of one path, in order of time, into episodes."""
    groups: list[list[Outage]] = []
    for outage in found:
        if groups and outage.answered_before < SUCCESSES_BETWEEN:
            groups[-1].append(outage)
        else:
            groups.append([outage])
    return tuple(_episode(g) for g in groups)


def _episode(group: Sequence[Outage]) -> Episode:
    first, last = group[0], group[-1]
    failed = sum(o.failed for o in group)
    return Episode(
        path=first.path,
        window=first.window,
        start=first.start,
        end=last.end,
        earliest_start=first.earliest_start,
        latest_start=first.latest_start,
        earliest_end=last.earliest_end,
        latest_end=last.latest_end,
        failed=failed,
        total=failed + sum(o.answered_before for o in group[1:]),
        held=sum(o.held for o in group),
        excused=sum(o.excused for o in group),
        outages=len(group),
        longest_outage=max(o.seconds for o in group),
        first_error=first.first_error,
        last_error=last.last_error,
    )


def cells(seen: PathTraffic, excuses: Sequence[Span] = ()) -> dict[int, Cell]:
    """Count one path per window, by the window's place."""
    counts: dict[int, dict[str, int]] = {}
    failing: SampleRun | None = None
    for run in seen.runs:
        cell = counts.setdefault(run.window, dict.fromkeys(Cell.__struct_fields__[2:], 0))
        if run.outcome in ANSWERED:
            failing = None
            cell["answered"] += run.count
            if run.outcome == "wrong identity":
                cell["wrong_identity"] += run.count
        elif run.outcome in FAILURES or (failing and run.outcome == "held"):
            failing = failing or run
            excused = _excused(run, excuses)
            cell["excused"] += excused
            cell["failed"] += run.count - excused
        else:
            cell["unobserved"] += run.count
    return {w: Cell(path=seen.path.id, window=w, **c) for w, c in counts.items()}


def assessed(counted: Mapping[int, Cell]) -> frozenset[int]:
    """Return the windows in which one path says something.

    Those with at least `LEAST_SAMPLES` samples, and those in which a sample failed: what was lost
    was lost, however few were asked. A sparse path in short steps may have that many only in all
    of them together; they are then taken as one.

    Args:
        counted: The path's windows, from `cells`.
    """
    enough = {w for w, c in counted.items() if c.observed >= LEAST_SAMPLES}
    if not enough and observed_in_steps(counted) >= LEAST_SAMPLES:
        enough = {w for w, c in counted.items() if c.observed}
    return frozenset(enough | {w for w, c in counted.items() if c.failed})


def observed_in_steps(counted: Mapping[int, Cell]) -> int:
    """Count samples of one path that were observed, without those outside of all windows."""
    return sum(c.observed for w, c in counted.items() if w >= 0)


def availability(cells: Iterable[Cell], confidence: float = 0.95) -> Availability:
    """Return the share answered of samples observed; what was not observed is not availability."""
    counted = list(cells)
    answered = sum(c.answered for c in counted)
    observed = sum(c.observed for c in counted)
    low, high = exact_interval(answered, observed, confidence)
    return Availability(
        answered=answered, observed=observed, low=low, high=high, confidence=confidence
    )


def smallest_visible(seen: PathTraffic, window: int) -> float | None:
    """Return the cluster seconds from which an outage of this path is sure to be seen there.

    It is the longest stretch in which no request was started; None where fewer than two were.
    A server that answers, but later, is only seen once it takes longer than the path's limit.
    """
    found = [s.longest_gap for s in seen.sight if s.window == window and s.sent > 1]
    return max(found, default=None)
