"""The policies on Helm releases of a real cluster, upgraded and rolled back.

The recordings lie beside the checkout (`../shared/recordings`); without them this file is skipped.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from fixtures.snapshot.facts import facts as facts_of
from fixtures.snapshot.load import read_snapshot
from policies.controls.data_plane import versions
from policies.controls.helm import ownership
from policies.controls.helm.manifests import removed_by_helm, stored_as_live
from policies.controls.helm.modes import advised, value_mode
from policies.controls.helm.values import FLAGS, ValueMode, Values, changed_defaults, frozen_values
from policies.facts.cluster import ClusterFacts
from policies.facts.helm import CONTROL_PLANE, CRDS, HelmRelease
from policies.skew import settings
from policies.skew.hops import Hop

FOLDER = (
    Path(__file__).parents[2].parent
    / "shared"
    / "recordings"
    / "helm-edge-25.10.7-to-edge-26.6.3"
    / "dumps"
)
STEPS = ("baseline", "crds_upgraded", "control_plane_upgraded", "pruned", "settled", "rolled_back")
HOP = Hop(number=1, source_tag="edge-25.10.7", destination_tag="edge-26.6.3")

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the recordings of real clusters are not beside the checkout"
)


@cache
def facts(step: str) -> ClusterFacts:
    return facts_of(read_snapshot(FOLDER / f"{step}.json.gz"))


def release(step: str, chart: str) -> HelmRelease:
    found = ownership.release_of(facts(step), chart)
    assert found is not None
    return found


def defaults(chart: str) -> Values:
    """The destination's own values: what the upgraded release stored of its chart."""
    return release("settled", chart).defaults


@pytest.mark.parametrize("step", STEPS)
def test_helm_owns_the_cluster_at_every_step(step: str) -> None:
    assert ownership.owner(facts(step)).owner == "helm"
    assert ownership.one_way(facts(step), "helm").status == "holds"
    assert ownership.one_way(facts(step), "cli").status == "violated"
    assert stored_as_live(facts(step)).status == "holds"


def test_revisions_and_releases_follow_the_walk() -> None:
    seen = [
        (r.linkerd, r.revision, [v.status for v in r.revisions])
        for step in ("baseline", "settled", "rolled_back")
        for r in [release(step, CONTROL_PLANE)]
    ]

    assert seen == [
        ("edge-25.10.7", 1, ["deployed"]),
        ("edge-26.6.3", 2, ["superseded", "deployed"]),
        ("edge-25.10.7", 3, ["superseded", "superseded", "deployed"]),
    ]
    assert release("settled", CRDS).linkerd == "edge-26.6.3"


@pytest.mark.parametrize(
    ("chart", "mode", "status", "explained"),
    [
        (CRDS, "reuse", "holds", 0),  # recorded: 024, 1,117,678 bytes, Gateway API in it
        (CRDS, "reset", "holds", 4),  # recorded: 026, 421,449 bytes, four CRDs fewer
        (CRDS, "reset-then-reuse", "holds", 0),  # recorded: 028
        (CONTROL_PLANE, "reuse", "violated", 0),  # recorded: 025, the old release, exit code 0
        (CONTROL_PLANE, "reset", "violated", 0),  # recorded: 027, refused
        (CONTROL_PLANE, "reset-then-reuse", "holds", 0),  # recorded: 029 and 032
    ],
)
def test_each_mode_is_judged_as_it_was_recorded(
    chart: str, mode: ValueMode, status: str, explained: int
) -> None:
    verdict = value_mode(
        release("baseline", chart), HOP, mode, new=defaults(chart), crds=facts("baseline").crds
    )

    assert verdict.status == status
    assert len(verdict.explained) == explained


def test_reuse_names_the_old_release_and_the_sidecars_that_stay() -> None:
    verdict = value_mode(
        release("baseline", CONTROL_PLANE), HOP, "reuse", new=defaults(CONTROL_PLANE)
    )

    said = {i.subject: i.seen for i in verdict.violations}
    assert said["value linkerdVersion"].startswith('"edge-25.10.7"')
    assert said["value proxy.nativeSidecar"].startswith("false")


def test_without_keep_on_the_live_crds_reset_would_delete_routes() -> None:
    import msgspec

    bare = [msgspec.structs.replace(c, helm_keep=False) for c in facts("baseline").crds]

    verdict = value_mode(release("baseline", CRDS), HOP, "reset", new=defaults(CRDS), crds=bare)

    assert len(verdict.violations) == 4


def test_the_advice_is_what_was_done() -> None:
    for chart in (CRDS, CONTROL_PLANE):
        found = advised(release("baseline", chart), HOP, defaults(chart), facts("baseline").crds)
        assert found == "reset-then-reuse"


def test_changed_defaults_are_named() -> None:
    verdict = changed_defaults(
        release("baseline", CONTROL_PLANE), defaults(CONTROL_PLANE), HOP.destination
    )

    assert verdict.status == "holds"
    assert "value proxy.nativeSidecar" in {i.subject for i in verdict.items}


def test_nothing_was_frozen_and_nothing_left_behind() -> None:
    assert frozen_values(release("settled", CONTROL_PLANE)) == ()
    assert removed_by_helm(facts("baseline"), facts("control_plane_upgraded")).status == "holds"
    verdict = versions.nothing_old_left(facts("settled"), HOP.source, HOP.destination)
    assert not [i for i in verdict.violations if i.subject.startswith("CRD ")]


def test_a_chosen_value_is_known_by_the_release() -> None:
    assert settings.is_set(facts("baseline"), "proxy.logLevel").found
    assert settings.is_set(facts("baseline"), "proxy.nativeSidecar").known
    assert not settings.is_set(facts("baseline"), "proxy.nativeSidecar").found


def test_no_mode_is_without_a_verdict() -> None:
    for chart in (CRDS, CONTROL_PLANE):
        for mode in FLAGS:
            verdict = value_mode(release("baseline", chart), HOP, mode, new=defaults(chart))
            assert verdict.status != "not assessed"
