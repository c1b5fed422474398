from __future__ import annotations

from itertools import pairwise

import pytest

from policies.facts.cluster import ObjectKey
from policies.releases import Release, catalogue, object_key
from policies.releases.versions import logical, parse
from policies.skew.kubernetes import parse_kubernetes

KNOWN = catalogue()
ODD = KNOWN.irregularities


def months() -> dict[tuple[int, ...], list[int]]:
    found: dict[tuple[int, ...], list[int]] = {}
    for release in KNOWN.edges:
        year, month, number = release.version.numbers
        found.setdefault((year, month), []).append(number)
    return found


def test_edges_are_ordered_and_each_is_there_once() -> None:
    numbers = [release.version.numbers for release in KNOWN.edges]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 371


def test_logical_versions_follow_each_other() -> None:
    names = [row.version for row in KNOWN.logical_versions]
    assert names == [f"2.{minor}" for minor in range(21)]
    for row in KNOWN.logical_versions:
        assert row.edges[0] == row.anchor
    anchors = [parse(row.anchor).numbers for row in KNOWN.logical_versions]
    assert anchors == sorted(anchors)


def test_every_edge_has_exactly_one_logical_version() -> None:
    listed = [tag for row in KNOWN.logical_versions for tag in row.edges]
    assert len(listed) == len(set(listed)) == len(KNOWN.edges)
    for row in KNOWN.logical_versions:
        for tag in (*row.edges, *row.stables):
            assert str(logical(parse(tag))) == row.version


def test_gaps_in_numbering_are_exactly_the_listed_ones() -> None:
    missing = [
        f"edge-{year}.{month}.{number}"
        for (year, month), numbers in months().items()
        for number in range(1, max(numbers) + 1)
        if number not in numbers
    ]
    assert tuple(missing) == ODD.missing_numbers


def test_months_without_an_edge_are_exactly_the_listed_ones() -> None:
    present = [year * 12 + month - 1 for year, month in months()]
    absent = [m for a, b in pairwise(present) for m in range(a + 1, b)]
    assert tuple(f"{m // 12}.{m % 12 + 1}" for m in absent) == ODD.months_without_edge


def test_tag_dates_match_names_but_for_the_listed_ones() -> None:
    wrong = [
        release.tag
        for release in KNOWN.edges
        if not release.date
        or (release.date.year - 2000, release.date.month) != release.version.numbers[:2]
    ]
    assert tuple(wrong) == ODD.month_differs_from_date


def test_irregular_tags_are_no_releases() -> None:
    odd = (
        *ODD.wrong_grammar,
        *ODD.missing_numbers,
        *ODD.named_in_documentation_without_tag,
        *ODD.other_tags,
    )
    assert [tag for tag in odd if KNOWN.release(parse(tag))] == []
    assert all(not parse(tag).known for tag in ODD.wrong_grammar)


def test_version_tags_are_their_anchors_but_for_the_listed_one() -> None:
    differ = [
        tag
        for minor in range(15, 21)
        if (release := KNOWN.release(parse(tag := f"version-2.{minor}")))
        and (anchor := KNOWN.anchor(f"2.{minor}"))
        and release.commit != anchor.commit
    ]
    assert tuple(differ) == ODD.version_tag_is_not_its_anchor


def test_every_release_has_its_provenance() -> None:
    for release in (*KNOWN.edges, *KNOWN.stables):
        assert len(release.commit) == 12
        assert int(release.commit, 16) >= 0
        assert release.source
    assert len({r.commit for r in KNOWN.edges}) > 365
    assert len(KNOWN.stables) == 57


def test_stable_patches_are_ordered_within_their_logical_version() -> None:
    for row in KNOWN.logical_versions:
        plain = [parse(tag).numbers for tag in row.stables if not parse(tag).suffix]
        assert plain == sorted(set(plain))


@pytest.mark.parametrize(
    ("tag", "code", "native", "gateway"),
    [
        ("edge-19.12.3", "", None, None),
        ("edge-23.12.1", "1.21.0", False, None),
        ("edge-23.12.2", "1.22.0", False, None),
        ("edge-25.2.2", "1.22.0", False, None),
        ("edge-25.2.3", "1.23.0", False, None),
        ("edge-25.4.4", "1.23.0", False, True),
        ("edge-25.9.4", "1.23.0", False, False),
        ("edge-26.4.4", "1.23.0", False, False),
        ("edge-26.5.1", "1.31.0", False, False),
        ("edge-26.5.2", "1.31.0", True, False),
    ],
)
def test_defaults_change_at_the_right_edge(
    tag: str, code: str, native: bool | None, gateway: bool | None
) -> None:
    release = KNOWN.release(parse(tag))
    assert release is not None
    found = (release.kubernetes_code, release.native_sidecar, release.install_gateway_api)
    assert found == (code, native, gateway)


@pytest.mark.parametrize(
    ("tag", "text", "disagree"),
    [
        ("stable-2.14.10", "1.21 to 1.28", False),
        ("edge-24.2.3", "1.22 to 1.28", True),
        ("edge-25.10.7", "1.23 to 1.35", True),
        ("edge-26.5.1", "1.31 to 1.35", True),
        ("edge-26.8.3", "1.31 to 1.35", False),
        ("enterprise-2.18.1", "1.22 to 1.32", False),
        ("edge-18.9.2", "", False),
        ("edge-20.3.1", "1.13 or newer", False),
        ("dev-undefined", "", False),
    ],
)
def test_kubernetes_ranges(tag: str, text: str, disagree: bool) -> None:
    found = KNOWN.kubernetes_range(parse(tag))
    assert str(found) == text
    assert bool(found.disagreement) is disagree
    assert bool(found.sources) is bool(text)


def test_no_kubernetes_range_is_empty() -> None:
    for release in (*KNOWN.edges, *KNOWN.stables):
        found = KNOWN.kubernetes_range(release.version)
        low, high = parse_kubernetes(found.minimum), parse_kubernetes(found.maximum)
        assert low is None or high is None or low <= high


def test_advice_names_releases_and_sources() -> None:
    against: list[Release] = [r for r in KNOWN.edges if r.advice and r.advice.against]
    assert len(against) == 33
    for release in KNOWN.edges:
        if (advice := release.advice) is None:
            continue
        assert advice.source.startswith("https://linkerd.io/20")
        assert advice.why
        if advice.against:
            better = KNOWN.release(parse(advice.instead))
            assert better is not None
            assert better.version.numbers > release.version.numbers
            assert not (better.advice and better.advice.status == "not-recommended")


def test_no_anchor_since_2_15_is_advised_against() -> None:
    for minor in range(15, 21):
        anchor = KNOWN.anchor(f"2.{minor}")
        assert anchor is not None
        assert anchor.anchor
        assert not (anchor.advice and anchor.advice.against)
    assert KNOWN.anchor("2.21") is None


@pytest.mark.parametrize(
    ("tag", "anchor", "exact"),
    [
        ("edge-25.4.4", "edge-25.4.4", True),
        ("edge-25.10.6", "edge-25.4.4", False),
        ("edge-26.7.1", "edge-26.6.3", False),
        ("edge-23.10.1", "stable-2.14.10", False),
        ("stable-2.14.3", "stable-2.14.10", False),
        ("enterprise-2.17.0", "edge-24.11.8", False),
    ],
)
def test_an_inventory_says_where_it_is_from(tag: str, anchor: str, exact: bool) -> None:
    found = KNOWN.inventory(parse(tag), "control_plane")
    assert found is not None
    assert (found.anchor.text, found.exact) == (anchor, exact)
    assert anchor in found.source
    assert len(found.keys) == 42


@pytest.mark.parametrize("tag", ["edge-20.3.1", "stable-2.13.7", "git-abc", "nonsense", ""])
def test_nothing_is_invented_for_what_was_not_inspected(tag: str) -> None:
    assert KNOWN.inventory(parse(tag), "control_plane") is None
    assert KNOWN.images(parse(tag)) is None
    assert KNOWN.crds(parse(tag)) == ()


def test_high_availability_adds_its_budgets() -> None:
    plain = KNOWN.inventory(parse("edge-25.4.4"), "control_plane")
    high = KNOWN.inventory(parse("edge-25.4.4"), "control_plane_ha")
    assert plain is not None
    assert high is not None
    assert {key.kind for key in high.keys - plain.keys} == {"PodDisruptionBudget"}
    assert ObjectKey(kind="ConfigMap", namespace="linkerd", name="linkerd-config") in plain.keys


def test_the_jaeger_extension_ends_with_2_18() -> None:
    assert KNOWN.inventory(parse("edge-25.4.4"), "jaeger") is not None
    assert KNOWN.inventory(parse("edge-25.10.7"), "jaeger") is None


def test_crd_versions_follow_the_release() -> None:
    def storage(tag: str, name: str) -> str:
        return next(c.storage for c in KNOWN.crds(parse(tag)) if c.name == name)

    assert storage("edge-24.2.4", "servers.policy.linkerd.io") == "v1beta2"
    assert storage("edge-24.8.2", "servers.policy.linkerd.io") == "v1beta3"
    assert storage("edge-25.4.4", "grpcroutes.gateway.networking.k8s.io") == "v1"


def test_images_follow_the_release() -> None:
    old, new = KNOWN.images(parse("edge-25.10.7")), KNOWN.images(parse("edge-26.6.3"))
    assert old is not None
    assert new is not None
    assert old.proxy_init.endswith(":v2.4.3")
    assert (new.proxy_init, new.policy_controller, new.native_sidecar) == ("", "", True)


def test_gateway_api_ranges_are_known_since_2_15() -> None:
    assert KNOWN.gateway_api("2.14") is None
    found = KNOWN.gateway_api("2.20")
    assert found is not None
    assert (found.minimum, found.maximum, found.versions) == ("1.2.1", "1.5.1", ("v1",))
    assert found.source


def test_keys_are_read_from_text() -> None:
    assert object_key("core/Namespace/-/linkerd") == ObjectKey(kind="Namespace", name="linkerd")
    assert str(object_key("apps/Deployment/linkerd/x")) == "Deployment linkerd/x"
