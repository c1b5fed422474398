"""CustomResourceDefinitions: ready before the control plane, nothing stored lost, Gateway API."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from policies.facts.cluster import ClusterFacts, Crd
from policies.planning.path import Hop
from policies.releases import GatewayApi, catalogue
from policies.releases.versions import Version, logical_text
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.verdicts.wording import number

GATEWAY = "gateway.networking.k8s.io"
_ROUTES = (f"httproutes.{GATEWAY}", f"grpcroutes.{GATEWAY}")
_RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"


def ready_before_control_plane(facts: ClusterFacts, destination: Version) -> Verdict:
    """Judge whether the destination's CRDs serve its versions before its control plane is applied.

    Only CRDs that `linkerd upgrade --crds` installs by default count, and those of the Gateway API
    where Linkerd owns them: another owner's are PRE-05's, an extension's come with the extension.
    """
    if why := facts.cannot_read(_RESOURCE):
        return not_assessed(f"CRDs could not be read ({why})")
    wanted = catalogue().crds(destination)
    if not wanted:
        return not_assessed(f"which CRDs {destination} brings is not known")
    live = {c.name: c for c in facts.crds}
    always = catalogue().inventory(destination, "crds")
    names = {k.name for k in always.keys} if always else set[str]()
    items: list[Item] = []
    for crd in wanted:
        found = live.get(crd.name)
        if crd.name not in names and not (GATEWAY in crd.name and _linkerd_owns(found)):
            continue
        items += _unready(crd.name, crd.served, found)
    if facts.config is not None and facts.config.version == destination.text:
        items.append(
            Item(
                subject="ConfigMap linkerd-config",
                expected="still the source's: CRDs come first",
                seen=f"{destination} is applied already",
            )
        )
    return judged(
        items,
        holds_as=f"The CRDs of {destination} are established and serve its versions",
        violated_as=f"The CRDs of {destination} are not ready",
        expected="every CRD of the destination established, its versions served, before the "
        "control plane is applied",
        cause="`linkerd upgrade --crds` was left out or refused",
        next_command="linkerd upgrade --crds | kubectl apply -f -",
    )


def missing_crds(facts: ClusterFacts, destination: Version) -> tuple[str, ...] | None:
    """Return CRDs that `linkerd upgrade` asks for and that do not serve what this release wants.

    None: which it wants, or which there are, is not known.
    """
    wanted = catalogue().crds(destination)
    always = catalogue().inventory(destination, "crds")
    if facts.cannot_read(_RESOURCE) or not wanted or always is None:
        return None
    names = {*_ROUTES, *(k.name for k in always.keys)}
    live = {c.name: c for c in facts.crds}
    asked = (c for c in wanted if c.name in names)
    return tuple(c.name for c in asked if any(_unready(c.name, c.served, live.get(c.name))))


def _linkerd_owns(crd: Crd | None) -> bool:
    return crd is not None and crd.created_by != ""


def linkerds(crd: Crd) -> bool:
    """Whether `linkerd upgrade --crds` replaces a CRD: not where the Gateway API is another's."""
    return GATEWAY not in crd.name or _linkerd_owns(crd)


def _unready(name: str, versions: Sequence[str], found: Crd | None) -> Iterator[Item]:
    subject = f"CRD {name}"
    if found is None:
        yield Item(subject=subject, expected=", ".join(versions), seen="absent")
        return
    if not found.established:
        yield Item(subject=subject, expected="Established", seen="not established")
    missing = [v for v in versions if v not in found.served]
    if missing:
        yield Item(
            subject=subject,
            expected=f"{', '.join(missing)} served",
            seen=f"serves {', '.join(found.served) or 'nothing'}",
        )


def stored_versions_served(facts: ClusterFacts) -> Verdict:
    """Judge whether every version that objects may be stored in is still served (CRD-02)."""
    if why := facts.cannot_read(_RESOURCE):
        return not_assessed(f"CRDs could not be read ({why})")
    if not facts.crds:
        return not_assessed("no CRD of Linkerd or the Gateway API was found")
    return judged(
        [
            Item(
                subject=f"CRD {crd.name}",
                expected=f"stored versions {', '.join(crd.stored)} served",
                seen=f"{', '.join(lost)} not served",
            )
            for crd in facts.crds
            if (lost := [v for v in crd.stored if v not in crd.served])
        ],
        holds_as=f"Every stored version of {number(len(facts.crds), 'CRD')} is served",
        violated_as="Objects may be stored in versions that are no longer served",
        expected="status.storedVersions among the served versions",
        cause="the new CRD dropped a version before stored objects were migrated",
        next_command="kubectl get crd -o custom-columns="
        "NAME:.metadata.name,STORED:.status.storedVersions",
    )


def served_as_before(first: ClusterFacts, facts: ClusterFacts, destination: Version) -> Verdict:
    """Judge whether stored versions are served, and no CRD of the baseline is lost (CRD-02).

    Lost is one that is gone, was made anew (all its objects went with it), is not established any
    more, or no longer serves what it did. A version that the destination's own CRD does not serve
    is dropped by the release: explained.

    Args:
        first: Facts of the baseline.
        facts: Now.
        destination: The release that the CRDs are of now.
    """
    return combined(
        [stored_versions_served(facts), _kept_as_before(first, facts, destination)],
        holds_as=f"Stored versions are served, and all {number(len(first.crds), 'CRD')} of the "
        "baseline are there as they were",
    )


def _kept_as_before(first: ClusterFacts, facts: ClusterFacts, destination: Version) -> Verdict:
    if why := first.cannot_read(_RESOURCE) or facts.cannot_read(_RESOURCE):
        return not_assessed(f"CRDs could not be read ({why})")
    live = {c.name: c for c in facts.crds}
    dropped = {c.name: c.served for c in catalogue().crds(destination)}
    return judged(
        [i for c in first.crds for i in _changed(c, live.get(c.name), dropped.get(c.name))],
        holds_as="No CRD of the baseline went, was made anew or serves less",
        violated_as="CRDs of the baseline are not what they were",
        expected="every CRD of the baseline: the same UID, established, its versions served",
        cause="somebody else manages CRDs: a chart's value that drops them, a GitOps tool that "
        "replaces them, a bundle applied over them",
        next_command="kubectl get crd --show-managed-fields -o yaml",
    )


def _changed(was: Crd, now: Crd | None, wanted: Sequence[str] | None) -> Iterator[Item]:
    """Yield what a CRD lost; `wanted` is what the destination's own serves, where it has one."""
    subject = f"CRD {was.name}"
    if now is None:
        yield Item(subject=subject, expected="there", seen="gone, and every object of it")
        return
    if now.uid != was.uid:
        seen = f"uid {now.uid}: deleted and made anew, and every object of it went"
        yield Item(subject=subject, expected=f"uid {was.uid}", seen=seen)
    if was.established and not now.established:
        yield Item(subject=subject, expected="Established", seen="not established any more")
    lost = [v for v in was.served if v not in now.served]
    if lost:
        ours = wanted is not None and not set(lost) & set(wanted)
        yield Item(
            subject=subject,
            expected=f"{', '.join(lost)} served as before",
            seen=f"serves {', '.join(now.served) or 'nothing'}",
            explained="the destination's own CRD does not serve it any more" if ours else "",
        )


def resources_decode(
    before: ClusterFacts, after: ClusterFacts, *, undecodable: Sequence[str] | None = None
) -> Verdict:
    """Judge whether custom resources are all still there, and decode (CRD-03).

    Args:
        before: Facts before the CRDs changed.
        after: Facts after.
        undecodable: Resources the new schema refuses; None when no real schema was at hand, which
            leaves the control not assessed where resources exist whose CRD changed its versions.
    """
    if why := before.cannot_read(_RESOURCE) or after.cannot_read(_RESOURCE):
        return not_assessed(f"CRDs could not be read ({why})")
    live = {c.name: c for c in after.crds}
    items = [i for crd in before.crds if (i := _lost(crd, live.get(crd.name))) is not None]
    items += [
        Item(subject=name, expected="decodes", seen="refused by the new schema")
        for name in undecodable or ()
    ]
    counted = [c for c in before.crds if c.resources >= 0]
    total = sum(c.resources for c in counted)
    if not items and undecodable is None and total:
        return not_assessed(
            f"{_kept(total)}; whether they decode needs the real "
            "schemas of the destination's `linkerd upgrade --crds`"
        )
    uncounted = [c.name for c in before.crds if c.resources < 0]
    if not items and not total and (uncounted or not counted):
        return not_assessed(
            f"custom resources were not counted: {', '.join(uncounted) or 'no CRD'}"
        )
    if not items and not total:
        return not_applicable("there was no custom resource before the step")
    return judged(
        items,
        holds_as=_kept(total),
        violated_as="Custom resources were lost or do not decode",
        expected="as many custom resources as before, each accepted by the new schema",
        cause="a CRD was deleted and made again, or its schema became stricter",
        next_command="kubectl get crd",
    )


def _kept(total: int) -> str:
    return (
        "1 custom resource is still there"
        if total == 1
        else (f"{total} custom resources are all still there")
    )


def _lost(crd: Crd, now: Crd | None) -> Item | None:
    if crd.resources <= 0:
        return None
    subject, expected = f"CRD {crd.name}", f"{crd.resources} resources"
    if now is None:
        return Item(subject=subject, expected=expected, seen="the CRD is gone, and all with it")
    if now.uid != crd.uid:
        return Item(subject=subject, expected=expected, seen="the CRD was deleted and made again")
    if 0 <= now.resources < crd.resources:
        return Item(subject=subject, expected=expected, seen=f"{now.resources}")
    return None


def gateway_api(facts: ClusterFacts, hop: Hop) -> Verdict:
    """Judge the Gateway API CRDs: present, of a version the target works with, with one owner.

    Each kind that the policy controller watches is asked for. Where Linkerd owns them it brings
    its own bundle, which it works with whatever the documented range says. Another owner's must be
    inside that range and serve what the controllers watch.
    """
    if why := facts.cannot_read(_RESOURCE):
        return not_assessed(f"CRDs could not be read ({why})")
    end = hop.destination
    known = logical_text(end)
    wanted = catalogue().gateway_api(known)
    if wanted is None:
        return not_assessed(f"which Gateway API {hop.destination} works with is not known")
    found = [c for c in facts.crds if c.name in _ROUTES]
    mandatory = "v1" in wanted.versions
    if not found and not mandatory:
        return not_applicable(f"there are no Gateway API CRDs, and {hop.destination} needs none")
    items = [*_owners(found), *(i for crd in found for i in _bundle(crd, wanted))]
    if mandatory:
        items += _absent({c.name for c in found}, wanted)
    seen = ", ".join(f"{c.name.partition('.')[0]} {c.bundle_version or '?'}" for c in found)
    return judged(
        items,
        holds_as=f"Gateway API CRDs are usable by {hop.destination} ({seen})",
        violated_as=f"The Gateway API CRDs are not what {hop.destination} needs",
        expected=f"bundle {_range(wanted)}, {' and '.join(wanted.versions)} served, one owner",
        cause="Gateway API CRDs are mandatory from 2.18 on and no longer installed by default; a "
        "hand-over to another owner may be incomplete",
        next_command="kubectl get crd httproutes.gateway.networking.k8s.io -o yaml",
    )


def _absent(found: Collection[str], wanted: GatewayApi) -> Iterator[Item]:
    """Yield each kind that the policy controller watches and that nothing defines."""
    for name in _ROUTES:
        if name not in found:
            seen = "absent: `linkerd upgrade --crds` refuses, Helm does not"
            yield Item(subject=f"CRD {name}", expected=_range(wanted), seen=seen)


def _range(wanted: GatewayApi) -> str:
    return f"{wanted.minimum} to {wanted.maximum}"


def _owners(found: Sequence[Crd]) -> Iterator[Item]:
    owners = {c.name: "Linkerd" if c.created_by else "another" for c in found}
    if len(set(owners.values())) > 1:
        seen = ", ".join(f"{name.partition('.')[0]}: {who}" for name, who in owners.items())
        yield Item(subject="Gateway API CRDs", expected="one owner", seen=seen)


def _bundle(crd: Crd, wanted: GatewayApi) -> Iterator[Item]:
    subject, bundle = f"CRD {crd.name}", numbers(crd.bundle_version)
    if crd.created_by:
        if bundle and bundle > numbers(wanted.shipped):
            yield Item(
                subject=subject,
                expected=f"Linkerd's own bundle, at most {wanted.shipped}",
                seen=f"{crd.bundle_version}, yet marked as {crd.created_by}'s: the next upgrade "
                "puts the older bundle back",
            )
        return
    missing = [v for v in wanted.versions if v not in crd.served]
    if missing and "v1" in wanted.versions:
        seen = f"serves {', '.join(crd.served)}"
        yield Item(subject=subject, expected=f"{', '.join(missing)} served", seen=seen)
    if not bundle:
        yield Item(
            subject=subject,
            expected=_range(wanted),
            seen="no bundle version in its annotations: not known",
        )
    elif not numbers(wanted.minimum) <= bundle <= numbers(wanted.maximum):
        yield Item(subject=subject, expected=_range(wanted), seen=crd.bundle_version)


def numbers(version: str) -> tuple[int, ...]:
    """Return `v1.2.1-dev` as (1, 2, 1); empty when it is not a version."""
    parts = version.removeprefix("v").partition("-")[0].split(".")
    return tuple(int(p) for p in parts) if all(p.isdecimal() for p in parts) else ()
