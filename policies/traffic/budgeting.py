"""Which budget a step, path and kind of connection have."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from policies.facts.traffic import Budget


def budget_for(budgets: Iterable[Budget], step: str, path: str, kind: str) -> Budget:
    """Return the first budget that fits; without one nothing may be lost."""
    for budget in budgets:
        wanted = ((step, budget.step), (path, budget.path), (kind, budget.kind))
        if all(fnmatchcase(text, pattern) for text, pattern in wanted):
            return budget
    return Budget()


def unknown_budgets(
    budgets: Iterable[Budget],
    *,
    steps: Collection[str],
    paths: Collection[str],
    kinds: Collection[str],
) -> tuple[str, ...]:
    """Return what budgets name and nothing fits: a budget that never applies is a mistake."""
    named = (
        (what, pattern, known)
        for b in budgets
        for what, pattern, known in (
            ("step", b.step, steps),
            ("path", b.path, paths),
            ("kind", b.kind, kinds),
        )
    )
    return tuple(
        f"{what} {pattern}: there are {', '.join(sorted(known)) or 'none'}"
        for what, pattern, known in named
        if not any(fnmatchcase(text, pattern) for text in known)
    )
