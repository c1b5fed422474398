"""Recorded HTTP exchanges, in order, each with the dump whose state it was answered from."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
CONDITIONAL = "a conditional request whose condition was not recorded"
BODY_OMITTED = "the request's body was over 60 kB and was not kept"
_DAY = "%Y-%m-%dT%H:%M:%SZ"


class Line(msgspec.Struct, frozen=True):
    """One line of a recording."""

    t: float
    method: str
    url: str
    req_headers: dict[str, str]
    status: int
    resp_headers: dict[str, str]
    req: Any = None
    resp: Any = None
    n: int = 0
    s: float = 0.0


@dataclass(frozen=True)
class Exchange:
    """One request that a real client sent, and what the real API answered."""

    folder: str
    command: str
    line: Line

    @property
    def name(self) -> str:
        return f"{self.folder}/{self.command} #{self.line.n}"

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.line.url).query, keep_blank_values=True))

    @property
    def path(self) -> str:
        return urlsplit(self.line.url).path

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") in ("true", "1")

    @property
    def is_write(self) -> bool:
        return self.line.method != "GET" and "dryRun" not in self.query

    @property
    def signature(self) -> str:
        """Method and resource, without what names one object: the same for the same question."""
        parts = self.path.strip("/").split("/")
        depth = 2 if parts[0] == "api" else 3
        head, rest = parts[:depth], parts[depth:]
        if len(rest) > 2 and rest[0] == "namespaces":
            rest[1] = "*"
            rest[3:4] = ["*"] * len(rest[3:4])
        elif len(rest) > 1:
            rest[1] = "*"
        suffix = " watch" if self.is_watch else " dry run" if "dryRun" in self.query else ""
        return f"{self.line.method} /{'/'.join(head + rest)}{suffix}"

    @property
    def skip_reason(self) -> str:
        """Why it cannot be sent; empty when it can."""
        if isinstance(self.line.req, dict) and "omitted" in self.line.req:
            return BODY_OMITTED
        return CONDITIONAL if self.line.status == 304 else ""

    @property
    def body(self) -> bytes | None:
        """The request's body as it was sent."""
        content = self.line.req
        if content is None:
            return None
        if isinstance(content, dict):
            return base64.b64decode(content["b64"])
        return str(content).encode()

    @property
    def answer(self) -> bytes | None:
        """The answer's body; None where it was not kept."""
        content = self.line.resp
        if isinstance(content, dict):
            return base64.b64decode(content["b64"]) if "b64" in content else None
        return None if content is None else str(content).encode()


@dataclass(frozen=True)
class Stretch:
    """The exchanges between two dumps of one recording."""

    folder: str
    exchanges: tuple[Exchange, ...]
    dump: Path
    """The state before the first of them; see `is_first`."""
    next_dump: Path | None
    is_first: bool
    """No dump is earlier: `dump` is the next one, of which what is older than `begins` counts."""

    @property
    def begins(self) -> str:
        moment = datetime.fromtimestamp(self.exchanges[0].line.t, UTC)
        return moment.strftime(_DAY)

    @property
    def name(self) -> str:
        before = "start" if self.is_first else self.dump.name.removesuffix(".json.gz")
        return f"{self.folder} {before}"

    def items(self) -> list[dict[str, Any]]:
        """The objects of the state before the first exchange."""
        found = read_items(self.dump)
        if not self.is_first:
            return found
        return [o for o in found if (o["metadata"].get("creationTimestamp") or "") < self.begins]


def read_items(dump: Path) -> list[dict[str, Any]]:
    return json.loads(gzip.decompress(dump.read_bytes()))["items"]


def folders() -> list[Path]:
    """Recordings with HTTP exchanges and dumps."""
    found = sorted(RECORDINGS.glob("*/http"))
    return [path.parent for path in found if (path.parent / "dumps").is_dir()]


def stretches(folder: Path) -> list[Stretch]:
    """All exchanges of a recording, cut at its dumps."""
    exchanges = sorted(_exchanges(folder), key=lambda e: (e.line.t, e.line.n))
    day = datetime.fromtimestamp(exchanges[0].line.t, UTC).date()
    dumps = list(_dumps(folder, f"{day}T"))
    moments = [0.0, *(moment for moment, _ in dumps), float("inf")]
    found: list[Stretch] = []
    for index in range(len(moments) - 1):
        start, end = moments[index], moments[index + 1]
        within = tuple(e for e in exchanges if start <= e.line.t < end)
        if within:
            following = dumps[index][1] if index < len(dumps) else None
            own = dumps[max(index - 1, 0)][1]
            found.append(Stretch(folder.name, within, own, following, is_first=index == 0))
    return found


def _exchanges(folder: Path) -> Iterator[Exchange]:
    decoder = msgspec.json.Decoder(Line)
    for path in sorted((folder / "http").glob("*.jsonl.gz")):
        command = path.name.removesuffix(".jsonl.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines():
            yield Exchange(folder.name, command, decoder.decode(line))


def _dumps(folder: Path, day: str) -> Iterator[tuple[float, Path]]:
    for line in (folder / "timeline.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["what"] == "dump":
            moment = datetime.fromisoformat(day + entry["t"]).replace(tzinfo=UTC)
            yield moment.timestamp(), folder / "dumps" / f"{entry['label']}.json.gz"
