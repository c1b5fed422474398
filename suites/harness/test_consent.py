"""The gate: what may be started on somebody else's cluster, and what is said before it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.cluster.writer import Write
from fixtures.consent.command_allowlist import recognise
from fixtures.consent.gate import OURS, Agreed, Change, Gate, Gated, Refused, Renders
from fixtures.core.process import Completed
from fixtures.tools.kubectl import Kubectl
from fixtures.tools.linkerd import Linkerd
from policies.releases.grammar import parse

CONSENTED = Agreed(
    change=True,
    dry_runs=True,
    namespaces=frozenset({"canary", "probes"}),
    context="prod",
    cluster_uid="u-1",
)
READ_ONLY = Agreed(context="prod", cluster_uid="u-1")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def manifest(*objects: tuple[str, str, str]) -> bytes:
    items = [
        {"apiVersion": "v1", "kind": kind, "metadata": {"namespace": space, "name": name}}
        for kind, space, name in objects
    ]
    return json.dumps({"kind": "List", "items": items}).encode()


@dataclass(slots=True)
class Recorder:
    """A program that only notes what it was started with."""

    ran: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    says: bytes = b""
    kind: Literal["real", "stand-in"] = "stand-in"
    version: str = "v1"

    def run(self, *args: str, stdin: bytes = b"", timeout: float = 600) -> Completed:
        self.ran.append(args)
        return Completed(args, 0, self.says, b"", 0.0, NOW)


@dataclass(slots=True)
class World:
    """A gate, what it said, and the programs behind it."""

    gate: Gate
    said: list[str]
    program: Recorder

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(Gated("kubectl", self.program, self.gate))

    @property
    def linkerd(self) -> Linkerd:
        return Linkerd(Gated("linkerd", self.program, self.gate), parse("edge-25.10.7"))


def world(agreed: Agreed, *, uid: str = "u-1", foreseen: tuple[Change, ...] = ()) -> World:
    said: list[str] = []

    def foresee(_: Renders) -> tuple[Change, ...]:
        return foreseen

    def compare(manifests: bytes) -> tuple[Change, ...]:
        items = json.loads(manifests)["items"]
        return tuple(
            Change("change", i["kind"], i["metadata"]["namespace"], i["metadata"]["name"])
            for i in items
        )

    gate = Gate(agreed, said.append, foresee, compare, lambda: uid)
    return World(gate, said, Recorder())


READS: list[tuple[str, ...]] = [
    ("linkerd", "diagnostics", "endpoints", "-o", "json", "--destination-pod", "d", "a:1", "b:2"),
    ("linkerd", "version", "--client"),
    ("linkerd", "version", "--proxy"),
    ("linkerd", "check", "--proxy", "-o", "json", "--wait", "20s", "--expected-version", "v"),
    ("linkerd", "viz", "check", "-o", "json"),
    ("kubectl", "version", "-o", "json"),
    ("kubectl", "get", "-f", "-", "-o", "json"),
    ("kubectl", "get", "--raw", "/readyz"),
    ("kubectl", "-n", "linkerd", "rollout", "status", "deployment/x", "--timeout=300s"),
    ("kubectl", "-n", "shop", "rollout", "status", "deployment/x", "daemonset/y", "--timeout=9s"),
    ("kubectl", "apply", "--dry-run=client", "-f", "-"),
    ("helm", "list", "-n", "linkerd", "--all", "-o", "json"),
    ("helm", "get", "values", "linkerd-crds", "-n", "linkerd", "-o", "json"),
]
RENDERS: list[tuple[str, ...]] = [
    ("linkerd", "install", "--crds", "--set", "installGatewayAPI=true"),
    ("linkerd", "upgrade", "--crds"),
    ("linkerd", "upgrade"),
    ("linkerd", "prune"),
    ("linkerd", "viz", "install", "--ha", "--set", "a=b", "--anything"),
    ("linkerd", "multicluster", "link-gen", "--cluster-name=west", "--gateway=false"),
    ("linkerd", "jaeger", "uninstall"),
]
DRY: list[tuple[str, ...]] = [
    ("kubectl", "apply", "--dry-run=server", "-f", "-"),
    ("kubectl", "apply", "--server-side", "--dry-run=server", "-f", "-", "-o", "json"),
    ("kubectl", "diff", "-f", "-"),
]
CHANGES: list[tuple[str, ...]] = [
    ("kubectl", "apply", "-f", "-"),
    ("kubectl", "delete", "-f", "-"),
    ("kubectl", "-n", "shop", "rollout", "restart", "deployment/web"),
    ("kubectl", "-n", "shop", "rollout", "restart", "deployment/web", "statefulset/db"),
]
UNKNOWN: list[tuple[str, ...]] = [
    ("linkerd", "diagnostics", "endpoints", "--api-addr", "elsewhere:8086", "a:1"),
    ("linkerd", "diagnostics", "proxy-metrics"),
    ("kubectl", "delete", "namespace", "shop"),
    ("kubectl", "delete", "-f", "-", "--all"),
    ("kubectl", "apply", "-f", "somewhere.yaml"),
    ("kubectl", "apply", "-f", "-", "--prune"),
    ("kubectl", "apply", "-f", "-", "--force"),
    ("kubectl", "apply", "-f", "-", "-f", "more.yaml"),
    ("kubectl", "apply"),
    ("kubectl", "patch", "deployment", "x"),
    ("kubectl", "exec", "pod", "--", "sh"),
    ("kubectl", "drain", "node"),
    ("kubectl", "rollout", "restart", "deployment/web"),
    ("kubectl", "-n", "shop", "rollout", "restart", "deployment"),
    ("kubectl", "-n", "shop", "rollout", "restart", "deployment/web", "deployment"),
    ("kubectl", "rollout", "restart", "deployment/web", "deployment/other"),
    ("kubectl", "-n", "shop", "rollout", "undo", "deployment/web"),
    ("kubectl", "--kubeconfig", "other", "get", "pods"),
    ("kubectl", "get"[:2]),
    ("linkerd", "uninstall"),
    ("linkerd", "multicluster", "unlink"),
    ("linkerd", "upgrade", "--from-manifests", "x"),
    ("linkerd", "multicluster", "link", "--context", "other"),
    ("linkerd", "viz", "install", "--kubeconfig=other"),
    ("helm", "uninstall", "linkerd-control-plane"),
    ("helm", "upgrade", "a", "b", "--force"),
    ("helm", "upgrade", "a", "b", "--kube-context", "other"),
    ("sh", "-c", "true"),
]


@pytest.mark.parametrize("argv", READS)
def test_reading_needs_no_consent(argv: tuple[str, ...]) -> None:
    known = recognise(argv)

    assert known is not None
    assert known.effect == "reads"


@pytest.mark.parametrize("argv", RENDERS)
def test_rendering_changes_nothing(argv: tuple[str, ...]) -> None:
    known = recognise(argv)

    assert known is not None
    assert known.effect == "renders"


@pytest.mark.parametrize("argv", [*READS, *RENDERS])
def test_what_changes_nothing_runs_on_a_read_only_cluster(argv: tuple[str, ...]) -> None:
    here = world(READ_ONLY)

    here.gate.start(argv[0], here.program, argv[1:], b"", 1)

    assert here.program.ran == [argv[1:]]
    assert here.said == []


@pytest.mark.parametrize("argv", DRY)
def test_dry_runs_need_their_own_consent(argv: tuple[str, ...]) -> None:
    without, allowed = world(READ_ONLY), world(Agreed(dry_runs=True, cluster_uid="u-1"))

    with pytest.raises(Refused, match="dry run was not consented"):
        without.gate.start(argv[0], without.program, argv[1:], b"", 1)
    allowed.gate.start(argv[0], allowed.program, argv[1:], b"", 1)

    assert without.program.ran == []
    assert allowed.program.ran == [argv[1:]]


@pytest.mark.parametrize("argv", CHANGES)
def test_changes_need_consent(argv: tuple[str, ...]) -> None:
    body = manifest(("ConfigMap", "shop", "a"))
    here = world(Agreed(dry_runs=True, context="prod", cluster_uid="u-1"))

    with pytest.raises(Refused, match="may only be read"):
        here.gate.start(argv[0], here.program, argv[1:], body, 1)

    assert here.program.ran == []


@pytest.mark.parametrize("argv", UNKNOWN)
def test_what_the_guide_does_not_know_is_refused_even_with_consent(argv: tuple[str, ...]) -> None:
    here = world(CONSENTED)

    with pytest.raises(Refused, match="no command of the upgrade guide"):
        here.gate.start(argv[0], here.program, argv[1:], b"", 1)

    assert here.program.ran == []
    assert here.said == []


@given(
    st.sampled_from(CHANGES),
    st.lists(
        st.sampled_from(["--all", "-A", "--force", "--prune", "x", "-l", "--cascade=orphan"])
    ),
    st.integers(0, 6),
)
def test_anything_added_to_a_changing_command_is_unknown(
    argv: tuple[str, ...], more: list[str], at: int
) -> None:
    line = [*argv[1:]]
    line[at:at] = more
    known = recognise((argv[0], *line))

    assert bool(more) <= (known is None or known.effect != "changes" or known == recognise(argv))


def test_a_cluster_of_our_own_may_be_changed_at_will() -> None:
    here = world(OURS)

    here.gate.start("kubectl", here.program, ("drain", "node"), b"", 1)
    here.gate.write(Write("delete", "deployments.apps", "linkerd", "x"))

    assert here.program.ran == [("drain", "node")]
    assert here.said == []


def test_another_cluster_behind_the_context_is_noticed_before_each_change() -> None:
    here = world(CONSENTED, uid="u-2")

    with pytest.raises(Refused, match="reaches another cluster now") as refused:
        here.kubectl.apply(manifest(("ConfigMap", "linkerd", "a")))

    assert refused.value.seen == "u-2"
    assert here.program.ran == []


def test_everything_is_said_before_the_first_change() -> None:
    foreseen = (
        Change("create", "ConfigMap", "linkerd", "new"),
        Change("change", "Deployment", "linkerd", "old"),
        Change("delete", "Secret", "linkerd", "gone"),
        Change("restart", "deployment", "shop", "web"),
    )
    here = world(CONSENTED, foreseen=foreseen)
    ran_when_told: list[int] = []

    def tell(text: str) -> None:
        here.said.append(text)
        ran_when_told.append(len(here.program.ran))

    here.gate.tell = tell

    here.kubectl.apply(manifest(("ConfigMap", "linkerd", "new"), ("Deployment", "linkerd", "old")))

    (said,) = here.said
    assert ran_when_told == [0]
    assert "prod (cluster u-1)" in said
    for line in (
        "create 1:",
        "ConfigMap: linkerd/new",
        "change 1:",
        "Deployment: linkerd/old",
        "delete 1:",
        "Secret: linkerd/gone",
        "restart 1:",
        "deployment: shop/web",
    ):
        assert line in said


def test_what_was_said_is_not_said_again_and_what_was_not_is() -> None:
    here = world(CONSENTED, foreseen=(Change("restart", "deployment", "shop", "web"),))
    first, second = ("ConfigMap", "linkerd", "a"), ("ConfigMap", "linkerd", "b")

    here.kubectl.apply(manifest(first))
    here.kubectl.apply(manifest(first))
    here.kubectl.restart_all("shop", ["deployment/web"])
    assert len(here.said) == 1

    here.kubectl.apply(manifest(first, second))
    here.kubectl.delete(manifest(first))
    here.kubectl.restart_all("shop", ["deployment/other"])

    assert len(here.said) == 4
    assert "linkerd/b" in here.said[1]
    assert "delete 1:" in here.said[2]
    assert "shop/other" in here.said[3]


def test_each_workload_of_one_restart_is_said() -> None:
    here = world(CONSENTED, foreseen=(Change("restart", "deployment", "shop", "web"),))

    here.kubectl.restart_all("shop", ["deployment/web"])
    here.kubectl.restart_all("shop", ["deployment/web", "statefulset/db", "daemonset/agent"])

    assert len(here.said) == 2
    assert "restart 2:" in here.said[1]
    assert "statefulset: shop/db" in here.said[1]
    assert "daemonset: shop/agent" in here.said[1]


def test_helm_says_what_its_dry_run_rendered() -> None:
    here = world(CONSENTED)
    text = manifest(("Deployment", "linkerd", "linkerd-identity")).decode()
    here.program.says = json.dumps({"manifest": text}).encode()
    line = ("upgrade", "linkerd-control-plane", "chart", "-n", "linkerd", "--reset-values")
    here.gate.start("helm", here.program, (*line, "--dry-run=server", "-o", "json"), b"", 1)
    assert here.said == []

    here.gate.start("helm", here.program, (*line, "--timeout", "300s", "--wait"), b"", 1)

    assert "Helm release: linkerd/linkerd-control-plane" in here.said[0]
    assert "Deployment: linkerd/linkerd-identity" in here.said[0]


def test_what_was_rendered_before_is_looked_at() -> None:
    here = world(CONSENTED)
    asked: list[dict[tuple[str, ...], bytes]] = []

    def foresee(renders: Renders) -> tuple[Change, ...]:
        asked.append(dict(renders))
        return ()

    here.gate.foresee = foresee
    here.program.says = manifest(("ConfigMap", "linkerd", "a"))
    done = here.linkerd.upgrade()
    here.linkerd.version_client()

    here.kubectl.apply(done.stdout)

    assert asked == [{("linkerd", "upgrade"): here.program.says}]


@pytest.mark.parametrize(
    "write",
    [
        Write("create", "pods", "canary", "p"),
        Write("delete", "pods", "probes", "p"),
        Write("create", "namespaces", "", "canary"),
        Write("delete", "namespaces", "", "probes"),
    ],
)
def test_own_objects_live_in_their_namespaces(write: Write) -> None:
    here = world(CONSENTED)

    here.gate.write(write)
    here.gate.write(write)

    assert len(here.said) == 1, "said once"
    assert "canary, probes" in here.said[0]


@pytest.mark.parametrize(
    "write",
    [
        Write("create", "pods", "shop", "p"),
        Write("delete", "namespaces", "", "shop"),
        Write("patch", "deployments.apps", "linkerd", "d"),
        Write("delete", "clusterroles.rbac.authorization.k8s.io", "", "canary"),
    ],
)
def test_own_objects_live_nowhere_else(write: Write) -> None:
    with pytest.raises(Refused, match="live only in the namespaces"):
        world(CONSENTED).gate.write(write)


def test_a_dry_run_of_one_pod_may_be_anywhere() -> None:
    pod = Write("create", "pods", "shop", "p", dry_run=True)

    world(CONSENTED).gate.write(pod)
    with pytest.raises(Refused, match="dry run"):
        world(READ_ONLY).gate.write(pod)


def test_nothing_is_written_without_consent() -> None:
    with pytest.raises(Refused, match="may only be read"):
        world(READ_ONLY).gate.write(Write("create", "pods", "canary", "p"))
