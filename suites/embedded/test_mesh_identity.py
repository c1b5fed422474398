"""Proxies wait for identity; identity waits for a valid issuer; validators answer over TLS."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fixtures.embedded.kernel import Clock, Program
from fixtures.embedded.mesh import factories
from fixtures.linkerd.certificates import issuer, trust_anchor
from fixtures.linkerd.proxy import Injected, inject
from suites.embedded.linkerd_recordings import named
from suites.embedded.mesh_stage import (
    ControlPlane,
    StageKernel,
    StageMounts,
    call,
    control_plane,
    namespace,
    pod,
    review,
    running,
)

Obj = dict[str, Any]

VERSION = "edge-25.10.7"


def cluster(plane: ControlPlane, clock: Clock | None = None) -> StageKernel:
    """The objects of a control plane that proxies read."""
    kernel = StageKernel(clock=clock or Clock())
    kernel.put("secrets", named(plane.objects, "Secret", "linkerd-identity-issuer"))
    kernel.put("configmaps", named(plane.objects, "ConfigMap", "linkerd-identity-trust-roots"))
    return kernel


def identity_pod(plane: ControlPlane, *, is_ready: bool) -> Obj:
    found = plane.pod("identity")
    state = "True" if is_ready else "False"
    return {**found, "status": {"conditions": [{"type": "Ready", "status": state}]}}


def program_of(kernel: StageKernel, owner: Obj, name: str, mounts: StageMounts) -> Program:
    containers = [*owner["spec"].get("initContainers", []), *owner["spec"]["containers"]]
    container = next(each for each in containers if each["name"] == name)
    (factory,) = factories(kernel)
    program = factory(owner, container, mounts)
    assert program is not None
    return program


def meshed(plane: ControlPlane) -> Obj:
    answer = inject(
        pod(), namespace("shop", inject="enabled"), plane.values(), injector_version=plane.version
    )
    assert isinstance(answer, Injected)
    return answer.pod


def proxy_of(kernel: StageKernel, owner: Obj) -> Program:
    return program_of(kernel, owner, "linkerd-proxy", StageMounts({}))


def test_proxy_waits_for_a_ready_identity_and_stays_ready_after() -> None:
    plane = control_plane(VERSION)
    kernel = cluster(plane)
    proxy = proxy_of(kernel, meshed(plane))

    assert not proxy.ready()
    kernel.put("pods", identity_pod(plane, is_ready=False))
    assert not proxy.ready()
    kernel.put("pods", identity_pod(plane, is_ready=True))
    assert proxy.ready()

    kernel.drop("pods", "linkerd", "linkerd-identity-0")
    assert proxy.ready()
    assert not proxy_of(kernel, meshed(plane)).ready()


def test_proxy_made_while_identity_is_down_becomes_ready_when_it_returns() -> None:
    plane = control_plane(VERSION)
    kernel = cluster(plane)
    kernel.put("pods", identity_pod(plane, is_ready=True))
    (factory,) = factories(kernel)
    kernel.put("pods", identity_pod(plane, is_ready=False))
    owner = meshed(plane)
    proxy = factory(owner, owner["spec"]["containers"][0], StageMounts({}))
    assert proxy is not None

    assert not proxy.ready()
    kernel.put("pods", identity_pod(plane, is_ready=True))

    assert proxy.ready()


def test_proxy_under_other_anchors_never_gets_a_certificate() -> None:
    plane, foreign = control_plane(VERSION), control_plane(VERSION)
    kernel = cluster(plane)
    kernel.put("pods", identity_pod(plane, is_ready=True))

    assert not proxy_of(kernel, meshed(foreign)).ready()


def test_bundle_of_both_anchors_serves_during_a_rotation() -> None:
    plane, old = control_plane(VERSION), trust_anchor()
    both = old.certificate_pem + plane.anchor.certificate_pem
    kernel = cluster(plane)
    kernel.put("pods", identity_pod(plane, is_ready=True))
    owner = meshed(plane)
    for variable in owner["spec"]["containers"][0]["env"]:
        if variable["name"] == "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS":
            variable["value"] = both

    assert proxy_of(kernel, owner).ready()


def test_proxy_of_the_control_plane_reads_anchors_from_the_config_map() -> None:
    plane = control_plane(VERSION)
    kernel = cluster(plane)
    kernel.put("pods", identity_pod(plane, is_ready=True))

    assert proxy_of(kernel, plane.pod("destination")).ready()


def test_proxy_beside_identity_does_not_wait_for_its_own_pod() -> None:
    plane = control_plane(VERSION)

    assert proxy_of(cluster(plane), plane.pod("identity")).ready()


def test_expired_issuer_issues_nothing() -> None:
    plane = control_plane(VERSION)
    kernel = cluster(plane, Clock(start=datetime.now(UTC) + timedelta(days=400)))
    kernel.put("pods", identity_pod(plane, is_ready=True))

    assert not proxy_of(kernel, meshed(plane)).ready()


@pytest.mark.parametrize("scheme", ["crt.pem", "tls.crt"])
def test_identity_is_ready_with_an_issuer_under_its_roots(scheme: str) -> None:
    plane = control_plane(VERSION)
    owner = plane.pod("identity")
    mounts = plane.mounts(owner)
    mounts.volumes["identity-issuer"] = {
        scheme: mounts.volumes["identity-issuer"]["crt.pem"],
    }

    assert program_of(cluster(plane), owner, "identity", mounts).ready()


def test_identity_is_not_ready_with_a_foreign_issuer() -> None:
    plane = control_plane(VERSION)
    owner = plane.pod("identity")
    mounts = plane.mounts(owner)
    stranger = issuer(trust_anchor()).certificate_pem.encode()
    mounts.volumes["identity-issuer"] = {"crt.pem": stranger}

    assert not program_of(cluster(plane), owner, "identity", mounts).ready()


@pytest.mark.parametrize(
    ("container", "port", "service"),
    [
        ("sp-validator", 8443, "linkerd-sp-validator"),
        ("policy", 9443, "linkerd-policy-validator"),
    ],
)
def test_validators_answer_with_the_mounted_certificate(
    container: str, port: int, service: str
) -> None:
    plane = control_plane(VERSION)
    kernel = cluster(plane)
    owner = plane.pod("destination")
    program = program_of(kernel, owner, container, plane.mounts(owner))
    good: Obj = {"kind": "Server", "metadata": {"name": "a"}, "spec": {"port": 80}}

    async def scene() -> list[bool]:
        async with running(program):
            assert program.ready()
            real = kernel.network.real_port(owner["metadata"]["uid"], port)
            assert real is not None
            return [
                (await call(real, service, plane.bundle(service), review(obj)))["allowed"]
                for obj in (good, {**good, "spec": "nonsense"})
            ]

    assert asyncio.run(scene()) == [True, False]


def test_other_containers_have_no_program_of_their_own() -> None:
    plane = control_plane(VERSION)
    (factory,) = factories(cluster(plane))
    destination = plane.pod("destination")
    own = next(each for each in destination["spec"]["containers"] if each["name"] == "destination")

    assert factory(destination, own, StageMounts({})) is None
    assert factory(pod() | {"metadata": {"name": "x"}}, {"name": "web"}, StageMounts({})) is None


def test_issuer_secret_of_a_rotation_counts_at_once() -> None:
    plane = control_plane(VERSION)
    kernel = cluster(plane)
    kernel.put("pods", identity_pod(plane, is_ready=True))
    stranger = issuer(trust_anchor()).certificate_pem.encode()
    secret = named(plane.objects, "Secret", "linkerd-identity-issuer")
    data = {**secret["data"], "crt.pem": base64.b64encode(stranger).decode()}
    proxy = proxy_of(kernel, meshed(plane))

    kernel.put("secrets", {**secret, "data": data})
    assert not proxy.ready()
    kernel.put("secrets", secret)
    assert proxy.ready()


def test_injectors_of_extensions_answer_too() -> None:
    plane = control_plane(VERSION)
    kernel = cluster(plane)
    mounts = plane.mounts(plane.pod("proxy-injector"))
    metadata = {"name": "tap", "uid": "tap", "labels": {"linkerd.io/extension": "viz"}}
    owner: Obj = {"metadata": metadata, "spec": {"containers": [{"name": "tap-injector"}]}}
    program = program_of(kernel, owner, "tap-injector", mounts)

    async def scene() -> Obj:
        async with running(program):
            real = kernel.network.real_port("tap", 8443)
            assert real is not None
            service = "linkerd-proxy-injector"
            return await call(real, service, plane.bundle(service), review(pod()))

    assert asyncio.run(scene()) == {"uid": "1", "allowed": True}


def test_container_of_that_name_without_the_volume_is_never_ready() -> None:
    plane = control_plane(VERSION)
    owner = plane.pod("destination")
    program = program_of(cluster(plane), owner, "policy", StageMounts({}))

    async def scene() -> bool:
        async with running(program):
            return program.ready()

    assert asyncio.run(scene()) is False
