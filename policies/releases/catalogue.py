"""Build the catalogue of releases out of the data files."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from policies.facts.cluster import ObjectKey
from policies.releases import tables
from policies.releases.grammar import Version, parse
from policies.releases.reader import read
from policies.releases.types import (
    Advice,
    CrdVersions,
    Documented,
    GatewayApi,
    Images,
    Inventory,
    Irregularities,
    KubernetesRange,
    Logical,
    Release,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.releases.types import Component


class Catalogue:
    """Everything known of releases; questions about unknown tags are answered with None."""

    def __init__(self) -> None:
        tags = read("tags.toml", tables.Tags)
        self._defaults = read("defaults.toml", tables.Defaults)
        self._kubernetes = read("kubernetes.toml", tables.KubernetesTable)
        self._advice = {a.tag: a for a in read("advice.toml", tables.AdviceTable).advice}
        self._code_stables = dict(self._kubernetes.code.stables)
        self._releases: dict[str, Release] = {}
        logicals: list[Logical] = []
        for row in tags.logical:
            logicals.append(_logical(row))
            for tag in row.edges:
                self._add(self._edge(tag, row, tags.source))
            for tag in row.stables:
                self._add(self._stable(tag, row, tags.source))
            if row.version_tag:
                self._add(_version_tag(row.version_tag, row, tags.source))
        self.logical_versions: tuple[Logical, ...] = tuple(logicals)
        """Oldest first."""
        self.edges: tuple[Release, ...] = tuple(
            self._releases[tag] for row in logicals for tag in row.edges
        )
        """Every well-formed edge, oldest first."""
        self.stables: tuple[Release, ...] = tuple(
            r for r in self._releases.values() if r.channel == "stable"
        )
        self.irregularities = _irregularities(tags.irregularities)
        self._logicals = {row.version: row for row in logicals}

    def _add(self, release: Release) -> None:
        self._releases[release.tag] = release

    def release(self, version: Version) -> Release | None:
        """Return the release of this name; None when there is no such tag, or it has no order."""
        return self._releases.get(version.text)

    def logical(self, version: str) -> Logical | None:
        """Return the logical version `2.18`, or None."""
        return self._logicals.get(version)

    def anchor(self, logical: str) -> Release | None:
        """Return the edge the logical version starts with, or None for an unknown one."""
        row = self._logicals.get(str(logical))
        return self._releases[row.anchor] if row else None

    def advice(self, version: Version) -> Advice | None:
        """Return what the project says of this release; None when it says nothing."""
        return self._advice.get(version.text)

    def kubernetes_range(self, version: Version) -> KubernetesRange:
        """Return Kubernetes versions a release supports, as far as code and documentation say.

        A vendor's release has the documented range of its logical version; its code is not known.
        """
        release = self.release(version)
        logical = release.logical if release else ".".join(map(str, version.numbers[:2]))
        rows = [d for d in self._kubernetes.documented if d.logical == logical]
        code = _short(release.kubernetes_code) if release else ""
        low = min((d.minimum for d in rows), key=_numbers, default="")
        high = max((d.maximum for d in rows), key=_numbers, default="")
        source = (self._kubernetes.code.source,) if code else ()
        return KubernetesRange(
            tag=version.text,
            code_minimum=code,
            documented_minimum=low,
            documented_maximum=high,
            disagreement=_disagreement(rows, code),
            sources=(*source, *(d.source for d in rows)),
        )

    def gateway_api(self, logical: str) -> GatewayApi | None:
        """Return Gateway API bundles the logical version works with; None before 2.15."""
        return _gateway().get(str(logical))

    def inventory(self, version: Version, component: Component) -> Inventory | None:
        """Return one component's objects, from the nearest inspected release that is not newer.

        None when no older release was inspected, or the component does not exist there.
        """
        anchor = self.inspected(version)
        found = _inventories().get((anchor.text, component)) if anchor else None
        if found is None or anchor is None:
            return None
        keys, source = found
        return Inventory(
            version=version, component=component, anchor=anchor, keys=keys, source=source
        )

    def crds(self, version: Version) -> tuple[CrdVersions, ...]:
        """Return Linkerd's CRDs and Gateway API's, from the nearest inspected older release."""
        anchor = self.inspected(version)
        rows = _crd_table().crd if anchor else ()
        return tuple(_crd(row) for row in rows if anchor and anchor.text in row.anchors)

    def images(self, version: Version) -> Images | None:
        """Return images beside controller and proxy, from the nearest inspected older release."""
        anchor = self.inspected(version)
        table = _image_table()
        for row in table.images if anchor else ():
            if anchor and row.tag == anchor.text:
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

    def inspected(self, version: Version) -> Version | None:
        """Return the nearest release, not newer than this, whose manifests were inspected.

        Only stable-2.14.10 was inspected of the releases before edge-24.2.4: it stands for the
        logical version 2.14.
        """
        if not version.known or version.channel in ("preview", "dev", "git"):
            return None
        release = self.release(version)
        logical = release.logical if release else ".".join(map(str, version.numbers[:2]))
        anchors = [t for t in _inspected() if t.channel == "edge"]
        if version.channel == "edge":
            older = [t for t in anchors if t.numbers <= version.numbers]
            if older:
                return older[-1]
            return parse("stable-2.14.10") if logical == "2.14" else None
        if logical == "2.14":
            return parse("stable-2.14.10")
        anchor = self.anchor(logical)
        return anchor.version if anchor and anchor.version in anchors else None

    def _edge(self, row: tables.Row, logical: tables.LogicalTable, source: str) -> Release:
        tag = row[0]
        defaults = self._defaults
        return Release(
            tag=tag,
            channel="edge",
            date=date.fromisoformat(row[1]),
            commit=row[2],
            logical=logical.version,
            anchor=tag == logical.anchor,
            kubernetes_code=_at(self._kubernetes.code.transitions, tag),
            chart_kubernetes=_at(defaults.chart_kubernetes.transitions, tag),
            native_sidecar=_flag(_at(defaults.native_sidecar.transitions, tag)),
            install_gateway_api=_flag(_at(defaults.install_gateway_api.transitions, tag)),
            proxy_build=_at(defaults.proxy_build.transitions, tag),
            proxy_init=_at(defaults.proxy_init.transitions, tag),
            advice=self._advice.get(tag),
            source=source,
        )

    def _stable(self, row: tables.Row, logical: tables.LogicalTable, source: str) -> Release:
        return Release(
            tag=row[0],
            channel="stable",
            date=date.fromisoformat(row[1]),
            commit=row[2],
            logical=logical.version,
            prerelease="rc" in parse(row[0]).suffix,
            kubernetes_code=self._code_stables.get(row[0], ""),
            source=source,
        )


def _logical(row: tables.LogicalTable) -> Logical:
    return Logical(
        version=row.version,
        anchor=row.anchor,
        anchor_source=row.anchor_source,
        announced=row.announced,
        edges=tuple(tag for tag, _, _ in row.edges),
        stables=tuple(tag for tag, _, _ in row.stables),
    )


def _version_tag(row: tables.Row, logical: tables.LogicalTable, source: str) -> Release:
    return Release(
        tag=row[0],
        channel="version",
        date=date.fromisoformat(row[1]),
        commit=row[2],
        logical=logical.version,
        source=source,
    )


def _irregularities(row: tables.IrregularityTable) -> Irregularities:
    return Irregularities(
        missing_numbers=row.missing_numbers,
        months_without_edge=row.months_without_edge,
        month_differs_from_date=row.month_differs_from_date,
        named_in_documentation_without_tag=row.named_in_documentation_without_tag,
        version_tag_is_not_its_anchor=row.version_tag_is_not_its_anchor,
        wrong_grammar=tuple(tag for tag, _, _ in row.wrong_grammar),
        other_tags=row.other_tags,
    )


def _at(transitions: Sequence[tuple[str, str]], tag: str) -> str:
    """Return the value that holds at an edge: of the last row that is not newer."""
    starts = [parse(start).numbers for start, _ in transitions]
    position = bisect_right(starts, parse(tag).numbers)
    return transitions[position - 1][1] if position else ""


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


def object_key(text: str) -> ObjectKey:
    """Read `apps/Deployment/linkerd/linkerd-identity` as a key; `core` and `-` stand for empty."""
    group, kind, namespace, name = text.split("/", 3)
    return ObjectKey(
        group="" if group == "core" else group,
        kind=kind,
        namespace="" if namespace == "-" else namespace,
        name=name,
    )


@cache
def _inventories() -> dict[tuple[str, str], tuple[frozenset[ObjectKey], str]]:
    table = read("inventory.toml", tables.InventoryTable)
    found: dict[tuple[str, str], tuple[frozenset[ObjectKey], str]] = {}
    for row in table.set:
        keys = frozenset(object_key(text) for text in row.keys)
        path = table.components[row.component]
        for anchor in row.anchors:
            found[anchor, row.component] = (keys, f"{path} at {anchor}")
    return found


@cache
def _inspected() -> tuple[Version, ...]:
    return tuple(parse(tag) for tag in dict.fromkeys(anchor for anchor, _ in _inventories()))


@cache
def _crd_table() -> tables.CrdTable:
    return read("crds.toml", tables.CrdTable)


@cache
def _image_table() -> tables.ImageTable:
    return read("images.toml", tables.ImageTable)


@cache
def _gateway() -> dict[str, GatewayApi]:
    table = read("gateway_api.toml", tables.GatewayTable)
    return {
        row.logical: GatewayApi(
            logical=row.logical,
            minimum=row.minimum,
            maximum=row.maximum,
            shipped=row.shipped,
            versions=row.versions,
            source=table.source,
        )
        for row in table.range
    }


@cache
def catalogue() -> Catalogue:
    """Return the catalogue; it is read once per process."""
    return Catalogue()
