"""Kubernetes label selectors, evaluated over the labels that are known of an object."""

from __future__ import annotations

from collections.abc import Mapping

from apimachinery.selectors import meets
from policies.facts.cluster import Selector


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Return whether both parts of a selector match; an empty selector matches everything.

    Operators that do not exist in Kubernetes match nothing.
    """
    return all(labels.get(k) == v for k, v in selector.match_labels) and all(
        meets(labels, *expression) for expression in selector.expressions
    )


def asks_for(selector: Selector) -> frozenset[str]:
    """Return the label keys a selector looks at."""
    return frozenset(
        {k for k, _ in selector.match_labels} | {k for k, _, _ in selector.expressions}
    )
