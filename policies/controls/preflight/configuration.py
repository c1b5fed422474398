"""Configuration: who owns the installation, and whether its values were retained.

Two stores matter: ConfigMap `linkerd-config` holds the values in force, Secret
`linkerd-config-overrides` what differs from the defaults (CLI installations only). The overrides
are known by digests; their effect is read from the values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from policies.controls.prune import pruning
from policies.facts.base import ObjectKey
from policies.facts.cluster import ClusterFacts, LinkerdConfig, Setting
from policies.facts.observations import Rendered
from policies.planning.advisories import AdvisoryResult
from policies.releases.grammar import Version
from policies.skew.ownership import (
    BY_CHARTS,
    Keeper,
    damaged_releases,
    keeper,
    release_secrets,
)
from policies.verdicts.findings import Item, Verdict, holds, judged, not_applicable, not_assessed
from policies.verdicts.wording import number, verb

_ISSUER = ("identity.issuer.tls.crtPEM", "identity.issuer.tls.keyPEM")
_ANCHORS = "identityTrustAnchorsPEM"
_OWN_VERSION = frozenset({"linkerdVersion", "cliVersion"})
_IMAGE_VERSION = ".image.version"


def one_owner(facts: ClusterFacts) -> Verdict:
    """Judge whether CLI or Helm, one of them, owns it, with complete stored values (PRE-07)."""
    config = facts.config
    if config is None:
        if why := facts.cannot_read("configmaps"):
            return not_assessed(f"ConfigMap linkerd-config could not be read ({why})")
        items = [Item(subject="ConfigMap linkerd-config", expected="present", seen="absent")]
    elif config.overrides_present is None:
        why = facts.cannot_read("secrets") or "Secrets were not read"
        return not_assessed(f"whether the CLI's stored values exist is not known ({why})")
    elif (kept := keeper(facts)) is not None:
        return _kept(facts, kept)
    elif why := damaged_releases(facts):
        return not_assessed(f"Helm owns the installation, and {why}")
    else:
        items = [*_stores(facts, config), *_marks(facts, by_charts=bool(release_secrets(facts)))]
    owner = "Helm" if config and release_secrets(facts) else "The CLI"
    return judged(
        items,
        holds_as=f"{owner} owns the installation, its stored values are complete",
        violated_as="The installation does not have exactly one owner with complete values",
        expected="either Secret linkerd-config-overrides (CLI) or Helm's release Secrets, and the "
        "same owner on every object",
        cause="a change of the installation method that left the other's traces",
        next_command="kubectl -n linkerd get secrets; helm -n linkerd list",
    )


def _kept(facts: ClusterFacts, kept: Keeper) -> Verdict:
    """Judge an installation that somebody else's tool renders: it needs no stored values."""
    if not kept.known:
        return not_assessed(f"who can upgrade the installation is not known: {kept.why}")
    needless = Item(
        subject="stored values",
        expected="linkerd-config-overrides or releases of Linkerd's own charts",
        seen="neither",
        explained=kept.sentence,
    )
    by_charts = facts.config is not None and facts.config.created_by.startswith(BY_CHARTS)
    return judged(
        [needless, *_marks(facts, by_charts=by_charts, kept=True)],
        holds_as=kept.sentence,
        violated_as="Linkerd's objects carry the marks of two tools",
        expected=f"the same mark on every object that {kept.tool} renders",
        cause="a command of the CLI's or of Helm's that was run beside it",
        next_command="kubectl -n linkerd get deployments -o yaml | grep created-by",
    )


def _stores(facts: ClusterFacts, config: LinkerdConfig) -> Iterator[Item]:
    releases = release_secrets(facts)
    if config.overrides_present and releases:
        yield Item(
            subject="stored values",
            expected="one store",
            seen=f"linkerd-config-overrides and {', '.join(releases)}: `linkerd "
            "upgrade` would succeed with stale values",
        )
    elif not config.overrides_present and not releases:
        yield Item(
            subject="stored values",
            expected="linkerd-config-overrides or Helm's release Secrets",
            seen="neither: no tool can upgrade this installation",
        )
    if config.overrides_present:
        yield from _incomplete(config)


def _incomplete(config: LinkerdConfig) -> Iterator[Item]:
    stored = {s.path for s in config.overrides or ()}
    external = config.value("identity.issuer.scheme") == '"kubernetes.io/tls"'
    if external and stored & set(_ISSUER):
        yield Item(
            subject="Secret linkerd-config-overrides",
            expected="no issuer certificate beside scheme kubernetes.io/tls",
            seen=f"{', '.join(sorted(stored & set(_ISSUER)))}: `linkerd upgrade` refuses both",
        )
    needed = () if external else _ISSUER
    if config.value("identity.externalCA") != "true":
        needed = (*needed, _ANCHORS)
    missing = [path for path in needed if path not in stored]
    if missing:
        yield Item(
            subject="Secret linkerd-config-overrides",
            expected=f"holds {', '.join(needed)}",
            seen=f"lacks {', '.join(missing)}",
        )


def _marks(facts: ClusterFacts, *, by_charts: bool, kept: bool = False) -> Iterator[Item]:
    """Yield objects marked by the tool that does not own the installation.

    Helm adopts an object by its annotations alone: one of a CLI installation that carries them
    goes with `helm uninstall`, and is refused by no one.

    Args:
        facts: Of the cluster.
        by_charts: Linkerd's Helm charts were rendered, and not the CLI's manifests.
        kept: Somebody else's tool owns it, which may leave objects to a release of Helm's.
    """
    other = "linkerd/cli " if by_charts else "linkerd/helm "

    def foreign(subject: str, created_by: str, release: str) -> Iterator[Item]:
        seen = created_by if created_by.startswith(other) else ""
        if release and not by_charts and not kept:
            seen = f"Helm's annotations, of release {release}"
        if seen:
            yield Item(subject=subject, expected="the owner's mark", seen=seen)

    told = set[ObjectKey]()
    for w in facts.workloads:
        if w.component and w.namespace == facts.control_plane_namespace:
            told.add(ObjectKey(kind=w.kind, namespace=w.namespace, name=w.name))
            yield from foreign(w.key, w.created_by, w.helm_release)
    for crd in facts.crds:
        if crd.control_plane:
            release = crd.helm_release or ("unknown" if crd.helm_owned else "")
            yield from foreign(f"CRD {crd.name}", crd.created_by, release)
    for one in facts.objects:
        key = replace(one.key, group="")
        core = one.control_plane and not one.extension and one.key in pruning.ever_rendered()
        if core and key.kind != "CustomResourceDefinition" and key not in told:
            yield from foreign(str(one.key), one.created_by, one.helm_release)


def retained(
    before: ClusterFacts,
    after: ClusterFacts,
    destination: Version,
    rendered: Rendered | None = None,
) -> Verdict:
    """Judge whether the configuration kept its identity and the user's values (CP-03).

    Values that changed without being an override are explained where the destination's render
    has them so. An override that is no longer stored is explained where it equals the new default.

    Args:
        before: Facts before the control plane step.
        after: Facts after it.
        destination: The release the configuration must name.
        rendered: What `linkerd upgrade` rendered; None leaves changed defaults unproven, which
            their explanation says.
    """
    old, new = before.config, after.config
    for facts in (before, after):
        if facts.config is None and (why := facts.cannot_read("configmaps")):
            return not_assessed(f"ConfigMap linkerd-config could not be read ({why})")
    if old is None:
        return not_assessed("there was no configuration before the step to compare with")
    if new is None:
        items = [Item(subject="ConfigMap linkerd-config", expected="present", seen="gone")]
    else:
        items = [
            *_identity(old, new, destination),
            *_overrides(old, new),
            *_values(old, new, rendered),
        ]
    explained = sum(1 for i in items if i.explained)
    return judged(
        items,
        holds_as=f"The configuration was retained and names {destination}; "
        f"{number(explained, 'value')} {verb(explained, 'follows', 'follow')} the destination's "
        "defaults",
        includes=True,
        violated_as="The configuration was not retained",
        expected=f"the same ConfigMap, linkerdVersion {destination}, every stored override in "
        "force, every other change a default of the destination",
        cause="values were given or lost at the upgrade, or the configuration was edited by hand",
        next_command="kubectl -n linkerd get configmap linkerd-config -o yaml",
    )


def _identity(old: LinkerdConfig, new: LinkerdConfig, destination: Version) -> Iterator[Item]:
    if old.uid != new.uid:
        yield Item(
            subject="ConfigMap linkerd-config",
            expected=f"uid {old.uid}",
            seen=f"uid {new.uid}: deleted and made again",
        )
    if new.version != destination.text:
        yield Item(
            subject="value linkerdVersion", expected=destination.text, seen=new.version or "absent"
        )


def _overrides(old: LinkerdConfig, new: LinkerdConfig) -> Iterator[Item]:
    """Yield what the user set and is not stored any more, or not in force."""
    was, now = _paths(old.values), _paths(new.values)
    stored, still = _paths(old.overrides or ()), _paths(new.overrides or ())
    if old.overrides_present and new.overrides_present is False:
        yield Item(subject="Secret linkerd-config-overrides", expected="present", seen="gone")
        return
    for path, value in stored.items():
        if path in was and not _same(was[path], now.get(path, "")):
            yield Item(
                subject=f"value {path}",
                expected=f"{was[path]}, as stored",
                seen=now.get(path, "absent"),
            )
        elif new.overrides is not None and path not in still:
            yield Item(
                subject=f"override {path}",
                expected="stored",
                seen="no longer stored",
                explained="equals the destination's default, so the CLI need not store it"
                if path in now
                else "",
            )
        elif path in still and still[path] != value and not _respelled(path, still, now):
            yield Item(subject=f"override {path}", expected="as stored", seen="another value")
    if new.overrides is not None and old.overrides is not None:
        for path in still.keys() - stored.keys():
            yield Item(subject=f"override {path}", expected="not stored", seen="stored anew")


def _respelled(path: str, stored: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Return whether the stored digest is of the value in force, in its new type ("1", 1)."""
    return (
        path in now and stored[path] == "sha256:" + hashlib.sha256(now[path].encode()).hexdigest()
    )


def _values(old: LinkerdConfig, new: LinkerdConfig, rendered: Rendered | None) -> Iterator[Item]:
    """Yield every other value that changed, and whether the destination's render explains it."""
    was, now = _paths(old.values), _paths(new.values)
    wanted = dict(rendered.values) if rendered and rendered.values else None
    stored = {s.path for s in old.overrides or ()}
    for path in sorted(was.keys() | now.keys()):
        before, after = was.get(path), now.get(path)
        rendered_so = wanted is None or _same(wanted.get(path) or "", after or "")
        if path in stored or path in _OWN_VERSION:
            continue
        if before is not None and after is not None and _same(before, after) and rendered_so:
            continue
        expected = before if wanted is None else wanted.get(path)
        if path == _ANCHORS:
            why = ""
        elif wanted is None:
            why = "a default of the destination, not compared with its render"
        else:
            why = "as the target renders it" if rendered_so else ""
        yield Item(
            subject=f"value {path}",
            expected=expected if expected is not None else "absent",
            seen=f"{_shown(before)} -> {_shown(after)}",
            explained=why,
        )


def _paths(settings: Iterable[Setting]) -> dict[str, str]:
    return {s.path: s.value for s in settings}


def _same(a: str, b: str) -> bool:
    """Compare as values, however spelled: 1 and "1" are the same, since releases change types."""
    return a == b or _plain(a) == _plain(b)


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """Return JSON text in one spelling, scalars without their type; other text as it is."""
    try:
        value: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value, order="deterministic").decode()


def _shown(value: str | None) -> str:
    if value is None:
        return "absent"
    return value if len(value) <= 60 else f"{value[:57]}..."


_INFORMATION = {"O": "for observability only", "I": "for information only"}


def defaults_acknowledged(
    results: Iterable[AdvisoryResult], acknowledged: Collection[str]
) -> Verdict:
    """Judge whether every advisory that concerns the hop is acknowledged in the scenario (PRE-08).

    What only informs, or changes nothing but metrics and logs, is explained.

    Args:
        results: Advisories of the hop, asked of the facts.
        acknowledged: Ids a person has read and accepted.
    """
    asked = list(results)
    relevant = [r for r in asked if r.applies is not False]
    if not asked:
        return not_applicable("no release note is known between the releases of this hop")
    if not relevant:
        return holds(f"None of {number(len(asked), 'advisory', 'advisories')} concerns this hop")
    items = [_advisory(r, acknowledged) for r in relevant]
    open_ = [i.subject.split()[1].rstrip(":") for i in items if not i.explained]
    return judged(
        items,
        holds_as="Every advisory that concerns the hop is acknowledged, or only informs",
        includes=True,
        violated_as=f"{len(open_)} {'advisory' if len(open_) == 1 else 'advisories'} of the hop "
        f"{'is' if len(open_) == 1 else 'are'} not acknowledged",
        expected="every advisory that applies, or must be read, listed under `acknowledged` in "
        "the scenario",
        cause="the release changes a default or asks for a step of its own",
        next_command="read each one, then run again with --acknowledge " + ",".join(open_),
    )


def _advisory(result: AdvisoryResult, acknowledged: Collection[str]) -> Item:
    explained = _INFORMATION.get(result.advisory.severity, "")
    if result.id in acknowledged:
        explained = "acknowledged in the scenario"
    return Item(
        subject=f"advisory {result.id}: {result.title}",
        expected="acknowledged",
        seen=f"{result.state}: {result.seen}",
        explained=explained,
    )
