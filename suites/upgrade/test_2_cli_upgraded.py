"""The CLI of the hop's target."""

from __future__ import annotations

from fixtures.evidence.reached import Reached
from fixtures.run.controls import control, expect
from policies.controls.whole_run import checks
from policies.facts.observations import VersionReport
from policies.skew import kubernetes


@control("CLI-01")
def test_the_client_is_the_target(cli_upgraded: Reached) -> None:
    expect(checks.client_is(cli_upgraded.destination, cli_upgraded.one(VersionReport)))


@control("CLI-02")
def test_its_checksum_was_verified(cli_upgraded: Reached) -> None:
    expect(checks.checksum_verified(cli_upgraded.commands))


@control("CLI-03")
def test_kubectl_is_within_its_skew(preflighted: Reached) -> None:
    expect(kubernetes.kubectl_within_skew(preflighted.commands, preflighted.after))
