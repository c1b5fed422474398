"""The data plane after its restart: versions, identities, and what is left of the old release."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from policies.controls.data_plane import trust_bundles
from policies.controls.prune import orphans, pruning
from policies.facts.cluster import ClusterFacts, Crd, Fact, Pod
from policies.facts.helm import linkerd_release
from policies.releases.versions import Version, parse
from policies.skew.planes import (
    NO_PROXY,
    UNPLACED,
    behind,
    data_plane_pods,
    has_finished,
    no_data_plane,
    not_seen,
    owner,
    placed,
)
from policies.verdicts.findings import Item, Verdict, judged, not_applicable, not_assessed
from policies.verdicts.wording import every, number
from policies.workloads.preexisting import Preexisting, at_baseline, unready_proxies
from policies.workloads.renewal import Renewal, renewals


class _Old(Fact, frozen=True, kw_only=True):
    """Proxies of one workload at one version, which is not the destination's."""

    owner: str
    version: str
    explained: str
    seen: str


def data_plane_at_destination(
    facts: ClusterFacts,
    destination: Version,
    *,
    lazy: bool = False,
    baseline: ClusterFacts | None = None,
    ignore_namespaces: Collection[str] = (),
) -> Verdict:
    """Judge whether every proxy is at the destination, or inside the lazy window (DP-02).

    With `lazy` a proxy one logical version behind, or of an older release of the destination's
    logical version, is explained. So are, within one logical version, proxies that the guide's
    restart does not renew (`policies.workloads.renewal`), with who does; a pod that ran to its end
    is explained at any distance. So are, within one logical version, pods of a workload that was
    not available at the baseline: no restart of it completes. A version that cannot be placed,
    that of a build of somebody's own, is not assessed.
    """
    if why := not_seen(facts):
        return not_assessed(f"pods could not be read ({why})")
    if no_data_plane(facts, baseline, ignore_namespaces=ignore_namespaces):
        return not_applicable(NO_PROXY)
    red = at_baseline(baseline)
    old = list(_old(facts, destination, red, lazy=lazy, ignore_namespaces=ignore_namespaces))
    first = next((r for r, o in old if not o.explained and placed(o.version)), None)
    total = sum(1 for _ in data_plane_pods(facts, ignore_namespaces=ignore_namespaces))
    unplaced = [o for _, o in old if not o.explained and not placed(o.version)]
    return judged(
        _grouped(o for _, o in old if o not in unplaced),
        unknown=_grouped(unplaced),
        unknown_as=UNPLACED,
        holds_as=f"{total - len(old)} of {number(total, 'proxy', 'proxies')} at {destination}"
        + (", the others explained" if old else ""),
        violated_as=f"Proxies are not at {destination}",
        expected=f"every proxy at {destination}"
        + (", or one logical version behind" if lazy else ""),
        cause="a workload that was not restarted, a restart that stands still, or a version that "
        "somebody pinned",
        next_command=first.command if first else "",
    )


def _old(
    facts: ClusterFacts,
    destination: Version,
    red: Preexisting,
    *,
    lazy: bool,
    ignore_namespaces: Collection[str],
) -> Iterator[tuple[Renewal, _Old]]:
    renewal_of = renewals(facts)
    for pod in data_plane_pods(facts, ignore_namespaces=ignore_namespaces):
        proxy = pod.proxy
        if proxy is None or proxy.version == destination.text:
            continue
        seen = proxy.version or f"unknown version ({proxy.image})"
        renewal = renewal_of(pod)
        yield (
            renewal,
            _Old(
                owner=owner(pod),
                version=proxy.version,
                explained=_why_old(pod, destination, renewal, red, lazy=lazy),
                seen=seen,
            ),
        )


def _why_old(
    pod: Pod, destination: Version, renewal: Renewal, red: Preexisting, *, lazy: bool
) -> str:
    version, kept = pod.proxy.version if pod.proxy else "", renewal.stays
    if kept and has_finished(pod):
        return kept
    distance = behind(version, destination)
    if distance is None or not 0 <= distance <= 1:
        return ""
    if kept:
        return kept
    if lazy:
        return "inside the declared lazy window of one logical version"
    return red.stuck(pod)


def _grouped(old: Iterable[_Old]) -> list[Item]:
    """Return one item per workload, version and reason: a person reads these, not one per pod."""
    counts: dict[_Old, int] = {}
    for one in old:
        counts[one] = counts.get(one, 0) + 1
    return [
        Item(
            subject=one.owner,
            expected="the destination's proxy",
            seen=one.seen if count == 1 else f"{count} pods at {one.seen}",
            explained=one.explained,
        )
        for one, count in counts.items()
    ]


def identities_valid(
    facts: ClusterFacts,
    *,
    baseline: ClusterFacts | None = None,
    earlier: ClusterFacts | None = None,
    ignore_namespaces: Collection[str] = (),
) -> Verdict:
    """Judge whether every proxy holds a valid identity, as far as objects say (DP-06).

    A proxy is ready only once its certificate was issued; its trust bundle must be the one of
    ConfigMap linkerd-identity-trust-roots where the injector gave it one, else the newest one of
    the data plane. What it presents on the wire is for targets with a real data plane. A
    workload's proxies that were not ready at the baseline either are explained.

    Args:
        facts: Now.
        baseline: Before anything changed.
        earlier: Once the control plane was upgraded: its proxies read the bundle as they start.
        ignore_namespaces: Of the rehearsal itself.
    """
    if why := not_seen(facts):
        return not_assessed(f"pods could not be read ({why})")
    if no_data_plane(facts, baseline, ignore_namespaces=ignore_namespaces):
        return not_applicable(NO_PROXY)
    pods = list(data_plane_pods(facts, ignore_namespaces=ignore_namespaces))
    renewal_of = renewals(facts)
    stays = {p.uid: why for p in pods if (why := renewal_of(p).stays)}
    current = _newest_root(p for p in pods if p.uid not in stays)
    red, unready = at_baseline(baseline), unready_proxies(facts)

    def judge(pod: Pod) -> Item | None:
        given = trust_bundles.given(pod, facts, current)
        return _identity(pod, given, stays.get(pod.uid, ""), red, unready)

    return judged(
        [
            *(item for p in pods if (item := judge(p)) is not None),
            *trust_bundles.started_earlier(facts, earlier),
        ],
        holds_as=f"{every(len(pods), 'proxy', 'proxies')} ready, with one trust bundle",
        violated_as="Proxies without a valid identity",
        expected="every proxy ready, with an identity and the current trust bundle",
        cause="linkerd-identity could not issue a certificate, or the pod was not restarted after "
        "the trust bundle changed",
        next_command="linkerd check --proxy",
    )


def _newest_root(pods: Iterable[Pod]) -> str:
    latest: datetime | None = None
    root = ""
    for pod in pods:
        if pod.proxy is None or not pod.proxy.trust_root:
            continue
        if latest is None or pod.created > latest:
            latest, root = pod.created, pod.proxy.trust_root
    return root


def _identity(
    pod: Pod, current: tuple[str, ...], stays: str, red: Preexisting, unready: Mapping[str, int]
) -> Item | None:
    proxy = pod.proxy
    if proxy is None:
        return None
    if proxy.ready and proxy.identity and proxy.trust_root in ("", *current):
        return None
    subject = f"pod {pod.key}"
    if not proxy.identity:
        return Item(subject=subject, expected="an identity", seen="no identity volume")
    if not proxy.ready:
        return Item(
            subject=subject,
            expected="a ready proxy",
            seen="proxy not ready",
            explained="the pod's application has ended"
            if pod.application_ended
            else red.proxy(pod, unready),
        )
    if not current:
        return None
    return Item(
        subject=subject,
        expected=f"trust bundle {current[0][:12]}",
        seen=proxy.trust_root[:12],
        explained=stays,
    )


def nothing_old_left(
    facts: ClusterFacts,
    source: Version,
    destination: Version,
    *,
    lazy: bool = False,
    baseline: ClusterFacts | None = None,
    before: ClusterFacts | None = None,
    ignore_namespaces: Collection[str] = (),
) -> Verdict:
    """Judge whether a pod, workload, CRD or labelled object is of an older release (VER-04).

    Releases between source and destination count as well: a path may have several hops. A proxy
    whose version cannot be placed, such as that of a build of somebody's own, is not assessed.

    Args:
        facts: After the soak.
        source: Where the path began.
        destination: Where it ended.
        lazy: The data plane follows as pods are renewed.
        baseline: Before anything changed.
        before: Before the soak: a workload that was at the destination then and comes back old is
            wrong whatever explains an old proxy otherwise.
        ignore_namespaces: Of the rehearsal itself.
    """
    if why := not_seen(facts, "deployments.apps"):
        return not_assessed(f"pods or Deployments could not be read ({why})")
    red = at_baseline(baseline)
    old = _old(facts, destination, red, lazy=lazy, ignore_namespaces=ignore_namespaces)
    proxies = [o for _, o in old]
    unplaced = [o for o in proxies if not o.explained and not placed(o.version)]
    items = _grouped(o for o in proxies if o not in unplaced)
    items += _extension_proxies(items, facts)
    items += _came_back(before, facts, destination, ignore_namespaces)
    items += _created_by(facts, destination)
    items += [
        Item(subject=str(key), expected="gone", seen=f"runs {image}")
        for key, image in orphans.old_components(facts, pruning.inventory(destination, facts))
    ]
    if facts.config is not None and facts.config.version != destination.text:
        items.append(
            Item(
                subject="ConfigMap linkerd-config",
                expected=destination.text,
                seen=facts.config.version,
            )
        )
    return judged(
        items,
        unknown=_grouped(unplaced),
        unknown_as=UNPLACED,
        holds_as=f"Nothing of {source} is left",
        violated_as=f"Something of {source} is left",
        expected=f"every proxy and every object of Linkerd at {destination}",
        cause="a step that was left out, or an object that no render contains any more",
        next_command="linkerd version --proxy",
    )


def _came_back(
    before: ClusterFacts | None,
    facts: ClusterFacts,
    destination: Version,
    ignore_namespaces: Collection[str],
) -> Iterator[Item]:
    """Yield workloads whose proxies were all at the destination before the soak, and are not."""
    if before is None:
        return
    then = _versions(before, ignore_namespaces)
    for name, versions in _versions(facts, ignore_namespaces).items():
        old = sorted(v for v in versions if (behind(v, destination) or 0) > 0)
        if old and then.get(name) == {destination.text}:
            yield Item(
                subject=name,
                expected=f"at {destination}, as before the soak",
                seen=f"came back with {', '.join(old)}",
            )


def _versions(facts: ClusterFacts, ignore: Collection[str]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pod in data_plane_pods(facts, ignore_namespaces=ignore):
        if pod.proxy is not None:
            found.setdefault(owner(pod), set()).add(pod.proxy.version)
    return found


def _extension_proxies(items: list[Item], facts: ClusterFacts) -> list[Item]:
    """Take the proxies of extensions out of the violations: they have a step of their own."""
    extensions = {owner(p): p.extension for p in facts.pods if p.extension}
    if not extensions:
        return []
    moved = [i for i in items if not i.explained and i.subject in extensions]
    for item in moved:
        items.remove(item)
    return [
        Item(
            subject=i.subject,
            expected=i.expected,
            seen=i.seen,
            explained=f"of extension {extensions[i.subject]}, upgraded by its own install",
        )
        for i in moved
    ]


def _created_by(facts: ClusterFacts, destination: Version) -> Iterator[Item]:
    """Yield objects whose `linkerd.io/created-by` names another release than the destination."""
    for workload in facts.workloads:
        if _other(workload.created_by, destination):
            yield _left(workload.key, workload.created_by, destination, workload.extension)
    same = ("", destination.text)
    for crd in facts.crds:
        if _other(crd.created_by, destination):
            extension = (
                "" if crd.control_plane or "multicluster" not in crd.name else "multicluster"
            )
            yield _left(f"CRD {crd.name}", crd.created_by, destination, extension)
        elif (of := linkerd_release(crd.helm_chart.rpartition("-")[2])) not in same:
            yield _helms(crd, of, destination, facts)
    told = {(w.kind, w.namespace, w.name) for w in facts.workloads}
    for one in facts.objects:
        key = one.key
        if key.kind == "CustomResourceDefinition" or (key.kind, key.namespace, key.name) in told:
            continue
        if _other(one.created_by, destination):
            yield _left(str(key), one.created_by, destination, one.extension)


def _helms(crd: Crd, of: str, destination: Version, facts: ClusterFacts) -> Item:
    """Describe a CRD of an older chart; one that no release holds any more was kept on purpose."""
    held = any(o.key.name == crd.name for r in facts.helm for o in r.objects)
    read = any(not r.unread for r in facts.helm)
    kept = crd.helm_keep and read and not held
    return Item(
        subject=f"CRD {crd.name}",
        expected=f"of the chart of {destination}",
        seen=f"{crd.helm_chart}, of {of}",
        explained="no release holds it any more; `keep` left it on the cluster" if kept else "",
    )


def _other(created_by: str, destination: Version) -> bool:
    """Return whether it is another release than the destination; a CRD chart may name none."""
    tool, _, version = created_by.partition(" ")
    ours = tool in ("linkerd/cli", "linkerd/helm")
    return ours and version != destination.text and parse(version).known


def _left(subject: str, created_by: str, destination: Version, extension: str) -> Item:
    explained = f"of extension {extension}, upgraded by its own install" if extension else ""
    return Item(
        subject=subject, expected=f"created by {destination}", seen=created_by, explained=explained
    )
