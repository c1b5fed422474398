"""Asking discovery on a cluster found as an existing one: what is answered is judged, or told."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.reader import ClusterReader
from fixtures.consent.gate import Agreed, Gate
from fixtures.evidence.ledger import LEDGER, Ledger, read
from fixtures.evidence.records import CommandRan, Observed
from fixtures.scenario.loading import load
from fixtures.scenario.model import Scenario
from fixtures.steps import discovery_check
from fixtures.steps.cli_steps import CliInstaller
from fixtures.steps.context import Cluster, StepRun
from fixtures.steps.discovery_check import Patience
from fixtures.targets.existing import ExistingTarget, look
from fixtures.tools.toolbox import StandIns, Toolbox
from policies.controls.control_plane.discovery import answers_match
from policies.facts.discovery import Discovery
from policies.skew.hops import Hop, Plan
from policies.verdicts.findings import Verdict
from suites.detection.runs import FEW, rehearse
from suites.harness.asked_linkerd import AskedLinkerd, asked_linkerd
from suites.harness.existing import Existing, existing
from suites.harness.test_existing_rehearsal import at, restricted

pytestmark = pytest.mark.whole

SOURCE, TARGET = "edge-25.4.4", "edge-25.10.7"
HOP = Hop(number=1, source_tag=SOURCE, destination_tag=TARGET)
QUICK = Patience(question=60, between=0.01, questions=1)
"""A question ends by itself; nobody waits for an agreement that does not come."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Generator[Existing]:
    scenario = load(Path(FEW), {})
    with existing(tmp_path_factory.mktemp("existing"), SOURCE, scenario) as cluster:
        yield cluster


@pytest.fixture
def linkerd(tmp_path: Path) -> AskedLinkerd:
    """Of the destination alone: the source's commands are a stand-in's, in the suite's process."""
    return asked_linkerd(tmp_path, TARGET)


@dataclass(frozen=True, slots=True)
class Asked:
    """A step in which discovery was asked."""

    run: StepRun
    verdict: Verdict

    @property
    def answers(self) -> list[Discovery]:
        return [what for _, what in self.run.observations if isinstance(what, Discovery)]


Ask = Callable[..., Asked]


@pytest.fixture
def ask(found: Existing, linkerd: AskedLinkerd, tmp_path: Path) -> Generator[Ask]:
    """The step's part, in this process, behind the gate of a cluster that may only be read."""
    connections: list[Connection] = []

    def asked(
        patience: Patience = QUICK,
        *,
        kubeconfig: Path | None = None,
        stand_ins: StandIns = "auto",
    ) -> Asked:
        config = kubeconfig or found.kubeconfig
        connections.append(Connection(config))
        reader = ClusterReader(connections[-1])
        cluster = Cluster(
            target=ExistingTarget(config, "", seen=look(found.kubeconfig, "")),
            toolbox=Toolbox(
                linkerd.tools, stand_ins, config, gated=Gate(Agreed(), lambda _: None).around
            ),
            reader=reader,
            writer=cast("Any", None),
            installed=True,
            make_watch=cast("Any", None),
            make_endpoints=cast("Any", None),
            make_canary=cast("Any", None),
        )
        run = StepRun(
            step="control_plane_upgraded",
            hop=HOP,
            plan=Plan(source_tag=SOURCE, destination_tag=TARGET, hops=(HOP,)),
            scenario=Scenario(),
            installer=CliInstaller(),
            cluster=cluster,
            ledger=Ledger.create(tmp_path / f"run{len(connections)}", "run"),
            faults=(),
            facts=reader.facts(),
        )
        discovery_check.ask(run, patience)
        facts = reader.facts()
        reader.close()
        observed = [what for _, what in run.observations if isinstance(what, Discovery)]
        return Asked(run, answers_match(observed, facts))

    yield asked
    for each in connections:
        each.close()


def test_equal_answers_hold(ask: Ask, linkerd: AskedLinkerd) -> None:
    asked = ask()

    assert asked.verdict.status == "holds", asked.verdict
    (answer,) = asked.answers
    assert answer.asked == 1
    names = [s.name for s in answer.services if s.namespace == "linkerd"]
    assert names == [
        "linkerd-dst",
        "linkerd-identity",
        "linkerd-policy-validator",
        "linkerd-proxy-injector",
        "linkerd-sp-validator",
    ]
    assert {s.name for s in answer.services if s.namespace == "shop"} == {"shop-web", "store"}
    assert all(s.ready for s in answer.services)
    ((pod, authorities),) = [json.loads(line) for line in linkerd.asked]
    assert pod == answer.pod
    assert "linkerd-dst.linkerd.svc.cluster.local:8086" in authorities
    (command,) = asked.run.commands
    assert command.line.startswith(
        f"linkerd diagnostics endpoints -o json --destination-pod {pod}"
    )


def test_a_pod_that_is_gone_is_violated_and_named(ask: Ask, linkerd: AskedLinkerd) -> None:
    linkerd.answers("stale")

    asked = ask()

    assert asked.verdict.status == "violated"
    (item,) = asked.verdict.items
    assert item.subject.startswith("Service linkerd/linkerd-dst by linkerd-destination-")
    assert "answered, not ready: 10.99.0.1:8086 (pod linkerd-destination-gone)" in item.seen


def test_an_answer_that_lacks_a_ready_pod_is_violated(ask: Ask, linkerd: AskedLinkerd) -> None:
    linkerd.answers("lags")

    asked = ask()

    assert asked.verdict.status == "violated"
    assert "ready, not answered" in asked.verdict.seen


def test_a_lag_that_ends_is_told_and_no_fault(ask: Ask, linkerd: AskedLinkerd) -> None:
    linkerd.answers("late")

    asked = ask(Patience(question=60, between=0.01))

    assert asked.verdict.status == "holds", asked.verdict
    assert [a.asked for a in asked.answers] == [3]
    assert "agreed when asked 3 times" in asked.verdict.seen
    assert len(asked.run.commands) == 3


@pytest.mark.parametrize(
    ("mode", "patience", "times", "said"),
    [
        ("refused", Patience(60, 0.01), 2, "exit code 1: Error creating destination client: "),
        ("unknown", Patience(60, 0.01), 2, "Service gone.shop not found"),
        ("garbage", Patience(60, 0.01), 2, "its output is not a list of endpoints"),
        ("hangs", Patience(1.5, 0.01, 1), 1, "did not end within 1.5 s and was killed"),
    ],
)
def test_no_answer_is_not_assessed_with_what_was_said(
    ask: Ask, linkerd: AskedLinkerd, mode: str, patience: Patience, times: int, said: str
) -> None:
    linkerd.answers(mode)

    asked = ask(patience)

    assert asked.verdict.status == "not assessed"
    assert said in asked.verdict.reason
    assert "linkerd-destination-" in asked.verdict.reason
    assert len(linkerd.asked) == times


def test_without_the_right_nothing_is_asked(
    ask: Ask, found: Existing, linkerd: AskedLinkerd, tmp_path: Path
) -> None:
    """A user who may only look, of the rights that `rehearse rbac` prints for it."""
    user = restricted(found, tmp_path, "--account", "kube-system/only-looks")

    asked = ask(kubeconfig=user)

    assert asked.verdict.status == "not assessed"
    assert "this user may not create pods/portforward in namespace linkerd" in asked.verdict.reason
    assert linkerd.asked == []
    assert asked.run.commands == []
    told: list[str] = []
    discovery_check.foretell(asked.run.cluster.reader.connection, told.append)
    (said,) = told
    assert said.startswith("CP-09 will not be assessed: this user may not create pods/portforward")


def test_the_rbac_of_an_upgrade_holds_the_right(ask: Ask, found: Existing, tmp_path: Path) -> None:
    user = restricted(found, tmp_path, "--suite", "upgrade")

    asked = ask(kubeconfig=user)

    assert asked.verdict.status == "holds"
    told: list[str] = []
    discovery_check.foretell(asked.run.cluster.reader.connection, told.append)
    assert told == []


def test_a_stand_in_is_not_asked(ask: Ask, linkerd: AskedLinkerd) -> None:
    asked = ask(stand_ins="always")

    assert asked.run.observations == []
    assert asked.verdict.reason == "no destination controller runs in a simulated cluster"
    assert linkerd.asked == []


def test_a_rehearsal_finds_a_stale_pod_and_ends_with_it(
    found: Existing, linkerd: AskedLinkerd, tmp_path: Path
) -> None:
    """Last, because it changes the cluster: by consent, from end to end, with real programs."""
    linkerd.answers("stale")
    consent = found.consent(tmp_path)

    run = rehearse(
        tmp_path, *at(found), "--trust-scenario", f"--scenario={consent}",
        "--tools", str(linkerd.tools), "--stand-ins", "auto", "--no-probes",
    )  # fmt: skip

    assert run.exit_code == 1, run.output
    assert run.violated() == {"CP-09"}
    assert "CP-09" in run.output
    assert "(pod linkerd-destination-gone)" in run.output
    bodies = [r.body for r in read(run.folder / LEDGER).records]
    (kept,) = [b.what for b in bodies if isinstance(b, Observed) and b.label == "discovery"]
    assert isinstance(kept, Discovery)
    assert kept.asked > 1
    asked = [b for b in bodies if isinstance(b, CommandRan) and "diagnostics" in b.command.argv]
    assert len(asked) == kept.asked
    assert asked[0].command.program == "real"
