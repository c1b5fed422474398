"""The injector over real TLS: its own mounts, its own version, its own hazards."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from typing import Any

import pytest

from fixtures.embedded.kernel import ApiError
from fixtures.embedded.mesh import factories
from fixtures.linkerd.json_patch import apply_patch
from suites.embedded.mesh_stage import (
    ControlPlane,
    StageKernel,
    StageMounts,
    call,
    control_plane,
    foreign_certificate,
    namespace,
    pod,
    review,
    running,
)

Obj = dict[str, Any]

SERVICE = "linkerd-proxy-injector"


class Injector:
    """One injector pod on a stage."""

    def __init__(self, plane: ControlPlane, kernel: StageKernel, uid: str = "injector") -> None:
        self.kernel = kernel
        self.uid = uid
        self.pod = plane.pod("proxy-injector", uid)
        self.mounts: StageMounts = plane.mounts(self.pod)
        containers = self.pod["spec"]["containers"]
        own = next(each for each in containers if each["name"] == "proxy-injector")
        (self._factory,) = factories(kernel)
        program = self._factory(self.pod, own, self.mounts)
        assert program is not None
        self.program = program

    async def ask(self, plane: ControlPlane, obj: Obj) -> Obj:
        """Ask it as an API server does that has the webhook configuration of `plane`."""
        port = self.kernel.network.real_port(self.uid, 8443)
        assert port is not None, "the injector does not listen"
        return await call(port, SERVICE, plane.bundle(SERVICE), review(obj))


def stage() -> StageKernel:
    kernel = StageKernel()
    kernel.put("namespaces", namespace("shop", inject="enabled"))
    kernel.put("namespaces", namespace("plain"))
    return kernel


def patched(obj: Obj, response: Obj) -> Obj:
    assert response["patchType"] == "JSONPatch"
    return apply_patch(obj, json.loads(base64.b64decode(response["patch"])))


def test_injects_its_version_over_its_own_certificate() -> None:
    plane = control_plane("edge-25.10.7")
    injector = Injector(plane, stage())

    async def scene() -> Obj:
        async with running(injector.program) as program:
            assert program.ready()
            return await injector.ask(plane, pod())

    result = patched(pod(), asyncio.run(scene()))

    assert [each["name"] for each in result["spec"]["containers"]] == ["linkerd-proxy", "web"]
    annotations = result["metadata"]["annotations"]
    assert annotations["linkerd.io/created-by"] == "linkerd/proxy-injector edge-25.10.7"
    assert annotations["linkerd.io/proxy-version"] == "edge-25.10.7"


def test_stops_listening_when_stopped() -> None:
    injector = Injector(control_plane("edge-25.10.7"), stage())

    async def scene() -> None:
        async with running(injector.program):
            assert injector.kernel.network.real_port("injector", 8443)

    asyncio.run(scene())

    assert injector.kernel.network.real_port("injector", 8443) is None
    assert not injector.program.ready()


def test_new_bundle_rejects_old_certificate_until_the_mount_is_refreshed() -> None:
    old = control_plane("edge-25.10.7")
    new = control_plane("edge-25.10.7", old.anchor)
    injector = Injector(old, stage())

    async def scene() -> Obj:
        async with running(injector.program):
            with pytest.raises(ssl.SSLCertVerificationError):
                await injector.ask(new, pod())
            assert (await injector.ask(old, pod()))["allowed"]
            injector.mounts.volumes["tls"] = new.mounts(injector.pod).volumes["tls"]
            with pytest.raises(ssl.SSLCertVerificationError):
                await injector.ask(old, pod())
            return await injector.ask(new, pod())

    assert asyncio.run(scene())["allowed"]


def test_unreadable_certificate_leaves_the_last_one_in_service() -> None:
    plane = control_plane("edge-25.10.7")
    injector = Injector(plane, stage())

    async def scene() -> Obj:
        async with running(injector.program):
            injector.mounts.volumes["tls"] = {"tls.crt": b"nonsense", "tls.key": b"nonsense"}
            return await injector.ask(plane, pod())

    assert asyncio.run(scene())["allowed"]


def test_is_not_ready_without_a_certificate() -> None:
    injector = Injector(control_plane("edge-25.10.7"), stage())
    injector.mounts.volumes["tls"] = {}

    async def scene() -> bool:
        async with running(injector.program) as program:
            return program.ready()

    assert asyncio.run(scene()) is False


def test_configuration_is_read_at_each_request_and_created_by_is_the_binarys() -> None:
    old = control_plane("edge-25.10.6")
    new = control_plane("edge-25.10.7", old.anchor)
    injector = Injector(old, stage())

    async def scene() -> Obj:
        async with running(injector.program):
            injector.mounts.volumes["config"] = new.mounts(injector.pod).volumes["config"]
            return await injector.ask(old, pod())

    annotations = patched(pod(), asyncio.run(scene()))["metadata"]["annotations"]
    assert annotations["linkerd.io/created-by"] == "linkerd/proxy-injector edge-25.10.6"
    assert annotations["linkerd.io/proxy-version"] == "edge-25.10.7"


def test_old_binary_denies_with_configuration_of_2_20() -> None:
    old = control_plane("edge-25.10.7")
    new = control_plane("edge-26.6.3", old.anchor)
    injector = Injector(old, stage())

    async def scene() -> Obj:
        async with running(injector.program):
            injector.mounts.volumes["config"] = new.mounts(injector.pod).volumes["config"]
            return await injector.ask(old, pod())

    response = asyncio.run(scene())

    assert response["allowed"] is False
    assert response["status"]["code"] == 400
    assert "proxyInit.image" in response["status"]["message"]


def test_owner_is_named_and_told() -> None:
    plane = control_plane("edge-25.10.7")
    kernel = stage()
    owned = {"controller": True, "kind": "Deployment", "name": "web"}
    metadata = {"namespace": "shop", "name": "web-1", "ownerReferences": [owned]}
    kernel.put("replicasets.apps", {"kind": "ReplicaSet", "metadata": metadata})
    deployment = {"kind": "Deployment", "metadata": {"namespace": "shop", "name": "web"}}
    kernel.put("deployments.apps", deployment)
    injector = Injector(plane, kernel)
    asked = pod()
    asked["metadata"]["ownerReferences"] = [
        {"controller": True, "kind": "ReplicaSet", "name": "web-1"}
    ]

    async def scene() -> Obj:
        async with running(injector.program):
            return await injector.ask(plane, asked)

    labels = patched(asked, asyncio.run(scene()))["metadata"]["labels"]
    assert labels["linkerd.io/proxy-deployment"] == "web"
    assert [event[:2] for event in kernel.events] == [("Deployment/web", "Injected")]


def test_skipped_pods_are_told_to_their_owner() -> None:
    plane = control_plane("edge-25.10.7")
    kernel = stage()
    job = {"kind": "Job", "metadata": {"namespace": "shop", "name": "report"}}
    kernel.put("jobs.batch", job)
    asked = pod(hostNetwork=True)
    asked["metadata"]["ownerReferences"] = [{"controller": True, "kind": "Job", "name": "report"}]
    injector = Injector(plane, kernel)

    async def scene() -> Obj:
        async with running(injector.program):
            return await injector.ask(plane, asked)

    assert asyncio.run(scene()) == {"uid": "1", "allowed": True}
    ((about, reason, message),) = kernel.events
    assert (about, reason) == ("Job/report", "InjectionSkipped")
    assert "host network" in message


def test_services_with_opaque_ports_are_annotated_and_others_left_alone() -> None:
    plane = control_plane("edge-25.10.7")
    injector = Injector(plane, stage())
    service: Obj = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "db"},
        "spec": {"ports": [{"port": 3306, "targetPort": 3306}, {"port": 80, "targetPort": 80}]},
    }
    plain: Obj = {**service, "spec": {"ports": [{"port": 3306, "targetPort": 80}]}}

    async def scene() -> tuple[Obj, Obj]:
        async with running(injector.program):
            return await injector.ask(plane, service), await injector.ask(plane, plain)

    opaque, left = asyncio.run(scene())

    annotations = patched(service, opaque)["metadata"]["annotations"]
    assert annotations == {"config.linkerd.io/opaque-ports": "3306"}
    assert left == {"uid": "1", "allowed": True}


def test_body_that_is_no_review_is_a_bad_request() -> None:
    plane = control_plane("edge-25.10.7")
    injector = Injector(plane, stage())

    async def scene() -> None:
        async with running(injector.program):
            port = injector.kernel.network.real_port("injector", 8443)
            assert port is not None
            with pytest.raises(json.JSONDecodeError):
                await call(port, SERVICE, plane.bundle(SERVICE), {"kind": "Pod"})

    asyncio.run(scene())


def test_fault_keeps_certificate_and_configuration_of_before() -> None:
    old = control_plane("edge-25.10.6")
    new = control_plane("edge-25.10.7", old.anchor)
    kernel = stage()
    injector = Injector(old, kernel)

    async def scene() -> tuple[Obj, Obj]:
        async with running(injector.program):
            kernel.faults.enable("injector-stays-old", {})
            injector.mounts.volumes = new.mounts(injector.pod).volumes
            with pytest.raises(ssl.SSLCertVerificationError):
                await injector.ask(new, pod())
            during = await injector.ask(old, pod())
            kernel.faults.disable("injector-stays-old")
            return during, await injector.ask(new, pod())

    during, after = asyncio.run(scene())

    def version(response: Obj) -> str:
        return patched(pod(), response)["metadata"]["annotations"]["linkerd.io/proxy-version"]

    assert version(during) == "edge-25.10.6"
    assert version(after) == "edge-25.10.7"


def test_fault_denies_every_pod() -> None:
    plane = control_plane("edge-25.10.7")
    kernel = stage()
    injector = Injector(plane, kernel)

    async def scene() -> tuple[Obj, Obj]:
        async with running(injector.program):
            kernel.faults.enable("injector-denies", {"message": "no more pods"})
            during = await injector.ask(plane, pod())
            kernel.faults.disable("injector-denies")
            return during, await injector.ask(plane, pod())

    during, after = asyncio.run(scene())

    assert (during["allowed"], during["status"]["message"]) == (False, "no more pods")
    assert after["allowed"] is True


def test_fault_refuses_unknown_arguments() -> None:
    kernel = stage()
    factories(kernel)

    with pytest.raises(ApiError, match="unknown speed"):
        kernel.faults.enable("injector-stays-old", {"speed": 1})


def test_foreign_certificate_is_refused_by_the_caller() -> None:
    plane = control_plane("edge-25.10.7")
    injector = Injector(plane, stage())
    injector.mounts.volumes["tls"] = foreign_certificate()

    async def scene() -> None:
        async with running(injector.program):
            with pytest.raises(ssl.SSLCertVerificationError):
                await injector.ask(plane, pod())

    asyncio.run(scene())
