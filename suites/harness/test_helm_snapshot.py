"""A snapshot with Helm's releases: stand-in certificates stand in the values Helm renders from."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from fixtures.cluster.facts.helm_manifest import documents, objects_of
from fixtures.cluster.facts.helm_release import (
    SecretMeta,
    named,
    packed,
    release_facts,
    unpacked,
)
from fixtures.snapshot.copy.certificates import StandIns
from fixtures.snapshot.copy.releases import is_release, learn_release, rewrite_release
from fixtures.snapshot.copy.rewrite import Rewriter
from fixtures.snapshot.copy.standin import LoadableSnapshot, prepare
from fixtures.snapshot.load import read_snapshot
from suites.harness.snapshots import HELM, RECORDINGS

Obj = dict[str, Any]
NOW = datetime(2026, 12, 1, tzinfo=UTC)
DUMP = RECORDINGS / HELM / "dumps" / "baseline.json.gz"

recorded = pytest.mark.skipif(
    not DUMP.is_file(), reason="the recordings of real clusters are not beside the checkout"
)


@cache
def loaded() -> LoadableSnapshot:
    return prepare(read_snapshot(DUMP), now=NOW)


def secret(name: str) -> Obj:
    return next(
        o for o in loaded().objects if o["kind"] == "Secret" and o["metadata"]["name"] == name
    )


def config() -> Obj:
    release = secret("sh.helm.release.v1.linkerd-control-plane.v1")
    return msgspec.json.decode(unpacked(release["data"]["release"]))["config"]


@recorded
def test_the_release_has_the_issuer_that_the_cluster_has() -> None:
    issuer = secret("linkerd-identity-issuer")["data"]

    found = config()["identity"]["issuer"]["tls"]

    assert found["crtPEM"].strip() == base64.b64decode(issuer["crt.pem"]).decode().strip()
    assert found["keyPEM"].strip() == base64.b64decode(issuer["key.pem"]).decode().strip()


@recorded
def test_its_key_is_the_certificates_own() -> None:
    found = config()["identity"]["issuer"]["tls"]

    certificate = x509.load_pem_x509_certificate(found["crtPEM"].encode())
    key = serialization.load_pem_private_key(found["keyPEM"].encode(), None)

    assert certificate.public_key() == key.public_key()


@recorded
def test_everything_else_in_the_release_is_as_it_was() -> None:
    original = next(
        i.object()
        for i in read_snapshot(DUMP).items
        if i.meta.name == "sh.helm.release.v1.linkerd-control-plane.v1"
    )
    before = msgspec.json.decode(unpacked(original["data"]["release"]))
    data = secret("sh.helm.release.v1.linkerd-control-plane.v1")["data"]
    after = msgspec.json.decode(unpacked(data["release"]))

    rewritten = ("config", "manifest")
    assert {k: v for k, v in after.items() if k not in rewritten} == {
        k: v for k, v in before.items() if k not in rewritten
    }
    assert config()["proxy"] == before["config"]["proxy"]
    assert objects_of(after["manifest"], "linkerd") == objects_of(before["manifest"], "linkerd")


@recorded
def test_the_manifest_that_a_rollback_applies_has_what_the_cluster_has() -> None:
    data = secret("sh.helm.release.v1.linkerd-control-plane.v1")["data"]
    manifest = msgspec.json.decode(unpacked(data["release"]))["manifest"]

    stored = {
        o["metadata"]["name"]: o["data"] for o in documents(manifest) if o["kind"] == "Secret"
    }

    assert stored["linkerd-identity-issuer"] == secret("linkerd-identity-issuer")["data"]
    for name in ("linkerd-proxy-injector-k8s-tls", "linkerd-policy-validator-k8s-tls"):
        assert stored[name] == secret(name)["data"]


@recorded
def test_definitions_in_a_manifest_have_the_bodies_that_live() -> None:
    data = secret("sh.helm.release.v1.linkerd-crds.v1")["data"]
    lines = msgspec.json.decode(unpacked(data["release"]))["manifest"].splitlines()

    crds = [msgspec.json.decode(line) for line in lines if line.startswith("{")]

    assert len(crds) >= 10
    assert all(c["spec"]["versions"][0]["schema"] for c in crds)


def release(value: str) -> Obj:
    name = "sh.helm.release.v1.linkerd-crds.v1"
    return {"kind": "Secret", "metadata": {"name": name}, "data": {"release": value}}


def rewriter() -> Rewriter:
    return Rewriter(StandIns(captured_at=NOW, now=NOW))


DEEP = b'{"config":{"a":' + b"[" * 950 + b"]" * 950 + b"}}"
SECRET_OF_A_NUMBER = b'{"manifest":"kind: Secret\\nmetadata: {name: x}\\ndata: 3\\n"}'


@pytest.mark.parametrize(
    "value",
    [
        "",
        "UkVNT1ZFRA==",
        packed(b"[]"),
        packed(b'{"config": 1}'),
        packed(b'{"config":{},"x":"\xff"}'),
        packed(b'{"manifest":"kind: A\\ntrue: 3\\n"}'),
        packed(b'{"manifest":"kind: A\\n~: 3\\n"}'),
        packed(SECRET_OF_A_NUMBER),
    ],
)
def test_a_release_whose_content_was_left_out_is_told(value: str) -> None:
    learn_release(release(value), rewriter())
    assert "Helm cannot upgrade from it" in rewrite_release(release(value), rewriter(), {})


@pytest.mark.parametrize("number", ["²", "9" * 5000, "-1", "1e3", ""])
def test_a_revision_that_is_no_number_is_none(number: str) -> None:
    labels = {"name": "linkerd-crds", "version": number}

    assert named(SecretMeta("sh.helm.release.v1.linkerd-crds.vx", "linkerd", labels)) == ("", 0)


def test_values_that_are_nested_too_deeply_are_damaged() -> None:
    name = "sh.helm.release.v1.linkerd-crds.v1"
    meta = SecretMeta(name, "linkerd", {})

    (fact,) = release_facts([meta], {name: packed(DEEP)}, unread="")

    assert fact.damaged
    assert name in fact.unread


def test_a_release_without_values_of_the_users_is_left_as_it_is() -> None:
    obj = release(packed(b'{"name":"x","config":null}'))

    assert is_release(obj)
    assert rewrite_release(obj, rewriter(), {}) == ""
    assert msgspec.json.decode(unpacked(obj["data"]["release"]))["name"] == "x"
