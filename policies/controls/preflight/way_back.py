"""The way back, foreseen before a hop by facts: what it needs, and what it will meet.

On the way back CRDs stay the destination's, and the old client reads the stored overrides alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from policies.controls.control_plane.crds import linkerds
from policies.facts.cluster import ClusterFacts, LinkerdConfig
from policies.facts.observations import Rendered
from policies.planning.path import Hop
from policies.releases import catalogue
from policies.skew.ownership import Keeper
from policies.verdicts.findings import Item, Verdict, judged, not_assessed

_KINDS = {bool: "a boolean", int: "a number", float: "a number", str: "a text"}


def way_back(
    facts: ClusterFacts,
    hop: Hop,
    kept: Keeper | None = None,
    *,
    rendered: Rendered | None = None,
    certificates: Verdict | None = None,
) -> Verdict:
    """Judge by facts alone whether there will be a way back from each step of a hop (PRE-12).

    Stored values and the source release are there, its control plane finds what it reads in the
    destination's CRDs, and certificates outlast it.

    Args:
        facts: Before the hop.
        hop: Its source is where the way back leads.
        kept: Whose upgrade it is, where that is neither the CLI's nor Helm's.
        rendered: What the destination would store; without it its values are not compared.
        certificates: Whether they outlast the rehearsal (PRE-06).
    """
    config = facts.config
    if config is None:
        why = facts.cannot_read("configmaps") or "ConfigMap linkerd-config is absent"
        return not_assessed(f"the configuration could not be read ({why})")
    if config.overrides_present is None and not config.helm_releases:
        why = facts.cannot_read("secrets") or "Secrets were not read"
        return not_assessed(f"whether stored values exist is not known ({why})")
    items: list[Item] = []
    if kept is not None:
        items.append(
            Item(
                subject="stored values",
                expected="linkerd-config-overrides or Helm's release Secrets",
                seen="neither",
                explained=f"the way back is {kept.tool}'s, by what it rendered before",
            )
        )
    elif not config.overrides_present and not config.helm_releases:
        items.append(
            Item(
                subject="stored values",
                expected="linkerd-config-overrides or Helm's release Secrets",
                seen="neither",
            )
        )
    if config.version != hop.source.text:
        items.append(
            Item(
                subject="ConfigMap linkerd-config",
                expected=f"{hop.source}, where the way back leads",
                seen=config.version or "no version",
            )
        )
    items += [*_source(hop), *_crds(facts, hop), *_values(config, hop, rendered)]
    items += certificates.violations if certificates is not None else ()
    return judged(
        items,
        holds_as=f"There is a way back to {hop.source}: stored values, the release itself, and "
        "what it reads in the CRDs to come",
        violated_as=f"There is no way back to {hop.source}",
        expected="stored values, a source release that can be rendered again and reads what the "
        "destination's CRDs serve, certificates that outlast it",
        cause="the installation cannot be rendered again as it is now, or would not run on what "
        "the hop leaves",
        next_command="kubectl -n linkerd get secret linkerd-config-overrides -o yaml",
    )


def _source(hop: Hop) -> Iterator[Item]:
    if not hop.source.known:
        yield Item(
            subject=f"release {hop.source}",
            expected="a release that can be had again",
            seen="not a version of a known channel",
        )
        return
    release = catalogue().release(hop.source)
    if release is not None and release.advice is not None and release.advice.against:
        yield Item(
            subject=f"release {hop.source}",
            expected="a release to go back to",
            seen=f"advised against: {release.advice.why}",
            explained="it runs now; a way back to it is a way back to its faults",
        )


def _crds(facts: ClusterFacts, hop: Hop) -> Iterator[Item]:
    """Yield what the source's control plane would miss, and what its own CRDs could not take."""
    reads = {c.name: c for c in catalogue().crds(hop.source)}
    come = {c.name: c for c in catalogue().crds(hop.destination)}
    for crd in facts.crds:
        old, new = reads.get(crd.name), come.get(crd.name)
        if old is None or new is None or not linkerds(crd):
            continue
        if old.storage not in new.served:
            yield Item(
                subject=f"CRD {crd.name}",
                expected=f"{old.storage} served, which {hop.source} reads",
                seen=f"{hop.destination} serves {', '.join(new.served) or 'nothing'}",
            )
        elif new.storage not in old.served:
            yield Item(
                subject=f"CRD {crd.name}",
                expected=f"stored as {hop.source} has it, {old.storage}",
                seen=f"{hop.destination} stores {new.storage}",
                explained=f"CRDs stay on the way back: those of {hop.source} would be refused as "
                "soon as an object is stored so",
            )


def _values(config: LinkerdConfig, hop: Hop, rendered: Rendered | None) -> Iterator[Item]:
    """Yield values of which the destination stores another type than the source reads."""
    wanted = dict(rendered.values) if rendered is not None else {}
    for setting in config.values:
        was, now = _kind(setting.value), _kind(wanted.get(setting.path, ""))
        if was and now and was != now:
            yield Item(
                subject=f"value {setting.path}",
                expected=f"{was}, as {hop.source} reads it",
                seen=f"{hop.destination} stores {now}",
                explained=f"`linkerd check` of {hop.source} cannot decode it on the way back; its "
                "`upgrade` reads the stored overrides alone, Helm a revision of its own",
            )


def _kind(text: str) -> str:
    """Return what kind of scalar a JSON text is; empty for anything else, and for null."""
    try:
        return _KINDS.get(type(msgspec.json.decode(text)), "") if text else ""
    except msgspec.DecodeError:
        return ""  # a digest in the place of a certificate
