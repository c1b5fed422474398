"""Objects of a cluster are data: none of them runs a program, names a file, or makes a request."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.embedded.network.prober_command import (
    DIGEST,
    MOST_PATHS,
    BadWords,
    Gaps,
    NotRun,
    Probe,
    command_of,
)
from fixtures.prober import prober
from fixtures.traffic import workloads

Obj = dict[str, Any]
IMAGE = "python:3-slim"
OURS = Path(prober.__file__).read_text(encoding="utf-8")
PATH: Obj = {"id": "a", "kind": "http-new", "host": "echo.shop.svc", "port": 8080}


class Files:
    """Volumes as they are in a pod."""

    def __init__(self, **volumes: dict[str, bytes]) -> None:
        self.volumes = volumes

    def read(self, volume: str) -> dict[str, bytes]:
        return self.volumes[volume]


def files(program: str = OURS, paths: object = (PATH,), name: str = "prober.py") -> Files:
    targets = json.dumps({"paths": paths}).encode()
    return Files(program={name: program.encode()}, targets={"targets.json": targets})


def source() -> Obj:
    return workloads.source_pod("a", "shop", IMAGE, meshed=False, native=True)


def echo() -> Obj:
    return workloads.self_test_pod("a", "shop", IMAGE, (0.5, 0.1), 0.2)


def asked(pod: Obj, mounted: Files | None = None, place: int = 0) -> object:
    return command_of(pod, pod["spec"]["containers"][place], mounted or files())


def changed(edit: Callable[[Obj, Obj], object], pod: Obj | None = None) -> Obj:
    """A source's pod, its spec and its first container edited."""
    made = copy.deepcopy(pod or source())
    edit(made["spec"], made["spec"]["containers"][0])
    return made


def test_the_pods_of_a_rehearsal_are_run() -> None:
    found = asked(source())
    assert isinstance(found, Probe)
    assert [p.host for p in found.paths] == ["echo.shop.svc"]
    assert asked(echo()) == Gaps(8099, 0.0, (0.5, 0.1), 0.2)
    assert asked(changed(lambda _, c: c.update(command=["sleep", "1"], args=[]))) is None


def words(*command: str) -> Callable[[Obj, Obj], object]:
    return lambda _, c: c.update(command=list(command), args=[])


ELSEWHERE: dict[str, Callable[[Obj, Obj], object]] = {
    "a file of the host": words("python3", "/tmp/prober.py", "probe"),
    "a relative path": words("python3", "prober/prober.py", "probe"),
    "up and down again": words("python3", "/prober/../prober/prober.py", "probe"),
    "above the mount": words("python3", "/prober/../../tmp/prober.py", "probe"),
    "two slashes": words("python3", "//prober/prober.py", "probe"),
    "another interpreter": words("/tmp/python3", "/prober/prober.py", "probe"),
    "a shell": words("sh", "-c", "/prober/prober.py", "probe"),
    "an option of the interpreter": words("python3", "-c", "x=1#/prober.py", "probe"),
    "code before the program": words("python3", "-i", "/prober/prober.py", "probe"),
    "the program alone": words("/prober/prober.py", "probe"),
    "a subPath": lambda _, c: c["volumeMounts"][0].update(subPath="../../x"),
    "a subPathExpr": lambda _, c: c["volumeMounts"][0].update(subPathExpr="$(A)"),
    "mounted above": lambda _, c: c["volumeMounts"][0].update(mountPath="/x/../prober"),
    "a host path": lambda s, _: s["volumes"][0].update(hostPath={"path": "/tmp"}, configMap=None),
    "the downward API": lambda s, _: s["volumes"][0].update(downwardAPI={}, configMap=None),
    "a projection": lambda s, _: s["volumes"][0].update(projected={}, configMap=None),
    "a Secret": lambda s, _: s["volumes"][0].update(secret={}, configMap=None),
    "no such volume": lambda s, _: s.update(volumes=[]),
    "no mount": lambda _, c: c.update(volumeMounts=[]),
}


@pytest.mark.parametrize("how", ELSEWHERE)
def test_a_program_from_elsewhere_is_no_program(how: str) -> None:
    with pytest.raises(NotRun) as caught:
        asked(changed(ELSEWHERE[how]))
    assert not isinstance(caught.value, BadWords)


@pytest.mark.parametrize("text", ["", "import os", OURS + "\n", OURS.replace("a", "b", 1)])
def test_only_the_very_bytes_that_were_shipped_are_run(text: str) -> None:
    with pytest.raises(NotRun, match=DIGEST[:12]):
        asked(source(), files(text))
    with pytest.raises(NotRun):
        asked(source(), files(name="../prober.py"))


@pytest.mark.parametrize(
    "more",
    [
        ("--out", "/tmp/written"),
        ("--out", "../written"),
        ("--linger", "-1"),
        ("--linger", "1e9"),
        ("--linger", "9999"),
        ("--linger", "nan"),
        ("--targets", "/etc/passwd"),
        ("--targets", "targets.json"),
        ("--pod", "x"),
        ("--help",),
        ("--linger=5",),
    ],
)
def test_words_outside_of_the_grammar_are_refused(more: tuple[str, ...]) -> None:
    known = {"--targets": "/targets/targets.json", "--out": "-"}
    if len(more) == 2:
        known.pop(more[0], None)
    rest = [w for pair in known.items() for w in pair]
    given = ("python3", "/prober/prober.py", "probe", *rest, *more)

    with pytest.raises(BadWords):
        asked(changed(words(*given)))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--host", "0.0.0.0"),
        ("--port", "70000"),
        ("--port", "0"),
        ("--port", "x"),
        ("--gaps", "1," * 30 + "1"),
        ("--gaps", "1;2"),
        ("--rest", "1e5"),
        ("--unix", "/tmp/x"),
    ],
)
def test_an_echo_listens_where_it_is_told_to_by_us(option: str, value: str) -> None:
    given = {"--host": "127.0.0.1", "--port": "8099", "--gaps": "0.5"} | {option: value}
    flat = [w for pair in given.items() for w in pair]

    with pytest.raises(BadWords):
        asked(changed(words("python3", "/prober/prober.py", "echo", *flat)))


@pytest.mark.parametrize(
    "key",
    [
        {"host": "evil.example/x"},
        {"host": "a\r\nX: y"},
        {"host": "..x"},
        {"host": ""},
        {"port": 0},
        {"port": 99999},
        {"port": "80"},
        {"kind": "file"},
        {"id": "a\nb"},
        {"id": "x" * 300},
        {"interval": 0},
        {"interval": -1},
        {"limit": 1e9},
        {"identity": "\u202e"},
        {"echo": "yes"},
    ],
)
def test_a_target_file_is_made_of_checked_values(key: Obj) -> None:
    with pytest.raises(BadWords):
        asked(source(), files(paths=[PATH | key]))


def test_addresses_and_files_of_a_target_file_are_not_passed_on() -> None:
    own = {"address": "10.0.0.1", "address_port": 22, "tls": {"ca": "/etc/shadow"}, "out": "/x"}
    found = asked(source(), files(paths=[PATH | own]))

    assert isinstance(found, Probe)
    assert "10.0.0.1" not in repr(found)
    assert "shadow" not in repr(found)


@pytest.mark.parametrize("paths", [[], [PATH] * (MOST_PATHS + 1), {}, "x", None])
def test_a_target_file_has_some_paths_and_not_too_many(paths: object) -> None:
    with pytest.raises(BadWords):
        asked(source(), files(paths=paths))
