"""Label selectors, as Kubernetes evaluates them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Return whether a LabelSelector selects these labels; none selects nothing, an empty one all.

    Args:
        selector: With `matchLabels` and `matchExpressions`, as JSON has it.
        labels: Of an object.
    """
    if selector is None:
        return False
    for name, value in (selector.get("matchLabels") or {}).items():
        if labels.get(name) != value:
            return False
    return all(
        meets(labels, each["key"], each["operator"], each.get("values") or ())
        for each in selector.get("matchExpressions") or ()
    )


def meets(labels: Mapping[str, str], key: str, operator: str, values: Collection[str]) -> bool:
    """Return whether labels meet one expression; an operator that does not exist is never met."""
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "Gt" | "Lt":
            return _compares(labels.get(key), operator, values)
        case _:
            return False


def _compares(value: str | None, operator: str, values: Collection[str]) -> bool:
    try:
        number, bound = int(value or ""), int(next(iter(values), ""))
    except ValueError:
        return False
    return number > bound if operator == "Gt" else number < bound
