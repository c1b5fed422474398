"""The steps of an upgrade with Helm: which commands run, in which order, and what is kept of them.

The programs are small scripts that say what a real one would; the cluster answers nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.reader import ClusterReader
from fixtures.cluster.writer import Answer, Put
from fixtures.core.waiting import until
from fixtures.evidence.ledger import Ledger
from fixtures.scenario.model import Scenario
from fixtures.scenario.parts import ExtensionSpec, HelmOptions
from fixtures.steps import guide, helm_steps
from fixtures.steps.context import Cluster, StepRun
from fixtures.steps.extensions import helm as extension_helm
from fixtures.steps.helm_steps import HelmInstaller
from fixtures.targets.embedded import EmbeddedTarget
from fixtures.tools.toolbox import Toolbox
from policies.controls.whole_run.differences import Difference
from policies.facts.cluster import ClusterFacts, Namespace, Workload
from policies.facts.helm import ChartValues, HelmRelease
from policies.facts.observations import Canary, DryRun, Rendered
from policies.releases.grammar import parse
from policies.skew.hops import Hop, Plan
from suites.harness.helm_charts import write_archive, write_tools
from suites.harness.scripted_api import listing, scripted_api
from suites.harness.test_helm_tool import script

OLD, NEW = "edge-25.10.7", "edge-26.6.3"
HOP = Hop(number=1, source_tag=OLD, destination_tag=NEW)
SECRET = "c2VjcmV0c2VjcmV0"
MANIFEST = f"""apiVersion: v1
kind: Secret
metadata: {{name: linkerd-identity-issuer}}
data: {{key.pem: {SECRET}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: linkerd-config}}
data: {{values: "linkerdVersion: {NEW}"}}
"""
HELM = """case "$*" in
  "version --short") echo v3.16.4;;
  *--dry-run=server*) cat <<'EOF'
{dry_run}
EOF
  ;;
  "show values"*) echo 'proxy: {{nativeSidecar: true}}';;
  "get manifest"*) cat <<'EOF'
{manifest}
EOF
  ;;
  *) {upgrade};;
esac"""
LINKERD = f"""case "$*" in
  "version --client --short"*) echo {NEW};;
  check*) echo '{{"success": true, "categories": []}}';;
  prune*) echo "Error: no overrides" >&2; exit 1;;
esac"""
KUBECTL = """case "$*" in
  "version --client"*) echo '{"clientVersion": {"gitVersion": "v1.31.0"}}';;
esac"""


class Target:
    """A cluster that is there and does nothing."""

    capabilities = EmbeddedTarget.capabilities
    speed = 20.0

    def prepare(self, release: str) -> None: ...

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class Writer:
    """Answers each dry run; `refuses` is the kind it does not accept."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.put: list[dict[str, Any]] = []

    def dry_run_put(self, obj: dict[str, Any]) -> Put:
        self.put.append(obj)
        if obj["kind"] == self.refuses:
            return Put({}, None, Answer(False, "Invalid: no"))
        live = {**obj, "data": {"values": "other"}} if obj["kind"] == "ConfigMap" else obj
        return Put(live, obj, Answer(True))


Make = Callable[..., StepRun]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[ClusterReader]:
    """Of a cluster that holds nothing."""
    place = tmp_path / "api"
    place.mkdir()
    with scripted_api(place, lambda _: listing()) as api:
        reader = ClusterReader(Connection(api.kubeconfig))
        yield reader
        reader.close()


@pytest.fixture
def make(tmp_path: Path, reader: ClusterReader) -> Make:
    """A step on scripted programs."""

    def made(
        *, options: HelmOptions | None = None, upgrade: str = "true", refuses: str = ""
    ) -> StepRun:
        tools = write_tools(tmp_path / "tools", OLD, NEW)
        text = json.dumps({"name": "x", "manifest": MANIFEST})
        script(tools / "helm", HELM.format(dry_run=text, manifest=MANIFEST, upgrade=upgrade))
        script(tools / NEW / "linkerd", LINKERD)
        script(tools / "kubectl", KUBECTL)
        cluster = Cluster(
            target=cast("Any", Target()),
            toolbox=Toolbox(tools, "never", tmp_path / "kubeconfig"),
            reader=reader,
            writer=cast("Any", Writer(refuses)),
            installed=True,
            make_watch=cast("Any", None),
            make_endpoints=cast("Any", None),
            make_canary=cast("Any", None),
        )
        facts = ClusterFacts(
            taken_at=Target().now(),
            helm=(
                HelmRelease(name="mesh-crds", namespace="mesh", revision=1, chart="linkerd-crds"),
            ),
        )
        return StepRun(
            step="crds_upgraded",
            hop=HOP,
            plan=Plan(source_tag=OLD, destination_tag=NEW, hops=(HOP,)),
            scenario=Scenario(installation="helm", helm=options or HelmOptions()),
            installer=HelmInstaller(),
            cluster=cluster,
            ledger=Ledger.create(tmp_path / "run", "run"),
            faults=(),
            facts=facts,
        )

    return made


def lines(run: StepRun) -> list[str]:
    """Commands that ran, without paths."""
    return [" ".join(Path(w).name if "/charts/" in w else w for w in c.argv) for c in run.commands]


def test_crds_are_upgraded_under_their_releases_own_name(make: Make) -> None:
    run = make()

    guide.crds_upgraded(run)

    assert lines(run)[0] == (
        "helm upgrade mesh-crds linkerd-crds-2026.6.3.tgz -n mesh --reset-then-reuse-values "
        "--wait --timeout 120s"
    )
    assert lines(run)[1].startswith("linkerd check --crds")


def test_the_scenario_says_mode_values_and_waiting(make: Make) -> None:
    options = HelmOptions(values="reuse", set=("a=b",), atomic=True)
    run = make(options=options)

    guide.control_plane_upgraded(run)

    assert lines(run)[0] == (
        "helm upgrade linkerd-control-plane linkerd-control-plane-2026.6.3.tgz -n linkerd "
        "--reuse-values --set a=b --atomic --timeout 120s"
    )


def test_the_control_plane_is_followed_to_the_end_and_its_render_is_kept(make: Make) -> None:
    run = make()

    guide.control_plane_upgraded(run)

    names = (f"deployment/linkerd-{c}" for c in ("destination", "identity", "proxy-injector"))
    assert lines(run)[1] == (f"kubectl -n linkerd rollout status {' '.join(names)} --timeout=300s")
    (kept,) = [what for label, what in run.observations if label == "upgrade"]
    assert isinstance(kept, Rendered)
    assert kept.values == (("linkerdVersion", f'"{NEW}"'),)


class Injected:
    """A canary whose pods all got this release's proxy."""

    def __init__(self, version: str) -> None:
        self._version = version

    def quiet(self) -> AbstractContextManager[None]:
        return nullcontext()

    def latest(self, count: int) -> list[Canary]:
        at = Target().now()
        return [
            Canary(at=at, name=str(n), outcome="injected", version=self._version)
            for n in range(count)
        ]


class Sources:
    """Probes that say which releases they were told to be meshed by."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def start_meshed(self, version: str) -> None:
        self.begun.append(version)


def test_new_pods_are_probed_from_once_they_get_the_target(make: Make) -> None:
    run, sources = make(), Sources()
    run.cluster.canary = cast("Any", Injected(NEW))
    run.cluster.probes = cast("Any", sources)

    guide.control_plane_upgraded(run)

    assert sources.begun == [NEW]


def test_a_failed_upgrade_is_a_fact_and_renders_nothing(make: Make) -> None:
    run = make(upgrade="echo 'Error: UPGRADE FAILED' >&2; exit 1")

    guide.control_plane_upgraded(run)

    assert run.commands[0].exit_code == 1
    assert not [what for _, what in run.observations if isinstance(what, Rendered)]


def test_nothing_is_pruned_and_the_refusal_is_on_record(make: Make) -> None:
    run = make()

    guide.pruned(run)

    assert [(c.argv[:2], c.exit_code) for c in run.commands] == [(("linkerd", "prune"), 1)]
    assert [label for label, _ in run.observations] == ["render", "render"]


def test_a_dry_run_is_kept_as_identities_never_as_text(make: Make, tmp_path: Path) -> None:
    run = make(refuses="ConfigMap")

    helm_steps.dry_run(run, helm_steps.part(run, "linkerd-control-plane", parse(NEW)))

    rendered, tried = (what for _, what in run.observations)
    assert isinstance(rendered, Rendered)
    assert tried == DryRun(
        what="upgrade",
        accepted=False,
        refusals=(("ConfigMap linkerd/linkerd-config", "Invalid: no"),),
    )
    run.ledger.close()
    written = b"".join(p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file())
    assert SECRET.encode() not in written
    assert b"linkerd-identity-issuer" in written


def test_a_dry_run_that_fails_is_a_refusal_in_helms_words(make: Make) -> None:
    run = make()
    helm = run.cluster.toolbox.helm()
    program = cast("Any", helm.program)
    script(program.path, 'echo "Error: UPGRADE FAILED: no issuer" >&2; exit 1')

    helm_steps.dry_run(run, helm_steps.part(run, "linkerd-crds", parse(NEW)))

    (tried,) = (what for _, what in run.observations)
    assert tried == DryRun(
        what="upgrade --crds",
        accepted=False,
        refusals=(("helm upgrade mesh-crds", "Error: UPGRADE FAILED: no issuer"),),
    )


def test_a_second_upgrade_is_compared_object_by_object(make: Make) -> None:
    run = make()
    run.scenario = replace(run.scenario, soak=0.0)

    guide.settled(run)

    (found,) = [what for _, what in run.observations if isinstance(what, Difference)]
    assert found.paths == ("/data/values",)
    marks = cast("Any", run.cluster.writer).put[0]["metadata"]
    assert marks["annotations"]["meta.helm.sh/release-name"] == "linkerd-control-plane"
    assert marks["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert marks["namespace"] == "linkerd"


def test_helm_renders_again_while_the_soak_lasts_and_is_told_of_after_it(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make()
    helm = cast("Any", run.cluster.toolbox.helm().program)
    asked = tmp_path / "asked"
    told = f'case "$*" in *--dry-run=server*) touch {asked};; esac'
    script(helm.path, f"{told}\n{helm.path.read_text()}")

    def soak(_: StepRun, __: float) -> None:
        """Lasts until Helm was asked: one that is asked only afterwards is never asked."""
        until("Helm", asked.exists, bool, timeout=60)

    monkeypatch.setattr(StepRun, "soak", soak)

    guide.settled(run)

    assert [line.split()[:2] for line in lines(run)] == [
        ["linkerd", "check"],
        ["linkerd", "check"],
        ["linkerd", "version"],
        ["helm", "upgrade"],
    ]


def test_the_way_back_is_a_rollback(make: Make) -> None:
    run = make()
    control_plane = HelmRelease(
        name="linkerd-control-plane",
        namespace="linkerd",
        revision=1,
        chart="linkerd-control-plane",
    )
    run.upgraded_from = ClusterFacts(taken_at=Target().now(), helm=(control_plane,))

    HelmInstaller().go_back(run)

    assert lines(run)[0].startswith("helm rollback linkerd-control-plane 1 -n linkerd --wait")


def test_the_values_of_the_targets_charts_are_on_record(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make()

    def nothing(_: StepRun) -> None:
        """Told elsewhere."""

    for name in ("checks", "admissibility", "images"):
        monkeypatch.setattr(f"fixtures.steps.preflight.{name}", nothing)

    guide.preflighted(run)

    kept = [what for _, what in run.observations if isinstance(what, ChartValues)]
    assert [(k.chart, k.release) for k in kept] == [
        ("linkerd-crds", NEW),
        ("linkerd-control-plane", NEW),
    ]
    assert kept[0].values[0].path == "proxy.nativeSidecar"


@pytest.mark.parametrize(("to", "looked"), [(OLD, OLD), ("", NEW)])
def test_the_chart_that_is_looked_at_is_the_one_that_is_used(
    make: Make, tmp_path: Path, to: str, looked: str
) -> None:
    run = make()
    for release in (OLD, NEW):
        write_archive(tmp_path / "tools" / "charts" / release, "linkerd-viz", release)
    space = Namespace(name="linkerd-viz", uid="viz", extension="viz")
    tap = Workload(
        kind="Deployment", namespace="linkerd-viz", name="tap", uid="tap", desired=1,
        helm_release="linkerd-viz/linkerd-viz",
    )  # fmt: skip
    run.facts = ClusterFacts(taken_at=Target().now(), namespaces=(space,), workloads=(tap,))
    run.scenario = Scenario(installation="helm", extensions={"viz": ExtensionSpec(to=to)})

    extension_helm.look(run)

    (kept,) = [what for _, what in run.observations if isinstance(what, ChartValues)]
    assert (kept.chart, kept.release) == ("linkerd-viz", looked)
    assert looked.removeprefix("edge-") in lines(run)[-1]
