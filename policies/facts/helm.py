"""Helm's releases as facts: what Helm stores of a release, without its secrets and its bodies.

Helm keeps each revision in a Secret `sh.helm.release.v1.NAME.vREVISION`. Its labels name release,
revision and status; its value holds the chart with its own values, what the user gave, and the
manifest. The labels are read with the names of Secrets; the value only where the installation is
Helm's by the scenario, since it holds the issuer's private key.
"""

from __future__ import annotations

import re
from datetime import datetime

from policies.facts.base import Fact, ObjectKey, Setting

_DATED = re.compile(r"20(\d\d)\.(\d{1,2})\.(\d{1,2})(-[0-9A-Za-z.]+)?")
_EDGE = re.compile(r"(?:edge|stable|enterprise|preview)-\d+\.\d+.*")

CRDS = "linkerd-crds"
CONTROL_PLANE = "linkerd-control-plane"
"""Names of the charts."""


class HelmObject(Fact, frozen=True, kw_only=True):
    """One object of a release's stored manifest."""

    key: ObjectKey
    """Without a namespace in the manifest, a namespaced object has the release's."""
    images: tuple[tuple[str, str], ...] = ()
    keep: bool = False
    """Annotation `helm.sh/resource-policy: keep` in the stored manifest."""
    control_plane: str = ""
    """Label `linkerd.io/control-plane-ns`."""


class HelmRevision(Fact, frozen=True, kw_only=True):
    """One revision, by the labels of its Secret."""

    revision: int
    status: str
    """`deployed`, `superseded`, `failed`, `pending-upgrade`, ..."""
    secret: str


class HelmRelease(Fact, frozen=True, kw_only=True):
    """A release in its newest revision."""

    name: str
    namespace: str
    revision: int
    status: str = ""
    """Of the newest revision: `deployed`, `failed`, `pending-upgrade`, ..."""
    revisions: tuple[HelmRevision, ...] = ()
    """Every revision that is stored, oldest first."""
    chart: str = ""
    """Name of the chart; empty when the release was not read in full."""
    chart_version: str = ""
    """`2025.10.7` for edge-25.10.7."""
    app_version: str = ""
    """`appVersion` of the chart; linkerd-crds has none."""
    dependencies: tuple[tuple[str, str], ...] = ()
    """(chart, key of its values) of the charts that this one has as dependencies."""
    deployed_at: datetime | None = None
    values: tuple[Setting, ...] = ()
    """What the user gave, by `--set` and `-f`; keys and certificates as digests."""
    defaults: tuple[Setting, ...] = ()
    """The values of the chart itself, as stored with the release."""
    objects: tuple[HelmObject, ...] = ()
    """The stored manifest."""
    unread: str = ""
    """Why only the labels are known; empty when the release was read in full."""
    damaged: bool = False
    """Its Secret was read, and holds no release."""

    @property
    def linkerd(self) -> str:
        """The Linkerd release of the chart, `edge-25.10.7`; empty when the chart does not say."""
        return linkerd_release(self.chart_version, self.app_version)

    @property
    def label(self) -> str:
        """How it is called in messages."""
        return f"Helm release {self.namespace}/{self.name}"


class ChartValues(Fact, frozen=True, kw_only=True, tag_field="type", tag="chart-values"):
    """The values of a chart as it would be installed: `helm show values`."""

    chart: str
    release: str
    """The Linkerd release it was taken for."""
    values: tuple[Setting, ...] = ()


def linkerd_release(chart_version: str, app_version: str = "") -> str:
    """Return the Linkerd release of a chart: its appVersion, else from a version `20YY.M.N`.

    Charts before edge-24.3.1 have versions of their own and only say it by appVersion.
    """
    if _EDGE.fullmatch(app_version) and "X" not in app_version:
        return app_version
    match = _DATED.fullmatch(chart_version)
    if match is None:
        return ""
    return f"edge-{match[1]}.{match[2]}.{match[3]}{match[4] or ''}"


def chart_version(release: str) -> str:
    """Return the charts' version of a Linkerd release: `2025.10.7`; empty where none follows."""
    edge = release.removeprefix("edge-")
    if edge == release or not re.fullmatch(r"\d\d\.\d{1,2}\.\d{1,2}", edge):
        return ""
    return f"20{edge}"
