"""Keys that cannot be used, and bundles that cannot be signed: one message each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

import rehearse
from reports.attestation import extra, keys
from reports.attestation.attest import ATTESTATION
from suites.reports.attestation_keys import (
    Pair,
    sign,
)
from suites.reports.attestation_keys import folder as folder
from suites.reports.attestation_keys import pairs as pairs
from suites.reports.attestation_keys import written as written


def _weak(folder: Path, name: str) -> Path:
    made: dict[str, Callable[[], PrivateKeyTypes]] = {
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    }
    return Pair(folder, name, made[name]()).private


BAD_KEYS: dict[str, tuple[Callable[[Path], str | Path], str]] = {
    "p384": (lambda f: _weak(f, "p384"), "of this kind"),
    "rsa1024": (lambda f: _weak(f, "rsa1024"), "1024 bits"),
    "absent": (lambda f: f / "absent.pem", "cannot be read"),
    "a folder": (lambda f: f, "cannot be read"),
    "a device": (lambda _: "/dev/zero", "no regular file"),
    "an empty variable": (lambda _: "env:NOT_SET", "empty or not set"),
    "no key": (lambda f: _file(f, "-----BEGIN SOMETHING-----"), "no private key"),
    "of cosign": (
        lambda f: _file(f, "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"),
        "such as that of cosign",
    ),
    "large": (lambda f: _file(f, "x" * 100_000), "too large"),
    "of a service, alone": (lambda _: "awskms:alias/signer", "--public-key"),
}


def _file(folder: Path, text: str) -> Path:
    path = folder / "key.pem"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_key_that_cannot_be_used_is_one_message(
    name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, told = BAD_KEYS[name]
    (folder / ATTESTATION).unlink()

    assert sign(folder, make(tmp_path)) == 4

    said = capsys.readouterr().err
    assert said.startswith("rehearse: ")
    assert told in said
    assert not (folder / ATTESTATION).exists()


def test_a_service_whose_library_is_absent_is_told(
    pairs: dict[str, Pair], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = str(pairs["ecdsa"].public)

    assert sign(folder, "awskms:alias/signer", "--public-key", public) == 4
    assert "library of this service" in capsys.readouterr().err


@pytest.mark.parametrize("password", ["", "incorrect horse"])
def test_a_locked_key_wants_its_password(
    password: str,
    pairs: dict[str, Pair],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(keys.PASSWORD, password)

    assert sign(folder, pairs["locked"].private) == 4

    said = capsys.readouterr().err
    assert ("password is wrong" if password else keys.PASSWORD) in said


def test_a_private_key_is_no_public_one(
    pairs: dict[str, Pair], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private = str(pairs["ed25519"].private)

    assert rehearse.main(["verify-bundle", str(folder), "--public-key", private]) == 4
    assert "openssl pkey" in capsys.readouterr().err


def test_a_bundle_that_is_not_as_it_should_be_is_not_signed(
    pairs: dict[str, Pair], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "report.json").write_text("{}")

    assert sign(folder, pairs["ed25519"].private) == 4
    assert "report.json" in capsys.readouterr().err


def test_an_attestation_without_a_key_and_a_page_that_is_none_are_told(
    pairs: dict[str, Pair], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rehearse.main(["verify-bundle", str(folder), "--attestation", "x"]) == 4
    assert "--public-key" in capsys.readouterr().err
    assert sign(folder, pairs["rsa"].private, "--url", "javascript:alert(1)") == 4
    assert "--url" in capsys.readouterr().err


def test_without_the_extra_the_way_to_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(_: str) -> None:
        return None

    monkeypatch.setattr(extra, "find_spec", absent)

    assert sign(folder, "key.pem") == 4
    assert "pip install '.[attest]'" in capsys.readouterr().err
