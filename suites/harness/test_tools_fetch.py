"""Fetching a client: verified, resumed, mirrored, and never run unless it matches."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fixtures.errors import BadInput, Broken
from fixtures.tools import fetch as module
from fixtures.tools.fetch import CHECKSUM, asset, cache_folder, fetch
from fixtures.tools.toolbox import Toolbox
from policies.checks import checksum_verified
from policies.observations import CommandRun

RELEASE = "edge-25.10.7"
CLIENT = b"#!/bin/sh\necho edge-25.10.7\n#" + b"x" * 300_000 + b"\n"
DIGEST = hashlib.sha256(CLIENT).hexdigest()
ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Server:
    """Serves files by path and notes what was asked."""

    files: dict[str, bytes]
    cut: int = 0
    """The next answer of more than this ends after so many bytes; 0: none does."""
    ranges: bool = True
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@contextmanager
def serving(server: Server) -> Generator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            server.asked.append((self.path, wanted))
            body = server.files.get(self.path.removeprefix("http://mirror.invalid"))
            if body is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if start and server.ranges and start >= len(body):
                self.send_error(416)
                return
            part = body[start:] if server.ranges else body
            self.send_response(206 if start and server.ranges else 200)
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            cut, server.cut = (server.cut, 0) if len(part) > server.cut > 0 else (0, server.cut)
            self.wfile.write(part[:cut] if cut else part)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def release(client: bytes = CLIENT, digest: str = DIGEST) -> Server:
    name = asset(RELEASE)
    return Server({f"/{RELEASE}/{name}": client, f"/{RELEASE}/{name}.sha256": digest.encode()})


def quiet(_: str) -> None:
    pass


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


def test_a_download_that_was_cut_off_goes_on_where_it_ended(tmp_path: Path) -> None:
    server = release()
    server.cut = 100_000
    with serving(server):
        with pytest.raises(Broken, match="cut off") as cut:
            fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)
        found = fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert "goes on where this one ended" in cut.value.next_command
    assert found.path.read_bytes() == CLIENT
    assert server.asked[-1] == (f"/{RELEASE}/{asset(RELEASE)}", "bytes=100000-")


def test_a_server_without_ranges_is_asked_for_all_again(tmp_path: Path) -> None:
    server = release()
    server.cut, server.ranges = 100_000, False
    with serving(server):
        with pytest.raises(Broken, match="cut off"):
            fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)
        found = fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert found.path.read_bytes() == CLIENT


def test_a_part_that_is_whole_or_longer_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / RELEASE).mkdir()
    (tmp_path / RELEASE / "linkerd.part").write_bytes(CLIENT + b"more")
    with serving(release()) as server:
        found = fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert found.path.read_bytes() == CLIENT


def test_a_checksum_that_does_not_match_leaves_nothing(tmp_path: Path) -> None:
    with serving(release(CLIENT + b"evil")) as server, pytest.raises(Broken) as wrong:
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert "does not match" in str(wrong.value)
    assert DIGEST in wrong.value.expected
    assert wrong.value.exit_code == 3
    assert list((tmp_path / RELEASE).iterdir()) == []


def test_a_damaged_part_of_another_download_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / RELEASE).mkdir()
    part = tmp_path / RELEASE / "linkerd.part"
    part.write_bytes(b"something else")
    with serving(release()) as server:
        with pytest.raises(Broken, match="does not match"):
            fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)
        assert not part.exists()
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)


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


def test_proxy_settings_are_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(release()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        fetch(RELEASE, cache=tmp_path, mirror="http://mirror.invalid", tell=quiet)

    assert all(path.startswith("http://mirror.invalid/") for path, _ in proxy.asked)


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
    assert module.OFFICIAL == "https://github.com/linkerd/linkerd2/releases/download"


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
    client = tools.linkerd(RELEASE)
    done = tools.verify(RELEASE)
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

    assert tools.linkerd(RELEASE).kind == "real"
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
        Toolbox(None, "never", Path("/nonexistent")).linkerd(RELEASE)

    assert not (bare / "xdg").exists()
