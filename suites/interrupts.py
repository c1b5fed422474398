"""Ctrl-C for the processes that tests start."""

from __future__ import annotations

import signal


def hear_ctrl_c() -> None:
    """Undo what a shell does to a job in the background: it and its children ignore SIGINT.

    Tests that send Ctrl-C to a process of theirs would wait for it in vain.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
