"""Linking two clusters: one identity for both, rendered there and applied here.

The programs are small scripts that write down how they were called.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from fixtures.evidence.ledger import Ledger
from fixtures.linkerd.certificates import read_bundle, signs
from fixtures.scenario.linked_spec import LinkedSpec
from fixtures.scenario.model import Scenario
from fixtures.scenario.parts import WorkloadSpec
from fixtures.steps.cli_steps import CliInstaller
from fixtures.steps.context import Cluster, StepRun
from fixtures.steps.multicluster_links import exports, link, link_again, link_both, shared_identity
from fixtures.tools.toolbox import Toolbox
from policies.facts.cluster import ClusterFacts
from policies.releases.grammar import parse
from policies.skew.hops import Hop, Plan
from suites.harness.test_helm_tool import script

OLD, NEW = "edge-25.4.4", "edge-25.10.7"
HOP = Hop(number=1, source_tag=OLD, destination_tag=NEW)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINKED = Scenario(extensions=("multicluster",), linked=LinkedSpec(name="west"))
LINKERD = """case "$*" in
  "version --client --short"*) echo {release};;
  *) echo "linkerd $*" >> {log}; {renders};;
esac"""
KUBECTL = """case "$*" in
  "version --client"*) echo '{{"clientVersion": {{"gitVersion": "v1.31.0"}}}}';;
  *) echo "kubectl $* < $(cat)" >> {log};;
esac"""


class Target:
    """A simulated cluster that is there and does nothing."""

    speed = 20.0
    capabilities = SimpleNamespace(simulated=True)

    def prepare(self, release: str) -> None: ...

    def now(self) -> datetime:
        return NOW


Make = Callable[..., StepRun]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def make(tmp_path: Path, log: Path) -> Make:
    """A step on one cluster, with the other beside it where it is named."""

    def cluster(name: str, renders: str) -> Cluster:
        tools = tmp_path / name / "tools"
        for release in (OLD, NEW):
            text = LINKERD.format(release=release, log=log, renders=renders)
            script(tools / release / "linkerd", text)
        script(tools / "kubectl", KUBECTL.format(log=log))
        return Cluster(
            target=cast("Any", Target()),
            toolbox=Toolbox(tools, "never", tmp_path / name / "kubeconfig"),
            reader=cast("Any", None),
            writer=cast("Any", None),
            installed=True,
            make_watch=cast("Any", None),
            make_endpoints=cast("Any", None),
            make_canary=cast("Any", None),
            name=name,
        )

    def made(
        name: str = "main",
        *,
        other: str = "",
        scenario: Scenario = LINKED,
        renders: str = "echo rendered",
    ) -> StepRun:
        return StepRun(
            step="baseline",
            hop=HOP,
            plan=Plan(source_tag=OLD, destination_tag=NEW, hops=(HOP,)),
            scenario=scenario,
            installer=CliInstaller(),
            cluster=cluster(name, renders),
            ledger=Ledger.create(tmp_path / name / "run", "run"),
            faults=(),
            facts=ClusterFacts(taken_at=NOW),
            other=cluster(other, renders) if other else None,
        )

    return made


def commands(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def files(flags: tuple[str, ...]) -> dict[str, Path]:
    return dict(zip(flags[::2], map(Path, flags[1::2]), strict=True))


def test_without_a_link_an_installation_makes_its_own_identity(make: Make) -> None:
    with shared_identity(make(scenario=Scenario())) as flags:
        assert flags == ()


def test_two_clusters_have_issuers_of_their_own_and_one_anchor(make: Make) -> None:
    west = make("west")
    main = make()
    main.other = west.cluster

    with shared_identity(west) as flags:
        given = files(flags)
        first = {flag: path.read_text() for flag, path in given.items()}
    with shared_identity(main) as flags:
        second = {flag: path.read_text() for flag, path in files(flags).items()}

    anchors, certificate, key = (
        "--identity-trust-anchors-file",
        "--identity-issuer-certificate-file",
        "--identity-issuer-key-file",
    )
    assert set(first) == {anchors, certificate, key}
    assert first[anchors] == second[anchors]
    assert first[key] != second[key]
    for side in (first, second):
        (issuer,) = read_bundle(side[certificate])
        assert signs(read_bundle(side[anchors]), issuer)
    assert not any(path.exists() for path in given.values()), "keys outlive no command"


def test_the_first_workload_behind_a_service_is_exported_unless_some_are_named() -> None:
    workloads = (
        WorkloadSpec(name="job", namespace="shop", kind="Job"),
        WorkloadSpec(name="web", namespace="shop"),
        WorkloadSpec(name="api", namespace="bank"),
    )
    named = LinkedSpec(name="west", exports=("bank/api", "shop/web"))

    assert exports(replace(LINKED, workloads=workloads)) == ("shop/web",)
    assert exports(replace(LINKED, workloads=workloads, linked=named)) == named.exports
    assert len(exports(LINKED)) == 1


@pytest.mark.parametrize(("managed", "command"), [(True, "link-gen"), (False, "link")])
def test_a_link_is_rendered_there_and_applied_here(
    make: Make, log: Path, tmp_path: Path, *, managed: bool, command: str
) -> None:
    here = make(other="west")
    assert here.other is not None

    done = link(here, here.on(here.other), parse(NEW), managed=managed)

    rendered, applied = commands(log)
    assert done.exit_code == 0
    assert f"multicluster {command} --cluster-name west" in rendered
    assert f"--kubeconfig {tmp_path}/west/kubeconfig" in rendered
    assert " apply " in applied
    assert f"--kubeconfig {tmp_path}/main/kubeconfig" in applied
    assert applied.endswith("< rendered")
    assert len(here.commands) == 2, "the other's commands are on record here, too"


def test_what_could_not_be_rendered_is_not_applied(make: Make, log: Path) -> None:
    here = make(other="west", renders="echo no gateway >&2; exit 1")
    assert here.other is not None

    done = link(here, here.on(here.other), parse(NEW), managed=True)

    assert (done.exit_code, done.stderr) == (1, b"no gateway\n")
    assert len(commands(log)) == 1


@pytest.mark.parametrize(
    ("name", "other"), [("main", ""), ("west", "main")], ids=["alone", "the second"]
)
def test_both_are_linked_by_the_first_alone(make: Make, log: Path, name: str, other: str) -> None:
    link_both(make(name, other=other))

    assert commands(log) == []


@pytest.mark.parametrize("scenario", [Scenario(), LINKED], ids=["one", "not installed"])
def test_where_there_is_no_link_none_is_made_again(
    make: Make, log: Path, scenario: Scenario
) -> None:
    link_again(make(other="west", scenario=scenario), parse(NEW))

    assert commands(log) == []
