"""The timeline of a rehearsal: steps, versions, pods and canaries over cluster time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from markupsafe import Markup

from reports.formats import svg
from reports.formats.axis import scales
from reports.formats.svg import Block, Scale
from reports.formats.wording import arrows, duration, number, words
from reports.model.report import CanarySummary, Gap, Point, Report, Section, Versions

WIDE = 912
"""Width in pixels the drawing has on a wide page; decides only which labels fit."""
SHADES = 6
"""Classes `v0` (oldest) to `v5` (newest)."""
GAP_LABEL = 0.3
"""Share of the width that the label of a gap needs on a phone; the table names every gap."""
MOST = 400
"""Points drawn per series; more would not be told apart."""


class Timeline:
    """One drawing, built from the top down."""

    def __init__(self, report: Report, cluster: str) -> None:
        self.report = report
        self.cluster = cluster
        self.sections = [
            s for s in report.sections if s.cluster == cluster and s.cluster_started is not None
        ]
        self.versions = next((v for v in report.versions if v.cluster == cluster), None)
        self.canaries = next((c for c in report.canaries if c.cluster == cluster), None)
        self.scale = scales(report).get(cluster)
        self.parts: list[Markup] = []
        self.y = 0.0

    def draw(self) -> Markup:
        """Draw it; return nothing when no time was recorded."""
        if self.scale is None:
            return Markup("")
        self._steps(self.scale)
        if self.versions is not None and self.versions.order:
            self._skew(self.scale, self.versions)
            self._pods(self.scale, self.versions)
        if self.canaries is not None:
            self._canaries(self.scale, self.canaries)
        self._axis(self.scale)
        return svg.figure(self.y, "Timeline", _described(self), self.parts)

    def _heading(self, heading: str) -> None:
        self.y += 14
        self.parts.append(svg.text("0", self.y, heading, style="lane"))
        self.y += 7

    def _steps(self, scale: Scale) -> None:
        hops = list(dict.fromkeys(s.hop for s in self.sections if s.hop))
        if len(hops) > 1:
            self._heading("Hops")
            for hop in hops:
                inside = [s for s in self.sections if s.hop == hop]
                self._bar(scale, inside, arrows(hop), hop.partition(":")[0], "hop")
            self.y += 24
        self._heading("Steps")
        for section in self.sections:
            name = f"{section.number} {words(section.step)}"
            style = (
                "bad" if section.state in ("failed", "blocked") else f"step{section.number % 2}"
            )
            self._bar(scale, [section], name, str(section.number), style)
        self.y += 24 + 10

    def _bar(
        self, scale: Scale, sections: Sequence[Section], name: str, short: str, style: str
    ) -> None:
        begins = [s.cluster_started for s in sections if s.cluster_started]
        ends = [s.cluster_ended or scale.end for s in sections]
        left, right = scale.share(min(begins)), scale.share(max(ends))
        told = f"{name}: {duration((right - left) * scale.seconds)}"
        self.parts.append(svg.rect(left, right, self.y, 22, style, told))
        place = f"{50 * (left + right):.2f}%"
        room = (right - left) * WIDE
        if room > 7.2 * len(name) + 8:
            self.parts.append(svg.text(place, self.y + 15, name, style="wide on", anchor="middle"))
            self.parts.append(
                svg.text(place, self.y + 15, short, style="narrow on", anchor="middle")
            )
        elif room > 10 + 7.2 * len(short):
            self.parts.append(svg.text(place, self.y + 15, short, style="on", anchor="middle"))

    def _skew(self, scale: Scale, versions: Versions) -> None:
        self._heading("Versions: thin bar control plane, thick bar proxies")
        points = thinned(versions.points)
        for place, version in reversed(list(enumerate(versions.order))):
            self.parts.append(svg.text("0", self.y + 11, version, style="version"))
            colour = shade(place, len(versions.order))
            until = versions.phases[-1].ended
            control = spans(points, scale, lambda p, v=version: float(v in p.control_plane), until)
            shares = spans(points, scale, lambda p, v=version: _share(p, v), until)
            shapes: list[tuple[str, Sequence[Block]]] = [
                ("control", [(a, b, 0, 5) for a, b, there in control if there]),
                (colour, [(a, b, 21 - 14 * share, 21) for a, b, share in shares if share]),
            ]
            self.parts.append(svg.blocks(self.y + 16, 21, shapes))
            self.parts.append(svg.rect(0, 1, self.y + 37, 0.75, "floor"))
            self.y += 46
        self.y += 6

    def _pods(self, scale: Scale, versions: Versions) -> None:
        points = thinned(versions.points)
        most = max((sum(n for _, n in p.proxies) + p.unmeshed for p in points), default=0)
        if not most:
            return
        self._heading(f"Pods by proxy version, at most {most}")
        height = 72.0
        layers: dict[str, list[Block]] = {}
        ends = [scale.unit(p.at) for p in points[1:]]
        ends.append(scale.unit(versions.phases[-1].ended))
        for point, end in zip(points, ends, strict=True):
            floor = height
            counts = dict(point.proxies)
            named = [
                (shade(n, len(versions.order)), counts.get(v, 0))
                for n, v in enumerate(versions.order)
            ]
            for style, count in [*named, ("unmeshed", point.unmeshed)]:
                top = floor - height * count / most
                if count:
                    layers.setdefault(style, []).append((scale.unit(point.at), end, top, floor))
                floor = top
        self.parts.append(svg.blocks(self.y, height, layers.items()))
        self.parts.append(svg.rect(0, 1, self.y + height, 0.75, "floor"))
        self.y += height + 12

    def _canaries(self, scale: Scale, canaries: CanarySummary) -> None:
        self._heading("Injection canary: version injected, and gaps")
        order = self.versions.order if self.versions else ()
        layers: dict[str, list[Block]] = {}
        for stretch in canaries.stretches:
            style = stretch.outcome
            if style == "injected" and stretch.version in order:
                style = shade(order.index(stretch.version), len(order))
            left, right = scale.unit(stretch.started), scale.unit(stretch.ended)
            layers.setdefault(style, []).append((left, right, 0, 18))
        self.parts.append(svg.blocks(self.y, 18, layers.items()))
        self.y += 18
        last = -1.0
        for gap in canaries.gaps[:20]:
            begins = scale.share(gap.started)
            self._gap(scale, gap, labelled=begins - last > GAP_LABEL)
            last = begins if begins - last > GAP_LABEL else last
        self.y += 22 if canaries.gaps else 10

    def _gap(self, scale: Scale, gap: Gap, *, labelled: bool) -> None:
        left = scale.share(gap.started)
        right = scale.share(gap.ended) if gap.ended else 1.0
        told = f"gap {gap.number}: {duration(gap.seconds)}"
        self.parts.append(svg.rect(left, right, self.y + 2, 3, "gap", told))
        if not labelled:
            return
        middle = (left + right) / 2
        anchor = "start" if middle < 0.1 else "end" if middle > 0.9 else "middle"
        place = left if anchor == "start" else right if anchor == "end" else middle
        self.parts.append(
            svg.text(f"{100 * place:.2f}%", self.y + 18, told, style="gaptext", anchor=anchor)
        )

    def _axis(self, scale: Scale) -> None:
        grid: list[Markup] = []
        for share, label in scale.ticks():
            place = f"{100 * share:.2f}%"
            anchor = "start" if share < 0.03 else "end" if share > 0.97 else "middle"
            grid.append(svg.line(place, 24, self.y, "grid"))
            self.parts.append(svg.text(place, self.y + 13, label, style="tick", anchor=anchor))
        self.parts[:0] = grid
        self.y += 18


def timelines(report: Report) -> list[tuple[str, Markup]]:
    """Return (cluster, drawing) of every cluster that has one."""
    clusters = dict.fromkeys(
        [s.cluster for s in report.sections] + [v.cluster for v in report.versions]
    )
    drawn = [(cluster, Timeline(report, cluster).draw()) for cluster in clusters]
    return [(cluster, drawing) for cluster, drawing in drawn if drawing]


def steps_of(report: Report) -> dict[str, list[tuple[int, str]]]:
    """Return cluster -> (number, name) of each step that its drawing shows by number."""
    found: dict[str, list[tuple[int, str]]] = {}
    several = len({s.hop for s in report.sections if s.hop}) > 1
    for section in report.sections:
        hop = f", {section.hop.partition(':')[0]}" if section.hop and several else ""
        step = (section.number, words(section.step) + hop)
        found.setdefault(section.cluster, []).append(step)
    return found


def key_of(report: Report) -> list[tuple[str, str]]:
    """Return (class, meaning) of every colour that the drawings use, newest version first."""
    key: list[tuple[str, str]] = []
    for versions in report.versions:
        count = len(versions.order)
        key += [(shade(n, count), v) for n, v in reversed(list(enumerate(versions.order)))]
    if report.versions:
        key.append(("control", "control plane"))
    if any(p.unmeshed for v in report.versions for p in v.points) or any(
        c.unmeshed for c in report.canaries
    ):
        key.append(("unmeshed", "unmeshed"))
    for outcome in ("refused", "unobserved"):
        if any(getattr(c, outcome) for c in report.canaries):
            key.append((outcome, outcome))
    return list(dict.fromkeys(key))


def thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Return at most `MOST` points, spread over the whole; the first and the last stay."""
    if len(points) <= MOST:
        return points
    step = (len(points) - 1) / (MOST - 1)
    return [points[round(n * step)] for n in range(MOST)]


def spans(
    points: Sequence[Point],
    scale: Scale,
    value: Callable[[Point], float],
    until: datetime | None = None,
) -> list[tuple[int, int, float]]:
    """Return (left, right, value) of the stretches in which a value does not change."""
    found: list[tuple[int, int, float]] = []
    last = svg.UNITS if until is None else scale.unit(until)
    ends = [scale.unit(p.at) for p in points[1:]] + [last]
    for point, end in zip(points, ends, strict=True):
        now = value(point)
        if found and found[-1][2] == now:
            found[-1] = (found[-1][0], end, now)
        else:
            found.append((scale.unit(point.at), end, now))
    return found


def _share(point: Point, version: str) -> float:
    total = sum(n for _, n in point.proxies)
    return dict(point.proxies).get(version, 0) / total if total else 0.0


def shade(place: int, count: int) -> str:
    """Return the class of a version: the newest is always the darkest."""
    return f"v{max(SHADES - count + place, 0)}" if count <= SHADES else f"v{place % SHADES}"


def _described(timeline: Timeline) -> str:
    gaps = timeline.canaries.gaps if timeline.canaries else ()
    versions = timeline.versions.order if timeline.versions else ()
    told = [number(len(timeline.sections), "step")]
    if versions:
        told.append("versions " + ", ".join(versions))
    told += [f"injection gap of {duration(g.seconds)}" for g in gaps]
    return "; ".join(told) + ". The tables below say the same in numbers."
