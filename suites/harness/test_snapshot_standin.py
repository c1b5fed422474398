"""Stand-in certificates: one for each original in every place, relations and time left kept."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from apimachinery.annotations import LAST_APPLIED
from fixtures.snapshot.copy.certificates import StandIns
from fixtures.snapshot.copy.rewrite import BEGIN, END, Rewriter
from fixtures.snapshot.copy.standin import LoadableSnapshot, encoded, prepare
from fixtures.snapshot.load import CAPTURED_AT
from fixtures.snapshot.read import facts, read_snapshot
from policies.facts.cluster import Bundle, ClusterFacts
from suites.harness.pods import pod
from suites.harness.snapshots import FIRST, HELM, SECOND, cluster, recorded, written

Obj = dict[str, Any]
NOW = datetime(2030, 1, 1, tzinfo=UTC)
CAPTURED = datetime(2026, 1, 1, tzinfo=UTC)
OVERRIDES = "linkerd-config-overrides"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def plain(text: str) -> str:
    return base64.b64decode(text).decode()


def loaded(ready: LoadableSnapshot, folder: Path) -> ClusterFacts:
    """Facts of what would be loaded."""
    path = folder / "ready.json"
    path.write_bytes(encoded(ready))
    return facts(read_snapshot(path))


def bundles(found: ClusterFacts) -> list[Bundle]:
    every = (
        found.trust_roots,
        found.issuer,
        *found.webhook_certificates,
        *(w.ca_bundle for w in found.webhooks),
    )
    return [b for b in every if b is not None]


def relations(found: ClusterFacts) -> list[object]:
    """Everything about certificates but the certificates themselves: each numbered by place."""
    numbers: dict[str, int] = {}
    certificates = [c for b in bundles(found) for c in b.certificates]
    for certificate in certificates:
        numbers.setdefault(certificate.sha256, len(numbers))
    return [
        (
            numbers[c.sha256],
            c.subject,
            c.issuer,
            c.is_ca,
            c.dns_names,
            sorted(numbers[v] for v in c.verified_by),
        )
        for c in certificates
    ]


@pytest.mark.parametrize("step", ["baseline", "control_plane_applied", "settled"])
@pytest.mark.parametrize("folder", [FIRST, SECOND])
def test_relations_of_recorded_certificates_are_kept(
    folder: str, step: str, tmp_path: Path
) -> None:
    snapshot = read_snapshot(recorded(folder, step))

    ready = prepare(snapshot, now=NOW)
    found = loaded(ready, tmp_path)

    assert relations(found) == relations(ready.originals)
    assert ready.originals == facts(snapshot)
    assert ready.kubernetes == "v1.31.14"


def test_no_original_is_left_in_a_recording(tmp_path: Path) -> None:
    ready = prepare(read_snapshot(recorded(FIRST)), now=NOW)

    before = {c.sha256 for b in bundles(ready.originals) for c in b.certificates}
    after = {c.sha256 for b in bundles(loaded(ready, tmp_path)) for c in b.certificates}

    assert before
    assert not before & after


def test_proxies_of_a_recording_agree_with_the_new_roots(tmp_path: Path) -> None:
    ready = prepare(read_snapshot(recorded(FIRST)), now=NOW)
    roots: str = named(ready, "linkerd-identity-trust-roots", "ConfigMap")["data"]["ca-bundle.crt"]
    pods = [
        o for o in ready.objects if o["kind"] == "Pod" and o["metadata"]["namespace"] == "shop"
    ]
    digests = {o["metadata"]["annotations"]["linkerd.io/trust-root-sha256"] for o in pods}
    anchors = {
        env["value"].strip()
        for o in pods
        for c in o["spec"]["containers"]
        for env in c.get("env", ())
        if env["name"] == "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS"
    }

    assert digests == {hashlib.sha256(roots.strip().encode()).hexdigest()}
    assert anchors == {roots.strip()}


def test_missing_built_ins_are_made_under_the_names_in_use(tmp_path: Path) -> None:
    ready = prepare(read_snapshot(recorded(FIRST)), now=NOW)
    made = [o for o in ready.objects if o["kind"] == "ControllerRevision"]
    pods = [o["metadata"] for o in ready.objects if o["kind"] == "Pod"]
    store = next(o for o in ready.objects if o["kind"] == "StatefulSet")

    names = {o["metadata"]["name"] for o in made}
    assert store["status"]["updateRevision"] in names
    for meta in pods:
        for owner in meta.get("ownerReferences", ()):
            if owner["kind"] == "DaemonSet":
                digest = meta["labels"]["controller-revision-hash"]
                assert f"{owner['name']}-{digest}" in names
    assert {o["metadata"]["name"] for o in ready.objects if o["kind"] == "PriorityClass"} == {
        "system-cluster-critical",
        "system-node-critical",
    }
    assert any("ControllerRevisions" in note for note in ready.notes)


def test_a_helm_installation_gets_no_overrides(tmp_path: Path) -> None:
    ready = prepare(read_snapshot(recorded(HELM)), now=NOW)

    assert not [o for o in ready.objects if o["metadata"]["name"] == OVERRIDES]


class Mesh:
    """A cluster with a root, an issuer below it, and a webhook that signs itself."""

    def __init__(self) -> None:
        self.root = trustme.CA(organization_name="root")
        self.issuer = self.root.create_child_ca()
        self.webhook = trustme.CA(organization_name="webhook")
        self.other = trustme.CA(organization_name="other")

    @property
    def roots(self) -> str:
        return self.root.cert_pem.bytes().decode()

    def objects(self, *, secrets: bool = True, served: str = "") -> list[Obj]:
        issuer = self.issuer.cert_pem.bytes().decode()
        webhook = self.webhook.cert_pem.bytes().decode()
        values: Obj = {
            "linkerdVersion": "edge-25.4.4",
            "identityTrustAnchorsPEM": self.roots,
            "identity": {"issuer": {"tls": {"crtPEM": issuer}}},
        }
        stored = {
            "identityTrustAnchorsPEM": self.roots,
            "identity": {"issuer": {"tls": {"crtPEM": issuer, "keyPEM": "removed"}}},
        }
        app = pod("app", proxy="edge-25.4.4")
        digest = hashlib.sha256(self.roots.encode()).hexdigest()
        app["metadata"]["annotations"]["linkerd.io/trust-root-sha256"] = digest
        proxy = app["spec"]["containers"][1]
        proxy["env"] = [{"name": "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS", "value": self.roots}]
        data: dict[str, dict[str, str]] = {
            OVERRIDES: {OVERRIDES: json.dumps(stored)},
            "linkerd-identity-issuer": {"crt.pem": issuer, "key.pem": "removed"},
            "linkerd-proxy-injector-k8s-tls": {"tls.crt": served or webhook, "tls.key": "removed"},
        }
        return [
            *cluster(app),
            self.config_map("linkerd-config", values=json.dumps(values)),
            self.config_map("linkerd-identity-trust-roots", **{"ca-bundle.crt": self.roots}),
            *(self.secret(name, values if secrets else {}) for name, values in data.items()),
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "MutatingWebhookConfiguration",
                "metadata": {"name": "injector"},
                "webhooks": [
                    {
                        "name": "w",
                        "clientConfig": {
                            "caBundle": b64(webhook),
                            "service": {"name": "linkerd-proxy-injector", "namespace": "linkerd"},
                        },
                    }
                ],
            },
        ]

    def config_map(self, name: str, **data: str) -> Obj:
        obj: Obj = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "linkerd"},
            "data": data,
        }
        obj["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(obj)}
        return obj

    def secret(self, name: str, data: dict[str, str]) -> Obj:
        obj: Obj = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "linkerd"},
        }
        return {**obj, "data": {k: b64(v) for k, v in data.items()}} if data else obj


def ready(folder: Path, objects: list[Obj]) -> LoadableSnapshot:
    path = written(folder / "s.json", objects, **{CAPTURED_AT: CAPTURED.isoformat()})
    return prepare(read_snapshot(path), now=NOW)


def named(found: LoadableSnapshot, name: str, kind: str = "Secret") -> Obj:
    return next(o for o in found.objects if o["metadata"]["name"] == name and o["kind"] == kind)


def public_key_fits(certificate: str, key: str) -> bool:
    loaded_key = load_pem_private_key(key.encode(), None)
    loaded_certificate = x509.load_pem_x509_certificate(certificate.encode())
    return loaded_key.public_key() == loaded_certificate.public_key()


def test_every_place_gets_the_same_stand_in_and_the_key_that_fits(tmp_path: Path) -> None:
    found = ready(tmp_path, Mesh().objects())
    issuer = named(found, "linkerd-identity-issuer")["data"]
    tls = named(found, "linkerd-proxy-injector-k8s-tls")["data"]
    stored = plain(named(found, OVERRIDES)["data"][OVERRIDES])
    roots = named(found, "linkerd-identity-trust-roots", "ConfigMap")
    values = json.loads(named(found, "linkerd-config", "ConfigMap")["data"]["values"])
    webhook = named(found, "injector", "MutatingWebhookConfiguration")["webhooks"][0]
    app = named(found, "app", "Pod")
    bundle = roots["data"]["ca-bundle.crt"]

    assert public_key_fits(plain(issuer["crt.pem"]), plain(issuer["key.pem"]))
    assert public_key_fits(plain(tls["tls.crt"]), plain(tls["tls.key"]))
    assert webhook["clientConfig"]["caBundle"] == tls["tls.crt"]
    assert values["identityTrustAnchorsPEM"] == bundle
    assert values["identity"]["issuer"]["tls"]["crtPEM"] == plain(issuer["crt.pem"])
    assert plain(issuer["key.pem"]).splitlines()[1] in stored
    assert "removed" not in stored
    assert app["spec"]["containers"][1]["env"][0]["value"] == bundle
    assert (
        app["metadata"]["annotations"]["linkerd.io/trust-root-sha256"]
        == hashlib.sha256(bundle.encode()).hexdigest()
    )
    copy = json.loads(roots["metadata"]["annotations"][LAST_APPLIED])
    assert copy["data"] == roots["data"]


def test_the_issuer_still_chains_to_the_root_and_mismatches_stay(tmp_path: Path) -> None:
    mesh = Mesh()
    served = mesh.other.cert_pem.bytes().decode()
    found = loaded(ready(tmp_path, mesh.objects(served=served)), tmp_path)

    assert found.trust_roots is not None
    assert found.issuer is not None
    root = found.trust_roots.certificates[0]
    assert root.sha256 in found.issuer.certificates[0].verified_by
    webhook_ca = found.webhooks[0].ca_bundle
    assert webhook_ca is not None
    assert webhook_ca.certificates[0].sha256 not in [
        c.sha256 for c in found.webhook_certificates[0].certificates
    ]


def test_the_time_left_at_capture_is_left_at_the_load(tmp_path: Path) -> None:
    mesh = Mesh()
    original = x509.load_pem_x509_certificate(mesh.roots.encode())

    found = loaded(ready(tmp_path, mesh.objects()), tmp_path)

    assert found.trust_roots is not None
    stand_in = found.trust_roots.certificates[0]
    shift, tolerance = NOW - CAPTURED, timedelta(seconds=2)
    assert abs(stand_in.not_after - original.not_valid_after_utc - shift) < tolerance
    assert abs(stand_in.not_before - original.not_valid_before_utc - shift) < tolerance


def test_an_expired_certificate_is_expired_by_as_much(tmp_path: Path) -> None:
    """Captured long after its end: the stand-in ended as long before the load."""
    leaf = trustme.CA().issue_cert("x", not_after=datetime(2025, 1, 1, tzinfo=UTC))
    der = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).public_bytes(
        Encoding.DER
    )
    stand_ins = StandIns(captured_at=CAPTURED, now=NOW)
    stand_ins.learn(der)
    found = stand_ins.of(der)

    assert found is not None
    assert NOW - found.certificate.not_valid_after_utc == timedelta(days=365)


def test_secrets_that_were_not_readable_are_filled_from_what_is_public(tmp_path: Path) -> None:
    found = ready(tmp_path, Mesh().objects(secrets=False))
    issuer = named(found, "linkerd-identity-issuer")["data"]
    tls = named(found, "linkerd-proxy-injector-k8s-tls")["data"]

    assert public_key_fits(plain(issuer["crt.pem"]), plain(issuer["key.pem"]))
    assert public_key_fits(plain(tls["tls.crt"]), plain(tls["tls.key"]))
    assert "keyPEM" in plain(named(found, OVERRIDES)["data"][OVERRIDES])
    assert sum("was not readable" in note for note in found.notes) == 3
    assert found.originals.issuer is None


def test_what_is_no_certificate_stays_as_it_is(tmp_path: Path) -> None:
    odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    config_map = Mesh().config_map("linkerd-identity-trust-roots", **{"ca-bundle.crt": odd})

    found = ready(tmp_path, cluster(config_map))

    kept = named(found, "linkerd-identity-trust-roots", "ConfigMap")["data"]["ca-bundle.crt"]
    assert kept == odd


def test_objects_without_certificates_are_untouched(tmp_path: Path) -> None:
    objects = cluster(pod("other"))

    found = ready(tmp_path, objects)

    assert found.objects[: len(objects)] == objects


@pytest.mark.parametrize(
    "text",
    [
        BEGIN + "\n" * 200_000,
        BEGIN + "A" * 200_000 + "!" + END,
        (BEGIN + "A\n") * 10_000,
        BEGIN + "\\n" * 100_000 + END,
        BEGIN + END,
    ],
    ids=["newlines", "no base64", "never ended", "escapes", "empty"],
)
def test_what_only_begins_like_a_certificate_costs_linear_time(text: str) -> None:
    rewriter = Rewriter(StandIns(captured_at=NOW, now=NOW))
    obj: Obj = {"kind": "Pod", "metadata": {"annotations": {"note": text, "also": text}}}

    rewriter.learn(obj)

    assert rewriter.rewrite(json.loads(json.dumps(obj))) == obj
