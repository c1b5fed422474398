"""Objects of a cluster are data: none of them runs a program, names a file, or makes a request."""

from __future__ import annotations

import contextlib
import copy
import json
import socket
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.targets.embedded import dialling
from fixtures.targets.embedded.mesh.serving import MountedCertificate
from fixtures.targets.embedded.network.prober_command import (
    DIGEST,
    MOST_PATHS,
    BadWords,
    Gaps,
    NotRun,
    Probe,
    command_of,
)
from fixtures.targets.embedded.process import EmbeddedProcess
from fixtures.traffic import prober, workloads

Obj = dict[str, Any]
IMAGE = "python:3-slim"
OURS = Path(prober.__file__).read_text(encoding="utf-8")
PATH: Obj = {"id": "a", "kind": "http-new", "host": "echo.shop.svc", "port": 8080}


class Files:
    """Volumes as they are in a pod."""

    def __init__(self, **volumes: dict[str, bytes]) -> None:
        self.volumes = volumes

    def read(self, volume: str) -> dict[str, bytes]:
        return self.volumes[volume]


def files(program: str = OURS, paths: object = (PATH,), name: str = "prober.py") -> Files:
    targets = json.dumps({"paths": paths}).encode()
    return Files(program={name: program.encode()}, targets={"targets.json": targets})


def source() -> Obj:
    return workloads.source_pod("a", "shop", IMAGE, meshed=False, native=True)


def echo() -> Obj:
    return workloads.self_test_pod("a", "shop", IMAGE, (0.5, 0.1), 0.2)


def asked(pod: Obj, mounted: Files | None = None, place: int = 0) -> object:
    return command_of(pod, pod["spec"]["containers"][place], mounted or files())


def changed(edit: Callable[[Obj, Obj], object], pod: Obj | None = None) -> Obj:
    """A source's pod, its spec and its first container edited."""
    made = copy.deepcopy(pod or source())
    edit(made["spec"], made["spec"]["containers"][0])
    return made


def test_the_pods_of_a_rehearsal_are_run() -> None:
    found = asked(source())
    assert isinstance(found, Probe)
    assert [p.host for p in found.paths] == ["echo.shop.svc"]
    assert asked(echo()) == Gaps(8099, 0.0, (0.5, 0.1), 0.2)
    assert asked(changed(lambda _, c: c.update(command=["sleep", "1"], args=[]))) is None


def words(*command: str) -> Callable[[Obj, Obj], object]:
    return lambda _, c: c.update(command=list(command), args=[])


ELSEWHERE: dict[str, Callable[[Obj, Obj], object]] = {
    "a file of the host": words("python3", "/tmp/prober.py", "probe"),
    "a relative path": words("python3", "prober/prober.py", "probe"),
    "up and down again": words("python3", "/prober/../prober/prober.py", "probe"),
    "above the mount": words("python3", "/prober/../../tmp/prober.py", "probe"),
    "two slashes": words("python3", "//prober/prober.py", "probe"),
    "another interpreter": words("/tmp/python3", "/prober/prober.py", "probe"),
    "a shell": words("sh", "-c", "/prober/prober.py", "probe"),
    "an option of the interpreter": words("python3", "-c", "x=1#/prober.py", "probe"),
    "code before the program": words("python3", "-i", "/prober/prober.py", "probe"),
    "the program alone": words("/prober/prober.py", "probe"),
    "a subPath": lambda _, c: c["volumeMounts"][0].update(subPath="../../x"),
    "a subPathExpr": lambda _, c: c["volumeMounts"][0].update(subPathExpr="$(A)"),
    "mounted above": lambda _, c: c["volumeMounts"][0].update(mountPath="/x/../prober"),
    "a host path": lambda s, _: s["volumes"][0].update(hostPath={"path": "/tmp"}, configMap=None),
    "the downward API": lambda s, _: s["volumes"][0].update(downwardAPI={}, configMap=None),
    "a projection": lambda s, _: s["volumes"][0].update(projected={}, configMap=None),
    "a Secret": lambda s, _: s["volumes"][0].update(secret={}, configMap=None),
    "no such volume": lambda s, _: s.update(volumes=[]),
    "no mount": lambda _, c: c.update(volumeMounts=[]),
}


@pytest.mark.parametrize("how", ELSEWHERE)
def test_a_program_from_elsewhere_is_no_program(how: str) -> None:
    with pytest.raises(NotRun) as caught:
        asked(changed(ELSEWHERE[how]))
    assert not isinstance(caught.value, BadWords)


@pytest.mark.parametrize("text", ["", "import os", OURS + "\n", OURS.replace("a", "b", 1)])
def test_only_the_very_bytes_that_were_shipped_are_run(text: str) -> None:
    with pytest.raises(NotRun, match=DIGEST[:12]):
        asked(source(), files(text))
    with pytest.raises(NotRun):
        asked(source(), files(name="../prober.py"))


@pytest.mark.parametrize(
    "more",
    [
        ("--out", "/tmp/written"),
        ("--out", "../written"),
        ("--linger", "-1"),
        ("--linger", "1e9"),
        ("--linger", "9999"),
        ("--linger", "nan"),
        ("--targets", "/etc/passwd"),
        ("--targets", "targets.json"),
        ("--pod", "x"),
        ("--help",),
        ("--linger=5",),
    ],
)
def test_words_outside_of_the_grammar_are_refused(more: tuple[str, ...]) -> None:
    known = {"--targets": "/targets/targets.json", "--out": "-"}
    if len(more) == 2:
        known.pop(more[0], None)
    rest = [w for pair in known.items() for w in pair]
    given = ("python3", "/prober/prober.py", "probe", *rest, *more)

    with pytest.raises(BadWords):
        asked(changed(words(*given)))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--host", "0.0.0.0"),
        ("--port", "70000"),
        ("--port", "0"),
        ("--port", "x"),
        ("--gaps", "1," * 30 + "1"),
        ("--gaps", "1;2"),
        ("--rest", "1e5"),
        ("--unix", "/tmp/x"),
    ],
)
def test_an_echo_listens_where_it_is_told_to_by_us(option: str, value: str) -> None:
    given = {"--host": "127.0.0.1", "--port": "8099", "--gaps": "0.5"} | {option: value}
    flat = [w for pair in given.items() for w in pair]

    with pytest.raises(BadWords):
        asked(changed(words("python3", "/prober/prober.py", "echo", *flat)))


@pytest.mark.parametrize(
    "key",
    [
        {"host": "evil.example/x"},
        {"host": "a\r\nX: y"},
        {"host": "..x"},
        {"host": ""},
        {"port": 0},
        {"port": 99999},
        {"port": "80"},
        {"kind": "file"},
        {"id": "a\nb"},
        {"id": "x" * 300},
        {"interval": 0},
        {"interval": -1},
        {"limit": 1e9},
        {"identity": "\u202e"},
        {"echo": "yes"},
    ],
)
def test_a_target_file_is_made_of_checked_values(key: Obj) -> None:
    with pytest.raises(BadWords):
        asked(source(), files(paths=[PATH | key]))


def test_addresses_and_files_of_a_target_file_are_not_passed_on() -> None:
    own = {"address": "10.0.0.1", "address_port": 22, "tls": {"ca": "/etc/shadow"}, "out": "/x"}
    found = asked(source(), files(paths=[PATH | own]))

    assert isinstance(found, Probe)
    assert "10.0.0.1" not in repr(found)
    assert "shadow" not in repr(found)


@pytest.mark.parametrize("paths", [[], [PATH] * (MOST_PATHS + 1), {}, "x", None])
def test_a_target_file_has_some_paths_and_not_too_many(paths: object) -> None:
    with pytest.raises(BadWords):
        asked(source(), files(paths=paths))


# A cluster that is loaded with hostile objects


def pod(name: str, command: list[str], volumes: list[Obj], mounts: list[Obj]) -> Obj:
    container = {"name": "app", "image": "a:1", "command": command, "volumeMounts": mounts}
    started = "2026-01-01T00:00:00Z"
    status = {"name": "app", "ready": True, "restartCount": 0, "image": "a:1", "imageID": ""}
    running = {**status, "started": True, "state": {"running": {"startedAt": started}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "spec": {"nodeName": "n1", "containers": [container], "volumes": volumes},
        "status": {"phase": "Running", "containerStatuses": [running]},
    }


def hostile(mark: Path) -> list[Obj]:
    """Pods that would leave a file in a folder if anything of theirs was run or written."""
    code = f"open({str(mark / 'ran')!r}, 'a').write('x')"
    (mark / "prober.py").write_text(code, encoding="utf-8")
    meta = {"name": "evil", "namespace": "default"}
    data = {"prober.py": code, "../up": "x", "a/b": "x"}
    config: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
    volume = [{"name": "v", "configMap": {"name": "evil"}}]
    items = [{"key": "prober.py", "path": f"../../../../../..{mark}/items"}]
    picked = [{"name": "v", "configMap": {"name": "evil", "items": items}}]
    projected = [{"name": "v", "projected": {"sources": [{"configMap": picked[0]["configMap"]}]}}]
    down = {"items": [{"path": f"../../../../..{mark}/down", "fieldRef": {"fieldPath": "x"}}]}
    probe = ["python3", "/probe/prober.py", "probe"]

    def at(path: str, **more: str) -> list[Obj]:
        return [{"name": "v", "mountPath": path, **more}]

    host = [{"name": "v", "hostPath": {"path": str(mark)}}]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}},
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}},
        config,
        pod("config", probe, volume, at("/probe")),
        pod("gaps", [*probe[:2], "echo", "--gaps", "1"], volume, at("/probe")),
        pod("here", ["python3", str(mark / "prober.py"), "probe"], [], []),
        pod("above", probe, volume, at(f"/../../../../../..{mark}/mounted")),
        pod("absolute", probe, volume, at(f"{mark}/mounted")),
        pod("picked", probe, picked, at("/probe")),
        pod("projected", probe, projected, at("/probe")),
        pod("downward", probe, [{"name": "v", "downwardAPI": down}], at("/probe")),
        pod("sub", probe, volume, at("/probe", subPath=f"../../../../..{mark}/sub")),
        pod("hostpath", probe, host, at("/probe")),
    ]


MARKED = {
    *("config", "gaps", "here", "above", "absolute"),
    *("picked", "projected", "downward", "sub", "hostpath"),
}
FOREIGN = "not called: an embedded cluster calls only servers that it runs itself"


def wait_for(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)


@contextlib.contextmanager
def listening() -> Generator[tuple[int, Callable[[], int]]]:
    """A port of this machine that is nobody's business, and how often it was dialled."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        server.setblocking(False)

        def count() -> int:
            found = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    server.accept()[0].close()
                    found += 1
            return found

        yield server.getsockname()[1], count


def webhook(name: str, client: Obj) -> Obj:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    hook = {
        "name": f"{name}.x.y",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
        "timeoutSeconds": 1,
        "clientConfig": client,
        "rules": [{**rule, "scope": "*"}],
    }
    kind = "ValidatingWebhookConfiguration"
    api = "admissionregistration.k8s.io/v1"
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "webhooks": [hook]}


def foreign(port: int) -> list[Obj]:
    """Webhooks and what is behind them, each leading to a port that is not the cluster's."""
    meta = {"name": "out", "namespace": "default"}
    named = {**meta, "name": "named"}
    ports = [{"name": "", "port": port, "protocol": "TCP"}]
    slices = {"kubernetes.io/service-name": "out"}
    target = {"kind": "Pod", "name": "config", "namespace": "default", "uid": "uid-config"}
    endpoint = {"addresses": ["127.0.0.1"], "conditions": {"ready": True}, "targetRef": target}
    group = {"group": "evil.example", "version": "v1", "versionPriority": 1}
    service = {"namespace": "default", "port": port}
    return [
        webhook("by-url", {"url": f"https://127.0.0.1:{port}/a"}),
        webhook("by-plain-url", {"url": f"http://127.0.0.1:{port}/a"}),
        webhook("by-name", {"url": f"https://localhost:{port}@127.0.0.1:{port}/a"}),
        webhook("by-slice", {"service": {**service, "name": "out"}}),
        webhook("by-external-name", {"service": {**service, "name": "named"}}),
        webhook("by-path", {"service": {**service, "name": "out", "path": f"@127.0.0.1:{port}/"}}),
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": ports}},
        {
            "apiVersion": "v1", "kind": "Service", "metadata": named,
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": ports},
        },
        {
            "apiVersion": "v1", "kind": "Endpoints", "metadata": meta,
            "subsets": [{"addresses": [{"ip": "127.0.0.1"}], "ports": ports}],
        },
        {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {**meta, "labels": slices}, "ports": ports, "endpoints": [endpoint],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": "v1.evil.example"},
            "spec": {**group, "groupPriorityMinimum": 1, "service": {**service, "name": "out"}},
        },
    ]  # fmt: skip


def children(parent: int) -> list[str]:
    """Command lines of the processes that a process has started."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append((entry / "cmdline").read_bytes().decode(errors="replace"))
    return found


def test_a_loaded_cluster_runs_writes_and_dials_nothing_of_its_objects(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.mkdir()
    with listening() as (port, dialled):
        objects = [*hostile(mark), *foreign(port)]
        file = tmp_path / "load.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        with EmbeddedProcess.start(tmp_path / "cluster", speed=50, load=[file]) as started:
            server_log = tmp_path / "cluster" / "server.log"
            wait_for(lambda: server_log.read_text().count("not run:") == len(MARKED))
            made = {"metadata": {"name": "asks-every-webhook"}}
            started.post("/api/v1/namespaces/default/configmaps", made)
            with contextlib.suppress(Exception):  # whatever it answers, it must not ask
                started.get("/apis/evil.example/v1")
            said = server_log.read_text()
            assert children(started.pid) == []
        assert dialled() == 0

    assert sorted(p.name for p in mark.iterdir()) == ["prober.py"]
    assert "default/config: 'not run: /probe/prober.py is not the prober" in said
    assert {name for name in MARKED if f"default/{name}: 'not run:" in said} == MARKED
    assert FOREIGN in said, "the URLs were met, and left alone"


def test_nothing_but_its_own_ports_is_dialled() -> None:
    make = dialling.only(lambda: {8443})
    tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")

    make((*tcp, ("127.0.0.1", 8443))).close()
    for address in (("127.0.0.1", 443), ("10.0.0.1", 8443), ("127.0.0.2", 8443), ("::1", 8443)):
        with pytest.raises(ConnectionRefusedError):
            make((*tcp, address))


def test_an_encrypted_key_is_not_asked_for() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"unknown"),
    )
    certificate = trustme.CA().issue_cert("x.y").cert_chain_pems[0].bytes()
    mounted = MountedCertificate(lambda: {"tls.crt": certificate, "tls.key": locked})

    assert not mounted.loaded
