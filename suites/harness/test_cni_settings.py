"""linkerd-cni is rendered again with the settings that it has, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.facts.cni import read_settings
from policies.controls.preflight.cni import ready_first
from policies.controls.preflight.cni_settings import LEGACY, NFT, CniSettings, since_legacy, usable
from policies.facts.cluster import Workload
from policies.releases.grammar import parse
from suites.harness.scripted_api import Asked, Says, refused, scripted_api
from suites.harness.stand_ins import stand_in
from suites.policy.test_cni import installed

Obj = dict[str, Any]
RELEASE = "edge-25.10.7"
PLUGIN = Workload(kind="DaemonSet", namespace="linkerd-cni", name="linkerd-cni", uid="u")
OWN = (
    ("destCNIBinDir", "/var/lib/rancher/k3s/data/cni"),
    ("destCNINetDir", "/var/lib/rancher/k3s/agent/etc/cni/net.d"),
    ("ignoreInboundPorts", "9100,4567-4568"),
    ("ignoreOutboundPorts", "587"),
    ("image.name", "registry.example:5000/mesh/cni-plugin"),
    ("imagePullSecrets[0].name", "regcred"),
    ("inboundProxyPort", "5143"),
    ("iptablesMode", "legacy"),
    ("logLevel", "debug"),
    ("priorityClassName", "mesh-critical"),
    ("proxyUID", "2202"),
    ("useWaitFlag", "true"),
)


def rendered(*sets: str) -> dict[str, Obj]:
    """The plugin's ConfigMap and DaemonSet, as the client renders them."""
    argv = ["install-cni", *(word for each in sets for word in ("--set", each))]
    code, out, _ = stand_in(RELEASE)(argv, env={})
    assert code == 0
    return {
        o["kind"]: o for o in yaml.safe_load_all(out) if o["kind"] in ("ConfigMap", "DaemonSet")
    }


def read(tmp_path: Path, objects: dict[str, Obj]) -> CniSettings:
    def script(asked: Asked) -> Says:
        for kind, path in (("ConfigMap", "/configmaps/"), ("DaemonSet", "/daemonsets/")):
            if path in asked.path and kind in objects:
                return Says(body=objects[kind])
        return refused(404, "NotFound")

    with scripted_api(tmp_path, script) as served:
        connection = Connection(served.kubeconfig, "")
        try:
            return read_settings(connection, PLUGIN, NFT)
        finally:
            connection.close()


def test_what_was_chosen_is_read_back_and_renders_the_same_again(tmp_path: Path) -> None:
    objects = rendered(*CniSettings(values=OWN).sets)

    found = read(tmp_path, objects)

    assert found.obstacles == ()
    assert dict(found.values) == dict(OWN)
    assert rendered(*found.sets) == objects


def test_defaults_are_left_to_the_release(tmp_path: Path) -> None:
    assert read(tmp_path, rendered()).values == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"initContainers": [{"name": "wait"}]}, "init container wait"),
        ({"nodeSelector": {"pool": "mesh"}}, "node selector"),
        ({"tolerations": [{"key": "mesh", "operator": "Exists"}]}, "tolerations"),
        ({"containers": [{"name": "other", "image": "x:1"}]}, "shape"),
        ({"imagePullSecrets": [{"name": "x --set y=z"}]}, "imagePullSecrets[0].name"),
    ],
)
def test_what_has_no_value_is_an_obstacle(tmp_path: Path, change: Obj, said: str) -> None:
    objects = rendered()
    objects["DaemonSet"]["spec"]["template"]["spec"] |= change

    assert any(said in o for o in read(tmp_path, objects).obstacles)


def test_a_container_beside_it_and_a_key_nobody_knows_are_obstacles(tmp_path: Path) -> None:
    objects = rendered("iptablesMode=legacy")
    spec = objects["DaemonSet"]["spec"]["template"]["spec"]
    spec["containers"].append({"name": "repair-controller", "image": "x:1"})
    network = objects["ConfigMap"]["data"]["cni_network_config"]
    objects["ConfigMap"]["data"]["cni_network_config"] = network.replace(
        "iptables-mode", "something-new"
    )

    told = "; ".join(read(tmp_path, objects).obstacles)

    assert "repair-controller" in told
    assert "something-new" in told


@pytest.mark.parametrize("gone", ["ConfigMap", "DaemonSet"])
def test_what_cannot_be_read_is_not_rendered_over(tmp_path: Path, gone: str) -> None:
    objects = rendered("destCNINetDir=/mine")
    del objects[gone]

    assert read(tmp_path, objects).obstacles


def test_a_plugin_that_was_left_is_not_assessed() -> None:
    kept = CniSettings(obstacles=("a node selector of its own",))

    verdict = ready_first(installed("v1.3.0"), parse("edge-26.6.3"), kept)

    assert verdict.status == "not assessed"
    assert "node selector" in verdict.reason
    assert ready_first(installed("v1.3.0"), parse("edge-26.6.3")).status == "violated"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("destCNINetDir", "/a b"),
        ("destCNINetDir", "relative"),
        ("ignoreInboundPorts", "1,x"),
        ("image.name", "-x"),
        ("image.name", "a\nb"),
        ("anything", "1"),
    ],
)
def test_nothing_else_becomes_an_argument(path: str, value: str) -> None:
    assert not usable(path, value)


def test_the_default_mode_follows_the_release() -> None:
    assert since_legacy(parse("edge-25.8.1"))
    assert not since_legacy(parse("edge-25.8.2"))
    assert LEGACY != NFT
