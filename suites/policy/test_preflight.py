from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from policies.controls.preflight.dry_runs import dry_run_accepted, pods_admissible
from policies.controls.preflight.left_behind import data_plane_current
from policies.controls.preflight.way_back import way_back
from policies.facts.cluster import ClusterFacts, Setting, Unreadable
from policies.facts.observations import DryRun, Rendered
from policies.planning.path import Hop
from policies.releases import catalogue
from policies.releases.grammar import parse
from policies.verdicts.findings import Item, holds, violated
from suites.policy.advisory_facts import crd
from suites.policy.builders import (
    FROM,
    OLDER,
    SOURCE,
    TARGET,
    TO,
    change,
    cluster,
    config,
    pod,
    proxy,
    with_pods,
)

HOP = Hop(number=1, source_tag=SOURCE, destination_tag=TARGET)
ACCEPTED = DryRun(what="upgrade", accepted=True)
REFUSED = DryRun(what="upgrade", accepted=False, refusals=(("Secret linkerd/x", "too long"),))


@pytest.mark.parametrize("judge", [dry_run_accepted, pods_admissible])
def test_dry_runs_are_accepted_refused_or_missing(judge: Any) -> None:
    assert judge([ACCEPTED]).status == "holds"
    assert judge([ACCEPTED, REFUSED]).seen == "Secret linkerd/x: too long"
    assert judge([DryRun(what="web", accepted=False)]).seen == "web: refused, no reason given"
    assert judge([]).status == "not assessed"


SAID = "Linkerd CRDs must be installed first. Run linkerd upgrade with the --crds flag"


def not_rendered(words: str, what: str = "upgrade") -> DryRun:
    said = ((f"linkerd {what}", words),) if words else ()
    return DryRun(what=what, accepted=False, rendered=False, refusals=said)


@pytest.mark.parametrize("words", ["failed to parse linkerd-config-overrides", "", SAID])
def test_a_client_that_refuses_to_render_is_a_violation_in_its_own_words(words: str) -> None:
    crds = DryRun(what="upgrade --crds", accepted=True)
    verdict = dry_run_accepted([crds, not_rendered(words)], cluster(TARGET), TO)

    assert verdict.status == "violated"
    assert verdict.summary == "The client does not render the hop"
    assert (words or "no reason given") in verdict.seen


def test_a_client_that_waits_for_crds_which_are_missing_is_explained() -> None:
    crds = DryRun(what="upgrade --crds", accepted=True)
    facts = cluster(TARGET)
    without = change(facts, crds=facts.crds[1:])
    verdict = dry_run_accepted([crds, not_rendered(SAID)], without, TO)

    assert verdict.status == "holds"
    assert "upgrade --crds in" in verdict.summary
    assert facts.crds[0].name in verdict.explained[0].explained


def test_a_hop_of_which_nothing_could_be_rendered_yet_is_not_assessed() -> None:
    refused = [not_rendered(SAID, "upgrade --crds"), not_rendered(SAID)]
    verdict = dry_run_accepted(refused, change(cluster(TARGET), crds=()), TO)

    assert verdict.status == "not assessed"
    assert SAID in verdict.reason


def test_a_current_data_plane_holds() -> None:
    assert data_plane_current(cluster(), FROM).status == "holds"


def test_an_older_edge_of_the_same_logical_version_is_current() -> None:
    facts = cluster(SOURCE, proxies="edge-25.12.1")

    assert data_plane_current(facts, FROM).status == "holds"


@pytest.mark.parametrize("version", [OLDER, TARGET], ids=["behind", "ahead"])
def test_a_proxy_of_another_logical_version_is_a_violation(version: str) -> None:
    facts = with_pods(cluster(), pod("x", "old", proxy=proxy(version)))
    verdict = data_plane_current(facts, FROM)

    assert [i.subject for i in verdict.violations] == ["Deployment shop/old"]


@pytest.mark.parametrize("version", ["", "mine-1", "v2.322.0"])
def test_a_proxy_of_an_own_build_is_not_assessed_and_a_pin_is_called_one(version: str) -> None:
    facts = with_pods(cluster(), pod("x", "old", proxy=proxy(version), pinned=version))
    verdict = data_plane_current(facts, FROM)

    assert verdict.status == "not assessed"
    assert "Deployment shop/old" in verdict.summary
    assert ("pinned by annotation" in verdict.summary) is bool(version)


def test_a_pinned_proxy_is_a_violation_and_a_finished_job_is_explained() -> None:
    pinned = pod("x", "old", version=OLDER, pinned=OLDER)
    job = pod("j", "job", version=OLDER, kind="Job", application_ended=True)
    verdict = data_plane_current(with_pods(cluster(), pinned, job), FROM)

    assert [i.subject for i in verdict.violations] == ["Deployment shop/old"]
    assert [i.subject for i in verdict.explained] == ["Job shop/job"]


def test_within_a_logical_version_nothing_is_asked() -> None:
    facts = cluster(SOURCE, proxies=OLDER)

    assert data_plane_current(facts, FROM, parse("edge-25.12.1")).status == "holds"
    assert data_plane_current(facts, FROM, TO).status == "violated"


def test_without_pods_it_is_not_assessed() -> None:
    hidden = (Unreadable(resource="pods", reason="forbidden"),)

    assert data_plane_current(change(cluster(), unreadable=hidden), FROM).status == "not assessed"


def configured(**fields: Any) -> ClusterFacts:
    return change(cluster(), config=config(SOURCE, **fields))


def test_stored_values_and_a_known_release_are_a_way_back() -> None:
    assert way_back(cluster(), HOP).status == "holds"
    helm = configured(overrides_present=False, helm_releases=("sh.helm.release.v1.linkerd.v1",))
    assert way_back(helm, HOP).status == "holds"


@pytest.mark.parametrize(
    ("facts", "hop"),
    [
        (configured(overrides_present=False), HOP),
        (change(cluster(), config=config(TARGET)), HOP),
        (
            change(cluster(), config=config("mine-1")),
            Hop(number=1, source_tag="mine-1", destination_tag=TARGET),
        ),
    ],
    ids=["nothing stored", "another version", "unknown release"],
)
def test_without_them_there_is_no_way_back(facts: ClusterFacts, hop: Hop) -> None:
    assert way_back(facts, hop).status == "violated"


def test_a_way_back_to_a_release_advised_against_is_explained() -> None:
    bad = "edge-25.10.5"
    hop = Hop(number=1, source_tag=bad, destination_tag=TARGET)
    verdict = way_back(change(cluster(), config=config(bad)), hop)

    assert verdict.status == "holds"
    assert verdict.explained


def test_a_way_back_that_cannot_be_known_is_not_assessed() -> None:
    assert way_back(change(cluster(), config=None), HOP).status == "not assessed"
    assert way_back(configured(overrides_present=None), HOP).status == "not assessed"


WEB = "Deployment shop/web"
LEAVES = DryRun(what=WEB, accepted=True, unmeshed=True)


def test_a_pod_that_would_come_without_a_proxy_is_a_violation() -> None:
    verdict = pods_admissible([LEAVES], cluster())

    assert verdict.status == "violated"
    assert "its next pod comes without one" in verdict.seen


def test_a_template_or_namespace_that_says_disabled_is_explained() -> None:
    facts = cluster()
    spaces = tuple(
        change(n, inject="disabled") if n.name == "shop" else n for n in facts.namespaces
    )

    assert pods_admissible([LEAVES], change(facts, namespaces=spaces)).status == "holds"
    assert pods_admissible([LEAVES], facts, ["webhook kyverno"]).explained


def test_a_way_back_needs_what_the_source_reads_to_be_served() -> None:
    """2.14 stored Gateway API routes that a release without v1beta1 would not serve."""
    names = {c.name: c.storage for c in catalogue().crds(FROM)}
    facts = change(cluster(), crds=tuple(crd(name, created_by="linkerd") for name in names))
    old = msgspec.structs.replace(HOP, source_tag=SOURCE, destination_tag="stable-2.14.10")

    assert way_back(facts, HOP).status == "holds"
    missing = way_back(facts, old)
    served = {c.name: c.served for c in catalogue().crds(old.destination)}
    assert {i.subject for i in missing.violations} == {
        f"CRD {n}" for n, storage in names.items() if n in served and storage not in served[n]
    }
    assert missing.violations


def test_crds_of_another_owner_stay_as_they_are() -> None:
    foreign = crd("httproutes.gateway.networking.k8s.io")
    back = msgspec.structs.replace(HOP, destination_tag="stable-2.14.10")

    assert way_back(change(cluster(), crds=(foreign,)), back).status == "holds"


@pytest.mark.parametrize(
    ("source", "destination"),
    list(pairwise([v.anchor for v in catalogue().logical_versions])),
)
def test_no_hop_of_the_guide_takes_the_way_back(source: str, destination: str) -> None:
    """Every known hop: what the older release stores, the newer one's CRDs serve."""
    hop = Hop(number=1, source_tag=source, destination_tag=destination)
    names = [c.name for c in catalogue().crds(parse(source))]
    crds = tuple(crd(name, created_by="linkerd") for name in names)
    facts = change(cluster(source), crds=crds, config=config(source))

    assert not [i for i in way_back(facts, hop).violations if i.subject.startswith("CRD")]


def test_a_value_of_another_type_is_explained() -> None:
    """As measured: the old `check` cannot decode it, the old `upgrade` does not ask for it."""
    path = "controller.podDisruptionBudget.maxUnavailable"
    values = (
        Setting(path=path, value="1"),
        Setting(path="proxy.cores", value="null"),
        Setting(path="identityTrustAnchorsPEM", value="sha256:00"),
    )
    rendered = Rendered(
        version=TARGET,
        values=((path, '"1"'), ("proxy.cores", "2"), ("identityTrustAnchorsPEM", "sha256:00")),
    )
    verdict = way_back(configured(values=values), HOP, rendered=rendered)

    assert verdict.status == "holds"
    assert [i.subject for i in verdict.explained] == [f"value {path}"]


def test_certificates_that_end_take_the_way_back_with_them() -> None:
    ends = violated(
        "The issuer ends",
        expected="valid",
        seen="expires",
        items=(Item(subject="identity issuer", expected="valid", seen="expires"),),
    )

    assert way_back(cluster(), HOP, certificates=ends).status == "violated"
    assert way_back(cluster(), HOP, certificates=holds("all outlast")).status == "holds"
