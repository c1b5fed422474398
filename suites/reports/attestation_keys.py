"""Keys, bundles and commands for tests of attestations."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

import rehearse
from reports.attestation.attest import ATTESTATION
from reports.write import write_all
from suites.reports.samples import healthy_sample

MAKE: dict[str, Callable[[], PrivateKeyTypes]] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
}
PASSWORD = "correct horse"


class Pair:
    """A private key and its public one, each in a file."""

    def __init__(self, folder: Path, name: str, key: PrivateKeyTypes, password: str = "") -> None:
        self.private, self.public = folder / f"{name}.pem", folder / f"{name}.pub"
        lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        self.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
        public = key.public_key()
        self.public.write_bytes(
            public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder = tmp_path_factory.mktemp("keys")
    found = {name: Pair(folder, name, make()) for name, make in MAKE.items()}
    found["other"] = Pair(folder, "other", MAKE["ed25519"]())
    found["locked"] = Pair(folder, "locked", MAKE["ecdsa"](), PASSWORD)
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, pairs: dict[str, Pair]) -> Path:
    """A bundle with samples and documents, signed with the ed25519 key."""
    root = tmp_path_factory.mktemp("written")
    bundle = healthy_sample().write(root)
    folder = Path(bundle.place)
    write_all(bundle, folder)
    assert rehearse.main(["attest", str(folder), "--key", str(pairs["ed25519"].private)]) == 0
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(written, tmp_path / "run"))


def sign(folder: Path, key: str | Path, *more: str) -> int:
    return rehearse.main(["attest", str(folder), "--key", str(key), *more])


def verify(folder: Path, pair: Pair, *more: str) -> int:
    return rehearse.main(["verify-bundle", str(folder), "--public-key", str(pair.public), *more])


def envelope_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / ATTESTATION).read_bytes())


def statement_of(folder: Path) -> dict[str, Any]:
    return json.loads(base64.b64decode(envelope_of(folder)["payload"]))


def pae(kind: bytes, payload: bytes) -> bytes:
    """The bytes that are signed, as the DSSE protocol has them."""
    return b" ".join((b"DSSEv1", b"%d" % len(kind), kind, b"%d" % len(payload), payload))
