"""What all tests of the machinery need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from suites.forgotten import forget_secrets
from suites.interrupts import hear_ctrl_c

__all__ = ["forget_secrets"]

hear_ctrl_c()


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is written to the state folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
