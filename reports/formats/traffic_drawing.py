"""The traffic of a rehearsal drawn: a lane per path, component and proxy version.

It has the time axis of the timeline, so that the two can be read one below the other. Samples are
drawn as intervals, and intervals too close to be told apart as one, so that the size of the
drawing does not depend on the number of samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from markupsafe import Markup

from reports.formats import svg
from reports.formats.svg import Block, Scale
from reports.formats.timeline import Timeline, shade, spans, thinned
from reports.formats.wording import fine, number
from reports.model.report import Report
from reports.model.traffic import ComponentReady, Mark, PathEpisode, ProbedPath, TrafficSummary

Pair = tuple[int, int]
"""Left and right in `svg.UNITS`."""

MOST = 1200
"""Intervals drawn in all lanes together."""
LEAST = 24
"""Intervals drawn per lane and class, however many lanes there are."""
NARROWEST = 30
"""Units: an interval that would be narrower is drawn this wide, so that none is overlooked."""
NAMED = 60
"""Episodes that get a number in the drawing."""
HEIGHT = 11
"""Pixels of a path's lane; a component's and a version's is 8."""
ROW = 15
"""Pixels of the label above a lane."""
APART = 5
"""Pixels below a lane."""


class TrafficDrawing(Timeline):
    """One drawing, built from the top down like the timeline."""

    def __init__(self, report: Report, summary: TrafficSummary) -> None:
        super().__init__(report, summary.cluster)
        self.summary = summary
        lanes = len(summary.paths) + len(summary.components) + 1
        self.most = max(MOST // (3 * lanes), LEAST)
        self.named = 0

    def draw(self) -> Markup:
        """Draw it; return nothing when no time was recorded."""
        if self.scale is None:
            return Markup("")
        self._steps(self.scale)
        shown = [p for p in self.summary.paths if p.role != "self-test"]
        order = list(dict.fromkeys(p.source for p in shown))
        shown.sort(key=lambda p: (p.role == "control", order.index(p.source)))
        for (role, source), found in groupby(shown, key=lambda p: (p.role, p.source)):
            self.y += 4
            told = "Control path: neither end meshed" if role == "control" else source
            self._heading(told[:1].upper() + told[1:] if told else "Paths")
            for path in found:
                self._path(self.scale, path)
        if self.summary.components:
            self.y += 4
            self._heading("Control plane: a ready endpoint")
            for component in self.summary.components:
                self._component(self.scale, component)
        if self.versions is not None and self.versions.order:
            self.y += 4
            self._heading("Proxy versions that ran")
            for place, version in reversed(list(enumerate(self.versions.order))):
                self._version(self.scale, place, version)
        self._axis(self.scale)
        return svg.figure(self.y, "Traffic", _told(self.summary), self.parts)

    def _label(self, name: str, figure: str, style: str = "") -> None:
        self.parts.append(svg.text("0", self.y + 11, name, style="version"))
        self.parts.append(svg.text("100%", self.y + 11, figure, style=style, anchor="end"))
        self.y += ROW

    def _path(self, scale: Scale, path: ProbedPath) -> None:
        if path.unavailable or path.started is None or path.ended is None:
            self._label(path.kind, "not probed", "lane")
            self.parts.append(svg.rect(0, 1, self.y + HEIGHT / 2, 0.75, "floor"))
            self.y += HEIGHT + APART
            return
        lost = f"{path.failed} of {path.observed} lost" if path.failed else "none lost"
        self._label(path.kind, lost, "gaptext" if path.failed else "lane")
        watched = [_pair(scale, path.started, path.ended)]
        outages = [(o, e) for e in path.episodes for o in e.outages]
        excused = [_pair(scale, o.started, o.ended) for o, _ in outages if o.excused >= o.failed]
        failed = [_pair(scale, o.started, o.ended) for o, _ in outages if o.excused < o.failed]
        bounds = [
            _pair(scale, e.earliest_start or e.started, e.latest_end or e.ended)
            for e in path.episodes
        ]
        layers = [
            ("answered", watched),
            ("unobserved", [_pair(scale, m.started, m.ended) for m in _unobserved(path)]),
            ("misnamed", [_pair(scale, m.started, m.ended) for m in _misnamed(path)]),
            ("bounds", bounds),
            ("refused", excused),
            ("gap", failed),
        ]
        shapes = [(style, self._blocks(pairs, HEIGHT)) for style, pairs in layers]
        self.parts.append(svg.blocks(self.y, HEIGHT, shapes))
        if path.role == "measured":
            self._numbers(scale, path.episodes)
        self.y += HEIGHT + APART

    def _numbers(self, scale: Scale, episodes: Sequence[PathEpisode]) -> None:
        last = -1.0
        for episode in episodes:
            right = scale.share(episode.latest_end or episode.ended)
            left = scale.share(episode.earliest_start or episode.started)
            if right - last < 0.06 or self.named >= NAMED:
                continue
            late = right > 0.93
            place = f"{100 * (left - 0.006 if late else right + 0.006):.2f}%"
            anchor = "end" if late else "start"
            told = str(episode.number)
            self.parts.append(svg.text(place, self.y + 10, told, style="gaptext", anchor=anchor))
            last, self.named = right, self.named + 1

    def _component(self, scale: Scale, component: ComponentReady) -> None:
        told = number(len(component.gaps), "gap") if component.gaps else "at every moment"
        self._label(component.component, told, "gaptext" if component.gaps else "lane")
        ready = [
            _pair(scale, a.at, b)
            for a, b in zip(
                component.changes,
                [*(c.at for c in component.changes[1:]), component.until],
                strict=True,
            )
            if a.ready
        ]
        gaps = [_pair(scale, g.started, g.ended or component.until) for g in component.gaps]
        shapes = [("answered", self._blocks(ready, 8)), ("gap", self._blocks(gaps, 8))]
        self.parts.append(svg.blocks(self.y, 8, shapes))
        self.y += 8 + APART

    def _version(self, scale: Scale, place: int, version: str) -> None:
        assert self.versions is not None, "only called where versions were seen"
        points = thinned(self.versions.points)
        most = max((dict(p.proxies).get(version, 0) for p in points), default=0)
        self._label(version, f"at most {number(most, 'pod')}", "lane")
        there = spans(points, scale, lambda p: float(dict(p.proxies).get(version, 0) > 0))
        pairs = [(a, b) for a, b, one in there if one]
        style = shade(place, len(self.versions.order))
        self.parts.append(svg.blocks(self.y, 8, [(style, self._blocks(pairs, 8))]))
        self.parts.append(svg.rect(0, 1, self.y + 8, 0.75, "floor"))
        self.y += 8 + APART

    def _blocks(self, pairs: Iterable[Pair], height: float) -> list[Block]:
        return [(a, b, 0, height) for a, b in joined(pairs, self.most)]


def joined(pairs: Iterable[Pair], most: int) -> list[Pair]:
    """Return at most so many intervals: those that touch are one, then the closest ones."""
    apart = 0
    found = sorted((a, max(b, a + NARROWEST)) for a, b in pairs)
    while True:
        whole: list[Pair] = []
        for left, right in found:
            if whole and left <= whole[-1][1] + apart:
                whole[-1] = (whole[-1][0], max(whole[-1][1], right))
            else:
                whole.append((left, right))
        if len(whole) <= most:
            return whole
        found, apart = whole, max(2 * apart, 5)


def drawings(report: Report) -> dict[str, Markup]:
    """Return cluster -> drawing, of each whose traffic was recorded."""
    return {s.cluster: TrafficDrawing(report, s).draw() for s in report.traffic}


def key_of(summaries: Sequence[TrafficSummary]) -> list[tuple[str, str]]:
    """Return (class, meaning) of the colours that are in the drawings."""
    measured = [p for s in summaries for p in s.measured]
    episodes = [e for p in measured for e in p.episodes]
    gaps = any(c.gaps for s in summaries for c in s.components)
    key = [("answered", "answered; a ready endpoint")]
    if episodes or gaps:
        key.append(("gap", "outage; no ready endpoint"))
    if episodes:
        key.append(("bounds", "within these bounds"))
    if any(e.excused for e in episodes):
        key.append(("refused", "excused"))
    if any(_unobserved(p) for p in measured):
        key.append(("unobserved", "not observed"))
    if any(_misnamed(p) for p in measured):
        key.append(("misnamed", "wrong identity"))
    return key


def _unobserved(path: ProbedPath) -> list[Mark]:
    return [m for m in path.marks if m.state != "wrong identity"]


def _misnamed(path: ProbedPath) -> list[Mark]:
    return [m for m in path.marks if m.state == "wrong identity"]


def _pair(scale: Scale, start: datetime, end: datetime) -> Pair:
    return scale.unit(start), scale.unit(end)


def _told(summary: TrafficSummary) -> str:
    found = [
        number(len(summary.measured), "path"),
        f"{summary.failed} of {summary.observed} requests lost",
    ]
    found += [
        f"episode {e.number} on {e.path}, longest outage {fine(e.longest_outage)}"
        for e in summary.episodes[:20]
    ]
    return "; ".join(found) + ". The tables below say the same in numbers."
