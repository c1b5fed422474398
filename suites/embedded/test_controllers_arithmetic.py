"""The numbers of a rolling update, over all sizes, bounds, and fates of pods."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.embedded.controllers.arithmetic import (
    Fence,
    Sized,
    fence,
    new_size,
    old_sizes,
    proportional,
    scaled,
)

bounds = st.one_of(st.integers(0, 12), st.integers(0, 100).map(lambda n: f"{n}%"))


@pytest.mark.parametrize(
    ("value", "total", "up", "expected"),
    [
        (3, 10, True, 3),
        ("25%", 3, True, 1),
        ("25%", 3, False, 0),
        ("100%", 7, False, 7),
        ("34%", 3, True, 2),
        (None, 4, True, 0),
        ("nonsense", 4, True, 0),
    ],
)
def test_percentages_are_rounded_as_kubernetes_does(
    value: int | str | None, total: int, up: bool, expected: int
) -> None:
    assert scaled(value, total, up=up) == expected


@given(desired=st.integers(0, 30), surge=bounds, unavailable=bounds)
def test_a_fence_always_lets_something_happen(
    desired: int, surge: int | str, unavailable: int | str
) -> None:
    found = fence(desired, surge, unavailable)

    assert desired == 0 or found.surge + found.unavailable >= 1
    assert 0 <= found.fewest <= desired <= found.most


def test_the_default_strategy_keeps_a_single_replica_serving() -> None:
    assert fence(1, None, None) == Fence(1, 1, 0)


@dataclass
class Simulation:
    """A rollout played with pods that become available as a script says.

    The controller sees the old ReplicaSets' statuses late; the new one's as it is.
    """

    bounds: Fence
    new: Sized
    olds: list[Sized]
    """As they are."""
    shown: list[int]
    """Available replicas in the old ones' statuses."""

    @property
    def total(self) -> int:
        return self.new.replicas + sum(old.replicas for old in self.olds)

    @property
    def available(self) -> int:
        return self.new.available + sum(old.available for old in self.olds)

    def step(self) -> None:
        """What the Deployment controller does at one look."""
        seen = [
            Sized(old.replicas, shown) for old, shown in zip(self.olds, self.shown, strict=True)
        ]
        size = new_size(self.bounds, self.new, seen)
        if size != self.new.replicas:
            self.new = Sized(size, min(size, self.new.available))
            return
        for index, kept in enumerate(old_sizes(self.bounds, self.new, seen)):
            self.olds[index] = Sized(kept, min(kept, self.olds[index].available))


@given(
    desired=st.integers(1, 25),
    surge=bounds,
    unavailable=bounds,
    split=st.lists(st.integers(0, 25), min_size=1, max_size=3),
    arrivals=st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=60),
)
def test_a_rollout_never_leaves_its_bounds(
    desired: int,
    surge: int | str,
    unavailable: int | str,
    split: list[int],
    arrivals: list[tuple[int, bool]],
) -> None:
    limits = fence(desired, surge, unavailable)
    olds, left = list[Sized](), desired
    for part in split:
        size = min(part, left)
        left -= size
        olds.append(Sized(size, size))
    olds[0] = Sized(olds[0].replicas + left, olds[0].available + left)
    play = Simulation(limits, Sized(0, 0), olds, [old.available for old in olds])

    for arrived, told in [*arrivals, *[(desired, True)] * (4 * desired + 8)]:
        play.step()
        if told:
            play.shown = [old.available for old in play.olds]
        ready = min(play.new.replicas, play.new.available + arrived)
        play.new = Sized(play.new.replicas, ready)

        assert play.total <= limits.most
        assert play.available >= limits.fewest

    assert play.new == Sized(desired, desired)
    assert [old.replicas for old in play.olds] == [0] * len(play.olds)


@given(
    desired=st.integers(1, 20),
    surge=bounds,
    unavailable=bounds,
    broken=st.integers(0, 20),
)
def test_pods_that_do_not_serve_go_first(
    desired: int, surge: int | str, unavailable: int | str, broken: int
) -> None:
    limits = fence(desired, surge, unavailable)
    ill = min(broken, desired)
    old = Sized(desired, desired - ill)
    new = Sized(new_size(limits, Sized(0, 0), [old]), 0)

    (kept,) = old_sizes(limits, new, [old])

    gone = desired - kept
    assert gone <= max(ill, old.available - limits.fewest + ill, 0)
    assert min(kept, old.available) >= min(old.available, limits.fewest)


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5).filter(any),
    bound=st.integers(0, 120),
)
def test_proportional_scaling_reaches_its_bound(sizes: list[int], bound: int) -> None:
    result = proportional(sizes, bound)

    assert sum(result) == bound
    assert all(size >= 0 for size in result)
    total = sum(sizes)
    for before, after in zip(sizes[1:], result[1:], strict=True):
        assert abs(after - before * bound / total) <= math.ceil(len(sizes) / 2) + 1
