"""Write documents from a bundle. Adding a format is one module and one entry of `Format`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path

import msgspec

from fixtures.core.errors import RehearsalError
from fixtures.core.whole_file import write_whole
from fixtures.evidence.bundle import Bundle
from reports.build.report import build
from reports.formats import html, json_report, summary, text
from reports.formats.interchange import github, junit, oscal, sarif
from reports.model.report import Report


class ReportError(RehearsalError):
    """A document cannot be written; the message names the file."""


class Format(Enum):
    """A kind of document: its name on the command line, its file, and what renders it."""

    HTML = ("html", "report.html", html.render)
    JSON = ("json", "report.json", json_report.render)
    JUNIT = ("junit", "report.junit.xml", junit.render)
    OSCAL = ("oscal", "report.oscal.json", oscal.render)
    SARIF = ("sarif", "report.sarif", sarif.render)
    SUMMARY = ("summary", "summary.md", summary.render)
    TEXT = ("text", "report.txt", text.render)
    GITHUB = ("github", "annotations.txt", github.render)

    def __init__(self, word: str, file: str, render: Callable[[Report], str]) -> None:
        self.word = word
        self.file = file
        self.render = render

    @classmethod
    def named(cls, word: str) -> Format:
        """Return the format of a command line's word.

        Raises:
            ReportError: there is none of that name.
        """
        for one in cls:
            if one.word == word:
                return one
        raise ReportError(
            "There is no such report format.",
            expected="one of " + ", ".join(f.word for f in cls),
            seen=word,
        )


DEFAULT = (
    Format.HTML,
    Format.JSON,
    Format.JUNIT,
    Format.OSCAL,
    Format.SARIF,
    Format.SUMMARY,
)
"""Formats written at the end of every run, the one to open first in front."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    format: Format
    path: Path
    size: int
    """Bytes."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and the model it was made from."""

    report: Report
    documents: tuple[Document, ...]

    def path(self, wanted: Format) -> Path | None:
        """Return where the document of one format is; None when it was not asked for."""
        return next((d.path for d in self.documents if d.format is wanted), None)


def write_all(bundle: Bundle, folder: Path, formats: Iterable[Format] = DEFAULT) -> Written:
    """Write the documents of a bundle to a folder, which is made when it does not exist.

    Raises:
        ReportError: a file cannot be written; the documents before it are in place.
    """
    report = build(bundle)
    return Written(
        report=report, documents=tuple(_write(report, folder, f) for f in dict.fromkeys(formats))
    )


def rendered(report: Report, wanted: Format) -> bytes:
    """Return one document, as it is written."""
    return wanted.render(report).encode("utf-8", "backslashreplace")


def _write(report: Report, folder: Path, wanted: Format) -> Document:
    content = rendered(report, wanted)
    path = folder / wanted.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise ReportError(
            "Cannot write the report.", where=str(path), seen=error.strerror or str(error)
        ) from error
    return Document(format=wanted, path=path, size=len(content))
