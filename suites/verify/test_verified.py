"""What can be judged of a cluster or a snapshot by looking alone.

The cluster is judged against `--at`, else against the release it claims to run. Nothing
is created, changed or deleted.
"""

from __future__ import annotations

from datetime import timedelta

from fixtures.run.controls import control, expect
from fixtures.run.verification import Verification
from policies.controls.control_plane import availability, certificates, crds, scheduling, webhooks
from policies.controls.data_plane import injection, jobs, versions
from policies.controls.extensions import installed, leftovers
from policies.controls.preflight import (
    configuration,
    dry_runs,
    images,
    injection_requests,
    left_behind,
)
from policies.controls.prune import orphans
from policies.controls.whole_run import checks
from policies.facts.cluster import ClusterFacts
from policies.planning.path import Hop
from policies.releases.grammar import Version
from policies.skew import kubernetes, rule
from policies.verdicts.findings import not_assessed


@control("PRE-02")
def test_the_data_plane_is_current(seen: ClusterFacts, verification: Verification) -> None:
    ahead = [hop.destination for hop in verification.plan.hops] if verification.plan else []
    expect(
        left_behind.data_plane_current(
            seen, verification.running(), next(iter(ahead), None), later=ahead[1:]
        )
    )


@control("PRE-04")
def test_kubernetes_is_in_range(seen: ClusterFacts, standing: Hop) -> None:
    expect(kubernetes.in_range(seen, standing))


@control("PRE-05")
def test_gateway_api_is_usable(seen: ClusterFacts, standing: Hop) -> None:
    expect(crds.gateway_api(seen, standing))


@control("PRE-06")
def test_certificates_outlast_the_window(seen: ClusterFacts, verification: Verification) -> None:
    until = seen.taken_at + timedelta(seconds=verification.window)
    expect(certificates.outlast(seen, until=until))


@control("PRE-07")
def test_there_is_one_owner(seen: ClusterFacts) -> None:
    expect(configuration.one_owner(seen))


@control("PRE-10")
def test_injected_pods_are_admissible(seen: ClusterFacts, verification: Verification) -> None:
    tried = verification.tried()
    why = tried.unadmitted
    expect(not_assessed(why) if why else dry_runs.pods_admissible(tried.pods, seen))


@control("PRE-11")
def test_high_availability_can_be_scheduled(seen: ClusterFacts) -> None:
    expect(scheduling.schedulable_ha(seen))


@control("PRE-15")
def test_requests_for_injection_are_understood(seen: ClusterFacts) -> None:
    expect(injection_requests.understood(seen))


@control("CRD-02")
def test_stored_versions_are_served(seen: ClusterFacts) -> None:
    expect(crds.stored_versions_served(seen))


@control("CP-01")
def test_every_image_is_the_releases(seen: ClusterFacts, release: Version) -> None:
    expect(images.control_plane_images(seen, release))


@control("CP-02")
def test_control_plane_rollouts_are_complete(seen: ClusterFacts) -> None:
    expect(availability.control_plane_rollouts(seen))


@control("CP-05")
def test_webhooks_answer_and_inject(
    seen: ClusterFacts, release: Version, verification: Verification
) -> None:
    tried = verification.tried()
    if tried.unasked:
        expect(not_assessed(tried.unasked))
    else:
        expect(webhooks.answer_and_inject(seen, tried.canaries, release, tried.validators))


@control("CP-06")
def test_linkerd_check_agrees(release: Version, verification: Verification) -> None:
    tried = verification.tried()
    if tried.unchecked:
        expect(not_assessed(tried.unchecked))
    else:
        expect(checks.agrees(tried.check, release))


@control("PRN-03")
def test_nothing_is_orphaned(seen: ClusterFacts, release: Version) -> None:
    expect(orphans.no_orphans(seen, release))


@control("EXT-02")
def test_extensions_are_ready(seen: ClusterFacts) -> None:
    expect(installed.ready(seen))


@control("EXT-05")
def test_retired_extensions_are_handled(seen: ClusterFacts, release: Version) -> None:
    expect(leftovers.retired_handled(seen, release))


@control("DP-01")
def test_pods_are_meshed_as_declared(seen: ClusterFacts) -> None:
    expect(injection.meshed_as_declared(seen))


@control("DP-02")
def test_every_proxy_is_at_the_release(seen: ClusterFacts, release: Version) -> None:
    expect(versions.data_plane_at_destination(seen, release, lazy=True))


@control("DP-03")
def test_skew_stays_within_one(seen: ClusterFacts) -> None:
    expect(rule.never_more_than_one((), seen))


@control("DP-04")
def test_no_proxy_is_ahead(seen: ClusterFacts) -> None:
    expect(rule.no_proxy_ahead(seen))


@control("DP-05")
def test_data_plane_rollouts_are_complete(seen: ClusterFacts) -> None:
    expect(availability.data_plane_rollouts(seen))


@control("DP-06")
def test_every_proxy_holds_an_identity(seen: ClusterFacts) -> None:
    expect(versions.identities_valid(seen))


@control("DP-08")
def test_jobs_complete(seen: ClusterFacts) -> None:
    expect(jobs.jobs_complete(seen))
