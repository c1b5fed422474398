"""Redaction: secrets planted in every place are gone, and what was equal stays equal."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from fixtures.snapshot.redact import LAST_APPLIED, Redactor
from suites.harness.pods import pod

Obj = dict[str, Any]

LEAF = trustme.CA().issue_cert("web.shop.svc")
CERTIFICATE = LEAF.cert_chain_pems[0].bytes().decode()
KEY = LEAF.private_key_pem.bytes().decode()
KEY_BODY = KEY.splitlines()[1]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def redacted(obj: Obj) -> str:
    return json.dumps(Redactor().object(obj))


def secret(name: str, data: dict[str, str], *, applied: bool = False) -> Obj:
    obj: Obj = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "linkerd"},
        "data": {k: b64(v) for k, v in data.items()},
    }
    if applied:
        obj["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(obj)}
    return obj


def with_env(name: str, value: str) -> Obj:
    obj = pod("x")
    obj["spec"]["containers"][0]["env"] = [{"name": name, "value": value}]
    return obj


def test_a_secret_keeps_its_certificate_and_loses_its_key_in_both_copies() -> None:
    text = redacted(
        secret("linkerd-identity-issuer", {"crt.pem": CERTIFICATE, "key.pem": KEY}, applied=True)
    )

    assert b64(KEY) not in text
    assert text.count(b64(CERTIFICATE)) == 2


def test_a_secret_without_values_loses_the_copy_of_them() -> None:
    obj = secret("mine", {"password": "hunter2"}, applied=True)
    del obj["data"]

    assert b64("hunter2") not in redacted(obj)


def test_overrides_lose_only_their_key() -> None:
    values = {
        "controllerReplicas": 3,
        "identity": {"issuer": {"tls": {"crtPEM": CERTIFICATE, "keyPEM": KEY}}},
        "proxy": {"additionalEnv": [{"name": "API_TOKEN", "value": "s3cret-value"}]},
    }
    obj = secret("linkerd-config-overrides", {"linkerd-config-overrides": json.dumps(values)})

    kept = Redactor().object(obj)["data"]["linkerd-config-overrides"]
    text = base64.b64decode(kept).decode()

    assert KEY_BODY not in text
    assert "s3cret-value" not in text
    assert "controllerReplicas: 3" in text
    assert "BEGIN CERTIFICATE" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2"),
        ("STRIPE_API_KEY", "abc"),
        ("aws_secret_access_key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("HARMLESS", "wJalrXUtnFEMIxK7MDENGxbPxRfiCYEX4MPL3K3Y"),
        ("HARMLESS", JWT),
        ("HARMLESS", KEY),
        ("HARMLESS", b64(KEY)),
        ("DATABASE_URL", "postgres://user:hunter2@db/x"),
        ("LINKERD2_PROXY_EXTRA", KEY),
    ],
    ids=["password", "api-key", "aws", "random", "jwt", "pem", "base64-pem", "url", "proxy"],
)
def test_environment_values_that_look_like_keys_are_gone(name: str, value: str) -> None:
    text = redacted(with_env(name, value))

    for part in ("hunter2", "abc", KEY_BODY, JWT, b64(KEY), "wJalrXUtnFEMI"):
        assert part not in text or part not in value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LINKERD2_PROXY_IDENTITY_TOKEN_FILE", "/var/run/secrets/tokens/linkerd-identity-token"),
        ("LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS", CERTIFICATE),
        ("LINKERD2_PROXY_DESTINATION_SVC_ADDR", "linkerd-dst.linkerd.svc.cluster.local.:8086"),
        ("LOG_LEVEL", "warn,linkerd=info"),
        ("URL", "https://example.test/path"),
    ],
    ids=["token-file", "anchors", "address", "log-level", "url"],
)
def test_harmless_environment_values_stay(name: str, value: str) -> None:
    obj = with_env(name, value)

    assert Redactor().object(obj) == obj


def test_arguments_lose_what_follows_a_flag_of_a_secret() -> None:
    obj = pod("x")
    kept = ["--tls-key=/etc/tls/tls.key", "--port", "80"]
    obj["spec"]["containers"][0]["args"] = ["--password=hunter2", "--token", "hunter3", *kept]

    args = Redactor().object(obj)["spec"]["containers"][0]["args"]

    assert args == ["--password=REMOVED", "--token", "REMOVED", *kept]


def test_the_copy_of_a_pod_is_redacted_like_the_pod() -> None:
    inner = with_env("DB_PASSWORD", "hunter2")
    obj = pod("x")
    obj["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(inner)}

    assert "hunter2" not in redacted(obj)


def test_a_copy_that_is_no_json_goes() -> None:
    obj = pod("x")
    obj["metadata"]["annotations"] = {LAST_APPLIED: "hunter2 {"}

    assert "hunter2" not in redacted(obj)


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_payloads_of_helm_go(kind: str) -> None:
    obj: Obj = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "sh.helm.release.v1.linkerd-control-plane.v1"},
        "data": {"release": "H4sIAAAAplanted"},
    }

    assert "planted" not in redacted(obj)


@pytest.mark.parametrize("shape", ["plain", "indented", "escaped", "base64", "in yaml"])
def test_a_private_key_in_a_config_map_goes_in_any_shape(shape: str) -> None:
    value = {
        "plain": KEY,
        "indented": KEY.replace("\n", "\n    "),
        "escaped": json.dumps({"inner": KEY}),
        "base64": f"ca: {b64(KEY)}",
        "in yaml": f"a:\n  keyPEM: |\n    {KEY.replace(chr(10), chr(10) + '    ')}",
    }[shape]
    obj: Obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "linkerd-config"},
        "data": {"values": value},
    }

    text = redacted(obj)

    assert KEY_BODY not in text
    assert b64(KEY)[:80] not in text


def test_values_of_a_config_map_named_as_secrets_go() -> None:
    obj: Obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "app"},
        "data": {"db-password": "hunter2", "colour": "blue"},
    }

    assert Redactor().object(obj)["data"] == {"db-password": "REMOVED", "colour": "blue"}


def test_pods_that_shared_a_template_still_do() -> None:
    one, two = with_env("DB_PASSWORD", "hunter2"), with_env("DB_PASSWORD", "hunter2")

    assert Redactor().object(one) == Redactor().object(two)


def test_what_holds_no_secret_is_unchanged_and_not_counted() -> None:
    redactor = Redactor()
    obj = pod("x", proxy="edge-25.4.4")

    assert redactor.object(obj) == obj
    assert redactor.removed == 0


def test_any_encoding_of_a_private_key_is_found() -> None:
    key = load_pem_private_key(KEY.encode(), None)
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        pem = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()

        assert pem.splitlines()[1] not in Redactor().text(f"before {pem} after")


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_key_between_any_texts_goes_and_a_certificate_stays(before: str, after: str) -> None:
    text = Redactor().text(f"{before}{KEY}{after}{CERTIFICATE}")

    assert KEY_BODY not in text
    assert x509.load_pem_x509_certificate(CERTIFICATE.encode())
    assert CERTIFICATE in text
