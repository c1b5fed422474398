"""Recorded requests get the recorded answers: status, kind, reason, and the shape of the body."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from suites.embedded.answer_shapes import Unlike, differences, shape_of
from suites.embedded.recorded_answers import Answer, read_answer
from suites.embedded.recorded_exchanges import BODY_OMITTED, CONDITIONAL, Exchange, Line, folders
from suites.embedded.replay import compare, compare_watch, replay_all
from suites.embedded.replay_table import Row, Table, judge, read_table, steady

pytestmark = pytest.mark.whole

ENOUGH = 3700
"""Exchanges that the recordings at hand have at least."""


def unlike(recorded: Any, answered: Any) -> list[tuple[str, str]]:
    found = differences(shape_of(recorded), shape_of(answered))
    return [(one.what, one.where) for one in found]


def exchange(url: str = "/api/v1/pods", answer: object = None, status: int = 200) -> Exchange:
    text = answer if answer is None or isinstance(answer, str | dict) else json.dumps(answer)
    line = Line(1.0, "GET", url, {}, status, {}, None, text)
    return Exchange("walk", "001-get", line)


def test_recorded_requests_are_answered_as_recorded(tmp_path: Path) -> None:
    if not folders():
        pytest.skip("no recording with HTTP exchanges in ../shared/recordings")
    table = read_table()

    outcome = replay_all(tmp_path)

    report = outcome.report()
    print(report)
    verdict = judge(table, {d.key for d in outcome.differences})
    assert verdict.unknown == (), f"not in replay_differences.toml\n{report}"
    assert verdict.gone == (), f"rows to be taken out of replay_differences.toml\n{report}"
    found = [(d.exchange.name, d.key) for d in outcome.differences]
    assert len(steady(table, found)) <= table.at_most, report
    assert outcome.replayed.total() > ENOUGH
    assert set(outcome.skipped) <= {BODY_OMITTED, CONDITIONAL}


@pytest.mark.parametrize(
    ("recorded", "answered", "expected"),
    [
        ({"a": 1}, {"a": 2}, []),
        ({"a": 1}, {}, [("missing", "a")]),
        ({}, {"a": {"b": 1}}, [("extra", "a")]),
        ({"a": {"b": 1}}, {"a": {"b": "1"}}, [("type", "a.b")]),
        ({"a": None}, {"a": []}, [("type", "a")]),
        ({"a": True}, {"a": 1}, [("type", "a")]),
        ({"a": [{"b": 1}, {"c": 1}]}, {"a": [{"c": 1, "b": 2}]}, []),
        ({"a": [{"b": 1}, {"c": 1}]}, {"a": [{"c": 1}]}, [("missing", "a[].b")]),
        ({"a": [1]}, {"a": []}, [("empty", "a[]")]),
        ({"a": []}, {"a": [1]}, [("filled", "a[]")]),
        ({"labels": {"x": "1"}}, {"labels": {"y": "1"}}, []),
        ({"labels": {"x": "1"}}, {"labels": {"y": 1}}, [("type", "labels.*")]),
        ({"labels": {"x": "1"}}, {}, [("missing", "labels")]),
        ({"fieldsV1": {"f:a": {}}}, {"fieldsV1": {}}, []),
    ],
)
def test_shapes_differ_where_names_or_types_do(
    recorded: Any, answered: Any, expected: list[tuple[str, str]]
) -> None:
    assert unlike(recorded, answered) == expected


@pytest.mark.parametrize(
    ("answered", "what"),
    [
        (Answer(404, {"kind": "Status"}), "status"),
        (Answer(200, {"kind": "List"}), "kind"),
        (Answer(200, {"kind": "PodList", "reason": "x"}), "reason"),
        (Answer(200, {"kind": "PodList", "items": []}), "extra"),
    ],
)
def test_answers_that_differ_are_found(answered: Answer, what: str) -> None:
    one = exchange(answer={"kind": "PodList"})
    recorded = Answer(200, {"kind": "PodList"})

    assert what in [d.unlike.what for d in compare(one, recorded, answered)]
    assert list(compare(one, recorded, recorded)) == []


def test_watches_are_held_to_the_events_of_their_type() -> None:
    recorded = '{"type":"ADDED","object":{"a":1}}\n{"type":"ADDED","object":{"b":1}}\n{"type":"MO'
    one = exchange("/api/v1/pods?watch=true", answer=recorded)

    def found(*events: Any) -> list[Unlike]:
        return [d.unlike for d in compare_watch(one, 200, list(events))]

    assert found({"type": "ADDED", "object": {"b": 2}}) == []
    assert found({"type": "ADDED", "object": {"c": 2}}) == [Unlike("extra", "object.c")]
    assert found() == [Unlike("event", ".")]
    assert [d.unlike.what for d in compare_watch(one, 410, [])] == ["status"]


def test_kind_and_reason_are_read_from_protobuf() -> None:
    status = "azhzAAoMCgJ2MRIGU3RhdHVzEiMKABIHRmFpbHVyZRoEbm9uZSIITm90Rm91bmQqADCUAw=="
    answer = read_answer(exchange(answer={"b64": status}, status=404))

    assert (answer.text("kind"), answer.text("reason")) == ("Status", "NotFound")
    assert answer.partly


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        ("/api/v1/pods?limit=500", "GET /api/v1/pods"),
        ("/api/v1/namespaces/shop", "GET /api/v1/namespaces/*"),
        ("/api/v1/namespaces/shop/pods/web-1", "GET /api/v1/namespaces/*/pods/*"),
        ("/apis/apps/v1/deployments?watch=true", "GET /apis/apps/v1/deployments watch"),
        ("/apis/apps/v1", "GET /apis/apps/v1"),
    ],
)
def test_requests_for_the_same_thing_have_one_signature(url: str, signature: str) -> None:
    assert exchange(url).signature == signature


def test_table_is_held_to_what_is_found() -> None:
    row = Row("GET /api/*", "extra", "items[].a", "known")
    table = Table(at_most=1, difference=[row])
    known = ("GET /api/v1/pods", "extra", "items[].a")

    assert judge(table, {known}).unknown == judge(table, {known}).gone == ()
    assert judge(table, {known, ("GET /api/v1/pods", "extra", "items[].b")}).unknown
    assert judge(table, set()).gone == (row.name,)
    assert judge(Table(1, [msgspec.structs.replace(row, sometimes=True)]), set()).gone == ()


def test_a_moment_does_not_count_and_all_else_does() -> None:
    passing = Row("GET /api/*", "extra", "status.a", "a moment of a rollout", sometimes=True)
    moment, lasting = ("GET /api/v1/pods", "extra", "status.a"), ("GET /api/v1/x", "type", "b")
    table = Table(0, [passing, Row("GET /api/*", "type", "b", "known")])

    assert steady(table, [("one", moment), ("two", lasting), ("two", moment)]) == {"two"}


def test_every_row_has_a_reason() -> None:
    assert all(len(row.reason) > 10 for row in read_table().difference)
