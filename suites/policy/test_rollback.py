"""RBK-01: after the way back everything is the source release's again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from policies.controls.whole_run.rollback import way_back_works
from policies.facts.cluster import Bundle, Certificate, ClusterFacts, LinkerdConfig, Setting
from policies.facts.observations import Canary, CommandRun
from policies.verdicts.findings import Verdict
from suites.policy.builders import FROM, SOURCE, TARGET, canaries, cluster, pod, with_pods
from suites.policy.test_extensions import with_viz

UPGRADE = CommandRun(
    argv=("linkerd", "upgrade"),
    program="real",
    exit_code=0,
    seconds=1.0,
    started=datetime(2026, 1, 1, tzinfo=UTC),
)


def config(version: str, **fields: Any) -> LinkerdConfig:
    values = (Setting(path="linkerdVersion", value=f'"{version}"'),)
    given: dict[str, Any] = {"overrides": (), "overrides_present": True, **fields}
    return LinkerdConfig(uid="config", version=version, values=values, **given)


def anchors(digest: str) -> Bundle:
    certificate = Certificate(
        sha256=digest,
        subject="CN=root",
        issuer="CN=root",
        not_before=datetime(2000, 1, 1, tzinfo=UTC),
        not_after=datetime(2100, 1, 1, tzinfo=UTC),
        is_ca=True,
        verified_by=(digest,),
    )
    return Bundle(place="trust-roots", sha256=digest, certificates=(certificate,))


def healthy(version: str = SOURCE, **fields: Any) -> ClusterFacts:
    roots = anchors("aa")
    given = {"config": config(version), "trust_roots": roots, "issuer": roots, **fields}
    return msgspec.structs.replace(cluster(version, proxies=SOURCE), **given)


BEFORE = healthy()
INJECTED = canaries(["injected"] * 4, version=SOURCE)


def judge(
    back: ClusterFacts,
    *commands: CommandRun,
    seen: tuple[Canary, ...] = tuple(INJECTED),
) -> Verdict:
    return way_back_works(BEFORE, back, FROM, commands=commands or (UPGRADE,), canaries=seen)


def test_a_way_back_to_where_it_began_holds() -> None:
    verdict = judge(healthy())

    assert verdict.status == "holds", verdict
    assert SOURCE in verdict.summary


REFUSED = msgspec.structs.replace(UPGRADE, exit_code=1, stderr_tail="cannot read the values")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (judge(healthy(), UPGRADE, REFUSED), "cannot read the values"),
        (judge(healthy(TARGET)), "image"),
        (judge(healthy(config=config(TARGET))), "linkerdVersion"),
        (judge(healthy(config=config(SOURCE, overrides_present=False, overrides=None))), "gone"),
        (judge(healthy(trust_roots=anchors("zz"))), "anchor"),
        (judge(with_pods(healthy(), pod("late", version=TARGET))), "newer"),
        (judge(healthy(), seen=tuple(canaries(["unmeshed"] * 4))), "without a proxy"),
        (judge(healthy(), seen=tuple(canaries(["injected"] * 4, version=TARGET))), TARGET),
    ],
    ids=[
        "refused", "images", "version", "overrides", "anchors", "ahead", "not injected",
        "injected by the newer",
    ],
)  # fmt: skip
def test_what_is_not_as_before_is_violated(verdict: Verdict, said: str) -> None:
    assert verdict.status == "violated", verdict
    assert said.lower() in f"{verdict.summary} {verdict.seen}".lower()


def test_without_a_canary_it_is_open() -> None:
    assert judge(healthy(), seen=()).status == "not assessed"


def test_a_source_of_the_rehearsals_own_may_be_ahead() -> None:
    back = with_pods(healthy(), pod("meshed-by-newer", version=TARGET, within="probes"))
    given: dict[str, Any] = {"commands": (UPGRADE,), "canaries": INJECTED}

    assert way_back_works(BEFORE, back, FROM, **given).status == "violated"
    own = way_back_works(BEFORE, back, FROM, **given, ignore_namespaces={"probes"})
    assert own.status == "holds", own


def test_extensions_are_taken_back_only_where_they_were_of_the_source() -> None:
    given: dict[str, Any] = {"commands": (UPGRADE,), "canaries": INJECTED, "extensions": True}
    before, stayed = (with_viz(BEFORE, tag) for tag in (SOURCE, TARGET))

    assert way_back_works(before, before, FROM, **given).status == "holds"
    left = way_back_works(before, stayed, FROM, **given)
    assert left.status == "violated"
    assert "linkerd-viz/tap" in left.seen
    assert way_back_works(stayed, stayed, FROM, **given).status == "holds", "they had their own"
    assert way_back_works(BEFORE, BEFORE, FROM, **given).status == "holds", "there are none"
