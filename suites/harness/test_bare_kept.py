"""Bare pods are on the disk before they are deleted, and nothing secret of them is."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from fixtures import restart
from fixtures.bare_kept import files, keep
from fixtures.cluster.bare import Obj
from fixtures.errors import Broken
from fixtures.ledger import LEDGER
from fixtures.resuming import lost_pods
from fixtures.scenario import Scenario
from fixtures.snapshot.digests import is_digest
from fixtures.steprun import StepRun
from policies.findings import Item
from suites.policy.builders import cluster, pod, with_pods

SECRET = "hunter2-hunter2"
KEY = "AbCd3fGh1jKlMn0pQrStUvWx7z9"
BARE: Obj = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "alone", "namespace": "shop"},
    "spec": {
        "containers": [
            {
                "name": "app",
                "image": "app:1",
                "args": ["--api-token=" + SECRET],
                "env": [
                    {"name": "DB_PASSWORD", "value": SECRET},
                    {"name": "SEED", "value": KEY},
                    {"name": "MODE", "value": "fast"},
                ],
            }
        ]
    },
}


def test_a_manifest_is_kept_as_a_snapshot_keeps_it(tmp_path: Path) -> None:
    kept = keep(tmp_path, 1, [BARE])

    text = kept.file.read_text()
    (item,) = json.loads(text)["items"]
    (container,) = item["spec"]["containers"]
    assert kept.file.stat().st_mode & 0o777 == 0o600
    assert (item["metadata"], container["image"]) == (BARE["metadata"], "app:1")
    assert [variable["name"] for variable in container["env"]] == ["DB_PASSWORD", "SEED", "MODE"]
    assert all(is_digest(variable["value"]) for variable in container["env"])
    assert SECRET not in text
    assert KEY not in text
    assert kept.removed == 4
    assert "4 values" in kept.text
    assert f"kubectl apply -f {kept.file}" in kept.text


def test_a_second_attempt_replaces_the_first_and_each_hop_has_its_own(tmp_path: Path) -> None:
    for number in (10, 2, 2):
        keep(tmp_path, number, [BARE])

    assert [f.name for f in files(tmp_path)] == ["bare-pods-2.json", "bare-pods-10.json"]


def renewing(folder: Path, monkeypatch: pytest.MonkeyPatch, done: list[str]) -> StepRun:
    """The step that renews bare pods, killed when it has deleted them."""

    class Kubectl:
        def delete(self, manifest: bytes) -> None:
            done.append("deleted")
            assert files(folder), "the manifests are kept first"
            assert SECRET.encode() in manifest
            raise KeyboardInterrupt

    def recreatable(*_: object) -> list[Obj]:
        return [BARE]

    def ran(*_: object) -> None: ...

    monkeypatch.setattr(restart, "recreatable", recreatable)
    alone = pod("alone", kind="")
    return cast(
        "StepRun",
        SimpleNamespace(
            facts=with_pods(cluster(workloads=0), alone),
            kubectl=Kubectl(),
            scenario=Scenario(),
            hop=SimpleNamespace(number=1),
            cluster=SimpleNamespace(reader=SimpleNamespace(connection=None)),
            ledger=SimpleNamespace(path=folder / LEDGER),
            discovery_known=None,
            note=done.append,
            ran=ran,
        ),
    )


def test_they_are_kept_and_told_of_before_they_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    with pytest.raises(KeyboardInterrupt):
        restart.restart_meshed(renewing(tmp_path, monkeypatch, done))

    note, deleted = done
    assert "shop/alone" in note
    assert str(files(tmp_path)[0]) in note
    assert deleted == "deleted"


def test_pods_whose_manifests_cannot_be_kept_are_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    with pytest.raises(Broken, match="cannot be kept"):
        restart.restart_meshed(renewing(tmp_path / "gone", monkeypatch, done))

    assert done == []


def test_a_resumption_names_the_file_where_a_bare_pod_is_lost(tmp_path: Path) -> None:
    lost = Item(subject="Pod shop/alone", expected="there", seen="absent")
    other = Item(subject="Deployment shop/web", expected="there", seen="absent")
    assert lost_pods(tmp_path, [lost]) == ""
    kept = keep(tmp_path, 1, [BARE])

    assert lost_pods(tmp_path, [other]) == ""
    assert f"kubectl apply -f {kept.file}" in lost_pods(tmp_path, [other, lost])
