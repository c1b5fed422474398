"""The checked-in table of differences, and how a replay's findings are held to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

TABLE = Path(__file__).with_name("replay_differences.toml")


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One known difference."""

    request: str
    what: str
    where: str
    reason: str
    sometimes: bool = False
    """It depends on the moment, so it need not occur in each run."""

    def covers(self, key: tuple[str, str, str]) -> bool:
        """Whether it names a difference: request, what and where."""
        request, what, where = key
        return what == self.what and _fits(self.request, request) and _fits(self.where, where)

    @property
    def name(self) -> str:
        return " | ".join((self.request, self.what, self.where))


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    at_most: int
    """Exchanges that may differ."""
    difference: list[Row]


@dataclass(frozen=True)
class Verdict:
    """What does not agree with the table."""

    unknown: tuple[str, ...]
    gone: tuple[str, ...]


def read_table(path: Path = TABLE) -> Table:
    return msgspec.toml.decode(path.read_bytes(), type=Table)


def judge(table: Table, found: set[tuple[str, str, str]]) -> Verdict:
    """Differences that no row names, and rows that nothing was found for."""
    rows = table.difference
    unknown = [" | ".join(key) for key in found if not any(row.covers(key) for row in rows)]
    gone = [
        row.name for row in rows if not row.sometimes and not any(row.covers(key) for key in found)
    ]
    return Verdict(tuple(sorted(unknown)), tuple(sorted(gone)))


def _fits(pattern: str, text: str) -> bool:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, text) is not None
