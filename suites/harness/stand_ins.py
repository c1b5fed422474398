"""A stand-in as the toolbox makes it."""

from __future__ import annotations

from fixtures.standins.linkerd import LinkerdStandIn
from policies.releases import catalogue
from policies.releases.grammar import parse


def stand_in(release: str) -> LinkerdStandIn:
    """Return the CLI of a release that is known with its images."""
    known = catalogue().images(parse(release))
    assert known is not None
    return LinkerdStandIn(release, cni_plugin=known.cni_plugin)
