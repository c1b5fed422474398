"""CRDs before the control plane."""

from __future__ import annotations

from fixtures.controls import control, expect
from fixtures.evidence import Reached
from policies import crds


@control("CRD-01")
def test_crds_are_ready_before_the_control_plane(crds_upgraded: Reached) -> None:
    expect(crds.ready_before_control_plane(crds_upgraded.after, crds_upgraded.target))


@control("CRD-02")
def test_stored_versions_are_served(crds_upgraded: Reached) -> None:
    expect(crds.stored_versions_served(crds_upgraded.after))


@control("CRD-03")
def test_custom_resources_still_decode(crds_upgraded: Reached) -> None:
    expect(crds.resources_decode(crds_upgraded.before, crds_upgraded.after))
