"""Signing by an identity: Sigstore's own library signs and verifies, against services of here."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

import rehearse
from reports.attestation import extra
from reports.attestation.keyless import SIGSTORE, TOKEN
from reports.write import write_all
from suites.reports.samples import healthy_sample
from suites.reports.sigstore_here import IDENTITY, ISSUER, Sigstore, serving

WHO = ("--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER)
AMBIENT = ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GOOGLE_CLOUD_PROJECT")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No identity of the job that runs these tests."""
    for name in (TOKEN, *AMBIENT):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def here() -> Sigstore:
    return Sigstore()


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, here: Sigstore) -> tuple[Path, Path]:
    """A bundle that the job's identity signed, and the roots of those who certified it."""
    root = tmp_path_factory.mktemp("keyless")
    return written(root, here)


def written(root: Path, sigstore: Sigstore) -> tuple[Path, Path]:
    bundle = healthy_sample().write(root)
    folder = Path(bundle.place)
    write_all(bundle, folder)
    with pytest.MonkeyPatch.context() as patch, serving(sigstore, root) as (config, roots):
        patch.setenv(TOKEN, sigstore.token())
        argv = ["attest", str(folder), "--keyless", "--trust-config", str(config)]
        assert rehearse.main(argv) == 0
    return folder, roots


@pytest.fixture
def folder(signed: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(signed[0], tmp_path / "run"))


def verify(folder: Path, roots: Path, *who: str) -> int:
    argv = ["verify-bundle", str(folder), *(who or WHO), "--trusted-root", str(roots)]
    return rehearse.main(argv)


def test_who_signed_is_told_with_who_vouched_for_them_and_when(
    signed: tuple[Path, Path], here: Sigstore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(*signed) == 0

    said = capsys.readouterr().out
    assert f"signed by  {IDENTITY}" in said
    assert f"issued by  {ISSUER}" in said
    assert f"logged at  {here.now:%Y-%m-%d %H:%M:%S} UTC" in said
    assert "result     WARNED" in said


def test_a_program_that_is_not_ours_verifies_it(signed: tuple[Path, Path]) -> None:
    folder, roots = signed
    bundle = Bundle.from_json((folder / SIGSTORE).read_bytes())
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(roots)))

    kind, payload = verifier.verify_dsse(bundle, Identity(identity=IDENTITY, issuer=ISSUER))

    assert kind == "application/vnd.in-toto+json"
    subjects = [s["name"] for s in json.loads(payload)["subject"]]
    assert {"manifest.json", "ledger.jsonl", "report.html"} <= set(subjects)


@pytest.mark.parametrize(
    ("who", "named"),
    [
        ((*WHO[:1], "https://ci.example/other", *WHO[2:]), "other"),
        ((*WHO[:3], "https://elsewhere.example"), "elsewhere"),
    ],
    ids=["identity", "issuer"],
)
def test_another_identity_is_refused(
    signed: tuple[Path, Path],
    who: tuple[str, ...],
    named: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert verify(*signed, *who) == 4
    assert named in capsys.readouterr().err


def test_an_authority_that_is_not_trusted_is_refused(
    signed: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its log, too: each key of another Sigstore alone is enough."""
    folder, roots = signed
    trusted, other = json.loads(roots.read_text()), Sigstore().trusted_root()
    for key in ("tlogs", "ctlogs", "certificateAuthorities"):
        mixed = tmp_path / f"{key}.json"
        mixed.write_text(json.dumps({**trusted, key: other[key]}))

        assert verify(folder, mixed) == 4, key
        assert "was not signed by this identity" in capsys.readouterr().err


def test_a_certificate_that_had_ended_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log took the entry a day after the certificate was made."""
    late = Sigstore()
    enter = late.enter

    def later(asked: dict[str, Any]) -> dict[str, Any]:
        late.now = datetime.now(UTC) + timedelta(days=1)
        return enter(asked)

    late.enter = later
    folder, roots = written(tmp_path, late)

    assert verify(folder, roots) == 4
    assert "was not signed by this identity" in capsys.readouterr().err


def _payload(text: dict[str, Any]) -> None:
    statement = json.loads(base64.b64decode(text["dsseEnvelope"]["payload"]))
    statement["predicate"]["result"] = "PASSED"
    text["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()


def _log(text: dict[str, Any]) -> None:
    text["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = "1700000000"


def _no_promise(text: dict[str, Any]) -> None:
    del text["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]


def _no_entry(text: dict[str, Any]) -> None:
    text["verificationMaterial"]["tlogEntries"] = []


@pytest.mark.parametrize("change", [_payload, _log, _no_promise, _no_entry])
def test_what_was_altered_after_it_was_signed_is_refused(
    folder: Path,
    signed: tuple[Path, Path],
    change: Callable[[dict[str, Any]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = folder / SIGSTORE
    text = json.loads(file.read_text())
    change(text)
    file.write_text(json.dumps(text))

    assert verify(folder, signed[1]) == 4
    assert "Traceback" not in capsys.readouterr().err


def test_a_document_that_was_altered_after_it_was_signed_is_named(
    folder: Path, signed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / "report.html").open("a") as file:
        file.write("<!-- -->")

    assert verify(folder, signed[1]) == 4
    assert "subject report.html" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"mediaType": 1}', "[" * 100_000])
def test_what_is_no_bundle_or_no_root_of_sigstores_is_one_message(
    folder: Path, signed: tuple[Path, Path], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = folder.parent / "damaged.json"
    damaged.write_text(text)

    assert verify(folder, damaged) == 4
    assert "--trusted-root" in capsys.readouterr().err
    (folder / SIGSTORE).write_text(text)
    assert verify(folder, signed[1]) == 4
    said = capsys.readouterr().err
    assert SIGSTORE in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "options",
    [
        WHO[:2],
        WHO[2:],
        (*WHO, "--public-key", "x.pub"),
        ("--trusted-root", "x.json"),
        ("--attestation", "x.json"),
    ],
)
def test_half_an_identity_is_bad_input(
    folder: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert rehearse.main(["verify-bundle", str(folder), *options]) == 4
    assert "--certificate-identity" in capsys.readouterr().err


def test_a_job_without_an_identity_is_told_what_gives_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rehearse.main(["attest", str(folder), "--keyless"]) == 4

    said = capsys.readouterr().err
    assert TOKEN in said
    assert "id-token: write" in said


@pytest.mark.parametrize("token", ["no token", "a.b.c"])
def test_a_token_that_is_none_is_refused_and_never_told(
    folder: Path,
    token: str,
    here: Sigstore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(TOKEN, token)
    (folder / SIGSTORE).unlink()
    with serving(here, folder.parent) as (config, _):
        code = rehearse.main(["attest", str(folder), "--keyless", "--trust-config", str(config)])

    assert code == 4
    assert token not in capsys.readouterr().err
    assert not (folder / SIGSTORE).exists(), "nothing half-signed is left"


def test_services_that_do_not_answer_are_one_message(
    folder: Path,
    here: Sigstore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(TOKEN, here.token())
    with serving(here, folder.parent) as (config, _):
        pass  # it has ended
    assert rehearse.main(["attest", str(folder), "--keyless", "--trust-config", str(config)]) == 4

    said = capsys.readouterr().err
    assert "ConnectionError" in said
    assert here.token() not in said


def test_without_the_library_the_extra_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(name: str) -> object:
        return None if name == "sigstore" else object()

    monkeypatch.setattr(extra, "find_spec", none)

    assert rehearse.main(["attest", str(folder), "--keyless"]) == 4
    assert "pip install '.[attest]'" in capsys.readouterr().err
    assert rehearse.main(["verify-bundle", str(folder), *WHO]) == 4
