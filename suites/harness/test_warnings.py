"""Warnings are errors, save the one that the interpreter itself causes."""

from __future__ import annotations

import gc
import socket
import ssl
import struct
import warnings

import pytest

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def test_a_peer_that_resets_before_the_handshake_leaves_no_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        accepted.close()

        with pytest.raises(OSError, match="reset"):
            ssl.create_default_context().wrap_socket(client, server_hostname="localhost")

    gc.collect()  # an unraisable warning would fail this test


def test_any_other_unclosed_socket_is_an_error() -> None:
    ours = "unclosed <ssl.SSLSocket fd=9, laddr=('127.0.0.1', 1), raddr=('127.0.0.1', 2)>"

    with pytest.raises(ResourceWarning):
        warnings.warn(ours, ResourceWarning, stacklevel=1)
