"""Hypothesis strategies for any msgspec type of the ledger, derived from the type itself."""

from __future__ import annotations

from datetime import UTC
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect as info

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SIMPLE: dict[type[info.Type], st.SearchStrategy[Any]] = {
    info.StrType: _TEXT,
    info.IntType: st.integers(-(2**40), 2**40),
    info.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    info.BoolType: st.booleans(),
    info.NoneType: st.none(),
    info.DateTimeType: st.datetimes(timezones=st.just(UTC)),
    info.DateType: st.dates(),
}


@cache
def of_type(wanted: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Values of a struct, nested ones included."""
    return _struct(info.type_info(wanted))


def _struct(found: info.Type) -> st.SearchStrategy[Any]:
    assert isinstance(found, info.StructType)
    fields = {f.name: _of(f.type) for f in found.fields}
    return st.fixed_dictionaries(fields).map(lambda values: found.cls(**values))


def _of(found: info.Type) -> st.SearchStrategy[Any]:
    simple = _SIMPLE.get(type(found))
    if simple is not None:
        return simple
    if isinstance(found, info.LiteralType):
        return st.sampled_from(found.values)
    if isinstance(found, info.UnionType):
        return st.one_of([_of(t) for t in found.types])
    if isinstance(found, info.VarTupleType):
        return st.lists(_of(found.item_type), max_size=2).map(tuple)
    if isinstance(found, info.TupleType):
        return st.tuples(*[_of(t) for t in found.item_types])
    if isinstance(found, info.DictType):
        return st.dictionaries(_of(found.key_type), _of(found.value_type), max_size=2)
    return of_type(_class(found))


def _class(found: info.Type) -> type[msgspec.Struct]:
    assert isinstance(found, info.StructType), f"no strategy for {found}"
    return found.cls
