"""Certificates that clients since Python 3.13 accept; clients that ask no more than Go."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fixtures.cluster.access.connection import Connection
from fixtures.embedded.api.access import pki
from fixtures.linkerd import certificates
from fixtures.prober.targets import tls_context
from fixtures.standins.api import Api

NAME = "linkerd-proxy-injector.linkerd.svc"


def shakes_hands(server: ssl.SSLContext, authority: str, name: str) -> str:
    """What a client of Python 3.13 or newer says to a server; empty when it is content."""
    client = ssl.create_default_context(cadata=authority)
    client.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=name)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (asking, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return str(error.verify_message)
    assert asking.getpeercert()
    return ""


def serving(folder: Path, pair: certificates.Pair, *chain: certificates.Pair) -> ssl.SSLContext:
    file = folder / "server.pem"
    parts = [pair.key_pem, pair.certificate_pem, *(c.certificate_pem for c in chain)]
    file.write_text("".join(parts))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "kubernetes.default.svc"])
def test_the_api_servers_certificate_satisfies_strict_clients(tmp_path: Path, name: str) -> None:
    credentials = pki.issue(tmp_path)

    assert not shakes_hands(credentials.server_context(), credentials.ca_pem, name)


def test_a_webhooks_certificate_satisfies_strict_clients(tmp_path: Path) -> None:
    pair = certificates.self_signed(NAME)

    assert not shakes_hands(serving(tmp_path, pair), pair.certificate_pem, NAME)


def test_a_proxys_chain_satisfies_strict_clients(tmp_path: Path) -> None:
    anchor = certificates.trust_anchor()
    issuer = certificates.issuer(anchor)
    name = "default.shop.serviceaccount.identity.linkerd.cluster.local"
    leaf = certificates.leaf(name, issuer, certificates.period())

    assert not shakes_hands(serving(tmp_path, leaf, issuer), anchor.certificate_pem, name)


def bare_certificate(folder: Path) -> tuple[str, Path]:
    """Authority and server of an older cluster: no identifiers of keys, no key usage."""
    now = datetime.now(UTC)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])

    def signed(subject: str, own: ec.EllipticCurvePrivateKey, *, ca: bool) -> bytes:
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(authority)
            .public_key(own.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        builder = builder if ca else builder.add_extension(names, critical=False)
        certificate = builder.sign(authority_key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    file = folder / "bare.pem"
    file.write_bytes(
        signed("apiserver", key, ca=False)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return signed("kubernetes", authority_key, ca=True).decode(), file


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"ok": true}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        del format, args


@contextmanager
def older_cluster(folder: Path) -> Generator[tuple[Path, ssl.SSLContext, str]]:
    """(kubeconfig, the server's context, its authority) of one whose certificate is bare."""
    authority, file = bare_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    kubeconfig = folder / "kubeconfig"
    cluster = {
        "server": f"https://localhost:{server.server_address[1]}",
        "certificate-authority-data": base64.b64encode(authority.encode()).decode(),
    }
    kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "old",
                "contexts": [{"name": "old", "context": {"cluster": "old", "user": "me"}}],
                "clusters": [{"name": "old", "cluster": cluster}],
                "users": [{"name": "me", "user": {"token": "t"}}],
            }
        )
    )
    try:
        yield kubeconfig, context, authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_cluster_whose_certificates_kubectl_trusts_is_trusted_too(tmp_path: Path) -> None:
    with older_cluster(tmp_path) as (kubeconfig, context, authority):
        assert shakes_hands(context, authority, "localhost"), "a strict client would refuse it"

        connection = Connection(kubeconfig)
        answer = connection.request("GET", "/api/v1/pods")
        connection.close()
        assert answer == b'{"ok": true}'
        with Api.from_environment({}, str(kubeconfig), "") as stand_in:
            assert stand_in.request("GET", "/api/v1/pods") == b'{"ok": true}'


def test_probes_see_no_outage_where_only_newer_pythons_find_fault(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(bare_certificate(tmp_path)[0])
    context = tls_context({"tls": {"ca": str(authority)}})

    assert context is not None
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
