"""The catalogue of releases: one answer to each question, out of all data sets that are known.

A data set that comes first wins; what it leaves open the next one fills. Warnings are never taken
back: the worse advice of any set holds, and every advisory of every set is asked.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from policies.releases import from_learnt
from policies.releases.details import Details
from policies.releases.grammar import LogicalVersion, Version, parse
from policies.releases.shipped import Shipped
from policies.releases.tagged import Tag, merge, plain_edge
from policies.releases.types import (
    Advice,
    Advisory,
    CrdVersions,
    GatewayApi,
    Images,
    Inventory,
    Irregularities,
    KubernetesRange,
    Logical,
    Release,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from policies.releases import tables
    from policies.releases.dataset import Provenance, Sections
    from policies.releases.learnt import Learnt
    from policies.releases.types import Component

_OLDEST, _OLDEST_LOGICAL = parse("stable-2.14.10"), "2.14"
_SEVERITY = ("recommended", "skip-suggested", "conditional", "not-recommended")


class Catalogue:
    """Everything known of releases; questions about unknown tags are answered with None.

    Args:
        sets: Data sets, the first one wins; by default the shipped one alone.
        learnt: What releases' own artefacts say: of their details nobody knows better.
    """

    def __init__(self, sets: Sequence[Sections] = (), learnt: Sequence[Learnt] = ()) -> None:
        self._sets: tuple[Sections, ...] = tuple(sets) or (Shipped(),)
        self._learnt = {each.tag: each for each in learnt}
        self._tagged = merge(self._sets)
        self._advice = _worst_advice(self._sets)
        self._releases = {tag: self._release(row) for tag, row in self._tagged.tags.items()}
        self.edges: tuple[Release, ...] = tuple(
            sorted(
                (r for r in self._releases.values() if plain_edge(r.tag)),
                key=lambda r: r.version.numbers,
            )
        )
        """Every well-formed edge, oldest first."""
        self.stables: tuple[Release, ...] = tuple(
            r for r in self._releases.values() if r.channel == "stable"
        )
        for each in self._learnt.values():  # the artefact is at hand, so there is such a release
            self._releases.setdefault(each.tag, self._only_learnt(each))
        self._logicals = {row.version: row for row in self._logical_rows()}
        self.logical_versions: tuple[Logical, ...] = tuple(self._logicals.values())
        """Oldest first."""

    def with_learnt(self, learnt: Sequence[Learnt]) -> Catalogue:
        """Return the same knowledge, and what was learnt of these releases."""
        return Catalogue(self._sets, (*self._learnt.values(), *learnt))

    def learnt(self, version: Version) -> Learnt | None:
        """Return what a release's own artefact says; None where it was not learnt."""
        return self._learnt.get(version.text)

    @property
    def provenance(self) -> tuple[Provenance, ...]:
        """Where it comes from, first heard first."""
        return tuple(s.provenance for s in self._sets)

    @property
    def date(self) -> date:
        """The day of the newest data set that names releases."""
        return max(s.provenance.date for s in self._sets if s.tags)

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of the data sets, hexadecimal."""
        every = "\n".join(p.digest for p in self.provenance)
        return hashlib.sha256(every.encode()).hexdigest()

    @property
    def newest_edge(self) -> Release:
        """The newest edge of which anything is known."""
        return self.edges[-1]

    @cached_property
    def advisories(self) -> tuple[Advisory, ...]:
        """Every upgrade note, in order of the hops."""
        rows = (a for s in reversed(self._sets) if s.advisories for a in s.advisories.advisory)
        return tuple({a.id: a for a in rows}.values())

    @cached_property
    def irregularities(self) -> Irregularities:
        """Where tags break their own rules."""
        rows = (s.tags.irregularities for s in self._sets if s.tags)
        return _irregularities(next(row for row in rows if row))

    def stated(self, version: Version) -> LogicalVersion | None:
        """Return the logical version somebody states of exactly this release, else None."""
        tag = self._tagged.tags.get(version.text)
        return tag.stated if tag else None

    def logical_of(self, version: Version) -> LogicalVersion | None:
        """Return where a release belongs; for an edge newer than known the newest known one."""
        return self._tagged.logical(version)

    def is_newer_than_known(self, version: Version) -> bool:
        """Return whether an edge is newer than all that is known, and nobody states its place."""
        if version.channel != "edge" or not version.known or self.stated(version):
            return False
        return version.numbers > self.newest_edge.version.numbers

    def release(self, version: Version) -> Release | None:
        """Return the release of this name; None when there is no such tag, or it has no order."""
        return self._releases.get(version.text)

    def known_from(self, version: Version) -> Provenance | None:
        """Return which data set names this release."""
        row = self._tagged.tags.get(version.text)
        return row.known_from if row else None

    def logical(self, version: str) -> Logical | None:
        """Return the logical version `2.18`, or None."""
        return self._logicals.get(version)

    def anchor(self, logical: str) -> Release | None:
        """Return the edge the logical version starts with, or None for an unknown one."""
        row = self._logicals.get(str(logical))
        return self._releases.get(row.anchor) if row else None

    def advice(self, version: Version) -> Advice | None:
        """Return what the project says of this release; None when it says nothing."""
        return self._advice.get(version.text)

    def kubernetes_range(self, version: Version) -> KubernetesRange:
        """Return Kubernetes versions a release supports, as far as code and documentation say.

        A vendor's release has the documented range of its logical version; its code is not known.
        """
        release = self.release(version)
        code = release.kubernetes_code if release else ""
        return self._details.kubernetes_range(version, self._belongs(version), code)

    def gateway_api(self, logical: str) -> GatewayApi | None:
        """Return Gateway API bundles the logical version works with; None before 2.15."""
        return self._details.gateway_api.get(str(logical))

    def inventory(self, version: Version, component: Component) -> Inventory | None:
        """Return one component's objects, from the nearest inspected release that is not newer.

        None when no older release was inspected, or the component does not exist there.
        """
        anchor = self.inspected(version)
        if (learnt := self.learnt(version)) and (keys := learnt.keys(component)):
            source = f"learnt from its {learnt.source}"
            return Inventory(
                version=version, component=component, anchor=version, keys=keys, source=source
            )
        known = self._details.inventories.get((anchor.text, component)) if anchor else None
        if known is None or anchor is None:
            return None
        keys, source = known
        return Inventory(
            version=version, component=component, anchor=anchor, keys=keys, source=source
        )

    def crds(self, version: Version) -> tuple[CrdVersions, ...]:
        """Return Linkerd's CRDs and Gateway API's, from the nearest inspected older release."""
        if learnt := self.learnt(version):
            return from_learnt.crds(learnt)
        anchor = self.inspected(version)
        return self._details.crds(anchor) if anchor else ()

    def images(self, version: Version) -> Images | None:
        """Return images beside controller and proxy, from the nearest inspected older release."""
        if learnt := self.learnt(version):
            return from_learnt.images(learnt)
        anchor = self.inspected(version)
        return self._details.images(anchor) if anchor else None

    def inspected(self, version: Version) -> Version | None:
        """Return the nearest release, not newer than this, whose manifests were inspected.

        Only stable-2.14.10 was inspected of the releases before edge-24.2.4: it stands for the
        logical version 2.14. An edge newer than all that is known may hold anything.
        """
        if version.text in self._learnt:
            return version
        if not version.known or version.channel in ("preview", "dev", "git"):
            return None
        if self.is_newer_than_known(version):
            return None
        logical = self._belongs(version)
        anchors = self._details.inspected_edges
        if version.channel == "edge":
            older = [each for each in anchors if each.numbers <= version.numbers]
            if older:
                return older[-1]
            return _OLDEST if logical == _OLDEST_LOGICAL else None
        if logical == _OLDEST_LOGICAL:
            return _OLDEST
        anchor = self.anchor(logical)
        return anchor.version if anchor and anchor.version in anchors else None

    @cached_property
    def _details(self) -> Details:
        return Details(self._sets)

    def _only_learnt(self, learnt: Learnt) -> Release:
        version = parse(learnt.tag)
        belongs = None if self.is_newer_than_known(version) else self._tagged.logical(version)
        return from_learnt.release(learnt, str(belongs or ""))

    def _belongs(self, version: Version) -> str:
        release = self.release(version)
        return release.logical if release else ".".join(map(str, version.numbers[:2]))

    def _release(self, row: Tag) -> Release:
        version = parse(row.text)
        details = self._details.defaults_of(version)
        return Release(
            tag=row.text,
            channel=version.channel,
            date=row.date,
            commit=row.commit,
            logical=str(self._tagged.logical(version) or ""),
            anchor=row.text in self._anchors,
            prerelease=version.channel == "stable" and "rc" in version.suffix,
            kubernetes_code=self._details.kubernetes_code(version),
            chart_kubernetes=details.chart_kubernetes,
            native_sidecar=details.native_sidecar,
            install_gateway_api=details.install_gateway_api,
            proxy_build=details.proxy_build,
            proxy_init=details.proxy_init,
            advice=self._advice.get(row.text),
            source=row.source,
        )

    @cached_property
    def _anchors(self) -> frozenset[str]:
        return frozenset(a.edge for a in self._tagged.anchors)

    def _logical_rows(self) -> Iterator[Logical]:
        edges: dict[str, list[str]] = {}
        stables: dict[str, list[str]] = {}
        for release in self.edges:
            edges.setdefault(release.logical, []).append(release.tag)
        for release in self.stables:
            stables.setdefault(release.logical, []).append(release.tag)
        for anchor in self._tagged.anchors:
            name = str(anchor.version)
            yield Logical(
                version=name,
                anchor=anchor.edge,
                anchor_source=anchor.source,
                announced=anchor.announced,
                edges=tuple(edges.get(name, ())),
                stables=tuple(stables.get(name, ())),
            )


def _worst_advice(sets: Sequence[Sections]) -> dict[str, Advice]:
    """Merge what is said of releases: a warning of any set stays."""
    worst: dict[str, Advice] = {}
    for row in (a for s in sets if s.advice for a in s.advice.advice):
        before = worst.get(row.tag)
        if before is None or _SEVERITY.index(row.status) > _SEVERITY.index(before.status):
            worst[row.tag] = row
    return worst


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
