"""Attestations: other programs verify them, and whatever is not as signed is one message."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.signer import RSA_PKCS1V15_SHA256, SSlibKey  # pyright: ignore[reportPrivateImportUsage] - exported without __all__

import rehearse
from fixtures.evidence.bundle import open_bundle
from reports.attestation import keys
from reports.attestation.attest import ATTESTATION
from reports.build.report import build
from reports.write import DEFAULT
from suites.reports.attestation_keys import (
    MAKE,
    PASSWORD,
    Pair,
    envelope_of,
    pae,
    sign,
    statement_of,
    verify,
)
from suites.reports.attestation_keys import folder as folder
from suites.reports.attestation_keys import pairs as pairs
from suites.reports.attestation_keys import written as written
from suites.reports.samples import SAMPLES, violated_sample


@pytest.mark.parametrize("kind", MAKE)
def test_who_what_and_when_is_told(
    kind: str, pairs: dict[str, Pair], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sign(folder, pairs[kind].private) == 0
    assert verify(folder, pairs[kind]) == 0

    said = capsys.readouterr().out
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert f"{kind} key {keys.public_key(str(pairs[kind].public)).keyid}" in said
    assert f"manifest.json sha256:{digest}" in said
    assert "WARNED: " in said
    assert "signed at  " in said
    assert "rehearsed  2025-11-24 05:36:00 UTC to " in said


@pytest.mark.parametrize("kind", MAKE)
def test_the_librarys_own_verifier_agrees(kind: str, pairs: dict[str, Pair], folder: Path) -> None:
    assert sign(folder, pairs[kind].private) == 0
    public = load_pem_public_key(pairs[kind].public.read_bytes())
    scheme = RSA_PKCS1V15_SHA256 if kind == "rsa" else None
    key = SSlibKey.from_crypto(public, envelope_of(folder)["signatures"][0]["keyid"], scheme)

    accepted = Envelope.from_dict(envelope_of(folder)).verify([key], 1)

    assert list(accepted) == [key.keyid]


@pytest.mark.parametrize("kind", MAKE)
def test_plain_cryptography_agrees(kind: str, pairs: dict[str, Pair], folder: Path) -> None:
    assert sign(folder, pairs[kind].private) == 0
    envelope = envelope_of(folder)
    data = pae(envelope["payloadType"].encode(), base64.b64decode(envelope["payload"]))
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    key = load_pem_public_key(pairs[kind].public.read_bytes())

    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, data)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, data, ec.ECDSA(SHA256()))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, padding.PKCS1v15(), SHA256())


def test_a_key_is_called_as_ssh_keygen_and_go_call_it(tmp_path: Path) -> None:
    """Of a published key: an identifier of another form makes Go's verifiers skip a signature."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pair = Pair(tmp_path, "known", key)

    assert (
        keys.public_key(str(pair.public)).keyid
        == "SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg"
    )


def test_the_statement_is_of_every_file(written: Path) -> None:
    statement = statement_of(written)
    subjects = {s["name"]: s["digest"]["sha256"] for s in statement["subject"]}

    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert statement["subject"][0]["name"] == "manifest.json"
    assert set(subjects) == {"manifest.json", "ledger.jsonl", *(f.file for f in DEFAULT)}
    for name, digest in subjects.items():
        assert hashlib.sha256((written / name).read_bytes()).hexdigest() == digest
    manifest = open_bundle(written).manifest
    assert manifest
    assert statement["subject"][0]["annotations"]["bundle"] == manifest.digest


@pytest.mark.parametrize("name", SAMPLES)
def test_the_result_is_never_better_than_the_verdict(
    name: str, pairs: dict[str, Pair], tmp_path: Path
) -> None:
    bundle = SAMPLES[name]().write(tmp_path)
    folder = Path(bundle.place)
    assert sign(folder, pairs["ecdsa"].private, "--url", "https://ci.example.com/1") == 0
    predicate, report = statement_of(folder)["predicate"], build(bundle)

    expected = "FAILED" if report.verdict.exit_code else "WARNED" if report.advice else "PASSED"
    assert predicate["result"] == expected
    assert len(predicate.get("failedTests", ())) == report.counts.blocker.violated
    assert len(predicate["passedTests"]) == report.counts.of("holds")
    warned = report.counts.advice.violated
    warned += report.counts.of("not assessed") + report.counts.of("waived")
    assert len(predicate["warnedTests"]) == warned
    (_, scenario) = predicate["configuration"]
    assert json.loads(base64.b64decode(scenario["content"])) == dict(report.scenario)
    assert predicate["url"] == "https://ci.example.com/1"


def test_samples_and_evidence_are_covered(pairs: dict[str, Pair], tmp_path: Path) -> None:
    from fixtures.evidence.bundle import seal

    folder = Path(violated_sample().write(tmp_path).place)
    (folder / "traffic").mkdir()
    (folder / "traffic" / "unmeshed.samples").write_bytes(b"as seen")
    seal(folder)

    assert sign(folder, pairs["ed25519"].private) == 0
    assert "traffic/unmeshed.samples" in [s["name"] for s in statement_of(folder)["subject"]]


def test_a_key_may_be_in_a_variable_and_locked(
    pairs: dict[str, Pair], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_KEY", pairs["locked"].private.read_text())
    monkeypatch.setenv(keys.PASSWORD, PASSWORD)
    monkeypatch.setenv("VERIFYING_KEY", pairs["locked"].public.read_text())

    assert sign(folder, "env:SIGNING_KEY") == 0
    assert rehearse.main(["verify-bundle", str(folder), "--public-key", "env:VERIFYING_KEY"]) == 0


def test_a_signature_is_found_whatever_the_key_is_called(
    pairs: dict[str, Pair], folder: Path
) -> None:
    envelope = envelope_of(folder)
    envelope["signatures"] = [
        {"sig": base64.b64encode(b"of somebody else").decode()},
        {"sig": envelope["signatures"][0]["sig"], "keyid": "a hint"},
    ]
    (folder / ATTESTATION).write_text(json.dumps(envelope))

    assert verify(folder, pairs["ed25519"]) == 0


def test_a_document_that_was_taken_out_is_told(
    pairs: dict[str, Pair], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "report.html").unlink()

    assert verify(folder, pairs["ed25519"]) == 0
    assert "not here   report.html" in capsys.readouterr().out


def test_a_packed_bundle_is_verified(pairs: dict[str, Pair], folder: Path) -> None:
    packed = shutil.make_archive(str(folder), "zip", folder.parent, folder.name)

    assert verify(Path(packed), pairs["ed25519"]) == 0
    assert sign(Path(packed), pairs["ed25519"].private) == 4
    assert sign(Path(packed), pairs["ed25519"].private, "-o", str(folder.parent / "a")) == 0


def test_what_would_be_signed_is_left_to_another_program(folder: Path) -> None:
    assert rehearse.main(["attest", str(folder), "--statement"]) == 0

    found = json.loads((folder / "statement.json").read_bytes())
    assert found["subject"][1:] == statement_of(folder)["subject"][1:]


def _changed(folder: Path, **changes: object) -> None:
    (folder / ATTESTATION).write_text(json.dumps({**envelope_of(folder), **changes}))


def _resign(folder: Path, payload: bytes, kind: str = "application/vnd.in-toto+json") -> None:
    """Sign something else with the right key."""
    pair = folder.parents[0] / "own"
    key = ed25519.Ed25519PrivateKey.generate()
    Pair(folder.parents[0], pair.name, key)
    signature = base64.b64encode(key.sign(pae(kind.encode(), payload))).decode()
    _changed(
        folder,
        payload=base64.b64encode(payload).decode(),
        payloadType=kind,
        signatures=[{"sig": signature}],
    )


def _payload(folder: Path) -> bytes:
    return base64.b64decode(envelope_of(folder)["payload"])


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "unsigned": (lambda f: (f / ATTESTATION).unlink(), "not signed"),
    "no signature": (lambda f: _changed(f, signatures=[]), "not signed"),
    "another payload": (
        lambda f: _changed(f, payload=base64.b64encode(_payload(f) + b" ").decode()),
        "altered since",
    ),
    "another type": (lambda f: _changed(f, payloadType="text/plain"), "altered since"),
    "no base64": (lambda f: _changed(f, payload="%%%"), "damaged"),
    "cut off": (
        lambda f: (f / ATTESTATION).write_bytes((f / ATTESTATION).read_bytes()[:-9]),
        "damaged",
    ),
    "deep": (lambda f: (f / ATTESTATION).write_text("[" * 100_000), "damaged"),
    "a link": (
        lambda f: ((f / ATTESTATION).unlink(), (f / ATTESTATION).symlink_to("/etc/passwd")),
        "cannot be read",
    ),
    "a document altered": (lambda f: (f / "report.html").write_text("well"), "altered"),
    "the manifest altered": (lambda f: (f / "manifest.json").write_text("{}"), "another bundle"),
    "the ledger altered": (lambda f: (f / "ledger.jsonl").write_text("{}"), "altered"),
    "the ledger gone": (lambda f: (f / "ledger.jsonl").unlink(), "does not cover"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_as_signed_is_one_message(
    name: str, pairs: dict[str, Pair], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, told = REFUSED[name]
    change(folder)

    assert verify(folder, pairs["ed25519"]) == 4

    said = capsys.readouterr().err
    assert said.startswith("rehearse: ")
    assert told in said
    assert "Traceback" not in said


SIGNED: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "another type": (lambda p: p, "text/plain", "no statement"),
    "no statement": (lambda _: b"{}", "application/vnd.in-toto+json", "not about a rehearsal"),
    "another predicate": (
        lambda p: p.replace(b"test-result", b"provenance"),
        "application/vnd.in-toto+json",
        "not about the result",
    ),
}


@pytest.mark.parametrize("name", SIGNED)
def test_a_good_signature_of_something_else_is_refused(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, kind, told = SIGNED[name]
    _resign(folder, change(_payload(folder)), kind)
    public = folder.parents[0] / "own.pub"

    assert rehearse.main(["verify-bundle", str(folder), "--public-key", str(public)]) == 4
    assert told in capsys.readouterr().err


def test_another_bundles_attestation_is_refused(
    pairs: dict[str, Pair], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(violated_sample().write(tmp_path / "other").place)

    assert verify(other, pairs["ed25519"], "--attestation", str(folder / ATTESTATION)) == 4
    assert "of another bundle" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["other", "rsa", "ecdsa"])
def test_another_key_is_refused(
    kind: str, pairs: dict[str, Pair], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(folder, pairs[kind]) == 4
    assert "not signed with this key" in capsys.readouterr().err
