"""Bare pods are on the disk before they are deleted: whole for their owner, and as evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from fixtures.cluster import bare
from fixtures.cluster.bare import Obj
from fixtures.consent.bare_pod_backup import files, keep, whole_files
from fixtures.core.errors import Broken
from fixtures.evidence.ledger import LEDGER
from fixtures.run.resuming.resume import lost_pods
from fixtures.scenario.model import Scenario
from fixtures.snapshot.redaction.digests import is_digest
from fixtures.steps import restart
from fixtures.steps.context import StepRun
from fixtures.targets.base import Capabilities
from fixtures.targets.embedded import EmbeddedTarget
from fixtures.targets.existing import READ_ONLY
from policies.verdicts.findings import Item
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


KUBECTL = "kubectl --context staging"
Act = Callable[[], None]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where whole manifests are kept; not there yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home" / "state"))
    return tmp_path / "home" / "state" / "linkerd-upgrade-rehearsal" / "bare-pods"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The run's folder."""
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def test_nothing_secret_is_in_the_runs_folder_and_the_whole_is_the_owners_alone(
    run: Path, state: Path
) -> None:
    kept = keep(run, 1, [BARE], kubectl=KUBECTL)

    text = kept.file.read_text()
    (item,) = json.loads(text)["items"]
    (container,) = item["spec"]["containers"]
    assert [f.name for f in run.iterdir()] == ["bare-pods-1.json"]
    assert (item["metadata"], container["image"]) == (BARE["metadata"], "app:1")
    assert [variable["name"] for variable in container["env"]] == ["DB_PASSWORD", "SEED", "MODE"]
    assert all(is_digest(variable["value"]) for variable in container["env"])
    assert SECRET not in text
    assert KEY not in text
    whole = state / "run-1.json"
    as_applied = {"apiVersion": "v1", "kind": "List", "items": [BARE]}
    assert kept.whole == whole
    assert json.loads(whole.read_bytes()) == as_applied
    assert (mode(kept.file), mode(whole)) == (0o600, 0o600)
    assert (mode(state), mode(state.parent)) == (0o700, 0o700)
    assert f"{KUBECTL} apply -f {whole}" in kept.text
    assert "own values" in kept.text
    assert "is removed as soon as" in kept.text


def test_each_hop_has_its_own_and_what_a_dead_run_left_is_not_replaced(
    run: Path, state: Path
) -> None:
    for number in (10, 2, 2):
        keep(run, number, [BARE], kubectl=KUBECTL)
    (state / "run-2-1.json").touch()  # of the run named run-2

    assert [f.name for f in files(run)] == ["bare-pods-2.json", "bare-pods-10.json"]
    assert [f.name for f in whole_files(run)] == ["run-2.json", "run-2.2.json", "run-10.json"]


def test_a_folder_that_others_can_enter_is_closed(run: Path, state: Path) -> None:
    state.mkdir(parents=True)
    state.chmod(0o755)
    state.parent.chmod(0o755)

    keep(run, 1, [BARE], kubectl=KUBECTL)

    assert (mode(state), mode(state.parent)) == (0o700, 0o700)


class Cluster:
    """A kubectl and a connection: what was applied is there, ready or not."""

    def __init__(self, act: Act, applied: Mapping[str, bool]) -> None:
        self.done: list[str] = []
        self.pods: Mapping[str, bool] = {}
        self._act, self._applied = act, applied

    def delete(self, manifest: bytes) -> None:
        self.done.append("deleted")
        assert SECRET.encode() in manifest
        self._act()

    def apply(self, manifest: bytes) -> None:
        self.done.append("applied")
        assert SECRET.encode() in manifest
        self.pods = self._applied

    def there(self, *_: object) -> Mapping[str, bool]:
        return self.pods


def nothing() -> None: ...


def killed() -> None:
    raise KeyboardInterrupt


def renewing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, api: Cluster, can: Capabilities = READ_ONLY
) -> StepRun:
    """The step that renews bare pods; it looks at them once."""

    def recreatable(*_: object) -> list[Obj]:
        return [BARE]

    def ran(*_: object) -> None: ...

    def wait(_what: str, look: Act, *_: object, **_limit: object) -> None:
        look()

    monkeypatch.setattr(restart, "recreatable", recreatable)
    monkeypatch.setattr(bare, "there", api.there)
    alone = pod("alone", kind="")
    target = SimpleNamespace(capabilities=can, kubeconfig=folder / "kubeconfig", context="staging")
    reader = SimpleNamespace(connection=None)
    return cast(
        "StepRun",
        SimpleNamespace(
            facts=with_pods(cluster(workloads=0), alone),
            kubectl=api,
            scenario=Scenario(),
            hop=SimpleNamespace(number=1),
            cluster=SimpleNamespace(reader=reader, target=target),
            ledger=SimpleNamespace(path=folder / LEDGER),
            discovery_known=None,
            note=api.done.append,
            ran=ran,
            wait=wait,
        ),
    )


def test_what_a_run_that_dies_has_deleted_is_kept_whole_and_told_of_before(
    run: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = state / "run-1.json"
    seen: list[bool] = []

    def act() -> None:
        seen.append(whole.is_file() and bool(files(run)))
        killed()

    api = Cluster(act, {})
    with pytest.raises(KeyboardInterrupt):
        restart.restart_meshed(renewing(run, monkeypatch, api))

    before, deleted, after = api.done
    command = f"kubectl --kubeconfig {run / 'kubeconfig'} --context staging apply -f {whole}"
    assert (seen, deleted) == ([True], "deleted")
    assert "shop/alone" in before
    assert command in before
    assert command in after
    assert json.loads(whole.read_bytes())["items"] == [BARE]


@pytest.mark.parametrize("ready", [True, False], ids=["ready", "created anew"])
def test_the_whole_is_removed_once_every_pod_is_back(
    run: Path, state: Path, monkeypatch: pytest.MonkeyPatch, ready: bool
) -> None:
    api = Cluster(nothing, {"shop/alone": ready})

    restart.restart_meshed(renewing(run, monkeypatch, api))

    assert api.done[1:] == ["deleted", "applied"]
    assert list(state.iterdir()) == []
    assert files(run)


def test_the_whole_stays_and_is_named_where_a_pod_does_not_come_back(
    run: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Cluster(nothing, {})

    restart.restart_meshed(renewing(run, monkeypatch, api))

    assert api.done[-1].startswith(f"{state / 'run-1.json'} stays")
    assert whole_files(run) == (state / "run-1.json",)


def test_a_cluster_that_ends_with_the_run_leaves_evidence_alone(
    run: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Cluster(killed, {})

    with pytest.raises(KeyboardInterrupt):
        restart.restart_meshed(renewing(run, monkeypatch, api, EmbeddedTarget.capabilities))

    said, _ = api.done
    assert f"{files(run)[0]} says what they were, without 4 values" in said
    assert not state.exists()


def occupied(state: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del run, monkeypatch
    state.parent.mkdir(parents=True)
    state.write_text("a file")


def in_the_run(state: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del state
    monkeypatch.setenv("XDG_STATE_HOME", str(run / "state"))


def homeless(state: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del state, run

    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setattr(Path, "home", home)


@pytest.mark.parametrize("arrange", [occupied, in_the_run, homeless])
def test_without_a_state_folder_nothing_is_deleted(
    run: Path,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    arrange: Callable[[Path, Path, pytest.MonkeyPatch], None],
) -> None:
    api = Cluster(nothing, {})
    monkeypatch.setenv("KUBECONFIG", "elsewhere")
    arrange(state, run, monkeypatch)

    with pytest.raises(Broken, match="cannot be kept") as broken:
        restart.restart_meshed(renewing(run, monkeypatch, api))

    assert "XDG_STATE_HOME" in broken.value.next_command
    assert broken.value.seen
    assert api.done == []
    assert list(run.iterdir()) == []


def test_without_the_evidence_nothing_is_deleted_and_nothing_is_left(
    run: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Cluster(nothing, {})

    with pytest.raises(Broken, match="cannot be kept"):
        restart.restart_meshed(renewing(run / "gone", monkeypatch, api))

    assert api.done == []
    assert list(state.iterdir()) == []


def test_a_resumption_names_the_file_where_a_bare_pod_is_lost(run: Path) -> None:
    lost = Item(subject="Pod shop/alone", expected="there", seen="absent")
    other = Item(subject="Deployment shop/web", expected="there", seen="absent")
    assert lost_pods(run, [lost], KUBECTL) == ""
    kept = keep(run, 1, [BARE], kubectl=KUBECTL)

    assert lost_pods(run, [other], KUBECTL) == ""
    assert f"{KUBECTL} apply -f {kept.whole}; " in lost_pods(run, [other, lost], KUBECTL)
    kept.forget()
    by_hand = f"put back what reads redacted-..., {KUBECTL} apply -f {kept.file}"
    assert by_hand in lost_pods(run, [lost], KUBECTL)
