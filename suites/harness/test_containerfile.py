"""What can be said of the image without building it: images cannot be pulled where tests run."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch

from fixtures.commands.suites import ROOT

TEXT = re.sub(r"\\\n\s*", "", (ROOT / "Containerfile").read_text("utf-8"))
LINES = [line.partition(" ")[::2] for line in TEXT.splitlines() if line and line[0] != "#"]
FINAL = LINES[max(i for i, (word, _) in enumerate(LINES) if word == "FROM") :]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def last(word: str) -> str:
    return [said for name, said in FINAL if name == word][-1]


def ignored(path: str) -> bool:
    """Whether `.containerignore` leaves a path of the first level out; the last match counts."""
    rules = (ROOT / ".containerignore").read_text("utf-8").splitlines()
    out = False
    for rule in rules:
        if rule and rule[0] != "#" and fnmatch(path, rule.removeprefix("!")):
            out = not rule.startswith("!")
    return out


def test_it_runs_as_a_user_that_is_not_root() -> None:
    user = re.fullmatch(r"(\d+):(\d+)", last("USER"))

    assert user, "a number: a platform cannot know that a name is not root"
    assert int(user[1]) > 0
    assert int(user[2]) > 0


def test_it_starts_the_program() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["rehearse"]
    assert "rehearse" in PROJECT["project"]["scripts"]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    wanted = {s for w, s in LINES if w == "COPY" and not s.startswith("--from")}
    files = {part for said in wanted for part in said.split()[:-1]} - {"."}
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    files |= {str(f).partition("/")[0] for f in included}
    files |= {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}

    assert [f for f in files if not (ROOT / f).exists() or ignored(f)] == []
    assert ignored(".git")
    assert ignored(".venv")


def test_its_extras_exist() -> None:
    (extras,) = re.findall(r"linkerd-upgrade-rehearsal\[([a-z0-9,]+)\]", TEXT)

    assert PROJECT["project"]["name"] == "linkerd-upgrade-rehearsal"
    assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])


def test_all_that_is_installed_was_compared_with_the_lock() -> None:
    commands = [c.strip() for w, said in LINES if w == "RUN" for c in said.split("&&")]
    pip = [c for c in commands if re.match(r"\S*pip ", c)]

    assert [c for c in pip if "--require-hashes" not in c and "--no-index" not in c] == []
    assert not [s for w, s in FINAL if w == "RUN" and re.search(r"pip|apt|curl|wget", s)]
