"""Images: what the control plane's containers run, and whether the destination's can be had."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from oci.reference import Reference, version_text
from oci.reference import parse as reference
from policies.facts.cluster import ClusterFacts, Fact, Pod
from policies.facts.observations import ImageEvidence
from policies.releases import catalogue
from policies.releases.versions import Version
from policies.skew.planes import ENDED, control_plane_pods, control_plane_workloads, not_seen
from policies.verdicts.findings import Item, Verdict, judged, not_assessed, violated
from policies.verdicts.wording import number

COMPONENTS = ("destination", "identity", "proxy-injector")
PROXY = "linkerd-proxy"
BY_DIGEST = " (by digest alone)"
UNKNOWN_AS = "images are named by digest alone, which tells no version"


def control_plane_images(facts: ClusterFacts, destination: Version) -> Verdict:
    """Judge whether every container of the control plane has the destination's image.

    Names and tags count, registries and digests beside tags do not: mirrors and policy engines are
    common. An image named by its digest alone says nothing of its version: not assessed, unless
    its pod says it.
    """
    if why := not_seen(facts, "deployments.apps"):
        return not_assessed(f"pods or Deployments could not be read ({why})")
    present = {w.component for w in control_plane_workloads(facts)}
    items = [
        Item(subject=f"component {c}", expected="a Deployment", seen="absent")
        for c in COMPONENTS
        if c not in present
    ]
    expected = _Expected.of(destination, facts)
    for workload in control_plane_workloads(facts):
        items += _container_items(workload.key, workload.images, expected)
    for pod in control_plane_pods(facts):
        items += _pod_items(pod, expected)
    known, blind = apart(items)
    return judged(
        known,
        unknown=blind,
        unknown_as=UNKNOWN_AS,
        holds_as=f"Every container image of the control plane is {destination}'s",
        violated_as=f"Images of the control plane are not {destination}'s",
        expected=f"controller and proxy at {destination}"
        + (f", proxy-init at {expected.proxy_init}" if expected.proxy_init else ""),
        cause="a rollout that has not finished, a component left at the old release, or a value "
        "that pins an image",
        next_command=f"kubectl -n {facts.control_plane_namespace} get pods "
        "-o custom-columns=NAME:.metadata.name,IMAGES:.spec.containers[*].image",
    )


class _Expected(Fact, frozen=True, kw_only=True):
    """Tags the destination's images have, and what the stored values pin."""

    release: Version
    proxy_init: str
    """Tag of proxy-init; empty where linkerd-init runs from the proxy image."""
    policy_controller: bool
    """The destination has an image of that name of its own."""
    pinned: tuple[tuple[str, str], ...]
    """(image name, tag) that the stored values set."""

    @classmethod
    def of(cls, destination: Version, facts: ClusterFacts) -> _Expected:
        return cls(
            release=destination,
            proxy_init=_proxy_init(destination),
            policy_controller=_has_policy_controller(destination),
            pinned=tuple(_pinned(facts)),
        )


def _proxy_init(destination: Version) -> str:
    known = catalogue().release(destination)
    if known is not None and known.channel == "edge":
        return known.proxy_init
    images = catalogue().images(destination)
    return reference(images.proxy_init).tag if images else ""


def _has_policy_controller(destination: Version) -> bool:
    """Return whether a release has the image; edge-25.8.3 merged it into the controller's."""
    if destination.channel == "edge":
        return destination.numbers < (25, 8, 3)
    images = catalogue().images(destination)
    return bool(images and images.policy_controller)


def _pinned(facts: ClusterFacts) -> Iterator[tuple[str, str]]:
    if facts.config is None or not facts.config.overrides:
        return
    stored = {s.path for s in facts.config.overrides}
    for path, name in (
        ("proxy.image.version", "proxy"),
        ("proxyInit.image.version", "proxy-init"),
        ("controllerImageVersion", "controller"),
        ("policyController.image.version", "policy-controller"),
        ("debugContainer.image.version", "debug"),
    ):
        value = (facts.config.value(path) or "").strip('"')
        if path in stored and value:
            yield name, version_text(value)


def _pod_items(pod: Pod, expected: _Expected) -> Iterator[Item]:
    subject = f"pod {pod.key}"
    explained = ""
    if pod.phase in ENDED:
        explained = f"the pod has ended ({pod.phase}) and keeps the image of its creation"
    elif pod.deleting:
        explained = "the pod is being deleted"
    images = pod.images
    if pod.proxy is not None:
        image = pod.proxy.image
        if (told := pod.proxy.version) and not reference(image).tag:
            image = reference(image).with_tag(told)
        images = (*images, (PROXY, image))
    items = list(_container_items(subject, images, expected, explained=explained))
    if explained and items:
        seen = ", ".join(dict.fromkeys(i.seen for i in items))
        yield Item(subject=subject, expected=expected.release.text, seen=seen, explained=explained)
    else:
        yield from items


def _container_items(
    subject: str,
    images: Iterable[tuple[str, str]],
    expected: _Expected,
    *,
    explained: str = "",
) -> Iterator[Item]:
    for container, image in images:
        parts = reference(image)
        wanted, why = _wanted(container, parts, expected), explained
        if parts.tag and parts.tag == wanted:
            continue
        elif (parts.name, parts.tag) in expected.pinned:
            why = explained or f"the stored values set this tag for image {parts.name}"
        yield Item(
            subject=f"{subject} container {container}",
            expected=wanted or f"no image {parts.name}: {expected.release} has none",
            seen=image + (BY_DIGEST if wanted and by_digest_alone(image) else ""),
            explained=why,
        )


def by_digest_alone(image: str) -> bool:
    """Return whether the image is pinned, and nothing in its name says to what version."""
    parts = reference(image)
    return bool(parts.digest) and not parts.tag


def apart(items: Iterable[Item]) -> tuple[list[Item], list[Item]]:
    """Part items of which something is known from those of images by digest alone."""
    known: list[Item] = []
    blind: list[Item] = []
    for item in items:
        by_digest = not item.explained and item.seen.endswith(BY_DIGEST)
        (blind if by_digest else known).append(item)
    return known, blind


def _wanted(container: str, image: Reference, expected: _Expected) -> str:
    """Return the tag an image should have; empty when the destination has no such image."""
    if container == "linkerd-init" and expected.proxy_init:
        return expected.proxy_init
    if image.name == "policy-controller" and not expected.policy_controller:
        return ""
    return expected.release.text


def images_available(evidence: Sequence[ImageEvidence], required: Collection[str]) -> Verdict:
    """Judge whether the nodes that need an image of the destination can have it (PRE-13).

    A failed pull is a violation; an image without evidence leaves the control not assessed.
    """
    if not required:
        return not_assessed("which images the target needs is not known")
    outcomes = _by_image(evidence)
    failed = [e for e in evidence if e.outcome == "failed" and e.image in required]
    if failed:
        return violated(
            "Images of the destination cannot be had",
            expected="every image present on, or pulled by, the nodes that will run it",
            seen="; ".join(f"{e.image}: {e.evidence or 'pull failed'}" for e in failed),
            items=[
                Item(subject=e.image, expected="present or pulled", seen=e.evidence or "failed")
                for e in failed
            ],
            cause="a registry that is not reachable from the nodes, missing credentials, or a "
            "mirror that lacks the new tags",
            next_command="kubectl -n linkerd get events --field-selector reason=Failed",
        )
    unknown = sorted(i for i in required if not outcomes.get(i, set()) & {"present", "pulled"})
    if unknown:
        why = {e.image: f" ({e.evidence})" for e in evidence if e.evidence}
        named = ", ".join(f"{i}{why.get(i, '')}" for i in unknown)
        return not_assessed(f"no evidence that these images can be had: {named}")
    return judged(
        [],
        holds_as=f"{number(len(required), 'image')} of the target can be had",
        violated_as="",
        expected="",
    )


def _by_image(evidence: Iterable[ImageEvidence]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in evidence:
        found.setdefault(one.image, set()).add(one.outcome)
    return found
