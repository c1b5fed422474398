from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from inspect import signature

import pytest

from policies.verdicts.catalogue import (
    PREFIXES,
    CatalogueError,
    Control,
    catalogue,
    control,
    read_catalogue,
)

NUMBERS = {
    "PRE": 15, "CLI": 3, "CRD": 3, "CP": 11, "PRN": 4, "EXT": 7, "DP": 8, "TRF": 6, "VER": 4,
    "RBK": 1,
}  # fmt: skip
PLANNED: set[str] = set()
GOOD = """
[[control]]
id = "CP-04"
area = "control plane"
title = "Anchors are retained"
why = "Else mutual TLS breaks."
source = "https://linkerd.io"
severity = "blocker"
step = "control_plane_upgraded"
policies = ["certificates.anchors_retained"]
standards = ["SC-12"]
"""


def test_every_control_is_there_in_order() -> None:
    expected = [f"{prefix}-{n:02}" for prefix in PREFIXES for n in range(1, NUMBERS[prefix] + 1)]

    assert list(catalogue()) == expected


def test_planned_controls_are_exactly_these() -> None:
    assert {c.id for c in catalogue().values() if c.planned} == PLANNED


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda c: c.id)
def test_fields_are_for_a_person(entry: Control) -> None:
    assert entry.title[0].isupper() or entry.title.startswith("`")
    assert not entry.title.endswith(".")
    assert entry.why.endswith((".", "hope."))
    assert entry.source.startswith("https://")
    assert all(re.fullmatch(r"[A-Z]{2}-\d{1,2}", s) for s in entry.standards)


@pytest.mark.parametrize("name", sorted({p for c in catalogue().values() for p in c.policies}))
def test_policy_exists_and_gives_a_verdict(name: str) -> None:
    module, _, function = name.rpartition(".")
    policy: Callable[..., object] = getattr(
        importlib.import_module(f"policies.{module}"), function
    )

    assert signature(policy).return_annotation == "Verdict"


def test_title_and_why_are_never_shared() -> None:
    entries = list(catalogue().values())

    assert len({c.title for c in entries}) == len(entries)
    assert len({c.why for c in entries}) == len(entries)


def test_an_unknown_control_names_its_neighbours() -> None:
    with pytest.raises(CatalogueError, match="CLI-01, CLI-02, CLI-03"):
        control("CLI-09")


def test_a_known_control_is_found() -> None:
    assert control("CP-04").area == "control plane"


def test_a_good_catalogue_is_read() -> None:
    assert list(read_catalogue(GOOD)) == ["CP-04"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[control]]", "[[control", "not TOML"),
        ('id = "CP-04"', 'id = "CP-4"', "not an id"),
        ('id = "CP-04"', 'id = "PRE-04"', "its id says 'preflight'"),
        ('title = "Anchors are retained"', 'title = " "', "CP-04: title is empty"),
        ('standards = ["SC-12"]', "standards = []", "CP-04: standards is empty"),
        ('standards = ["SC-12"]', 'standards = ["SC-12"]\nplanned = true', "yet names a policy"),
        ('policies = ["certificates.anchors_retained"]', "", "names no policy"),
        ('policies = ["certificates.anchors_retained"]', 'policies = ["a b"]', "module.function"),
        ('severity = "blocker"', 'severity = "fatal"', "CP-04: Invalid enum value"),
        ('step = "control_plane_upgraded"', 'step = "upgraded"', "CP-04: Invalid enum value"),
        ('source = "https://linkerd.io"', "", "CP-04: Object missing required field `source`"),
        (
            'area = "control plane"',
            'area = "control plane"\nowner = "me"',
            "unknown field `owner`",
        ),
    ],
)
def test_a_bad_catalogue_says_where(old: str, new: str, said: str) -> None:
    with pytest.raises(CatalogueError, match=re.escape(said)):
        read_catalogue(GOOD.replace(old, new))


def test_an_id_used_twice_is_refused() -> None:
    with pytest.raises(CatalogueError, match="CP-04 is out of order or used twice"):
        read_catalogue(GOOD + GOOD)
