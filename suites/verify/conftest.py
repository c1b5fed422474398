"""What a look has: facts, the release that should run, the way ahead where one is asked for.

Tests that take `way` or `hop` are of a look ahead (`--to`) alone; those that take `standing`, of
one that judges what is there. `fixtures/run/plugin.py` leaves out the others.
"""

from __future__ import annotations

import pytest

from fixtures.run.verification import Verification
from policies.facts.cluster import ClusterFacts
from policies.planning.path import Hop, Plan
from policies.releases.grammar import Version


@pytest.fixture(scope="session")
def seen(verification: Verification) -> ClusterFacts:
    return verification.facts()


@pytest.fixture(scope="session")
def release(verification: Verification) -> Version:
    """The release that should run: the one said, or the one that the control plane claims."""
    return verification.release()


@pytest.fixture(scope="session")
def standing(verification: Verification, release: Version) -> Hop:
    """From what runs to what is judged, mostly the same: the ranges of both count."""
    return Hop(number=0, source_tag=verification.running().text, destination_tag=release.text)


@pytest.fixture(scope="session")
def way(verification: Verification) -> Plan:
    """The way from what runs to the release asked for."""
    assert verification.plan is not None
    return verification.plan
