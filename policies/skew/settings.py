"""Linkerd's stored values, as advisories ask for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from policies.facts.helm import CONTROL_PLANE
from policies.skew.ownership import umbrella, values_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policies.facts.cluster import ClusterFacts, Setting


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whether the user set a value."""

    known: bool
    found: bool
    seen: str


def value(facts: ClusterFacts, path: str) -> str | None:
    """Return a value of linkerd-config as plain text; None when it is absent or not known."""
    text = facts.config.value(path) if facts.config else None
    if text is None:
        return None
    try:
        plain = json.loads(text)
    except ValueError:
        return text
    return plain if isinstance(plain, str) else text


def is_set(facts: ClusterFacts, *paths: str) -> Chosen:
    """Return whether one of these values, or anything below it, is among those that the user gave.

    linkerd-config holds every value, defaults included; only the overrides, with Helm the values
    of the release, tell what a user chose.
    """
    config = facts.config
    if config is not None and config.overrides is not None:
        return _chosen(config.overrides, paths, "override")
    for release in facts.helm:
        if release.chart == CONTROL_PLANE and not release.unread:
            return _chosen(release.values, paths, "Helm value")
        if umbrella(release) and (key := values_key(release)):
            below = tuple(f"{key}.{path}" for path in paths)
            return _chosen(release.values, below, f"value of {release.label}")
    if config is not None and config.overrides_present is False:
        return Chosen(False, False, "there are no stored overrides (installed with Helm?)")
    return Chosen(False, False, "the stored overrides could not be read")


def _chosen(given: Iterable[Setting], paths: tuple[str, ...], what: str) -> Chosen:
    found = [
        setting.path
        for setting in given
        if any(setting.path == path or setting.path.startswith(f"{path}.") for path in paths)
    ]
    if found:
        return Chosen(True, True, f"{what} {', '.join(found[:3])}")
    return Chosen(True, False, f"no {what} of {', '.join(paths)}")
