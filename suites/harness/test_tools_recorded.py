"""The linkerd stand-in on recorded clusters says to the byte what the real program said there."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures.core import manifests
from fixtures.linkerd import certificates
from fixtures.standins.linkerd import LinkerdStandIn
from suites.harness.dump_server import RECORDINGS, DumpServer, dump

Obj = dict[str, Any]

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings of real clusters are not beside the checkout"
)

FIRST, SECOND = "edge-25.4.4-to-edge-25.10.7", "edge-25.10.7-to-edge-26.6.3"
HELM, FAULTS = "helm-edge-25.10.7-to-edge-26.6.3", "faults-edge-25.10.7"
NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)


def recorded(folder: str, name: str) -> Obj:
    return json.loads((RECORDINGS / folder / "commands" / f"{name}.json").read_text())


def run(tmp_path: Path, objects: list[Obj], version: str, argv: list[str]) -> tuple[int, str, str]:
    with DumpServer(objects) as server:
        env = {"KUBECONFIG": str(server.kubeconfig(tmp_path))}
        code, out, err = LinkerdStandIn(version)(argv, env=env, clock=lambda: NOW)
    return code, out.decode(), err.decode()


def repeated(tmp_path: Path, command: Obj, objects: list[Obj]) -> tuple[int, str, str]:
    """Run a recorded command again, with a shorter wait."""
    program, *argv = command["argv"]
    if "--wait" in argv:
        argv[argv.index("--wait") + 1] = "600ms"
    return run(tmp_path, objects, program.partition("@")[2], argv)


SAME = [
    (FIRST, "baseline", "001-version"),
    (FIRST, "baseline", "002-version-proxy"),
    (FIRST, "baseline", "003-check-old-cli"),
    (FIRST, "baseline", "004-check-old-cli-proxy"),
    (FIRST, "baseline", "005-version-client"),
    (FIRST, "baseline", "007-check-crds-before"),
    (FIRST, "baseline", "008-check-new-cli-before"),
    (FIRST, "control_plane_upgraded", "022-check-after-cp"),
    (FIRST, "control_plane_upgraded", "023-check-old-cli-after-cp"),
    (FIRST, "control_plane_upgraded", "024-check-after-cp-proxy"),
    (FIRST, "control_plane_upgraded", "026-prune"),
    (FIRST, "settled", "045-check-final-proxy"),
    (FIRST, "settled", "047-check-final-table"),
    (SECOND, "baseline", "004-check-old-cli-proxy"),
    (SECOND, "baseline", "008-check-new-cli-before"),
    (SECOND, "control_plane_upgraded", "023-check-old-cli-after-cp"),
    (SECOND, "control_plane_upgraded", "024-check-after-cp-proxy"),
    (SECOND, "settled", "032-prune-again"),
    (SECOND, "settled", "045-check-final-proxy"),
    (SECOND, "settled", "047-check-final-table"),
    (HELM, "baseline", "014-check-baseline"),
    (HELM, "baseline", "021-cli-upgrade-on-helm"),
    (HELM, "baseline", "023-cli-prune-on-helm"),
    (HELM, "settled", "048-check-final-proxy"),
    (HELM, "rolled_back", "056-check-rolled-back-proxy"),
    ("stuck-injector", "injector_stuck", "005-check-stuck-3"),
    ("stuck-injector", "injector_stuck", "006-check-stuck-3-proxy"),
    (FAULTS, "uninjected", "066-check-uninjected-in-injector-gap"),
    (FAULTS, "uninjected", "067-check-uninjected-in-injector-gap-proxy"),
]


@pytest.mark.parametrize(("folder", "step", "name"), SAME, ids=lambda v: v)
def test_the_answer_is_the_recorded_one(tmp_path: Path, folder: str, step: str, name: str) -> None:
    command = recorded(folder, name)
    code, out, err = repeated(tmp_path, command, dump(folder, step))
    assert code == command["rc"], err
    assert out == command["stdout"]


def test_refusals_print_nothing_that_could_be_applied(tmp_path: Path) -> None:
    command = recorded(HELM, "021-cli-upgrade-on-helm")
    code, out, err = repeated(tmp_path, command, dump(HELM, "baseline"))
    assert (code, out, err) == (1, "", command["stderr"])


@pytest.mark.parametrize(
    ("folder", "name"), [(FIRST, "012-upgrade"), (SECOND, "009-upgrade-before-crds")]
)
def test_a_render_has_the_recorded_objects_images_and_values(
    tmp_path: Path, folder: str, name: str
) -> None:
    command = recorded(folder, name)
    version = command["argv"][0].partition("@")[2]
    code, out, err = repeated(tmp_path, command, dump(folder, "baseline"))
    assert (code, err) == (0, "")
    ours = manifests.rendered(out.encode(), version=version)
    real = manifests.rendered(command["stdout"].encode(), version=version)
    assert {o.key for o in ours.objects} == {o.key for o in real.objects}
    assert {o.key: o.images for o in ours.objects} == {o.key: o.images for o in real.objects}
    assert dict(ours.values) == dict(real.values)


def test_crds_are_those_recorded_and_a_snapshots_schemas_stay(tmp_path: Path) -> None:
    command = recorded(SECOND, "010-upgrade-crds")
    objects = dump(SECOND, "baseline")
    code, out, _ = repeated(tmp_path, command, objects)
    assert code == 0
    rendered = {o["metadata"]["name"]: o for o in manifests.documents(out.encode())}
    assert [f"CustomResourceDefinition/{n}" for n in rendered] == command["stdout"]["objects"]
    live = next(o for o in objects if o["metadata"]["name"] == "servers.policy.linkerd.io")
    schemas = {v["name"]: v["schema"] for v in live["spec"]["versions"]}
    for version in rendered["servers.policy.linkerd.io"]["spec"]["versions"]:
        assert version["schema"] == schemas[version["name"]]


def one(objects: list[Obj], kind: str, name: str) -> Obj:
    return next(o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name)


def cabundle_mismatch(objects: list[Obj]) -> None:
    other = certificates.trust_anchor(name="someone-else", now=NOW).certificate_pem
    webhook = one(objects, "MutatingWebhookConfiguration", "linkerd-proxy-injector-webhook-config")
    bundle = base64.b64encode(other.encode()).decode()
    webhook["webhooks"][0]["clientConfig"]["caBundle"] = bundle


def jaeger_left_behind(objects: list[Obj]) -> None:
    metadata = {"name": "linkerd-jaeger", "labels": {"linkerd.io/extension": "jaeger"}}
    objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def networks_incomplete(objects: list[Obj]) -> None:
    data = one(objects, "ConfigMap", "linkerd-config")["data"]
    everything = "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8"
    assert everything in data["values"]
    data["values"] = data["values"].replace(everything, "192.168.0.0/16")


def highly_available(objects: list[Obj]) -> None:
    data = one(objects, "ConfigMap", "linkerd-config")["data"]
    data["values"] = data["values"].replace("highAvailability: false", "highAvailability: true")


def injector_down(objects: list[Obj]) -> None:
    objects[:] = [
        o
        for o in objects
        if o["kind"] != "Pod" or not o["metadata"]["name"].startswith("linkerd-proxy-injector")
    ]


def evicted(objects: list[Obj]) -> None:
    pod = json.loads(recorded(FAULTS, "059-evicted-pod")["stdout"])
    objects.append(pod)


def another_anchor(objects: list[Obj]) -> None:
    other = certificates.trust_anchor(now=NOW).certificate_pem
    one(objects, "ConfigMap", "linkerd-identity-trust-roots")["data"]["ca-bundle.crt"] = other


def old_component(objects: list[Obj]) -> None:
    deployment = copy.deepcopy(one(objects, "Deployment", "linkerd-identity"))
    deployment["metadata"]["name"] = "linkerd-controller"
    objects.append(deployment)


def orphan(objects: list[Obj]) -> None:
    labels = {"linkerd.io/control-plane-ns": "linkerd"}
    objects.append(
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1alpha1.tap.linkerd.io", "labels": labels},
        }
    )


BROKEN: list[tuple[str, Callable[[list[Obj]], None]]] = [
    ("022-check-cabundle-mismatch", cabundle_mismatch),
    ("023-check-cabundle-mismatch-proxy", cabundle_mismatch),
    ("038-check-removed-extension-left-behind", jaeger_left_behind),
    ("048-check-cluster-networks-incomplete", networks_incomplete),
    ("050-check-ha-declared-single-replica", highly_available),
    ("060-check-injector-down", injector_down),
    ("043-check-old-components-left-running", old_component),
    ("032-check-orphan-cluster-scoped", orphan),
    ("012-check-trust-anchor-replaced", another_anchor),
    ("036-prune-orphan-cluster-scoped", orphan),
    ("047-prune-old-components-left-running", old_component),
]


def shape(text: str) -> list[tuple[str, str, str, str, str]]:
    """Every check with its result; names of pods and networks differ from cluster to cluster."""
    return [
        (category.name, check.description, check.result, check.hint, check.error.split("(")[0])
        for document in manifests.check_run(text, label="check", exit_code=0).documents
        for category in document.categories
        for check in category.checks
    ]


@pytest.mark.parametrize(("name", "break_it"), BROKEN, ids=lambda v: getattr(v, "__name__", v))
def test_a_fault_is_seen_or_missed_as_by_the_real_program(
    tmp_path: Path, name: str, break_it: Callable[[list[Obj]], None]
) -> None:
    command = recorded(FAULTS, name)
    objects = dump(SECOND, "baseline")
    break_it(objects)
    code, out, err = repeated(tmp_path, command, objects)
    assert code == command["rc"], err
    if "prune" in name:
        assert out == command["stdout"]
        return
    ours, real = shape(out), shape(command["stdout"])
    assert [o[:4] for o in ours] == [r[:4] for r in real]
    if break_it is not networks_incomplete:
        assert ours == real


def test_an_evicted_pod_is_the_recorded_false_alarm(tmp_path: Path) -> None:
    command = recorded(FAULTS, "058-check-check-false-alarm-pods-proxy")
    objects = dump(SECOND, "baseline")
    evicted(objects)
    code, out, _ = repeated(tmp_path, command, objects)
    assert code == command["rc"] == 1
    [(_, failed)] = manifests.check_run(out, label="check", exit_code=1).failed()
    assert failed.error == 'container "linkerd-proxy" in pod "evicted" is not ready'


def test_pods_with_another_anchor_are_named(tmp_path: Path) -> None:
    command = recorded(FAULTS, "013-check-trust-anchor-replaced-proxy")
    objects = dump(SECOND, "baseline")
    another_anchor(objects)
    code, out, _ = repeated(tmp_path, command, objects)
    assert code == 0
    warnings = {
        description: error
        for _, description, result, _, error in shape(out)
        if result == "warning"
    }
    assert "\t* shop/store-0\n" in warnings["data plane proxies certificate match CA"]
    assert "linkerd/" not in warnings["data plane proxies certificate match CA"]


def test_an_issuer_that_pods_would_refuse_stops_the_upgrade(tmp_path: Path) -> None:
    objects = dump(SECOND, "baseline")
    root = certificates.trust_anchor(now=NOW)
    for name, text in (
        ("anchors", root.certificate_pem),
        ("crt", root.certificate_pem),
        ("key", root.key_pem),
    ):
        (tmp_path / name).write_text(text)
    argv = [
        "upgrade",
        f"--identity-trust-anchors-file={tmp_path / 'anchors'}",
        f"--identity-issuer-certificate-file={tmp_path / 'crt'}",
        f"--identity-issuer-key-file={tmp_path / 'key'}",
    ]
    code, out, err = run(tmp_path, objects, "edge-26.6.3", argv)
    assert (code, out) == (1, "")
    assert "\t* shop/store-0\n" in err
    assert "--force" in err
    code, out, _ = run(tmp_path, objects, "edge-26.6.3", [*argv, "--force"])
    assert code == 0
    assert "kind: Deployment" in out


def without_crds(objects: list[Obj], *endings: str) -> list[Obj]:
    return [
        o
        for o in objects
        if o["kind"] != "CustomResourceDefinition" or not o["metadata"]["name"].endswith(endings)
    ]


def test_missing_crds_stop_the_upgrade(tmp_path: Path) -> None:
    objects = without_crds(dump(FIRST, "baseline"), "egressnetworks.policy.linkerd.io")
    code, out, err = run(tmp_path, objects, "edge-25.10.7", ["upgrade"])
    assert (code, out) == (1, "")
    assert "missing egressnetworks.policy.linkerd.io" in err
    code, out, _ = run(
        tmp_path, objects, "edge-25.10.7", ["check", "--crds", "-o", "json", "--wait", "0s"]
    )
    [(category, check)] = manifests.check_run(out, label="check --crds", exit_code=code).failed()
    assert (code, category) == (1, "linkerd-crd")
    assert check.error == "missing egressnetworks.policy.linkerd.io"


GATEWAY = ("gateway.networking.k8s.io",)


def external(objects: list[Obj]) -> list[Obj]:
    for obj in objects:
        crd = obj["kind"] == "CustomResourceDefinition"
        if crd and obj["metadata"]["name"].endswith(GATEWAY):
            del obj["metadata"]["annotations"]["linkerd.io/created-by"]
    return objects


def test_gateway_api_owned_by_linkerd_stays_in_the_render(tmp_path: Path) -> None:
    code, out, _ = run(tmp_path, dump(FIRST, "baseline"), "edge-25.10.7", ["upgrade", "--crds"])
    assert code == 0
    assert "httproutes.gateway.networking.k8s.io" in out
    code, _, err = run(
        tmp_path,
        dump(FIRST, "baseline"),
        "edge-25.10.7",
        ["upgrade", "--crds", "--set", "installGatewayAPI=false"],
    )
    assert code == 1
    assert err.startswith("× Could not render upgrade configuration:")  # noqa: RUF001


def test_gateway_api_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    objects = external(dump(FIRST, "baseline"))
    code, out, _ = run(tmp_path, objects, "edge-25.10.7", ["upgrade", "--crds"])
    assert code == 0
    assert "httproutes.gateway.networking.k8s.io" not in out
    argv = ["upgrade", "--crds", "--set", "installGatewayAPI=true"]
    code, _, err = run(tmp_path, objects, "edge-25.10.7", argv)
    assert code == 1
    assert "already installed by an external source" in err


def test_without_a_gateway_api_nothing_is_rendered(tmp_path: Path) -> None:
    objects = without_crds(dump(FIRST, "baseline"), *GATEWAY)
    code, out, err = run(tmp_path, objects, "edge-25.10.7", ["upgrade", "--crds"])
    assert (code, out) == (1, "")
    assert "standard-install.yaml" in err


def test_a_gateway_crd_that_lost_its_owner_is_listed_by_prune(tmp_path: Path) -> None:
    objects = external(dump(FIRST, "settled"))
    code, out, _ = run(tmp_path, objects, "edge-25.10.7", ["prune"])
    listed = {k.name for k in manifests.prune_run(out.encode(), exit_code=code).listed}
    assert "httproutes.gateway.networking.k8s.io" in listed


def test_an_old_release_prints_creation_timestamps(tmp_path: Path) -> None:
    objects = dump(FIRST, "baseline")
    old_component(objects)
    _, out, _ = run(tmp_path, objects, "edge-25.4.4", ["prune"])
    assert out.startswith(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  creationTimestamp: null\n"
    )


def test_an_unreachable_cluster_is_an_answer_not_a_traceback(tmp_path: Path) -> None:
    with DumpServer([]) as server:
        env = {"KUBECONFIG": str(server.kubeconfig(tmp_path))}
    standin = LinkerdStandIn("edge-25.10.7")
    code, out, _ = standin(["check", "-o", "json", "--wait", "0s"], env=env)
    run_ = manifests.check_run(out.decode(), label="check", exit_code=code)
    assert code == 1
    assert run_.failed()[0][1].description == "can query the Kubernetes API"
    code, out, _ = standin(["version"], env=env)
    assert (code, out.decode()) == (
        0,
        "Client version: edge-25.10.7\nServer version: unavailable\n",
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["check", "--pre", "--proxy"],
        ["check", "-o", "wide"],
        ["check", "--wait", "soon"],
        ["upgrade", "--set", "nonsense"],
        ["upgrade", "--no-such-flag"],
        ["install", "--identity-trust-anchors-file", "/nonexistent"],
        ["fly"],
    ],
)
def test_bad_lines_end_with_one_message(tmp_path: Path, argv: list[str]) -> None:
    code, out, err = run(tmp_path, [], "edge-25.10.7", argv)
    assert (code, out) == (1, "")
    assert err.strip()
    assert "Traceback" not in err
