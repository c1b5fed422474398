"""What was watched beside the outages: unobserved stretches, and the control plane's endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from fixtures.evidence.records import EndpointsSeen, Record
from policies.controls.control_plane.endpoints import COMPONENTS
from policies.facts.observations import EndpointMoment
from policies.facts.traffic import FAILURES, PathTraffic, SampleRun
from reports.build.beside import moments_of
from reports.model.traffic import ComponentReady, EndpointGap, Mark, ReadyChange


def marks_of(seen: PathTraffic) -> tuple[Mark, ...]:
    """Return stretches of a path that were not observed, or answered to the wrong identity."""
    marks: list[Mark] = []
    failing = False
    for run in seen.runs:
        if run.outcome in FAILURES:
            failing = True
        elif run.outcome in ("ok", "wrong identity"):
            failing = False
        mark = _mark(run, failing)
        if mark is None:
            continue
        last = marks[-1] if marks else None
        near = last and (mark.started - last.ended).total_seconds() <= 1.5 * seen.path.interval
        if last and near and last.state == mark.state:
            samples = last.samples + mark.samples
            marks[-1] = replace(last, ended=max(last.ended, mark.ended), samples=samples)
        else:
            marks.append(mark)
    return tuple(marks)


def _mark(run: SampleRun, failing: bool) -> Mark | None:
    outcome = run.outcome
    if outcome == "held" and failing:
        return None
    if outcome in ("late", "missing", "held", "starved", "wrong identity"):
        return Mark(state=outcome, started=run.first, ended=run.last_end, samples=run.count)
    return None


def components_of(records: Sequence[Record], cluster: str) -> tuple[ComponentReady, ...]:
    """Return ready endpoints of each component watched, and of other Services with a gap."""
    moments = moments_of(records, cluster)
    watched = [r for r in records if r.cluster == cluster and isinstance(r.body, EndpointsSeen)]
    times = [r.cluster_time for r in watched if r.cluster_time is not None]
    times += [m.at for moment in moments.values() for m in moment]
    order = [s for s in COMPONENTS if s in moments]
    order += sorted(s for s in moments if s not in COMPONENTS and _gaps(moments[s]))
    return tuple(
        ComponentReady(
            component=COMPONENTS.get(service, service),
            service=service,
            changes=tuple(ReadyChange(at=m.at, ready=m.ready) for m in moments[service]),
            until=max(times),
            gaps=_gaps(moments[service]),
        )
        for service in order
    )


def _gaps(moments: Sequence[EndpointMoment]) -> tuple[EndpointGap, ...]:
    ends = [m.at for m in moments[1:]] + [None]
    return tuple(
        EndpointGap(started=m.at, ended=end)
        for m, end in zip(moments, ends, strict=True)
        if m.ready == 0
    )
