"""The checked-in table of differences, and how a replay's findings are held to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

Found = tuple[str, tuple[str, str, str]]
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
    """Exchanges that may differ otherwise than by the moment one looks."""
    difference: list[Row]


@dataclass(frozen=True)
class Verdict:
    """What does not agree with the table."""

    unknown: tuple[str, ...]
    gone: tuple[str, ...]


def steady(table: Table, found: Iterable[Found]) -> set[str]:
    """Exchanges with a difference that does not depend on the moment.

    Args:
        table: Its rows say which differences do.
        found: Name of an exchange, and the key of one of its differences.
    """
    passing = [row for row in table.difference if row.sometimes]
    return {name for name, key in found if not any(row.covers(key) for row in passing)}


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
