"""The policies on what real clusters showed: both walks are sound, and the known faults are seen.

The recordings lie beside the checkout (`../shared/recordings`); without them this file is skipped.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from fixtures.snapshot.facts import facts as facts_of
from fixtures.snapshot.load import read_snapshot
from policies.controls.control_plane import availability, certificates, crds
from policies.controls.control_plane.canaries import gaps
from policies.controls.data_plane import injection, versions
from policies.controls.preflight import configuration, images, left_behind, way_back
from policies.controls.prune import orphans, pruning
from policies.facts.cluster import ClusterFacts
from policies.facts.observations import Canary
from policies.planning.path import Hop
from policies.releases.grammar import parse
from policies.verdicts.findings import Verdict

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
WALKS = ("edge-25.4.4-to-edge-25.10.7", "edge-25.10.7-to-edge-26.6.3")
CANARY = ("canary",)

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings of real clusters are not beside the checkout"
)


@cache
def at(walk: str, step: str) -> ClusterFacts:
    return facts_of(read_snapshot(RECORDINGS / walk / "dumps" / f"{step}.json.gz", walk.encode()))


def hop(walk: str) -> Hop:
    source, _, target = walk.partition("-to-")
    return Hop(number=1, source_tag=source, destination_tag=target)


CONTROLS: dict[str, Callable[[str, Hop], Verdict]] = {
    "PRE-02": lambda w, h: left_behind.data_plane_current(at(w, "baseline"), h.source),
    "PRE-05": lambda w, h: crds.gateway_api(at(w, "baseline"), h),
    "PRE-06": lambda w, _: certificates.outlast(
        at(w, "baseline"), until=at(w, "baseline").taken_at + timedelta(hours=4)
    ),
    "PRE-07": lambda w, _: configuration.one_owner(at(w, "baseline")),
    "PRE-11": lambda w, _: availability.schedulable_ha(at(w, "baseline")),
    "PRE-12": lambda w, h: way_back.way_back(at(w, "baseline"), h),
    "CRD-01": lambda w, h: crds.ready_before_control_plane(at(w, "crds_upgraded"), h.destination),
    "CRD-02": lambda w, h: crds.served_as_before(
        at(w, "baseline"), at(w, "crds_upgraded"), h.destination
    ),
    "CRD-03": lambda w, _: crds.resources_decode(at(w, "baseline"), at(w, "crds_upgraded")),
    "CP-01": lambda w, h: images.control_plane_images(
        at(w, "control_plane_upgraded"), h.destination
    ),
    "CP-02": lambda w, _: availability.control_plane_rollouts(at(w, "control_plane_upgraded")),
    "CP-03": lambda w, h: configuration.retained(
        at(w, "baseline"), at(w, "control_plane_upgraded"), h.destination
    ),
    "CP-04": lambda w, _: certificates.anchors_retained(
        at(w, "baseline"), at(w, "control_plane_upgraded")
    ),
    "CP-05": lambda w, _: certificates.webhook_trust(at(w, "control_plane_upgraded")),
    "PRN-02": lambda w, _: pruning.protected_kept(
        at(w, "control_plane_upgraded"), at(w, "pruned"), first=at(w, "baseline")
    ),
    "PRN-03": lambda w, h: orphans.no_orphans(at(w, "pruned"), h.destination),
    "DP-01": lambda w, _: injection.meshed_as_declared(at(w, "settled"), ignore_namespaces=CANARY),
    "DP-02": lambda w, h: versions.data_plane_at_destination(at(w, "settled"), h.destination),
    "DP-05": lambda w, _: availability.data_plane_rollouts(at(w, "settled")),
    "DP-06": lambda w, _: versions.identities_valid(at(w, "settled")),
    "DP-07": lambda w, _: availability.no_new_restarts(at(w, "pruned"), at(w, "settled")),
    "DP-08": lambda w, _: availability.jobs_complete(at(w, "settled")),
    "VER-04": lambda w, h: versions.nothing_old_left(at(w, "settled"), h.source, h.destination),
}


ABSENT = {"PRE-11", "CRD-03"}
"""The recorded clusters have one replica and no custom resource."""


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("control", CONTROLS)
def test_a_recorded_walk_is_sound(walk: str, control: str) -> None:
    verdict = CONTROLS[control](walk, hop(walk))

    wanted = "not applicable" if control in ABSENT else "holds"
    assert (verdict.status, verdict.seen if verdict.violations else "") == (wanted, "")


@pytest.mark.parametrize("walk", WALKS)
def test_the_finished_job_is_explained(walk: str) -> None:
    verdict = versions.data_plane_at_destination(at(walk, "settled"), hop(walk).destination)

    assert [i.subject for i in verdict.explained] == ["Job shop/report"]


@pytest.mark.parametrize("walk", WALKS)
def test_an_unmodified_hop_prunes_nothing(walk: str) -> None:
    assert pruning.expected_prune(at(walk, "control_plane_upgraded"), ()) == frozenset()


@pytest.mark.parametrize("walk", WALKS)
def test_before_the_restart_every_workload_is_named(walk: str) -> None:
    verdict = versions.data_plane_at_destination(
        at(walk, "control_plane_upgraded"), hop(walk).destination
    )

    assert {i.subject for i in verdict.violations} == {
        "DaemonSet shop/agent",
        "Deployment shop/client",
        "Deployment shop/web",
        "StatefulSet shop/store",
        "pod shop/bare",
    }


def test_an_injector_that_cannot_start_is_seen() -> None:
    stuck = at("stuck-injector", "injector_stuck")

    assert "ImagePullBackOff" in availability.control_plane_rollouts(stuck).seen
    assert "not-there" in images.control_plane_images(stuck, parse("edge-26.6.3")).seen
    repaired = at("stuck-injector", "repaired")
    assert availability.control_plane_rollouts(repaired).status == "holds"
    assert images.control_plane_images(repaired, parse("edge-26.6.3")).status == "holds"


def test_pods_that_no_check_sees_are_seen() -> None:
    verdict = injection.meshed_as_declared(at("faults-edge-25.10.7", "uninjected"))

    assert len(verdict.violations) == 3
    assert verdict.next_command == "kubectl -n shop rollout restart deployment/web"


def test_helm_owns_what_helm_installed_and_its_bare_pod_stayed_old() -> None:
    walk = "helm-edge-25.10.7-to-edge-26.6.3"

    assert configuration.one_owner(at(walk, "baseline")).status == "holds"
    verdict = versions.data_plane_at_destination(at(walk, "settled"), parse("edge-26.6.3"))
    assert [i.subject for i in verdict.violations] == ["pod shop/bare"]


def recorded_canaries(walk: str) -> tuple[Canary, ...]:
    day = datetime(2026, 11, 23, tzinfo=UTC)
    found: list[Canary] = []
    with gzip.open(RECORDINGS / walk / "canary.jsonl.gz", "rt") as lines:
        for line in lines:
            told = json.loads(line)
            clock = datetime.strptime(told["t"], "%H:%M:%S.%f").replace(tzinfo=UTC)
            refused = bool(told.get("error"))
            outcome = "refused" if refused else "injected" if told["injected"] else "unmeshed"
            found.append(
                Canary(
                    at=day.replace(
                        hour=clock.hour,
                        minute=clock.minute,
                        second=clock.second,
                        microsecond=clock.microsecond,
                    ),
                    name=told["pod"],
                    outcome=outcome,
                    reason=str(told.get("error") or ""),
                )
            )
    return tuple(found)


@pytest.mark.parametrize(
    ("walk", "count", "seconds"), [(WALKS[0], 38, 11.6), (WALKS[1], 41, 12.4)], ids=WALKS
)
def test_the_injection_gap_is_found_as_it_was_measured(
    walk: str, count: int, seconds: float
) -> None:
    (found,) = gaps(recorded_canaries(walk))

    assert (found.unmeshed, found.refused, round(found.seconds, 1)) == (count, 0, seconds)
    assert injection.gap(recorded_canaries(walk), budget_seconds=60).status == "holds"
    assert injection.gap(recorded_canaries(walk), budget_seconds=10).status == "violated"


def test_the_stuck_injector_breaks_any_sensible_budget() -> None:
    verdict = injection.gap(recorded_canaries("stuck-injector"), budget_seconds=60)

    assert verdict.status == "violated"
    assert "nil pointer" in verdict.seen
