"""The echo meets what nobody of ours asks: the connection ends, and nothing is printed of it."""

from __future__ import annotations

import asyncio

import pytest

from fixtures.prober.echo import Echo

STRANGE = {
    "no path": b"GET\r\n\r\n",
    "no interval": b"GET /events HTTP/1.1\r\n\r\n",
    "no key": b"GET /websocket HTTP/1.1\r\n\r\n",
    "no number": b"GET /?seq=x HTTP/1.1\r\n\r\n",
    "no length of a gap": b"GET /gap HTTP/1.1\r\n\r\n",
}


async def asked(request: bytes) -> tuple[bytes, list[str]]:
    """What is answered until the connection ends, and what the loop complains of."""
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
    echo = Echo("web-1", "127.0.0.1", 0, 0, 0)
    port, _ = await echo.listen()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    echo.end()
    await echo.run()
    return answer, complaints


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_request_ends_its_connection_alone(name: str) -> None:
    _, complaints = asyncio.run(asked(STRANGE[name]))

    assert complaints == []
