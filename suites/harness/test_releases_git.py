"""The tags of a git repository: of a clone, of a URL, and of what must not become an option."""

from __future__ import annotations

import os
import subprocess
from datetime import date
from pathlib import Path

import pytest

from fixtures.core.errors import BadInput, Broken
from fixtures.learning import git_tags
from fixtures.learning.update import Source, update
from fixtures.releases.places import UPDATED, user_folder
from policies.releases.refs import Ref
from suites.harness.releases_api import SHIPPED, TODAY

DAYS = {"edge-26.9.1": "2026-09-03", "edge-26.9.2": "2026-09-10", "version-2.21": "2026-09-10"}
WHO = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"} | {
    "GIT_COMMITTER_EMAIL": "a@b",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return user_folder()


def git(at: Path, *arguments: str, day: str = "2026-09-01", stdin: str = "") -> str:
    when = {name: f"{day}T10:00:00+0200" for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=at,
        env={**os.environ, **WHO, **when},
        input=stdin,
        text=True,
        capture_output=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Three new tags, one of them annotated, on commits of their own."""
    folder = tmp_path / "linkerd2"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "0")
    git(folder, "tag", "v18.9.1")
    git(folder, "tag", "edge-26.9.1-mine")
    for name, day in DAYS.items():
        if not name.startswith("version"):
            git(folder, "commit", "--quiet", "--allow-empty", "-m", name, day=day)
        how = ["-a", "-m", name] if name == "edge-26.9.2" else []
        git(folder, "tag", *how, name, day=day)
    return folder


def by_name(refs: tuple[Ref, ...]) -> dict[str, Ref]:
    return {ref.name: ref for ref in refs}


def as_shipped(repository: Path) -> None:
    """Let every shipped tag be there, too; they point elsewhere than the real ones."""
    first = git(repository, "rev-parse", "edge-26.9.1")
    lines = "".join(f"create refs/tags/{name} {first}\n" for name in SHIPPED)
    git(repository, "update-ref", "--stdin", stdin=lines)


def test_a_clone_tells_day_and_commit_of_every_tag(repository: Path) -> None:
    read = git_tags.read(str(repository), {})

    refs = by_name(read.refs)
    assert {name: ref.date.isoformat() for name, ref in refs.items()} == DAYS
    assert refs["edge-26.9.2"].commit == git(repository, "rev-parse", "main")[:12]
    assert refs["version-2.21"].commit == refs["edge-26.9.2"].commit
    assert read.date == date(2026, 9, 10), "a clone knows what was there when it was fetched"


def test_a_bare_clone_and_a_worktrees_folder_are_read_alike(
    repository: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")

    assert git_tags.read(str(tmp_path / "bare.git"), {}).refs == (
        git_tags.read(str(repository), {}).refs
    )


def test_of_a_url_only_what_is_new_is_fetched(repository: Path) -> None:
    url = repository.as_uri()
    known = by_name(git_tags.read(str(repository), {}).refs)
    del known["edge-26.9.2"]
    known["edge-26.9.1"] = Ref(
        name="edge-26.9.1", commit=known["edge-26.9.1"].commit, date=date(2020, 1, 1)
    )

    read = git_tags.read(url, known)
    refs = by_name(read.refs)
    assert refs["edge-26.9.1"].date == date(2020, 1, 1), "known, so it was not fetched"
    assert refs["edge-26.9.2"].date == date(2026, 9, 10)
    assert read.date is None


def test_of_a_url_with_nothing_new_nothing_is_fetched(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = by_name(git_tags.read(str(repository), {}).refs)
    log = repository / "trace"
    monkeypatch.setenv(
        "GIT_CONFIG_GLOBAL", str(_config(repository, f"[trace2]\neventTarget={log}"))
    )

    assert by_name(git_tags.read(repository.as_uri(), known).refs) == known
    assert '"ls-remote"' in log.read_text()
    assert '"fetch"' not in log.read_text()


def _config(repository: Path, text: str) -> Path:
    path = repository / "config.global"
    path.write_text(text + "\n")
    return path


def test_no_hook_no_helper_and_no_program_of_the_repository_runs(
    repository: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o755)
    for name in ("post-checkout", "reference-transaction", "post-update", "pre-auto-gc"):
        hook = repository / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_bytes(script.read_bytes())
        hook.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "core.askPass", "alias.x"):
        git(repository, "config", key, str(script))
    git(repository, "config", "uploadpack.packObjectsHook", str(script))
    git(repository, "config", "extensions.partialClone", "origin")
    git(repository, "config", "remote.origin.url", f"ext::{script}")
    git(repository, "config", "protocol.ext.allow", "always")
    git(repository, "config", "remote.origin.promisor", "true")
    gone = git(repository, "rev-parse", "edge-26.9.1")
    (repository / ".git" / "objects" / gone[:2] / gone[2:]).unlink()

    with pytest.raises(Broken):
        git_tags.read(str(repository), {})
    with pytest.raises(Broken):
        git_tags.read(repository.as_uri(), {})
    assert not ran.exists()


@pytest.mark.parametrize(
    "place",
    [
        "--upload-pack=touch ran",
        "-x",
        "",
        " ",
        "ext::sh -c touch% ran",
        "ext://sh",
        "http://mirror.invalid/x",
        "git://mirror.invalid/x",
        "ftp://mirror.invalid/x",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-x@host/y",
        "https://",
        "https://[::1",
        "https://a b/c",
        "file://",
        "nowhere",
        "a\nb",
        "user@-oProxyCommand=x:y",
        "user@host:-x",
    ],
)
def test_what_is_no_place_is_refused_before_git_hears_of_it(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput) as refused:
        git_tags.read(place, {})

    assert refused.value.where == "--git"
    assert not list(tmp_path.glob("ran*"))


def test_a_folder_that_is_no_repository_is_said_so(repository: Path) -> None:
    inside = repository / "sub"
    inside.mkdir()

    with pytest.raises(BadInput, match="no git repository"):
        git_tags.read(str(inside), {})


def test_a_repository_that_is_away_is_broken_and_its_password_untold() -> None:
    with pytest.raises(Broken, match="could not read the tags") as broken:
        git_tags.read("https://user:pa55-w0rd@127.0.0.1:9/x", {})

    assert broken.value.exit_code == 3
    assert "pa55" not in str(broken.value)
    assert "pa55" not in repr(broken.value.__dict__)


def test_no_git_is_said_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))

    with pytest.raises(BadInput, match="no program git"):
        git_tags.read(str(repository), {})


def test_another_repository_of_the_environment_is_not_read(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet", "--bare")
    monkeypatch.setenv("GIT_DIR", str(other))

    assert len(git_tags.read(str(repository), {}).refs) == len(DAYS)


@pytest.mark.parametrize("by_url", [False, True])
def test_a_repository_brings_the_knowledge_up_to_date(
    repository: Path, own_data: Path, by_url: bool
) -> None:
    as_shipped(repository)
    told: list[str] = []
    place = repository.as_uri() if by_url else str(repository)
    update(Source(git=place), TODAY, tell=told.append)

    said = "\n".join(told)
    assert "new: edge-26.9.2, 2026-09-10" in said
    assert "2.21 starts with edge-26.9.2" in said
    assert "moved: edge-18.9.2" in said
    assert ("known as of 2026-09-10" in said) is not by_url
    assert (own_data / UPDATED).is_file()


def test_a_part_of_a_repository_is_refused(repository: Path, own_data: Path) -> None:
    with pytest.raises(BadInput, match="cannot be used") as bad:
        update(Source(git=str(repository)), TODAY, tell=lambda _: None)

    assert "known releases are missing" in bad.value.seen
    assert not own_data.exists()
