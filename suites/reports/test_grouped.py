"""What a reader takes in at once: one unit per count, one line per thing that is said alike."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from policies.verdicts.findings import Item
from reports.formats import html, text
from reports.formats.grouped import merged, told
from reports.formats.wording import counts_line, explained_line, words
from reports.model.report import Entry, Report, Said
from suites.reports.documents import page_of

READ = "read each one, then run again with --acknowledge "


@pytest.fixture
def advised(reports: dict[str, Report]) -> Entry:
    (entry,) = reports["healthy"].advice
    return entry


def advisory(name: str) -> Item:
    return Item(subject=f"advisory {name}", expected="acknowledged", seen="applies")


def twice(entry: Entry, first: tuple[str, ...], second: tuple[str, ...]) -> tuple[Entry, Entry]:
    """The same advice on two hops, each with its advisories."""
    hops = ("hop 1: a -> b", "hop 2: b -> c")
    one, two = (
        replace(
            entry,
            id=f"F{900 + n}",
            hop=hops[n],
            items=tuple(map(advisory, ids)),
            next_command=READ + ",".join(ids),
        )
        for n, ids in enumerate((first, second))
    )
    return one, two


def test_advice_of_several_hops_is_said_once_with_each_items_place(advised: Entry) -> None:
    both = twice(advised, ("x", "y"), ("y", "z"))

    (found,) = merged(both)

    assert [(i.subject, at) for i, at in found.items] == [
        ("advisory x", "hop 1"),
        ("advisory y", ""),
        ("advisory z", "hop 2"),
    ]
    assert found.entry.next_command == f"{READ}x,y,z"
    assert all(hop in found.where for hop in ("hop 1: a -> b", "hop 2: b -> c"))


def test_an_item_that_one_finding_has_twice_is_in_one_place(advised: Entry) -> None:
    (found,) = merged(twice(advised, ("x", "x"), ("y",)))

    assert [at for _, at in found.items] == ["hop 1", "hop 2"]


def test_other_next_commands_are_all_kept(advised: Entry) -> None:
    one, two = twice(advised, ("x",), ("y",))

    (found,) = merged((one, replace(two, next_command="linkerd check")))

    assert found.entry.next_command == f"{READ}x\nlinkerd check"


def test_merged_advice_keeps_the_counts_and_the_anchor_of_each_finding(
    reports: dict[str, Report], advised: Entry
) -> None:
    report = reports["healthy"]
    others = tuple(e for e in report.findings if not e.advises)
    both = replace(report, findings=(*others, *twice(advised, ("x",), ("y",))))

    page = page_of(html.render(both))
    shown = text.render(both)

    assert len([e for e in page.all("article") if "c-advice" in e.attributes["class"]]) == 1
    assert page.one("F900").tag == "article"
    assert page.one("F901").tag == "span"
    assert shown.count("advice PRE-08") == 1
    assert "    - advisory y: applies (hop 2)" in shown


def test_findings_and_explained_items_are_never_in_one_sum(reports: dict[str, Report]) -> None:
    report = reports["healthy"]
    counts = report.counts

    assert counts_line(report).startswith(f"{counts.findings} findings: ")
    assert "explained" not in counts_line(report)
    assert explained_line(report).startswith(f"{counts.explained} item")
    assert explained_line(replace(report, counts=replace(counts, explained=0))) == ""


def test_the_summary_names_cluster_and_versions(reports: dict[str, Report]) -> None:
    header = reports["healthy"].header
    named = replace(reports["healthy"], header=replace(header, target_name="blue"))

    (line,) = [each for each in text.render(named).splitlines() if each.startswith("on ")]

    assert f"{header.target} blue" in line
    assert f"Kubernetes {header.kubernetes}" in line
    assert f"rehearse {header.version}" in line


def test_what_is_said_alike_of_several_things_is_one_line() -> None:
    lines = [
        Said(kind="dry run", label="Deployment a/b", text="accepted", details=()),
        Said(kind="image", label="x:1", text="failed", details=("no such tag",)),
        Said(kind="dry run", label="Deployment c/d", text="accepted", details=()),
        Said(kind="dry run", label="Deployment e/f", text="refused, 1 object", details=("why",)),
    ]

    found = told(lines)

    assert [(t.text, t.labels) for t in found] == [
        ("accepted", ("Deployment a/b", "Deployment c/d")),
        ("failed", ("x:1",)),
        ("refused, 1 object", ("Deployment e/f",)),
    ]
    assert found[2].details == ("why",)


def test_names_of_programs_and_acronyms_are_written_as_they_are() -> None:
    assert html.sentence("kubectl 1.32") == "kubectl 1.32"
    assert html.sentence("every pod") == "Every pod"
    assert [words(s) for s in ("cli_upgraded", "crds_upgraded", "data_plane_upgraded")] == [
        "CLI upgraded",
        "CRDs upgraded",
        "data plane upgraded",
    ]
