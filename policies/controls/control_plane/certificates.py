"""Certificates: how long they last, what verifies what, and whether anchors were retained.

Nothing is verified here: `Certificate.verified_by` says which of the certificates read at the same
moment signed it. Validity is judged at the time the facts were taken, never at the time of the
judgement (the certificates of a snapshot are judged at its capture).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from policies.facts.cluster import Bundle, Certificate, ClusterFacts, Pod, Webhook
from policies.skew.planes import ENDED
from policies.verdicts.findings import Item, Verdict, judged, not_assessed
from policies.verdicts.wording import number

SOON = timedelta(days=60)
"""Below this `linkerd check` warns."""

_RENEW_ISSUER = (
    "linkerd upgrade --identity-issuer-certificate-file=... --identity-issuer-key-file=..."
)


def outlast(facts: ClusterFacts, *, until: datetime) -> Verdict:
    """Judge whether anchors, issuer and webhook certificates are valid `until` the end.

    Also follows the chain from the issuer to an anchor. A certificate that outlasts the rehearsal
    but ends within 60 days is explained: `linkerd check` warns of it.
    """
    if facts.trust_roots is None and (why := facts.cannot_read("configmaps")):
        return not_assessed(f"the trust anchors could not be read ({why})")
    secrets_hidden = facts.cannot_read("secrets")
    items = [*_bundle_items(facts.trust_roots, "trust anchors", facts.taken_at, until)]
    if facts.issuer is not None or not secrets_hidden:
        items += _bundle_items(facts.issuer, "identity issuer", facts.taken_at, until)
        items += _chain_items(facts)
    for bundle in facts.webhook_certificates:
        items += _bundle_items(bundle, bundle.place, facts.taken_at, until)
    if secrets_hidden and all(i.explained for i in items):
        return not_assessed(
            f"issuer and webhook certificates could not be read ({secrets_hidden})"
        )
    return judged(
        items,
        holds_as=f"Trust anchors, issuer and webhook certificates outlast {_day(until)}"
        f"{_first_to_end(facts)}",
        includes=True,
        violated_as="A certificate is not valid throughout the rehearsal",
        expected=f"every certificate valid from {_day(facts.taken_at)} to {_day(until)}, "
        "the issuer signed by a trust anchor",
        cause="a certificate that was not renewed in time, or issuer and anchors of two trusts",
        next_command=_RENEW_ISSUER,
    )


def _first_to_end(facts: ClusterFacts) -> str:
    """Return which certificate in use ends first, and when; empty when none is known."""
    bundles = (facts.issuer, facts.trust_roots, *facts.webhook_certificates)
    known = [(c.not_after, c.subject) for b in bundles if b is not None for c in b.certificates]
    if not known:
        return ""
    end, subject = min(known)
    return f"; the first to end is {subject}, on {_day(end)}"


def anchors_retained(before: ClusterFacts, after: ClusterFacts) -> Verdict:
    """Judge whether every anchor is still there, and the issuer is the same or signed by one.

    Proxies that carry another bundle than the newest pod of their plane are explained: they take
    the current one at their next restart.
    """
    for facts in (before, after):
        if facts.trust_roots is None and (why := facts.cannot_read("configmaps")):
            return not_assessed(f"the trust anchors could not be read ({why})")
    if before.trust_roots is None:
        return not_assessed("there were no trust anchors before the step to compare with")
    items = [
        *_anchor_items(before, after),
        *_bundle_items(
            after.trust_roots, "trust anchors", after.taken_at, after.taken_at, soon=False
        ),
    ]
    hidden = after.cannot_read("secrets") or before.cannot_read("secrets")
    if before.issuer is not None and (after.issuer is not None or not hidden):
        items += _issuer_items(before, after)
    elif hidden and not items:
        return not_assessed(f"the identity issuer could not be read ({hidden})")
    items += _stale_roots(after)
    return judged(
        items,
        holds_as="Trust anchors and issuer are retained and valid",
        violated_as="Trust anchors or issuer were not retained",
        expected="every anchor of before among those of after; the same issuer, or a new one "
        "signed by a retained anchor",
        cause="the upgrade was rendered with other values than those stored, or the objects were "
        "edited by hand",
        next_command="kubectl -n linkerd get configmap linkerd-identity-trust-roots "
        "-o jsonpath='{.data.ca-bundle\\.crt}'",
    )


def webhook_trust(facts: ClusterFacts) -> Verdict:
    """Judge whether each Linkerd webhook's caBundle verifies the certificate in its Secret."""
    webhooks = [w for w in facts.webhooks if is_linkerd(w, facts)]
    if not webhooks:
        why = facts.cannot_read("mutatingwebhookconfigurations.admissionregistration.k8s.io")
        if why:
            return not_assessed(f"the webhook configurations could not be read ({why})")
        return judged(
            [Item(subject="webhook configurations", expected="three of Linkerd's", seen="none")],
            holds_as="",
            violated_as="No webhook of Linkerd is configured",
            expected="the injector's and the two validators' webhook configurations",
            next_command="linkerd check",
        )
    served = {b.place: b for b in facts.webhook_certificates}
    if not served and (why := facts.cannot_read("secrets")):
        return not_assessed(f"the webhooks' certificates could not be read ({why})")
    return judged(
        [item for w in webhooks for item in _trust_items(w, served, facts.taken_at)],
        holds_as=f"The caBundles of {number(len(webhooks), 'webhook')} verify their certificates",
        violated_as="A webhook's caBundle does not verify the certificate it is served with",
        expected="each caBundle holds the certificate in the webhook's Secret, or its signer",
        cause="configuration and Secret come from two renders, or one of them was not applied",
        next_command="linkerd upgrade | kubectl apply -f -",
    )


def is_linkerd(webhook: Webhook, facts: ClusterFacts) -> bool:
    """Return whether a webhook is the control plane's, by its label or its Service's namespace."""
    namespace = facts.control_plane_namespace
    return webhook.control_plane == namespace or webhook.service_namespace == namespace


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"


def _bundle_items(
    bundle: Bundle | None, what: str, start: datetime, until: datetime, *, soon: bool = True
) -> Iterator[Item]:
    if bundle is None:
        yield Item(subject=what, expected="a certificate", seen="absent")
        return
    if bundle.unreadable or not bundle.certificates:
        seen = bundle.unreadable or "no certificate in it"
        yield Item(subject=bundle.place, expected="PEM certificates", seen=seen)
    for certificate in bundle.certificates:
        item = _validity(certificate, what, start, until, soon=soon)
        if item is not None:
            yield item


def _validity(
    certificate: Certificate, what: str, start: datetime, until: datetime, *, soon: bool
) -> Item | None:
    subject = f"{what}: {certificate.subject} ({certificate.sha256[:12]})"
    if certificate.not_before > start:
        seen = f"not valid before {_day(certificate.not_before)}"
        return Item(subject=subject, expected=f"valid from {_day(start)}", seen=seen)
    if certificate.not_after < until:
        when = "expired" if certificate.not_after < start else "expires"
        seen = f"{when} {_day(certificate.not_after)}"
        return Item(subject=subject, expected=f"valid until {_day(until)}", seen=seen)
    if soon and certificate.not_after < start + SOON:
        left = (certificate.not_after - start).days
        return Item(
            subject=subject,
            expected="60 days left",
            seen=f"expires {_day(certificate.not_after)}, in {left} days",
            explained="outlasts the rehearsal; renew it soon, `linkerd check` warns of it",
        )
    return None


def _chain_items(facts: ClusterFacts) -> Iterator[Item]:
    if facts.issuer is None or facts.trust_roots is None or not facts.issuer.certificates:
        return
    anchors = {c.sha256 for c in facts.trust_roots.certificates}
    issuer = facts.issuer.certificates[0]
    if not chains_to(issuer, facts.issuer, anchors):
        yield Item(
            subject=f"identity issuer: {issuer.subject} ({issuer.sha256[:12]})",
            expected="signed by a trust anchor",
            seen=f"signed by {issuer.issuer}, which is not among the anchors",
        )


def chains_to(certificate: Certificate, bundle: Bundle, anchors: set[str]) -> bool:
    """Return whether a chain leads from a certificate, over its bundle, to one of the anchors."""
    beside = {c.sha256: c for c in bundle.certificates}
    waiting, seen = [certificate], {certificate.sha256}
    while waiting:
        current = waiting.pop()
        if current.sha256 in anchors or any(s in anchors for s in current.verified_by):
            return True
        for signer in current.verified_by:
            if signer in beside and signer not in seen:
                seen.add(signer)
                waiting.append(beside[signer])
    return False


def _anchor_items(before: ClusterFacts, after: ClusterFacts) -> Iterator[Item]:
    old = {c.sha256: c for c in before.trust_roots.certificates} if before.trust_roots else {}
    new = {c.sha256: c for c in after.trust_roots.certificates} if after.trust_roots else {}
    for digest in old.keys() - new.keys():
        yield Item(
            subject=f"trust anchor {old[digest].subject} ({digest[:12]})",
            expected="retained",
            seen="gone from the bundle",
        )
    for digest in new.keys() - old.keys():
        yield Item(
            subject=f"trust anchor {new[digest].subject} ({digest[:12]})",
            seen="added to the bundle",
            explained="the bundle grew: every anchor of before is still in it"
            if old.keys() <= new.keys()
            else "",
        )


def _issuer_items(before: ClusterFacts, after: ClusterFacts) -> Iterator[Item]:
    yield from _bundle_items(
        after.issuer, "identity issuer", after.taken_at, after.taken_at, soon=False
    )
    old = before.issuer.certificates[:1] if before.issuer else ()
    new = after.issuer.certificates[:1] if after.issuer else ()
    if not old or not new or after.issuer is None or old[0].sha256 == new[0].sha256:
        return
    retained = _digests(before.trust_roots) & _digests(after.trust_roots)
    signed = chains_to(new[0], after.issuer, retained)
    yield Item(
        subject=f"identity issuer {new[0].subject} ({new[0].sha256[:12]})",
        expected=f"the issuer of before ({old[0].sha256[:12]}), or one a retained anchor signed",
        seen="another issuer",
        explained="a retained anchor signed the new issuer" if signed else "",
    )


def _digests(bundle: Bundle | None) -> set[str]:
    return {c.sha256 for c in bundle.certificates} if bundle else set()


def _stale_roots(facts: ClusterFacts) -> Iterator[Item]:
    """Yield pods whose proxy was given another bundle than the newest pod of their plane."""
    namespace = facts.control_plane_namespace
    newest: dict[bool, tuple[datetime, str]] = {}
    by_root: dict[tuple[bool, str], list[Pod]] = {}
    for pod in facts.pods:
        proxy = pod.proxy
        if proxy is None or not proxy.trust_root or pod.deleting or pod.phase in ENDED:
            continue
        plane = pod.component != "" and pod.namespace == namespace
        key = (plane, proxy.trust_root)
        if key in by_root:
            by_root[key].append(pod)
        else:
            by_root[key] = [pod]
        latest = newest.get(plane)
        if latest is None or pod.created > latest[0]:
            newest[plane] = (pod.created, proxy.trust_root)
    for (plane, root), pods in by_root.items():
        if root == newest[plane][1]:
            continue
        shown = ", ".join(p.key for p in pods[:5]) + (" ..." if len(pods) > 5 else "")
        yield Item(
            subject=f"{number(len(pods), 'pod')} with trust bundle {root[:12]}: {shown}",
            expected=f"bundle {newest[plane][1][:12]}",
            seen=root[:12],
            explained="a proxy keeps the bundle of its creation until its pod is restarted",
        )


def _trust_items(webhook: Webhook, served: dict[str, Bundle], now: datetime) -> Iterator[Item]:
    subject = f"webhook {webhook.name}"
    place = f"Secret {webhook.service_namespace}/{webhook.service_name}-k8s-tls tls.crt"
    bundle, secret = webhook.ca_bundle, served.get(place)
    if bundle is None or bundle.unreadable or not bundle.certificates:
        seen = (bundle.unreadable if bundle else "") or "empty"
        yield Item(subject=subject, expected="a caBundle", seen=seen)
        return
    if secret is None or secret.unreadable or not secret.certificates:
        seen = (secret.unreadable if secret else "") or "absent"
        yield Item(subject=place, expected="a certificate", seen=seen)
        return
    leaf = secret.certificates[0]
    trusted = {c.sha256 for c in bundle.certificates}
    if not chains_to(leaf, secret, trusted):
        expected = f"caBundle verifies {leaf.sha256[:12]}"
        seen = f"caBundle holds {', '.join(sorted(d[:12] for d in trusted))}"
        yield Item(subject=subject, expected=expected, seen=seen)
    for certificate in (leaf, *bundle.certificates):
        item = _validity(certificate, subject, now, now, soon=False)
        if item is not None:
            yield item
    name = f"{webhook.service_name}.{webhook.service_namespace}.svc"
    if leaf.dns_names and name not in leaf.dns_names:
        yield Item(subject=subject, expected=f"issued for {name}", seen=", ".join(leaf.dns_names))
