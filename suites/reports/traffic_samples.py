"""Samples whose traffic lost requests, and one where that says nothing about the cluster."""

from __future__ import annotations

from collections.abc import Callable

from policies.verdicts.findings import not_assessed, violated
from suites.reports.samples import SAMPLES, Sample


def lost_sample() -> Sample:
    """One path is refused for 0.8 s of the injection gap, while identity has no endpoint."""
    return Sample(
        traffic="outage",
        verdicts={
            "TRF-01": violated(
                "Requests were lost beyond the budget",
                expected="no more than each step's budget per path and kind",
                seen="1 outage, longest 0.820 s",
                next_command="rehearse report latest",
            )
        },
        exit_code=1,
    )


def excused_sample() -> Sample:
    """Every path fails for a second, and so does the control path."""
    reason = "path unmeshed http-new: 10 samples failed while the control path did"
    return Sample(traffic="excused", verdicts={"TRF-01": not_assessed(reason)}, exit_code=6)


EVERY: dict[str, Callable[[], Sample]] = {
    **SAMPLES,
    "lost": lost_sample,
    "excused": excused_sample,
}
