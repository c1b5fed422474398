"""Installations that are not as usual, from snapshots: recognised before anything is judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.errors import BadInput
from fixtures.recognising import What, remarks
from fixtures.snapshot.load import read_snapshot
from fixtures.snapshot.read import planes
from rehearse import main
from suites.harness.snapshots import cluster, written

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
