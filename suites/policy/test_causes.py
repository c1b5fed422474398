"""One cause, one finding: what follows from what, by the catalogue, by time and by subject."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.verdicts.catalogue import CatalogueError, catalogue, read_catalogue
from policies.verdicts.causes import roots
from policies.verdicts.findings import Finding, Item, violated
from suites.policy.builders import change
from suites.policy.test_catalogue import GOOD

FOLLOWS = {c.id: c.follows for c in catalogue().values()}


def finding(control: str, *subjects: str, step: str = "", **fields: object) -> Finding:
    items = tuple(Item(subject=s) for s in subjects or ("Deployment linkerd/x",))
    known = catalogue()[control]
    return change(
        Finding(
            control=control,
            severity=known.severity,
            step=step or known.step,
            verdict=violated("it is not so", expected="", seen="", items=items),
        ),
        **fields,
    )


def rooted(*found: Finding) -> dict[str, str]:
    return {f.control: r for f, r in zip(found, roots(found, FOLLOWS), strict=True)}


def test_one_violation_is_a_cause() -> None:
    assert rooted(finding("CP-05")) == {"CP-05": ""}


def test_consequences_follow_from_the_first_of_their_chain() -> None:
    found = rooted(finding("CP-10"), finding("CP-06"), finding("CP-02"), finding("CP-05"))

    assert found == {"CP-02": "", "CP-05": "CP-02", "CP-06": "CP-02", "CP-10": "CP-02"}


def test_a_chain_holds_over_a_control_that_was_not_violated() -> None:
    assert rooted(finding("DP-07"), finding("TRF-03"))["TRF-03"] == "DP-07"


def test_what_has_nothing_to_do_with_the_other_is_a_cause_of_its_own() -> None:
    assert set(rooted(finding("CP-04"), finding("DP-08")).values()) == {""}


def test_old_pods_follow_from_a_rollout_that_stands_and_not_the_other_way_round() -> None:
    stuck = rooted(finding("CP-01", "pod linkerd/a-1", "pod linkerd/a-2"), finding("CP-02"))
    wrong = rooted(finding("CP-01", "Deployment linkerd/a", "pod linkerd/a-1"), finding("CP-02"))

    assert stuck == {"CP-01": "CP-02", "CP-02": ""}
    assert wrong == {"CP-01": "", "CP-02": "CP-01"}


def test_a_cause_is_never_of_a_later_step_nor_of_another_cluster() -> None:
    early = finding("TRF-05", step="data_plane_upgraded")
    late = finding("DP-06", step="settled")

    assert rooted(early, late) == {"TRF-05": "", "DP-06": ""}
    assert rooted(finding("CP-05"), finding("CP-06", cluster="west"))["CP-06"] == ""


CONTROLS = st.lists(st.sampled_from(sorted(catalogue())), unique=True, min_size=1, max_size=12)
SUBJECTS = st.sampled_from(["pod shop/a", "Deployment shop/a"])


@given(CONTROLS, st.data())
def test_there_is_always_a_cause_and_what_follows_names_one(
    controls: list[str], data: st.DataObject
) -> None:
    found = [finding(c, data.draw(SUBJECTS), step="one") for c in controls]
    named = roots(found, FOLLOWS)
    causes = {f.control for f, root in zip(found, named, strict=True) if not root}

    assert causes
    assert {root for root in named if root} <= causes


@given(CONTROLS, st.randoms(use_true_random=False))
def test_the_order_of_one_step_says_nothing(controls: list[str], mix: object) -> None:
    found = [finding(c, step="one") for c in controls]
    other = sorted(found, key=lambda f: hash((f.control, str(mix))))

    assert rooted(*found) == rooted(*other)


def test_only_images_and_rollouts_may_follow_from_each_other() -> None:
    mutual = {
        frozenset((a, b))
        for a, causes in FOLLOWS.items()
        for b in causes
        if a in FOLLOWS.get(b, ())
    }

    assert mutual == {frozenset(("CP-01", "CP-02")), frozenset(("EXT-01", "EXT-02"))}


def test_a_catalogue_whose_control_follows_from_none_is_refused() -> None:
    with pytest.raises(CatalogueError, match="CP-04: follows CP-99"):
        read_catalogue(GOOD + 'follows = ["CP-99"]\n')
