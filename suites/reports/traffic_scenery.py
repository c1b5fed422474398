"""Made-up traffic over a sample's steps: healthy, with one outage, or with an excused stretch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from fixtures.evidence.records import EndpointsSeen
from policies.controls.control_plane.endpoints import COMPONENTS
from policies.facts.observations import EndpointMoment
from policies.facts.traffic import (
    BUCKETS,
    Latency,
    Outcome,
    PathTraffic,
    Pause,
    ProbePath,
    SampleRun,
    SelfTest,
    Sight,
    Traffic,
    Window,
)

Kind = Literal["healthy", "outage", "excused"]
Bad = tuple[float, float, Outcome]
"""Seconds since the start between which due samples have this outcome."""

INTERVAL = 0.1
TOOK = 0.02
TEST = (2.0, 2.5)
OUTAGE = (42.3, 43.1)
"""In the sample's injection gap, which began at 42.0 s."""
EXCUSED = (100.0, 101.0)
LATE = (60.0, 60.5)


def traffic_in(windows: Sequence[Window], kind: Kind, names: str = "") -> Traffic:
    """Two measured paths, the control path and a self-test, over all the windows.

    Args:
        windows: Of the sample's steps, in order.
        kind: What becomes of the second path.
        names: Added to whatever a cluster could name.
    """
    start = windows[0].start
    control: list[Bad] = [(*EXCUSED, "timeout")] if kind == "excused" else []
    second: list[Bad] = [(*OUTAGE, "refused")] if kind == "outage" else list(control)
    paths = (
        _path("unmeshed http-new", "unmeshed", windows, [*control, (*LATE, "late")], names),
        _path("meshed http-reused", "meshed by old", windows, second, names),
        _path("control http-new", "control", windows, control, names, role="control"),
        _path(
            "self-test new",
            "self-test",
            windows[:1],
            [(*TEST, "refused")],
            names,
            role="control",
        ),
    )
    test = SelfTest(
        path=f"self-test new{names}", start=_at(start, TEST[0]), end=_at(start, TEST[1])
    )
    return Traffic(
        windows=tuple(windows),
        paths=(
            *paths,
            PathTraffic(
                path=ProbePath(
                    id="unmeshed http2",
                    kind="http2",
                    source="unmeshed",
                    interval=INTERVAL,
                    limit=1.0,
                    unavailable=f"the package h2 is not there{names}",
                )
            ),
        ),
        self_tests=(test,),
        pauses=(Pause(start=_at(start, LATE[0]), end=_at(start, LATE[1])),),
        speed=20.0,
        problems=(names,) if names else (),
    )


def endpoints_in(step: str, hop: str, begun: datetime, kind: Kind) -> EndpointsSeen:
    """One ready endpoint each; with an outage identity has none for 0.4 s in the middle of it."""
    moments = [EndpointMoment(at=begun, service=s, ready=1) for s in COMPONENTS]
    if kind == "outage":
        for after, ready in ((9.5, 0), (9.9, 1)):
            at = _at(begun, after)
            moments.append(EndpointMoment(at=at, service="linkerd-identity", ready=ready))
    return EndpointsSeen(step=step, hop=hop, endpoints=tuple(moments))


def _at(start: datetime, seconds: float) -> datetime:
    return start + timedelta(seconds=seconds)


def _path(
    name: str,
    source: str,
    windows: Sequence[Window],
    bad: Sequence[Bad],
    names: str,
    role: Literal["measured", "control"] = "measured",
) -> PathTraffic:
    numbers = range(len(windows))
    return PathTraffic(
        path=ProbePath(
            id=f"{name}{names}",
            kind=name.rpartition(" ")[2],
            source=f"{source}{names}",
            role=role,
            target="echo:8080",
            interval=INTERVAL,
            limit=1.0,
        ),
        runs=tuple(_runs(windows, bad, names)),
        latency=tuple(
            Latency(
                window=n,
                server=f"echo-1{names}",
                counts=tuple(25 if b == TOOK else 0 for b in (*BUCKETS, 0.0)),
            )
            for n in numbers
        ),
        sight=tuple(
            Sight(window=n, sent=20, lateness_p99=0.004, longest_gap=INTERVAL + 0.0041)
            for n in numbers
        ),
    )


def _runs(windows: Sequence[Window], bad: Sequence[Bad], names: str) -> Iterator[SampleRun]:
    start = windows[0].start
    open_run: SampleRun | None = None
    for number in range(round((windows[-1].end - start).total_seconds() / INTERVAL)):
        after = number * INTERVAL
        due = _at(start, after)
        outcome = _outcome(after, bad)
        window = next((n for n, w in enumerate(windows) if w.start <= due < w.end), -1)
        if open_run and (open_run.outcome, open_run.window) == (outcome, window):
            open_run = _longer(open_run, due)
            continue
        if open_run:
            yield open_run
        open_run = SampleRun(
            outcome=outcome,
            window=window,
            first=due,
            first_end=_at(due, TOOK),
            last=due,
            last_end=_at(due, TOOK),
            detail=names if outcome != "ok" else "",
            server=f"echo-1{names}" if outcome == "ok" else "",
        )
    if open_run:
        yield open_run


def _outcome(after: float, bad: Sequence[Bad]) -> Outcome:
    for start, end, outcome in bad:
        if start - 1e-6 <= after < end - 1e-6:
            return outcome
    return "ok"


def _longer(run: SampleRun, due: datetime) -> SampleRun:
    return SampleRun(
        outcome=run.outcome,
        count=run.count + 1,
        window=run.window,
        first=run.first,
        first_end=run.first_end,
        last=due,
        last_end=_at(due, TOOK),
        detail=run.detail,
        server=run.server,
    )
