"""Replay: recorded requests, sent to an embedded cluster that is in the recorded state."""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fixtures.embedded.process import EmbeddedProcess
from suites.embedded.answer_shapes import Unlike, decoded, differences, shape_of
from suites.embedded.client import Client
from suites.embedded.recorded_answers import Answer, first_events, read_answer, watch_events
from suites.embedded.recorded_exchanges import (
    BODY_OMITTED,
    Exchange,
    Stretch,
    folders,
    stretches,
)
from suites.embedded.recorded_state import RecordedState

SPEED = 20.0
_LONGEST_PAUSE = 60.0
"""Cluster seconds between two commands that are waited for; longer ones only prove patience."""
_WATCH_SECONDS = 0.4
_VERSION = "resourceVersion"
_DROPPED = ("User-Agent",)


@dataclass(frozen=True)
class Difference:
    """One way in which an answer is not the recorded one."""

    exchange: Exchange
    unlike: Unlike
    recorded: str = ""
    answered: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.exchange.signature, self.unlike.what, self.unlike.where)


@dataclass
class Outcome:
    """What a replay found."""

    skipped: Counter[str] = field(default_factory=Counter[str])
    replayed: Counter[str] = field(default_factory=Counter[str])
    """By how much of the answer could be compared."""
    differences: list[Difference] = field(default_factory=list[Difference])

    @property
    def differing(self) -> int:
        """Exchanges with at least one difference."""
        return len({d.exchange.name for d in self.differences})

    def add(self, other: Outcome) -> None:
        self.skipped.update(other.skipped)
        self.replayed.update(other.replayed)
        self.differences += other.differences

    def report(self) -> str:
        """Counts by command, request and kind of difference, for a person."""
        total = self.replayed.total()
        lines = [
            f"{total + self.skipped.total()} exchanges: {total} replayed, "
            f"{self.skipped.total()} skipped, {total - self.differing} agree, "
            f"{self.differing} differ"
        ]
        lines += [f"  compared by {how}: {n}" for how, n in self.replayed.most_common()]
        lines += [f"  skipped: {n} {reason}" for reason, n in self.skipped.most_common()]
        lines.append("by kind:")
        kinds = Counter(d.unlike.what for d in self.differences)
        lines += [f"  {n:5} {what}" for what, n in kinds.most_common()]
        lines.append("by command:")
        commands = Counter(
            command
            for command, _ in {(d.exchange.command, d.exchange.name) for d in self.differences}
        )
        lines += [f"  {n:5} {command}" for command, n in commands.most_common()]
        lines.append("by request and place:")
        keys = Counter(d.key for d in self.differences)
        shown = {d.key: d for d in self.differences}
        for key, number in sorted(keys.items()):
            one = shown[key]
            said = f" ({one.recorded} -> {one.answered})" if one.recorded else ""
            lines.append(f"  {number:5} {' | '.join(key)}{said} e.g. {one.exchange.name}")
        return "\n".join(lines)


class Replay:
    """One stretch on one cluster."""

    def __init__(self, stretch: Stretch, state: RecordedState, process: EmbeddedProcess) -> None:
        self._stretch = stretch
        self._state = state
        self._process = process
        self._client = Client(process.kubeconfig)
        self._connection = self._client.connect()
        self._versions: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._asked = ""
        self.outcome = Outcome()

    def close(self) -> None:
        self._connection.close()

    def run(self) -> Outcome:
        wall, recorded = time.monotonic(), self._stretch.exchanges[0].line.t
        for exchange in self._stretch.exchanges:
            gap = min(exchange.line.t - recorded, _LONGEST_PAUSE) / SPEED
            time.sleep(max(gap - (time.monotonic() - wall), 0))
            wall, recorded = time.monotonic(), exchange.line.t
            reason = exchange.skip_reason
            if reason:
                self.outcome.skipped[reason] += 1
                if reason == BODY_OMITTED and exchange.is_write:
                    self._bring(exchange)
                continue
            self._one(exchange)
            self._asked = exchange.path.rpartition("/")[2]
        return self.outcome

    def _bring(self, exchange: Exchange) -> None:
        """What a write made whose body was not kept: from its answer, else from the next dump."""
        content = exchange.answer
        made = (
            self._state.made_by(exchange, self._asked)
            if content is None
            else [json.loads(content)]
        )
        if made:
            self._process.post("/_embedded/load", {"kind": "List", "items": made})

    def _one(self, exchange: Exchange) -> None:
        recorded = read_answer(exchange)
        if exchange.is_watch:
            status, events = self._watch(exchange)
            found = list(compare_watch(exchange, status, events))
            self.outcome.replayed["first events"] += 1
        else:
            status, content = self._send(exchange)
            answered = Answer(status, decoded(content))
            self._learn(recorded.body, answered.body)
            found = list(compare(exchange, recorded, answered))
            how = "status" if recorded.body is None else "kind" if recorded.partly else "shape"
            self.outcome.replayed[how] += 1
        self.outcome.differences += found

    def _send(self, exchange: Exchange) -> tuple[int, bytes]:
        self._connection.request(
            exchange.line.method,
            self._url(exchange),
            self._body(exchange),
            self._headers(exchange),
        )
        response = self._connection.getresponse()
        return response.status, response.read()

    def _watch(self, exchange: Exchange) -> tuple[int, list[Any]]:
        connection = self._client.connect(_WATCH_SECONDS)
        try:
            connection.request("GET", self._url(exchange), None, self._headers(exchange))
            with connection.getresponse() as response:
                if response.status != 200:
                    return response.status, [decoded(response.read())]
                wanted = int(any(map(_tells, watch_events(exchange))))
                return 200, first_events(response, wanted)
        except TimeoutError:
            return 0, []
        finally:
            connection.close()

    def _headers(self, exchange: Exchange) -> dict[str, str]:
        kept = {k: v for k, v in exchange.line.req_headers.items() if k not in _DROPPED}
        return {**self._client.authorization, **kept}

    def _url(self, exchange: Exchange) -> str:
        query = exchange.query
        for name, known in ((_VERSION, self._versions), ("continue", self._tokens)):
            given = query.get(name)
            if given in (None, "", "0"):
                continue
            if given in known:
                query[name] = known[given]
            else:
                del query[name]
        return exchange.path + (f"?{urlencode(query)}" if query else "")

    def _body(self, exchange: Exchange) -> bytes | None:
        content = self._state.body(exchange)
        if content is None or _VERSION.encode() not in content:
            return content
        body = json.loads(content)
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if isinstance(metadata, dict) and _VERSION in metadata:
            given = metadata.pop(_VERSION)
            if given in self._versions:
                metadata[_VERSION] = self._versions[given]
        return json.dumps(body).encode()

    def _learn(self, recorded: Any, answered: Any) -> None:
        """Which of our resource versions and tokens stands for which recorded one."""
        if not isinstance(recorded, dict) or not isinstance(answered, dict):
            return
        ours = answered.get("metadata") or {}
        theirs = recorded.get("metadata") or {}
        if isinstance(ours, dict) and isinstance(theirs, dict):
            for name, known in ((_VERSION, self._versions), ("continue", self._tokens)):
                if theirs.get(name) and ours.get(name):
                    known[theirs[name]] = ours[name]


def compare(exchange: Exchange, recorded: Answer, answered: Answer) -> Iterator[Difference]:
    """Status, kind and reason, and, where these agree, the shape."""
    if recorded.status != answered.status:
        said = f"{answered.status} {answered.message}"
        yield Difference(exchange, Unlike("status", "."), str(recorded.status), said[:200])
        return
    if recorded.body is None:
        return
    for name in ("kind", "apiVersion", "reason"):
        ours, theirs = answered.text(name), recorded.text(name)
        if ours != theirs:
            yield Difference(exchange, Unlike(name, "."), theirs, ours)
    if not recorded.partly:
        for unlike in differences(shape_of(recorded.body), shape_of(answered.body)):
            yield Difference(exchange, unlike)


def _tells(event: Any) -> bool:
    """Whether an event is more than a bookmark, which may come at any time."""
    return event["type"] != "BOOKMARK"


def compare_watch(exchange: Exchange, status: int, events: list[Any]) -> Iterator[Difference]:
    """The first event of a watch against all recorded ones of its type."""
    if status not in (0, exchange.line.status):
        yield Difference(exchange, Unlike("status", "."), str(exchange.line.status), str(status))
        return
    recorded = watch_events(exchange)
    if any(map(_tells, recorded)) and not events:
        yield Difference(exchange, Unlike("event", "."), str(recorded[0]["type"]), "none in time")
    for event in events:
        same = [e for e in recorded if e["type"] == event.get("type")]
        if not same:
            continue
        shape = shape_of(same[0])
        for other in same[1:]:
            shape.add(other)
        for unlike in differences(shape, shape_of(event)):
            if unlike.what in ("extra", "type"):
                yield Difference(exchange, unlike)


def replay(stretch: Stretch, state: Path) -> Outcome:
    """Bring a cluster to the stretch's state and send its requests."""
    recorded = RecordedState(stretch)
    with EmbeddedProcess.start(state, "1.31", SPEED, 1, seed=1) as process:
        process.post("/_embedded/load", gzip.compress(recorded.document, 1))
        with closing(Replay(stretch, recorded, process)) as replaying:
            return replaying.run()


def replay_all(state: Path, names: Sequence[str] = (), workers: int = 2) -> Outcome:
    """Replay the recordings at hand, or those stretches whose name has one of the names in it."""
    work = [s for folder in folders() for s in stretches(folder)]
    chosen = [s for s in work if not names or any(name in s.name for name in names)]
    total = Outcome()
    with ThreadPoolExecutor(workers) as pool:
        places = (state / str(number) for number in range(len(chosen)))
        for outcome in pool.map(replay, chosen, places):
            total.add(outcome)
    return total


def main(names: Sequence[str]) -> None:
    """Print the report."""
    with tempfile.TemporaryDirectory() as folder:
        print(replay_all(Path(folder), names).report())


if __name__ == "__main__":
    main(sys.argv[1:])
