"""A bug of the simulator is kept where the suite looks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.embedded.bugs import FILE, BugKeeper, first_bug


@pytest.fixture
def log(tmp_path: Path) -> Iterator[logging.Logger]:
    logger = logging.getLogger("fixtures.embedded.of_a_test")
    keeper = BugKeeper(tmp_path)
    logger.addHandler(keeper)
    yield logger
    logger.removeHandler(keeper)


def fails(log: logging.Logger, text: str) -> None:
    try:
        raise KeyError(text)
    except KeyError:
        log.exception("pod %s: its kubelet failed", "web-1")


def test_the_first_exception_is_kept_with_its_place(log: logging.Logger, tmp_path: Path) -> None:
    assert first_bug(tmp_path) == ""

    fails(log, "first")
    fails(log, "second")

    said = first_bug(tmp_path)
    assert said.startswith("pod web-1: its kubelet failed")
    assert said.strip().endswith("KeyError: 'first'")
    assert Path(__file__).name in said


def test_what_is_no_exception_of_ours_is_no_bug(log: logging.Logger, tmp_path: Path) -> None:
    keeper = log.handlers[0]
    log.error("a message alone")
    log.warning("less", exc_info=True)
    other = logging.getLogger("asyncio.of_a_test")
    other.addHandler(keeper)
    fails(other, "theirs")
    other.removeHandler(keeper)

    assert not (tmp_path / FILE).exists()
