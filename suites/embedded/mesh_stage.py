"""A stage for the mesh's programs: a kernel and mounts that hold what a test puts there."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml

from fixtures.embedded.faults.registry import FaultRegistry
from fixtures.embedded.kernel import Change, Clock, Network
from fixtures.embedded.logs import Logs
from fixtures.linkerd.certificates import Pair, issuer, self_signed, trust_anchor
from fixtures.linkerd.control_plane import render_control_plane
from fixtures.linkerd.values import defaults, merge
from suites.embedded.linkerd_recordings import named

Obj = dict[str, Any]


@dataclass
class StageMounts:
    """Volumes of one pod, refreshed only by the test."""

    volumes: dict[str, dict[str, bytes]]

    def read(self, volume: str) -> dict[str, bytes]:
        return dict(self.volumes[volume])


@dataclass
class StageKernel:
    """As much of the kernel as the mesh asks of it."""

    clock: Clock = field(default_factory=Clock)
    network: Network = field(default_factory=Network)
    faults: FaultRegistry = field(default_factory=FaultRegistry)
    logs: Logs = field(init=False)
    objects: dict[tuple[str, str, str], Obj] = field(default_factory=dict[Any, Any])
    events: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    listeners: list[Callable[[Change], None]] = field(default_factory=list[Any])

    def __post_init__(self) -> None:
        self.logs = Logs(self.clock)

    def put(self, resource: str, obj: Obj) -> None:
        """Store an object and tell listeners of pods."""
        metadata = obj["metadata"]
        key = (resource, metadata.get("namespace", ""), metadata["name"])
        old = self.objects.get(key)
        self.objects[key] = obj
        for listener in self.listeners if resource == "pods" else []:
            listener(Change("pods", "MODIFIED" if old else "ADDED", old, obj))

    def drop(self, resource: str, namespace: str, name: str) -> None:
        """Remove an object and tell listeners of pods."""
        old = self.objects.pop((resource, namespace, name))
        for listener in self.listeners:
            listener(Change(resource, "DELETED", old, None))

    def get(self, resource: str, namespace: str, name: str) -> Obj | None:
        return self.objects.get((resource, namespace, name))

    def list(self, resource: str, namespace: str = "") -> list[Obj]:
        return [
            obj
            for (found, where, _), obj in self.objects.items()
            if found == resource and namespace in ("", where)
        ]

    def each(self, resource: str) -> Iterator[Obj]:
        return iter(self.list(resource))

    def subscribe(self, resources: Iterable[str], listener: Callable[[Change], None]) -> None:
        assert list(resources) == ["pods"]
        self.listeners.append(listener)

    def event(self, obj: Obj, reason: str, message: str, type_: str = "Warning") -> None:
        assert type_ == "Normal"
        self.events.append((f"{obj['kind']}/{obj['metadata']['name']}", reason, message))

    async def create(self, resource: str, obj: Obj, *, user: str = "") -> Obj:
        raise AssertionError("the mesh creates nothing")

    def update(self, resource: str, obj: Obj) -> Obj:
        raise AssertionError("the mesh updates nothing")

    update_status = update

    def delete(self, *args: object, **kwargs: object) -> None:
        raise AssertionError("the mesh deletes nothing")

    def remove(self, resource: str, namespace: str, name: str) -> None:
        raise AssertionError("the mesh removes nothing")


@dataclass
class ControlPlane:
    """A rendered control plane with its identity."""

    version: str
    anchor: Pair
    objects: list[Obj]

    def pod(self, component: str, uid: str = "") -> Obj:
        """A pod of a component's Deployment."""
        template = named(self.objects, "Deployment", f"linkerd-{component}")["spec"]["template"]
        name = uid or f"linkerd-{component}-0"
        metadata = {**template["metadata"], "name": name, "namespace": "linkerd", "uid": name}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}

    def mounts(self, pod: Obj) -> StageMounts:
        """Secrets and ConfigMaps of these objects, as mounted into the pod."""
        volumes: dict[str, dict[str, bytes]] = {}
        for volume in pod["spec"]["volumes"]:
            if "secret" in volume:
                data = named(self.objects, "Secret", volume["secret"]["secretName"])["data"]
                files = {name: base64.b64decode(text) for name, text in data.items()}
                volumes[volume["name"]] = files
            elif "configMap" in volume:
                data = named(self.objects, "ConfigMap", volume["configMap"]["name"])["data"]
                volumes[volume["name"]] = {name: text.encode() for name, text in data.items()}
        return StageMounts(volumes)

    def bundle(self, configuration: str) -> str:
        """The caBundle of a webhook configuration, PEM."""
        webhook = next(
            obj["webhooks"][0]
            for obj in self.objects
            if "webhooks" in obj and obj["metadata"]["name"].startswith(configuration)
        )
        return base64.b64decode(webhook["clientConfig"]["caBundle"]).decode()

    def values(self) -> Obj:
        """What an injector reads: the stored values with the mounted anchors."""
        config = named(self.objects, "ConfigMap", "linkerd-config")["data"]["values"]
        roots = named(self.objects, "ConfigMap", "linkerd-identity-trust-roots")["data"]
        return {**yaml.safe_load(config), "identityTrustAnchorsPEM": roots["ca-bundle.crt"]}


def control_plane(version: str, anchor: Pair | None = None, **overrides: Any) -> ControlPlane:
    """Render a control plane with an identity of its own, or under the anchor given."""
    now = datetime.now(UTC)
    anchor = anchor or trust_anchor()
    signer = issuer(anchor)
    tls = {"crtPEM": signer.certificate_pem, "keyPEM": signer.key_pem}
    identity = {
        "identityTrustAnchorsPEM": anchor.certificate_pem,
        "identity": {"issuer": {"tls": tls}},
    }
    values = merge(merge(defaults(version), identity), overrides)
    objects = render_control_plane(
        version, values, overrides={}, now=now, created_by=f"linkerd/cli {version}"
    )
    return ControlPlane(version, anchor, objects)


def namespace(name: str, **annotations: str) -> Obj:
    """A Namespace; annotation `inject` is the mesh's."""
    found = {f"linkerd.io/{key}": value for key, value in annotations.items()}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "annotations": found},
    }


def pod(name: str = "web", **spec: Any) -> Obj:
    """A pod as the API server sends it to webhooks, its token mounted."""
    mount = {
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        "name": "kube-api-access-x",
        "readOnly": True,
    }
    container = {
        "name": "web",
        "image": "web:1",
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "volumeMounts": [mount],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [container], "volumes": [{"name": "kube-api-access-x"}], **spec},
    }


def review(obj: Obj, where: str = "shop") -> Obj:
    """An AdmissionReview of a creation."""
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1",
            "kind": {"kind": obj["kind"]},
            "namespace": where,
            "operation": "CREATE",
            "object": obj,
        },
    }


async def call(port: int, service: str, bundle: str, body: Obj) -> Obj:
    """Call a webhook as an API server that trusts `bundle` does; TLS errors come through."""
    trust = ssl.create_default_context(cadata=bundle)
    host = f"{service}.linkerd.svc"
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trust, server_hostname=host
    )
    try:
        payload = json.dumps(body).encode()
        head = f"POST /?timeout=10s HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(payload)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + payload)
        answer = await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
    return json.loads(answer.partition(b"\r\n\r\n")[2])["response"]


@contextlib.asynccontextmanager
async def running(program: Any) -> AsyncGenerator[Any]:
    """A program between start and stop."""
    await program.start()
    try:
        yield program
    finally:
        await program.stop()


def foreign_certificate() -> dict[str, bytes]:
    """Files of a TLS Secret that no webhook configuration knows."""
    pair = self_signed("linkerd-proxy-injector.linkerd.svc")
    return {"tls.crt": pair.certificate_pem.encode(), "tls.key": pair.key_pem.encode()}
