"""Keyless: a certificate of Sigstore's, for minutes and an identity, in the place of a key.

Whoever runs the job has an identity token; Sigstore's authority makes a certificate of it, and a
public log takes the signature. So the envelope lies in a bundle of Sigstore's, with certificate
and entry of the log, and who verifies it names the identity and who issued it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import msgspec
from sigstore.errors import Error as SigstoreError
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.oidc import IdentityToken, detect_credential
from sigstore.sign import SigningContext
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from fixtures.core.redaction import remember
from reports.attestation.envelope import AttestationError, encoded, file_of, statement_in
from reports.attestation.statement import Statement
from reports.formats.wording import one_line

# Sigstore signs what its own class has read; the bytes stay those of the statement.
from sigstore.dsse import Statement as SigstoreStatement  # isort: skip

SIGSTORE = "attestation.sigstore.json"
"""Name of the bundle of Sigstore's in a run's folder."""
TOKEN = "SIGSTORE_ID_TOKEN"  # noqa: S105 - the variable's name, as GitLab and cosign have it
SHOWN = 300
"""Characters of what Sigstore's library says that are shown."""


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    integrated_time: str = ""
    inclusion_promise: dict[str, str] | None = None
    log_index: str = ""


class _Material(msgspec.Struct, frozen=True, rename="camel"):
    tlog_entries: tuple[_Entry, ...] = ()


class _Bundle(msgspec.Struct, frozen=True, rename="camel"):
    verification_material: _Material = _Material()


def sealed(statement: Statement, trust_config: str = "") -> bytes:
    """Return the statement signed by the identity of this job, as a bundle of Sigstore's.

    Args:
        statement: What is signed.
        trust_config: File that names services and roots of a Sigstore of one's own.

    Raises:
        AttestationError: This job has no identity, or a service does not answer or refuses.
    """
    token = _token()
    try:
        config = _config(trust_config)
        context = SigningContext.from_trust_config(config)
        with context.signer(IdentityToken(token)) as signer:
            signed = signer.sign_dsse(SigstoreStatement(encoded(statement)))
    except AttestationError:
        raise
    except Exception as error:  # of its services, of what they answer, of the network
        raise AttestationError(
            "The statement could not be signed without a key",
            where="--keyless",
            seen=type(error).__name__,
            cause="a service of Sigstore's was not reached, or refused this identity",
            next_command="rehearse attest BUNDLE --key KEY, where there is no network",
        ) from error
    return signed.to_json().encode() + b"\n"


def opened(
    text: bytes, name: str, identity: str, issuer: str, trusted_root: str = ""
) -> tuple[Statement, str]:
    """Return the statement that an identity signed, and when that was, as the log has it.

    Args:
        text: A bundle of Sigstore's.
        name: Where it was read.
        identity: Of the certificate: an address, or the URI of a workflow.
        issuer: Who vouched for the identity.
        trusted_root: File with the roots to trust; else Sigstore's own, fetched and verified.

    Raises:
        AttestationError: It is damaged, of another identity, or not about a rehearsal.
    """
    root = _root(trusted_root)
    try:
        bundle = Bundle.from_json(text)
        policy = Identity(identity=identity, issuer=issuer)
        kind, payload = Verifier(trusted_root=root).verify_dsse(bundle, policy)
        when = _logged(text)
    except Exception as error:  # damaged JSON, certificates and times have errors of their own
        raise AttestationError(
            "The attestation was not signed by this identity, or was altered since",
            where=name,
            expected=f"a certificate for {identity}, issued by {issuer}",
            seen=one_line(f"{type(error).__name__}: {error}")[:SHOWN],
        ) from None
    return statement_in(kind, payload, name), when


def _token() -> str:
    """Return the identity token of this job: a variable's, or what its CI system gives.

    Raises:
        AttestationError: There is none.
    """
    token, why = os.environ.get(TOKEN, ""), ""
    if not token:
        try:
            token = detect_credential() or ""
        except SigstoreError as error:
            why = type(error).__name__
    if not token:
        raise AttestationError(
            "This job has no identity that Sigstore could certify",
            where="--keyless",
            expected=f"an identity token in {TOKEN}, or a CI system that gives one",
            seen=why,
            cause="on GitHub the job lacks `permissions: id-token: write`, on GitLab `id_tokens:"
            f" {TOKEN}: aud: sigstore`",
        )
    remember([token.encode()])
    return token


def _config(file: str) -> ClientTrustConfig:
    if not file:
        return ClientTrustConfig.production()
    text = file_of(file, "--trust-config")
    try:
        return ClientTrustConfig.from_json(text.decode())
    except Exception as error:
        raise _no(file, "--trust-config", "a client trust configuration", error) from None


def _root(file: str) -> TrustedRoot:
    if file:
        file_of(file, "--trusted-root")
        try:
            return TrustedRoot.from_file(file)
        except Exception as error:
            raise _no(file, "--trusted-root", "a trusted root", error) from None
    try:
        return ClientTrustConfig.production().trusted_root
    except Exception as error:
        raise AttestationError(
            "Sigstore's roots of trust could not be fetched",
            where="--certificate-identity",
            seen=type(error).__name__,
            next_command="name a file that has them with --trusted-root",
        ) from None


def _no(file: str, option: str, what: str, error: Exception) -> AttestationError:
    return AttestationError(
        f"This is no file with {what} of Sigstore's",
        where=f"{option} {file}",
        seen=type(error).__name__,
    )


def _logged(text: bytes) -> str:
    """Return when the log took the entry, which its promise vouches for; empty without one."""
    entries = msgspec.json.decode(text, type=_Bundle).verification_material.tlog_entries
    for entry in entries:
        if entry.inclusion_promise and entry.integrated_time.isdecimal():
            at = datetime.fromtimestamp(int(entry.integrated_time), UTC)
            return f"{at:%Y-%m-%d %H:%M:%S} UTC, as log entry {entry.log_index}"
    return ""
