"""CRDs before the control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.evidence.reached import Reached
from fixtures.run.controls import control, expect
from policies.controls.control_plane import crds
from policies.controls.preflight import cni
from policies.controls.preflight.cni_settings import CniSettings
from policies.facts.helm import CRDS
from policies.facts.observations import NodeCanary

if TYPE_CHECKING:
    from fixtures.run.rehearsal import Rehearsal


@control("CRD-01")
def test_crds_are_ready_before_the_control_plane(
    crds_upgraded: Reached, rehearsal: Rehearsal
) -> None:
    after, release = crds_upgraded.after, crds_upgraded.destination
    ready = crds.ready_before_control_plane(after, release)
    judged = rehearsal.installer.controls(rehearsal.scenario)
    expect(judged.upgraded(ready, after, CRDS, release))


@control("CRD-02")
def test_versions_are_served_as_before(crds_upgraded: Reached, baseline: Reached) -> None:
    step = crds_upgraded
    expect(crds.served_as_before(baseline.after, step.after, step.destination))


@control("EXT-06")
def test_the_cni_plugin_is_ready_first(crds_upgraded: Reached, rehearsal: Rehearsal) -> None:
    release = rehearsal.scenario.extension("cni").release or crds_upgraded.destination
    kept = next(iter(crds_upgraded.all(CniSettings)), None)
    expect(cni.ready_first(crds_upgraded.after, release, kept))


@control("EXT-07")
def test_a_new_pod_starts_on_each_node(crds_upgraded: Reached) -> None:
    expect(cni.each_node_meshes(crds_upgraded.after, crds_upgraded.all(NodeCanary)))


@control("CRD-03")
def test_custom_resources_still_decode(crds_upgraded: Reached) -> None:
    expect(crds.resources_decode(crds_upgraded.before, crds_upgraded.after))
