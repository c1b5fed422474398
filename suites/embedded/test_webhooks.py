"""Admission webhooks, called over TLS at a ready pod behind a Service."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trustme
from aiohttp import web

from fixtures.embedded.api.calls import ADMIN, Call
from fixtures.embedded.api.core import ApiKernel
from fixtures.embedded.kernel import ApiError, Clock, Obj

MUTATING = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
VALIDATING = "validatingwebhookconfigurations.admissionregistration.k8s.io"
HOST = "injector.mesh.svc"


@dataclass
class Stage:
    """A kernel, and a webhook server that answers as the test says."""

    kernel: ApiKernel
    ca: trustme.CA
    reviews: list[Obj] = field(default_factory=list[Obj])
    answer: Callable[[Obj], Obj] = lambda request: {"allowed": True}
    delay: float = 0.0

    async def serve(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.delay)
        review: Any = await request.json()
        self.reviews.append(review["request"])
        response = {"uid": review["request"]["uid"], **self.answer(review["request"])}
        return web.json_response(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        )

    def hook(self, name: str = "injector.example.com", **changes: Any) -> Obj:
        bundle = base64.b64encode(self.ca.cert_pem.bytes()).decode()
        service = {"name": "injector", "namespace": "mesh", "path": "/inject"}
        hook: Obj = {
            "name": name,
            "clientConfig": {"service": service, "caBundle": bundle},
            "rules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["pods"],
                }
            ],
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        return {**hook, **changes}

    async def configure(self, *hooks: Obj, kind: str = MUTATING, name: str = "hooks") -> None:
        await self.kernel.create(kind, {"metadata": {"name": name}, "webhooks": list(hooks)})

    async def pod(self, namespace: str = "shop", **labels: str) -> Obj:
        container = {"name": "main", "image": "main:1"}
        return await self.kernel.create(
            "pods",
            {
                "metadata": {"generateName": "p-", "namespace": namespace, "labels": labels},
                "spec": {"containers": [container]},
            },
        )


@asynccontextmanager
async def stage(*, ready: bool = True, host: str = HOST) -> AsyncGenerator[Stage]:
    kernel = ApiKernel(Clock(20.0), 31, 1)
    ca = trustme.CA()
    play = Stage(kernel, ca)
    for name in ("mesh", "shop"):
        metadata: Obj = {"name": name, "labels": {"injected": "yes" if name == "shop" else "no"}}
        await kernel.create("namespaces", {"metadata": metadata})
        account = {"metadata": {"name": "default", "namespace": name}}
        await kernel.create("serviceaccounts", account)
    ports = [{"name": "https", "port": 443, "targetPort": "hook"}]
    await kernel.create(
        "services",
        {"metadata": {"name": "injector", "namespace": "mesh"}, "spec": {"ports": ports}},
    )
    await kernel.create(
        "endpointslices.discovery.k8s.io",
        {
            "metadata": {
                "name": "injector-1",
                "namespace": "mesh",
                "labels": {"kubernetes.io/service-name": "injector"},
            },
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": 8443, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": ["10.244.0.9"],
                    "conditions": {"ready": ready},
                    "targetRef": {"kind": "Pod", "name": "injector", "uid": "uid-of-pod"},
                }
            ],
        },
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(host).configure_cert(context)
    application = web.Application()
    application.router.add_post("/inject", play.serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        kernel.network.listen("uid-of-pod", 8443, runner.addresses[0][1])
        yield play
    finally:
        await kernel.writes.admission.webhooks.client.close()
        await runner.cleanup()


def run(scene: Callable[[Stage], Awaitable[None]], **how: Any) -> None:
    async def main() -> None:
        async with stage(**how) as play:
            await scene(play)

    asyncio.run(main())


def patch_of(*operations: Obj) -> Obj:
    encoded = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


ADD_LABEL: Obj = {"op": "add", "path": "/metadata/labels", "value": {"injected": "1"}}


async def refused(play: Stage, **labels: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await play.pod(**labels)
    return caught.value


def test_patch_of_a_webhook_is_in_the_stored_pod() -> None:
    container = {"name": "proxy", "image": "proxy:1"}
    sidecar: Obj = {"op": "add", "path": "/spec/containers/-", "value": container}

    async def scene(play: Stage) -> None:
        play.answer = lambda request: patch_of(ADD_LABEL, sidecar)
        await play.configure(play.hook())

        pod = await play.pod()

        assert pod["metadata"]["labels"] == {"injected": "1"}
        main, proxy = pod["spec"]["containers"]
        assert proxy["terminationMessagePath"] == "/dev/termination-log"
        assert proxy["volumeMounts"] == main["volumeMounts"]

    run(scene)


def test_review_says_what_is_asked() -> None:
    async def scene(play: Stage) -> None:
        await play.configure(play.hook())

        await play.pod(app="web")

        (request,) = play.reviews
        assert request["operation"] == "CREATE"
        assert request["kind"] == {"group": "", "version": "v1", "kind": "Pod"}
        assert request["resource"] == {"group": "", "version": "v1", "resource": "pods"}
        assert request["namespace"] == "shop"
        assert "name" not in request
        assert request["object"]["metadata"]["generateName"] == "p-"
        assert request["object"]["spec"]["serviceAccountName"] == "default"
        assert request["oldObject"] is None
        assert request["dryRun"] is False

    run(scene)


def test_denial_is_the_answer_of_the_api() -> None:
    async def scene(play: Stage) -> None:
        status = {"code": 400, "message": "no such template"}
        play.answer = lambda request: {"allowed": False, "status": status}
        await play.configure(play.hook(failurePolicy="Ignore"))

        error = await refused(play)

        assert (error.code, error.reason) == (400, "")
        assert error.message == (
            'admission webhook "injector.example.com" denied the request: no such template'
        )
        assert play.kernel.list("pods") == []

    run(scene)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"ready": False}, 'no endpoints available for service "injector"'),
        ({"host": "other.svc"}, "x509: certificate is not valid for injector.mesh.svc"),
    ],
)
def test_failure_refuses_or_is_ignored_as_the_policy_says(how: Any, words: str) -> None:
    async def scene(play: Stage) -> None:
        await play.configure(play.hook())

        error = await refused(play)

        assert (error.code, error.reason) == (500, "InternalError")
        assert 'failed calling webhook "injector.example.com"' in error.message
        assert words in error.message
        play.kernel.delete(MUTATING, "", "hooks")
        await play.configure(play.hook(failurePolicy="Ignore"))
        assert (await play.pod())["metadata"]["name"]

    run(scene, **how)


def test_unlistened_port_is_a_refused_connection() -> None:
    async def scene(play: Stage) -> None:
        await play.configure(play.hook())
        play.kernel.network.close("uid-of-pod", 8443)

        error = await refused(play)

        assert "connect: connection refused" in error.message

    run(scene)


def test_new_bundle_is_held_against_the_served_certificate_at_once() -> None:
    async def scene(play: Stage) -> None:
        await play.configure(play.hook())
        await play.pod()
        other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
        stored = play.kernel.get(MUTATING, "", "hooks")
        assert stored is not None
        hook = stored["webhooks"][0]
        changed = {**hook, "clientConfig": {**hook["clientConfig"], "caBundle": other}}
        play.kernel.update(MUTATING, {**stored, "webhooks": [changed]})

        error = await refused(play)

        assert "x509: certificate signed by unknown authority" in error.message
        assert 'Post "https://injector.mesh.svc:443/inject?timeout=10s"' in error.message

    run(scene)


def test_only_matching_writes_are_asked_about() -> None:
    async def scene(play: Stage) -> None:
        await play.configure(
            play.hook(
                namespaceSelector={"matchLabels": {"injected": "yes"}},
                objectSelector={"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]},
            )
        )

        await play.pod(namespace="mesh")
        await play.pod(skip="1")
        config_map = {"metadata": {"name": "a", "namespace": "shop"}}
        await play.kernel.create("configmaps", config_map)
        assert play.reviews == []
        await play.pod()

        assert len(play.reviews) == 1

    run(scene)


def test_webhooks_are_asked_in_order_of_their_names_and_again_if_needed() -> None:
    async def scene(play: Stage) -> None:
        asked: list[str] = []

        def answer(request: Obj) -> Obj:
            labels: Obj = request["object"]["metadata"].get("labels") or {}
            asked.append(",".join(labels))
            key = f"n{len(asked)}"
            value = {**labels, key: "1"}
            if len(asked) > 2:
                return {"allowed": True}
            return patch_of({"op": "add", "path": "/metadata/labels", "value": value})

        play.answer = answer
        await play.configure(play.hook("b.example.com"), name="b")
        await play.configure(play.hook("a.example.com", reinvocationPolicy="IfNeeded"), name="a")

        await play.pod()

        assert asked == ["", "n1", "n1,n2"]

    run(scene)


def test_validating_webhook_refuses() -> None:
    async def scene(play: Stage) -> None:
        play.answer = lambda request: {"allowed": False, "status": {"reason": "Forbidden"}}
        await play.configure(play.hook(), kind=VALIDATING)

        error = await refused(play)

        assert error.message.endswith("denied the request: Forbidden")

    run(scene)


def test_dry_run_needs_a_webhook_without_side_effects() -> None:
    async def scene(play: Stage) -> None:
        await play.configure(play.hook(sideEffects="Some"))
        pods = play.kernel.resource("pods")
        body: Obj = {
            "metadata": {"name": "a"},
            "spec": {"containers": [{"name": "c", "image": "c"}]},
        }

        with pytest.raises(ApiError) as caught:
            await play.kernel.writes.create(pods, "shop", body, Call(user=ADMIN, dry_run=True))

        assert (caught.value.code, caught.value.reason) == (400, "BadRequest")

    run(scene)


def test_slow_webhook_is_given_up() -> None:
    async def scene(play: Stage) -> None:
        play.kernel.writes.admission.webhooks.client.shortest_wall = 0.05
        play.delay = 5.0
        await play.configure(play.hook(timeoutSeconds=1))

        error = await refused(play)

        assert error.message.endswith("context deadline exceeded")

    run(scene)
