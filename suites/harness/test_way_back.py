"""Ways back: Helm's leads to the revision that was there before; which commands are of one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from fixtures.core.errors import Broken
from fixtures.evidence.reached import Reached
from fixtures.evidence.walk import WAY_BACK, order
from fixtures.run import rehearsal
from fixtures.run.rehearsal import Rehearsal, Resumption
from fixtures.scenario.model import Scenario
from fixtures.scenario.parts import ExtensionSpec
from fixtures.steps import rollback
from fixtures.steps.cli_steps import CliInstaller
from fixtures.steps.context import StepRun
from fixtures.steps.evidence import commands_back
from fixtures.steps.extensions.options import release_of
from fixtures.steps.helm_steps import HelmInstaller
from policies.facts.cluster import ClusterFacts
from policies.facts.helm import HelmRelease
from policies.facts.observations import CommandRun
from suites.harness.test_session import session
from suites.reports.test_resumed_ledger import AT, HOP, PLAN

CONTROL = HelmRelease(name="mesh", namespace="linkerd", revision=4, chart="linkerd-control-plane")
CRDS = HelmRelease(name="crds", namespace="linkerd", revision=1, chart="linkerd-crds")
BEFORE = ClusterFacts(taken_at=AT, helm=(CRDS, CONTROL))
AFTER = ClusterFacts(taken_at=AT, helm=(CRDS, replace(CONTROL, revision=7)))
"""A try that failed and was taken back lies in between."""


class Helm:
    """Notes the revisions that are gone back to."""

    def __init__(self) -> None:
        self.led: list[int] = []
        self.charts = self

    def chart(self, *_: str) -> None: ...

    def waiting(self, **_: bool) -> tuple[str, ...]:
        return ()

    def rollback(self, _: str, to: int, *__: str, timeout: float) -> None:
        assert timeout
        self.led.append(to)


def run_of(upgraded_from: ClusterFacts | None, helm: Helm) -> StepRun:
    def nothing(*_: object) -> None: ...

    def wall(seconds: float) -> float:
        return seconds

    return cast(
        "StepRun",
        SimpleNamespace(
            installer=HelmInstaller(),
            helm=helm,
            kubectl=SimpleNamespace(status_of_all=nothing),
            ran=nothing,
            wall=wall,
            facts=AFTER,
            upgraded_from=upgraded_from,
            label=HOP.label,
            source=HOP.source,
            destination=HOP.destination,
            scenario=Scenario(),
            cluster=SimpleNamespace(reader=SimpleNamespace(facts=lambda: AFTER), canary=None),
        ),
    )


def test_it_leads_to_the_revision_before_the_upgrade() -> None:
    helm = Helm()

    rollback.rolled_back(run_of(BEFORE, helm))

    assert helm.led == [4]


@pytest.mark.parametrize("known", [None, ClusterFacts(taken_at=AT, helm=(CRDS,))])
def test_a_revision_that_is_not_known_is_not_guessed(known: ClusterFacts | None) -> None:
    helm = Helm()

    with pytest.raises(Broken, match="no revision of the control plane") as refused:
        rollback.rolled_back(run_of(known, helm))

    assert helm.led == []
    assert HOP.label in refused.value.where
    assert refused.value.seen
    assert refused.value.next_command.startswith("helm history")


def test_a_rehearsal_hands_on_what_was_before_also_after_a_resumption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[StepRun] = []
    steps = [s for s, _ in order(PLAN)]
    place = steps.index("control_plane_upgraded")
    done = tuple(
        Reached(
            step=step,
            hop=HOP if number else None,
            plan=PLAN,
            before=BEFORE if number == place else AFTER,
            after=AFTER,
            started=AT,
            ended=AT,
        )
        for number, step in enumerate(steps[: place + 1])
    )

    def stop(run: StepRun) -> None:
        seen.append(run)
        raise Broken("that is all")

    def nothing(*_: Any) -> None: ...

    monkeypatch.setitem(rehearsal.ACTIONS, WAY_BACK, stop)
    monkeypatch.setattr("fixtures.steps.traffic_probes.clear", nothing)
    run = session(tmp_path, [])
    here = SimpleNamespace(now=lambda: AT, alive=lambda: True, prepare=nothing)

    def facts(_: str) -> ClusterFacts:
        return AFTER

    reader = SimpleNamespace(facts=facts)
    made = SimpleNamespace(
        target=here, observe=nothing, reader=reader, name="main", strike_all=nothing
    )
    walk = Rehearsal(
        scenario=Scenario(rollback=True),
        plan=PLAN,
        installer=CliInstaller(),
        ledger=run.ledger,
        console=run.console,
        open_cluster=cast("Any", lambda: made),
        resumed=Resumption(done, nothing),
    )

    with pytest.raises(Broken, match="that is all"):
        walk.reach(WAY_BACK, HOP.number)

    assert [r.upgraded_from for r in seen] == [BEFORE]


HELM = "linkerd-control-plane"
VIZ = (("linkerd", "viz", "install"), ("kubectl", "apply", "-f", "-"))


@pytest.mark.parametrize(
    ("back", "forward"),
    [
        ((*VIZ, ("linkerd", "upgrade"), ("kubectl", "apply")), (("linkerd", "upgrade"), *VIZ)),
        (
            (("helm", "upgrade", "viz", "charts/linkerd-viz"), ("helm", "rollback", HELM, "1")),
            (
                ("helm", "upgrade", HELM, "charts/x"),
                ("helm", "upgrade", "viz", "charts/linkerd-viz"),
            ),
        ),
        ((("linkerd", "upgrade"), ("kubectl", "rollout", "restart")), ()),
    ],
    ids=["extensions by the CLI", "extensions by Helm", "nothing forth"],
)
def test_commands_of_the_way_forth_are_not_the_way_back(
    back: tuple[tuple[str, ...], ...], forward: tuple[tuple[str, ...], ...]
) -> None:
    ran = [
        CommandRun(argv=argv, program="real", exit_code=0, seconds=1.0, started=AT)
        for argv in (*back, *forward)
    ]

    assert [c.argv for c in commands_back(ran)] == list(back)


def test_on_a_way_back_extensions_are_of_the_release_that_is_gone_back_to() -> None:
    pinned = Scenario(extensions={"viz": ExtensionSpec(to="edge-26.6.3")})
    run = StepRun(
        step="extensions_rolled_back",
        hop=HOP,
        plan=PLAN,
        scenario=pinned,
        installer=HelmInstaller(),
        cluster=cast("Any", None),
        ledger=cast("Any", None),
        faults=(),
        facts=AFTER,
    )

    assert release_of(run, "viz").text == "edge-26.6.3"
    assert release_of(dataclasses.replace(run, goal=HOP.source), "viz") == HOP.source
