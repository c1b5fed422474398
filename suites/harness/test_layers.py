"""No module imports, at run time, what imports it: each can be read before the next."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

PACKAGES = ("reports", "fixtures", "policies", "apimachinery", "oci")


def in_order(imports: dict[str, set[str]]) -> list[str]:
    return list(TopologicalSorter(imports).static_order())


def test_no_import_cycle_is_left() -> None:
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)

    assert len(in_order({m: graph.find_modules_directly_imported_by(m) for m in graph.modules}))


def test_a_cycle_is_seen() -> None:
    with pytest.raises(CycleError):
        in_order({"a": {"b"}, "b": {"c"}, "c": {"a"}})
