"""What a cluster that is not as usual gets: one sentence from each command, and no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.access.exec_plugin import CredentialsError, Plugin
from fixtures.cluster.facts.control_planes import control_planes
from fixtures.core.errors import BadInput
from fixtures.core.kubeconfig import ExecEntry
from fixtures.evidence.ledger import LEDGER, read
from fixtures.evidence.records import Note
from suites.detection.runs import LIMIT, ROOT, rehearse
from suites.harness.scripted_api import Asked, Obj, Says, Script, listing, refused, scripted_api

EDGE, NEWER, VENDOR = "edge-25.4.4", "edge-25.10.7", "enterprise-2.18.1"
COMMANDS = ("verify", "snapshot", "upgrade")


@dataclass(frozen=True, slots=True)
class Done:
    exit_code: int
    output: str
    folder: Path


def command(name: str, folder: Path, kubeconfig: Path, context: str = "here") -> Done:
    """One of the three, on the context of a kubeconfig, with consent where it needs one."""
    at = ("--cluster-kubeconfig", str(kubeconfig), "--context", context)
    if name == "snapshot":
        argv = [sys.executable, "-m", "rehearse", "snapshot", *at, "-o", str(folder / "out.json")]
        done = subprocess.run(
            argv, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        return Done(done.returncode, done.stdout + done.stderr, folder)
    if name == "upgrade":
        scenario = folder / "consent.toml"
        scenario.write_text(f'[consent]\ncontext = "{context}"\ncluster_uid = "u-1"\n')
        at += ("--trust-scenario", f"--scenario={scenario}")
    run = rehearse(folder, *at, suite=name)
    return Done(run.exit_code, run.output, run.folder)


def deployment(name: str, version: str, namespace: str = "linkerd") -> Obj:
    container = {"name": name, "image": f"registry.example/{name}:{version}"}
    meta = {
        "name": f"linkerd-{name}",
        "namespace": namespace,
        "uid": f"{namespace}-{name}",
        "labels": {"linkerd.io/control-plane-component": name},
    }
    return {"metadata": meta, "spec": {"template": {"spec": {"containers": [container]}}}}


def plane(version: str, namespace: str = "linkerd", **other: str) -> list[Obj]:
    names = ("destination", "identity", "proxy-injector")
    return [deployment(n, other.get(n, version), namespace) for n in names]


def api(deployments: list[Obj], claimed: str = "") -> Script:
    """A cluster of which only these Deployments and the configuration are to be seen."""

    def script(asked: Asked) -> Says:
        if asked.path == "/version":
            return Says(body={"gitVersion": "v1.31.4", "gitTreeState": "clean"})
        if asked.path == "/api/v1/namespaces/kube-system":
            return Says(body={"metadata": {"name": "kube-system", "uid": "u-1"}})
        if asked.path == "/api/v1/namespaces/linkerd/configmaps/linkerd-config" and claimed:
            data = {"values": f"linkerdVersion: {claimed}\n"}
            return Says(body={"metadata": {"name": "linkerd-config"}, "data": data})
        if asked.path == "/apis/apps/v1/deployments":
            return listing(*deployments)
        if "/configmaps/" in asked.path or "/secrets/" in asked.path:
            return refused(404, "NotFound")
        return listing()

    return script


def exec_user(kubeconfig: Path, program: str, **more: object) -> None:
    """Let a shell program give the credentials."""
    content = json.loads(kubeconfig.read_text())
    said = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", program],
        "interactiveMode": "Never",
    }
    content["users"][0]["user"] = {"exec": {**said, **more}}
    kubeconfig.write_text(json.dumps(content))


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("deployments", "claimed", "said"),
    [
        ([], "", "holds no Linkerd control plane"),
        ([*plane(EDGE), *plane(EDGE, "other")], EDGE, "2 Linkerd control planes"),
        (plane(EDGE, "mesh"), "", "in the namespace mesh"),
    ],
    ids=["none", "several", "elsewhere"],
)
def test_without_one_control_plane_nothing_but_a_snapshot_is_begun(
    tmp_path: Path, name: str, deployments: list[Obj], claimed: str, said: str
) -> None:
    with scripted_api(tmp_path, api(deployments, claimed)) as served:
        done = command(name, tmp_path, served.kubeconfig)

    assert done.exit_code == (0 if name == "snapshot" else 4), done.output
    assert said in done.output
    assert "Traceback" not in done.output
    assert not (done.folder / LEDGER).exists()
    assert (tmp_path / "out.json").exists() == (name == "snapshot")
    assert {a.method for a in served.asked} == {"GET"}


HALF = {"mixed": plane(EDGE, identity=NEWER), "claimed": plane(EDGE)}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("which", HALF)
def test_a_half_finished_upgrade_is_said(tmp_path: Path, name: str, which: str) -> None:
    with scripted_api(tmp_path, api(HALF[which], NEWER)) as served:
        done = command(name, tmp_path, served.kubeconfig)

    assert "was begun and not finished" in done.output
    assert "Traceback" not in done.output
    if name == "upgrade":
        assert done.exit_code == 4
    elif name == "snapshot":
        assert (tmp_path / "out.json").exists()
    else:
        notes = [
            r.body.text for r in read(done.folder / LEDGER).records if isinstance(r.body, Note)
        ]
        assert any("not finished" in n for n in notes)


@pytest.mark.parametrize("name", ["verify", "snapshot"])
def test_a_vendors_linkerd_is_said_with_what_is_judged(tmp_path: Path, name: str) -> None:
    with scripted_api(tmp_path, api(plane(VENDOR), VENDOR)) as served:
        done = command(name, tmp_path, served.kubeconfig)

    assert "is a vendor's Linkerd" in done.output
    assert "not known here and not judged" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("name", COMMANDS)
def test_an_ordinary_cluster_needs_no_word(tmp_path: Path, name: str) -> None:
    with scripted_api(tmp_path, api(plane(EDGE), EDGE)) as served:
        done = command(name, tmp_path, served.kubeconfig)

    for word in ("vendor's", "not finished", "control planes, in", "Traceback"):
        assert word not in done.output


@pytest.mark.parametrize("name", COMMANDS)
def test_expired_credentials_are_said(tmp_path: Path, name: str) -> None:
    def answer(asked: Asked) -> Says:
        assert asked.authorization == "Bearer t0ken"
        return refused(401, "Unauthorized", "Unauthorized")

    with scripted_api(tmp_path, answer, tls=True) as served:
        done = command(name, tmp_path, served.kubeconfig)

    assert done.exit_code == 3, done.output
    assert done.output.count("refuses the credentials of this context (401 Unauthorized)") == 1
    assert "have expired" in done.output
    assert "Traceback" not in done.output
    assert not (done.folder / LEDGER).exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_credentials_that_a_program_cannot_give_are_said(tmp_path: Path, name: str) -> None:
    with scripted_api(tmp_path, api(plane(EDGE), EDGE), tls=True) as served:
        exec_user(
            served.kubeconfig, 'read -r answer </dev/tty || { echo "no terminal" >&2; exit 7; }'
        )
        done = command(name, tmp_path, served.kubeconfig)

    assert done.exit_code == 3, done.output
    assert done.output.count("credentials, sh, ended with exit code 7") == 1
    assert "no terminal" in done.output
    assert "Traceback" not in done.output
    assert served.asked == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_context_is_answered_with_the_nearest(tmp_path: Path, name: str) -> None:
    with scripted_api(tmp_path, api([])) as served:
        done = command(name, tmp_path, served.kubeconfig, context="elsewere")

    assert done.exit_code == 4, done.output
    assert "did you mean elsewhere" in done.output
    assert "Traceback" not in done.output
    assert served.asked == []


def test_a_context_that_is_like_none_is_answered_with_all(tmp_path: Path) -> None:
    with (
        scripted_api(tmp_path, api([])) as served,
        pytest.raises(BadInput, match="one of here, elsewhere") as caught,
    ):
        Connection(served.kubeconfig, "zzz")

    assert caught.value.cause == ""


V1 = "client.authentication.k8s.io/v1"
PROTOCOL = f'"kind": "ExecCredential", "apiVersion": "{V1}"'


@pytest.mark.parametrize(
    ("program", "more", "said"),
    [
        ("exit 3", {}, "ended with exit code 3"),
        ("cat", {}, "something else than credentials"),  # its input is closed: it ends at once
        ('echo "{}"', {}, "another protocol"),
        ('echo "{"', {}, "something else than credentials"),
        ('echo "{\\"status\\": {}}"', {}, "another protocol"),
        (f"echo '{{{PROTOCOL}}}'", {}, "gave no credentials"),
        (f'echo \'{{{PROTOCOL}, "status": {{"token": ""}}}}\'', {}, "gave no credentials"),
        ("sleep 60", {}, "did not end within 0.5 s"),
        ("exit 0", {"interactive_mode": "Always"}, "asks for input"),
        ("exit 0", {"command": "no-such-program-anywhere"}, "cannot be started"),
    ],
)
def test_a_program_that_gives_none_is_named_and_never_waited_for(
    tmp_path: Path, program: str, more: dict[str, str], said: str
) -> None:
    plain = ExecEntry(api_version=V1, command="sh", args=["-c", program])
    spec = msgspec.structs.replace(plain, **more)
    with pytest.raises(CredentialsError, match=said) as caught:
        Plugin(spec, tmp_path, where="file: user.exec", seconds=0.5).credentials()

    assert spec.command in str(caught.value)
    assert "file: user.exec" in str(caught.value)
    assert caught.value.exit_code == 3


def token(text: str, *, expires: str = "") -> str:
    status = {"token": text, **({"expirationTimestamp": expires} if expires else {})}
    said = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }
    return json.dumps(said)


@pytest.mark.parametrize(("expires", "runs"), [("", 1), ("2020-01-01T00:00:00Z", 3)])
def test_a_program_is_asked_again_when_what_it_gave_expires(
    tmp_path: Path, expires: str, runs: int
) -> None:
    log = tmp_path / "log"
    script = tmp_path / "give"
    script.write_text(
        f"#!/bin/sh\necho run >>{log}\ncat <<'END'\n{token('t', expires=expires)}\nEND\n"
    )
    script.chmod(0o755)
    seen: list[str] = []

    def answer(asked: Asked) -> Says:
        seen.append(asked.path)
        return Says(body={"gitVersion": "v1.31.4"})

    with scripted_api(tmp_path, answer, tls=True) as served:
        exec_user(served.kubeconfig, "", command="./give", args=[])
        connection = Connection(served.kubeconfig)
        for _ in range(2):
            connection.request("GET", "/version")
        connection.close()

    assert len(seen) == 2
    assert log.read_text().count("run") == runs


def test_a_user_without_the_right_to_look_gets_no_sentence(tmp_path: Path) -> None:
    with scripted_api(tmp_path, lambda _: refused(403, "Forbidden")) as served:
        assert control_planes(Connection(served.kubeconfig)) is None
