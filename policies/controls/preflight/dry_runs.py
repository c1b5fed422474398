"""What can be known before a hop: dry runs, admission."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from policies.controls.control_plane.crds import missing_crds
from policies.facts.cluster import ClusterFacts, Workload
from policies.facts.observations import DryRun
from policies.releases.grammar import Version
from policies.skew.planes import GROUPS, WORKLOADS, meshed_workloads, no_data_plane, not_seen
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.verdicts.wording import number
from policies.workloads.replacing import old_goes_first

_WORDLESS = {True: "refused, no reason given", False: "not rendered, no reason given"}
_ROUNDING = 1e-9
"""Amounts are sums of fractions: 1.9 + 0.1 may be a little more than 2."""


def dry_run_accepted(
    runs: Sequence[DryRun],
    facts: ClusterFacts | None = None,
    destination: Version | None = None,
) -> Verdict:
    """Judge whether the client renders, and the API server accepts, every manifest (PRE-09).

    A client that asks for CRDs, where some are not there, waits for a step to come or for what
    PRE-05 judges: that is explained. Any other refusal to render is a violation.

    Args:
        runs: One for each render.
        facts: Their CRDs; without them no refusal is explained.
        destination: The release that renders.
    """
    tried = [r.what for r in runs if r.rendered]
    waiting = {r.what: why for r in runs if (why := _waits_for_crds(r, facts, destination))}
    items = [
        msgspec.structs.replace(item, explained=waiting.get(run.what, ""))
        for run in runs
        for item in _refused([run])
    ]
    if not tried and not any(not i.explained for i in items):
        words = "".join(f"; {i.subject}: {i.seen}" for i in items)
        return not_assessed(
            f"no manifest was rendered and tried, so nothing is known of it{words}"
        )
    no_render = any(not r.rendered and r.what not in waiting for r in runs)
    return judged(
        items,
        holds_as=f"The API server accepts {', '.join(tried)} in a dry run",
        violated_as="The client does not render the hop"
        if no_render
        else "The API server refuses manifests of the hop",
        expected="every manifest rendered, and every object accepted by a server-side dry run",
        cause="what the client says of the stored values, the certificates or the cluster"
        if no_render
        else "an admission policy, a schema that became stricter, an object that is too large, "
        "or CRDs that are not there yet",
        next_command="linkerd upgrade | kubectl apply --dry-run=server -f -",
    )


def _waits_for_crds(run: DryRun, facts: ClusterFacts | None, destination: Version | None) -> str:
    """Return why a client that refuses to render will once its CRDs are there; else empty."""
    if run.rendered or not any("CRD" in words for _, words in run.refusals):
        return ""
    if facts is None or destination is None:
        return ""
    missing = missing_crds(facts, destination)
    if missing is None:
        return "it asks for CRDs, and which are missing is not known"
    return f"it asks for CRDs that are not there yet: {', '.join(missing)}" if missing else ""


def pods_admissible(
    runs: Sequence[DryRun],
    facts: ClusterFacts | None = None,
    elsewhere: Collection[str] = (),
) -> Verdict:
    """Judge whether a pod of every meshed workload would be admitted, its proxy included (PRE-10).

    A quota that is full is no obstacle where the old pod goes first and frees what the new one
    asks for: that is explained. So is a pod that would come without a proxy because its template
    or namespace says `disabled`; any other has left the mesh without anybody's saying so, and the
    restart will show it.

    Args:
        runs: One for each workload.
        facts: Their workloads say how pods are replaced; without them no quota is forgiven.
        elsewhere: Who else decides about pods on the real cluster, and is not asked here.
    """
    if not runs:
        return _none_tried(facts)
    workloads = {w.key: w for w in facts.workloads} if facts else {}
    left = [
        _leaves(run, workloads.get(run.what), facts, elsewhere) for run in runs if run.unmeshed
    ]
    return judged(
        [
            *(
                Item(
                    subject=item.subject,
                    expected=item.expected,
                    seen=item.seen,
                    explained=_makes_room(run, workloads.get(run.what)),
                )
                for run in runs
                for item in _refused([run])
            ),
            *left,
        ],
        holds_as=f"A pod of each of {number(len(runs), 'workload')} would be "
        "admitted, proxy included",
        violated_as="Injected pods would be refused, or come without a proxy"
        if any(not i.explained for i in left)
        else "Injected pods would be refused",
        expected="a dry-run pod admitted for every meshed workload",
        cause="pod security level, quota or an admission policy of the namespace: the restart "
        "would stand still with no new pod"
        if any(not run.accepted for run in runs)
        else "an annotation that went, a pod that the injector skips, or a selector of its "
        "webhook: pods lose their proxy as they are restarted",
        next_command="kubectl get events --all-namespaces --field-selector reason=FailedCreate",
    )


def _leaves(
    run: DryRun, workload: Workload | None, facts: ClusterFacts | None, elsewhere: Collection[str]
) -> Item:
    space = run.what.partition(" ")[2].partition("/")[0]
    namespaces = {n.name: n.inject for n in facts.namespaces} if facts else {}
    said = (workload.inject if workload else "") or namespaces.get(space, "")
    explained = ""
    if said == "disabled":
        explained = "its template or namespace says linkerd.io/inject: disabled"
    elif elsewhere:
        explained = f"{', '.join(sorted(elsewhere))} would be asked as well, and may ask for it"
    return Item(
        subject=run.what,
        expected="a proxy, as its pods have now",
        seen="its next pod comes without one",
        explained=explained,
    )


def _none_tried(facts: ClusterFacts | None) -> Verdict:
    """Tell why no pod was tried: none is meshed, or none could be tried."""
    if facts is None:
        return not_assessed("no pod was tried: no meshed workload, or no right to create one")
    if why := not_seen(facts, "namespaces", "jobs.batch", *WORKLOADS):
        return not_assessed(f"no pod was tried, and workloads could not be read ({why})")
    if no_data_plane(facts) and not meshed_workloads(facts, kinds=GROUPS):
        return not_applicable("no workload asks for a proxy")
    return not_assessed("no pod of a meshed workload was tried: no right to create one")


def _makes_room(run: DryRun, workload: Workload | None) -> str:
    """Return why a quota that refuses one more pod lets the restart through; else empty."""
    kind = run.what.partition(" ")[0]
    by_deletion = kind in ("ReplicaSet", "ReplicationController")
    first = old_goes_first(workload) if workload else by_deletion
    freed = dict(run.freed)
    fits = all(
        o.used - freed.get(o.resource, 0.0) + o.requested <= o.limited * (1 + _ROUNDING)
        for o in run.over
    )
    if not (run.over and first and fits):
        return ""
    return f"quota {run.over[0].quota} is full, but an old pod goes first and makes the room"


def _refused(runs: Sequence[DryRun]) -> Iterator[Item]:
    for run in runs:
        if run.accepted:
            continue
        for subject, reason in run.refusals or ((run.what, _WORDLESS[run.rendered]),):
            yield Item(subject=subject, expected="accepted", seen=reason)
