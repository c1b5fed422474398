"""Linkerd's stored values, as advisories ask for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policies.facts import ClusterFacts


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whether the user set a value."""

    known: bool
    found: bool
    seen: str


def value(facts: ClusterFacts, path: str) -> str | None:
    """A value of linkerd-config as plain text; None when it is absent or not known."""
    text = facts.config.value(path) if facts.config else None
    if text is None:
        return None
    try:
        plain = json.loads(text)
    except ValueError:
        return text
    return plain if isinstance(plain, str) else text


def is_set(facts: ClusterFacts, *paths: str) -> Chosen:
    """Whether one of these values, or anything below it, is among the stored overrides.

    linkerd-config holds every value, defaults included; only the overrides tell what a user chose.
    With Helm there are none to read: the choice is in the release, which is not read here.
    """
    config = facts.config
    if config is None or config.overrides is None:
        return Chosen(False, False, "the stored overrides could not be read")
    if config.overrides_present is False:
        return Chosen(False, False, "there are no stored overrides (installed with Helm?)")
    found = [
        setting.path
        for setting in config.overrides
        if any(setting.path == path or setting.path.startswith(f"{path}.") for path in paths)
    ]
    if found:
        return Chosen(True, True, f"override {', '.join(found[:3])}")
    return Chosen(True, False, f"no override of {', '.join(paths)}")
