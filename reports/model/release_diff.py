"""What a reviewer of a version bump wants to see: two releases, what changes, what it concerns."""

from __future__ import annotations

from policies.planning.advisories import AdvisoryResult
from policies.releases.comparison import Change
from policies.releases.dataset import Provenance
from reports.model.part import Part

SCHEMA = 1


class ReleaseDiff(Part, frozen=True, kw_only=True):
    """The difference of two releases, with what it means for a cluster where one was given."""

    schema: int = SCHEMA
    source: str
    destination: str
    source_logical: str
    destination_logical: str
    cluster: str = ""
    """Name of the snapshot that conditions were asked of; empty: none."""
    changes: tuple[Change, ...]
    advisories: tuple[AdvisoryResult, ...]
    """Written ones and computed ones."""
    not_compared: tuple[str, ...]
    knowledge: tuple[Provenance, ...]
