"""A release learnt from its charts, by a helm that renders them with no cluster."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from fixtures.core.errors import Broken
from fixtures.learning.known import learn_from_charts
from fixtures.run.opening.learnt_releases import learnt_of
from fixtures.scenario.model import Scenario
from policies.facts.helm import CONTROL_PLANE, CRDS
from policies.releases.grammar import parse
from rehearse import main
from suites.harness.fake_client import RELEASE

VERSION = "2026.11.2"
_HELM = """#!@PYTHON@
import json, os, sys

words = sys.argv[1:]
if words[0] == "version":
    print("v3.16.4+g7877b45")
    sys.exit()
assert os.environ["KUBECONFIG"] == os.devnull, "a cluster could be reached"
assert words[0] == "template" and words[words.index("--kube-version") + 1] == "v1.31.99"
@MISBEHAVIOUR@
chart, files = words[1], [words[n + 1] for n, w in enumerate(words) if w == "-f"]


def obj(kind, name, **rest):
    metadata = {"name": name, "namespace": "linkerd"}
    print("---")
    print(json.dumps({"apiVersion": "v1", "kind": kind, "metadata": metadata, **rest}))


if chart == "linkerd-crds":
    obj("ServiceAccount", "stands-for-a-crd")
    if "installGatewayAPI=true" in words:
        obj("ServiceAccount", "stands-for-gateway-api")
else:
    given = json.load(open(files[0]))
    assert "BEGIN CERTIFICATE" in given["identityTrustAnchorsPEM"]
    assert "PRIVATE KEY" in given["identity"]["issuer"]["tls"]["keyPEM"]
    values = {"proxy": {"nativeSidecar": True}, "controllerReplicas": len(files)}
    obj("ConfigMap", "linkerd-config", data={"values": json.dumps(values)})
    if len(files) > 1:
        obj("ServiceAccount", "high-availability")
"""


def tools_with_charts(folder: Path, misbehaviour: str = "") -> Path:
    helm = folder / "helm"
    folder.mkdir(parents=True, exist_ok=True)
    text = _HELM.replace("@PYTHON@", sys.executable).replace("@MISBEHAVIOUR@", misbehaviour)
    helm.write_text(text)
    helm.chmod(0o755)
    for name in (CRDS, CONTROL_PLANE):
        chart = folder / "charts" / RELEASE / name
        chart.mkdir(parents=True, exist_ok=True)
        said = {"name": name, "version": VERSION, "appVersion": RELEASE}
        (chart / "Chart.yaml").write_text(json.dumps({**said, "kubeVersion": ">=1.31.0-0"}))
    (folder / "charts" / RELEASE / CONTROL_PLANE / "values-ha.yaml").write_text("{}")
    return folder


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_charts_say_what_they_render_and_the_kubernetes_they_need(tmp_path: Path) -> None:
    tools = tools_with_charts(tmp_path / "tools")

    known = learn_from_charts(tools, parse(RELEASE))

    assert known is not None
    learnt = known.learnt
    assert (learnt.tag, learnt.source, learnt.chart_kubernetes) == (
        RELEASE,
        "charts",
        ">=1.31.0-0",
    )
    assert learnt.native_sidecar is True
    assert {c.name for c in learnt.components} == {
        "crds",
        "crds_with_gateway_api",
        "control_plane",
        "control_plane_ha",
    }
    assert len(learnt.objects("control_plane_ha")) == len(learnt.objects("control_plane")) + 1
    assert ("controllerReplicas", "2") in learnt.ha_values
    assert any("viz" in each for each in learnt.left_open)
    again = learn_from_charts(tools, parse(RELEASE))
    assert again is not None
    assert not again.anew


def test_changed_charts_are_learnt_anew(tmp_path: Path) -> None:
    tools = tools_with_charts(tmp_path / "tools")
    learn_from_charts(tools, parse(RELEASE))
    (tools / "charts" / RELEASE / CONTROL_PLANE / "values.yaml").write_text("more: true")

    again = learn_from_charts(tools, parse(RELEASE))

    assert again is not None
    assert again.anew


def test_a_run_learns_from_charts_where_there_is_no_client(tmp_path: Path) -> None:
    tools = tools_with_charts(tmp_path / "tools")

    learnt, notes = learnt_of(Scenario(tools=str(tools)), (parse(RELEASE),))

    assert [each.source for each in learnt] == ["charts"]
    assert notes == ()


def test_the_command_learns_from_charts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tools = tools_with_charts(tmp_path / "tools")

    assert main(["releases", "learn", RELEASE, "--tools", str(tools)]) == 0

    assert "Kubernetes, by its chart: >=1.31.0-0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("misbehaviour", "told"),
    [
        ("sys.exit('Error: no dependencies')", "no dependencies"),
        ("print('a: [b'); sys.exit()", "no manifest"),
    ],
)
def test_charts_that_cannot_be_rendered_are_named(
    misbehaviour: str, told: str, tmp_path: Path
) -> None:
    tools = tools_with_charts(tmp_path / "tools", misbehaviour)

    with pytest.raises(Broken) as broken:
        learn_from_charts(tools, parse(RELEASE))

    assert told in str(broken.value)
    assert not list((tmp_path / "data").rglob("*.json"))


def test_without_charts_nothing_is_learnt_from_them(tmp_path: Path) -> None:
    assert learn_from_charts(tmp_path, parse(RELEASE)) is None
