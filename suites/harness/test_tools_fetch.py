"""Fetching a client: verified, whole, mirrored, and never run unless it matches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.core.errors import BadInput, Broken
from fixtures.tools import origins
from fixtures.tools.fetch import CHECKSUM, asset, cache_folder, fetch
from fixtures.tools.toolbox import Toolbox
from policies.controls.whole_run.checks import checksum_verified
from policies.facts.observations import CommandRun
from policies.releases.grammar import parse
from suites.harness.mirror import CLIENT, DIGEST, RELEASE, Server, quiet, release, serving

ROOT = Path(__file__).parents[2]


def test_a_client_is_fetched_verified_and_kept_with_its_evidence(tmp_path: Path) -> None:
    told: list[str] = []
    with serving(release()) as server:
        found = fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=told.append)
        again = fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=told.append)

    assert found.path == tmp_path / RELEASE / "linkerd"
    assert found.path.read_bytes() == CLIENT
    assert found.path.stat().st_mode & 0o111
    assert (tmp_path / RELEASE / CHECKSUM).read_text() == f"{DIGEST}  linkerd\n"
    assert again.source == "cache"
    assert len(server.asked) == 2
    assert told == [f"fetching {server.url}/{RELEASE}/{asset(RELEASE)}"], "never silently"


def test_a_download_that_was_cut_off_leaves_nothing_and_is_begun_anew(tmp_path: Path) -> None:
    server = release()
    server.cut = 100_000
    with serving(server):
        with pytest.raises(Broken, match="cut off") as cut:
            fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)
        left = list((tmp_path / RELEASE).iterdir())
        found = fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert "bytes are missing" in cut.value.seen
    assert left == []
    assert found.path.read_bytes() == CLIENT


def test_what_others_are_writing_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / RELEASE).mkdir()
    theirs = tmp_path / RELEASE / "linkerd.part"
    theirs.write_bytes(b"of another process")
    victim = tmp_path / "victim"
    victim.write_bytes(b"as it was")
    (tmp_path / RELEASE / "linkerd").symlink_to(victim)
    (tmp_path / RELEASE / CHECKSUM).symlink_to(victim)
    with serving(release()) as server:
        found = fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert found.path.read_bytes() == CLIENT
    assert theirs.read_bytes() == b"of another process"
    assert victim.read_bytes() == b"as it was"
    names = {p.name for p in (tmp_path / RELEASE).iterdir()}
    assert names == {"linkerd", CHECKSUM, "linkerd.part"}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / RELEASE / "linkerd" / "x").mkdir(parents=True)
    with serving(release()) as server, pytest.raises(BadInput, match="cannot be kept"):
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert not list((tmp_path / RELEASE).glob(".*"))


def test_a_checksum_that_does_not_match_leaves_nothing(tmp_path: Path) -> None:
    with serving(release(CLIENT + b"evil")) as server, pytest.raises(Broken) as wrong:
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert "does not match" in str(wrong.value)
    assert DIGEST in wrong.value.expected
    assert wrong.value.exit_code == 3
    assert list((tmp_path / RELEASE).iterdir()) == []


@pytest.mark.parametrize("published", ["", "<html>log in</html>", "abc"])
def test_a_checksum_that_is_none_is_said_so(tmp_path: Path, published: str) -> None:
    with (
        serving(release(digest=published)) as server,
        pytest.raises(Broken, match="published checksum is none"),
    ):
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)


def test_a_release_that_is_not_there_is_named(tmp_path: Path) -> None:
    with serving(Server({})) as server, pytest.raises(BadInput, match="no such file") as missing:
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert f"{server.url}/{RELEASE}/{asset(RELEASE)}.sha256" in missing.value.where


def test_no_network_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="cut off"):
        fetch(RELEASE, cache=tmp_path, mirror="http://127.0.0.1:9", tell=quiet)


@pytest.mark.parametrize("text", ["", "latest", "25.10.7", "edge-25.10.7/../x", "edge-1", "2.19"])
def test_what_is_no_release_is_not_asked_for(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match="not a release"):
        fetch(text, cache=tmp_path, mirror="http://127.0.0.1:9", tell=quiet)


def test_a_mirror_may_be_a_folder(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror" / RELEASE
    mirror.mkdir(parents=True)
    (mirror / asset(RELEASE)).write_bytes(CLIENT)
    (mirror / f"{asset(RELEASE)}.sha256").write_text(f"{DIGEST}  {asset(RELEASE)}\n")

    found = fetch(RELEASE, cache=tmp_path / "cache", mirror=str(mirror.parent), tell=quiet)

    assert found.path.read_bytes() == CLIENT
    with pytest.raises(BadInput, match="has no"):
        fetch("edge-1.2.3", cache=tmp_path / "cache", mirror=str(mirror.parent), tell=quiet)
    with pytest.raises(BadInput, match="no folder"):
        fetch(RELEASE, cache=tmp_path / "c", mirror=str(tmp_path / "absent"), tell=quiet)


def test_a_changed_client_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    told: list[str] = []
    with serving(release()) as server:
        found = fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)
        found.path.write_bytes(b"evil")
        again = fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=told.append)

    assert again.path.read_bytes() == CLIENT
    assert "does not match its checksum any more" in told[0]


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", f"linkerd2-cli-{RELEASE}-linux-amd64"),
        ("Linux", "aarch64", f"linkerd2-cli-{RELEASE}-linux-arm64"),
        ("Darwin", "x86_64", f"linkerd2-cli-{RELEASE}-darwin"),
        ("Darwin", "arm64", f"linkerd2-cli-{RELEASE}-darwin-arm64"),
    ],
)
def test_files_are_named_as_the_project_names_them(system: str, machine: str, name: str) -> None:
    assert asset(RELEASE, system, machine) == name


def test_a_machine_without_a_client_is_said_so() -> None:
    with pytest.raises(BadInput, match="no client for this machine"):
        asset(RELEASE, "Plan9", "mips")


def test_the_official_place_is_a_releases_own() -> None:
    assert origins.OFFICIAL == "https://github.com/linkerd/linkerd2/releases/download"


def test_the_command_fetches_and_ends_with_the_designs_code(tmp_path: Path) -> None:
    def rehearse(*more: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "rehearse", "tools", "fetch", *more]
        return subprocess.run(
            argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )

    with serving(release()) as server:
        options = ("--tools-mirror", server.url, "--tools", str(tmp_path))
        good = rehearse(RELEASE, *options)
        bad = rehearse("edge-25.10.8", *options)

    assert good.returncode == 0, good.stderr
    assert f"{tmp_path}/{RELEASE}/linkerd  sha256 {DIGEST}" in good.stdout
    assert bad.returncode == 4
    assert "edge-25.10.8" in bad.stderr
    assert "Traceback" not in bad.stderr


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No program of a name on PATH but those of the system; a cache of the test's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path


def fetched(release_: str = RELEASE) -> Path:
    with serving(release()) as server:
        return fetch(release_, mirror=server.url, tell=quiet).path


def verdict(tools: Toolbox) -> tuple[str, str]:
    """CLI-02, from what the toolbox leaves."""
    client = tools.linkerd(parse(RELEASE))
    done = tools.verify(parse(RELEASE))
    commands = [client.fact(client.version_client()[1])]
    if done is not None:
        commands.append(
            CommandRun(
                argv=done.argv,
                program="real",
                exit_code=done.exit_code,
                seconds=0,
                started=done.started,
            )
        )
    found = checksum_verified(commands)
    return found.status, found.reason


def test_a_fetched_client_is_used_and_its_checksum_is_evidence(bare: Path) -> None:
    del bare
    path = fetched()
    tools = Toolbox(None, "auto", Path("/nonexistent"))

    assert tools.linkerd(parse(RELEASE)).kind == "real"
    assert tools.used()[0].reason == str(path)
    assert path.is_relative_to(cache_folder())
    assert verdict(tools)[0] == "holds"


def test_a_client_changed_after_it_was_verified_is_a_violation(bare: Path) -> None:
    del bare
    path = fetched()
    path.write_bytes(CLIENT + b"# changed\n")

    assert verdict(Toolbox(None, "auto", Path("/nonexistent")))[0] == "violated"


def test_a_published_checksum_as_it_was_published_counts_too(bare: Path) -> None:
    folder = bare / "tools" / RELEASE
    folder.mkdir(parents=True)
    (folder / "linkerd").write_bytes(CLIENT)
    (folder / "linkerd").chmod(0o755)
    tools = Toolbox(bare / "tools", "auto", Path("/nonexistent"))

    assert verdict(tools)[0] == "not assessed"
    (folder / CHECKSUM).write_text(DIGEST)
    assert verdict(tools)[0] == "holds"


def test_nothing_is_fetched_by_choosing_a_program(bare: Path) -> None:
    with pytest.raises(BadInput, match="rehearse tools fetch"):
        Toolbox(None, "never", Path("/nonexistent")).linkerd(parse(RELEASE))

    assert not (bare / "xdg").exists()
