"""Moments as reports say them: cluster time since the rehearsal's start, on one clock."""

from __future__ import annotations

from datetime import datetime

from policies.facts.cluster import Fact


def clock(seconds: float) -> str:
    """Return seconds since the start: `0:05`, `12:30`, `1:02:30`."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def exact(seconds: float) -> str:
    """Return seconds since the start with a hundredth: `12:30.25`."""
    hundredths = round(100 * seconds)
    return f"{clock(hundredths // 100)}.{hundredths % 100:02d}"


class Clock(Fact, frozen=True, kw_only=True):
    """The clock of a finding: that of the report's drawing and tables."""

    zero: datetime | None = None
    """From which it counts; None: nobody said, then the time of day in UTC."""

    def say(self, at: datetime) -> str:
        if self.zero is None:
            return f"{at:%H:%M:%S.%f}"[:-3] + "Z"
        return exact(max((at - self.zero).total_seconds(), 0.0))
