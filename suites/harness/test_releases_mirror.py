"""`rehearse releases update` from a mirror or a file, and as a command: what vouches for a set."""

from __future__ import annotations

from pathlib import Path

import pytest

import rehearse
from fixtures.core.errors import BadInput
from fixtures.releases.places import UPDATED, user_folder
from policies.releases.refs import Ref
from suites.harness.mirror import Reply, Server, serving
from suites.harness.releases_api import (
    FRESH,
    LIST,
    SHIPPED,
    TODAY,
    after,
    kept,
    playing,
    updated,
)


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is read from, or written to, the data folder of whoever runs the tests."""
    for name in ("GITHUB_TOKEN", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return user_folder()


def test_a_mirror_serves_the_set_that_another_machine_made(own_data: Path) -> None:
    with serving(playing(FRESH)) as server:
        updated(server.url)
    made = (own_data / UPDATED).read_bytes()
    for path in own_data.iterdir():
        path.unlink()
    served = Server({"/x/update.json": Reply(made, headers=(("ETag", '"1"'),))})
    with serving(served):
        first = updated(f"{served.url}/x/update.json")
        again = updated(f"{served.url}/x/update.json")

    assert "new: edge-26.9.2" in first
    assert "nothing new" in again
    assert served.statuses == [200, 304]
    assert (own_data / UPDATED).read_bytes() == made


def test_a_file_is_taken_as_it_is_and_never_an_older_one(tmp_path: Path, own_data: Path) -> None:
    with serving(playing(FRESH)) as server:
        updated(server.url)
    file = tmp_path / "brought.json"
    file.write_bytes((own_data / UPDATED).read_bytes())
    (own_data / UPDATED).unlink()
    assert "new: edge-26.9.2" in updated(file=str(file))
    file.write_text(file.read_text().replace(TODAY.isoformat(), after(30).isoformat()))

    with pytest.raises(BadInput, match="cannot be used") as older:
        updated(file=str(file))
    assert "older than what is kept" in older.value.seen
    assert kept()["date"] == TODAY.isoformat()


def test_a_set_of_something_else_is_no_update(tmp_path: Path, own_data: Path) -> None:
    file = tmp_path / "notes.toml"
    file.write_text('schema = 1\ndate = 2026-12-01\nsource = "us"\n')

    with pytest.raises(BadInput, match="cannot be used") as bad:
        updated(file=str(file))
    assert "no releases" in bad.value.seen
    assert not own_data.exists()


@pytest.mark.parametrize(
    ("old", "wrong"),
    [
        ('"schema": 1', '"schema": 2'),
        ('"edge-26.8.3"', '"edge-26.8.2"'),
        ('"anchor": "edge-26.6.3"', '"anchor": "edge-26.6.2"'),
        ('"version": "2.20"', '"version": "2.18"'),
        ('"source"', '"sauce"'),
        ('"2026-08-21"', '"2026-99-21"'),
        ('"logical"', '"logical'),
    ],
)
def test_a_wrong_set_is_refused_with_its_key(
    tmp_path: Path, own_data: Path, old: str, wrong: str
) -> None:
    with serving(playing()) as server:
        updated(server.url)
    before = (own_data / UPDATED).read_bytes()
    assert old in before.decode()
    file = tmp_path / "brought.json"
    file.write_text(before.decode().replace(old, wrong, 1))

    with pytest.raises(BadInput) as bad:
        updated(file=str(file))
    assert str(file) in str(bad.value)
    assert (own_data / UPDATED).read_bytes() == before


@pytest.mark.parametrize(
    "url", ["http://mirror.invalid", "ftp://mirror.invalid", "https://a b", "https://h?q", "x"]
)
def test_an_address_that_vouches_for_nothing_is_refused(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        updated(url)

    assert refused.value.where == "--url"


def test_the_command_says_it_and_ends_with_its_code(
    capsys: pytest.CaptureFixture[str], own_data: Path
) -> None:
    with serving(playing()) as server:
        well = rehearse.main(["releases", "update", "--url", server.url, "--dry-run"])
        server.files[LIST] = Reply(b"<html>")
        wrong = rehearse.main(["releases", "update", "--url", server.url])
        server.files[LIST] = Reply(status=500)
        broken = rehearse.main(["releases", "update", "--url", server.url])

    assert (well, wrong, broken) == (0, 4, 3)
    said = capsys.readouterr()
    assert "nothing new" in said.out
    assert "Traceback" not in said.err
    assert not own_data.exists()


def test_every_shipped_tag_is_played() -> None:
    assert len(SHIPPED) > 400
    assert all(isinstance(ref, Ref) for ref in SHIPPED.values())
