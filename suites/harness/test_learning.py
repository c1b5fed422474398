"""Learning a release from its client, with no cluster: what is kept, and what bad clients get."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

import msgspec
import pytest

from fixtures.core.errors import Broken, RehearsalError
from fixtures.learning import client as client_module
from fixtures.learning import store
from fixtures.learning.known import recall_or_learn
from fixtures.learning.learn import learn
from fixtures.run.opening.learnt_releases import learnt_of
from fixtures.scenario.model import Scenario
from policies.releases import Learnt, catalogue
from policies.releases.grammar import parse
from policies.releases.keys import object_key
from suites.harness.fake_client import RELEASE, fake_client
from suites.harness.test_rehearse import rehearse

TODAY = date(2026, 11, 20)
IDENTITY = "apps/Deployment/linkerd/linkerd-identity"


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def learnt_from(path: Path) -> Learnt:
    return learn(path, RELEASE, TODAY)


def quiet(text: str) -> None:
    raise AssertionError(text)


def test_objects_images_values_and_rights_are_learnt(tmp_path: Path) -> None:
    learnt = learnt_from(fake_client(tmp_path))

    identity, role = (
        next(o for o in learnt.objects("control_plane") if o.key == key)
        for key in (IDENTITY, "rbac.authorization.k8s.io/ClusterRole/-/linkerd-policy")
    )
    assert identity.pod is not None
    proxy = identity.pod.containers[0]
    assert (proxy.name, proxy.init, proxy.sidecar) == ("linkerd-proxy", True, True)
    assert proxy.ports == ("admin 4191/TCP",)
    assert proxy.probes == (("readinessProbe", '{"httpGet":{"path":"/ready","port":4191}}'),)
    assert proxy.requests == (("memory", "20Mi"),)
    assert role.rules[0].verbs == ("list", "watch")
    assert role.rules[0].groups == ("",)
    assert learnt.images("control_plane") == (f"cr.l5d.io/linkerd/proxy:{RELEASE}", "i")
    assert learnt.native_sidecar is True
    assert learnt.installs_gateway_api is False
    assert learnt.objects("viz")[0].ports == ("tap 8088/TCP to 8088",)


def test_high_availability_keeps_only_what_differs(tmp_path: Path) -> None:
    learnt = learnt_from(fake_client(tmp_path))

    ha = learnt.component("control_plane_ha")
    assert ha is not None
    assert [o.key for o in ha.objects] == [
        IDENTITY,
        "policy/PodDisruptionBudget/linkerd/linkerd-identity",
    ]
    assert learnt.keys("control_plane_ha") > learnt.keys("control_plane")
    assert learnt.ha_values == (("controllerReplicas", "3"),)


def test_values_that_change_objects_are_tried(tmp_path: Path) -> None:
    learnt = learnt_from(fake_client(tmp_path))

    with_cni, without_heartbeat = learnt.variants
    assert (str(with_cni), [o.key for o in with_cni.objects]) == ("cniEnabled=true", [IDENTITY])
    assert without_heartbeat.path == "disableHeartBeat"
    assert without_heartbeat.absent == ("core/ServiceAccount/linkerd/linkerd-heartbeat",)
    plain, less = learnt.objects("control_plane"), learnt.varied(without_heartbeat)
    assert {o.key for o in plain} - {o.key for o in less} == set(without_heartbeat.absent)


def test_a_value_that_a_client_refuses_is_left_open(tmp_path: Path) -> None:
    refuses = 'if "cniEnabled=true" in words: sys.exit("needs the plugin")'

    learnt = learnt_from(fake_client(tmp_path, refuses))

    assert [v.path for v in learnt.variants] == ["disableHeartBeat"]
    assert any(
        each.startswith("cniEnabled=true: ") and "needs the plugin" in each
        for each in learnt.left_open
    )


def test_definitions_of_gateway_api_stand_apart(tmp_path: Path) -> None:
    learnt = learnt_from(fake_client(tmp_path))

    extra = learnt.keys("crds_with_gateway_api") - learnt.keys("crds")
    assert {k.name for k in extra} == {"httproutes.gateway.networking.k8s.io"}
    schemas = {
        v.schema_sha256
        for o in learnt.objects("crds_with_gateway_api")
        if o.crd
        for v in o.crd.versions
    }
    assert len(schemas) == 1, "they differ in a description only"


def test_learning_twice_says_the_same(tmp_path: Path) -> None:
    """The client makes certificates anew at each render."""
    path = fake_client(tmp_path)

    assert learnt_from(path) == learnt_from(path)


def test_what_a_client_does_not_say_is_left_open(tmp_path: Path) -> None:
    silent = 'if words[0] == "__completeNoDesc": sys.exit(1)'

    learnt = learnt_from(fake_client(tmp_path, silent))

    assert learnt.component("viz") is None
    assert any(each.startswith("extensions:") for each in learnt.left_open)
    assert any(each.startswith("kubeVersion:") for each in learnt.left_open)


def test_a_charts_kubernetes_lies_beside(tmp_path: Path) -> None:
    path = fake_client(tmp_path)
    chart = tmp_path / "charts" / RELEASE / "linkerd-control-plane"
    chart.mkdir(parents=True)
    text = f"name: linkerd-control-plane\nversion: 2026.11.2\nappVersion: {RELEASE}\n"
    (chart / "Chart.yaml").write_text(f'{text}kubeVersion: ">=1.25.0-0"\n')

    known = recall_or_learn(path, parse(RELEASE), tmp_path, tell=quiet)

    assert known.learnt.chart_kubernetes == ">=1.25.0-0"
    assert not any(each.startswith("kubeVersion") for each in known.learnt.left_open)


@pytest.mark.parametrize(
    ("misbehaviour", "said"),
    [
        ("import time; time.sleep(60)", "did not end within"),
        ('if words[0] == "install": sys.exit("no")', "cannot render its release"),
        ('if words[0] == "version": print("edge-1.1.1"); sys.exit()', "not the one of"),
        ('if words[0] == "version": sys.exit(2)', "not the one of"),
        ('if "--ha" in words: print("a: b: c"); sys.exit()', "is no manifest"),
        ('if "--ha" in words: print("- just a list"); sys.exit()', "is no manifest"),
        ('if "--ha" in words: sys.exit()', "renders nothing"),
        (
            'if "--ha" in words: print("kind: Deployment\\nmetadata: 3"); sys.exit()',
            "as Kubernetes",
        ),
        ('if "--ha" in words: control_plane()', "as Kubernetes"),
        ('if "--ha" in words: obj("v1", "A/../B", "x"); sys.exit()', "more than a release"),
        ('if "--ha" in words: obj("v1", "Secret", "x" * 900); sys.exit()', "more than a release"),
        (
            'if "--ha" in words:\n for i in range(2001): obj("v1", "Pod", f"x{i}")\n sys.exit()',
            "more than a release",
        ),
        ('if "--ha" in words:\n while True: print("a: 1")', "wrote more than"),
        (
            'if "--ha" in words: obj("apps/v1", "Deployment", "x", spec=[]); sys.exit()',
            "as Kubernetes",
        ),
    ],
)
def test_a_bad_client_is_one_message_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, misbehaviour: str, said: str
) -> None:
    monkeypatch.setattr(client_module, "SECONDS", 30.0 if "sleep" not in misbehaviour else 1.0)
    monkeypatch.setattr(client_module, "MOST", 1 << 20)
    path = fake_client(tmp_path, misbehaviour)

    with pytest.raises(Broken, match=said) as broken:
        recall_or_learn(path, parse(RELEASE), None, tell=quiet)

    assert broken.value.exit_code == 3
    assert not store.learnt_folder().exists()


def test_what_was_learnt_is_recalled_by_the_clients_digest(tmp_path: Path) -> None:
    path = fake_client(tmp_path)
    first = recall_or_learn(path, parse(RELEASE), None, tell=quiet)
    broken = 'sys.exit("it is not run again")'

    again = recall_or_learn(path, parse(RELEASE), None, tell=quiet)
    fake_client(tmp_path, broken)

    assert (first.anew, again.anew) == (True, False)
    assert again.learnt == first.learnt == store.load(RELEASE, tell=quiet)
    with pytest.raises(Broken):
        recall_or_learn(path, parse(RELEASE), None, tell=quiet)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"tag":"edge-26.11.2","path":"/etc/passwd"}',
        b" " * (store.MOST + 1),
    ],
)
def test_a_damaged_file_is_said_left_out_and_learnt_anew(tmp_path: Path, damage: bytes) -> None:
    path = fake_client(tmp_path)
    file = recall_or_learn(path, parse(RELEASE), None, tell=quiet).file
    file.write_bytes(damage)
    said: list[str] = []

    assert store.load(RELEASE, tell=said.append) is None
    assert recall_or_learn(path, parse(RELEASE), None, tell=said.append).anew

    assert len(said) == 2
    assert all(str(file) in line and "left out" in line for line in said)
    assert store.load(RELEASE, tell=quiet) is not None


def test_a_file_of_another_digest_is_not_believed(tmp_path: Path) -> None:
    known = recall_or_learn(fake_client(tmp_path), parse(RELEASE), None, tell=quiet)
    other = known.file.with_name(f"{'0' * 64}.json")
    shutil.copy(known.file, other)
    said: list[str] = []

    assert store.load_sha("0" * 64, tell=said.append) is None
    assert "not of what its name says" in said[0]
    assert store.load_sha("../../etc/passwd", tell=quiet) is None


def test_the_command_says_what_was_learnt_and_what_is_open(tmp_path: Path) -> None:
    path = fake_client(tmp_path)

    done = rehearse("releases", "learn", RELEASE, "--tools", str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert f"{RELEASE}: learnt from {path} in " in done.stdout
    assert "control plane 4, control plane ha 5" in done.stdout
    assert "with: cniEnabled=true 1 object, disableHeartBeat=true 1 object" in done.stdout
    assert "left open: notes in prose" in done.stdout
    assert store.load(RELEASE, tell=quiet) is not None


def test_no_client_is_bad_input_before_any_is_run(tmp_path: Path) -> None:
    fake_client(tmp_path)

    done = rehearse("releases", "learn", RELEASE, "edge-26.11.3", "--tools", str(tmp_path))

    assert done.returncode == 4
    assert "There is no client of edge-26.11.3" in done.stderr
    assert not store.learnt_folder().exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    fake_client(tmp_path)

    done = rehearse("releases", "learn", RELEASE, "--tools", str(tmp_path))

    assert done.returncode == 4
    assert "What was learnt cannot be kept" in done.stderr


def test_a_run_learns_by_itself_what_the_catalogue_does_not_know(tmp_path: Path) -> None:
    fake_client(tmp_path)
    fake_client(tmp_path, "sys.exit('never run')", release="edge-25.10.7")
    inventory = catalogue().inventory(parse("edge-25.10.7"), "control_plane")

    learnt, notes = learnt_of(
        Scenario(tools=str(tmp_path)), (parse("edge-25.10.7"), parse(RELEASE))
    )

    assert inventory is not None
    assert inventory.exact
    assert [each.tag for each in learnt] == [RELEASE]
    assert notes == ()


def test_a_run_without_real_clients_learns_nothing(tmp_path: Path) -> None:
    fake_client(tmp_path)

    always = Scenario(tools=str(tmp_path), stand_ins="always")
    assert learnt_of(always, (parse(RELEASE),)) == ((), ())
    assert learnt_of(Scenario(), (parse(RELEASE),)) == ((), ())


def test_a_client_that_cannot_be_learnt_from_refuses_no_run(tmp_path: Path) -> None:
    """A vendor's may want a licence to render."""
    fake_client(tmp_path, 'if words[0] == "install": sys.exit("no licence")')

    learnt, notes = learnt_of(Scenario(tools=str(tmp_path)), (parse(RELEASE),))

    assert learnt == ()
    assert len(notes) == 1
    assert f"nothing could be learnt of {RELEASE}" in notes[0]


def _real_clients() -> list[tuple[str, Path]]:
    folder = Path(os.environ.get("REHEARSE_TOOLS", "/nonexistent"))
    return [(path.parent.name, path) for path in sorted(folder.glob("*/linkerd"))]


def test_real_clients_render_what_the_catalogue_has() -> None:
    """`REHEARSE_TOOLS=DIR`, with `DIR/RELEASE/linkerd` of any releases."""
    clients = _real_clients()
    if not clients:
        pytest.skip("no real client at hand: REHEARSE_TOOLS=DIR names none")
    for release, path in clients:
        learnt = learn(path, release, TODAY)
        for component in learnt.components:
            known = catalogue().inventory(parse(release), component.name)
            if known is not None and known.exact:
                assert learnt.keys(component.name) == known.keys, (release, component.name)
        assert len(msgspec.json.encode(learnt)) <= 60 << 10
        assert object_key(IDENTITY) in learnt.keys("control_plane")


def test_a_broken_client_is_no_bug_of_ours(tmp_path: Path) -> None:
    path = fake_client(tmp_path)
    path.write_bytes(b"\x7fELF not really")

    with pytest.raises(RehearsalError):
        learnt_from(path)
