"""The way back: after it the cluster is the source release's again, as it was before the hop.

What a real way back does (edge-25.10.7 to edge-25.4.4 by the old CLI): it works, the injection gap
is there a second time, and the old CLI's `check` fails on the newer stored values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from msgspec.structs import replace

from policies.controls.control_plane.availability import control_plane_rollouts
from policies.controls.control_plane.certificates import anchors_retained
from policies.controls.control_plane.webhooks import inject_target
from policies.controls.extensions.installed import images_at_destination
from policies.controls.preflight.configuration import retained
from policies.controls.preflight.images import control_plane_images
from policies.facts.cluster import ClusterFacts
from policies.facts.observations import Canary, CommandRun, Rendered, Sighting
from policies.releases.grammar import Version
from policies.skew.rule import never_more_than_one, no_proxy_ahead
from policies.verdicts.combining import combined
from policies.verdicts.findings import Item, Verdict, judged
from policies.verdicts.wording import number


def way_back_works(
    before: ClusterFacts,
    back: ClusterFacts,
    source: Version,
    *,
    commands: Sequence[CommandRun] = (),
    rendered: Rendered | None = None,
    sightings: Sequence[Sighting] = (),
    canaries: Sequence[Canary] = (),
    ignore_namespaces: Collection[str] = (),
    extensions: bool = False,
) -> Verdict:
    """Judge whether the control plane is the source's again, healthy and configured (RBK-01).

    Args:
        before: Before the control plane was upgraded.
        back: After the way back, before the way forth.
        source: The release that was gone back to.
        commands: Of the way back.
        rendered: What the source's CLI rendered for it; None with Helm.
        sightings: Versions that ran meanwhile.
        canaries: Until `back`.
        ignore_namespaces: The rehearsal's own: a source of the newer release asks on meanwhile,
            and is ahead on purpose.
        extensions: They were taken back as well, where they were of the source's release.
    """
    theirs = replace(
        back, pods=tuple(p for p in back.pods if p.namespace not in ignore_namespaces)
    )
    parts = (
        _ran(commands),
        control_plane_images(back, source),
        control_plane_rollouts(back),
        retained(before, back, source, rendered),
        anchors_retained(before, back),
        never_more_than_one(sightings, theirs),
        no_proxy_ahead(theirs),
        inject_target(canaries, source),
        *(_extensions(before, back, source) if extensions else ()),
    )
    return combined(
        parts,
        holds_as=f"The way back leads to {source}: images, rollouts, configuration and anchors "
        "are as before, no proxy is ahead, new pods are injected",
    )


def _extensions(before: ClusterFacts, back: ClusterFacts, source: Version) -> tuple[Verdict, ...]:
    """Return whether extensions are the source's again; nothing where they never were."""
    if images_at_destination(before, {}, source).status != "holds":
        return ()
    return (images_at_destination(back, {}, source),)


def _ran(commands: Sequence[CommandRun]) -> Verdict:
    return judged(
        _failed(commands),
        holds_as=f"{number(len(commands), 'command')} of the way back succeeded",
        violated_as="A command of the way back failed",
        expected="the old release renders from the newer stored values, and is applied",
        cause="the old release cannot read what the newer one stored, or the API refuses it",
        next_command="linkerd upgrade | kubectl apply --dry-run=server -f -",
    )


def _failed(commands: Sequence[CommandRun]) -> Iterator[Item]:
    for run in commands:
        if run.exit_code:
            said = (run.stderr_tail or run.stdout_tail).strip().splitlines()
            yield Item(
                subject=run.line,
                expected="exit code 0",
                seen=f"exit code {run.exit_code}" + (f": {said[-1]}" if said else ""),
            )
