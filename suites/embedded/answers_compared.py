"""Where two answers to one command differ, as named places that a table can list."""

from __future__ import annotations

import base64
import fnmatch
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fixtures.core.process import Completed

_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\n?")
_YAML_INSIDE = (".data.values", ".data.linkerd-config-overrides")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in the answers of the real program and the stand-in."""

    release: str
    command: str
    where: str
    real: str
    stand_in: str

    def __str__(self) -> str:
        said = f"real {self.real[:200]!r}, stand-in {self.stand_in[:200]!r}"
        return f"{self.release} {self.command}: {self.where}: {said}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the table: differences that are known, and why they are."""

    command: str
    """Pattern of command lines."""
    where: str
    """Pattern of places."""
    reason: str
    releases: tuple[str, ...] = ()
    """Where it holds only for some releases."""

    def covers(self, difference: Difference) -> bool:
        if self.releases and difference.release not in self.releases:
            return False
        return fnmatch.fnmatchcase(difference.command, self.command) and fnmatch.fnmatchcase(
            difference.where, self.where
        )


def read_table(path: Path) -> tuple[Listed, ...]:
    rows: list[dict[str, Any]] = tomllib.loads(path.read_text())["difference"]
    return tuple(
        Listed(
            command=row["command"],
            where=row["where"],
            reason=row["reason"],
            releases=tuple(row.get("releases", ())),
        )
        for row in rows
    )


def differences(release: str, real: Completed, stand_in: Completed) -> list[Difference]:
    """Every place where the two answers are not the same."""
    command = " ".join(real.argv[1:])
    places: list[tuple[str, str, str]] = []
    if real.exit_code != stand_in.exit_code:
        places.append(("exit code", str(real.exit_code), str(stand_in.exit_code)))
    said, said_by_us = _lines(real.error_text), _lines(stand_in.error_text)
    places += _maps(said, said_by_us, "stderr")
    places += _outputs(real, stand_in)
    return [Difference(release, command, *place) for place in places]


def _lines(text: str) -> dict[str, str]:
    """What is said first is the message; what follows is advice, or usage."""
    first, _, more = text.partition("\n")
    return {"first line": first, "more": more}


def _outputs(real: Completed, stand_in: Completed) -> list[tuple[str, str, str]]:
    if real.text == stand_in.text:
        return []
    if "json" in real.argv:
        return _maps(checks(real.text), checks(stand_in.text), "check")
    if real.argv[1] in ("install", "upgrade"):
        return _manifests(real.text, stand_in.text)
    return [("stdout", real.text, stand_in.text)]


def checks(text: str) -> dict[str, str]:
    """Place -> what is said there, for each check of each document; order is a place too."""
    decoder, at, found = json.JSONDecoder(), 0, dict[str, str]()
    order: list[str] = []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        document, at = decoder.raw_decode(text, at)
        for category in document["categories"] or ():
            for check in category["checks"] or ():
                name = f"{category['categoryName']}/{check['description']}"
                order.append(name)
                found |= {f"{name}/{k}": check.get(k, "") for k in ("result", "hint", "error")}
    return {**found, "order": " ".join(order)}


def _manifests(real: str, stand_in: str) -> list[tuple[str, str, str]]:
    ours, theirs = _objects(stand_in), _objects(real)
    places = _maps({"order": " ".join(theirs)}, {"order": " ".join(ours)}, "manifest")
    for name in theirs.keys() & ours.keys():
        places += _maps(_leaves(theirs[name]), _leaves(ours[name]), f"manifest/{name}")
    return places


def _objects(text: str) -> dict[str, Any]:
    documents = [d for d in yaml.load_all(text, Loader=_LOADER) if d]
    return {
        "/".join((d["kind"], d["metadata"].get("namespace", ""), d["metadata"]["name"])): d
        for d in documents
    }


def _leaves(value: Any, path: str = "") -> dict[str, str]:
    """Path -> scalar; an empty list or object is one too, and so is a whole schema."""
    if path.endswith((".openAPIV3Schema", ".additionalPrinterColumns")):
        return {path: json.dumps(value, sort_keys=True)}
    if isinstance(value, str) and path.endswith(_YAML_INSIDE):
        value = yaml.load(_decoded(value), Loader=_LOADER)
    if isinstance(value, dict) and value:
        parts = [_leaves(item, f"{path}.{key}") for key, item in value.items()]
    elif isinstance(value, list) and value:
        names = [_name_of(item, index) for index, item in enumerate(value)]
        parts = [_leaves(item, f"{path}.{key}") for key, item in zip(names, value, strict=True)]
        parts.append({f"{path}.(order)": " ".join(names)})
    else:
        return {path: _plain(path, value)}
    return {key: item for part in parts for key, item in part.items()}


def _name_of(item: Any, index: int) -> str:
    """What an item of a list goes by: its name, else its number."""
    return str(item["name"]) if isinstance(item, dict) and "name" in item else str(index)


def _plain(path: str, value: Any) -> str:
    """A scalar as it is compared: encodings undone, keys and certificates by their kind alone."""
    if not isinstance(value, str):
        return json.dumps(value)
    if path.startswith(".data.") or path.endswith(".caBundle"):
        value = _decoded(value)
    return json.dumps(_PEM.sub(r"(a \1)", value))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return text


def _maps(
    real: dict[str, str], stand_in: dict[str, str], prefix: str
) -> list[tuple[str, str, str]]:
    missing = "(absent)"
    return [
        (f"{prefix}/{key}", real.get(key, missing), stand_in.get(key, missing))
        for key in dict.fromkeys((*real, *stand_in))
        if real.get(key, missing) != stand_in.get(key, missing)
    ]
