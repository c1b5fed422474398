"""Read the packaged data files. The only place in `policies` that opens a file."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import TypeVar

import msgspec

T = TypeVar("T")


def read(name: str, shape: type[T]) -> T:
    """Read one data file beside this module, as the given type.

    Raises:
        msgspec.ValidationError: the file does not have that shape (a defect of the data).
    """
    text = files(__package__ or "policies.releases").joinpath(name).read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), shape, strict=True)
