"""`rehearse inventory`: versions and skew with the fewest requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

import rehearse
from fixtures.cluster import kinds
from reports.model.inventory import InventoryDocument
from suites.harness.pods import pod
from suites.harness.scripted_api import Asked, Says, listing, refused, scripted_api

Obj = dict[str, Any]

OLD, CURRENT, NEW = "edge-24.11.8", "edge-25.4.4", "edge-25.10.7"
TOO_OLD = "stable-2.14.10"
JOB = [{"kind": "Job", "name": "report", "uid": "uid-report", "controller": True}]


def meshed(name: str, version: str, *, mesh: str = "linkerd", **more: Any) -> Obj:
    labels = {kinds.CONTROL_PLANE_LABEL: mesh, **more.pop("labels", {})}
    return pod(name, proxy=version, labels=labels, **more)


def component(version: str, *, mesh: str = "linkerd") -> Obj:
    labels = {kinds.COMPONENT_LABEL: "destination"}
    found = meshed(f"{mesh}-destination-1", version, mesh=mesh, namespace=mesh, labels=labels)
    image = f"cr.l5d.io/linkerd/controller:{version}"
    found["spec"]["containers"].append({"name": "destination", "image": image})
    return found


def job(version: str, *, ended: bool) -> Obj:
    found = meshed("report-1", version, labels={"job-name": "report"}, ownerReferences=JOB)
    state: Obj = {"terminated": {"reason": "Completed"}} if ended else {"running": {}}
    found["status"]["containerStatuses"][0]["state"] = state
    return found


@dataclass(slots=True)
class Cluster:
    """Answers lists of pods by selector; metadata only, where that is asked for."""

    pods: list[Obj]
    refusal: Callable[[Asked], Says | None] = lambda _: None
    asked: list[Asked] = field(default_factory=list[Asked])

    def __call__(self, asked: Asked) -> Says:
        self.asked.append(asked)
        if says := self.refusal(asked):
            return says
        if asked.path == "/version":
            return Says(body={"gitVersion": "v1.31.0"})
        assert asked.path == kinds.PODS.path(), asked.path
        found = [p for p in self.pods if selected(p, asked.query["labelSelector"])]
        if "as=PartialObjectMetadataList" in asked.accept:
            found = [{"metadata": p["metadata"]} for p in found]
        return listing(*found)


def selected(obj: Obj, selector: str) -> bool:
    labels = obj["metadata"]["labels"]
    return all(
        (term.lstrip("!") in labels) is not term.startswith("!") for term in selector.split(",")
    )


Inventory = Callable[..., tuple[int, str]]


@pytest.fixture
def inventory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Inventory:
    """Exit code and output of the command on a cluster."""

    def run(cluster: Cluster, *options: str) -> tuple[int, str]:
        with scripted_api(tmp_path, cluster) as api:
            place = ["--cluster-kubeconfig", str(api.kubeconfig)]
            code = rehearse.main(["inventory", *place, *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_versions_are_counted_and_the_skew_is_safe(inventory: Inventory) -> None:
    proxies = [meshed(f"a{n}", CURRENT) for n in range(3)] + [meshed("b", OLD)]

    code, said = inventory(Cluster([component(CURRENT), *proxies]))

    assert code == 0
    rows = [line.split() for line in said.splitlines()]
    assert ["control", "plane", CURRENT, "2.18", "1", "pod"] in rows
    assert ["proxies", CURRENT, "2.18", "3", "pods", "within"] in rows
    assert [OLD, "2.17", "1", "pod", "within"] in rows
    assert "DP-03  holds" in said
    assert "DP-04  holds" in said


def test_programs_read_the_same_with_the_exit_code(inventory: Inventory) -> None:
    code, said = inventory(Cluster([component(CURRENT), meshed("a", TOO_OLD)]), "-o", "json")

    document = msgspec.json.decode(said, type=InventoryDocument)
    (found,) = document.control_planes
    assert (document.schema, document.exit_code) == (1, code) == (1, 1)
    assert [(r.version, r.pods) for r in found.proxies] == [(TOO_OLD, 1)]
    assert found.skew.status == "violated"


@pytest.mark.parametrize(
    ("proxy", "code", "shown"),
    [
        (TOO_OLD, 1, "DP-03  violated"),
        (NEW, 1, "DP-04  violated"),
        ("main", 6, "DP-03  not assessed"),
    ],
)
def test_a_skew_that_is_not_safe_is_no_success(
    inventory: Inventory, proxy: str, code: int, shown: str
) -> None:
    found, said = inventory(Cluster([component(CURRENT), meshed("a", proxy)]))

    assert found == code
    assert shown in said
    assert proxy in said


def test_proxies_are_read_by_metadata_and_components_in_full(inventory: Inventory) -> None:
    cluster = Cluster([component(CURRENT), meshed("a", CURRENT)])

    inventory(cluster)

    lists = {a.query["labelSelector"]: a for a in cluster.asked if a.path != "/version"}
    assert set(lists) == {
        "linkerd.io/control-plane-ns,!linkerd.io/control-plane-component",
        "linkerd.io/control-plane-component",
    }
    assert [s for s, a in lists.items() if "PartialObject" in a.accept] == [
        "linkerd.io/control-plane-ns,!linkerd.io/control-plane-component"
    ]
    assert all("status.phase!=Succeeded" in a.query["fieldSelector"] for a in lists.values())
    assert len(cluster.asked) == 3


@pytest.mark.parametrize(("ended", "code"), [(True, 0), (False, 1)])
def test_a_finished_job_keeps_its_proxy_and_is_explained(
    inventory: Inventory, ended: bool, code: int
) -> None:
    cluster = Cluster([component(CURRENT), job(TOO_OLD, ended=ended), meshed("a", CURRENT)])

    found, said = inventory(cluster)

    assert (found, "DP-03  holds" in said) == (code, ended)
    assert len(cluster.asked) == 4


def test_a_proxy_that_does_not_tell_its_version_is_known_by_its_image(
    inventory: Inventory,
) -> None:
    silent = meshed("a", CURRENT)
    del silent["metadata"]["annotations"][kinds.PROXY_VERSION]

    code, said = inventory(Cluster([component(CURRENT), silent]))

    assert code == 0
    assert f"1 x {CURRENT}" in said


def test_two_control_planes_are_judged_apart(inventory: Inventory) -> None:
    pods = [component(CURRENT), meshed("a", CURRENT)]
    pods += [component(NEW, mesh="other"), meshed("b", TOO_OLD, mesh="other")]

    code, said = inventory(Cluster(pods))

    assert code == 1
    assert said.index("namespace linkerd,") < said.index("namespace other,")
    assert said.count("DP-03  holds") == 1
    assert said.count("DP-03  violated") == 1


def test_a_control_plane_that_is_gone_is_no_success(inventory: Inventory) -> None:
    code, said = inventory(Cluster([meshed("a", CURRENT)]))

    assert code == 6
    assert "no running control plane pod was seen" in said


def test_a_cluster_without_linkerd_is_said_to_be_one(inventory: Inventory) -> None:
    code, said = inventory(Cluster([]))

    assert code == 4
    assert "There is no Linkerd on this cluster" in said
    assert "Traceback" not in said


def test_a_right_that_is_missing_is_named(inventory: Inventory) -> None:
    def refusal(asked: Asked) -> Says | None:
        return refused(403, "Forbidden", "pods") if asked.path != "/version" else None

    code, said = inventory(Cluster([], refusal))

    assert code == 3
    assert "/api/v1/pods" in said
    assert "403" in said


def test_many_pods_with_a_wrong_version_are_not_all_named(inventory: Inventory) -> None:
    code, said = inventory(
        Cluster([component(CURRENT), *(meshed(f"a{n}", TOO_OLD) for n in range(30))])
    )

    assert code == 1
    assert "and 20 more" in said
    assert len(said.splitlines()) < 30
