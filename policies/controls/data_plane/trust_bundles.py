"""Which trust bundle a proxy was given, beside the one that the cluster has now.

A proxy keeps the bundle it started with. That all have the same one says nothing: all may be old.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.facts.cluster import ClusterFacts, Pod
from policies.skew.planes import control_plane_pods
from policies.verdicts.findings import Item

_BY_INJECTOR = "linkerd/proxy-injector"


def given(pod: Pod, facts: ClusterFacts, newest: str) -> tuple[str, ...]:
    """Return how a pod with the current bundle is annotated; empty where that is not known.

    Only the injector is known to count the ConfigMap's text. What a client injected, by values of
    its own, is compared with the newest bundle among the pods.
    """
    roots = facts.trust_roots
    by_injector = pod.proxy is not None and pod.proxy.injected_by.startswith(_BY_INJECTOR)
    if roots is not None and roots.as_annotated and by_injector:
        return roots.as_annotated
    return (newest,) if newest else ()


def started_earlier(facts: ClusterFacts, earlier: ClusterFacts | None) -> Iterator[Item]:
    """Yield pods of the control plane whose proxy started while the bundle was another one.

    They are annotated with what the client rendered and read the ConfigMap as they start, so only
    one that ran on since then, and is not annotated with today's bundle, is known to be old.
    """
    now, then = facts.trust_roots, earlier.trust_roots if earlier else None
    if earlier is None or now is None or then is None or now.sha256 == then.sha256:
        return
    ran = {p.uid: p.proxy.restarts for p in earlier.pods if p.proxy is not None}
    for pod in control_plane_pods(facts):
        proxy = pod.proxy
        if proxy is None or ran.get(pod.uid) != proxy.restarts:
            continue
        if proxy.trust_root and proxy.trust_root not in now.as_annotated:
            yield Item(
                subject=f"pod {pod.key}",
                expected=f"trust bundle {now.sha256[:12]}",
                seen=f"started with {then.sha256[:12]}, before the bundle changed",
            )
