"""Structs of the API are described at import: threads that decode at once must not crash."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import msgspec
import pytest

import fixtures.cluster
from fixtures.cluster.described import describe

MODULES = sorted(
    m.name
    for m in pkgutil.walk_packages(fixtures.cluster.__path__, "fixtures.cluster.")
    if not m.ispkg
)


def structs(names: dict[str, object], module: str) -> list[type[msgspec.Struct]]:
    """The plain structs that a module itself defines."""
    return [
        value
        for value in names.values()
        if isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == module
        and not getattr(value, "__parameters__", ())
    ]


def described(struct: type[msgspec.Struct], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether msgspec still has to look at the annotations."""
    if not struct.__struct_fields__:
        return True
    monkeypatch.setattr(struct, "__annotations__", {"spoilt": "NowhereDefined"})
    try:
        msgspec.json.Decoder(struct)
    except (NameError, KeyError, TypeError):
        return False
    return True


@pytest.mark.parametrize("name", MODULES)
def test_every_struct_is_described_at_import(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)

    own = structs(vars(module), module.__name__)
    last = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8")).body[-1]
    # Whatever another module has looked into since is described, too: that is no proof.
    assert not own or ast.unparse(last) == "describe(globals())"
    late = [s for s in own if not described(s, monkeypatch)]

    assert late == [], "the module must end with describe(globals())"


def test_a_struct_that_is_not_described_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(msgspec.Struct):
        name: str = ""

    class Early(msgspec.Struct):
        name: str = ""

    describe({"Early": Early})

    assert described(Early, monkeypatch)
    assert not described(Late, monkeypatch)
