"""An API server that is away for a while: waited for within a budget, then named."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from fixtures.cluster.access.connection import ClusterError, Connection
from fixtures.cluster.access.patience import (
    BETWEEN,
    BUDGET,
    LAST,
    MOST,
    NONE,
    OPENING,
    REFUSED,
    Failure,
    Outages,
    Patience,
    known,
)
from fixtures.cluster.reader import ClusterReader
from fixtures.consent.rights import Right, missing
from suites.harness.scripted_api import (
    Asked,
    Says,
    Script,
    refused,
    scripted_api,
    write_kubeconfig,
)

OK = Says(body={"gitVersion": "v1.32.0"})
AWAY = refused(503, "ServiceUnavailable", "away")
DROPPED = Says(dropped=True)


class Time:
    """Wall seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)

    def patience(
        self, budget: float = BUDGET, *, hopeless: Callable[[], bool] | None = None
    ) -> Patience:
        return Patience(
            budget,
            hopeless=hopeless or (lambda: False),
            clock=lambda: self.now,
            jitter=lambda: 1.0,
            pause=self.pause,
        )


def after(*failures: Says, then: Says = OK, opened: bool = True) -> Script:
    """Answers in order; the first request of all is answered well when `opened`."""
    answers = itertools.chain([OK] if opened else [], failures, itertools.repeat(then))
    return lambda _: next(answers)


def opened(kubeconfig: Path, time: Time, budget: float = BUDGET) -> Connection:
    connection = Connection(kubeconfig, patience=time.patience(budget))
    connection.request("GET", "/version")
    return connection


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_is_repeated_until_it_is_answered(tmp_path: Path, status: int) -> None:
    time = Time()
    with scripted_api(tmp_path, after(*[refused(status, "Away")] * 4)) as api:
        answer = opened(api.kubeconfig, time).request("GET", "/version")

    assert b"v1.32.0" in answer
    assert len(api.asked) == 6
    assert time.pauses == [0.0, 0.2, 0.4, 0.8]


def test_a_dropped_connection_is_repeated_at_once(tmp_path: Path) -> None:
    time = Time()
    with scripted_api(tmp_path, after(DROPPED)) as api:
        opened(api.kubeconfig, time).request("GET", "/version")

    assert time.pauses == [0.0]


def test_pauses_grow_to_a_limit_and_end_with_the_budget(tmp_path: Path) -> None:
    time = Time()
    with scripted_api(tmp_path, after(then=AWAY)) as api, pytest.raises(ClusterError) as caught:
        opened(api.kubeconfig, time).request("GET", "/api/v1/pods")

    assert max(time.pauses) == MOST
    assert time.now == pytest.approx(BUDGET)
    error = caught.value
    assert error.exit_code == 3
    assert "GET http" in error.where
    assert error.where.endswith("/api/v1/pods")
    assert f"tried {len(api.asked) - 1} times in 30.0 s" in str(error)
    assert "away" in error.seen


def test_jitter_takes_up_to_half_of_a_pause(tmp_path: Path) -> None:
    time = Time()
    low = Patience(clock=lambda: time.now, jitter=lambda: 0.0, pause=time.pause)
    with scripted_api(tmp_path, after(*[AWAY] * 3)) as api:
        connection = Connection(api.kubeconfig, patience=low)
        connection.request("GET", "/version")
        connection.request("GET", "/version")

    assert time.pauses == [0.0, 0.1, 0.2]


@pytest.mark.parametrize("asked", ["7", "date"])
def test_what_the_server_asks_for_is_honoured(tmp_path: Path, asked: str) -> None:
    time = Time()
    value = (
        asked
        if asked == "7"
        else format_datetime(datetime.now(UTC) + timedelta(seconds=8), usegmt=True)
    )
    busy = Says(429, {"reason": "TooManyRequests"}, headers={"Retry-After": value})
    with scripted_api(tmp_path, after(busy)) as api:
        opened(api.kubeconfig, time).request("GET", "/version")

    (pause,) = time.pauses
    assert 6 <= pause <= 8


@pytest.mark.parametrize("value", ["3600", "soon"])
def test_a_wait_beyond_the_budget_is_not_begun(tmp_path: Path, value: str) -> None:
    time = Time()
    busy = Says(503, {"reason": "Busy"}, headers={"Retry-After": value})
    with scripted_api(tmp_path, after(then=busy)) as api, pytest.raises(ClusterError):
        opened(api.kubeconfig, time).request("GET", "/version")

    assert time.now == (0.0 if value == "3600" else pytest.approx(BUDGET))


@pytest.mark.parametrize(
    ("method", "query", "repeatable", "tried"),
    [
        ("GET", {}, False, True),
        ("PUT", {}, False, True),
        ("DELETE", {}, False, True),
        ("POST", {}, False, False),
        ("PATCH", {}, False, False),
        ("POST", {"dryRun": "All"}, False, True),
        ("POST", {}, True, True),
    ],
)
def test_only_what_may_be_done_twice_is_repeated(
    tmp_path: Path, method: str, query: dict[str, str], repeatable: bool, tried: bool
) -> None:
    time = Time()
    with scripted_api(tmp_path, after(DROPPED)) as api:
        connection = opened(api.kubeconfig, time)
        if tried:
            connection.request(method, "/x", query=query, body=b"{}", repeatable=repeatable)
        else:
            with pytest.raises(ClusterError):
                connection.request(method, "/x", query=query, body=b"{}", repeatable=repeatable)

    assert len(api.asked) == (3 if tried else 2)


def test_what_was_never_sent_or_was_turned_away_is_repeated_too(tmp_path: Path) -> None:
    time = Time()
    with scripted_api(tmp_path, after(refused(429, "TooManyRequests"))) as api:
        opened(api.kubeconfig, time).request("POST", "/x", body=b"{}")
    assert len(api.asked) == 3

    gone = Connection(api.kubeconfig, patience=time.patience())
    with pytest.raises(ClusterError, match="tried"):  # nobody listens any more
        gone.request("POST", "/x", body=b"{}")


@pytest.mark.parametrize("status", [401, 403, 404, 409, 500])
def test_an_answer_that_repeating_cannot_change_is_final(tmp_path: Path, status: int) -> None:
    time = Time()
    with (
        scripted_api(tmp_path, after(then=refused(status, "No"))) as api,
        pytest.raises(ClusterError) as caught,
    ):
        opened(api.kubeconfig, time).request("GET", "/x")

    assert len(api.asked) == 2
    assert "tried" not in str(caught.value)


def test_a_server_that_never_answered_is_not_waited_for_long(tmp_path: Path) -> None:
    time = Time()
    with (
        scripted_api(tmp_path, after(then=DROPPED, opened=False)) as api,
        pytest.raises(ClusterError, match="tried"),
    ):
        Connection(api.kubeconfig, patience=time.patience()).request("GET", "/version")

    assert time.now == pytest.approx(OPENING)


def test_where_nobody_ever_listened_there_is_hardly_any_wait(tmp_path: Path) -> None:
    time = Time()
    write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:9")
    with pytest.raises(ClusterError, match="tried"):
        Connection(tmp_path / "kubeconfig", patience=time.patience()).request("GET", "/version")

    assert time.now == pytest.approx(REFUSED)


def test_where_somebody_has_listened_a_refused_connection_is_waited_for(tmp_path: Path) -> None:
    """Within one connection, and by the next: a restart is an outage, not an absence."""
    time = Time()
    last = Says(body=OK.body, headers={"Connection": "close"})
    with scripted_api(tmp_path, lambda _: last) as api:
        first = opened(api.kubeconfig, time)
    with pytest.raises(ClusterError, match="tried"):
        first.request("GET", "/version")
    assert time.now == pytest.approx(BUDGET)

    more = replace(known(BUDGET), clock=lambda: time.now, pause=time.pause)
    with pytest.raises(ClusterError, match="tried"):
        Connection(api.kubeconfig, patience=more).request("GET", "/version")
    assert time.now == pytest.approx(2 * BUDGET)


def test_an_outage_is_waited_for_once_not_once_per_request(tmp_path: Path) -> None:
    time = Time()
    with scripted_api(tmp_path, after(then=DROPPED)) as api:
        connection = opened(api.kubeconfig, time)
        for _ in range(5):
            with pytest.raises(ClusterError):
                connection.request("GET", "/version")
        assert time.now == pytest.approx(BUDGET)


def test_after_an_outage_there_is_patience_again(tmp_path: Path) -> None:
    time = Time()
    outage = [AWAY] * 20
    with scripted_api(tmp_path, after(*outage[:3], OK, *outage[:3])) as api:
        connection = opened(api.kubeconfig, time, budget=1.0)
        for _ in range(2):
            connection.request("GET", "/version")

    assert time.pauses == [0.0, 0.2, 0.4] * 2


def test_one_path_that_stays_away_is_waited_for_once(tmp_path: Path) -> None:
    time = Time()

    def script(asked: Asked) -> Says:
        return AWAY if asked.path == "/broken" else OK

    with scripted_api(tmp_path, script) as api:
        connection = opened(api.kubeconfig, time)
        for _ in range(3):
            with pytest.raises(ClusterError):
                connection.request("GET", "/broken")
            connection.request("GET", "/version")

    assert time.now == pytest.approx(BUDGET)


def test_a_dead_target_is_not_waited_for(tmp_path: Path) -> None:
    time = Time()
    with scripted_api(tmp_path, after(then=DROPPED)) as api:
        connection = Connection(api.kubeconfig, patience=time.patience(hopeless=lambda: True))
        connection.request("GET", "/version")
        with pytest.raises(ClusterError):
            connection.request("GET", "/version")

    assert time.pauses == []
    assert len(api.asked) == 2


def test_observers_do_not_wait(tmp_path: Path) -> None:
    with scripted_api(tmp_path, after(then=AWAY)) as api:
        connection = Connection(api.kubeconfig, patience=NONE)
        connection.request("GET", "/version")
        with pytest.raises(ClusterError):
            connection.request("GET", "/version")

    assert len(api.asked) == 2


def test_closing_a_connection_ends_every_wait(tmp_path: Path) -> None:
    asked = threading.Event()

    def script(_: Asked) -> Says:
        asked.set()
        return Says(503, {"reason": "Busy"}, headers={"Retry-After": "1.5"})

    with scripted_api(tmp_path, script) as api:
        connection = Connection(api.kubeconfig, patience=Patience(3600, opening=3600))
        ended: list[ClusterError] = []

        def ask() -> None:
            with pytest.raises(ClusterError) as caught:
                connection.request("GET", "/version")
            ended.append(caught.value)

        thread = threading.Thread(target=ask)
        thread.start()
        assert asked.wait(20)
        connection.close()
        thread.join(20)

    assert [e.status for e in ended] == [503]


def test_facts_are_taken_from_a_flapping_server(tmp_path: Path) -> None:
    """Every third request is dropped, every fifth turned away; nothing is missing."""
    time, number = Time(), itertools.count(1)
    lock = threading.Lock()

    def script(asked: Asked) -> Says:
        with lock:
            turn = next(number)
        if turn > 1 and (turn % 3 == 0 or turn % 5 == 0):
            return DROPPED if turn % 3 == 0 else AWAY
        if asked.path == "/version":
            return OK
        if "/configmaps/" in asked.path or "/secrets/" in asked.path:
            return refused(404, "NotFound")
        return Says(body={"kind": "List", "metadata": {}, "items": []})

    with scripted_api(tmp_path, script) as api:
        reader = ClusterReader(Connection(api.kubeconfig, patience=time.patience()))
        facts = reader.facts()
        reader.close()

    assert facts.unreadable == ()
    assert facts.kubernetes == "v1.32.0"
    assert len(time.pauses) > 10


def test_rights_are_asked_for_again(tmp_path: Path) -> None:
    time = Time()
    allowed = Says(body={"status": {"allowed": True}})
    with scripted_api(tmp_path, after(DROPPED, then=allowed)) as api:
        connection = opened(api.kubeconfig, time)

        assert missing(connection, [Right("get", "", "pods")]) == ()


def test_a_server_that_hangs_is_waited_for_once_not_for_each_request() -> None:
    time = Time()
    outages = Outages(time.patience(30))
    outages.answered("GET /version")
    silent, spent = Failure(0), 0.0

    for number in range(20):
        tries = outages.tries(f"GET /list-{number}", repeatable=True)
        while (allowed := outages.allowance(60.0)) > 0:
            time.now += allowed  # it hangs for as long as it may
            spent += allowed
            if not tries.again(silent):
                break

    assert spent <= 30 + LAST
    time.now += BETWEEN
    assert outages.allowance(60.0) == LAST
    outages.answered("GET /list-0")
    assert outages.allowance(60.0) == 30


def test_a_path_that_is_refused_costs_others_no_time() -> None:
    time = Time()
    outages = Outages(time.patience(30))
    tries = outages.tries("GET /broken", repeatable=True)
    while tries.again(Failure(503)):
        pass

    assert outages.allowance(20.0) == 20.0
