"""The types a plan is made of. On record a release is text; whoever asks gets it read."""

from __future__ import annotations

from msgspec import field

from policies.facts.cluster import Fact
from policies.releases.grammar import Version, parse


class Hop(Fact, frozen=True, kw_only=True):
    """One step along the version path: at most one logical version."""

    number: int
    """1-based."""
    source_tag: str = field(name="source")
    destination_tag: str = field(name="target")
    """Ledgers and reports name it as they always did."""
    source_logical: str = ""
    """`2.18`; empty when unknown."""
    destination_logical: str = field(name="target_logical", default="")
    reasons: tuple[str, ...] = ()
    """Why this waypoint, why this hop."""
    kubernetes: str = ""
    """Range both releases support, `1.23 to 1.32`; empty when unknown."""

    @property
    def source(self) -> Version:
        """The release it starts from."""
        return parse(self.source_tag)

    @property
    def destination(self) -> Version:
        """The release it ends at."""
        return parse(self.destination_tag)

    @property
    def label(self) -> str:
        """The name used in test ids, findings, windows and JUnit cases."""
        return f"hop {self.number}: {self.source} -> {self.destination}"


class Blocker(Fact, frozen=True, kw_only=True):
    """Why a path cannot be walked as asked."""

    what: str
    why: str
    remedy: str = ""
    kind: str = ""
    """What it is about: `release`, `direction`, `distance`, `advice` or `kubernetes`."""


class Plan(Fact, frozen=True, kw_only=True):
    """The hops from source to destination, what blocks them, and what must happen between."""

    source_tag: str = field(name="source")
    destination_tag: str = field(name="target")
    hops: tuple[Hop, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    kubernetes_upgrades: tuple[str, ...] = ()
    """`before hop 3: Kubernetes 1.29 -> 1.31`, in order."""
    notes: tuple[str, ...] = ()
    kubernetes: str = ""
    """The Kubernetes version the plan starts from, `1.29`; empty when none was given."""

    @property
    def source(self) -> Version:
        """The release it starts from."""
        return parse(self.source_tag)

    @property
    def destination(self) -> Version:
        """The release it ends at."""
        return parse(self.destination_tag)
