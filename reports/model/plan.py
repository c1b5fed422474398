"""What a change board decides on: the way between two releases, before any of it is done."""

from __future__ import annotations

from policies.planning.advisories import AdvisoryResult
from policies.planning.path import Plan
from policies.releases.dataset import Provenance
from reports.model.part import Part

SCHEMA = 1


class PlanDocument(Part, frozen=True, kw_only=True):
    """A plan with what its hops' advisories mean."""

    schema: int = SCHEMA
    plan: Plan
    cluster: str = ""
    """Name of the snapshot that advisories were asked of; empty: none, each is to be read."""
    advisories: tuple[AdvisoryResult, ...]
    """By hop, in the order of the hops."""
    knowledge: tuple[Provenance, ...]
    """Data sets of release knowledge, the first one heard first."""
    said: tuple[str, ...] = ()
    """What is odd about the cluster or old about the knowledge."""
