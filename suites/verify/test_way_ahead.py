"""Whether the way to `--to` is open, by looking alone: each hop is judged on what is there today.

What only a rehearsal shows (dry runs of manifests, images on the nodes, what restarts do) is
not judged here.
"""

from __future__ import annotations

from datetime import timedelta

from fixtures.run.controls import control, expect
from fixtures.run.verification import Verification
from policies.controls.control_plane import certificates, crds
from policies.controls.preflight import configuration, way_back
from policies.facts.cluster import ClusterFacts
from policies.planning import advisories, path
from policies.planning.path import Hop, Plan
from policies.skew import kubernetes
from policies.skew.ownership import keeper
from policies.verdicts.findings import not_assessed


@control("PRE-03")
def test_the_way_is_open(seen: ClusterFacts, way: Plan) -> None:
    expect(path.way_is_open(way, seen))


@control("PRE-04")
def test_kubernetes_is_in_the_range_of_each_hop(seen: ClusterFacts, hop: Hop) -> None:
    expect(kubernetes.in_range(seen, hop))


@control("PRE-05")
def test_gateway_api_is_usable_by_each_hop(seen: ClusterFacts, hop: Hop) -> None:
    expect(crds.gateway_api(seen, hop))


@control("PRE-08")
def test_changed_defaults_are_acknowledged(
    seen: ClusterFacts, hop: Hop, verification: Verification
) -> None:
    results = advisories.applicable(hop, seen)
    expect(configuration.defaults_acknowledged(results, verification.acknowledged))


@control("PRE-12")
def test_there_is_a_way_back_from_the_first_hop(
    seen: ClusterFacts, way: Plan, verification: Verification
) -> None:
    """Those of later hops lead to what is not installed yet."""
    if way.hops:
        until = seen.taken_at + timedelta(seconds=verification.window)
        lasting = certificates.outlast(seen, until=until)
        expect(way_back.way_back(seen, way.hops[0], keeper(seen), certificates=lasting))
    else:
        expect(not_assessed(f"no hop leads to {way.destination}"))


@control("PRE-14")
def test_no_object_is_known_to_break(
    seen: ClusterFacts, hop: Hop, verification: Verification
) -> None:
    results = advisories.applicable(hop, seen)
    expect(advisories.nothing_breaks(results, verification.acknowledged))
