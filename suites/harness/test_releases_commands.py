"""`rehearse releases list | show | diff`, run as somebody types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fixtures.releases.places import VARIABLE, user_folder
from policies.releases import use
from rehearse import main
from suites.harness.fake_client import RELEASE, fake_client

OLD = "edge-26.9.1"


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv(VARIABLE, raising=False)
    yield tmp_path
    use([])


@pytest.fixture
def learnt(own_place: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Learn two releases from small programs; the newer one renders another role and value."""
    tools = own_place / "tools"
    fake_client(tools, release=OLD)
    newer = fake_client(tools)
    text = newer.read_text()
    text = text.replace('"nativeSidecar": True', '"nativeSidecar": False')
    newer.write_text(
        text.replace('"verbs": ["watch", "list"]', '"verbs": ["watch", "list", "get"]')
    )
    assert main(["releases", "learn", OLD, RELEASE, "--tools", str(tools)]) == 0
    capsys.readouterr()
    return tools


def test_list_names_data_sets_and_releases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["releases", "list"]) == 0
    text = capsys.readouterr().out
    assert "shipped" in text
    assert "edge-26.8.3" in text
    assert "edge-18.9.2" not in text
    assert main(["releases", "list", "--all", "-o", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["data_sets"][0]["name"] == "shipped"
    assert "edge-18.9.2" in [r["tag"] for r in values["releases"]]


def test_list_reads_the_users_folder(capsys: pytest.CaptureFixture[str]) -> None:
    folder = user_folder()
    folder.mkdir(parents=True)
    said = {"schema": 1, "date": "2026-11-30", "source": "me"}
    (folder / "mine.json").write_text(
        json.dumps({**said, "releases": {RELEASE: {"logical": "2.21"}}})
    )
    assert main(["releases", "show", RELEASE]) == 0
    assert "logical version  2.21" in capsys.readouterr().out


def test_show_says_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["releases", "show", "edge-26.7.1"]) == 0
    assert "those of edge-26.6.3; rehearse releases learn" in capsys.readouterr().out
    assert main(["releases", "show", RELEASE]) == 0
    assert "newer than all that is known" in capsys.readouterr().out
    assert main(["releases", "show", "edge-25.4.9"]) == 4


def test_show_tells_what_was_learnt(learnt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["releases", "show", RELEASE]) == 0
    text = capsys.readouterr().out
    assert "from its client" in text
    assert "left open" in text


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_diff_names_what_changes(
    form: str, learnt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "diff.html") if form == "html" else form
    assert main(["releases", "diff", OLD, RELEASE, "-o", output]) == 0
    text = capsys.readouterr().out
    if form == "html":
        text = Path(text.strip()).read_text()
        HTMLParser().feed(text)
        assert "<script" not in text
    assert "proxy.nativeSidecar" in text
    assert "rights grow" in text.lower()
    if form == "json":
        kinds = {change["kind"] for change in json.loads(text)["changes"]}
        assert {"value changed", "rights grow"} <= kinds


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("edge-25.4.4", RELEASE), "was not learnt"),
        ((OLD, RELEASE, "-o", "pdf"), "There is no format"),
        ((OLD, RELEASE, "-o", "absent/diff.html"), "cannot be written"),
        ((OLD, RELEASE, "--snapshot", "absent.json"), "absent.json"),
    ],
)
def test_a_diff_that_cannot_be_made_says_why(
    arguments: tuple[str, ...], told: str, learnt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["releases", "diff", *arguments]) == 4
    assert told in capsys.readouterr().err


def test_a_plan_between_learnt_releases_explains_itself(
    learnt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--from", OLD, "--to", RELEASE]) == 0
    text = capsys.readouterr().out
    assert "computed-rights-grow" in text
    assert "computed-value-changed-proxy.nativeSidecar" in text
