"""Bodies, schemas and connections of anybody cost bounded time; none ends the server."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.embedded.api.http.yaml_bodies import decode_yaml
from fixtures.embedded.api.schema.patterns import MOST_STEPS, matches
from fixtures.embedded.connections import FULL, Limited
from fixtures.embedded.kernel import ApiError

PATTERNS = [
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    r"^(a+)+$",
    r"\d{2,3}x?",
    r"^(?:a|ab)(?:c|bcd)$",
    r"(?i)ABC",
    r"[^a-c\s]",
    r"^\w+\s$",
    r"\bfoo\b",
    r"a|^$",
    r"(?s)a.b",
    r"^a.{0,2}?$",
    r"\Aa",
]


@given(st.sampled_from(PATTERNS), st.text("abcdfoxABC012.- \n", max_size=12))
def test_a_pattern_is_matched_as_pythons_engine_matches_it(pattern: str, value: str) -> None:
    wanted = re.search(pattern, value) is not None
    if pattern.endswith("$") and value.endswith("\n"):
        wanted = re.search(pattern[:-1] + r"\Z", value) is not None  # RE2's end is the very end

    assert matches(pattern, value) is wanted


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(a*)*b?$", "a*a*a*a*a*$^"])
def test_a_slow_pattern_is_not_slow_here(pattern: str) -> None:
    assert not matches(pattern, "a" * 5_000 + "!")


def test_what_would_take_too_long_is_refused() -> None:
    assert not matches("(a?){20}$", "a" * MOST_STEPS)


@pytest.mark.parametrize(
    "pattern", ["(", "a{1000}{1000}", "(?=a)b", r"(a)\1", "(" * 5_000, "a" * 20_000]
)
def test_what_re2_has_not_asks_for_nothing(pattern: str) -> None:
    assert matches(pattern, "b")


LAUGHS = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize(
    "body",
    ["z: " + "[" * 100_000, "- " * 100_000, "{a: " * 50_000, "z: &z [*z]", LAUGHS],
    ids=["flow", "list", "map", "itself", "laughs"],
)
def test_a_deep_body_is_refused_and_the_server_lives(body: str) -> None:
    with pytest.raises(ApiError) as refused:
        decode_yaml(body.encode())

    assert refused.value.code == 400
    assert len(refused.value.message) < 500


class Noted(asyncio.Transport):
    """A connection that keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True


class Inner(asyncio.Protocol):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.told.append(transport)

    def data_received(self, data: bytes) -> None:
        self.told.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(exc)


def test_one_connection_too_many_is_told_so_and_a_place_that_is_free_again_is_given() -> None:
    inner: list[Inner] = []

    def make() -> Inner:
        inner.append(Inner())
        return inner[-1]

    limited = Limited(make, most=2)
    protocols = [limited() for _ in range(4)]
    transports = [Noted() for _ in protocols]
    for protocol, transport in zip(protocols[:3], transports[:3], strict=True):
        protocol.connection_made(transport)
    protocols[2].data_received(b"ignored")
    protocols[2].connection_lost(None)
    protocols[0].data_received(b"heard")
    protocols[0].connection_lost(None)
    protocols[3].connection_made(transports[3])

    assert [t.closed for t in transports] == [False, False, True, False]
    assert transports[2].written == FULL
    assert inner[0].told == [transports[0], b"heard", None]
    assert inner[2].told == []
    assert inner[3].told == [transports[3]]
    assert limited.open == 2
