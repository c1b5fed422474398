"""The runbook: a rehearsal's commands in order, pipes and all, and nothing else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

import rehearse
from fixtures.core.errors import BadInput
from fixtures.evidence.bundle import Bundle, open_bundle, seal
from fixtures.evidence.ledger import Ledger
from fixtures.evidence.records import CommandRan, Note, Record
from policies.facts.observations import CommandRun
from reports.build.guidance.commands import typed
from reports.build.guidance.runbook import NoRunbookError
from reports.build.guidance.runbook import build as runbook_of
from reports.formats import runbook
from reports.model.runbook import Runbook
from suites.reports.samples import START, Sample, hostile_sample, two_hops_sample, violated_sample

HOP = "hop 1: edge-25.4.4 -> edge-25.10.7"


def record(seq: int, line: str, cluster: str = "main", *, exit_code: int = 0) -> Record:
    started = START + timedelta(seconds=seq)
    command = CommandRun(
        argv=tuple(shlex.split(line)),
        program="stand-in",
        program_version="edge-25.10.7",
        exit_code=exit_code,
        seconds=0.1,
        started=started,
    )
    body = CommandRan(step="extensions_upgraded", hop=HOP, command=command)
    return Record(seq=seq, run="r", cluster=cluster, at=started, mono=float(seq), body=body)


def lines(*ran: str, own: Sequence[str] = ()) -> list[str]:
    records = [record(n, line) for n, line in enumerate(ran)]
    return [t.command.line for t in typed(records, frozenset(own))]


def book_of(sample: Sample, root: Path) -> Runbook:
    return runbook_of(sample.write(root))


@pytest.mark.parametrize(
    ("source", "sink"),
    [
        ("linkerd upgrade --crds", "kubectl apply -f -"),
        ("linkerd upgrade", "kubectl apply --dry-run=server -f -"),
        ("linkerd viz install --set a=b", "kubectl apply -f -"),
        ("linkerd multicluster link-gen --cluster-name west", "kubectl apply -f -"),
        ("linkerd install-cni", "kubectl apply -f -"),
        ("linkerd prune", "kubectl delete -f -"),
        ("linkerd jaeger uninstall", "kubectl delete -f -"),
    ],
)
def test_what_was_piped_is_a_pipe_again(source: str, sink: str) -> None:
    assert lines(source, sink) == [f"{source} | {sink}"]


@pytest.mark.parametrize(
    ("source", "sink"),
    [
        ("linkerd viz prune", "kubectl delete -f -"),  # less was deleted than it listed
        ("linkerd prune", "kubectl apply -f -"),
        ("linkerd upgrade", "kubectl delete -f -"),
        ("linkerd check", "kubectl apply -f -"),
        ("kubectl get pods", "kubectl apply -f -"),
    ],
)
def test_what_was_not_piped_is_no_pipe(source: str, sink: str) -> None:
    records = [record(0, source), record(1, sink)]

    first, second = (t.command for t in typed(records, frozenset()))

    assert (first.line, second.line) == (source, sink)
    assert (first.typed, second.typed) == (True, False)
    assert runbook.script([second]).splitlines()[-1] == f"# {sink}"


def test_a_client_that_failed_feeds_nothing() -> None:
    records = [record(0, "linkerd upgrade", exit_code=1), record(1, "kubectl apply -f -")]

    commands = [t.command for t in typed(records, frozenset())]

    assert [c.line for c in commands] == ["linkerd upgrade", "kubectl apply -f -"]
    assert "ended with exit code 1" in runbook.script(commands)


def test_a_pipe_from_one_cluster_to_another_names_both() -> None:
    link = "linkerd multicluster link-gen --cluster-name west"
    records = [record(0, link, "west"), record(1, "kubectl apply -f -", "main")]

    (piped,) = typed(records, frozenset())

    assert piped.place[0] == "main"
    assert piped.command.note == ("left of the pipe on cluster west, right of it on cluster main")


def test_commands_for_the_rehearsals_own_pods_and_other_programs_are_left_out() -> None:
    kept = "kubectl -n shop rollout restart deployment/web"

    assert lines(
        kept,
        "kubectl -n rehearse-probes rollout restart deployment/echo",
        "rm -rf /",
        own=["rehearse-probes"],
    ) == [kept]


def test_words_are_quoted_for_a_shell() -> None:
    odd = "linkerd viz install --set 'a[0]=b; rm -rf x'"

    (line,) = lines(odd)

    assert shlex.split(line) == shlex.split(odd)
    assert line == odd


def test_steps_stand_in_order_with_what_they_took(tmp_path: Path) -> None:
    book = book_of(Sample(traffic="healthy"), tmp_path)

    assert [s.step for s in book.steps] == [
        "preflighted",
        "cli_upgraded",
        "crds_upgraded",
        "control_plane_upgraded",
        "pruned",
        "extensions_upgraded",
        "data_plane_upgraded",
        "settled",
    ]
    control_plane = book.steps[3]
    assert (control_plane.gap, control_plane.lost) == (pytest.approx(12.25, abs=0.3), 0)
    assert control_plane.seconds
    assert control_plane.abort[-1] == "one of the controls to watch no longer holds"
    assert any(w.startswith("CP-02 ") for w in control_plane.watch)


def test_every_command_of_it_was_run(tmp_path: Path) -> None:
    bundle = two_hops_sample().write(tmp_path)
    ran = {r.body.command.line for r in bundle.reading.records if isinstance(r.body, CommandRan)}

    book = runbook_of(bundle)

    typed_lines = [c.line for s in book.steps for c in s.commands]
    assert typed_lines
    assert {part for line in typed_lines for part in line.split(" | ")} <= ran
    assert len({s.hop for s in book.steps if s.hop}) == 2


def test_the_way_back_is_said_only_where_it_was_walked(tmp_path: Path) -> None:
    book = book_of(Sample(), tmp_path)

    for step in book.steps:
        assert step.back is not None
        harmless = step.step in ("preflighted", "cli_upgraded", "settled")
        assert ("Nothing was changed" in step.back.said) == harmless
        assert ("not rehearsed" in step.back.said) != harmless
        assert not step.back.commands
        if not harmless:
            deep = "" if step.step == "control_plane_upgraded" else " all"
            assert f"suites/upgrade --rollback{deep}` rehearses it" in step.back.said


def test_what_was_not_rehearsed_is_said(tmp_path: Path) -> None:
    from policies.verdicts.findings import not_assessed

    sample = Sample(verdicts={"CP-04": not_assessed("secrets: forbidden")}, exit_code=6)

    book = book_of(sample, tmp_path)

    assert any(each.startswith("real proxies") for each in book.not_rehearsed)
    assert "CP-04: secrets: forbidden" in book.not_rehearsed
    assert "secrets: forbidden" in runbook.markdown(book)


def test_a_rehearsal_that_did_not_go_through_gives_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = violated_sample().write(tmp_path)

    with pytest.raises(NoRunbookError, match="did not go through"):
        runbook_of(bundle)
    assert rehearse.main(["runbook", bundle.place, "-o", str(tmp_path / "x.md")]) == 1
    assert "CP-02" in capsys.readouterr().err
    assert not (tmp_path / "x.md").exists()


def test_a_bundle_that_was_never_sealed_gives_none(tmp_path: Path) -> None:
    bundle = msgspec.structs.replace(Sample().write(tmp_path), manifest=None)

    with pytest.raises(BadInput, match="cannot be trusted"):
        runbook_of(bundle)


def test_a_bundle_that_contradicts_itself_gives_none(bundles: dict[str, Bundle]) -> None:
    records = bundles["healthy"].reading.records
    reading = msgspec.structs.replace(
        bundles["healthy"].reading, problem="record 3 was removed", records=records
    )

    with pytest.raises(BadInput, match="cannot be trusted"):
        runbook_of(msgspec.structs.replace(bundles["healthy"], reading=reading))


def hostile_lines(root: Path) -> Bundle:
    """A bundle whose commands and notes try to leave their place."""
    sample = Sample(name="hostile-lines")
    sample.write(root)
    folder = root / sample.name
    bundle = open_bundle(folder)
    (folder / "ledger.jsonl").unlink()
    (folder / "manifest.json").unlink()
    evil = ("kubectl", "-n", "a\n```\nrm -rf ~\n\x1b[31m<script>alert(1)</script>", "get", "pods")
    with Ledger.create(folder, sample.name) as ledger:
        for each in bundle.reading.records:
            body = each.body
            if isinstance(body, CommandRan):
                command = msgspec.structs.replace(body.command, argv=evil)
                body = msgspec.structs.replace(body, command=command)
                ledger.write(Note(step=body.step, hop=body.hop, text="\n# <b>x</b> ```"))
            ledger.write(body, cluster_time=each.cluster_time)
    seal(folder)
    return open_bundle(folder)


def test_no_command_leaves_its_line(tmp_path: Path) -> None:
    book = runbook_of(hostile_lines(tmp_path))

    text, page = runbook.markdown(book), runbook.html(book)

    assert not re.search(r"^\s*rm -rf", text, re.MULTILINE)
    assert "\x1b" not in text + page
    assert "<script" not in page
    assert "<b>" not in page
    fences = [line for line in text.splitlines() if line.startswith("```")]
    assert len(fences) % 2 == 0
    for begin, end in zip(fences[::2], fences[1::2], strict=True):
        assert begin == f"{end}sh"


def test_hostile_names_end_nothing(tmp_path: Path) -> None:
    sample = hostile_sample()
    sample.verdicts, sample.exit_code, sample.traffic = {}, 0, None
    book = book_of(sample, tmp_path)

    assert "<script" not in runbook.html(book)
    assert "\x1b" not in runbook.markdown(book) + runbook.html(book)


def test_the_command_writes_both_formats(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = Sample().write(tmp_path)

    assert rehearse.main(["runbook", bundle.place]) == 0
    assert capsys.readouterr().out.startswith("# Runbook: Linkerd edge-25.4.4")
    for name in ("book.html", "book.md"):
        assert rehearse.main(["runbook", bundle.place, "-o", str(tmp_path / name)]) == 0
        assert "edge-25.10.7" in (tmp_path / name).read_text()
    assert rehearse.main(["runbook", bundle.place, "-o", "book.pdf"]) == 4
    assert rehearse.main(["runbook", str(tmp_path / "nowhere")]) == 4
