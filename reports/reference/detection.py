"""The detection page: which known failure this suite catches, and which tools would have told it.

What this suite catches is what the fault files name, and `suites/detection` runs each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from fixtures.scenario.faults import CATALOGUE, Fault, load_fault
from fixtures.scenario.known_failures import Failure, known_failures

_FAULTS = "../suites/detection/faults"
_HEAD = (
    "Failure",
    "Risk",
    "This suite",
    "Faults",
    "`linkerd check`",
    "`check --proxy`",
    "Helm",
    "Argo CD",
)


def rows_by_stage() -> Iterable[tuple[str, list[tuple[str, ...]]]]:
    """Yield each stage with a row for each of its failures."""
    faults = [load_fault(file) for file in sorted(CATALOGUE.glob("*.toml"))]
    for stage, failures in groupby(known_failures().values(), key=lambda f: f.stage):
        yield stage, [_row(failure, faults) for failure in failures]


def heading() -> tuple[str, ...]:
    """Return the heads of the columns."""
    return _HEAD


def intro() -> list[str]:
    """Return what the table means, with how much of it there is."""
    known = known_failures()
    faults = [load_fault(file) for file in CATALOGUE.glob("*.toml")]
    said = {f.failure for f in faults} & known.keys()
    apart = sum(1 for f in known.values() if f.not_simulated)
    return [
        f"{len(known)} failures that people met while upgrading Linkerd, by the stage they strike"
        f" at and their risk (severity times frequency, 25 at most). {len(said)} are said by"
        f" {len(faults)} fault files; {apart} cannot be simulated honestly; the others (-) are not"
        " said yet, and nothing is claimed of them.",
        "",
        "*This suite* names the controls that turn red in a rehearsal with each of the faults:"
        " measured, `make suites` runs them all. What the other tools say is *cited*: it was read"
        " in their sources, and not run. Helm is `helm upgrade --wait`, Argo CD its health.",
    ]


def _row(failure: Failure, faults: Iterable[Fault]) -> tuple[str, ...]:
    cases = [f for f in faults if f.failure == failure.id]
    controls = sorted({c for f in cases for c in f.catches})
    said = ", ".join(controls) or failure.not_simulated or "-"
    links = ", ".join(f"[{f.id}]({_FAULTS}/{f.id}.toml)" for f in cases)
    cited = (failure.check, failure.proxy, failure.helm, failure.argo)
    return (failure.id, str(failure.risk), said, links, *cited)
