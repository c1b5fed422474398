"""Installations that are not as usual, from snapshots: recognised before anything is judged."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import yaml

from apimachinery.annotations import LAST_APPLIED
from fixtures.core.errors import BadInput
from fixtures.linkerd.values import defaults, merge
from fixtures.run.console import Console
from fixtures.run.opening import installation
from fixtures.run.opening.open_run import open_session
from fixtures.run.opening.recognition import What, remarks
from fixtures.scenario.model import Scenario
from fixtures.snapshot.copy.kept import WORKLOADS, as_applied, overrides
from fixtures.snapshot.copy.standin import prepare
from fixtures.snapshot.facts import facts
from fixtures.snapshot.load import read_snapshot
from fixtures.snapshot.read import planes
from policies.controls.preflight.configuration import one_owner
from policies.skew.ownership import keeper
from rehearse import main
from suites.harness.snapshots import HELM, cluster, recorded, written

Obj = dict[str, Any]
EDGE, NEWER = "edge-25.10.7", "edge-26.6.3"
CORE = ("destination", "identity", "proxy-injector")


def component(name: str, namespace: str = "linkerd", version: str = EDGE) -> Obj:
    container = {"name": name, "image": f"cr.l5d.io/linkerd/controller:{version}"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": f"linkerd-{name}",
            "namespace": namespace,
            "uid": f"{namespace}-{name}",
            "labels": {"linkerd.io/control-plane-component": name},
            "creationTimestamp": "2026-11-23T10:00:00Z",
        },
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def control_plane(namespace: str = "linkerd") -> list[Obj]:
    return [component(name, namespace) for name in CORE]


@pytest.mark.parametrize("what", ["verify", "upgrade", "plan"])
@pytest.mark.parametrize(
    ("deployments", "said"),
    [
        (control_plane("ns-linkerd"), "control plane is in the namespace ns-linkerd"),
        ([*control_plane(), *control_plane("mesh")], "2 Linkerd control planes"),
        ([component("web", "shop")], "holds no Linkerd control plane"),
    ],
    ids=["elsewhere", "several", "none"],
)
def test_a_snapshot_without_one_control_plane_is_one_sentence(
    tmp_path: Path, deployments: list[Obj], said: str, what: What
) -> None:
    found = planes(read_snapshot(written(tmp_path / "s.json", cluster(*deployments))))

    with pytest.raises(BadInput, match=said) as told:
        remarks(found, what, "--snapshot s.json")
    assert told.value.exit_code == 4


def test_a_plan_on_such_a_snapshot_is_refused_as_the_suites_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "s.json", cluster(*control_plane("ns-linkerd")))

    code = main(["plan", "--from", EDGE, "--to", NEWER, "--snapshot", str(path)])

    assert code == 4
    assert "in the namespace ns-linkerd" in capsys.readouterr().err


def test_a_half_finished_upgrade_stops_an_upgrade_and_is_told_to_a_look(tmp_path: Path) -> None:
    deployments = [*control_plane()[1:], component(CORE[0], version=NEWER)]
    found = planes(read_snapshot(written(tmp_path / "s.json", cluster(*deployments))))

    assert "begun and not finished" in remarks(found, "verify", "s.json")[0]
    with pytest.raises(BadInput, match="begun and not finished"):
        remarks(found, "upgrade", "s.json")


def test_without_any_deployment_nothing_is_known_of_control_planes(tmp_path: Path) -> None:
    assert planes(read_snapshot(written(tmp_path / "s.json", cluster()))) is None


def test_overrides_of_a_rendered_installation_are_what_differs_from_the_defaults() -> None:
    chosen: Obj = {"proxy": {"logLevel": "debug", "image": {"version": EDGE}}, "mine": {"x": 1}}
    values = merge(defaults(EDGE), {**chosen, "linkerdVersion": EDGE, "cliVersion": ""})

    found = overrides(values, {"identityTrustAnchorsPEM": "roots"}, EDGE)

    assert found == {
        "identityTrustAnchorsPEM": "roots",
        "mine": {"x": 1},
        "proxy": {"logLevel": "debug"},
    }


def test_an_issuer_from_elsewhere_is_not_stored() -> None:
    issuer = {"scheme": "kubernetes.io/tls", "tls": {"crtPEM": "leaf"}}
    values = merge(defaults(EDGE), {"identity": {"issuer": issuer}})

    found = overrides(values, {"identityTrustAnchorsPEM": "roots"}, EDGE)

    assert found == {"identity": {"issuer": {"scheme": "kubernetes.io/tls"}}}


def argo(tmp_path: Path) -> Path:
    """The recorded Helm installation, its releases gone and its objects marked by Argo CD."""
    content = msgspec.json.decode(gzip.decompress(recorded(HELM).read_bytes()))
    for item in content["items"]:
        notes: Obj = item["metadata"].get("annotations") or {}
        if notes.pop("meta.helm.sh/release-name", ""):
            notes["argocd.argoproj.io/tracking-id"] = f"mesh:apps/{item['kind']}:linkerd/x"
    items = [i for i in content["items"] if not i.get("type", "").startswith("helm.sh")]
    return written(tmp_path / "argo.json", items)


def test_a_copy_of_what_argo_cd_renders_can_be_upgraded_by_the_cli(tmp_path: Path) -> None:
    snapshot = read_snapshot(argo(tmp_path))

    ready = prepare(snapshot, now=snapshot.captured_at)

    owner = keeper(ready.originals)
    assert owner is not None
    assert owner.tool == "Argo CD (mesh)"
    assert one_owner(ready.originals).status == "holds"
    (stored,) = [o for o in ready.objects if o["metadata"]["name"] == "linkerd-config-overrides"]
    content = yaml.safe_load(base64.b64decode(stored["data"]["linkerd-config-overrides"]))
    assert content["identity"]["issuer"]["tls"]["keyPEM"].startswith("-----BEGIN")
    assert "linkerdVersion" not in content
    own = [o for o in ready.objects if o["metadata"].get("namespace") == "linkerd"]
    marked = {o["metadata"]["name"] for o in own if o["kind"] in WORKLOADS and applied(o)}
    assert marked == {*(f"linkerd-{name}" for name in CORE), "linkerd-heartbeat"}
    assert "installation" in _refused_with_helm(tmp_path)


def applied(obj: Obj) -> Obj | None:
    text = (obj["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    return msgspec.json.decode(text, type=Obj) if text else None


def test_a_workload_is_marked_as_applied_once_and_nothing_else_is() -> None:
    web = component("linkerd-identity")
    web["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "3", "a": "b"}

    marked = as_applied(web)

    said = applied(marked)
    assert said is not None
    assert (said["spec"], said["kind"]) == (web["spec"], "Deployment")
    assert said["metadata"]["annotations"] == {"a": "b"}
    assert as_applied(marked) is marked
    service: Obj = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "x"}}
    assert as_applied(service) is service


def _refused_with_helm(tmp_path: Path) -> str:
    scenario = Scenario(snapshot=str(tmp_path / "argo.json"), installation="helm")
    with pytest.raises(BadInput, match="not its way") as told:
        open_session(scenario, "upgrade", Console(print, live=False, colour=False))
    return str(told.value)


@pytest.mark.parametrize(
    ("said", "releases", "way"),
    [
        ("", "in full", "helm"),
        ("", "by name", "cli"),
        ("", "none", "cli"),
        ("cli", "in full", "cli"),
        ("helm", "none", "helm"),
    ],
)
def test_a_snapshot_of_helms_installation_is_upgraded_by_helm(
    said: Literal["", "cli", "helm"], releases: str, way: str
) -> None:
    """Not where its releases are known by name alone: Helm has no values to start from then."""
    base = facts(read_snapshot(recorded(HELM)))
    full = tuple(r for r in base.helm if r.chart)
    assert {r.chart for r in full} == {"linkerd-crds", "linkerd-control-plane"}
    bare = tuple(msgspec.structs.replace(r, chart="", objects=()) for r in full)
    known = {"in full": full, "by name": bare, "none": ()}[releases]
    config = base.config if releases != "none" else None
    seen = msgspec.structs.replace(base, helm=known, config=config)

    assert installation.decided(Scenario(installation=said), seen).installation == way
    assert installation.decided(Scenario(), None).installation == "cli"
