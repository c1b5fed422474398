"""Bundles and archives that somebody else made: one message, and nothing touched outside."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import rehearse
from fixtures.evidence.bundle import MANIFEST, seal
from fixtures.evidence.ledger import LEDGER
from suites.reports.samples import healthy_sample

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample = healthy_sample()
    sample.write(tmp_path)
    seal(tmp_path / sample.name)
    return tmp_path / sample.name


def _zip(folder: Path, *names: str, pack: int = zipfile.ZIP_DEFLATED) -> Path:
    """The bundle in an archive, with members of these names beside it."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", pack) as archive:
        for name in (LEDGER, MANIFEST):
            archive.write(folder / name, f"run/{name}")
        for name in names:
            archive.writestr(name, b"planted")
    return path


def _tar(folder: Path, *members: tarfile.TarInfo) -> Path:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        for name in (LEDGER, MANIFEST):
            archive.add(folder / name, f"run/{name}")
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def _member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    member.size = 1 if kind == tarfile.REGTYPE else 0
    return member


def _damaged(path: Path) -> Path:
    text = bytearray(path.read_bytes())
    middle = len(text) // 2
    text[middle : middle + 100] = bytes(255 - b for b in text[middle : middle + 100])
    path.write_bytes(text)
    return path


def _with(folder: Path, name: str, make: Callable[[Path], object]) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    make(path)
    return folder


REFUSED: dict[str, Callable[[Path], Path]] = {
    "a member named .": lambda f: _zip(f, "."),
    "an absolute member": lambda f: _zip(f, "/etc/cron.d/planted"),
    "a member outside": lambda f: _zip(f, "run/../../planted"),
    "deflate damaged": lambda f: _damaged(_zip(f)),
    "lzma damaged": lambda f: _damaged(_zip(f, pack=zipfile.ZIP_LZMA)),
    "bzip2 damaged": lambda f: _damaged(_zip(f, pack=zipfile.ZIP_BZIP2)),
    "gzip damaged": lambda f: _damaged(_tar(f)),
    "a tar member named .": lambda f: _tar(f, _member(".")),
    "a tar member outside": lambda f: _tar(f, _member("run/../../planted")),
    "the ledger a link": lambda f: _with(f, LEDGER, lambda p: p.symlink_to("/etc/passwd")),
    "the ledger a device": lambda f: _with(f, LEDGER, lambda p: p.symlink_to("/dev/zero")),
    "the ledger a pipe": lambda f: _with(f, LEDGER, os.mkfifo),
    "the ledger a folder": lambda f: _with(f, LEDGER, lambda p: p.mkdir()),
    "evidence a link": lambda f: _with(f, "evidence/x", lambda p: p.symlink_to("/etc/hosts")),
    "evidence of a name that is no text": lambda f: _with(
        f, "evidence/x", lambda p: Path(os.fsdecode(bytes(p.parent) + b"/\xff")).write_bytes(b"x")
    ),
    "a deep manifest": lambda f: _with(f, MANIFEST, lambda p: p.write_text(DEEP)),
    "a deep ledger": lambda f: _with(
        f, LEDGER, lambda p: p.write_text(f'{{"schema":1,"x":{DEEP}}}\n')
    ),
    "a number beyond 2^53": lambda f: _with(
        f,
        MANIFEST,
        lambda p: p.write_text(f'{{"run":"r","records":{2**60},"files":[],"digest":""}}'),
    ),
    "no number": lambda f: _with(
        f, MANIFEST, lambda p: p.write_text('{"run":"r","records":NaN,"files":[]}')
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", ["verify-bundle", "report"])
def test_a_hostile_bundle_is_one_message(
    name: str, command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = REFUSED[name](folder)
    out = folder.parent / "out"
    more = ["-o", str(out)] if command == "report" else []

    assert rehearse.main([command, str(made), *more]) == 4

    said = capsys.readouterr().err
    assert said.startswith("rehearse: ")
    assert "Traceback" not in said
    assert not list(out.glob("*")) if out.exists() else True


def test_a_document_is_written_through_no_link(folder: Path) -> None:
    precious = folder.parent / "precious.txt"
    precious.write_text("as it was")
    for name in ("report.html", "report.html.tmp", "report.json", ".report.json.part"):
        (folder / name).symlink_to(precious)

    assert rehearse.main(["report", str(folder)]) == 0

    assert precious.read_text() == "as it was"
    assert not (folder / "report.html").is_symlink()


def test_a_forged_verdict_contradicts_its_exit_code(folder: Path) -> None:
    text = (folder / LEDGER).read_bytes()
    (folder / LEDGER).write_bytes(text.replace(b'"exit_code":0', b'"exit_code":9'))
    seal(folder)

    assert rehearse.main(["verify-bundle", str(folder)]) == 1


def test_records_of_a_cluster_each_are_a_document_all_the_same(folder: Path) -> None:
    ledger = folder / LEDGER
    odd = [
        json.dumps({**json.loads(line), "cluster": f"c{number}"})
        for number, line in enumerate(ledger.read_text().splitlines())
    ]
    ledger.write_text("\n".join(odd) + "\n")
    seal(folder)

    assert rehearse.main(["report", str(folder)]) == 0
    assert "Cluster c" in (folder / "report.html").read_text()
