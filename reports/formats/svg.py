"""Small pieces of inline SVG: a time scale, bars that stretch with the page, text that does not.

Horizontal places are percentages, so that one drawing is right on a phone, a screen and paper
without scaling its text. Filled shapes sit in nested `svg` elements that stretch. All text passes
`Markup.format`, which escapes. Colours are classes of the page's style sheet, in light and dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from policies.verdicts.moments import clock, exact
from reports.formats.wording import one_line

UNITS = 10_000
"""Width of a stretching shape's own coordinates."""
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Scale:
    """Places on the time axis."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return max((self.end - self.start).total_seconds(), 0.001)

    def share(self, at: datetime) -> float:
        """Return 0 at the start, 1 at the end."""
        return min(max((at - self.start).total_seconds() / self.seconds, 0.0), 1.0)

    def unit(self, at: datetime) -> int:
        return round(UNITS * self.share(at))

    def ticks(self, most: int = 7) -> list[tuple[float, str]]:
        """Return (share, label) of round times since the start."""
        step = next((s for s in STEPS if self.seconds / s <= most - 1), STEPS[-1])
        count = int(self.seconds // step)
        return [(n * step / self.seconds, clock(n * step)) for n in range(count + 1)]


def text(x: str, y: float, content: str, *, style: str = "", anchor: str = "start") -> Markup:
    """Draw one line of text at a percentage from the left."""
    return Markup('<text x="{}" y="{:g}" class="{}" text-anchor="{}">{}</text>').format(
        x, y, style, anchor, one_line(content)
    )


def line(x: str, top: float, bottom: float, style: str) -> Markup:
    """Draw a vertical line."""
    return Markup('<line x1="{0}" x2="{0}" y1="{1:g}" y2="{2:g}" class="{3}"/>').format(
        x, top, bottom, style
    )


def rect(
    left: float, right: float, top: float, height: float, style: str, told: str = ""
) -> Markup:
    """Draw a bar between two shares of the width, wide enough to see. `told` is its tooltip."""
    width = max(right - left, 0.002)
    inner = Markup("<title>{}</title>").format(one_line(told)) if told else Markup("")
    return Markup(
        '<rect x="{:.2f}%" y="{:g}" width="{:.2f}%" height="{:g}" class="{}">{}</rect>'
    ).format(100 * left, top, 100 * width, height, style, inner)


Block = tuple[int, int, float, float]
"""Left and right in `UNITS`, top and bottom in pixels of the shape."""


def blocks(top: float, height: float, shapes: Iterable[tuple[str, Sequence[Block]]]) -> Markup:
    """Draw filled blocks, one path per class, in a band that stretches with the page."""
    paths = [
        Markup('<path class="{}" d="{}"/>').format(style, "".join(_block(b) for b in found))
        for style, found in shapes
        if found
    ]
    return Markup(
        '<svg x="0" y="{:g}" width="100%" height="{:g}" viewBox="0 0 {} {:g}"'
        ' preserveAspectRatio="none">{}</svg>'
    ).format(top, height, UNITS, height, Markup("").join(paths))


def _block(block: Block) -> str:
    left, right, top, bottom = block
    return f"M{left} {top:g}H{max(right, left + 12)}V{bottom:g}H{left}z"


def figure(height: float, label: str, described: str, parts: Iterable[Markup]) -> Markup:
    """Draw the figure, with its text equivalent for those who do not see it."""
    return Markup(
        '<svg class="chart" role="img" width="100%" height="{:g}" aria-label="{}">'
        "<desc>{}</desc>{}</svg>"
    ).format(height, one_line(label), one_line(described), Markup("").join(parts))


__all__ = ["Block", "Scale", "blocks", "clock", "exact", "figure", "line", "rect", "text"]
