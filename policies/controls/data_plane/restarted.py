"""Which workloads the restart of the data plane is for."""

from __future__ import annotations

from policies.controls.data_plane.injection import expected_set
from policies.facts.cluster import ClusterFacts
from policies.workloads.renewal import rolls

Named = tuple[str, str, str]
"""(kind, namespace, name)."""


def workloads_to_restart(facts: ClusterFacts) -> tuple[Named, ...]:
    """Return owners of pods that have a proxy, or should have one, ordered by namespace and name.

    Left out are those that a restart does nothing for: paused, renewed by deletion only, gone, or
    held back by a partition in all their pods.
    """
    should, is_made_anew = expected_set(facts), rolls(facts)
    owners = {
        (p.owner_kind, p.namespace, p.owner_name)
        for p in facts.pods
        if p.namespace != facts.control_plane_namespace
        and (p.proxy is not None or p.uid in should)
        and is_made_anew(p)
    }
    return tuple(sorted(owners, key=lambda o: (o[1], o[0], o[2])))
