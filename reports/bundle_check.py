"""Whether a bundle can be trusted: its digests, its story, and each document beside it."""

from __future__ import annotations

from pathlib import Path

from fixtures.core.version import VERSION
from fixtures.evidence.archives import contents_of
from fixtures.evidence.bundle import BundleError, open_bundle
from fixtures.evidence.ledger import LEDGER
from reports.build.report import build
from reports.formats.wording import number, one_line
from reports.model.report import Report
from reports.write import Format, rendered


def check(path: Path) -> tuple[str, bool]:
    """Check a bundle; return what is found, and whether all of it is as it should be.

    Each document that lies beside the ledger is made again from it and compared byte for byte.

    Raises:
        BundleError: There is no bundle, it was never sealed, or a file differs from its digest.
        LedgerError: The ledger cannot be read.
    """
    bundle = open_bundle(path)
    manifest = bundle.manifest
    if manifest is None:
        raise BundleError("This run was never sealed: there is no manifest", where=str(path))
    report = build(bundle)
    lines = [f"{path}: {number(len(manifest.files), 'file')} as sealed"]
    if problems := report.origin.problems:
        lines = [f"{path}: the bundle contradicts itself", *(f"  {p}" for p in problems)]
    same, other = _compared(path, report)
    if same:
        lines.append(f"  documents  {', '.join(same)}: as the ledger has them")
    for name in other:
        lines.append(f"  documents  {name}: NOT what the ledger gives{_because(report)}")
    lines.append(f"  digest     {manifest.digest}")
    verdict = report.verdict
    said = f"{verdict.word}, exit code {verdict.exit_code}: {one_line(verdict.headline)}"
    lines.append(f"  verdict    {said}")
    return "\n".join(lines) + "\n", not problems and not other


def _compared(path: Path, report: Report) -> tuple[list[str], list[str]]:
    """Return names of documents that are what the ledger gives, and of those that are not."""
    contents = contents_of(path.parent if path.name == LEDGER else path)
    there = set(contents.names())
    same: list[str] = []
    other: list[str] = []
    for wanted in Format:
        if wanted.file in there:
            equal = contents.read(wanted.file) == rendered(report, wanted)
            (same if equal else other).append(wanted.file)
    return same, other


def _because(report: Report) -> str:
    if report.header.version != VERSION:
        return f"; it may be of version {report.header.version or '(unknown)'}, this is {VERSION}"
    return ": altered, or made by another version"
