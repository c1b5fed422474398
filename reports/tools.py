"""`python -m reports.tools BUNDLE`: the programs that a rehearsal ran, and why those."""

from __future__ import annotations

import sys
from pathlib import Path

from fixtures.core.errors import RehearsalError
from fixtures.evidence.bundle import open_bundle
from fixtures.evidence.records import ToolUsed
from reports.build.report import build
from reports.formats.wording import one_line


def lines(tools: tuple[ToolUsed, ...]) -> list[str]:
    """Return a line for each program: real ones with their path, stand-ins with the reason."""
    if not tools:
        return ["no program was run"]
    return [f"{t.name:<8} {t.version:<16} {t.program:<9} {one_line(t.reason)}" for t in tools]


def main(arguments: list[str]) -> int:
    try:
        report = build(open_bundle(Path(arguments[0] if arguments else ".")))
    except RehearsalError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("\n".join(["programs:", *lines(report.tools)]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
