from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import rehearse
from fixtures.core.errors import RehearsalError
from fixtures.evidence.bundle import (
    MANIFEST,
    Bundle,
    BundleError,
    Manifest,
    manifest_digest,
    open_bundle,
    seal,
)
from fixtures.evidence.ledger import LEDGER
from reports.write import DEFAULT, write_all
from suites.reports.samples import Sample, healthy_sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed bundle with one file of evidence beside the ledger."""
    sample = healthy_sample()
    sample.write(tmp_path)
    run = tmp_path / sample.name
    (run / "evidence").mkdir()
    (run / "evidence" / "rendered.yaml").write_text("kind: List\n")
    seal(run)
    return run


def test_a_sealed_bundle_opens_with_its_records(folder: Path) -> None:
    bundle = open_bundle(folder)

    assert bundle.run == folder.name
    assert bundle.manifest is not None
    assert [f.path for f in bundle.manifest.files] == ["evidence/rendered.yaml", LEDGER]
    assert len(bundle.reading.records) == bundle.manifest.records


@pytest.mark.parametrize("name", [LEDGER, MANIFEST])
def test_a_bundle_may_be_named_by_a_file_in_it(folder: Path, name: str) -> None:
    assert open_bundle(folder / name) == open_bundle(folder)


def test_samples_are_sealed(folder: Path) -> None:
    samples = folder / "traffic" / "unmeshed.samples"
    samples.parent.mkdir()
    samples.write_bytes(b"as seen")
    manifest = seal(folder).manifest
    assert manifest is not None
    assert "traffic/unmeshed.samples" in [f.path for f in manifest.files]

    samples.write_bytes(b"as told")

    with pytest.raises(BundleError, match="altered"):
        open_bundle(folder)


def test_a_bundle_of_the_first_schema_is_read_and_vouches_for_no_samples(folder: Path) -> None:
    manifest = open_bundle(folder).manifest
    assert manifest is not None
    first = msgspec.structs.replace(manifest, schema=1)
    _rewrite(folder / MANIFEST, schema=1, digest=manifest_digest(first))
    (folder / "unmeshed.samples").write_bytes(b"never sealed")

    assert open_bundle(folder).manifest is not None


def test_sealing_twice_gives_the_same_manifest(folder: Path) -> None:
    before = (folder / MANIFEST).read_bytes()

    seal(folder)

    assert (folder / MANIFEST).read_bytes() == before


def test_documents_do_not_change_the_bundle(folder: Path) -> None:
    (folder / "report.html").write_text("made from it, not part of it")

    assert open_bundle(folder).manifest is not None


Tamper = Callable[[Path], object]


def _flip(path: Path, old: bytes, new: bytes) -> None:
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new, 1))


def _rewrite(path: Path, **changes: object) -> None:
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, **changes)))


TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "a finding turned around": (
        lambda f: _flip(f / LEDGER, b'"status":"holds"', b'"status":"waived"'),
        LEDGER,
    ),
    "the last record dropped": (
        lambda f: (f / LEDGER).write_bytes(
            b"".join((f / LEDGER).read_bytes().splitlines(keepends=True)[:-1])
        ),
        LEDGER,
    ),
    "the ledger removed": (lambda f: (f / LEDGER).unlink(), LEDGER),
    "evidence changed": (
        lambda f: _flip(f / "evidence" / "rendered.yaml", b"List", b"list"),
        "evidence/rendered.yaml",
    ),
    "evidence removed": (
        lambda f: (f / "evidence" / "rendered.yaml").unlink(),
        "evidence/rendered.yaml",
    ),
    "evidence added": (
        lambda f: (f / "evidence" / "more.txt").write_text("planted"),
        "evidence/more.txt",
    ),
    "the manifest's list shortened": (
        lambda f: _rewrite(f / MANIFEST, files=()),
        MANIFEST,
    ),
    "the manifest's run renamed": (lambda f: _rewrite(f / MANIFEST, run="other"), MANIFEST),
    "the manifest no JSON": (lambda f: (f / MANIFEST).write_text("{"), MANIFEST),
    "the manifest of a newer version": (lambda f: _rewrite(f / MANIFEST, schema=99), MANIFEST),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampered_bundle_is_refused_and_the_file_named(name: str, folder: Path) -> None:
    tamper, file = TAMPERINGS[name]
    tamper(folder)

    with pytest.raises(BundleError) as refused:
        open_bundle(folder)

    assert file in str(refused.value)
    assert refused.value.exit_code == 4


def test_what_differs_is_said_with_both_digests(folder: Path) -> None:
    assert (manifest := open_bundle(folder).manifest) is not None
    _flip(folder / LEDGER, b'"status":"holds"', b'"status":"waived"')

    with pytest.raises(BundleError) as refused:
        open_bundle(folder)

    assert manifest.files[-1].sha256 in refused.value.expected
    assert manifest.files[-1].sha256 not in refused.value.seen


def _resealed(folder: Path, **changes: object) -> Path:
    """Seal again after a change, as somebody would who wants it to look whole."""
    seal(folder)
    path = folder / MANIFEST
    manifest = msgspec.structs.replace(
        msgspec.json.decode(path.read_bytes(), type=Manifest), **changes
    )
    digest = manifest_digest(manifest)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, digest=digest)))
    return folder


def _without(folder: Path, first: int, last: int | None) -> Path:
    lines = (folder / LEDGER).read_bytes().splitlines(keepends=True)
    del lines[first:last]
    (folder / LEDGER).write_bytes(b"".join(lines))
    return _resealed(folder)


def _twice(folder: Path) -> Path:
    lines = (folder / LEDGER).read_bytes().splitlines(keepends=True)
    (folder / LEDGER).write_bytes(b"".join(lines[:1] + lines))
    return _resealed(folder)


CONTRADICTIONS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "records removed": (lambda f: _without(f, 5, 9), "record 9 where record 5"),
    "no header": (lambda f: _without(f, 0, 1), "does not begin with its header"),
    "a cut end": (lambda f: _without(f, -1, None), "has no closing record"),
    "two headers": (_twice, "more than one header"),
    "a count that is wrong": (lambda f: _resealed(f, records=3), "counts 3 records"),
    "another run": (lambda f: _resealed(f, run="other"), "is of run other"),
    "another schema": (lambda f: _resealed(f, ledger_schema=1), "names ledger schema 1"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_contradiction_fails_even_when_it_is_sealed_anew(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, said = CONTRADICTIONS[name]

    assert rehearse.main(["verify-bundle", str(make(folder))]) == 1

    assert said in capsys.readouterr().out


def test_a_whole_bundle_is_said_to_be_as_sealed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rehearse.main(["verify-bundle", str(folder)]) == 0

    assert "as sealed" in capsys.readouterr().out


def test_documents_are_compared_with_the_ledger_and_the_verdict_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_all(open_bundle(folder), folder)
    assert rehearse.main(["verify-bundle", str(folder)]) == 0
    said = capsys.readouterr().out
    manifest = open_bundle(folder).manifest
    assert manifest is not None
    assert manifest.digest in said
    assert "verdict    holds, exit code 0" in said
    assert f"{', '.join(f.file for f in DEFAULT)}: as the ledger has them" in said

    page = folder / "report.html"
    page.write_text(page.read_text().replace("holds", "held"))
    assert rehearse.main(["verify-bundle", str(folder)]) == 1
    assert "report.html: NOT what the ledger gives" in capsys.readouterr().out


def test_the_newest_run_is_named_latest(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".rehearsals").mkdir()
    (tmp_path / ".rehearsals" / "latest").symlink_to(folder)

    assert rehearse.main(["report", "latest"]) == 0
    assert rehearse.main(["verify-bundle", "latest"]) == 0
    assert (folder / "report.html").is_file()


def _zip(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return path


def _tar(folder: Path) -> Path:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
    return path


@pytest.mark.parametrize("pack", [_zip, _tar])
def test_a_packed_bundle_reads_like_its_folder(folder: Path, pack: Callable[[Path], Path]) -> None:
    packed, plain = open_bundle(pack(folder)), open_bundle(folder)

    assert _content(packed) == _content(plain)


@pytest.mark.parametrize("pack", [_zip, _tar])
def test_a_damaged_archive_is_told(folder: Path, pack: Callable[[Path], Path]) -> None:
    path = pack(folder)
    text = path.read_bytes()
    path.write_bytes(text[: len(text) // 2])

    with pytest.raises(RehearsalError) as refused:
        open_bundle(path)

    assert str(path) in str(refused.value)


def test_what_is_no_bundle_is_told(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("hello")

    for path in (tmp_path, tmp_path / "file.txt", tmp_path / "absent"):
        with pytest.raises(RehearsalError) as refused:
            open_bundle(path)
        assert str(path) in str(refused.value)


def test_a_bundle_that_was_never_sealed_opens_and_says_so(tmp_path: Path) -> None:
    bundle = Sample().cut(tmp_path)

    assert bundle.manifest is None
    assert bundle.reading.truncated


def _content(bundle: Bundle) -> tuple[object, ...]:
    return bundle.run, bundle.reading, bundle.manifest
