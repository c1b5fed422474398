"""Helm's release Secrets: decoded in full, kept without secrets, read only where asked."""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.facts import helm_release as helm_release
from fixtures.cluster.facts.helm_manifest import objects_of
from fixtures.cluster.facts.helm_release import (
    SecretMeta,
    Undecodable,
    named,
    newest_secrets,
    packed,
    release_facts,
    unpacked,
)
from fixtures.cluster.facts.releases import IN_FULL, managed_by
from fixtures.cluster.reader import ClusterReader
from fixtures.snapshot.facts import facts as facts_of
from fixtures.snapshot.load import read_snapshot
from policies.facts.cluster import ClusterFacts
from policies.facts.helm import HelmRelease
from suites.harness.scripted_api import Asked, Says, listing, refused, scripted_api

RECORDED = (
    Path(__file__).parents[2].parent
    / "shared"
    / "recordings"
    / "helm-edge-25.10.7-to-edge-26.6.3"
    / "dumps"
    / "settled.json.gz"
)
KEY = "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n"
MANIFEST = """---
# Source: linkerd-control-plane/templates/one.yaml
kind: Deployment
apiVersion: apps/v1
metadata: {name: linkerd-identity, labels: {linkerd.io/control-plane-ns: linkerd}}
spec: {template: {spec: {containers: [{name: identity, image: "controller:edge-25.10.7"}]}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: servers.policy.linkerd.io
  annotations: {helm.sh/resource-policy: keep}
spec:
  description: >
    not [yaml
---
# nothing here
---
apiVersion: v1
kind: Secret
metadata: {name: linkerd-identity-issuer}
data: {key.pem: c2VjcmV0}
"""


def stored(**fields: object) -> str:
    """The value of a release Secret, as Helm writes it."""
    release: dict[str, object] = {
        "name": "linkerd-control-plane",
        "namespace": "linkerd",
        "version": 2,
        "info": {"status": "deployed", "last_deployed": "2026-01-02T03:04:05.678901234Z"},
        "chart": {
            "metadata": {
                "name": "linkerd-control-plane",
                "version": "2025.10.7",
                "appVersion": "edge-25.10.7",
            },
            "values": {"proxy": {"logLevel": "warn"}, "linkerdVersion": "edge-25.10.7"},
        },
        "config": {"identity": {"issuer": {"tls": {"keyPEM": KEY}}}},
        "manifest": MANIFEST,
        **fields,
    }
    return packed(json.dumps(release).encode())


def secret(revision: int = 2, name: str = "linkerd-control-plane", **labels: str) -> SecretMeta:
    return SecretMeta(
        name=f"sh.helm.release.v1.{name}.v{revision}", namespace="linkerd", labels=labels
    )


def one(value: str, *, unread: str = "") -> HelmRelease:
    (found,) = release_facts([secret()], {secret().name: value}, unread=unread)
    return found


def test_a_release_is_read_in_full() -> None:
    found = one(stored())

    assert (found.name, found.revision, found.linkerd) == (
        "linkerd-control-plane",
        2,
        "edge-25.10.7",
    )
    assert found.deployed_at is not None
    assert found.deployed_at.year == 2026
    assert {s.path for s in found.defaults} == {"linkerdVersion", "proxy.logLevel"}
    assert [(str(o.key), o.keep) for o in found.objects] == [
        ("Deployment linkerd/linkerd-identity", False),
        ("CustomResourceDefinition servers.policy.linkerd.io", True),
        ("Secret linkerd/linkerd-identity-issuer", False),
    ]
    assert found.objects[0].images == (("identity", "controller:edge-25.10.7"),)


def test_keys_are_digests_and_bodies_are_nowhere() -> None:
    text = msgspec.json.encode(one(stored()))

    assert b"PRIVATE KEY" not in text
    assert b"c2VjcmV0" not in text
    (given_value,) = one(stored()).values
    assert given_value.path == "identity.issuer.tls.keyPEM"
    assert given_value.value.startswith("sha256:")


@given(st.binary(max_size=2000))
def test_what_is_packed_is_unpacked(data: bytes) -> None:
    assert unpacked(packed(data)) == data


def test_releases_of_old_helms_are_not_compressed() -> None:
    plain = base64.b64encode(base64.b64encode(b'{"name": "x"}')).decode()

    assert unpacked(plain) == b'{"name": "x"}'


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "was not read"),
        ("?", "not base64"),
        (base64.b64encode(b"UkVNT1ZFRA").decode(), "not base64"),
        (base64.b64encode(base64.b64encode(b"\x1f\x8bnothing")).decode(), "not gzip"),
        (
            base64.b64encode(base64.b64encode(gzip.compress(b"{}" * 999)[:-9])).decode(),
            "cut off",
        ),
        (packed(b"[]"), "not a release"),
        (packed(b'{"version": "two"}'), "not a release"),
        (packed(b'{"name": "\xff"}'), "not a release"),
    ],
    ids=["empty", "text", "once", "plain", "cut-off", "array", "version", "bytes"],
)
def test_a_secret_that_is_no_release_is_told_and_the_rest_is_known(value: str, said: str) -> None:
    found = one(value)

    assert said in found.unread
    assert (found.name, found.revision) == ("linkerd-control-plane", 2)


def test_a_release_that_would_fill_the_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(helm_release, "LARGEST", 1000)

    with pytest.raises(Undecodable, match="larger than"):
        unpacked(packed(b"x" * 100_000))


@settings(max_examples=60)
@given(st.text(max_size=60), st.integers(0, 3))
def test_any_text_in_a_secret_ends_in_words(text: str, layers: int) -> None:
    data = text.encode()
    for _ in range(layers):
        data = base64.b64encode(data)
    found = one(data.decode())

    assert found.unread


def test_names_and_revisions_come_from_labels_then_from_the_name() -> None:
    assert named(secret(3)) == ("linkerd-control-plane", 3)
    assert named(secret(3, name="x", version="4")) == ("x", 4)
    assert named(SecretMeta(name="other", namespace="", labels={})) == ("", 0)
    assert named(secret(name="odd.v2.name", revision=7)) == ("odd.v2.name", 7)


def test_only_the_newest_revision_of_each_release_is_read() -> None:
    names = [secret(9), secret(10), secret(1, name="linkerd-crds")]

    assert set(newest_secrets(names)) == {secret(10).name, names[2].name}
    (crds, plane) = sorted(release_facts(names, {}, unread="no"), key=lambda r: r.name)[::-1]
    assert [r.revision for r in plane.revisions] == [9, 10]
    assert crds.unread == "no"


def test_objects_without_a_namespace_are_the_releases() -> None:
    cluster_wide = "kind: ClusterRole\napiVersion: v1\nmetadata: {name: a}\n"
    namespaced = "kind: Role\napiVersion: v1\nmetadata: {name: b}\n"

    found = objects_of(f"{cluster_wide}---\n{namespaced}", "mesh")

    assert [o.key.namespace for o in found] == ["", "mesh"]


# --- reading a cluster -------------------------------------------------------------------------


def script(*, forbidden: bool = False, asked_for: list[str]) -> Any:
    """A cluster with one release; notes which Secrets are read in full."""

    def answer(asked: Asked) -> Says:
        if asked.path == "/version":
            return Says(body={"gitVersion": "v1.31.0"})
        if "/secrets/" in asked.path:
            asked_for.append(asked.path.rpartition("/")[2])
            if "sh.helm" not in asked.path:
                return refused(404, "NotFound")
            if forbidden:
                return refused(403, "Forbidden")
            return Says(body={"metadata": {"name": "x"}, "data": {"release": stored()}})
        if asked.path.endswith("/secrets"):
            meta = {
                "name": secret().name,
                "namespace": "linkerd",
                "resourceVersion": "7",
                "labels": {"name": "linkerd-control-plane", "version": "2", "status": "deployed"},
            }
            return listing({"metadata": meta})
        if "/linkerd-" in asked.path:
            return refused(404, "NotFound")
        return listing()

    return answer


def read(answer: Any, *, releases: bool, times: int = 1) -> ClusterFacts:
    with (
        tempfile.TemporaryDirectory() as folder,
        scripted_api(Path(folder), answer) as api,
    ):
        reader = ClusterReader(Connection(api.kubeconfig), releases=releases)
        try:
            return [reader.facts() for _ in range(times)][-1]
        finally:
            reader.close()


def test_release_secrets_are_not_read_unless_asked_for() -> None:
    asked: list[str] = []

    (found,) = read(script(asked_for=asked), releases=False).helm

    assert not [name for name in asked if name.startswith("sh.helm")]
    assert (found.name, found.revision, found.status) == ("linkerd-control-plane", 2, "deployed")
    assert "installation = helm" in found.unread


def test_a_release_that_did_not_change_is_read_once() -> None:
    asked: list[str] = []

    (found,) = read(script(asked_for=asked), releases=True, times=3).helm

    assert found.linkerd == "edge-25.10.7"
    assert len([name for name in asked if name.startswith("sh.helm")]) == 1


def test_a_refusal_is_told_and_hides_nothing_else() -> None:
    facts = read(script(forbidden=True, asked_for=[]), releases=True)

    assert "Forbidden" in facts.cannot_read(IN_FULL)
    assert facts.cannot_read("secrets") == ""
    assert "Forbidden" in facts.helm[0].unread


def test_refused_credentials_end_the_reading() -> None:
    def answer(asked: Asked) -> Says:
        if "sh.helm" in asked.path:
            return refused(401, "Unauthorized")
        return script(asked_for=[])(asked)

    with pytest.raises(ClusterError, match="401"):
        read(answer, releases=True)


@pytest.mark.parametrize(
    ("labels", "annotations", "expected"),
    [
        ({}, {"argocd.argoproj.io/tracking-id": "mesh:apps/X:linkerd/x"}, "Argo CD (mesh)"),
        ({"argocd.argoproj.io/instance": "mesh"}, {}, "Argo CD (mesh)"),
        ({"helm.toolkit.fluxcd.io/name": "linkerd"}, {}, "Flux (linkerd)"),
        ({"kustomize.toolkit.fluxcd.io/name": "infra"}, {}, "Flux (infra)"),
        ({"app.kubernetes.io/managed-by": "Helm"}, {}, ""),
    ],
)
def test_gitops_tools_are_known_by_their_marks(
    labels: dict[str, str], annotations: dict[str, str], expected: str
) -> None:
    from fixtures.cluster.objects import Meta

    assert managed_by(Meta(labels=labels, annotations=annotations)) == expected


@pytest.mark.skipif(not RECORDED.is_file(), reason="the recordings are not beside the checkout")
def test_recorded_releases_are_read_without_their_secrets() -> None:
    facts = facts_of(read_snapshot(RECORDED))

    assert [(r.name, r.revision, r.unread) for r in facts.helm] == [
        ("linkerd-control-plane", 2, ""),
        ("linkerd-crds", 2, ""),
    ]
    text = msgspec.json.encode(facts.helm)
    assert b"BEGIN CERTIFICATE" not in text
    assert len(text) < 100_000
    assert msgspec.json.decode(text, type=tuple[HelmRelease, ...]) == facts.helm
