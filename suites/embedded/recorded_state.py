"""The state that recorded exchanges start from, with keys in the place of removed ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from fixtures.snapshot.copy.certificates import StandIns
from fixtures.snapshot.copy.missing import missing
from fixtures.snapshot.copy.rewrite import Rewriter, concerned
from fixtures.snapshot.load import read_snapshot
from suites.embedded.recorded_exchanges import Exchange, Stretch, read_items

Obj = dict[str, Any]

_CREATION_SECONDS = 2.0


class RecordedState:
    """Objects to load, and bodies that go with them: every certificate has one stand-in."""

    def __init__(self, stretch: Stretch) -> None:
        self._later = read_items(stretch.next_dump) if stretch.next_dump else []
        self._posted = _posted_names(stretch)
        items = stretch.items()
        captured = read_snapshot(stretch.dump).captured_at
        self._rewriter = Rewriter(StandIns(captured_at=captured, now=datetime.now(UTC)))
        for obj in (*items, *self._later):
            if concerned(json.dumps(obj).encode()):
                self._rewriter.learn(obj)
        objects = [self._rewriter.rewrite(obj) for obj in items]
        self._objects = objects + missing(objects)[0]

    @property
    def document(self) -> bytes:
        return msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": self._objects})

    def body(self, exchange: Exchange) -> bytes | None:
        """What the client sent, with stand-ins in it."""
        content = exchange.body
        if content is None or not concerned(content):
            return content
        body = json.loads(content)
        if not isinstance(body, dict):
            return content
        kind = body.get("kind")
        if kind is None and "/secrets/" in exchange.path:
            body["kind"] = "Secret"
        self._rewriter.rewrite(body)
        if kind is None:
            body.pop("kind", None)
        return json.dumps(body).encode()

    def made_by(self, exchange: Exchange, asked: str) -> list[Obj]:
        """What a write made whose body was not kept, as the next dump has it.

        Args:
            exchange: The write.
            asked: Name of the object that was looked for just before.
        """
        parts = exchange.path.strip("/").split("/")
        kind = "Secret" if "secrets" in parts else "CustomResourceDefinition"
        candidates = [obj for obj in self._later if obj["kind"] == kind]
        name = parts[-1] if exchange.line.method != "POST" else asked
        named = [obj for obj in candidates if obj["metadata"]["name"] == name]
        if named or exchange.line.method != "POST":
            return named
        return [
            obj
            for obj in candidates
            if abs(_created(obj) - exchange.line.t) < _CREATION_SECONDS
            and obj["metadata"]["name"] not in self._posted
        ]


def _posted_names(stretch: Stretch) -> frozenset[str]:
    """Names of the objects whose creation was kept."""
    bodies = [e.body for e in stretch.exchanges if e.line.method == "POST" and not e.skip_reason]
    objects = [json.loads(body) for body in bodies if body is not None and body[:1] == b"{"]
    return frozenset(str((obj.get("metadata") or {}).get("name")) for obj in objects)


def _created(obj: Obj) -> float:
    return datetime.fromisoformat(obj["metadata"]["creationTimestamp"]).timestamp()
