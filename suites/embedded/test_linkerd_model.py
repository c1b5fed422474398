"""The model renders what the real CLI renders: objects, names, structure, numbers."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from fixtures.linkerd.certificates import bundle_digest, issuer, trust_anchor
from fixtures.linkerd.control_plane import render_control_plane, to_yaml
from fixtures.linkerd.expected import expected_keys, key
from fixtures.linkerd.values import defaults, high_availability, merge
from policies.releases import catalogue
from policies.releases.grammar import parse
from suites.embedded.linkerd_recordings import MANIFESTS, named, recorded_manifest

Obj = dict[str, Any]

ANCHORS = (
    "stable-2.14.10",
    "edge-24.2.4",
    "edge-24.8.2",
    "edge-24.11.8",
    "edge-25.4.4",
    "edge-25.10.7",
    "edge-26.6.3",
    "edge-26.8.3",
)
NOW = datetime(2026, 11, 23, 15, 55, 9, tzinfo=UTC)
GENERATED = ("/data", "caBundle", "checksum/config", "trust-root-sha256", "/spec/schedule")
"""Parts of paths that differ between any two renders."""
OWN_WORDS = ("/env[0]/value", "/subjects[0]/apiGroup", "/metadata/creationTimestamp")
"""Free texts, and nulls and empty texts that mean nothing."""


def rendered(version: str, values: Obj | None = None, created_by: str = "") -> list[Obj]:
    return render_control_plane(
        version,
        values or defaults(version),
        overrides={},
        now=NOW,
        created_by=created_by or f"linkerd/cli {version}",
    )


def differences(expected: object, actual: object, path: str = "") -> list[str]:
    """Paths at which two objects differ."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [
            difference
            for name in sorted({*expected, *actual})
            for difference in differences(
                expected.get(name, "absent"), actual.get(name, "absent"), f"{path}/{name}"
            )
        ]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [
            difference
            for number, (one, other) in enumerate(zip(expected, actual, strict=True))
            for difference in differences(one, other, f"{path}[{number}]")
        ]
    return [] if expected == actual else [f"{path}: {expected!r} is {actual!r} in the model"]


@pytest.mark.parametrize("version", MANIFESTS)
def test_control_plane_equals_the_recorded_one(version: str) -> None:
    recorded = recorded_manifest(version)

    modelled = rendered(version)

    assert [key(obj) for obj in recorded] == [key(obj) for obj in modelled]
    found = [
        f"{real['kind']} {real['metadata']['name']}{difference}"
        for real, ours in zip(recorded, modelled, strict=True)
        for difference in differences(real, ours)
        if not any(part in difference for part in (*GENERATED, *OWN_WORDS))
    ]
    assert found == []


@pytest.mark.parametrize("version", MANIFESTS)
def test_values_equal_the_recorded_ones(version: str) -> None:
    config = named(recorded_manifest(version), "ConfigMap", "linkerd-config")
    recorded = yaml.safe_load(config["data"]["values"])
    recorded["identityTrustAnchorsPEM"] = recorded["identity"]["issuer"]["tls"]["crtPEM"] = ""

    modelled = defaults(version)

    assert differences(recorded, modelled) == []


@pytest.mark.parametrize("version", MANIFESTS)
def test_trust_root_digest_is_of_the_anchors_in_the_values(version: str) -> None:
    manifest = recorded_manifest(version)
    values = yaml.safe_load(named(manifest, "ConfigMap", "linkerd-config")["data"]["values"])
    template = named(manifest, "Deployment", "linkerd-identity")["spec"]["template"]

    recorded = template["metadata"]["annotations"]["linkerd.io/trust-root-sha256"]

    assert recorded == bundle_digest(values["identityTrustAnchorsPEM"])


@pytest.mark.parametrize("available", [False, True], ids=["default", "ha"])
@pytest.mark.parametrize("version", ANCHORS)
def test_objects_are_those_of_the_inventory(version: str, available: bool) -> None:
    values = defaults(version)
    if available:
        values = merge(values, high_availability())
    inventory = catalogue().inventory(
        parse(version), "control_plane_ha" if available else "control_plane"
    )
    assert inventory is not None

    found = {key(obj) for obj in rendered(version, values)}

    wanted = {(each.group, each.kind, each.namespace, each.name) for each in inventory.keys}
    assert found == wanted


@pytest.mark.parametrize("version", ANCHORS)
def test_expected_keys_hold_control_plane_and_crds(version: str) -> None:
    by_default = catalogue().inventory(parse(version), "crds")
    with_gateway = catalogue().inventory(parse(version), "crds_with_gateway_api") or by_default
    assert with_gateway is not None

    keys = expected_keys(version, defaults(version), gateway_api=True)

    definitions = {each[3] for each in keys if each[1] == "CustomResourceDefinition"}
    assert definitions == {each.name for each in with_gateway.keys}
    assert len(keys) == 42 + len(definitions)


@pytest.mark.parametrize("version", ANCHORS)
def test_init_image_and_policy_image_follow_the_version(version: str) -> None:
    images = catalogue().images(parse(version))
    assert images is not None
    pod = named(rendered(version), "Deployment", "linkerd-destination")["spec"]["template"]["spec"]

    init = named_container(pod["initContainers"], "linkerd-init")["image"]
    policy = named_container(pod["containers"], "policy")["image"]

    assert init == (images.proxy_init or f"{images.registry}/proxy:{version}")
    wanted = images.policy_controller or f"{images.registry}/controller"
    assert policy == f"{wanted}:{version}"


def named_container(containers: list[Obj], name: str) -> Obj:
    return next(container for container in containers if container["name"] == name)


@pytest.mark.parametrize(
    ("version", "inside"),
    [("edge-26.5.1", "containers"), ("edge-26.5.2", "initContainers")],
)
def test_native_sidecars_begin_with_26_5_2(version: str, inside: str) -> None:
    objects = rendered(version)

    def has_proxy(name: str) -> str:
        pod = named(objects, "Deployment", name)["spec"]["template"]["spec"]
        return next(
            where
            for where in ("containers", "initContainers")
            if any(container["name"] == "linkerd-proxy" for container in pod[where])
        )

    assert has_proxy("linkerd-destination") == inside
    assert has_proxy("linkerd-proxy-injector") == inside
    assert has_proxy("linkerd-identity") == "containers"


def test_two_renders_differ_only_in_what_linkerd_regenerates() -> None:
    version = "edge-26.6.3"
    first, second = rendered(version), rendered(version)

    changed = {
        (one["kind"], one["metadata"]["name"])
        for one, other in zip(first, second, strict=True)
        if one != other
    }

    assert changed == {
        ("Secret", "linkerd-sp-validator-k8s-tls"),
        ("Secret", "linkerd-policy-validator-k8s-tls"),
        ("Secret", "linkerd-proxy-injector-k8s-tls"),
        ("ValidatingWebhookConfiguration", "linkerd-sp-validator-webhook-config"),
        ("ValidatingWebhookConfiguration", "linkerd-policy-validator-webhook-config"),
        ("MutatingWebhookConfiguration", "linkerd-proxy-injector-webhook-config"),
        ("Deployment", "linkerd-destination"),
        ("Deployment", "linkerd-proxy-injector"),
    }


def test_heartbeat_runs_ten_minutes_after_the_render() -> None:
    job = named(rendered("edge-26.6.3"), "CronJob", "linkerd-heartbeat")

    assert job["spec"]["schedule"] == "05 16 * * *"


def test_issuer_and_anchors_reach_secret_roots_and_values_but_the_key_does_not() -> None:
    version = "edge-25.10.7"
    anchor = trust_anchor(now=NOW)
    pair = issuer(anchor, now=NOW)
    tls = {"crtPEM": pair.certificate_pem, "keyPEM": pair.key_pem}
    overrides = {
        "identityTrustAnchorsPEM": anchor.certificate_pem,
        "identity": {"issuer": {"tls": tls}},
    }
    values = merge(defaults(version), overrides)

    objects = render_control_plane(
        version, values, overrides=overrides, now=NOW, created_by="linkerd/cli x"
    )

    secret = named(objects, "Secret", "linkerd-identity-issuer")["data"]
    assert base64.b64decode(secret["key.pem"]).decode() == pair.key_pem.strip()
    roots = named(objects, "ConfigMap", "linkerd-identity-trust-roots")["data"]
    assert roots["ca-bundle.crt"] == anchor.certificate_pem.strip()
    config = named(objects, "ConfigMap", "linkerd-config")["data"]["values"]
    assert yaml.safe_load(config)["identityTrustAnchorsPEM"] == anchor.certificate_pem
    assert "PRIVATE KEY" not in config
    stored = named(objects, "Secret", "linkerd-config-overrides")["data"]
    text = base64.b64decode(stored["linkerd-config-overrides"]).decode()
    assert yaml.safe_load(text) == overrides


def test_helm_makes_neither_namespace_nor_overrides() -> None:
    kinds = {key(obj) for obj in rendered("edge-26.6.3", created_by="linkerd/helm edge-26.6.3")}

    assert ("", "Namespace", "", "linkerd") not in kinds
    assert ("", "Secret", "linkerd", "linkerd-config-overrides") not in kinds
    assert len(kinds) == 40


@pytest.mark.parametrize(
    ("overrides", "gone"),
    [
        ({"disableHeartBeat": True}, 6),
        ({"identity": {"externalCA": True}}, 1),
        ({"identity": {"issuer": {"scheme": "kubernetes.io/tls"}}}, 1),
        ({"proxyInjector": {"externalSecret": True}}, 1),
    ],
)
def test_switches_leave_objects_out(overrides: Obj, gone: int) -> None:
    values = merge(defaults("edge-26.6.3"), overrides)

    assert len(rendered("edge-26.6.3", values)) == 42 - gone


def test_high_availability_fails_closed_with_three_replicas_apart() -> None:
    values = merge(defaults("edge-26.6.3"), high_availability())

    objects = rendered("edge-26.6.3", values)

    for name in ("linkerd-identity", "linkerd-destination", "linkerd-proxy-injector"):
        spec = named(objects, "Deployment", name)["spec"]
        assert spec["replicas"] == 3
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": 1}
        assert "podAntiAffinity" in spec["template"]["spec"]["affinity"]
    webhooks = [obj["webhooks"][0] for obj in objects if "webhooks" in obj]
    assert [webhook["failurePolicy"] for webhook in webhooks] == ["Fail"] * 3
    budget = named(objects, "PodDisruptionBudget", "linkerd-dst")
    assert budget["spec"]["maxUnavailable"] == 1


def test_webhook_certificate_verifies_under_its_bundle_for_a_year() -> None:
    from cryptography import x509

    objects = rendered("edge-26.6.3")
    secret = named(objects, "Secret", "linkerd-proxy-injector-k8s-tls")
    configuration = named(
        objects, "MutatingWebhookConfiguration", "linkerd-proxy-injector-webhook-config"
    )

    bundle = base64.b64decode(configuration["webhooks"][0]["clientConfig"]["caBundle"])
    served = base64.b64decode(secret["data"]["tls.crt"])

    assert bundle == served
    certificate = x509.load_pem_x509_certificate(served)
    certificate.verify_directly_issued_by(certificate)
    assert certificate.not_valid_after_utc - NOW == timedelta(days=365)


def test_values_are_stored_as_yaml_that_reads_back() -> None:
    values = defaults("edge-26.6.3")

    assert yaml.safe_load(to_yaml(values)) == values
