"""Traffic in a report: what each path lost, how surely that is known, and what happened beside it.

Times are cluster time and durations cluster seconds, except latencies and lateness, whose names
say which.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from reports.model.part import Part

What = Literal["step", "injection", "endpoints", "pod", "stream", "control path"]


class Beside(Part, frozen=True, kw_only=True):
    """Something that happened within a second of an episode."""

    at: datetime
    what: What
    text: str


class PathOutage(Part, frozen=True, kw_only=True):
    """A maximal run of failed samples, with the bounds within which it began and ended."""

    started: datetime
    """When the first failed request started."""
    ended: datetime
    """When the next success was answered; when the last failure returned, while it is open."""
    earliest_start: datetime | None
    """None: no success was seen before."""
    latest_start: datetime
    earliest_end: datetime
    latest_end: datetime | None
    """None: no success was seen after."""
    seconds: float
    failed: int
    held: int
    excused: int
    first_error: str
    last_error: str


class PathEpisode(Part, frozen=True, kw_only=True):
    """Failures on one path with fewer than ten successes between them."""

    number: int
    """Counted over all measured paths of the cluster, in order of time."""
    path: str
    step: str
    """Empty: it began between two steps."""
    hop: str
    started: datetime
    ended: datetime
    earliest_start: datetime | None
    latest_start: datetime
    earliest_end: datetime
    latest_end: datetime | None
    seconds: float
    failed: int
    total: int
    """Samples that were sent from the first failure to the last."""
    rate: float
    held: int
    excused: int
    """Failed samples at whose instant the control path failed too."""
    longest_outage: float
    first_error: str
    last_error: str
    source: str
    """Who asked; with `servers` the version pair."""
    servers: tuple[str, ...]
    """Proxy versions of the pods that answered next before and after."""
    outages: tuple[PathOutage, ...]
    beside: tuple[Beside, ...]


class LatencyOf(Part, frozen=True, kw_only=True):
    """How long answers took, by the servers' proxy version; wall seconds, bounds of buckets."""

    version: str
    answers: int
    p50: float | None
    """None, as for the other two: above the last bucket."""
    p99: float | None
    slowest: float | None


class PathWindow(Part, frozen=True, kw_only=True):
    """One path in one step."""

    step: str
    """Empty: between two steps."""
    hop: str
    answered: int
    failed: int
    """Without those excused."""
    excused: int
    unobserved: int
    wrong_identity: int
    assessed: bool
    """Whether there were samples enough to say anything."""
    smallest_visible: float | None
    """No shorter outage was sure to be seen."""
    lateness_p99: float
    lateness_max: float
    latency: tuple[LatencyOf, ...]


class Mark(Part, frozen=True, kw_only=True):
    """A stretch in which samples were neither answered as they should be nor failed."""

    state: Literal["late", "missing", "held", "starved", "wrong identity"]
    started: datetime
    ended: datetime
    samples: int


class ProbedPath(Part, frozen=True, kw_only=True):
    """One path over the whole run."""

    id: str
    kind: str
    source: str
    role: Literal["measured", "control", "self-test"]
    target: str
    interval: float
    limit: float
    unavailable: str
    """Why it was not probed; empty when it was."""
    cut_off: bool
    started: datetime | None
    ended: datetime | None
    answered: int
    failed: int
    excused: int
    unobserved: int
    wrong_identity: int
    availability: float | None
    """Answered among answered and failed; what was not observed is not availability."""
    low: float
    """Exact interval of the true proportion, as `high`."""
    high: float
    confidence: float
    smallest_visible: float | None
    """Over all steps with samples enough."""
    windows: tuple[PathWindow, ...]
    marks: tuple[Mark, ...]
    episodes: tuple[PathEpisode, ...]

    @property
    def observed(self) -> int:
        return self.answered + self.failed

    @property
    def longest_outage(self) -> float:
        return max((e.longest_outage for e in self.episodes), default=0.0)


class Excused(Part, frozen=True, kw_only=True):
    """A stretch in which a control path failed: failures in it are not held against a path."""

    started: datetime
    ended: datetime


class SelfTested(Part, frozen=True, kw_only=True):
    """An outage made on purpose, and how it was measured."""

    path: str
    started: datetime
    ended: datetime
    seconds: float
    measured: float | None
    """None: it was not seen."""
    start_error: float
    end_error: float
    seen: bool
    """Seen, and both ends as exact as TRF-02 asks."""


class ProberPause(Part, frozen=True, kw_only=True):
    started: datetime
    ended: datetime
    seconds: float


class EndpointGap(Part, frozen=True, kw_only=True):
    started: datetime
    ended: datetime | None
    """None: there was still none when the watch ended."""


class ReadyChange(Part, frozen=True, kw_only=True):
    """As many ready endpoints from this moment on."""

    at: datetime
    ready: int


class ComponentReady(Part, frozen=True, kw_only=True):
    """Ready endpoints of one component of the control plane over the run."""

    component: str
    service: str
    changes: tuple[ReadyChange, ...]
    until: datetime
    """When the watch ended."""
    gaps: tuple[EndpointGap, ...]


class TrafficSummary(Part, frozen=True, kw_only=True):
    """The traffic of one cluster's rehearsal."""

    cluster: str
    speed: float
    """Cluster seconds per wall second."""
    void: str
    """Why no traffic control could be assessed; empty when they could."""
    started: datetime | None
    ended: datetime | None
    answered: int
    """On measured paths, as the other three."""
    failed: int
    excused: int
    unobserved: int
    visible: float | None
    """An outage as long as this was sure to be seen on whichever path and in whichever step."""
    visible_everywhere: float | None
    """An outage of all paths at once as long as this was sure to be seen in whichever step."""
    paths: tuple[ProbedPath, ...]
    excuses: tuple[Excused, ...]
    self_tests: tuple[SelfTested, ...]
    pauses: tuple[ProberPause, ...]
    problems: tuple[str, ...]
    components: tuple[ComponentReady, ...]
    cut_short: bool = False
    """The rehearsal died at `ended` and was resumed: nothing was probed since."""

    @property
    def measured(self) -> tuple[ProbedPath, ...]:
        return tuple(p for p in self.paths if p.role == "measured")

    @property
    def observed(self) -> int:
        return self.answered + self.failed

    @property
    def episodes(self) -> tuple[PathEpisode, ...]:
        """Of measured paths, in order of time."""
        found = [e for p in self.measured for e in p.episodes]
        return tuple(sorted(found, key=lambda e: e.number))
