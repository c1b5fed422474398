"""How Helm combines values, and which changed defaults reach a user."""

from __future__ import annotations

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from policies.controls.helm.values import (
    FLAGS,
    RENAMED,
    changed_defaults,
    effective,
    frozen_values,
    given,
    overlay,
    three_way,
)
from policies.facts.base import Setting
from suites.policy.builders import TARGET, TO
from suites.policy.helm_stage import ISSUER, chart_defaults, of, plane_release, settings

NAMES = st.sampled_from(("a", "b", "c"))
SCALARS = st.sampled_from(("1", "true", '"x"', '""', "null"))
TREES = st.recursive(
    SCALARS, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
).filter(lambda t: isinstance(t, dict))
Tree = dict[str, object]


def flat(tree: Tree, prefix: str = "") -> tuple[Setting, ...]:
    """A tree as settings: the same as the reader of values makes."""
    found: list[Setting] = []
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            found += flat(value, f"{path}.")
        else:
            text = "{}" if isinstance(value, dict) else str(value)
            found.append(Setting(path=path, value=text))
    return tuple(sorted(found))


def merged(base: Tree, over: Tree) -> Tree:
    """Helm's coalescing of two maps, written down as Helm does it."""
    result: Tree = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if value == "null":
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(below, dict):
            result[key] = merged(below, value)
        else:
            result[key] = value
    return result


def plain(settings: tuple[Setting, ...]) -> dict[str, str]:
    """Without what means nothing: nulls and empty maps."""
    return {s.path: s.value for s in settings if s.value not in ("null", "{}")}


@examples(TREES, TREES)
def test_leaves_are_laid_over_as_maps_are_merged(base: Tree, over: Tree) -> None:
    assert plain(overlay(flat(base), flat(over))) == plain(flat(merged(base, over)))


@examples(TREES)
def test_nothing_laid_over_changes_nothing(base: Tree) -> None:
    assert overlay(flat(base), ()) == flat(base)
    assert plain(overlay(flat(base), flat(base))) == plain(flat(merged(base, base)))


OLD = chart_defaults("edge-25.10.7", gone="1")
NEW = chart_defaults("edge-26.6.3", proxy__nativeSidecar="true", brand__new="7")
RELEASE = plane_release(defaults=OLD, values=of({**ISSUER, "proxy.logLevel": '"debug"'}))


def test_reuse_never_looks_at_the_new_chart() -> None:
    found = {s.path: s.value for s in effective(RELEASE, NEW, "reuse")}

    assert found["linkerdVersion"] == '"edge-25.10.7"'
    assert found["gone"] == "1"
    assert "brand.new" not in found


def test_reset_forgets_the_user() -> None:
    assert effective(RELEASE, NEW, "reset") == NEW


def test_reset_then_reuse_takes_new_defaults_and_keeps_the_user() -> None:
    found = {s.path: s.value for s in effective(RELEASE, NEW, "reset-then-reuse")}

    assert found["linkerdVersion"] == '"edge-26.6.3"'
    assert found["proxy.logLevel"] == '"debug"'
    assert found["proxy.nativeSidecar"] == "true"
    assert "gone" not in found


def test_without_a_flag_one_given_value_makes_helm_forget_the_others() -> None:
    one = settings(controllerReplicas="3")

    assert effective(RELEASE, NEW, "plain") == effective(RELEASE, NEW, "reset-then-reuse")
    assert effective(RELEASE, NEW, "plain", one) == effective(RELEASE, NEW, "reset", one)


def test_every_mode_has_its_flags() -> None:
    assert FLAGS["plain"] == ()
    assert len({flags for flags in FLAGS.values()}) == 4


def test_values_given_as_options() -> None:
    found = given(("proxy.logLevel=warn\\,linkerd=debug", "a.b=1,a.c=true", "d="))

    assert found == of(
        {"proxy.logLevel": '"warn,linkerd=debug"', "a.b": "1", "a.c": "true", "d": '""'}
    )


def test_defaults_that_reach_the_user_are_named() -> None:
    applying = {c.path: (c.old, c.new) for c in three_way(RELEASE, NEW) if c.applies}

    assert applying == {"proxy.nativeSidecar": ("false", "true"), "brand.new": (None, "7")}


def test_a_value_the_user_set_is_kept_and_said() -> None:
    mine = plane_release(values=of({**ISSUER, "proxy.nativeSidecar": "false"}))

    verdict = changed_defaults(mine, NEW, TO)

    assert verdict.status == "holds"
    said = {i.subject: i.explained for i in verdict.items}
    assert said["value proxy.nativeSidecar"] == "the user's own value false stays"


@pytest.mark.parametrize("path", sorted(RENAMED))
def test_a_value_that_the_new_chart_does_not_read_is_a_violation(path: str) -> None:
    mine = plane_release(
        values=of({**ISSUER, f"{path}.x": "1"}),
        defaults=overlay(OLD, of({f"{path}.x": "0"})),
    )

    verdict = changed_defaults(mine, NEW, TO)

    assert verdict.status == "violated"
    assert RENAMED[path] in verdict.seen


def test_labels_and_annotations_of_the_user_are_nobodys_default() -> None:
    mine = plane_release(values=of({**ISSUER, "podAnnotations.team": '"mesh"'}))

    assert changed_defaults(mine, chart_defaults(TARGET), TO).items == ()


def test_the_legacy_switches_of_the_crds_still_count() -> None:
    old = settings(enableHttpRoutes="true")
    mine = plane_release(values=settings(enableHttpRoutes="false"), defaults=old)

    assert changed_defaults(mine, settings(installGatewayAPI="true"), TO).status == "holds"


def test_what_was_not_read_is_not_assessed() -> None:
    assert changed_defaults(plane_release(unread="refused"), NEW, TO).status == "not assessed"
    assert changed_defaults(plane_release(), (), TO).status == "not assessed"


def test_versions_among_the_users_values_are_seen() -> None:
    assert frozen_values(RELEASE) == ()
    assert frozen_values(plane_release(values=OLD)) == ("linkerdVersion",)
