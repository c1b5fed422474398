"""The release knowledge of this process: the shipped data set, until a run brings others.

Knowledge is chosen once, when a command or a run is opened, before anything is asked of it. What
was derived from other knowledge is forgotten then: functions that keep such answers say so by
`remembered`.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from policies.releases.catalogue import Catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from policies.releases.dataset import Sections
    from policies.releases.learnt import Learnt

F = TypeVar("F", bound="Callable[..., Any]")

_forget: list[Callable[[], None]] = []
_current: list[Catalogue] = []
MOST = 16384
"""Answers that one function keeps."""


def catalogue() -> Catalogue:
    """Return what is known in this process."""
    if not _current:
        _current.append(Catalogue())
    return _current[0]


def use(sets: Sequence[Sections]) -> Catalogue:
    """Take these data sets for what is known from now on; without any, the shipped one alone."""
    return _take(Catalogue(sets))


def learn(learnt: Sequence[Learnt]) -> Catalogue:
    """Know from now on what releases' own artefacts say, beside what is known."""
    return _take(catalogue().with_learnt(learnt)) if learnt else catalogue()


@contextmanager
def using(sets: Sequence[Sections]) -> Generator[Catalogue]:
    """Know these data sets for a while."""
    before = list(_current)
    yield use(sets)
    _take(before[0] if before else Catalogue())


def remembered(function: F) -> F:
    """Keep a function's answers, as `lru_cache` does, for as long as the knowledge is the same."""
    kept = lru_cache(maxsize=MOST)(function)
    _forget.append(kept.cache_clear)
    return kept  # pyright: ignore[reportReturnType]  # called as the function is


def _take(known: Catalogue) -> Catalogue:
    _current[:] = [known]
    for forget in _forget:
        forget()
    return known
