"""The kind target against stand-in programs that say what the recorded ones said."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest
import yaml

from fixtures.cluster.access.connection import ClusterError
from fixtures.core.errors import BadInput, Broken, RehearsalError
from fixtures.targets import kind as kind_module
from fixtures.targets import kind_marks, kind_ready
from policies.releases.grammar import parse
from suites.harness.kind_machine import IMAGE, Told, alive, answers, kind_machine, target
from suites.harness.kind_standins import Machine
from suites.harness.scripted_api import Asked, Says, scripted_api

pytestmark = pytest.mark.whole


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Machine]:
    with kind_machine(tmp_path, monkeypatch) as made:
        yield made


def test_a_cluster_is_made_used_and_deleted(here: Machine) -> None:
    told = Told()
    made = target(here, told)

    made.start()

    assert here.clusters == {made.name}
    assert made.name.startswith(kind_marks.PREFIX)
    assert made.kubeconfig.parent == here.bin.parent / "run" / "cluster"
    assert made.kubeconfig.stat().st_mode & 0o077 == 0
    assert made.context == f"kind-{made.name}"
    (create,) = here.called("kind", "create", "cluster")
    assert f"--image={IMAGE}" in create
    assert "kind: Preparing nodes" in told

    made.stop()
    made.stop()

    assert here.clusters == set()
    assert len(here.called("kind", "delete", "cluster")) == 1
    assert list(kind_marks.abandoned()) == []


def test_kind_never_sees_the_users_kubeconfig(
    here: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("untouched")
    monkeypatch.setenv("KUBECONFIG", str(mine))
    made = target(here, Told())

    made.start()
    made.stop()

    seen = {c["env"]["KUBECONFIG"] for c in here.calls if c["argv"][0] == "kind"}
    assert seen == {str(made.kubeconfig)}
    assert mine.read_text() == "untouched"


def test_nothing_is_written_where_pytest_was_started(
    here: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    made = target(here, Told())

    made.start()
    made.stop()

    assert list(elsewhere.iterdir()) == []


def test_high_availability_gets_three_nodes_beside_the_control_plane(here: Machine) -> None:
    made = target(here, Told(), high_availability=True)
    here.set("info", json.dumps({"MemTotal": 16 << 30}))

    made.start()

    roles = [n["role"] for n in yaml.safe_load(here.cluster_config(made.name))["nodes"]]
    assert roles == ["control-plane", "worker", "worker", "worker"]
    made.stop()


def test_names_differ_by_run_and_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {kind_marks.new_name() for _ in range(20)}
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw7")
    other = kind_marks.new_name()

    assert len(names) == 20
    assert "-gw7-" in other
    assert len(other) <= 49


def test_images_are_loaded_and_those_of_a_release_before_its_steps(
    here: Machine, tmp_path: Path
) -> None:
    archive = tmp_path / "linkerd.tar"
    archive.write_bytes(b"tar")
    made = target(here, Told(), load_images=("labapp:1", f"edge-25.10.7={archive}"))

    made.start()
    assert [c[3] for c in here.called("kind", "load")] == ["labapp:1"]

    made.prepare(parse("edge-25.4.4"))
    made.prepare(parse("edge-25.10.7"))
    made.prepare(parse("edge-25.10.7"))

    assert [c[3] for c in here.called("kind", "load")] == ["labapp:1", str(archive)]
    made.stop()


def test_keep_leaves_the_cluster_and_later_runs_leave_it_too(here: Machine) -> None:
    told = Told()
    kept = target(here, told, keep=True)
    kept.start()
    kept.stop()

    assert here.clusters == {kept.name}
    assert f"kind delete cluster --name {kept.name}" in told

    later = Told()
    other = target(here, later)
    other.start()
    other.stop()

    assert here.clusters == {kept.name}
    assert f"{kept.name} of" in later


def test_a_named_cluster_that_was_there_is_used_and_stays(here: Machine) -> None:
    here.has_cluster("lab")
    told = Told()
    found = target(here, told, cluster_name="lab")

    found.start()

    assert found.context == "kind-lab"
    assert found.kubeconfig.is_file(), "exported, which pytest-kind itself does not do"
    assert here.called("kind", "create", "cluster") == []
    found.stop()
    assert here.clusters == {"lab"}
    assert "will not be deleted" in told


def test_a_name_taken_meanwhile_belongs_to_somebody_else(here: Machine) -> None:
    here.set("create", "taken")
    made = target(here, Told(), cluster_name="lab")

    with pytest.raises(Broken, match="could not be made") as error:
        made.start()
    made.stop()

    assert "already exist" in str(error.value)
    assert here.called("kind", "delete", "cluster") == []


def test_a_failed_creation_keeps_logs_and_error_and_leaves_nothing(here: Machine) -> None:
    here.set("create", "late")
    told = Told()
    made = target(here, told)

    with pytest.raises(Broken, match="could not be made") as error:
        made.start()

    assert "failed to init node with kubeadm" in error.value.seen
    assert here.clusters == set()
    logs = here.bin.parent / "run" / "cluster" / "kind-logs"
    assert (logs / "kind-version.txt").is_file()
    assert "kind ended with 1" in told, "kind's own exit code is shown, the files stay"


def test_a_missing_image_at_creation_is_said_in_kinds_words(here: Machine) -> None:
    here.set("create", "image-missing")

    with pytest.raises(Broken) as error:
        target(here, Told()).start()

    assert "failed to pull image" in error.value.seen
    assert here.clusters == set()


def test_a_creation_that_hangs_is_ended(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    here.set("create", "hangs")
    monkeypatch.setattr(kind_module, "CREATE", 2.0)

    with pytest.raises(Broken, match="did not end within 2 s"):
        target(here, Told()).start()

    assert here.clusters == set()
    hanging = here.state / "hanging"  # on a busy machine it was ended before it had begun
    assert not hanging.exists() or not alive(int(hanging.read_text()))


def test_a_cluster_that_does_not_come_up_is_deleted(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.set("api", "http://127.0.0.1:9")
    monkeypatch.setattr(kind_module, "READY", 0.2)

    with pytest.raises(Broken, match="did not become ready"):
        target(here, Told()).start()

    assert here.clusters == set()


def test_what_is_not_up_is_named(tmp_path: Path) -> None:
    def half(asked: Asked) -> Says:
        if asked.path.endswith("coredns"):
            return Says(body={"metadata": {"name": "coredns"}, "status": {}})
        return answers(asked)

    with scripted_api(tmp_path, half) as api, pytest.raises(Broken) as error:
        kind_ready.wait_ready("c", api.kubeconfig, "here", tmp_path, timeout=0.01)

    assert error.value.seen == "{'n': True, 'coredns': False}"


def test_refused_credentials_are_not_waited_for(tmp_path: Path) -> None:
    refuse = Says(401, {"kind": "Status", "reason": "Unauthorized"})

    with (
        scripted_api(tmp_path, lambda _: refuse) as api,
        pytest.raises(ClusterError, match="401"),
    ):
        kind_ready.wait_ready("c", api.kubeconfig, "here", tmp_path, timeout=60)


def test_a_cluster_that_cannot_be_deleted_is_left_to_the_next_run(here: Machine) -> None:
    told = Told()
    made = target(here, told)
    made.start()
    here.set("delete", "fails")

    made.stop()

    assert here.clusters == {made.name}
    assert "the next rehearsal on kind will try again" in told

    here.set("delete", "")
    other = target(here, Told())
    other.start()
    assert here.clusters == {other.name}
    other.stop()


def test_a_kubeconfig_that_somebody_uses_is_not_written_into(
    here: Machine, tmp_path: Path
) -> None:
    mine = tmp_path / "config"
    mine.write_text("kind: Config")

    with pytest.raises(BadInput, match="it would be changed"):
        target(here, Told(), kind_kubeconfig=str(mine)).start()

    assert here.called("kind", "create", "cluster") == []


@pytest.mark.parametrize("name", ["Bad_Name", "a" * 50])
def test_a_bad_name_is_refused_before_kind_is(here: Machine, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be the name"):
        target(here, Told(), cluster_name=name).start()

    assert here.calls == []


def test_faults_by_name_are_for_the_embedded_target(here: Machine) -> None:
    with pytest.raises(RehearsalError, match="needs the embedded target"):
        target(here, Told()).behave("image-missing", {})
