"""The report's list of what remains to be renewed, and by whom."""

from __future__ import annotations

from pathlib import Path

import msgspec

from policies.releases.grammar import parse
from policies.workloads.remaining import remaining
from reports.build.report import build
from reports.formats import html, text
from suites.policy.builders import OLDER, SOURCE, TARGET, cluster, pod, proxy, with_pods
from suites.reports.documents import page_of
from suites.reports.samples import healthy_sample

OPERATED = pod("db-1", "db", kind="Cluster", owner_group="postgresql.cnpg.io")
HOSTILE = pod("x-1", "<b>x\x1b[31m", kind="Evil<i>", owner_group="example.org")


def test_only_what_no_restart_renews_remains_before_the_restart() -> None:
    facts = with_pods(cluster(TARGET, proxies=SOURCE), OPERATED)

    assert [r.subject for r in remaining(facts, parse(TARGET), restarted=False)] == [
        "Cluster.postgresql.cnpg.io shop/db"
    ]
    after = remaining(facts, parse(TARGET), restarted=True)
    assert [(r.pods, r.by) for r in after] == [
        (2, "its restart"),
        (2, "its restart"),
        (1, "CloudNativePG"),
    ]
    assert not remaining(facts, parse(TARGET), restarted=True, ignore_namespaces={"shop"})


def test_nothing_remains_of_what_is_current_or_has_finished() -> None:
    done = pod("j", "job", kind="Job", application_ended=True, proxy=proxy(OLDER))

    assert remaining(with_pods(cluster(TARGET), done), parse(TARGET), restarted=True) == ()


def test_every_document_names_it_and_no_name_becomes_markup(tmp_path: Path) -> None:
    report = build(healthy_sample().write(tmp_path))
    told = remaining(with_pods(cluster(TARGET), OPERATED, HOSTILE), parse(TARGET), restarted=True)
    shown = msgspec.structs.replace(report, remaining=told)

    page = html.render(shown)
    assert "What remains to be renewed, and by whom" in page
    assert "kubectl cnpg restart db -n shop" in page
    assert "<b>x" not in page
    assert "\x1b" not in page + text.render(shown)
    assert page_of(page)
    assert "shop/db: 1 at edge-25.10.7, by CloudNativePG" in text.render(shown)
    assert "What remains to be renewed" not in html.render(report)
    assert "remains to be renewed" not in text.render(report)
