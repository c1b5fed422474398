"""Answers, recorded and ours, as far as they can be read: JSON, protobuf envelopes, watches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from apimachinery.protobuf.fields import MAGIC
from suites.embedded.answer_shapes import decoded
from suites.embedded.recorded_exchanges import Exchange


@dataclass(frozen=True)
class Answer:
    """A status and a body; the body is None where it was not kept."""

    status: int
    body: Any
    partly: bool = False
    """Only kind, apiVersion and a Status are known: the body was protobuf."""

    @property
    def message(self) -> str:
        return self.text("message")

    def text(self, name: str) -> str:
        if not isinstance(self.body, dict):
            return ""
        return str(self.body.get(name) or "")


def read_answer(exchange: Exchange) -> Answer:
    content = exchange.answer
    if content is None:
        return Answer(exchange.line.status, None)
    if content[:4] == MAGIC:
        return Answer(exchange.line.status, _envelope(content[4:]), partly=True)
    return Answer(exchange.line.status, decoded(content))


def _envelope(content: bytes) -> dict[str, Any]:
    """apiVersion and kind of a protobuf answer; of a Status the reason as well."""
    outer = dict(_fields(content))
    about = dict(_fields(outer[1]))
    body: dict[str, Any] = {
        "apiVersion": about.get(1, b"").decode(),
        "kind": about.get(2, b"").decode(),
    }
    inner = _fields(outer.get(2, b""))
    if body["kind"] == "Status":
        body["reason"] = dict(inner).get(4, b"").decode()
    return body


def _fields(content: bytes) -> list[tuple[int, bytes]]:
    """The length-delimited fields of a message; others are passed over."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        number, wire = tag >> 3, tag & 7
        if wire == 2:
            size, at = _varint(content, at)
            found.append((number, content[at : at + size]))
            at += size
        elif wire == 0:
            _, at = _varint(content, at)
        else:
            at += 8 if wire == 1 else 4
    return found


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def watch_events(exchange: Exchange) -> list[Any]:
    """The recorded events of a watch in JSON; none where it was protobuf or not kept."""
    content = exchange.answer or b""
    if not content.startswith(b"{"):
        return []
    events: list[Any] = []
    for line in content.splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:  # the last one was cut off with the connection
            break
    return events


def first_events(response: HTTPResponse, wanted: int) -> list[Any]:
    """As many events as wanted, as far as they come before the connection's time is out."""
    events: list[Any] = []
    try:
        while len(events) < wanted:
            line = response.readline()
            if not line:
                break
            events.append(decoded(line))
    except TimeoutError:
        pass
    return events
