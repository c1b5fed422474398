"""A service mirror reads the other cluster by its credentials, and no cluster that is not ours."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Generator

import pytest
import trustme

from fixtures.embedded.kernel import Obj
from fixtures.embedded.mesh.elsewhere import Access
from fixtures.embedded.process import EmbeddedProcess, EmbeddedProcessError
from fixtures.linkerd.extensions.maker import Maker
from fixtures.linkerd.extensions.multicluster import link_crd
from fixtures.linkerd.extensions.multicluster_mirrors import link
from suites.embedded.in_process import SPACE, InProcess, cluster, scene
from suites.embedded.test_extension_parts import CLUSTER, DEPLOYMENTS, factory, mirror

RBAC = "/apis/rbac.authorization.k8s.io/v1"
EXPORTED = {"mirror.linkerd.io/exported": "true"}


@pytest.fixture(scope="module")
def west(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmbeddedProcess]:
    """A cluster with an account that may read Services, and its lasting token."""
    with EmbeddedProcess.start(tmp_path_factory.mktemp("west"), speed=50) as started:
        meta = {"name": "reader", "namespace": SPACE}
        started.post("/api/v1/namespaces", {"metadata": {"name": SPACE}})
        started.post(f"/api/v1/namespaces/{SPACE}/serviceaccounts", {"metadata": meta})
        rules = [{"apiGroups": [""], "resources": ["services"], "verbs": ["list"]}]
        role = {"metadata": {"name": "reader"}, "rules": rules}
        started.post(f"{RBAC}/clusterroles", role)
        binding = {
            "metadata": {"name": "reader"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"
            },
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": SPACE}],
        }  # fmt: skip
        started.post(f"{RBAC}/clusterrolebindings", binding)
        account = {"kubernetes.io/service-account.name": "reader"}
        secret = {
            "metadata": {"name": "reader-token", "namespace": SPACE, "annotations": account},
            "type": "kubernetes.io/service-account-token",
        }
        started.post(f"/api/v1/namespaces/{SPACE}/secrets", secret)
        yield started


def port_of(west: EmbeddedProcess) -> int:
    return int(west.server.rpartition(":")[2])


def export(west: EmbeddedProcess, name: str) -> None:
    metadata = {"name": name, "namespace": SPACE, "labels": EXPORTED}
    service = {"metadata": metadata, "spec": {"ports": [{"name": "http", "port": 80}]}}
    west.post(f"/api/v1/namespaces/{SPACE}/services", service)


def token_of(west: EmbeddedProcess) -> Obj:
    """What the token controller put into the Secret."""
    deadline = time.monotonic() + 5
    while True:
        secret = west.get(f"/api/v1/namespaces/{SPACE}/secrets/reader-token")
        if secret.get("data") or time.monotonic() > deadline:
            return secret.get("data") or {}
        time.sleep(0.01)


def credentials(west: EmbeddedProcess, server: str = "", authority: bytes = b"") -> Obj:
    """The Secret by which a cluster reads west."""
    data = token_of(west)
    trusted = base64.b64encode(authority).decode() if authority else data["ca.crt"]
    place = {"server": server or west.server, "certificate-authority-data": trusted}
    token = base64.b64decode(data["token"]).decode()
    config = {"clusters": [{"cluster": place}], "users": [{"user": {"token": token}}]}
    encoded = base64.b64encode(json.dumps(config).encode()).decode()
    metadata = {"name": "cluster-credentials-west", "namespace": SPACE}
    return {"metadata": metadata, "data": {"kubeconfig": encoded}}


def mirrors(running: InProcess) -> dict[str, str]:
    """Name -> uid of what is mirrored from west."""
    return {
        s["metadata"]["name"]: s["metadata"]["uid"]
        for s in running.kernel.list("services", SPACE)
        if (s["metadata"].get("labels") or {}).get(CLUSTER) == "west"
    }


@scene
async def test_mirrors_come_and_go_with_exports_and_stay_while_the_other_cluster_is_away(
    west: EmbeddedProcess,
) -> None:
    known: list[InProcess] = []
    async with cluster(factories=(factory(known),)) as running:
        known.append(running)
        running.kernel.network.neighbours |= {port_of(west)}
        maker = Maker("multicluster", "edge-25.10.7")
        crds = "customresourcedefinitions.apiextensions.k8s.io"
        await running.kernel.create(crds, link_crd(maker))
        found = link(maker, "west", {"gatewayAddress": "198.51.100.1"}, "cluster.local")
        found["metadata"]["namespace"] = SPACE
        await running.kernel.create("links.multicluster.linkerd.io", found)
        secret = await running.kernel.create("secrets", credentials(west))
        await running.kernel.create(DEPLOYMENTS, mirror())
        export(west, "web")
        await running.until(lambda: set(mirrors(running)) == {"web-west"}, "the mirror")
        await running.until(lambda: running.kernel.get("endpoints", SPACE, "web-west"))
        made = mirrors(running)

        wrong = credentials(west)
        wrong["data"]["kubeconfig"] = base64.b64encode(
            base64.b64decode(wrong["data"]["kubeconfig"]).replace(b"eyJ", b"xxx")
        ).decode()
        changed = {**running.get("secrets", "cluster-credentials-west"), "data": wrong["data"]}
        running.kernel.update("secrets", changed)
        west.delete(f"/api/v1/namespaces/{SPACE}/services/web")
        await running.passes(500 * 0.8)
        assert mirrors(running) == made, "what cannot be read stays"

        fresh = running.get("secrets", "cluster-credentials-west")
        running.kernel.update("secrets", {**fresh, "data": secret["data"]})
        await running.until(lambda: mirrors(running) == {}, "the mirror is gone")
        assert running.kernel.get("endpoints", SPACE, "web-west") is None


def test_a_token_of_a_secret_speaks_for_its_account_and_no_more(west: EmbeddedProcess) -> None:
    data = token_of(west)

    assert base64.b64decode(data["namespace"]).decode() == SPACE
    assert b"BEGIN CERTIFICATE" in base64.b64decode(data["ca.crt"])
    token = base64.b64decode(data["token"]).decode()
    review = {"spec": {"token": token}}
    answer = west.post("/apis/authentication.k8s.io/v1/tokenreviews", review)
    assert answer["status"]["user"]["username"] == f"system:serviceaccount:{SPACE}:reader"


@pytest.mark.parametrize(
    "server", ["https://172.18.0.3:6443", "https://west.example.com", "https://127.0.0.1.nip.io"]
)
def test_credentials_of_a_real_cluster_are_never_used(west: EmbeddedProcess, server: str) -> None:
    assert Access.of(credentials(west), {port_of(west)}) is not None
    assert Access.of(credentials(west, server), {port_of(west), 443, 6443}) is None


def test_a_real_cluster_on_loopback_is_never_dialled(west: EmbeddedProcess) -> None:
    """As kind's are, and those behind a tunnel: the authority is not of an embedded cluster."""
    real = trustme.CA(organization_name="kubernetes").cert_pem.bytes()
    ours = base64.b64decode(token_of(west)["ca.crt"])

    known = {port_of(west)}
    assert Access.of(credentials(west, authority=real), known) is None
    assert Access.of(credentials(west, authority=ours + real), known) is None, "not ours alone"
    assert Access.of(credentials(west, authority=b"no certificate"), known) is None
    assert Access.of(credentials(west, authority=ours), known) is not None


def test_a_cluster_that_was_not_introduced_is_never_dialled(west: EmbeddedProcess) -> None:
    """An authority with the right mark is easily made by whoever writes a snapshot."""
    assert Access.of(credentials(west), set()) is None
    assert Access.of(credentials(west), {port_of(west) + 1}) is None
    for spelt in ("http://127.0.0.1", "https://localhost", "https://u:p@evil.example"):
        server = f"{spelt}:{port_of(west)}"
        assert Access.of(credentials(west, server), {port_of(west)}) is None, spelt
    odd = credentials(west, f"https://x@127.0.0.1:{port_of(west)}/a?b=")
    found = Access.of(odd, {port_of(west)})
    assert found is not None
    assert found.server == west.server, "nothing but the port is taken over"


def test_a_neighbour_is_told_by_its_port(west: EmbeddedProcess) -> None:
    assert west.post("/_embedded/neighbours", {"port": 6443}) == {"neighbours": [6443]}
    for bad in ({}, {"port": 0}, {"port": "6443"}, {"port": 70000}, [], {"host": "10.0.0.1"}):
        with pytest.raises(EmbeddedProcessError, match="400"):
            west.post("/_embedded/neighbours", bad)


@pytest.mark.parametrize("text", ["", "not base64", base64.b64encode(b"[]").decode()])
def test_credentials_that_cannot_be_read_lead_nowhere(text: str) -> None:
    assert Access.of({"data": {"kubeconfig": text}}, {6443}) is None
    assert Access.of(None, {6443}) is None
