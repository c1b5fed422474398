"""Advisories of somebody's own: what can be wrong in one.

An advisory is data: it names a condition of this project's with arguments, and can only ever add a
note or stop a hop. It runs nothing, and no id of the shipped ones can be taken.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from policies.planning import conditions
from policies.releases.grammar import LogicalVersion
from policies.releases.tagged import plain_edge
from policies.releases.validation import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.releases import Advisory, Catalogue
    from policies.releases.dataset import DataSet


def advisory_problems(data: DataSet, shipped: Catalogue) -> tuple[Problem, ...]:
    """Return what is wrong in a data set's advisories, each with its key."""
    taken = {a.id for a in shipped.advisories}
    wrong: list[Problem] = []
    for n, advisory in enumerate(data.advisories.advisory if data.advisories else ()):
        at = f"advisories.advisory[{n}]"
        if advisory.id in taken:
            wrong.append(Problem(f"{at}.id", f"the id {advisory.id} is taken"))
        taken.add(advisory.id)
        wrong += _of(advisory, at)
    return tuple(wrong)


def _of(advisory: Advisory, at: str) -> Iterator[Problem]:
    for key, text in (("from", advisory.source_logical), ("to", advisory.target_logical)):
        try:
            LogicalVersion.parse(text)
        except ValueError as error:
            yield Problem(f"{at}.{key}", str(error))
    if advisory.since and not plain_edge(advisory.since):
        yield Problem(f"{at}.since", f"{advisory.since[:60]!r} is no edge such as edge-26.6.3")
    if advisory.condition not in conditions.names():
        near = get_close_matches(advisory.condition, conditions.names(), n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        yield Problem(f"{at}.condition", f"there is no condition {advisory.condition!r}{hint}")
    elif not conditions.fits(advisory.condition, advisory.arguments):
        takes = conditions.takes(advisory.condition) or "nothing"
        yield Problem(
            f"{at}.arguments",
            f"{advisory.condition!r} takes {takes}, not {len(advisory.arguments)} arguments",
        )
