"""What a fault did to traffic is one episode, with true bounds and its cause beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from reports.model.traffic import ProbedPath
from suites.detection.conftest import OfFault
from suites.detection.episodes import (
    Span,
    Story,
    began_within,
    ended_within,
    seconds,
    slack,
    story_of,
    told,
)

FOLDER = Path(__file__).parent / "faults"
STREAMS = ("sse", "websocket", "tcp")
HEARD = seconds(2)
"""Until a change of endpoints is known to whoever balances."""
RECONNECTED = seconds(13.5)
"""Until a proxy has found destination again: it tries less and less often."""


def struck(story: Story) -> Span:
    return story.struck


def until_old_pods_went(story: Story) -> Span:
    return story.struck[0], story.went + HEARD


def when_new_pod_came(story: Story) -> Span:
    """It is watched from outside, which sees it a little late: born is the surer bound."""
    return min(p.born for p in story.echoes[1]), story.came + HEARD


@dataclass(frozen=True, slots=True)
class Told:
    """What must be found of a fault."""

    hit: Callable[[ProbedPath], bool]
    """Paths with exactly one episode (or parts, by chance); there is at least one such path."""
    began: Callable[[Story], Span]
    ended: Callable[[Story], Span | None]
    cause: str
    """A pattern in what the episode says of its cause."""
    spared: Callable[[ProbedPath], bool] = lambda _: False
    """Paths that lost nothing."""
    by_chance: bool = False
    """Each request meets the fault or not: what is lost may come in parts."""


def kinds(*wanted: str) -> Callable[[ProbedPath], bool]:
    return lambda path: path.kind in wanted


def every(_: ProbedPath) -> bool:
    return True


def stays(path: ProbedPath) -> bool:
    """A source that was there before the fault and after it."""
    return path.source == "unmeshed" or path.source.endswith("edge-25.4.4")


CASES = {
    "echo-single-replica": Told(
        hit=lambda p: p.kind == "http-new" and p.source != "unmeshed",
        began=until_old_pods_went,
        ended=when_new_pod_came,
        cause=r"pod rehearse-probes/echo-\S+ (became ready|ended)",
    ),
    "identity-away": Told(
        hit=every,
        began=until_old_pods_went,
        ended=when_new_pod_came,
        cause="linkerd-identity: 0 to 1 ready endpoints",
    ),
    "injector-away-fail": Told(
        hit=every,
        began=until_old_pods_went,
        ended=when_new_pod_came,
        cause="injection gap .* ended: pods were injected again",
    ),
    "readiness-lies": Told(
        hit=kinds("http-new", "http-reused"),
        began=lambda s: (min(p.born for p in s.echoes[1]), s.went + HEARD),
        ended=lambda s: (
            min(p.born for p in s.echoes[1]) + seconds(25),
            max(p.ready for p in s.echoes[1] if p.ready) + seconds(25) + HEARD,
        ),
        cause=r"pod rehearse-probes/echo-\S+ (became ready|ended)",
    ),
    "destination-away": Told(
        hit=lambda p: p.kind == "http-sparse" and p.source.endswith("edge-25.10.7"),
        began=lambda s: (s.struck[0], s.without("linkerd-dst")[0]),
        ended=lambda s: (s.struck[0] + seconds(45), s.without("linkerd-dst")[1] + RECONNECTED),
        cause="linkerd-dst: 1 to 0 ready endpoints",
        spared=lambda p: p.kind != "http-sparse",
    ),
    "stale-endpoint": Told(
        hit=lambda p: p.source == "unmeshed" and p.kind == "http-new",
        began=until_old_pods_went,
        ended=lambda s: (s.struck[0], s.went + seconds(13) + HEARD),
        cause=r"pod rehearse-probes/echo-\S+ ended",
        spared=lambda p: p.source != "unmeshed",
        by_chance=True,
    ),
    "echo-abrupt": Told(
        hit=lambda p: p.kind in STREAMS,
        began=until_old_pods_went,
        ended=lambda s: (s.struck[0], s.went + HEARD),
        cause=r"connection to echo-\S+ ended: reset",
    ),
    "port-4143-blocked": Told(
        hit=lambda p: p.source.endswith("edge-25.10.7") and p.kind in ("http-new", "http-reused"),
        began=struck,
        ended=lambda _: None,
        cause="service in fail-fast",
        spared=lambda p: p.source == "unmeshed",
    ),
    "echo-errors": Told(
        hit=lambda p: stays(p) and p.kind in ("http-new", "http-reused"),
        began=struck,
        # One request in ten fails, so the last may be ten requests before the end.
        ended=lambda s: (s.struck[0] + seconds(60 - 10 * 2.0) - HEARD, s.struck[1] + seconds(60)),
        cause="5xx 500",
        spared=lambda p: p.kind == "tcp" and stays(p),
    ),
}


@pytest.mark.parametrize("fault", CASES)
def test_a_fault_is_one_episode_with_true_bounds_and_its_cause(
    fault: str, of_fault: OfFault
) -> None:
    wanted = CASES[fault]
    story = story_of(of_fault(FOLDER / f"{fault}.toml"))

    hit = [p for p in story.paths if wanted.hit(p)]
    assert hit
    began, ended = wanted.began(story), wanted.ended(story)
    for path in hit:
        assert path.episodes, path.id
        assert wanted.by_chance or len(path.episodes) == 1, f"{path.id}: {path.episodes}"
        first, last = path.episodes[0], path.episodes[-1]
        assert began_within(first, began), (path.id, began, first)
        if path.ended is None or ended is None or path.ended > ended[1]:
            assert ended_within(last, ended), (path.id, ended, last)
        if first.earliest_start is not None:
            assert first.started - first.earliest_start <= slack(path)
        assert any(re.search(wanted.cause, told(e)) for e in path.episodes), path.id
    for path in story.paths:
        if wanted.spared(path):
            assert path.episodes == (), path.id
        elif path not in hit:
            assert wanted.by_chance or len(path.episodes) <= 1, path.id
