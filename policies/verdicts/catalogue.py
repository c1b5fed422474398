"""The catalogue of controls: `controls.toml`, typed and checked.

A control is named once, here; its test, its findings and every report take title, reason, source
and severity from this catalogue, so that they cannot disagree.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

import msgspec

from policies.facts.cluster import Fact
from policies.verdicts.findings import Severity

Area = Literal[
    "preflight",
    "CLI",
    "CRDs",
    "control plane",
    "prune",
    "extensions",
    "data plane",
    "traffic",
    "verdict",
    "rollback",
]
Step = Literal[
    "preflighted",
    "cli_upgraded",
    "crds_upgraded",
    "control_plane_upgraded",
    "pruned",
    "extensions_upgraded",
    "data_plane_upgraded",
    "settled",
    "rolled_back",
]
Need = Literal[
    "real_data_plane",
    "traffic",
    "extensions",
    "helm",
    "released_client",
    "real_schemas",
    "dry_runs",
    "looks_ahead",
    "rollback",
]
"""What a target, or the programs used on it, must be able to do; see `controls.toml`."""

PREFIXES: Mapping[str, Area] = MappingProxyType(
    {
        "PRE": "preflight",
        "CLI": "CLI",
        "CRD": "CRDs",
        "CP": "control plane",
        "PRN": "prune",
        "EXT": "extensions",
        "DP": "data plane",
        "TRF": "traffic",
        "VER": "verdict",
        "RBK": "rollback",
    }
)
"""Prefix of an id -> its area, in the order of the catalogue."""

_ID = re.compile(r"([A-Z]{2,3})-(\d{2})", re.ASCII)
_POLICY = re.compile(r"(?:[a-z_]+\.)+[a-z_]+")


class CatalogueError(Exception):
    """`controls.toml` is not a catalogue; the message names the control and the field."""


class Control(Fact, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One control as the catalogue has it."""

    id: str
    area: Area
    title: str
    """The invariant, as a sentence."""
    why: str
    """For a person at 2 a.m."""
    source: str
    severity: Severity
    step: Step
    """The fixture at which it is judged."""
    policies: tuple[str, ...] = ()
    """Functions that judge it, `module.function` under `policies`; empty only when planned."""
    needs: tuple[Need, ...] = ()
    """What a target must be able to do, beyond reading objects."""
    standards: tuple[str, ...] = ()
    """NIST SP 800-53 revision 5 controls it is evidence for."""
    planned: bool = False
    """Not built yet: no test, shown as `not assessed: not built yet`."""
    verify: bool = False
    """Can be judged read-only on any cluster, without an upgrade."""
    verify_needs: tuple[Need, ...] = ()
    """What `suites/verify` must be able to do for it, beyond `needs`."""
    follows: tuple[str, ...] = ()
    """Controls whose violation may be what violates this one, the likeliest first."""
    every_moment: bool = False
    """Speaks of every moment of its step, so that time nobody watched leaves it open."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    control: tuple[Control, ...]


def read_catalogue(text: str) -> Mapping[str, Control]:
    """Read a catalogue from TOML text, in its order.

    Raises:
        CatalogueError: it is not TOML, a field is missing, unknown or of the wrong type, an id is
            malformed, out of order or used twice, or a built control names no policy.
    """
    try:
        controls = msgspec.convert(tomllib.loads(text), _File).control
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"controls.toml is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise CatalogueError(f"controls.toml: {_name_control(text, str(error))}") from error
    found: dict[str, Control] = {}
    last = (-1, 0)
    for control in controls:
        last = _checked(control, last)
        found[control.id] = control
    for control in controls:
        if unknown := [c for c in control.follows if c not in found or c == control.id]:
            raise CatalogueError(f"{control.id}: follows {', '.join(unknown)}, no other control")
    return MappingProxyType(found)


@cache
def catalogue() -> Mapping[str, Control]:
    """Return every control by id, in the order reports show them."""
    return read_catalogue(files("policies").joinpath("controls.toml").read_text("utf-8"))


def control(control_id: str) -> Control:
    """Return one control.

    Raises:
        CatalogueError: there is no such id; the message names those of the same area.
    """
    known = catalogue()
    if control_id in known:
        return known[control_id]
    prefix = control_id.partition("-")[0]
    near = ", ".join(i for i in known if i.partition("-")[0] == prefix) or ", ".join(PREFIXES)
    raise CatalogueError(f"no control {control_id!r} in controls.toml; there are: {near}")


def _checked(control: Control, last: tuple[int, int]) -> tuple[int, int]:
    """Return the place of a control in the order, after its fields were checked."""
    match = _ID.fullmatch(control.id)
    if not match or match[1] not in PREFIXES:
        raise CatalogueError(f"{control.id!r} is not an id such as CP-04")
    expected = PREFIXES[match[1]]
    if control.area != expected:
        raise CatalogueError(f"{control.id}: area is {control.area!r}, its id says {expected!r}")
    place = (list(PREFIXES).index(match[1]), int(match[2]))
    if place <= last:
        raise CatalogueError(f"{control.id} is out of order or used twice")
    for field in ("title", "why", "source"):
        if not getattr(control, field).strip():
            raise CatalogueError(f"{control.id}: {field} is empty")
    if not control.standards:
        raise CatalogueError(f"{control.id}: standards is empty")
    if control.planned == bool(control.policies):
        fault = "is planned, yet names a policy" if control.planned else "names no policy"
        raise CatalogueError(f"{control.id} {fault}")
    for policy in control.policies:
        if not _POLICY.fullmatch(policy):
            raise CatalogueError(
                f"{control.id}: {policy!r} is not of the form folder.module.function"
            )
    return place


def _name_control(text: str, message: str) -> str:
    """Put the control's id before a message that only knows its position."""
    match = re.search(r"\$\.control\[(\d+)\]|control\[(\d+)\]", message)
    if not match:
        return message
    ids = re.findall(r'^id\s*=\s*"([^"]*)"', text, re.MULTILINE)
    position = int(match[1] or match[2])
    return f"{ids[position]}: {message}" if position < len(ids) else message
