"""Shapes of real clusters whose pods no restart renews, as recordings patched into snapshots."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fixtures.snapshot.read import facts, read_snapshot
from policies.controls.control_plane.availability import data_plane_rollouts
from policies.controls.data_plane.restarted import workloads_to_restart
from policies.controls.data_plane.versions import data_plane_at_destination
from policies.controls.preflight.left_behind import data_plane_current
from policies.facts.cluster import ClusterFacts
from policies.releases.grammar import parse
from policies.verdicts.findings import Verdict

CASES = Path(__file__).parents[2].parent / "shared" / "cases"
BASE = "edge-25.10.7-to-edge-26.6.3/baseline"
SOURCE, TARGET = "edge-25.10.7", "edge-26.6.3"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="no cases beside this checkout")


@pytest.fixture(scope="module")
def lib(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    spec = importlib.util.spec_from_file_location("lib", CASES / "lib.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["lib"] = module  # the cases import it by this name
    spec.loader.exec_module(module)
    return module


def seen(lib: ModuleType, case: str, folder: Path) -> ClusterFacts:
    out = folder / "case.json.gz"
    lib.main(CASES / case, str(out))
    return facts(read_snapshot(out))


def explained(verdict: Verdict) -> dict[str, str]:
    return {i.subject: i.explained for i in verdict.explained}


def test_operators_pods_are_named_with_who_renews_them(lib: Any, tmp_path: Path) -> None:
    found = seen(lib, "01-custom-owners.py", tmp_path)
    before = data_plane_current(found, parse(SOURCE), parse(TARGET))

    assert before.status == "holds"
    told = explained(before)
    assert "CloudNativePG" in told["Cluster.postgresql.cnpg.io shop/orders-db"]
    assert "Argo Rollouts" in told["Rollout.argoproj.io shop/payments"]
    assert "its next run" in told["EphemeralRunner.actions.github.com shop/builder-x7k2p"]
    assert {n for _, _, n in workloads_to_restart(found)} == {"web", "client", "store", "agent"}
    after = data_plane_at_destination(found, parse(TARGET))
    assert set(told) <= set(explained(after)), "the others were not restarted here"


def test_a_stateful_set_on_delete_is_foreseen_and_not_restarted(lib: Any, tmp_path: Path) -> None:
    found = seen(lib, "08-ondelete.py", tmp_path)
    before = data_plane_current(found, parse(SOURCE), parse(TARGET))

    assert before.status == "holds"
    assert "one by one" in explained(before)["StatefulSet shop/store"]
    assert "store" not in {n for _, _, n in workloads_to_restart(found)}
    assert "StatefulSet shop/store" in explained(data_plane_at_destination(found, parse(TARGET)))
    assert data_plane_rollouts(found).status == "holds"


def held(folder: Path, lib: Any, patch: Any) -> ClusterFacts:
    dump = lib.Dump(BASE)
    patch(dump)
    out = folder / "case.json"
    out.write_text(lib.json.dumps(dump.doc))
    return facts(read_snapshot(out))


def test_a_partition_holds_back_the_pods_below_it_only(lib: Any, tmp_path: Path) -> None:
    def patch(dump: Any) -> None:
        spec = dump.get("StatefulSet", "shop", "store")["spec"]
        spec["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}

    found = held(tmp_path, lib, patch)
    (item,) = (
        i
        for i in data_plane_current(found, parse(SOURCE), parse(TARGET)).explained
        if "store" in i.subject
    )

    assert item.seen == SOURCE, "one of its two pods"
    assert "partition 1" in item.explained
    assert ("StatefulSet", "shop", "store") in workloads_to_restart(found)


def test_a_paused_deployment_is_named_and_not_restarted(lib: Any, tmp_path: Path) -> None:
    def patch(dump: Any) -> None:
        dump.get("Deployment", "shop", "web")["spec"]["paused"] = True

    found = held(tmp_path, lib, patch)

    told = explained(data_plane_current(found, parse(SOURCE), parse(TARGET)))
    assert "whoever paused it" in told["Deployment shop/web"]
    assert ("Deployment", "shop", "web") not in workloads_to_restart(found)
    assert data_plane_rollouts(found).status == "holds"


def test_an_orphaned_replica_set_is_no_deployment(lib: Any, tmp_path: Path) -> None:
    def patch(dump: Any) -> None:
        dump.drop("Deployment", "shop", "web")
        for found in dump.all("ReplicaSet", "shop"):
            if found["metadata"]["name"].startswith("web-"):
                found["metadata"].pop("ownerReferences")

    found = held(tmp_path, lib, patch)

    told = explained(data_plane_current(found, parse(SOURCE), parse(TARGET)))
    assert any(s.startswith("ReplicaSet shop/web-") for s in told)
    assert ("Deployment", "shop", "web") not in workloads_to_restart(found)


def test_pods_of_a_deployment_that_is_gone_are_not_restarted(lib: Any, tmp_path: Path) -> None:
    def patch(dump: Any) -> None:
        dump.drop("Deployment", "shop", "web")

    found = held(tmp_path, lib, patch)

    told = explained(data_plane_current(found, parse(SOURCE), parse(TARGET)))
    assert "nobody" in told["Deployment shop/web"]
    assert ("Deployment", "shop", "web") not in workloads_to_restart(found)
