"""What `rehearse compare`, `history` and `fleet report` do: bundles read, folded, rendered."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec

from fixtures.core.errors import BadInput, RehearsalError
from fixtures.evidence import fleet_mark
from fixtures.evidence.bundle import Bundle, bundle_path, open_bundle
from fixtures.evidence.bundle_folder import bundles, places
from reports.build.compared import run_diff as compared
from reports.build.compared import run_history
from reports.build.fleet import Fold, Taken, refused, taken
from reports.build.report import build
from reports.formats import fleet as fleets_
from reports.formats import run_diff
from reports.formats import run_history as trends
from reports.model.fleet import FleetReport
from reports.model.report import Report
from reports.model.run_diff import RunDiff
from reports.model.run_history import RunHistory

MANY = 100
"""Runs from which on processes beside this one are worth their start."""
LeftOut = tuple[tuple[str, str], ...]


def compare(first: str, second: str, history: str = "") -> RunDiff:
    """Compare two runs that are named by path, or as below `.rehearsals`.

    Raises:
        RehearsalError: A bundle or the folder of earlier runs cannot be read or trusted.
    """
    reports = [build(open_bundle(bundle_path(each))) for each in (first, second)]
    earlier, left_out = read_runs(Path(history), "--history") if history else ((), ())
    diff = compared.build(reports[0], reports[1], earlier)
    said = tuple(f"{name} of the history: {why}" for name, why in left_out)
    return msgspec.structs.replace(diff, not_compared=(*diff.not_compared, *said))


def history(folder: str) -> RunHistory:
    """Return the history of a folder's runs.

    Raises:
        BadInput: There is no such folder, or none of its runs can be read.
    """
    place = Path(folder)
    reports, left_out = read_runs(place, "DIR")
    if not reports:
        name, why = left_out[0]
        raise BadInput(
            f"None of the runs in {folder} can be read",
            where=f"{folder}/{name}",
            seen=why,
            next_command="rehearse verify-bundle RUN",
        )
    return run_history.build(reports, place.resolve().name, left_out)


def fleet(folder: str) -> FleetReport:
    """Return the report of a fleet's runs, read one after the other.

    Raises:
        BadInput: There is no such folder, or none of its runs can be read.
    """
    place = Path(folder)
    mark = fleet_mark.read(place)
    if mark is None:
        names = {p.name: "" for p in places(place, "DIR")}
        mark = fleet_mark.Mark(name=place.resolve().name)
    else:
        names = {c.name: c.group for c in mark.clusters}
    fold = Fold(mark.name, names, mark.groups)
    there = [place / name for name in names if (place / name).exists()]
    if len(there) < MANY:
        for run in there:
            fold.take(_taken(run))
        return fold.finished()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        for each in workers.map(_taken, there, chunksize=10):
            fold.take(each)
    return fold.finished()


def _taken(run: Path) -> Taken:
    try:
        return taken(run.name, build(open_bundle(run)))
    except RehearsalError as error:
        return refused(run.name, f"{error.what} {error.seen}".strip())


def rendered(document: RunDiff | RunHistory | FleetReport, kind: str) -> str:
    """Return a comparison, a history or a fleet's report in one format."""
    if isinstance(document, FleetReport):
        fleets = {
            "html": fleets_.html,
            "json": fleets_.as_json,
            "text": fleets_.text,
            "junit": fleets_.junit,
        }
        return fleets[kind](document)
    if isinstance(document, RunDiff):
        diff = {"html": run_diff.html, "json": run_diff.as_json, "text": run_diff.text}
        return diff[kind](document)
    trend = {"html": trends.html, "json": trends.as_json, "text": trends.text}
    return trend[kind](document)


def read_runs(folder: Path, where: str) -> tuple[tuple[Report, ...], LeftOut]:
    """Return the reports of a folder's runs, oldest first, and what could not be read and why.

    Raises:
        BadInput: There is no such folder, or no run in it.
    """
    reports: list[Report] = []
    left_out: list[tuple[str, str]] = []
    for each in bundles(folder, where):
        if isinstance(each, Bundle):
            reports.append(build(each))
        else:
            left_out.append(each)
    reports.sort(key=lambda r: (r.header.started, r.header.run))
    return tuple(reports), tuple(left_out)
