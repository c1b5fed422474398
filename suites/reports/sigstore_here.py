"""A Sigstore of the tests' own: its authority, its log, and the roots that trust them.

It answers over HTTP as Fulcio's and Rekor's first APIs do, so that the library's own signer and
verifier can be asked without a network. It believes every token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

IDENTITY = "https://ci.example/shop/rehearsal.yml@refs/heads/main"
ISSUER = "https://issuer.example"
_ISSUER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_SCTS_OID = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
LIVES = timedelta(minutes=10)


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def signature(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(SHA256()))


class Sigstore:
    """The keys of the authority, of its log of certificates, and of the log of signatures."""

    def __init__(self, *, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)
        """When certificates begin and entries are logged."""
        self.ca, self.ct, self.log = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self.root = self._root()

    def token(self, identity: str = IDENTITY, issuer: str = ISSUER) -> str:
        now = datetime.now(UTC)
        claims = {
            "iss": issuer,
            "sub": identity,
            "aud": "sigstore",
            "iat": now,
            "exp": now + LIVES,
        }
        return jwt.encode(claims, "a secret that is long enough for it", "HS256")

    def trusted_root(self) -> dict[str, Any]:
        """Return what `--trusted-root` names."""

        def logged(key: ec.EllipticCurvePrivateKey, url: str) -> dict[str, Any]:
            return {
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": b64(spki(key)),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": {"start": "2020-01-01T00:00:00Z"},
                },
                "logId": {"keyId": b64(hashlib.sha256(spki(key)).digest())},
            }

        root = b64(self.root.public_bytes(Encoding.DER))
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [logged(self.log, "https://log.example")],
            "ctlogs": [logged(self.ct, "https://ct.example")],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "here", "commonName": "here"},
                    "uri": "https://ca.example",
                    "certChain": {"certificates": [{"rawBytes": root}]},
                    "validFor": {"start": "2020-01-01T00:00:00Z"},
                }
            ],
            "timestampAuthorities": [],
        }

    def trust_config(self, url: str) -> dict[str, Any]:
        """Return what `--trust-config` names: the services at an address, and the root."""
        service = {
            "url": url,
            "majorApiVersion": 1,
            "validFor": {"start": "2020-01-01T00:00:00Z"},
            "operator": "here",
        }
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.trusted_root(),
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [service],
                "oidcUrls": [],
                "rekorTlogUrls": [service],
                "tsaUrls": [],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaConfig": {"selector": "ANY"},
            },
        }

    def certify(self, asked: dict[str, Any], token: str) -> dict[str, Any]:
        """Answer a request for a certificate as Fulcio does."""
        claims = jwt.decode(token, options={"verify_signature": False})
        text = base64.b64decode(asked["certificateSigningRequest"])
        key = x509.load_pem_x509_csr(text).public_key()
        leaf = self._leaf(key, claims["sub"], claims["iss"])
        chain = [c.public_bytes(Encoding.PEM).decode() for c in (leaf, self.root)]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def enter(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer a proposed entry as Rekor does: it is the first of its log."""
        content = asked["spec"]["proposedContent"]
        envelope = json.loads(content["envelope"])
        payload = base64.b64decode(envelope["payload"])
        body = rfc8785.dumps(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": _hash(content["envelope"].encode()),
                    "payloadHash": _hash(payload),
                    "signatures": [
                        {"signature": s["sig"], "verifier": content["verifiers"][0]}
                        for s in envelope["signatures"]
                    ],
                },
            }
        )
        at = int(self.now.timestamp())
        name = hashlib.sha256(spki(self.log)).digest()
        entry: dict[str, Any] = {
            "body": b64(body),
            "integratedTime": at,
            "logID": name.hex(),
            "logIndex": 0,
        }
        promise = signature(self.log, rfc8785.dumps(entry))
        root = hashlib.sha256(b"\0" + body).digest()
        note = f"log.example - 1\n1\n{b64(root)}\n"
        signed = b64(name[:4] + signature(self.log, note.encode()))
        proof = {
            "logIndex": 0,
            "treeSize": 1,
            "rootHash": root.hex(),
            "hashes": list[str](),
            "checkpoint": f"{note}\n\u2014 log.example {signed}\n",
        }
        entry["verification"] = {"inclusionProof": proof, "signedEntryTimestamp": b64(promise)}
        return {"24296fb24b8ad77a": entry}

    def _root(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of the tests")])
        public = self.ca.public_key()
        usage = _usage(key_cert_sign=True)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(days=400))
            .not_valid_after(self.now + timedelta(days=400))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self.ca, SHA256())
        )

    def _leaf(self, key: Any, identity: str, issuer: str) -> x509.Certificate:
        """Return a certificate with the promise of the log of certificates inside."""
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.root.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(seconds=5))
            .not_valid_after(self.now + LIVES)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
            )
            .add_extension(authority, critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)]),
                critical=True,
            )
            .add_extension(
                x509.UnrecognizedExtension(_ISSUER_OID, issuer.encode()), critical=False
            )
        )
        unpromised = builder.sign(self.ca, SHA256()).tbs_certificate_bytes
        promised = x509.UnrecognizedExtension(_SCTS_OID, self._promise(unpromised))
        return builder.add_extension(promised, critical=False).sign(self.ca, SHA256())

    def _promise(self, tbs: bytes) -> bytes:
        """Return the extension's value: one signed timestamp of a certificate (RFC 6962)."""
        at = int(self.now.timestamp()) * 1000
        length = struct.pack("!I", len(tbs))[1:]
        entry = hashlib.sha256(spki(self.ca)).digest() + length + tbs
        digested = struct.pack("!BBQH", 0, 0, at, 1) + entry + struct.pack("!H", 0)
        signed = signature(self.ct, digested)
        stamp = struct.pack("!B", 0) + hashlib.sha256(spki(self.ct)).digest()
        stamp += struct.pack("!QHBBH", at, 0, 4, 3, len(signed)) + signed
        listed = struct.pack("!HH", len(stamp) + 2, len(stamp)) + stamp
        assert len(listed) < 128, "a length of one byte"
        return bytes([4, len(listed)]) + listed


def _hash(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


@contextmanager
def serving(sigstore: Sigstore, folder: Path) -> Generator[tuple[Path, Path]]:
    """Serve it; yield files for `--trust-config` and `--trusted-root`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/api/v2/signingCert":
                token = self.headers["Authorization"].removeprefix("Bearer ")
                answer = sigstore.certify(asked, token)
            else:
                assert self.path == "/api/v1/log/entries"
                answer = sigstore.enter(asked)
            text = json.dumps(answer).encode()
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - its own name

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        config, root = folder / "trust-config.json", folder / "trusted-root.json"
        url = f"http://127.0.0.1:{server.server_port}"
        config.write_text(json.dumps(sigstore.trust_config(url)))
        root.write_text(json.dumps(sigstore.trusted_root()))
        try:
            yield config, root
        finally:
            server.shutdown()
            thread.join()
