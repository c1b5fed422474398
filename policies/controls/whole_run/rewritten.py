"""Who goes on writing the control plane's objects once the upgrade is done.

A render that makes certificates anew, repeated by a GitOps tool, leaves everything valid at each
look and injection broken in between. What changed, and who changed it, says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.controls.prune import pruning
from policies.facts.observations import Written
from policies.verdicts.findings import Item, Verdict, judged, not_assessed
from policies.verdicts.wording import number


def left_alone(then: Sequence[Written], now: Sequence[Written]) -> Verdict:
    """Judge whether nobody wrote an object of Linkerd's since the upgrade (VER-02).

    Args:
        then: Once what the new release no longer renders was pruned.
        now: After the soak.
    """
    if not then or not now:
        return not_assessed("who wrote the control plane's objects was not looked at twice")
    return judged(
        _rewritten(then, now),
        holds_as=f"Nobody wrote {number(len(now), 'object')} of the control plane since the "
        "upgrade",
        violated_as="Somebody goes on writing objects of the control plane",
        expected="the objects as they were once the upgrade was done",
        cause="a GitOps tool or a pipeline that renders anew, and with it certificates and the "
        "checksums of them",
        next_command="kubectl -n linkerd get secrets,configmaps --show-managed-fields -o yaml",
    )


def _rewritten(then: Sequence[Written], now: Sequence[Written]) -> Iterator[Item]:
    versions = {w.key: w.version for w in then}
    for one in now:
        was = versions.get(one.key)
        if was is None or was == one.version or one.key not in pruning.ever_rendered():
            continue
        by = f" by {one.manager}" if one.manager else ""
        at = f" at {one.at:%H:%M:%S}Z" if one.at else ""
        yield Item(
            subject=str(one.key),
            expected="unchanged",
            seen=f"written{by}{at}",
            explained=f"{one.keeper} keeps a part of it" if one.keeper else "",
        )
