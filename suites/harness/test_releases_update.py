"""`rehearse releases update`: fewest requests, whole or not at all, and what bad sources get."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.core.errors import BadInput, Broken, RehearsalError
from fixtures.learning.update import Source, update
from fixtures.releases.knowledge import take
from fixtures.releases.places import UPDATED, user_folder
from policies.releases import using
from policies.releases.grammar import parse
from policies.releases.shipped import Shipped
from suites.harness.mirror import Reply, Server, serving
from suites.harness.releases_api import (
    COMMIT,
    FRESH,
    LIST,
    TODAY,
    after,
    answer,
    kept,
    playing,
    sha,
    updated,
)


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is read from, or written to, the data folder of whoever runs the tests."""
    for name in ("GITHUB_TOKEN", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return user_folder()


def test_with_nothing_new_one_request_tells_so() -> None:
    with serving(playing()) as server:
        first = updated(server.url)
        second = updated(server.url)

    assert server.statuses == [200, 304]
    assert "nothing new" in first
    assert "nothing new" in second
    assert kept()["date"] == TODAY.isoformat()


def test_what_is_new_is_told_and_known_from_then_on() -> None:
    with serving(playing(FRESH)) as server:
        said = updated(server.url)
        again = updated(server.url)

    assert len(server.asked) == 1 + len(FRESH) + 1
    assert f"new: edge-26.9.1, {after(10)}" in said
    assert "2.21 starts with edge-26.9.2" in said
    assert "nothing new" in again
    with using([Shipped()]):
        known = take()
        assert known.newest_edge.tag == "edge-26.9.2"
        assert str(known.logical_of(parse("edge-26.9.1"))) == "2.20"
        assert str(known.logical_of(parse("edge-26.9.2"))) == "2.21"
        release = known.release(parse("edge-26.9.2"))
        assert release is not None
        assert (release.date, release.commit) == (after(20), "ab12cd34ef56")


def test_what_was_learnt_before_is_not_asked_for_again() -> None:
    with serving(playing(FRESH[:1])) as server:
        updated(server.url)
    with serving(playing(FRESH)) as server:
        updated(server.url)

    assert len(server.asked) == 1 + len(FRESH[1:])


def test_annotated_tags_are_followed_and_known_by_name() -> None:
    with serving(playing(FRESH, annotated=("edge-26.9.2", "edge-26.8.1"))) as server:
        said = updated(server.url)

    assert "2.21 starts with edge-26.9.2" in said
    assert sum("/git/tags/" in path for path in server.asked) == 1


def test_pages_are_followed_to_their_end() -> None:
    with serving(playing(FRESH, pages=5)) as server:
        said = updated(server.url)
        again = updated(server.url)

    assert "new: edge-26.9.2" in said
    assert "nothing new" in again
    assert server.statuses.count(304) == 0, (
        "the first page alone does not tell that nothing changed"
    )


@pytest.mark.parametrize("to", ["https://mirror.invalid/x", "//mirror.invalid/x", "http://[::1"])
def test_pages_lead_nowhere_else(to: str, own_data: Path) -> None:
    server = playing(FRESH)
    server.files[LIST] = answer([], ("Link", f'<{to}>; rel="next"'))
    with serving(server), pytest.raises(RehearsalError):
        updated(server.url)

    assert server.asked == [LIST]
    assert not own_data.exists()


def test_pages_that_never_end_do() -> None:
    server = Server({LIST: answer([], ("Link", f'<{LIST}>; rel="next"'))})
    with serving(server), pytest.raises(Broken, match="must not go"):
        updated(server.url)

    assert len(server.asked) == 50


def test_a_dry_run_tells_and_writes_nothing(own_data: Path) -> None:
    told: list[str] = []
    with serving(playing(FRESH)) as server:
        update(Source(url=server.url), TODAY, dry_run=True, tell=told.append)

    assert "new: edge-26.9.1" in told[0]
    assert "--dry-run" in told[1]
    assert not own_data.exists()


def test_the_token_goes_to_its_own_api_alone_and_is_never_told(
    monkeypatch: pytest.MonkeyPatch, own_data: Path
) -> None:
    token = "ghp_0123456789abcdefXYZ"
    monkeypatch.setenv("GITHUB_TOKEN", token)
    with serving(playing(FRESH)) as server:
        updated(server.url)
        assert set(server.authorized) == {""}
        monkeypatch.setenv("GITHUB_API_URL", server.url)
        (own_data / UPDATED).unlink()
        server.authorized.clear()
        said = updated(server.url)
        server.files[LIST] = Reply(status=401)
        with pytest.raises(BadInput, match="refuses") as refused:
            updated(server.url)

    assert set(server.authorized) == {f"Bearer {token}"}
    assert "GITHUB_TOKEN" in refused.value.next_command
    written = "".join(path.read_text() for path in own_data.iterdir())
    assert all(token not in text for text in (said, str(refused.value), written))


@pytest.mark.parametrize(
    ("status", "headers", "when"),
    [
        (403, (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1790000000")), "2026-09-21"),
        (429, (("X-RateLimit-Reset", "1790000000"),), "14:13 UTC"),
        (429, (("Retry-After", "60"),), "in 60 s"),
    ],
)
def test_a_rate_limit_says_when_it_ends(
    status: int, headers: tuple[tuple[str, str], ...], when: str
) -> None:
    with (
        serving(Server({LIST: Reply(b"{}", status, headers)})) as server,
        pytest.raises(Broken, match="enough for now") as limited,
    ):
        updated(server.url)

    assert when in limited.value.expected
    assert "GITHUB_TOKEN" in limited.value.next_command


LIGHT = {"ref": "refs/tags/edge-26.9.1", "object": {"sha": sha("ab"), "type": "commit"}}
BAD_LISTS: dict[str, Reply] = {
    "a web page": Reply(b"<html>log in</html>"),
    "nothing": Reply(b""),
    "cut JSON": Reply(b'[{"ref": "refs/tags/edge-26.9.1", "obj'),
    "no list": answer({"message": "hello"}),
    "numbers": answer([1, 2]),
    "a branch": answer([{**LIGHT, "ref": "refs/heads/main"}]),
    "twice": answer([LIGHT, LIGHT]),
    "a path for a commit": answer([{**LIGHT, "object": {"sha": "../../user", "type": "commit"}}]),
    "few tags": answer([]),
    "deep": Reply(b"[" * 100_000),
    "no text": Reply(b'["\xff\xfe"]'),
    "not found": Reply(status=404),
    "forbidden": Reply(status=403),
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_garbage_is_one_message_and_leaves_what_is_kept(name: str, own_data: Path) -> None:
    with serving(playing(FRESH)) as server:
        updated(server.url)
        before = {path.name: path.read_bytes() for path in own_data.iterdir()}
        server.files[LIST] = BAD_LISTS[name]
        with pytest.raises(BadInput) as bad:
            updated(server.url)

    assert bad.value.exit_code == 4
    assert server.url in bad.value.where
    assert {path.name: path.read_bytes() for path in own_data.iterdir()} == before


def _cut(server: Server) -> None:
    server.cut = 5000


def _endless(server: Server) -> None:
    server.files[LIST] = Reply(b"[" + b" " * 65536, endless=True)


def _huge(server: Server) -> None:
    server.files[LIST] = Reply(b"[]", headers=(("Content-Length", str(1 << 40)),))


def _broken(server: Server) -> None:
    server.files[LIST] = Reply(status=502)


def _elsewhere(server: Server) -> None:
    server.files[LIST] = Reply(status=302, headers=(("Location", "http://mirror.invalid/"),))


@pytest.mark.parametrize("spoil", [_cut, _endless, _huge, _broken, _elsewhere])
def test_an_answer_that_is_not_whole_is_broken_and_leaves_what_is_kept(
    spoil: Callable[[Server], None], own_data: Path
) -> None:
    with serving(playing(FRESH)) as server:
        updated(server.url)
        before = {path.name: path.read_bytes() for path in own_data.iterdir()}
        server.files[LIST] = playing(FRESH[:1]).files[LIST]
        spoil(server)
        with pytest.raises(Broken) as broken:
            updated(server.url)

    assert broken.value.exit_code == 3
    assert {path.name: path.read_bytes() for path in own_data.iterdir()} == before


@pytest.mark.parametrize(
    "described",
    [
        {"sha": sha("0ther"), "committer": {"date": f"{after(3)}T00:00:00Z"}},
        {"sha": sha(FRESH[0].commit), "committer": {"date": "yesterday"}},
        {"sha": sha(FRESH[0].commit), "committer": {"date": f"{after(3)}T00:00:00"}},
        {"sha": sha(FRESH[0].commit)},
        {"sha": sha(FRESH[0].commit), "committer": {"date": f"{after(400)}T00:00:00Z"}},
    ],
    ids=["another", "no day", "no zone", "no person", "to come"],
)
def test_a_commit_that_is_not_the_tags_is_bad(described: dict[str, Any], own_data: Path) -> None:
    server = playing(FRESH)
    server.files[f"{COMMIT}{sha(FRESH[0].commit)}"] = answer(described)
    with serving(server), pytest.raises(BadInput):
        updated(server.url)

    assert not own_data.exists()


def test_a_source_without_a_known_release_is_no_source(own_data: Path) -> None:
    server = playing()
    listed = json.loads(server.files[LIST].body)  # pyright: ignore[reportAttributeAccessIssue] - a Reply
    some = [each for each in listed if "edge-25" not in each["ref"]]
    server.files[LIST] = answer(some)
    with serving(server), pytest.raises(BadInput, match="cannot be used") as bad:
        updated(server.url)

    assert "edge-25.1.1" in bad.value.seen
    assert not own_data.exists()


def test_a_damaged_set_is_replaced_and_that_is_said(own_data: Path) -> None:
    own_data.mkdir(parents=True)
    (own_data / UPDATED).write_text('{"schema": 1, "da')
    with serving(playing()) as server:
        said = updated(server.url)

    assert "cannot be used and is left out" in said
    assert kept()["schema"] == 1


def test_a_stamp_of_another_set_is_not_believed(own_data: Path) -> None:
    with serving(playing()) as server:
        updated(server.url)
        path = own_data / UPDATED
        path.write_text(path.read_text() + "\n")
        updated(server.url)
        (own_data / "update.etag").write_text("x" * 100_000)
        updated(server.url)

    assert server.statuses == [200, 200, 200]


def test_a_folder_that_cannot_be_written_is_named(own_data: Path) -> None:
    own_data.parent.mkdir(parents=True)
    own_data.write_text("a file")
    with serving(playing()) as server, pytest.raises(BadInput, match="cannot be kept") as bad:
        updated(server.url)

    assert "XDG_DATA_HOME" in bad.value.next_command
