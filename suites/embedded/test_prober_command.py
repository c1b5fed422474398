"""Objects of a cluster are data: none of them runs a program, names a file, or makes a request."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.embedded.network.prober_command import (
    DIGESTS,
    MOST_PATHS,
    BadWords,
    Gaps,
    NotRun,
    Probe,
    command_of,
)
from fixtures.prober.files import NAME, shipped
from fixtures.traffic import workloads

Obj = dict[str, Any]
IMAGE = "python:3-slim"
OURS = shipped()
PATH: Obj = {"id": "a", "kind": "http-new", "host": "echo.shop.svc", "port": 8080}


class Files:
    """Volumes as they are in a pod."""

    def __init__(self, **volumes: dict[str, bytes]) -> None:
        self.volumes = volumes

    def read(self, volume: str) -> dict[str, bytes]:
        return self.volumes[volume]


def files(program: dict[str, bytes] = OURS, paths: object = (PATH,)) -> Files:
    targets = json.dumps({"paths": paths}).encode()
    return Files(program=program, targets={"targets.json": targets})


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


def mount(path: str) -> Obj:
    return {"name": "targets", "mountPath": path}


ELSEWHERE: dict[str, Callable[[Obj, Obj], object]] = {
    "another folder": lambda _, c: c.update(workingDir="/tmp"),
    "no folder": lambda _, c: c.pop("workingDir"),
    "the root": lambda _, c: c.update(workingDir="/"),
    "a relative folder": lambda _, c: c.update(workingDir="prober"),
    "a folder that is no text": lambda _, c: c.update(workingDir=["/prober"]),
    "a folder, up and down again": lambda _, c: c.update(workingDir="/prober/../prober"),
    "a folder, two slashes": lambda _, c: c.update(workingDir="//prober"),
    "another module": words("python3", "-m", "prober.__main__", "prober.py", "probe"),
    "a module of the host": words("python3", "-m", "runpy", "-m", "prober", "probe"),
    "a module of another interpreter": words("/tmp/python3", "-m", "prober", "probe"),
    "an option before the module": words("python3", "-i", "-m", "prober", "probe"),
    "beside the package": lambda _, c: c["volumeMounts"].append(mount("/prober/ssl")),
    "over a file of it": lambda _, c: c["volumeMounts"].append(mount("/prober/prober/wire.py")),
    "over all of it": lambda _, c: c["volumeMounts"].append(mount("//prober/./")),
    "over it again": lambda _, c: c["volumeMounts"].append(mount("/prober/x/../prober")),
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


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("edit", ["empty", "another", "a line more", "a letter"])
def test_only_the_very_bytes_that_were_shipped_are_run(name: str, edit: str) -> None:
    given = OURS[name]
    edited = {
        "empty": b"",
        "another": b"import os",
        "a line more": given + b"\n",
        "a letter": given.replace(b"a", b"b", 1),
    }[edit]

    with pytest.raises(NotRun, match=rf"{name} .*{DIGESTS[name][:12]}") as caught:
        asked(source(), files(OURS | {name: edited}))
    assert not isinstance(caught.value, BadWords)


@pytest.mark.parametrize("name", OURS)
def test_a_package_that_lacks_a_file_is_not_run(name: str) -> None:
    rest = {n: data for n, data in OURS.items() if n != name}

    with pytest.raises(NotRun, match=f"{name}, .* is not there"):
        asked(source(), files(rest))


@pytest.mark.parametrize(
    "name", ["sitecustomize.py", "ssl.py", "../prober.py", "wire.pyc", "__init__.so", ""]
)
def test_a_package_with_a_file_more_is_not_run(name: str) -> None:
    with pytest.raises(NotRun, match="is no file of the prober"):
        asked(source(), files(OURS | {name: b""}))


def test_a_program_under_another_name_is_not_run() -> None:
    with pytest.raises(NotRun):
        asked(source(), files({"prober.py": b"".join(OURS.values())}))
    with pytest.raises(NotRun):
        asked(source(), files({f"{NAME}/{n}": data for n, data in OURS.items()}))
    with pytest.raises(NotRun):
        asked(source(), files({}))


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
    given = ("python3", "-m", "prober", "probe", *rest, *more)

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
        asked(changed(words("python3", "-m", "prober", "echo", *flat)))


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
