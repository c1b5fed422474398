"""The upgrade guide walked with real programs on an embedded cluster, each answer kept.

Beside each command of the real `linkerd`, the stand-in answers the same line on the same cluster.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.core.process import Completed
from fixtures.embedded.process import EmbeddedProcess
from fixtures.tools.toolbox import Toolbox
from policies.releases.grammar import parse
from suites.embedded.answers_compared import Difference, differences

SPEED = 4.0
COMPONENTS = ("linkerd-destination", "linkerd-identity", "linkerd-proxy-injector")
APP = ("deployment/web", "statefulset/store", "daemonset/agent")
OPTIONS = (
    "--controller-replicas 5 --proxy-cpu-limit 1 --identity-trust-domain example.org "
    "--disable-heartbeat --registry registry.example --set-string proxy.logLevel=debug"
)
BAD_LINES = (
    "check -o wide",
    "check --pre --proxy",
    "check --wait soon",
    "install --no-such-flag",
    "fly",
)


@dataclass(slots=True)
class Walk:
    """One cluster and everything said on it so far."""

    tools: Toolbox
    stand_ins: Toolbox
    releases: tuple[str, ...]
    answers: dict[tuple[str, str, str], Completed] = field(
        default_factory=dict[tuple[str, str, str], Completed]
    )
    """(stage, release, command line) -> the real program's answer."""
    differences: list[Difference] = field(default_factory=list[Difference])
    stage: str = ""

    def both(self, release: str, line: str) -> Completed:
        """Run a line with the real program and its stand-in, and keep where they differ."""
        real = self.tools.linkerd(parse(release)).run(*line.split())
        other = self.stand_ins.linkerd(parse(release)).run(*line.split())
        self.answers[self.stage, release, line] = real
        self.differences += differences(release, real, other)
        return real

    def kubectl(self, line: str, stdin: bytes = b"") -> Completed:
        done = self.tools.kubectl().run(*line.split(), stdin=stdin, timeout=180)
        self.answers[self.stage, "kubectl", line] = done
        return done

    def must(self, line: str, stdin: bytes = b"") -> Completed:
        done = self.kubectl(line, stdin)
        assert done.exit_code == 0, f"{self.stage}: kubectl {line}: {done.error_text}"
        return done

    def check(self, release: str, *more: str) -> Completed:
        line = " ".join(("check", *more, "-o json --wait 4s --expected-version", release))
        return self.both(release, line)


@contextmanager
def walking(tools: Path, state: Path, releases: tuple[str, ...]) -> Generator[Walk]:
    """A walk on a new, empty cluster."""
    with EmbeddedProcess.start(state, speed=SPEED) as cluster:
        yield Walk(
            Toolbox(tools, "auto", cluster.kubeconfig),
            Toolbox(None, "always", cluster.kubeconfig),
            releases,
        )


def walk(w: Walk) -> None:
    """From the empty cluster to the last release, by way of each one between."""
    _empty(w)
    _install(w, w.releases[0])
    for old, new in zip(w.releases, w.releases[1:], strict=False):
        _hop(w, old, new)


def _empty(w: Walk) -> None:
    w.stage = "empty"
    for release in w.releases:
        w.both(release, "check --pre -o json --wait 4s --expected-version " + release)
        for line in ("version --client", "version", "install", "install --crds", "prune"):
            w.both(release, line)
        for line in ("upgrade", "upgrade --crds", *BAD_LINES):
            w.both(release, line)
        w.both(release, "check --crds -o json --wait 0s --expected-version " + release)
        w.both(release, "install --ignore-cluster --ha --set proxy.nativeSidecar=true")
        w.both(release, f"install --ignore-cluster {OPTIONS}")


def _install(w: Walk, release: str) -> None:
    w.stage = "installed"
    crds = w.both(release, "install --crds --set installGatewayAPI=true")
    w.must("apply -f -", crds.stdout)
    w.must("apply -f -", w.both(release, "install").stdout)
    _rolled_out(w)
    w.must("apply -f -", _application())
    for name in APP:
        w.must(f"-n shop rollout status {name} --timeout=60s")
    w.check(release)
    w.check(release, "--proxy")
    for line in ("version", "version --proxy --short", "prune", "install"):
        w.both(release, line)


def _hop(w: Walk, old: str, new: str) -> None:
    w.stage = f"before {new}"
    w.check(new)
    w.check(new, "--crds")
    w.both(new, "upgrade --crds --set installGatewayAPI=false")
    w.must("apply -f -", w.both(new, "upgrade --crds").stdout)
    rendered = w.both(new, "upgrade").stdout
    w.must("apply --dry-run=server -f -", rendered)
    w.stage = f"control plane {new}"
    w.must("apply -f -", rendered)
    _rolled_out(w)
    w.check(new)
    w.check(new, "--proxy")
    w.check(old)
    w.both(new, "version")
    w.must("delete -f -", w.both(new, "prune").stdout)
    w.stage = f"data plane {new}"
    for name in APP:
        w.must(f"-n shop rollout restart {name}")
    for name in APP:
        w.must(f"-n shop rollout status {name} --timeout=60s")
    w.check(new, "--proxy")
    w.both(new, "version --proxy")
    w.kubectl("diff -f -", w.both(new, "upgrade").stdout)


def _rolled_out(w: Walk) -> None:
    for name in COMPONENTS:
        w.must(f"-n linkerd rollout status deployment/{name} --timeout=120s")


def _application() -> bytes:
    def workload(kind: str, name: str, **spec: object) -> dict[str, object]:
        pod = {"containers": [{"name": "main", "image": "example.org/echo:1"}]}
        labels = {"app": name}
        return {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {
                **spec,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }

    inject = {"linkerd.io/inject": "enabled"}
    port = {"name": "http", "port": 80, "targetPort": 8080}
    items = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "shop", "annotations": inject},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"selector": {"app": "web"}, "ports": [port]},
        },
        workload("Deployment", "web", replicas=3),
        workload("StatefulSet", "store", replicas=2, serviceName="store"),
        workload("DaemonSet", "agent"),
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()
