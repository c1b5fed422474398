from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.traffic.binomial import exact_interval


def at_least(successes: int, trials: int, proportion: float) -> float:
    """The tail by its definition: a sum of binomial terms."""
    return sum(
        comb(trials, k) * proportion**k * (1 - proportion) ** (trials - k)
        for k in range(successes, trials + 1)
    )


@given(st.data(), st.integers(1, 60), st.sampled_from((0.8, 0.95, 0.999)))
def test_each_bound_leaves_half_of_the_rest_in_its_tail(
    data: st.DataObject, trials: int, confidence: float
) -> None:
    successes = data.draw(st.integers(0, trials))

    low, high = exact_interval(successes, trials, confidence)

    tail = (1 - confidence) / 2
    if successes:
        assert at_least(successes, trials, low) == pytest.approx(tail, rel=1e-6)
    else:
        assert low == 0
    if successes < trials:
        assert 1 - at_least(successes + 1, trials, high) == pytest.approx(tail, rel=1e-6)
    else:
        assert high == 1


@pytest.mark.parametrize(
    ("successes", "trials", "wanted"),
    [
        (5, 10, (0.1870860, 0.8129140)),
        (0, 10, (0.0, 0.3084971)),
        (10, 10, (0.6915029, 1.0)),
        (1, 2, (0.0125791, 0.9874209)),
    ],
)
def test_known_values(successes: int, trials: int, wanted: tuple[float, float]) -> None:
    assert exact_interval(successes, trials) == pytest.approx(wanted, abs=1e-6)


def test_ten_million_samples_do_not_break_it() -> None:
    low, high = exact_interval(9_999_990, 10_000_000)

    assert low < 0.999999 < high
    assert high - low < 2e-6
    assert exact_interval(10_000_000, 10_000_000)[0] == pytest.approx(1 - 3.689e-7, abs=1e-9)


def test_nothing_seen_says_nothing() -> None:
    assert exact_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("successes", "trials", "level"), [(3, 2, 0.9), (-1, 2, 0.9), (1, 2, 1)])
def test_nonsense_is_refused(successes: int, trials: int, level: float) -> None:
    with pytest.raises(ValueError, match=r"trials|confidence"):
        exact_interval(successes, trials, level)
