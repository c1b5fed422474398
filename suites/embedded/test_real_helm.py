"""Real helm, unmodified, against the embedded cluster: with small charts that the test writes.

They have the names of Linkerd's charts and nothing of Linkerd. Skipped where there is no helm.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.reader import ClusterReader
from fixtures.cluster.writer import ClusterWriter
from fixtures.core import manifests
from fixtures.core.errors import Broken
from fixtures.core.process import Completed
from fixtures.core.value_leaves import settings, settings_of
from fixtures.embedded.process import EmbeddedProcess
from fixtures.tools.charts import Charts
from fixtures.tools.helm import Helm, find, manifest_of
from fixtures.tools.helm_dry_run import outcomes
from fixtures.tools.program import RealProgram
from policies.controls.helm.manifests import removed_by_helm, stored_as_live
from policies.controls.helm.modes import value_mode
from policies.controls.helm.ownership import release_of
from policies.controls.helm.values import FLAGS, ValueMode, Values, effective, frozen_values, given
from policies.facts.cluster import ClusterFacts
from policies.facts.helm import CONTROL_PLANE, CRDS, HelmRelease
from policies.releases.grammar import parse
from policies.skew.hops import Hop
from suites.harness.helm_charts import chart_files, write_chart

OLD, NEW = "edge-25.10.7", "edge-26.6.3"
BEFORE_2_18 = "edge-24.11.8"
HOP = Hop(number=1, source_tag=OLD, destination_tag=NEW)
NAMESPACE = "linkerd"
ROUTES = "httproutes.gateway.networking.k8s.io"


@pytest.fixture(scope="module")
def program() -> tuple[Path, str]:
    try:
        return find(None)
    except Broken as error:
        pytest.skip(f"no helm: {error.seen}")


@pytest.fixture(scope="module")
def running(
    program: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedProcess]:
    """A cluster with a node and a fast clock."""
    del program
    state = tmp_path_factory.mktemp("cluster")
    with EmbeddedProcess.start(state, speed=60.0, nodes=1, seed=1) as started:
        yield started


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Charts:
    folder = tmp_path_factory.mktemp("charts")
    for release in (BEFORE_2_18, OLD, NEW):
        for name in (CRDS, CONTROL_PLANE):
            write_chart(folder / release, name, release, keep=release != BEFORE_2_18)
    return Charts(str(folder))


@pytest.fixture
def helm(
    running: EmbeddedProcess,
    charts: Charts,
    program: tuple[Path, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Helm]:
    """Helm with a home of its own; what a test installs is gone afterwards."""
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"HELM_{name}_HOME", str(tmp_path / name.lower()))
    path, version = program
    found = Helm(RealProgram("helm", path, version, running.kubeconfig), charts)
    yield found
    listed: list[dict[str, Any]] = json.loads(found.list(NAMESPACE).stdout or b"[]")
    for one in listed:
        found.run("uninstall", one["name"], "-n", NAMESPACE, "--wait", timeout=120)
    writer = ClusterWriter(Connection(running.kubeconfig))
    for crd in (ROUTES, "servers.policy.linkerd.io"):
        writer.delete("customresourcedefinitions.apiextensions.k8s.io", "", crd)


@pytest.fixture
def reader(running: EmbeddedProcess) -> Iterator[ClusterReader]:
    found = ClusterReader(Connection(running.kubeconfig), releases=True)
    yield found
    found.close()


def ok(done: Completed) -> Completed:
    assert done.exit_code == 0, done.error_text
    return done


def install(helm: Helm, name: str, release: str, *flags: str) -> None:
    chart = helm.charts.chart(name, parse(release))
    ok(helm.install(name, chart, NAMESPACE, *flags, timeout=60))


def upgrade(helm: Helm, name: str, release: str, mode: ValueMode, *flags: str) -> Completed:
    chart = helm.charts.chart(name, parse(release))
    return helm.upgrade(name, chart, NAMESPACE, *flags, values=mode, timeout=60)


def release(facts: ClusterFacts, chart: str) -> HelmRelease:
    found = release_of(facts, chart)
    assert found is not None
    assert found.unread == ""
    return found


def rendered_values(done: Completed) -> Values:
    """The values that the chart's ConfigMap was rendered with."""
    for obj in manifests.documents(manifest_of(ok(done))):
        if obj["kind"] == "ConfigMap":
            return settings_of(json.loads(obj["data"]["values"]))
    raise AssertionError("no ConfigMap was rendered")


def new_defaults() -> Values:
    return settings(chart_files(CONTROL_PLANE, NEW)["values.yaml"])


def meaning(values: Values) -> dict[str, str]:
    """Without nulls, which mean as much as nothing."""
    return {s.path: s.value for s in values if s.value != "null"}


def test_a_release_is_the_fact_that_helm_lists(helm: Helm, reader: ClusterReader) -> None:
    install(helm, CONTROL_PLANE, OLD, "--set", "proxy.logLevel=debug", "--wait")

    found = release(reader.facts(), CONTROL_PLANE)

    (listed,) = json.loads(helm.list(NAMESPACE).stdout)
    assert listed["name"] == found.name
    assert int(listed["revision"]) == found.revision
    assert listed["status"] == found.status == "deployed"
    assert listed["chart"] == f"{found.chart}-{found.chart_version}"
    assert found.linkerd == OLD
    assert meaning(found.values) == {"proxy.logLevel": '"debug"'}
    assert {str(o.key) for o in found.objects} == {
        "ConfigMap linkerd/linkerd-config",
        "Deployment linkerd/linkerd-destination",
    }


@pytest.mark.parametrize("sets", [(), ("controllerReplicas=2", "podAnnotations.a=b")])
@pytest.mark.parametrize("mode", FLAGS)
def test_helm_renders_with_the_values_that_were_foretold(
    helm: Helm, reader: ClusterReader, mode: ValueMode, sets: tuple[str, ...]
) -> None:
    install(helm, CONTROL_PLANE, OLD, "--set", "proxy.logLevel=debug,identity.issuer.crtPEM=x")
    flags = tuple(word for each in sets for word in ("--set", each))
    chart = helm.charts.chart(CONTROL_PLANE, parse(NEW))

    done = helm.upgrade(CONTROL_PLANE, chart, NAMESPACE, *flags, values=mode, dry_run="server")

    stored = release(reader.facts(), CONTROL_PLANE)
    foretold = effective(stored, new_defaults(), mode, given(sets))
    assert meaning(rendered_values(done)) == meaning(foretold)


def test_reuse_deploys_the_old_release_under_the_new_charts_name(
    helm: Helm, reader: ClusterReader
) -> None:
    install(helm, CONTROL_PLANE, OLD)
    verdict = value_mode(release(reader.facts(), CONTROL_PLANE), HOP, "reuse", new=new_defaults())

    ok(upgrade(helm, CONTROL_PLANE, NEW, "reuse"))

    facts = reader.facts()
    stored = release(facts, CONTROL_PLANE)
    images = {image for w in facts.workloads for _, image in w.images}
    assert verdict.status == "violated"
    assert (stored.linkerd, images) == (NEW, {f"controller:{OLD}"})
    assert frozen_values(stored) == ()
    after = value_mode(stored, HOP, "reset-then-reuse", new=new_defaults())
    assert "linkerdVersion" not in after.seen


def test_values_once_written_out_whole_win_over_every_later_chart(
    helm: Helm, reader: ClusterReader, tmp_path: Path
) -> None:
    install(helm, CONTROL_PLANE, OLD)
    whole = helm.run("get", "values", CONTROL_PLANE, "-n", NAMESPACE, "--all", "-o", "yaml")
    (tmp_path / "values.yaml").write_bytes(ok(whole).stdout)
    ok(upgrade(helm, CONTROL_PLANE, OLD, "plain", "-f", str(tmp_path / "values.yaml")))

    stored = release(reader.facts(), CONTROL_PLANE)
    chart = helm.charts.chart(CONTROL_PLANE, parse(NEW))
    done = helm.upgrade(CONTROL_PLANE, chart, NAMESPACE, dry_run="server")

    assert frozen_values(stored) == ("linkerdVersion",)
    assert meaning(rendered_values(done))["linkerdVersion"] == f'"{OLD}"'
    verdict = value_mode(stored, HOP, "reset-then-reuse", new=new_defaults())
    assert "stored as the user's own" in verdict.seen


@pytest.mark.parametrize(
    ("source", "mode", "lives"),
    [
        (OLD, "reset", True),
        (OLD, "reset-then-reuse", True),
        (BEFORE_2_18, "reset", False),
        (BEFORE_2_18, "reset-then-reuse", False),
        (BEFORE_2_18, "plain", False),
        (BEFORE_2_18, "reuse", True),
    ],
)
def test_crds_that_leave_a_release_live_on_where_it_was_foretold(
    helm: Helm, reader: ClusterReader, source: str, mode: ValueMode, lives: bool
) -> None:
    """With `keep` on the live CRD, or rendered again; else Helm deletes it without a word."""
    flags = ("--set", "installGatewayAPI=true") if source == OLD else ()
    install(helm, CRDS, source, *flags)
    before = reader.facts()
    new = settings(chart_files(CRDS, NEW)["values.yaml"])
    hop = Hop(number=1, source_tag=source, destination_tag=NEW)
    # The small chart of before 2.18 has the switch that Linkerd's got with 2.18.
    verdict = value_mode(release(before, CRDS), hop, mode, new=new, crds=before.crds)

    ok(upgrade(helm, CRDS, NEW, mode))

    after = reader.facts()
    assert (ROUTES in {c.name for c in after.crds}) is lives
    assert (verdict.status == "holds") is lives
    assert removed_by_helm(before, after).status == "holds"


def test_what_helm_stored_lives_until_somebody_changes_it(
    helm: Helm, reader: ClusterReader, running: EmbeddedProcess
) -> None:
    install(helm, CONTROL_PLANE, OLD, "--wait")
    assert stored_as_live(reader.facts()).status == "holds"

    container = {"name": "destination", "image": "controller:mine"}
    ClusterWriter(Connection(running.kubeconfig)).patch(
        "deployments.apps",
        NAMESPACE,
        "linkerd-destination",
        {"spec": {"template": {"spec": {"containers": [container]}}}},
    )

    assert "controller:mine" in stored_as_live(reader.facts()).seen


def test_a_second_upgrade_would_change_nothing_but_what_was_changed_by_hand(
    helm: Helm, running: EmbeddedProcess
) -> None:
    install(helm, CONTROL_PLANE, NEW, "--wait")
    writer = ClusterWriter(Connection(running.kubeconfig))
    chart = helm.charts.chart(CONTROL_PLANE, parse(NEW))

    def differences() -> dict[str, tuple[str, ...]]:
        done = helm.upgrade(CONTROL_PLANE, chart, NAMESPACE, dry_run="server")
        found = outcomes(writer, manifest_of(ok(done)), CONTROL_PLANE, NAMESPACE)
        return {str(d.key): d.paths for o in found if (d := o.difference()) is not None}

    assert differences() == {}
    writer.patch(
        "deployments.apps",
        NAMESPACE,
        "linkerd-destination",
        {"spec": {"replicas": 2}, "metadata": {"annotations": {"note": "live only"}}},
    )
    assert differences() == {"Deployment linkerd/linkerd-destination": ("/spec/replicas",)}


def test_the_api_servers_refusal_of_a_render_is_known_beforehand(
    helm: Helm, running: EmbeddedProcess
) -> None:
    install(helm, CONTROL_PLANE, OLD)
    chart = helm.charts.chart(CONTROL_PLANE, parse(NEW))

    done = helm.upgrade(
        CONTROL_PLANE, chart, NAMESPACE, "--set", "controllerReplicas=-1", dry_run="server"
    )
    found = outcomes(
        ClusterWriter(Connection(running.kubeconfig)),
        manifest_of(ok(done)),
        CONTROL_PLANE,
        NAMESPACE,
    )

    refusals = {str(o.key): o.refusal for o in found if o.refusal}
    assert list(refusals) == ["Deployment linkerd/linkerd-destination"]
    assert "replicas" in refusals["Deployment linkerd/linkerd-destination"]


def test_atomic_rolls_a_failed_upgrade_back(helm: Helm, reader: ClusterReader) -> None:
    install(helm, CONTROL_PLANE, OLD, "--wait")
    chart = helm.charts.chart(CONTROL_PLANE, parse(NEW))

    done = helm.upgrade(
        CONTROL_PLANE,
        chart,
        NAMESPACE,
        "--set",
        "controllerReplicas=-1",
        *helm.waiting(wait=True, atomic=True),
        timeout=20,
    )

    found = release(reader.facts(), CONTROL_PLANE)
    assert done.exit_code != 0
    assert found.status == "deployed"
    assert found.linkerd == OLD
    assert [r.status for r in found.revisions][-2:] == ["failed", "deployed"]


def test_the_way_back_is_a_revision_of_its_own(helm: Helm, reader: ClusterReader) -> None:
    install(helm, CONTROL_PLANE, OLD)
    ok(upgrade(helm, CONTROL_PLANE, NEW, "reset-then-reuse", "--wait"))
    assert release(reader.facts(), CONTROL_PLANE).linkerd == NEW

    ok(helm.rollback(CONTROL_PLANE, 1, NAMESPACE, "--wait", timeout=60))

    found = release(reader.facts(), CONTROL_PLANE)
    assert (found.linkerd, found.revision) == (OLD, 3)
    history = json.loads(helm.history(CONTROL_PLANE, NAMESPACE).stdout)
    assert [h["status"] for h in history] == [r.status for r in found.revisions]
