"""What the reference is generated from: options, subcommands and scenario keys.

They are read where they are defined, so that the pages cannot say anything else.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast, get_args

import msgspec
import pytest

from fixtures.commands.arguments import parser_of
from fixtures.commands.suites import SUITES
from fixtures.scenario import model, options, parts
from fixtures.scenario.linked_spec import LinkedSpec
from fixtures.scenario.own_paths import PathSpec
from policies.releases.dataset import Stated


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command line."""

    names: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand of `rehearse`."""

    name: str
    text: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a scenario file."""

    name: str
    type: str
    default: str
    text: str


@dataclass(slots=True)
class _Recorder:
    """Stands where pytest's parser stands, and remembers what is registered."""

    found: list[Option] = field(default_factory=list[Option])

    def getgroup(self, *_: object) -> _Recorder:
        return self

    def addoption(self, *names: str, **attributes: Any) -> None:
        shown = " ".join([", ".join(names), str(attributes.get("metavar") or "")]).strip()
        self.found.append(Option(shown, str(attributes.get("help") or "")))


def pytest_options() -> tuple[Option, ...]:
    """Return the options that the rehearsal adds to pytest."""
    recorder = _Recorder()
    options.add_options(cast(pytest.Parser, recorder))
    return tuple(recorder.found)


def commands() -> tuple[Command, ...]:
    """Return the subcommands of `rehearse` but for the suites, each of a group with its group."""
    parser: argparse.ArgumentParser = parser_of()
    return tuple(c for c in _commands(parser, "") if c.name not in SUITES)


def _commands(parser: argparse.ArgumentParser, group: str) -> Iterator[Command]:
    for action in _actions(parser):
        if not isinstance(action, argparse._SubParsersAction):  # pyright: ignore[reportPrivateUsage] - argparse has no public way to list subcommands
            continue
        texts = {str(a.dest): str(a.help) for a in vars(action)["_choices_actions"]}
        for name, found in cast(dict[str, argparse.ArgumentParser], action.choices).items():
            below = list(_commands(found, f"{group}{name} "))
            own = Command(f"{group}{name}", texts.get(name, ""), tuple(_options(found)))
            yield from below or [own]


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return vars(parser)["_actions"]


def _options(parser: argparse.ArgumentParser) -> Iterator[Option]:
    for action in _actions(parser):
        if action.dest == "help":
            continue
        metavar = str(action.metavar or "" if action.nargs == 0 else action.metavar or "VALUE")
        names = " ".join([", ".join(action.option_strings), metavar]).strip()
        text = str(action.help or "")
        if action.required and action.option_strings:
            text = f"required{'; ' + text if text else ''}"
        elif action.default and action.default is not argparse.SUPPRESS:
            text = f"{text + '; ' if text else ''}default {action.default}"
        yield Option(names, text)


def scenario_tables() -> tuple[tuple[str, tuple[Key, ...]], ...]:
    """(name, keys) of the scenario and of the tables inside it."""
    structs = (
        ("", model.Scenario),
        ("[[workloads]]", parts.WorkloadSpec),
        ("[[waivers]]", parts.Waiver),
        ("[consent]", parts.Consent),
        ("[[paths]]", PathSpec),
        ("[[budgets]]", parts.BudgetSpec),
        ("[extensions.NAME]", parts.ExtensionSpec),
        ("[linked]", LinkedSpec),
        ("[helm]", parts.HelmOptions),
        ('[releases."RELEASE"]', Stated),
    )
    return tuple((name, tuple(_keys(struct))) for name, struct in structs)


def _keys(struct: type[msgspec.Struct]) -> Iterator[Key]:
    told = dict(_docstrings(struct))
    for one in msgspec.structs.fields(struct):
        annotation, text = told[one.name]
        yield Key(one.encode_name, _readable(annotation, struct), _default(one), text)


def _docstrings(struct: type[msgspec.Struct]) -> Iterator[tuple[str, tuple[ast.expr, str]]]:
    """(field, (annotation, docstring below it))."""
    (body,) = ast.parse(inspect.getsource(struct)).body
    assert isinstance(body, ast.ClassDef)
    for place, statement in enumerate(body.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            after = body.body[place + 1] if place + 1 < len(body.body) else None
            text = ""
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                text = inspect.cleandoc(str(after.value.value)).replace("\n", " ")
                text = text.replace("DEFAULT_SOURCE", model.DEFAULT_SOURCE)
            yield statement.target.id, (statement.annotation, text)


def _readable(annotation: ast.expr, struct: type[msgspec.Struct]) -> str:
    aliases = ("Inject", "WorkloadKind", "ValueMode", "TargetName")
    if isinstance(annotation, ast.Name) and annotation.id in aliases:
        return _choice(_literals(getattr(sys.modules[struct.__module__], annotation.id)))
    text = ast.unparse(annotation)
    if "ExtensionName" in text:
        return f"list of {_choice(parts.ExtensionName.__args__)}, or a table each"
    if text.startswith("Literal["):
        return _choice(ast.literal_eval(f"({text[8:-1]},)"))
    if text.startswith("tuple["):
        inner = text[6:-1].removesuffix(", ...")
        if inner.startswith("Literal["):
            return "list of " + _choice(ast.literal_eval(f"({inner[8:-1]},)"))
        return "list of tables" if inner[0].isupper() else "list of text"
    names = {"str": "text", "bool": "true or false", "int": "number", "float": "number"}
    words = [
        names.get(part, "table" if part[0].isupper() and part != "None" else part)
        for part in text.split(" | ")
        if part != "None"
    ]
    return " or ".join(words)


def _literals(alias: object) -> tuple[str, ...]:
    """Return the words of a Literal, or of a union of such, each with something said of it."""
    if isinstance(alias, str):
        return (alias,)
    return tuple(word for part in get_args(alias) for word in _literals(part))


def _choice(values: tuple[str, ...]) -> str:
    return " or ".join(f"`{v}`" if v else "empty" for v in values)


def _default(one: msgspec.structs.FieldInfo) -> str:
    if one.required:
        return "required"
    value = one.default if one.default is not msgspec.NODEFAULT else None
    if value is None or value in ("", ()) or isinstance(value, msgspec.Struct):
        return ""
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
