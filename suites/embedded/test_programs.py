"""Who holds the cluster's time between two requests: programs that write, and nobody else."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from fixtures.embedded.api.programs import HELD, PAUSE, Programs
from fixtures.embedded.pace import Pace, Peer

SPEED = 20.0


class Connection(asyncio.Transport):
    """As the loop's own are: one can be told from another, and forgotten."""


class Told(Pace):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def answered(self, program: Peer, seconds: float) -> None:
        assert seconds == PAUSE / SPEED
        self.seen.append("holds")

    def asks(self, program: Peer) -> None:
        self.seen.append("asks")


def held(agent: str, *requests: str) -> list[bool]:
    """Whether time is held after each of these requests on one connection."""
    pace, found = Told(), list[bool]()

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response()

    programs = Programs(answer, pace, SPEED)

    async def ask() -> None:
        peer = Connection()
        for line in requests:
            method, path = line.split()
            request = make_mocked_request(
                method, path, headers={"User-Agent": agent}, transport=peer
            )
            said = await programs.handle(request)
            found.append(said.headers.get(HELD) is not None)

    asyncio.run(ask())
    assert pace.seen.count("holds") == sum(found)
    return found


@pytest.mark.parametrize("agent", ["kubectl/v1.34.3 (linux/amd64)", "Helm/3.19.0", "linkerd/v0.0"])
def test_a_program_holds_time_from_its_first_write_on(agent: str) -> None:
    assert held(agent, "GET /a", "PATCH /a", "GET /b", "PATCH /b") == [False, True, True, True]


def test_a_program_that_only_looks_on_holds_nothing() -> None:
    assert held("kubectl/v1", "DELETE /a", *["GET /a"] * 4) == [True, True, True, False, False]


def test_a_program_that_keeps_its_connection_says_when_it_is_done() -> None:
    said = held("rehearsal-stand-in", "PATCH /a", "GET /_embedded/clock", "GET /b")

    assert said == [True, False, False]


def test_who_is_no_program_of_the_guide_holds_nothing() -> None:
    assert held("linkerd-upgrade-rehearsal", "POST /a", "DELETE /a") == [False, False]
