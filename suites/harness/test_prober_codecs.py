"""What the prober, its echo and the embedded cluster share: protocols as bytes, no socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.prober import http1, websocket

KINDS = st.sampled_from([websocket.TEXT, websocket.CLOSE, websocket.PING, websocket.PONG])


@given(KINDS, st.binary(max_size=300), st.binary(min_size=4, max_size=4), st.binary(max_size=9))
def test_a_frame_is_read_as_it_was_made_by_either_side(
    kind: int, data: bytes, mask: bytes, rest: bytes
) -> None:
    for given_mask in (b"", mask):
        frame = websocket.framed(kind, data, given_mask)

        assert websocket.first_frame(frame + rest) == (kind, data, rest)


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4), st.data())
def test_a_frame_that_is_cut_is_waited_for(data: bytes, mask: bytes, draw: st.DataObject) -> None:
    frame = websocket.framed(websocket.TEXT, data, mask)
    size = draw.draw(st.integers(0, len(frame) - 1))

    assert websocket.first_frame(frame[:size]) is None


def test_a_frame_that_is_too_long_is_no_message() -> None:
    with pytest.raises(ValueError, match="64 KiB"):
        websocket.first_frame(b"\x81\x7f")


def test_the_handshake_is_answered_as_the_standard_has_it() -> None:
    """RFC 6455, 1.3."""
    answered = websocket.upgrade(b"dGhlIHNhbXBsZSBub25jZQ==")

    assert answered.endswith(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


def test_the_last_chunk_is_the_empty_one() -> None:
    assert http1.chunk(b"") == http1.LAST_CHUNK
    assert http1.chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"
