"""The stand-in's extension commands on recorded clusters: what the real program said there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.core import manifests
from fixtures.snapshot.facts import facts
from fixtures.snapshot.load import read_snapshot
from policies.controls.extensions import multicluster
from policies.facts.cluster import ClusterFacts
from policies.facts.observations import CheckRun
from policies.releases.grammar import parse
from suites.harness.dump_server import RECORDINGS, dump
from suites.harness.test_tools_recorded import recorded, repeated, run

Obj = dict[str, Any]

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings of real clusters are not beside the checkout"
)

HOP = "extensions-edge-25.10.7-to-edge-26.6.3"
LINKED = "multicluster-edge-25.10.7-to-edge-26.6.3"
NEW, OLD = "edge-26.6.3", "edge-25.10.7"


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("baseline", "016-mc-check"),
        ("baseline", "018-viz-prune-before"),
        ("extensions_upgraded", "042-viz-prune"),
        ("extensions_upgraded", "054-multicluster-check-after"),
        ("extensions_upgraded", "071-viz-check-direct"),
        ("extensions_upgraded", "072-viz-check-old-cli-direct"),
        ("extensions_upgraded", "073-viz-check-proxy-direct"),
        ("extensions_upgraded", "074-check-with-extensions-direct"),
        ("extensions_upgraded", "075-check-with-extensions-table-direct"),
    ],
    ids=lambda v: v,
)
def test_the_answer_is_the_recorded_one(tmp_path: Path, step: str, name: str) -> None:
    command = recorded(HOP, name)

    code, out, err = repeated(tmp_path, command, dump(HOP, step))

    assert code == command["rc"], err
    assert out == command["stdout"]


@pytest.mark.parametrize("name", ["019-mc-prune-before", "052-multicluster-prune"])
def test_multicluster_has_no_prune_and_exits_with_0_all_the_same(
    tmp_path: Path, name: str
) -> None:
    command = recorded(HOP, name)

    code, out, err = repeated(tmp_path, command, dump(HOP, "baseline"))

    assert (code, err) == (command["rc"], command["stderr"])
    for text in (out, command["stdout"]):
        assert manifests.prune_run(text.encode(), exit_code=code).unreadable


@pytest.mark.parametrize(
    ("name", "extension"),
    [("032-viz-install-new", "viz"), ("045-multicluster-install-new", "multicluster")],
)
def test_a_render_has_the_recorded_objects_and_images(
    tmp_path: Path, name: str, extension: str
) -> None:
    command = recorded(HOP, name)

    code, out, _ = repeated(tmp_path, command, dump(HOP, "baseline"))

    assert code == command["rc"]
    ours, real = (manifests.rendered(t.encode(), version=NEW) for t in (out, command["stdout"]))
    assert ours.objects
    assert {o.key: o.images for o in ours.objects} == {o.key: o.images for o in real.objects}
    assert extension in command["argv"]


def linked_cluster(step: str) -> list[Obj]:
    """East as the recorded states show it, on the objects of the other recording."""
    objects = dump(HOP, step if step == "baseline" else "extensions_upgraded")
    names = {"baseline": ("036-east-state-baseline", "037-east-links-baseline"),
             "final": ("079-east-state-final", "080-east-links-final")}[step]  # fmt: skip
    seen = [o for n in names for o in json.loads(recorded(LINKED, n)["stdout"])["items"]]
    own = {(o["kind"], o["metadata"]["name"]) for o in seen}
    space = "linkerd-multicluster"
    kept = [
        o
        for o in objects
        if (o["kind"], o["metadata"]["name"]) not in own
        and not (o["kind"] in ("Pod", "Deployment") and o["metadata"].get("namespace") == space)
    ]
    controller = "mirror.linkerd.io/cluster-name"
    labels = {controller: "west", "mirror.linkerd.io/mirrored-gateway": "true"}
    probe = {"name": "probe-west", "namespace": space, "uid": "p", "labels": labels}
    secret = {"name": "cluster-credentials-west", "namespace": space, "uid": "s"}
    return [
        *kept,
        *seen,
        {"apiVersion": "v1", "kind": "Service", "metadata": probe, "spec": {}},
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": probe, "subsets": [{}]},
        {"apiVersion": "v1", "kind": "Secret", "metadata": secret},
    ]


@pytest.mark.parametrize(
    ("step", "name"), [("baseline", "039-east-mc-check"), ("final", "076-east-mc-check-final")]
)
def test_a_linked_cluster_is_checked_as_recorded(tmp_path: Path, step: str, name: str) -> None:
    command = recorded(LINKED, name)
    real = manifests.check_run(command["stdout"], label="", exit_code=command["rc"])

    code, out, _ = repeated(tmp_path, command, linked_cluster(step))

    ours = manifests.check_run(out, label="", exit_code=code)
    assert code == command["rc"]
    assert _results(ours) == _results(real)
    assert out.count("\\n\\t* west") == command["stdout"].count("\\n\\t* west")


def _results(found: CheckRun) -> list[tuple[str, str, str]]:
    return [
        (c.name, r.description, r.result)
        for d in found.documents
        for c in d.categories
        for r in c.checks
    ]


def test_gateways_are_alive_as_recorded(tmp_path: Path) -> None:
    command = recorded(LINKED, "081-east-gateways-final")

    code, out, _ = repeated(tmp_path, command, linked_cluster("final"))

    [ours], [real] = json.loads(out), json.loads(command["stdout"])
    assert code == 0
    assert {**ours, "latency": 0} == {**real, "latency": 0}


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("Lease", "probe services able to communicate with all gateway mirrors"),
        ("Secret", "remote cluster access credentials are valid"),
        ("Endpoints", "all mirror services have endpoints"),
        ("Deployment", "service mirror controllers are running"),
    ],
)
def test_what_is_missing_of_a_link_is_an_error(tmp_path: Path, kind: str, check: str) -> None:
    words = ("west", "web-west")
    objects = [
        o
        for o in linked_cluster("final")
        if not (o["kind"] == kind and o["metadata"]["name"].endswith(words))
    ]

    code, out, _ = run(
        tmp_path, objects, NEW, ["multicluster", "check", "-o", "json", "--wait", "0"]
    )

    found = manifests.check_run(out, label="", exit_code=code)
    assert code == 1
    assert check in {r.description for _, r in found.failed()}


def test_link_gen_renders_what_the_recorded_link_holds(tmp_path: Path) -> None:
    objects = dump(HOP, "extensions_upgraded")
    gateway = next(o for o in objects if o["metadata"]["name"] == "linkerd-gateway"
                   and o["kind"] == "Service")  # fmt: skip
    gateway["status"] = {"loadBalancer": {"ingress": [{"ip": "172.18.0.3"}]}}
    state = json.loads(recorded(LINKED, "080-east-links-final")["stdout"])["items"]
    real = next(o for o in state if o["kind"] == "Link")
    applied = "kubectl.kubernetes.io/last-applied-configuration"
    spec = json.loads(real["metadata"]["annotations"][applied])["spec"]

    code, out, _ = run(tmp_path, objects, NEW, ["multicluster", "link-gen",
                       "--cluster-name", "west"])  # fmt: skip

    *secrets, link = list(manifests.documents(out.encode()))
    assert code == 0
    assert link["spec"] == spec
    assert link["apiVersion"] == real["apiVersion"]
    assert {(s["metadata"]["namespace"], s["metadata"]["name"]) for s in secrets} == {
        ("linkerd", "cluster-credentials-west"),
        ("linkerd-multicluster", "cluster-credentials-west"),
    }


def test_jaeger_is_unknown_to_a_release_without_it(tmp_path: Path) -> None:
    objects = dump(HOP, "baseline")

    known = run(tmp_path, objects, "edge-25.4.4", ["jaeger", "install"])
    unknown = run(tmp_path, objects, OLD, ["jaeger", "install"])

    assert known[0] == 0
    assert len(list(manifests.documents(known[1].encode()))) == 39
    assert unknown[0] == 1
    assert unknown[1] == ""


def test_uninstall_is_refused_while_clusters_are_linked(tmp_path: Path) -> None:
    linked = run(tmp_path, linked_cluster("final"), NEW, ["multicluster", "uninstall"])
    free = run(tmp_path, dump(HOP, "baseline"), NEW, ["multicluster", "uninstall"])

    assert linked[0] == 1
    assert "west" in linked[2]
    kinds = {o["kind"] for o in manifests.documents(free[1].encode())}
    assert {"Namespace", "ClusterRole", "CustomResourceDefinition"} <= kinds


def test_facts_of_a_linked_cluster_are_what_was_recorded(tmp_path: Path) -> None:
    before, after = (facts_of(tmp_path / step, step) for step in ("baseline", "final"))

    verdict = multicluster.consistent(before, after, parse(NEW))

    assert verdict.status == "violated", "the recorded states hold no credentials of linkerd"
    assert {i.expected for i in verdict.violations} == {"Secret linkerd/cluster-credentials-west"}
    assert after.multicluster is not None
    [link], [gateway] = after.multicluster.links, after.multicluster.gateways
    assert (link.cluster, link.gateway, link.probe_period) == ("west", "172.18.0.3", "3s")
    assert gateway.name == "linkerd-gateway"
    mirrors = {m.name: m.addresses for m in after.multicluster.mirrors}
    assert mirrors["web-west"] == ("172.18.0.3",)


def facts_of(path: Path, step: str) -> ClusterFacts:
    """Facts of a linked cluster, the probe's endpoints as its controller writes them."""
    objects = linked_cluster(step)
    probe = {"ip": "172.18.0.3"}
    for obj in objects:
        if obj["kind"] == "Endpoints" and obj["metadata"]["name"] == "probe-west":
            obj["subsets"] = [{"addresses": [probe]}]
    file = path.with_suffix(".json")
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return facts(read_snapshot(file))
