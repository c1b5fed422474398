"""The end of a run: seal the bundle, write the documents, sum up for the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fixtures.core.plain_text import wants_colour
from fixtures.evidence.bundle import seal
from reports.formats import text
from reports.formats.interchange import github
from reports.write import write_all


def finish(folder: Path) -> str:
    """Write a run's documents in its folder; return the summary a person can act on.

    Raises:
        RehearsalError: the bundle cannot be sealed or a document cannot be written.
    """
    written = write_all(seal(folder), folder)
    documents = [str(d.path) for d in written.documents]
    summary = text.render(written.report, colour=wants_colour(sys.stdout), documents=documents)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        summary += github.render(written.report)
    return summary
