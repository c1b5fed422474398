"""An embedded cluster with Linkerd and workloads on it, to be found as an existing one."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fixtures.core.process import Completed
from fixtures.embedded.process import EmbeddedProcess
from fixtures.scenario.model import Scenario
from fixtures.scenario.workloads import manifests
from fixtures.targets.existing import current_context, look
from fixtures.tools.toolbox import Toolbox
from policies.releases.grammar import parse

CONTROL_PLANE = ("linkerd-destination", "linkerd-identity", "linkerd-proxy-injector")
ROLLED_OUT = ("Deployment", "StatefulSet", "DaemonSet")
GATEWAY_API = ("--set", "installGatewayAPI=true")
SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Existing:
    """A cluster that was there before the rehearsal."""

    process: EmbeddedProcess
    kubeconfig: Path

    @property
    def context(self) -> str:
        return current_context(self.kubeconfig)

    def uid(self) -> str:
        return look(self.kubeconfig, "").uid

    def consent(self, folder: Path, *, context: str = "", uid: str = "", more: str = "") -> Path:
        """A scenario file that consents to this cluster being changed, if it is trusted."""
        file = folder / "consent.toml"
        file.write_text(
            f'{more}\n[consent]\ncontext = "{context or self.context}"\n'
            f'cluster_uid = "{uid or self.uid()}"\n'
        )
        return file


@contextmanager
def existing(
    folder: Path, release: str, scenario: Scenario | None = None, *, speed: float = 20.0
) -> Generator[Existing]:
    """Linkerd of a release and the workloads of a scenario, applied as a person would."""
    with EmbeddedProcess.start(folder, kubernetes="1.32", speed=speed, nodes=1) as process:
        tools = Toolbox(None, "always", process.kubeconfig)
        linkerd, kubectl = tools.linkerd(parse(release)), tools.kubectl()
        _well(kubectl.apply(_well(linkerd.install(*GATEWAY_API, crds=True)).stdout))
        _well(kubectl.apply(_well(linkerd.install()).stdout))
        for name in CONTROL_PLANE:
            _well(kubectl.rollout_status("Deployment", "linkerd", name, SECONDS))
        objects = manifests(scenario or Scenario())
        _well(kubectl.apply(json.dumps({"kind": "List", "items": objects}).encode()))
        for obj in objects:
            if obj["kind"] in ROLLED_OUT:
                meta = obj["metadata"]
                _well(
                    kubectl.rollout_status(obj["kind"], meta["namespace"], meta["name"], SECONDS)
                )
        yield Existing(process, process.kubeconfig)


def _well(done: Completed) -> Completed:
    assert done.exit_code == 0, f"{' '.join(done.argv)}: {done.error_text}"
    return done
