"""Traffic as facts: probed paths, what became of their samples, and how long each answer took.

A *sample* is one due request of a path. Millions of them become a few *runs*: consecutive samples
of one path with the same outcome, in the order they were due. A run keeps what outages are made
of: when its first and last requests started and when they were answered.

Times are cluster time and durations cluster seconds; the prober measured in wall time, and whoever
read its file multiplied by the rehearsal's speed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from policies.facts.cluster import Fact

Outcome = Literal[
    "ok",
    "refused",
    "reset",
    "timeout",
    "tls",
    "dns",
    "5xx",
    "wrong answer",
    "wrong identity",
    "held",
    "late",
    "missing",
    "starved",
]
"""What became of a due sample.

`held`: not sent, because the path had its limit of requests in flight; it belongs to the outage of
the request that held it, if there is one. `late`: not sent, or not judged, because the prober
itself was paused. `missing`: nothing was recorded (disk full, prober killed). `starved`: given up
though less than half of its limit had passed by the simulated cluster's own clock, which was held
back: the machine was too slow to answer. `wrong identity` was answered: worse than an outage, and
not one.
"""

FAILURES: frozenset[str] = frozenset(
    {"refused", "reset", "timeout", "tls", "dns", "5xx", "wrong answer"}
)
"""Outcomes that make an outage."""

ANSWERED: frozenset[str] = frozenset({"ok", "wrong identity"})
"""Outcomes that end an outage."""

STREAM_KINDS: frozenset[str] = frozenset({"sse", "websocket", "tcp"})
"""Kinds of path that hold one connection for as long as it lasts."""

BUCKETS: tuple[float, ...] = tuple(
    round(step * 10.0**power, 6)
    for power in range(-4, 2)
    for step in (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
)
"""Upper bounds of the latency buckets: wall seconds, 0.1 ms to 70 s; one more bucket is above."""


class ProbePath(Fact, frozen=True, kw_only=True):
    """One path that was probed: who asks whom, over which kind of connection."""

    id: str
    kind: str
    """`http-new`, `http-reused`, `http-sparse`, `sse`, `websocket`, `tcp`, `http2`, `grpc`; to a
    Service of somebody's own `own-http`, `own-grpc`, `own-tcp`."""
    name: str = ""
    """What the scenario calls it, of a path to a Service of somebody's own; else empty."""
    source: str = ""
    """Who asks: `meshed by old`, `meshed by new`, `unmeshed`."""
    role: Literal["measured", "control"] = "measured"
    """`control`: unmeshed on both ends; only its failures excuse a sample of another path."""
    target: str = ""
    """Host and port as the client knows them."""
    interval: float
    """Cluster seconds between two due samples."""
    limit: float
    """Cluster seconds that a request may take."""
    identity: str = ""
    """The client identity that the server must see; empty where none is expected."""
    unavailable: str = ""
    """Why this path was not probed at all; empty when it was."""


class Window(Fact, frozen=True, kw_only=True):
    """A step's stretch of time."""

    step: str
    hop: str = ""
    start: datetime
    end: datetime
    """The start of the next window belongs to that one."""


class SampleRun(Fact, frozen=True, kw_only=True, gc=False):
    """Consecutive samples of one path with the same outcome, all due in the same window."""

    outcome: Outcome
    count: int = 1
    window: int = -1
    """Place in `Traffic.windows`; -1 outside of all of them."""
    first: datetime
    """When the first request started; when it was due, if it was not sent."""
    first_end: datetime
    """When the first request was answered or given up."""
    last: datetime
    """When the last request started."""
    last_end: datetime
    """When the last request was answered or given up; equal to `first_end` in a run of one."""
    status: int = 0
    """HTTP status of the first; 0 where there is none."""
    detail: str = ""
    """What the first said: an errno's name, `l5d-proxy-error`. Shown, never matched."""
    server: str = ""
    """Pod that answered the first; empty when none did."""


class StreamEnd(Fact, frozen=True, kw_only=True):
    """A long-lived connection ended by the other side."""

    at: datetime
    server: str = ""
    """Pod at its other end, as it had named itself."""
    how: Literal["graceful", "reset", "timeout"]
    """`graceful`: an end event, a close frame, or an end between two messages."""
    age: float = 0.0
    """Cluster seconds since it was opened."""
    starved: bool = False
    """It was given up while the cluster's own clock was held back: see outcome `starved`."""


class Latency(Fact, frozen=True, kw_only=True):
    """How long answers of one server took in one window."""

    window: int
    server: str = ""
    counts: tuple[int, ...]
    """Answered samples per bucket of `BUCKETS`, in *wall* time, and one above the last."""


class Sight(Fact, frozen=True, kw_only=True):
    """How well a path was watched in one window: the prober's own error."""

    window: int
    sent: int = 0
    late: int = 0
    held: int = 0
    missing: int = 0
    lateness_p50: float = 0.0
    """Actual start minus due time."""
    lateness_p99: float = 0.0
    lateness_max: float = 0.0
    """Of a sample that was too late to be sent: until the next one was."""
    longest_gap: float = 0.0
    """Longest stretch without the start of a sample: no shorter outage is sure to be seen."""


class PathTraffic(Fact, frozen=True, kw_only=True):
    """All that was seen on one path."""

    path: ProbePath
    runs: tuple[SampleRun, ...] = ()
    """In the order the samples were due."""
    latency: tuple[Latency, ...] = ()
    sight: tuple[Sight, ...] = ()
    ends: tuple[StreamEnd, ...] = ()
    cut_off: bool = False
    """Its prober was killed: after the last run nothing was observed."""


class SelfTest(Fact, frozen=True, kw_only=True):
    """An outage made on purpose on a path of our own, to see that it is seen."""

    path: str
    """Id of the path whose listener was closed and whose connections were reset."""
    start: datetime
    end: datetime


class Pause(Fact, frozen=True, kw_only=True):
    """A stretch in which the prober itself did not run."""

    start: datetime
    end: datetime


class Traffic(Fact, frozen=True, kw_only=True):
    """The traffic of a rehearsal."""

    windows: tuple[Window, ...] = ()
    paths: tuple[PathTraffic, ...] = ()
    self_tests: tuple[SelfTest, ...] = ()
    pauses: tuple[Pause, ...] = ()
    speed: float = 1.0
    """Cluster seconds per wall second."""
    problems: tuple[str, ...] = ()
    """What is wrong with the sample files, for a person: cut off, damaged, clock stepped."""

    @property
    def measured(self) -> tuple[PathTraffic, ...]:
        return tuple(p for p in self.paths if p.path.role == "measured")

    @property
    def control(self) -> tuple[PathTraffic, ...]:
        return tuple(p for p in self.paths if p.path.role == "control")


class Budget(Fact, frozen=True, kw_only=True):
    """What a step, path and kind may lose. With no figure set: nothing."""

    step: str = "*"
    """Shell pattern, as the other two."""
    path: str = "*"
    kind: str = "*"
    longest_outage: float | None = None
    """Cluster seconds; None: not limited by this, if another figure is set."""
    failed_samples: int | None = None
    failed_ratio: float | None = None
    latency_p99: float | None = None
    """Wall seconds; None: three times the first window's, and never less than 0.1 s."""
    origin: str = ""
    """Where it comes from, for a person, unless the scenario names it."""
