"""What data sets say beyond tags: defaults, Kubernetes, images, CRDs, objects by release."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from policies.facts.cluster import ObjectKey
from policies.releases.grammar import Version, parse
from policies.releases.keys import object_key
from policies.releases.types import (
    CrdVersions,
    Documented,
    GatewayApi,
    Images,
    KubernetesRange,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.releases import tables
    from policies.releases.dataset import Sections


@dataclass(frozen=True, slots=True)
class ReleaseDefaults:
    """Defaults of one edge; empty or None where the value does not exist or is not known."""

    native_sidecar: bool | None = None
    install_gateway_api: bool | None = None
    chart_kubernetes: str = ""
    proxy_init: str = ""
    proxy_build: str = ""


class Details:
    """Answers out of the sections of all data sets, each section read when it is asked for."""

    def __init__(self, sets: Sequence[Sections]) -> None:
        self._sets = sets
        self._steps: dict[str, _Steps] = {}

    def defaults_of(self, version: Version) -> ReleaseDefaults:
        """Return the defaults of an edge; those of other channels are not known."""
        if version.channel != "edge":
            return ReleaseDefaults()
        return ReleaseDefaults(
            native_sidecar=_flag(self._at("native_sidecar", version)),
            install_gateway_api=_flag(self._at("install_gateway_api", version)),
            chart_kubernetes=self._at("chart_kubernetes", version),
            proxy_init=self._at("proxy_init", version),
            proxy_build=self._at("proxy_build", version),
        )

    def kubernetes_code(self, version: Version) -> str:
        """Return the minimum in a release's code, `1.23.0`; empty where it was not read."""
        if version.channel == "stable":
            return self._code_stables.get(version.text, "")
        return self._code_steps.at(version) if version.channel == "edge" else ""

    def kubernetes_range(self, version: Version, logical: str, code: str) -> KubernetesRange:
        """Return the range of a release out of its code's minimum and its logical version."""
        rows = self._documented(logical)
        short = _short(code)
        return KubernetesRange(
            tag=version.text,
            code_minimum=short,
            documented_minimum=min((d.minimum for d in rows), key=_numbers, default=""),
            documented_maximum=max((d.maximum for d in rows), key=_numbers, default=""),
            disagreement=_disagreement(rows, short),
            sources=(*((self._code_source,) if short else ()), *(d.source for d in rows)),
        )

    @cached_property
    def gateway_api(self) -> dict[str, GatewayApi]:
        """By logical version."""
        ranges: dict[str, GatewayApi] = {}
        for table in (s.gateway_api for s in self._sets if s.gateway_api):
            for row in table.range:
                known = GatewayApi(
                    logical=row.logical,
                    minimum=row.minimum,
                    maximum=row.maximum,
                    shipped=row.shipped,
                    versions=row.versions,
                    source=table.source,
                )
                ranges.setdefault(row.logical, known)
        return ranges

    @cached_property
    def inventories(self) -> dict[tuple[str, str], tuple[frozenset[ObjectKey], str]]:
        """Objects with their source, by release and component."""
        known: dict[tuple[str, str], tuple[frozenset[ObjectKey], str]] = {}
        for table in (s.inventory for s in self._sets if s.inventory):
            for row in table.set:
                keys = frozenset(object_key(text) for text in row.keys)
                path = table.components.get(row.component, table.source)
                for anchor in row.anchors:
                    known.setdefault((anchor, row.component), (keys, f"{path} at {anchor}"))
        return known

    @cached_property
    def inspected_edges(self) -> tuple[Version, ...]:
        """Edges whose objects are known, oldest first."""
        every = {parse(anchor) for anchor, _ in self.inventories}
        edges = (version for version in every if version.channel == "edge")
        return tuple(sorted(edges, key=lambda version: version.numbers))

    def crds(self, anchor: Version) -> tuple[CrdVersions, ...]:
        """Return the CRDs of an inspected release, from the first set that has any of it."""
        for table in (s.crds for s in self._sets if s.crds):
            rows = tuple(_crd(row) for row in table.crd if anchor.text in row.anchors)
            if rows:
                return rows
        return ()

    def images(self, anchor: Version) -> Images | None:
        """Return the images of an inspected release."""
        for table in (s.images for s in self._sets if s.images):
            for row in table.images:
                if row.tag == anchor.text:
                    return Images(
                        anchor=row.tag,
                        registry=table.registry,
                        proxy_build=row.proxy_build,
                        proxy_init=row.proxy_init,
                        policy_controller=row.policy_controller,
                        cni_plugin=row.cni_plugin,
                        viz_prometheus=row.viz_prometheus,
                        native_sidecar=row.native_sidecar,
                    )
        return None

    def _at(self, name: str, version: Version) -> str:
        steps = self._steps.get(name)
        if steps is None:
            tables = (getattr(s.defaults, name) for s in self._sets if s.defaults)
            steps = self._steps[name] = _Steps(next((t for t in tables if t), None))
        return steps.at(version)

    @cached_property
    def _code_steps(self) -> _Steps:
        return _Steps(self._code)

    @cached_property
    def _code(self) -> tables.CodeTable | None:
        known = (s.kubernetes.code for s in self._sets if s.kubernetes)
        return next((code for code in known if code), None)

    @property
    def _code_source(self) -> str:
        return self._code.source if self._code else ""

    @cached_property
    def _code_stables(self) -> dict[str, str]:
        return dict(self._code.stables) if self._code else {}

    def _documented(self, logical: str) -> list[Documented]:
        for table in (s.kubernetes for s in self._sets if s.kubernetes):
            rows = [d for d in table.documented if d.logical == logical]
            if rows:
                return rows
        return []


class _Steps:
    """Values that change at some edges; the edges are parsed once for all releases."""

    def __init__(self, table: tables.Transitions | None) -> None:
        self._rows = table.transitions if table else ()
        self._starts = [parse(start).numbers for start, _ in self._rows]

    def at(self, version: Version) -> str:
        """Return the value that holds at an edge: of the last row that is not newer."""
        position = bisect_right(self._starts, version.numbers)
        return self._rows[position - 1][1] if position else ""


def _flag(text: str) -> bool | None:
    return None if not text else text == "true"


def _short(version: str) -> str:
    """Return `1.23.0` as `1.23`."""
    return version.removesuffix(".0") if version.count(".") == 2 else version


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split("."))


def _disagreement(rows: Sequence[Documented], code: str) -> str:
    said = [f"documentation {d.directory} says {d.minimum} to {d.maximum}" for d in rows]
    lows = {d.minimum for d in rows}
    if len(lows) > 1 or len({d.maximum for d in rows}) > 1:
        return "; ".join([*said, f"code says {code} or newer"] if code else said)
    if code and lows and code not in lows:
        return "; ".join([*said, f"code says {code} or newer"])
    return ""


def _crd(row: tables.CrdRow) -> CrdVersions:
    bare = {text: text.rstrip("*!-") for text in row.versions}
    return CrdVersions(
        name=row.name,
        served=tuple(b for text, b in bare.items() if "-" not in text),
        storage=next(b for text, b in bare.items() if "*" in text),
        deprecated=tuple(b for text, b in bare.items() if "!" in text),
        bundle=row.bundle,
    )
