"""What would make a kind cluster fail is said before one is made; nothing is created then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.errors import BadInput, Broken, RehearsalError
from fixtures.scenario.model import Scenario
from fixtures.targets import kind_preflight
from fixtures.targets.kind import KindTarget
from fixtures.targets.kind_config import check_name, containers
from fixtures.targets.kind_images import loads
from fixtures.targets.kind_preflight import Wanted, check_machine
from fixtures.targets.kind_programs import find
from fixtures.targets.kind_versions import DEFAULTS, default_image, fits, minor_of_image
from suites.harness.kind_standins import Machine, machine

IMAGE = "kindest/node:v1.31.2"
GIB = 1 << 30


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    for name in ("KIND_EXPERIMENTAL_PROVIDER", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    return made


def no_engine(here: Machine) -> None:
    here.set("engine", "away")


def no_right(here: Machine) -> None:
    here.set("engine", "forbidden")


def podman_as_docker(here: Machine) -> None:
    here.set("engine", "podman")


def no_docker(here: Machine) -> None:
    (here.bin / "docker").unlink()


def only_podman(here: Machine) -> None:
    (here.bin / "docker").rename(here.bin / "podman")


def old_kind(here: Machine) -> None:
    here.set("kind-version", "kind v0.23.0 go1.22 linux/amd64\n")


def no_image(here: Machine) -> None:
    here.set("images", "")


def little_memory(here: Machine) -> None:
    here.set("info", json.dumps({"MemTotal": GIB}))


def no_cgroup_driver(here: Machine) -> None:
    here.set("info", json.dumps({"CgroupDriver": "none"}))


def no_kind(here: Machine) -> None:
    (here.bin / "kind").unlink()


def no_kubectl(here: Machine) -> None:
    (here.bin / "kubectl").unlink()


@pytest.mark.parametrize(
    ("harm", "error", "said"),
    [
        (no_engine, Broken, "The container engine does not answer"),
        (no_right, Broken, "This user may not use the container engine"),
        (podman_as_docker, Broken, "podman is not supported"),
        (no_docker, Broken, "There is no container engine"),
        (only_podman, Broken, "podman is not supported"),
        (old_kind, Broken, "too old for the node image"),
        (no_image, BadInput, f"The node image {IMAGE} is not here and cannot be pulled"),
        (little_memory, Broken, "1.0 GiB of memory"),
        (no_cgroup_driver, Broken, "cgroup driver none"),
        (no_kind, BadInput, "No kind to run"),
        (no_kubectl, BadInput, "No kubectl to run"),
    ],
)
def test_a_machine_that_cannot_is_told_so(
    here: Machine, harm: Callable[[Machine], None], error: type[RehearsalError], said: str
) -> None:
    harm(here)
    target = KindTarget(
        Scenario(target="kind", node_image=IMAGE), here.bin.parent / "run", lambda _: None
    )

    with pytest.raises(error) as raised:
        target.start()

    assert said in str(raised.value)
    assert raised.value.where
    assert raised.value.next_command or raised.value.expected
    assert here.called("kind", "create", "cluster") == []
    assert here.clusters == set()
    assert not (here.bin.parent / "run").exists(), "not even a folder"


@pytest.mark.parametrize("provider", ["podman", "nerdctl", "finch"])
def test_another_engine_is_refused_by_name(
    here: Machine, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    del here
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", provider)

    with pytest.raises(Broken, match=f"{provider} is not supported"):
        kind_preflight.docker()


def test_a_missing_image_that_can_be_pulled_is(here: Machine) -> None:
    here.set("images", "")
    here.set("pull", "works")

    notes = kind_preflight.check_images(kind_preflight.docker(), Wanted(IMAGE, 1))

    assert notes == (f"the node image {IMAGE} was pulled: it was not here",)
    assert here.called("docker", "pull") == [["docker", "pull", IMAGE]]


def test_an_image_to_load_that_is_nowhere_is_named(here: Machine) -> None:
    del here
    wanted = Wanted(IMAGE, 1, loads(("absent:1",)))

    with pytest.raises(BadInput, match="absent:1 is neither a file nor an image"):
        kind_preflight.check_images(kind_preflight.docker(), wanted)


@pytest.mark.parametrize("entry", ["absent.tar", "./absent", "edge-25.4.4=absent.tar.gz"])
def test_an_archive_that_is_not_there_is_named(entry: str) -> None:
    with pytest.raises(BadInput, match="no image archive"):
        loads((entry,))


def test_a_folder_swallowed_by_the_option_is_explained(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="name the suite before it"):
        loads((str(tmp_path),))


def test_entries_are_archives_images_or_tied_to_a_release(tmp_path: Path) -> None:
    archive = tmp_path / "a"
    archive.write_bytes(b"")

    first, second, third = loads(
        (str(archive), "host:5000/proxy:edge-25.4.4", f"edge-25.4.4={archive}")
    )

    assert (first.archive, first.release) == (archive, "")
    assert (second.archive, second.what) == (None, "host:5000/proxy:edge-25.4.4")
    assert (third.archive, third.release) == (archive, "edge-25.4.4")


def limits(folder: Path, watches: int, instances: int) -> Path:
    (folder / "max_user_watches").write_text(str(watches))
    (folder / "max_user_instances").write_text(str(instances))
    return folder


def test_inotify_limits_that_are_too_low_are_refused_all_at_once(tmp_path: Path) -> None:
    low = limits(tmp_path, 100, 10)

    with pytest.raises(Broken) as raised:
        check_machine({}, Wanted(IMAGE, 1), low)

    assert "max_user_watches is 100" in raised.value.seen
    assert "max_user_instances is 10" in raised.value.seen
    assert "sysctl" in raised.value.next_command


@pytest.mark.parametrize(("nodes", "warned"), [(1, 0), (4, 2)])
def test_common_inotify_limits_are_a_warning_for_several_nodes(
    tmp_path: Path, nodes: int, warned: int
) -> None:
    common = limits(tmp_path, 8192, 128)

    assert len(check_machine({}, Wanted(IMAGE, nodes), common)) == warned


def test_an_engine_elsewhere_has_no_limits_to_read(tmp_path: Path) -> None:
    assert check_machine({}, Wanted(IMAGE, 4), tmp_path / "absent") == ()


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = GIB

    def usage(_: Path) -> type[Usage]:
        return Usage

    monkeypatch.setattr(kind_preflight.shutil, "disk_usage", usage)

    with pytest.raises(Broken, match=r"3\.0 GiB of free disk") as raised:
        check_machine({"DockerRootDir": str(tmp_path)}, Wanted(IMAGE, 1), tmp_path / "absent")

    assert "1.0 GiB" in raised.value.seen


@pytest.mark.parametrize(
    ("image", "refused"), [("kindest/node:v1.35.0", True), ("kindest/node:v1.34.0", False)]
)
def test_cgroup_v1_ends_with_the_kubelet_that_refuses_it(
    tmp_path: Path, image: str, refused: bool
) -> None:
    info = {"CgroupVersion": "1", "CgroupDriver": "cgroupfs"}
    if refused:
        with pytest.raises(Broken, match="cgroup v1"):
            check_machine(info, Wanted(image, 1), tmp_path)
    else:
        (warning,) = check_machine(info, Wanted(image, 1), tmp_path)
        assert "cgroup v1" in warning


def test_programs_are_found_by_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = machine(tmp_path)
    monkeypatch.chdir(made.bin)
    monkeypatch.setenv("PATH", "/nonexistent")

    assert find("kind", "./kind", "") == made.bin / "kind"
    assert find("kind", "", str(made.bin)) == made.bin / "kind"
    with pytest.raises(BadInput, match="nothing is downloaded here"):
        find("kind", "", "")
    with pytest.raises(BadInput, match="No kind to run"):
        find("kind", "./absent", str(made.bin))


@pytest.mark.parametrize(
    ("kind", "image", "too_old", "warned"),
    [
        ("v0.30.0", IMAGE, False, False),
        ("v0.30.0", "kindest/node:v1.34.0", False, False),
        ("v0.30.0", "kindest/node:v1.35.0", True, False),
        ("v0.17.0", "kindest/node:v1.37.0", True, False),
        ("v0.32.0", "kindest/node:v1.99.0", True, False),
        ("v0.99.0", "kindest/node:v1.37.0", False, True),
        ("v0.30.0", "kindest/node:lab", False, True),
        ("v0.30.0", "kindest/node@sha256:abc", False, True),
        ("v0.30.0", "", False, False),
        ("(devel)", IMAGE, False, True),
    ],
)
def test_kind_and_node_image_are_held_against_the_table(
    kind: str, image: str, too_old: bool, warned: bool
) -> None:
    fit = fits(kind, image)

    assert (bool(fit.too_old), bool(fit.warning)) == (too_old, warned)


@given(st.sampled_from(DEFAULTS), st.sampled_from(DEFAULTS))
def test_an_image_is_never_too_new_for_a_newer_kind(one: object, other: object) -> None:
    assert isinstance(one, type(DEFAULTS[0]))
    assert isinstance(other, type(DEFAULTS[0]))
    fit = fits(f"v{one.kind[0]}.{one.kind[1]}.0", other.image)

    assert not (one.kind >= other.kind and fit.too_old)
    assert bool(fit.too_old) == (other.kubernetes > one.kubernetes)


def test_the_table_is_in_order_and_pinned_by_digest() -> None:
    assert [d.kind for d in DEFAULTS] == sorted({d.kind for d in DEFAULTS})
    assert [d.kubernetes for d in DEFAULTS] == sorted(d.kubernetes for d in DEFAULTS)
    assert all(len(d.image.partition("@sha256:")[2]) == 64 for d in DEFAULTS)


@pytest.mark.parametrize(
    ("kubernetes", "tag"), [("1.31", ":v1.31.2@"), ("", ":v1.34.0@"), ("1.35", ""), ("1.2", "")]
)
def test_an_image_is_chosen_by_minor_and_never_newer_than_kind(kubernetes: str, tag: str) -> None:
    found = default_image("v0.30.0", kubernetes)

    assert (tag in found) if tag else found == ""


@pytest.mark.parametrize(
    ("image", "minor"),
    [
        ("kindest/node:v1.31.14", (1, 31)),
        ("10.0.0.1:5000/node:v1.31.14", (1, 31)),
        ("10.0.0.1:5000/node", None),
        ("kindest/node:lab", None),
        ("kindest/node:v1.31.14@sha256:0", (1, 31)),
        ("kindest/node:v1.310", (1, 310)),
        ("kindest/node:v1.3x", (1, 3)),
    ],
)
def test_a_tag_tells_the_minor(image: str, minor: tuple[int, int] | None) -> None:
    assert minor_of_image(image) == minor


@pytest.mark.parametrize(("nodes", "count"), [(0, 1), (1, 1), (2, 3), (3, 4)])
def test_a_control_plane_beside_workers_runs_no_pods(nodes: int, count: int) -> None:
    assert containers(nodes) == count


@given(st.text(max_size=60))
def test_a_name_is_refused_or_fits_into_a_hostname(name: str) -> None:
    try:
        check_name(name)
    except BadInput:
        return
    assert 0 < len(f"{name}-control-plane") <= 63
    assert name == name.lower()
