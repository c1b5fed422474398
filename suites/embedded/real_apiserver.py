"""A real kube-apiserver for the contract tests, where its binary is at hand."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Generator
from pathlib import Path

from fixtures.embedded.api.access import pki

ASSETS = "KUBEBUILDER_ASSETS"
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_GROUP = "system:masters"


class ApiServerError(Exception):
    """The kube-apiserver does not start; says why."""


class MissingError(ApiServerError):
    """There is none."""


def binaries() -> tuple[Path, Path]:
    """etcd and kube-apiserver, from KUBEBUILDER_ASSETS or else PATH.

    Raises:
        MissingError: One of them is not there.
    """
    found: list[Path] = []
    for name in ("etcd", "kube-apiserver"):
        folder = os.environ.get(ASSETS)
        path = str(Path(folder, name)) if folder else shutil.which(name)
        if path is None or not os.access(path, os.X_OK):
            where = f"{ASSETS}={folder}" if folder else f"PATH ({ASSETS} is not set)"
            raise MissingError(f"{name} is not in {where}")
        found.append(Path(path))
    return found[0], found[1]


@contextlib.contextmanager
def running(state: Path) -> Generator[Path]:
    """Run etcd and a kube-apiserver without controllers; gives the kubeconfig.

    Raises:
        ApiServerError: They are not there, or do not start.
    """
    etcd, server = binaries()
    credentials = pki.issue(state)
    tokens = f'{credentials.token},admin,admin,"{_GROUP}"\n'
    pki.write_private(state / "tokens.csv", tokens.encode())
    store, peer, port = (_free_port() for _ in range(3))
    kubeconfig = state / "kubeconfig"
    pki.write_kubeconfig(kubeconfig, f"https://127.0.0.1:{port}", credentials)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_child(_etcd(etcd, state, store, peer), state / "etcd.log"))
        arguments = _api_server(server, state, credentials, store, port)
        child = stack.enter_context(_child(arguments, state / "apiserver.log"))
        _wait(child, port, credentials, state / "apiserver.log")
        yield kubeconfig


def _etcd(binary: Path, state: Path, port: int, peer: int) -> list[str]:
    client, other = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
    return [
        str(binary),
        f"--data-dir={state / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={other}",
        f"--initial-advertise-peer-urls={other}",
        f"--initial-cluster=default={other}",
        "--unsafe-no-fsync",
    ]


def _api_server(
    binary: Path, state: Path, credentials: pki.Credentials, store: int, port: int
) -> list[str]:
    certificate, key = credentials.certificate, credentials.key
    return [
        str(binary),
        f"--etcd-servers=http://127.0.0.1:{store}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={state / 'certificates'}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--token-auth-file={state / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={certificate}",
        f"--service-account-signing-key-file={key}",
        "--disable-admission-plugins=ServiceAccount",
    ]


@contextlib.contextmanager
def _child(argv: list[str], log: Path) -> Generator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait(
    child: subprocess.Popen[bytes], port: int, credentials: pki.Credentials, log: Path
) -> None:
    context = ssl.create_default_context(cadata=credentials.ca_pem)
    request = urllib.request.Request(
        f"https://127.0.0.1:{port}/readyz",
        headers={"Authorization": f"Bearer {credentials.token}"},
    )
    end = time.monotonic() + _START_SECONDS
    while child.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(request, context=context, timeout=2).close()
            return
        time.sleep(0.2)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
    raise ApiServerError(f"kube-apiserver does not become ready; {log}:\n{tail}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
