"""Faults by name: what each does to the cluster, and whether it made a difference."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from cryptography import x509

from fixtures.cluster.access.connection import Connection
from fixtures.cluster.writer import ClusterWriter
from fixtures.core.waiting import until
from fixtures.embedded.kernel import ApiError, Obj
from fixtures.embedded.process import EmbeddedProcess
from fixtures.linkerd.certificates import issuer, trust_anchor
from suites.embedded.in_process import SPACE, bare_pod, cluster, is_ready, scene, statuses

PREPARE: Obj = {"name": "prepare", "image": "prepare:1"}
WEB: Obj = {"namespace": SPACE, "name_prefix": "web"}


def restarts(pod: Obj, container: str) -> int:
    return int(statuses(pod).get(container, {}).get("restartCount", 0))


@scene
async def test_an_init_container_that_crashes_is_tried_again() -> None:
    async with cluster() as on:
        on.kernel.faults.enable("crash-loop", {**WEB, "container": "prepare"})
        await on.kernel.create("pods", bare_pod("web", initContainers=[PREPARE]))

        await on.until(lambda: restarts(on.get("pods", "web"), "prepare") >= 1)
        assert on.get("pods", "web")["status"]["phase"] == "Pending"
        on.kernel.faults.disable("crash-loop")
        await on.until(lambda: is_ready(on, "web"))


@scene
async def test_a_container_ends_as_the_fault_says() -> None:
    async with cluster() as on:
        how = {"exit_code": 137, "reason": "OOMKilled", "seconds": 3.0}
        on.kernel.faults.enable("crash-loop", {**WEB, "container": "app", **how})
        await on.kernel.create("pods", bare_pod("web"))

        await on.until(lambda: restarts(on.get("pods", "web"), "app") >= 1)
        ended = statuses(on.get("pods", "web"))["app"]["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


@pytest.mark.parametrize(
    "wrong", [{"exit_code": 0}, {"seconds": -1}, {"reason": 1}, {"running": "yes"}]
)
@scene
async def test_an_end_that_no_container_has_is_refused(wrong: Obj) -> None:
    async with cluster() as on:
        with pytest.raises(ApiError, match="refused"):
            on.kernel.faults.enable("crash-loop", {**WEB, **wrong})
        assert on.kernel.faults.idle == []


@scene
async def test_a_fault_is_idle_until_it_makes_a_difference() -> None:
    async with cluster() as on:
        on.kernel.faults.enable("never-ready", WEB)
        assert on.kernel.faults.idle == ["never-ready"]

        await on.kernel.create("pods", bare_pod("web"))
        await on.until(lambda: not on.kernel.faults.idle)
        on.kernel.faults.disable("never-ready")
        assert on.kernel.faults.idle == []


@scene
async def test_what_somebody_changes_is_put_back() -> None:
    async with cluster() as on:
        settings = {"metadata": {"name": "settings", "namespace": SPACE}, "data": {"a": "1"}}
        await on.kernel.create("configmaps", settings)
        said = {"resource": "configmaps", "namespace": SPACE, "name": "settings", "every": 1}
        on.kernel.faults.enable("put-back", {**said, "patch": {"data": {"a": "2"}}})

        def by_hand(obj: Obj) -> None:
            obj["data"]["a"] = "3"

        assert on.get("configmaps", "settings")["data"] == {"a": "2"}
        on.change("configmaps", "settings", by_hand)
        await on.until(lambda: on.get("configmaps", "settings")["data"] == {"a": "2"})
        on.kernel.faults.enable("put-back", {**said, "patch": {"data": {"a": "{n}"}}})
        await on.until(lambda: on.get("configmaps", "settings")["data"] == {"a": "2"}, "counted")


@pytest.mark.parametrize("wrong", [{"every": 0}, {"name": "absent"}, {"patch": 1}, {"more": 1}])
@scene
async def test_what_cannot_be_put_back_is_refused(wrong: Obj) -> None:
    async with cluster() as on:
        settings = {"metadata": {"name": "settings", "namespace": SPACE}, "data": {"a": "1"}}
        await on.kernel.create("configmaps", settings)
        said = {"resource": "configmaps", "namespace": SPACE, "name": "settings", "every": 1}
        with pytest.raises(ApiError, match="refused"):
            on.kernel.faults.enable("put-back", {**said, "patch": {}, **wrong})


# Those of the mesh


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedProcess]:
    with EmbeddedProcess.start(tmp_path_factory.mktemp("cluster"), speed=20.0) as made:
        yield made


@pytest.fixture(scope="module")
def writer(process: EmbeddedProcess) -> ClusterWriter:
    made = ClusterWriter(Connection(process.kubeconfig))
    made.ensure_namespace("linkerd", {})
    made.ensure_namespace("shop", {})
    return made


def enable(process: EmbeddedProcess, name: str, **arguments: object) -> None:
    process.post("/_embedded/faults", {"name": name, "arguments": arguments})


def pod(name: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]},
    }


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ({"deny": "no team label"}, "no team label"),
        ({"status": 500}, "prevented the request"),
        ({"certificate": "other"}, "unknown authority"),
    ],
)
def test_a_foreign_webhook_refuses_pods(
    does: Obj, said: str, process: EmbeddedProcess, writer: ClusterWriter
) -> None:
    enable(process, "foreign-webhook", namespace="shop", **does)

    answer = until(
        "a refusal",
        lambda: writer.dry_run_create(pod("web")),
        lambda answer: not answer.accepted,
        timeout=30,
    ).value

    assert said in answer.reason
    process.delete("/_embedded/faults/foreign-webhook")
    assert writer.dry_run_create(pod("web")).accepted


def test_a_foreign_webhook_changes_pods(process: EmbeddedProcess, writer: ClusterWriter) -> None:
    patch = [{"op": "add", "path": "/metadata/labels", "value": {"team": "a"}}]
    enable(process, "foreign-webhook", namespace="shop", patch=patch)

    made = until(
        "a label",
        lambda: writer.would_create(pod("web"))["metadata"].get("labels", {}),
        bool,
        timeout=30,
    ).value

    assert made == {"team": "a"}
    assert "foreign-webhook" not in process.get("/_embedded/faults")["idle"]
    process.delete("/_embedded/faults/foreign-webhook")


@pytest.mark.parametrize("anchored", [True, False])
def test_another_issuer_takes_the_place_of_identitys(
    anchored: bool, process: EmbeddedProcess, writer: ClusterWriter
) -> None:
    anchor = trust_anchor()
    pair = issuer(anchor)
    encoded = {
        key: base64.b64encode(text.encode()).decode()
        for key, text in (("crt.pem", pair.certificate_pem), ("key.pem", pair.key_pem))
    }
    meta = {"namespace": "linkerd"}
    for obj in (
        {
            "kind": "Secret",
            "metadata": {**meta, "name": "linkerd-identity-issuer"},
            "data": encoded,
        },
        {
            "kind": "ConfigMap",
            "metadata": {**meta, "name": "linkerd-identity-trust-roots"},
            "data": {"ca-bundle.crt": anchor.certificate_pem},
        },
    ):
        writer.apply({"apiVersion": "v1", **obj})

    enable(process, "issuer", seconds=3600, anchored=anchored)

    data = writer.get("secrets", "linkerd", "linkerd-identity-issuer")["data"]
    made = x509.load_pem_x509_certificate(base64.b64decode(data["crt.pem"]))
    roots = writer.get("configmaps", "linkerd", "linkerd-identity-trust-roots")
    left = (made.not_valid_after_utc - process.now()).total_seconds()
    assert 3000 < left < 3700
    assert roots["data"]["ca-bundle.crt"].count("BEGIN") == (2 if anchored else 1)
    process.delete("/_embedded/faults/issuer")
    back = writer.get("secrets", "linkerd", "linkerd-identity-issuer")["data"]
    assert back == encoded


def test_there_is_no_issuer_to_replace(process: EmbeddedProcess, writer: ClusterWriter) -> None:
    writer.delete("secrets", "linkerd", "linkerd-identity-issuer")

    with pytest.raises(Exception, match="there is no Secret"):
        enable(process, "issuer")


def test_a_webhook_that_does_nothing_is_refused(process: EmbeddedProcess) -> None:
    with pytest.raises(Exception, match="it does nothing"):
        enable(process, "webhook", container="policy")
    with pytest.raises(Exception, match="certificate is other"):
        enable(process, "webhook", container="policy", certificate="expired")
