"""Where a client comes from: nothing too large, nothing over plain http, no password shown."""

from __future__ import annotations

import base64
import os
from email.message import Message
from io import BytesIO
from pathlib import Path
from urllib.request import Request

import pytest

from fixtures.core.errors import BadInput, Broken
from fixtures.tools import fetch as module
from fixtures.tools import web
from fixtures.tools.fetch import LARGEST, LARGEST_CHECKSUM, asset, fetch
from suites.harness.mirror import CLIENT, DIGEST, RELEASE, Reply, Server, quiet, release, serving

NAME = f"/{RELEASE}/{asset(RELEASE)}"
PASSWORD = "pa55:w0rd/of-a-mirror"
QUOTED = "pa55%3Aw0rd%2Fof-a-mirror"


def lengths(length: int | str) -> tuple[tuple[str, str], ...]:
    return (("Content-Length", str(length)),)


def nothing_of(cache: Path) -> bool:
    return not [p for p in cache.rglob("*") if not p.is_dir()]


def test_published_clients_fit() -> None:
    assert 200_000_000 < LARGEST <= 300_000_000


@pytest.mark.parametrize(
    "client",
    [
        Reply(CLIENT, headers=lengths(LARGEST + 1)),
        Reply(CLIENT, endless=True),
        Reply(CLIENT, endless=True, headers=lengths("many")),
        Reply(
            b"1000\r\n" + b"x" * 4096 + b"\r\n",
            endless=True,
            headers=(("Transfer-Encoding", "chunked"), ("Content-Length", "10")),
        ),
    ],
    ids=["says so", "says nothing", "says no number", "says less"],
)
def test_a_client_that_is_too_large_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Reply
) -> None:
    if client.endless:  # the limit itself is no matter of the test
        monkeypatch.setattr(module, "LARGEST", 1_000_000)
    with serving(release(client)) as server, pytest.raises(Broken, match="larger") as large:
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert large.value.where == f"{server.url}{NAME}"
    assert nothing_of(tmp_path)


@pytest.mark.parametrize("length", [len(CLIENT) - 1, len(CLIENT) + 1])
def test_a_length_that_is_wrong_gives_no_client(tmp_path: Path, length: int) -> None:
    server = release(Reply(CLIENT, headers=lengths(length)))
    with serving(server), pytest.raises(Broken):
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert nothing_of(tmp_path)


def test_a_client_without_a_length_is_read_to_its_end(tmp_path: Path) -> None:
    with serving(release(Reply(CLIENT))) as server:
        found = fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert found.path.read_bytes() == CLIENT


def test_a_checksum_is_no_book(tmp_path: Path) -> None:
    server = release()
    server.files[f"{NAME}.sha256"] = Reply(DIGEST.encode(), endless=True)
    with serving(server), pytest.raises(Broken, match="larger") as large:
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert str(LARGEST_CHECKSUM) in large.value.expected


def test_a_folders_files_have_the_same_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mirror" / RELEASE
    folder.mkdir(parents=True)
    client, checksum = folder / asset(RELEASE), folder / f"{asset(RELEASE)}.sha256"
    client.write_bytes(CLIENT)
    checksum.write_text(DIGEST)
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(Broken, match="larger"):
        fetch(RELEASE, cache=tmp_path / "c", mirror=str(folder.parent), tell=quiet)
    checksum.unlink()
    os.mkfifo(checksum)
    with pytest.raises(BadInput, match="is no file"):
        fetch(RELEASE, cache=tmp_path / "c", mirror=str(folder.parent), tell=quiet)

    assert nothing_of(tmp_path / "c")


@pytest.mark.parametrize(
    "mirror",
    [
        "http://mirror.invalid",
        "HTTP://mirror.invalid/releases",
        "http://127.0.0.1.mirror.invalid",
        "http://127.0.0.1@mirror.invalid",
        "http://localhost.mirror.invalid:80",
        "http://0.0.0.0:80",
        "http://10.0.0.1",
    ],
)
def test_plain_http_vouches_for_nothing(tmp_path: Path, mirror: str) -> None:
    with pytest.raises(BadInput, match="plain http") as refused:
        fetch(RELEASE, cache=tmp_path, mirror=mirror, tell=quiet)

    assert "https" in refused.value.expected
    assert nothing_of(tmp_path)


@pytest.mark.parametrize(
    "mirror",
    [
        f"ftp://u:{QUOTED}@mirror.invalid",
        f"https://u:{QUOTED}@mirror.invalid:port",
        f"https://u:{QUOTED}@mirror.invalid?token={QUOTED}",
        f"https://u:{QUOTED}@mirror.invalid/a b",
        f"https://u:{QUOTED}@[::1",
        f"https://u:{QUOTED}@",
        f"http://u:{QUOTED}@mirror.invalid",
    ],
)
def test_an_address_that_is_none_is_not_repeated(tmp_path: Path, mirror: str) -> None:
    with pytest.raises(BadInput) as refused:
        fetch(RELEASE, cache=tmp_path, mirror=mirror, tell=quiet)

    assert refused.value.where == "--tools-mirror"
    assert "pa55" not in str(refused.value)


def test_a_password_is_sent_and_never_shown(tmp_path: Path) -> None:
    told: list[str] = []
    with serving(release()) as server:
        mirror = server.url.replace("//", f"//user:{QUOTED}@")
        found = fetch(RELEASE, cache=tmp_path, mirror=mirror, tell=told.append)
        with pytest.raises(BadInput) as missing:
            fetch("edge-25.10.8", cache=tmp_path, mirror=mirror, tell=told.append)

    pair = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    assert set(server.authorized) == {f"Basic {pair}"}
    for text in (*told, found.source, str(missing.value)):
        assert server.url in text
        assert "user" not in text
        assert "pa55" not in text


def moved(to: str, status: int = 302, *, endless: bool = False) -> Reply:
    body = b"x" * 4096 if endless else b""
    return Reply(body, status, (("Location", to),), endless=endless)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_without_the_password_and_whatever_comes_with_it(
    tmp_path: Path, status: int
) -> None:
    server = release()
    server.files["/elsewhere"] = server.files[NAME]
    server.files[NAME] = moved("/elsewhere", status, endless=True)
    with serving(server):
        mirror = server.url.replace("//", f"//user:{QUOTED}@")
        found = fetch(RELEASE, cache=tmp_path, mirror=mirror, tell=quiet)

    assert found.path.read_bytes() == CLIENT
    assert server.asked[-1] == "/elsewhere"
    assert server.authorized[-1] == ""


@pytest.mark.parametrize(
    "to",
    [
        "http://mirror.invalid/x?sig=s1gned",
        "//mirror.invalid/x",
        "file:///etc/passwd",
        "ftp://mirror.invalid/x",
        "data:text/plain,s1gned",
        f"https://user:{QUOTED}@mirror.invalid/x?sig=s1gned",
    ],
)
@pytest.mark.parametrize("suffix", ["", ".sha256"])
def test_a_redirect_leads_nowhere_else(tmp_path: Path, to: str, suffix: str) -> None:
    server = release()
    server.files[f"{NAME}{suffix}"] = moved(to)
    with serving(server), pytest.raises(Broken, match="must not go") as refused:
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert "s1gned" not in str(refused.value)
    assert "pa55" not in str(refused.value)
    assert nothing_of(tmp_path)


def test_what_began_with_https_does_not_come_to_loopback() -> None:
    handler = web._Redirects()  # pyright: ignore[reportPrivateUsage] - no https server is needed
    request = Request("https://mirror.invalid/x")
    with pytest.raises(Broken, match="must not go"):
        handler.redirect_request(request, BytesIO(), 302, "", Message(), "http://127.0.0.1/x")


def test_redirects_end(tmp_path: Path) -> None:
    steps = {f"/{n}": moved(f"/{n + 1}") for n in range(1, 40)}
    server = Server({f"{NAME}.sha256": moved("/1"), **steps})
    with serving(server), pytest.raises(Broken, match="too often"):
        fetch(RELEASE, cache=tmp_path, mirror=server.url, tell=quiet)

    assert len(server.asked) == 1 + web.REDIRECTS


def test_a_proxy_is_asked_for_https_and_not_for_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(Server({})) as proxy, serving(release()) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", f"//user:{QUOTED}@"))
        fetch(RELEASE, cache=tmp_path / "near", mirror=server.url, tell=quiet)
        with pytest.raises(Broken, match="cut off") as refused:
            fetch(RELEASE, cache=tmp_path / "far", mirror="https://mirror.invalid", tell=quiet)

    assert proxy.asked == ["mirror.invalid:443"]
    assert "403" in refused.value.seen
    assert "pa55" not in str(refused.value)
