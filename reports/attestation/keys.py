"""Keys that sign and verify: ed25519, ECDSA on P-256, RSA from 2048 bits on.

A private key is a PEM file, the PEM text of an environment variable (`env:NAME`), or a key that
never leaves its service (a URI of a KMS). RSA signs with PKCS #1 v1.5, as cosign verifies it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import RSA_PKCS1V15_SHA256, CryptoSigner, Signer, SSlibKey  # pyright: ignore[reportPrivateImportUsage] - exported without __all__

from fixtures.core.errors import BadInput
from fixtures.core.redaction import remember

PASSWORD = "REHEARSE_KEY_PASSWORD"  # noqa: S105 - the variable's name
ENVIRONMENT = "env:"
SERVICES = ("awskms:", "azurekms:", "gcpkms:", "hv:")
"""Schemes of keys that stay in AWS, Azure, Google Cloud and HashiCorp Vault."""
KINDS = "ed25519, ECDSA on P-256, or RSA of at least 2048 bits"
LARGEST = 64 * 1024
"""Bytes of a file with a key."""
SMALLEST_RSA = 2048


class KeyRefused(BadInput):
    """A key cannot be used; the message names where it comes from, never what it holds."""


def signer(said: str, public: str = "") -> Signer:
    """Return what signs with a key.

    Args:
        said: A file, `env:NAME`, or the URI of a key in a service.
        public: File of the public key, which a service's key needs.

    Raises:
        KeyRefused: It cannot be read or used, or is of another kind.
    """
    if said.startswith(SERVICES):
        return _of_service(said, public)
    private = _private(_text(said), said)
    return CryptoSigner(private, _known(private.public_key(), said))


def public_key(said: str) -> SSlibKey:
    """Return a public key of a PEM file, or of a variable (`env:NAME`).

    Raises:
        KeyRefused: It cannot be read, or is of another kind.
    """
    text = _text(said)
    if b"PRIVATE KEY" in text:
        raise KeyRefused(
            "This is a private key, which nobody but its owner should have",
            where=said,
            expected="the public key",
            next_command=f"openssl pkey -in {said} -pubout",
        )
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefused("This is no public key", where=said, expected=f"PEM of {KINDS}") from None
    return _known(key, said)


def fingerprint(key: PublicKeyTypes) -> str:
    """Return `SHA256:...`, as `ssh-keygen -l` shows it and Go's libraries of DSSE expect it.

    These skip a signature whose identifier is of another form, without trying the key.
    """
    text = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    digest = hashlib.sha256(base64.b64decode(text.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _known(key: PublicKeyTypes, said: str) -> SSlibKey:
    if isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_RSA:
        return SSlibKey.from_crypto(key, fingerprint(key), RSA_PKCS1V15_SHA256)
    if isinstance(key, Ed25519PublicKey):
        return SSlibKey.from_crypto(key, fingerprint(key))
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return SSlibKey.from_crypto(key, fingerprint(key))
    size = f" of {size} bits" if isinstance(size := getattr(key, "key_size", None), int) else ""
    kind = type(key).__name__.removesuffix("PublicKey")
    raise KeyRefused(
        "A key of this kind cannot be used", where=said, expected=KINDS, seen=f"{kind}{size}"
    )


def _private(text: bytes, said: str) -> PrivateKeyTypes:
    password = os.environ.get(PASSWORD, "").encode() or None
    remember([text, *([password] if password else [])])
    try:
        return load_pem_private_key(text, password)
    except TypeError:
        if password is None:
            raise KeyRefused(
                "The private key is encrypted",
                where=said,
                next_command=f"set {PASSWORD} to its password",
            ) from None
        return load_pem_private_key(text, None)
    except (ValueError, UnsupportedAlgorithm):
        why = "the password is wrong, or " if password else ""
        raise KeyRefused(
            "This is no private key that can be used",
            where=said,
            expected=f"PEM (PKCS #8) of {KINDS}",
            cause=f"{why}it is of another format, such as that of cosign or OpenSSH",
        ) from None


def _text(said: str) -> bytes:
    if said.startswith(ENVIRONMENT):
        name = said.removeprefix(ENVIRONMENT)
        text = os.environ.get(name, "")
        if not text:
            raise KeyRefused("The variable with the key is empty or not set", where=said)
        return text.encode(errors="surrogateescape")
    try:
        descriptor = os.open(Path(said), os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise KeyRefused("The key is no regular file", where=said)
            text = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise KeyRefused(
            "The key cannot be read",
            where=said,
            expected=f"a PEM file, {ENVIRONMENT}NAME, or one of {', '.join(SERVICES)}",
            seen=getattr(error, "strerror", "") or type(error).__name__,
        ) from None
    if len(text) > LARGEST:
        raise KeyRefused("This is too large for a key", where=said, expected=f"{LARGEST} bytes")
    return text


def _of_service(said: str, public: str) -> Signer:
    if not public:
        raise KeyRefused(
            "The public key of a service's key is needed",
            where=said,
            next_command="fetch it from the service, and name its file with --public-key",
        )
    known = public_key(public)
    try:
        return Signer.from_priv_key_uri(said, known)
    except UnsupportedLibraryError as error:
        raise KeyRefused(
            "The library of this service is not installed", where=said, seen=str(error)
        ) from None
    except Exception as error:  # whatever the service's own library raises
        raise KeyRefused(
            "The service's key cannot be used", where=said, seen=type(error).__name__
        ) from error
