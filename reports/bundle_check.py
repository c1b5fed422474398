"""Whether a bundle can be trusted: its digests, its story, and each document beside it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from fixtures.core.version import VERSION
from fixtures.evidence.archives import contents_of
from fixtures.evidence.bundle import MANIFEST, BundleError, Manifest, open_bundle
from fixtures.evidence.ledger import LEDGER
from reports.build.report import build
from reports.formats.wording import number, one_line
from reports.model.report import Report
from reports.write import Format, rendered


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed bundle with what was compared."""

    report: Report
    manifest: Manifest
    same: tuple[str, ...]
    """Documents beside the ledger that are what it gives, byte for byte."""
    other: tuple[str, ...]
    """Documents that are not."""

    @property
    def problems(self) -> tuple[str, ...]:
        return self.report.origin.problems

    @property
    def well(self) -> bool:
        """Whether all of it is as it should be."""
        return not self.problems and not self.other


def examine(path: Path, vouched: Collection[str] = ()) -> Examined:
    """Check digests and story of a bundle, and make each document beside it again.

    Args:
        path: Of the bundle.
        vouched: Names of documents that a signature vouches for, which need no comparison.

    Raises:
        BundleError: There is no bundle, it was never sealed, or a file differs from its digest.
        LedgerError: The ledger cannot be read.
    """
    bundle = open_bundle(path)
    manifest = bundle.manifest
    if manifest is None:
        raise BundleError("This run was never sealed: there is no manifest", where=str(path))
    report = build(bundle)
    same, other = _compared(path, report, vouched)
    return Examined(report=report, manifest=manifest, same=same, other=other)


def check(path: Path, vouched: Collection[str] = ()) -> tuple[str, bool]:
    """Examine a bundle; return what is found, and whether all of it is as it should be.

    Raises:
        BundleError, LedgerError: As `examine` has it.
    """
    examined = examine(path, vouched)
    report, manifest = examined.report, examined.manifest
    lines = [f"{path}: {number(len(manifest.files), 'file')} as sealed"]
    if problems := examined.problems:
        lines = [f"{path}: the bundle contradicts itself", *(f"  {p}" for p in problems)]
    if examined.same:
        lines.append(f"  documents  {', '.join(examined.same)}: as the ledger has them")
    for name in examined.other:
        lines.append(f"  documents  {name}: NOT what the ledger gives{_because(report)}")
    lines.append(f"  digest     {manifest.digest}")
    verdict = report.verdict
    said = f"{verdict.word}, exit code {verdict.exit_code}: {one_line(verdict.headline)}"
    lines.append(f"  verdict    {said}")
    return "\n".join(lines) + "\n", examined.well


def _compared(
    path: Path, report: Report, vouched: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names of documents that are what the ledger gives, and of those that are not."""
    contents = contents_of(path.parent if path.name in (LEDGER, MANIFEST) else path)
    there = set(contents.names())
    same: list[str] = []
    other: list[str] = []
    for wanted in Format:
        if wanted.file in there and wanted.file not in vouched:
            equal = contents.read(wanted.file) == rendered(report, wanted)
            (same if equal else other).append(wanted.file)
    return tuple(same), tuple(other)


def _because(report: Report) -> str:
    if report.header.version != VERSION:
        return f"; it may be of version {report.header.version or '(unknown)'}, this is {VERSION}"
    return ": altered, or made by another version"
