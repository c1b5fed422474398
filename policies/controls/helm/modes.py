"""Whether an upgrade with Helm does what it should, judged by its mode of values before it runs.

Nothing of this is said by Helm itself: `--reuse-values` deploys the old release with exit code 0,
`--reset-values` takes CRDs out of a release without a word (recorded: dry runs 024 to 029).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from policies.controls.helm.values import (
    FLAGS,
    OWN_VERSION,
    ValueMode,
    Values,
    effective,
    frozen_values,
    given,
)
from policies.controls.prune.pruning import GATEWAY_GROUP
from policies.facts.base import Fact, Setting
from policies.facts.cluster import ClusterFacts, Crd
from policies.facts.helm import CONTROL_PLANE, CRDS, ChartValues, HelmObject, HelmRelease
from policies.releases.versions import LogicalVersion, Version, logical
from policies.skew.hops import Hop
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged, not_assessed

GATEWAY_SWITCHES: Mapping[str, str] = {
    "httproutes": "enableHttpRoutes",
    "grpcroutes": "enableHttpRoutes",
    "tlsroutes": "enableTlsRoutes",
    "tcproutes": "enableTcpRoutes",
}
"""Gateway API CRD -> the value that decides about it, before `installGatewayAPI`."""
INSTALL_GATEWAY = "installGatewayAPI"
_SHOWN = 8


def value_mode(
    release: HelmRelease,
    hop: Hop,
    mode: ValueMode,
    *,
    new: Values,
    given: Values = (),
    crds: Iterable[Crd] = (),
) -> Verdict:
    """Judge what one mode of values makes of a release in a hop.

    Args:
        release: As stored, read in full.
        hop: From which release to which.
        mode: How the upgrade treats stored values.
        new: The values of the destination's chart.
        given: Values given with the command.
        crds: CRDs as they live: Helm asks them, not its own manifest, whether to keep them.
    """
    if release.unread:
        return not_assessed(f"{release.label} was not read in full ({release.unread})")
    if not new:
        return not_assessed(f"the values of {release.chart} of {hop.destination} are not at hand")
    values = _paths(effective(release, new, mode, given))
    if release.chart == CRDS:
        items = list(_gateway(release, hop, values, {c.name: c for c in crds}))
    elif release.chart == CONTROL_PLANE:
        items = [
            *_required(values),
            *_versions(release, hop, values),
            *_stale(release, values, new),
        ]
        items += _missing(values, new) if mode == "reuse" else []
    else:
        return not_assessed(f"{release.label} holds {release.chart}, no chart of Linkerd's core")
    flag = " ".join(FLAGS[mode]) or "no flag for values"
    return judged(
        items,
        holds_as=f"{release.chart} to {hop.destination} with {flag}: renders "
        f"{hop.destination}, nothing is lost",
        violated_as=f"{release.chart} to {hop.destination} with {flag} does not do what it says",
        expected=f"the objects of {hop.destination}, the user's values, nothing deleted",
        cause=_cause(release, mode),
        next_command=_advice(release, hop),
    )


class Asked(Fact, frozen=True, kw_only=True):
    """How one chart is upgraded: the mode of its values, and what is given with the command."""

    chart: str
    mode: ValueMode = "reset-then-reuse"
    sets: tuple[str, ...] = ()
    """As `--set` takes them."""


def values_arrive(
    facts: ClusterFacts, hop: Hop, asked: Iterable[Asked], charts: Iterable[ChartValues]
) -> Verdict:
    """Judge each chart's mode of values for this hop, before anything is applied (PRE-07).

    Args:
        facts: Before the hop, releases read in full.
        hop: From which release to which.
        asked: How each chart is upgraded.
        charts: The values of the destination's charts.
    """
    new = {c.chart: c.values for c in charts}
    parts: list[Verdict] = []
    for each in asked:
        release = next((r for r in facts.helm if (r.chart or r.name) == each.chart), None)
        if release is None:
            parts.append(not_assessed(f"there is no release of {each.chart}"))
            continue
        values, sets = new.get(each.chart, ()), given(each.sets)
        parts.append(value_mode(release, hop, each.mode, new=values, given=sets, crds=facts.crds))
    return combined(parts, holds_as="; ".join(p.summary for p in parts))


def _cause(release: HelmRelease, mode: ValueMode) -> str:
    if frozen_values(release) and mode != "reset":
        return (
            "a values file once held the whole output of `helm get values --all`; what was "
            "default then is the user's own now, and wins over every new chart"
        )
    if mode == "reuse":
        return "--reuse-values renders the new chart with the old chart's values"
    return "values that the user once gave are not carried over, or a default changed"


def _advice(release: HelmRelease, hop: Hop) -> str:
    frozen = frozen_values(release)
    if frozen and release.chart == CONTROL_PLANE:
        return (
            f"helm -n {release.namespace} get values {release.name} -o yaml > values.yaml; take "
            f"out what you never set ({', '.join(frozen[:3])}); upgrade with --reset-values -f "
            "values.yaml"
        )
    if release.chart == CRDS and _before_2_18(hop.source):
        return f"helm -n {release.namespace} upgrade {release.name} ... --reuse-values"
    return f"helm -n {release.namespace} upgrade {release.name} ... --reset-then-reuse-values"


def advised(release: HelmRelease, hop: Hop, new: Values, crds: Iterable[Crd]) -> ValueMode | None:
    """Return the first mode that holds, in the order of the advice; None when none does.

    For linkerd-crds from before 2.18 `reuse` is the project's advice, else `reset-then-reuse`.
    """
    found = tuple(crds)
    modes: tuple[ValueMode, ...] = ("reset-then-reuse", "reset", "reuse")
    if release.chart == CRDS and _before_2_18(hop.source):
        modes = ("reuse", "reset-then-reuse", "reset")
    for mode in modes:
        if value_mode(release, hop, mode, new=new, crds=found).status == "holds":
            return mode
    return None


def _before_2_18(release: Version) -> bool:
    version = logical(release)
    return version is not None and version < LogicalVersion(major=2, minor=18)


def _required(values: Mapping[str, str]) -> Iterator[Item]:
    """Yield values without which the control plane's chart refuses to render."""
    external = values.get("identity.issuer.scheme") == '"kubernetes.io/tls"'
    needed = () if external else ("identity.issuer.tls.crtPEM", "identity.issuer.tls.keyPEM")
    if values.get("identity.externalCA") != "true":
        needed = (*needed, "identityTrustAnchorsPEM")
    for path in needed:
        if values.get(path, "null") in ('""', "null"):
            seen = "not given: the chart refuses, or renders an empty one"
            yield Item(subject=f"value {path}", expected="given", seen=seen)


def _versions(release: HelmRelease, hop: Hop, values: Mapping[str, str]) -> Iterator[Item]:
    """Yield values that name a release of Linkerd and do not name the destination."""
    frozen = frozen_values(release)
    for path in sorted(OWN_VERSION):
        value = values.get(path, '""')
        if value in ('""', "null", f'"{hop.destination}"') or path == "cliVersion":
            continue
        whose = "stored as the user's own" if path in frozen else "of the old chart"
        yield Item(
            subject=f"value {path}",
            expected=f'"{hop.destination}"',
            seen=f"{value}, {whose}: exit code 0, and {value} is deployed",
        )


def _stale(release: HelmRelease, values: Mapping[str, str], new: Values) -> Iterator[Item]:
    """Yield changed defaults that do not arrive, although the user never set the value."""
    user, wanted = _paths(release.values), _paths(new)
    for old in release.defaults:
        default = wanted.get(old.path)
        if old.path in OWN_VERSION or old.path in user or default in (None, old.value):
            continue
        if values.get(old.path) == old.value:
            seen = f"{old.value}, the old chart's default"
            yield Item(subject=f"value {old.path}", expected=default, seen=seen)


def _missing(values: Mapping[str, str], new: Values) -> Iterator[Item]:
    """Yield new values that templates may read and `--reuse-values` does not bring (18-13)."""
    absent = [s.path for s in new if s.path not in values and not _below(s.path, values)]
    if absent:
        more = f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else ""
        yield Item(
            subject="new values of the chart",
            expected="there for its templates",
            seen=f"absent: {', '.join(absent[:_SHOWN])}{more}; templates that read them fail or "
            "render nothing",
        )


def _below(path: str, values: Mapping[str, str]) -> bool:
    return any(v.startswith(f"{path}.") for v in values)


def gateway_rendered(crd: str, destination: Version, values: Mapping[str, str]) -> bool:
    """Return whether linkerd-crds of this release renders a Gateway API CRD with these values.

    A legacy switch that is set decides; else `installGatewayAPI`, which came with 2.18.
    """
    switch = values.get(GATEWAY_SWITCHES.get(crd.partition(".")[0], ""))
    if switch is None and not _before_2_18(destination):
        switch = values.get(INSTALL_GATEWAY)
    return switch is not None and switch not in ("false", "null", '""', "0")


def _gateway(
    release: HelmRelease, hop: Hop, values: Mapping[str, str], live: Mapping[str, Crd]
) -> Iterator[Item]:
    """Yield Gateway API CRDs that leave the release, and those of others that would enter it."""
    stored = {o.key.name: o for o in release.objects if o.key.name.endswith(GATEWAY_GROUP)}
    for name in (f"{plural}.{GATEWAY_GROUP}" for plural in GATEWAY_SWITCHES):
        rendered = gateway_rendered(name, hop.destination, values)
        crd = live.get(name)
        if name in stored and not rendered:
            yield _leaves(stored[name], crd, live_known=bool(live))
        elif rendered and name not in stored and crd and crd.helm_release != _own(release):
            owner = crd.helm_release or crd.managed_by or "somebody else"
            yield Item(
                subject=f"CRD {name}",
                expected="not rendered, or owned by this release",
                seen=f"rendered anew, while it lives and belongs to {owner}: Helm refuses the "
                f"whole upgrade; give {INSTALL_GATEWAY}=false",
            )


def _leaves(stored: HelmObject, crd: Crd | None, *, live_known: bool) -> Item:
    subject = f"CRD {stored.key.name}"
    if crd is None and live_known:
        why = "it does not live any more"
        return Item(subject=subject, expected="in the release", seen="leaves it", explained=why)
    if crd is not None and crd.helm_keep:
        return Item(
            subject=subject,
            expected="in the release",
            seen="leaves the release and stays on the cluster; nobody upgrades it from then on",
            explained="`helm.sh/resource-policy: keep` is on the live CRD",
        )
    many = f"{crd.resources} resources" if crd and crd.resources >= 0 else "every resource"
    unknown = "" if crd else " (whether the live one carries `keep` is not known)"
    return Item(
        subject=subject,
        expected=f"rendered, or `keep` on the live CRD; give {INSTALL_GATEWAY}=true",
        seen=f"leaves the release: Helm deletes it, and {many} of it{unknown}",
    )


def _own(release: HelmRelease) -> str:
    return f"{release.namespace}/{release.name}"


def _paths(settings: Iterable[Setting]) -> dict[str, str]:
    return {s.path: s.value for s in settings}
