"""A cluster loaded with hostile objects runs, writes and dials nothing of theirs."""

from __future__ import annotations

import contextlib
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

from fixtures.embedded import dialling
from fixtures.embedded.mesh.serving import MountedCertificate
from fixtures.embedded.process import EmbeddedProcess

Obj = dict[str, Any]


def pod(
    name: str, command: list[str], volumes: list[Obj], mounts: list[Obj], folder: str = "/probe"
) -> Obj:
    container = {
        **{"name": "app", "image": "a:1", "command": command, "volumeMounts": mounts},
        "workingDir": folder,
    }
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
    (mark / "prober").mkdir()
    for name in ("prober.py", "prober/__init__.py", "prober/__main__.py"):
        (mark / name).write_text(code, encoding="utf-8")
    meta = {"name": "evil", "namespace": "default"}
    data = {"prober.py": code, "__main__.py": code, "../up": "x", "a/b": "x"}
    config: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
    volume = [{"name": "v", "configMap": {"name": "evil"}}]
    items = [{"key": "__main__.py", "path": f"../../../../../..{mark}/items"}]
    picked = [{"name": "v", "configMap": {"name": "evil", "items": items}}]
    projected = [{"name": "v", "projected": {"sources": [{"configMap": picked[0]["configMap"]}]}}]
    down = {"items": [{"path": f"../../../../..{mark}/down", "fieldRef": {"fieldPath": "x"}}]}
    probe = ["python3", "-m", "prober", "probe"]
    package = "/probe/prober"

    def at(path: str, **more: str) -> list[Obj]:
        return [{"name": "v", "mountPath": path, **more}]

    host = [{"name": "v", "hostPath": {"path": str(mark)}}]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}},
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}},
        config,
        pod("config", probe, volume, at(package)),
        pod("file", ["python3", "/probe/prober.py", "probe"], volume, at("/probe")),
        pod("gaps", [*probe[:3], "echo", "--gaps", "1"], volume, at(package)),
        pod("here", ["python3", str(mark / "prober.py"), "probe"], [], []),
        pod("there", probe, [], [], str(mark)),
        pod("both", probe, volume, at(f"{mark}/prober"), str(mark)),
        pod("above", probe, volume, at(f"/../../../../../..{mark}/mounted")),
        pod("absolute", probe, volume, at(f"{mark}/mounted")),
        pod("picked", probe, picked, at(package)),
        pod("projected", probe, projected, at(package)),
        pod("downward", probe, [{"name": "v", "downwardAPI": down}], at(package)),
        pod("sub", probe, volume, at(package, subPath=f"../../../../..{mark}/sub")),
        pod("hostpath", probe, host, at(package)),
    ]


MARKED = {
    *("config", "file", "gaps", "here", "there", "both", "above", "absolute"),
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

    assert sorted(p.name for p in mark.rglob("*.*")) == [
        *("__init__.py", "__main__.py", "prober.py"),
    ]
    assert "default/config: 'not run: /probe/prober/../up is no file of the prober" in said
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
