"""What a test has remembered as a secret is forgotten after it: others would miss the word."""

from __future__ import annotations

import pytest

from fixtures.core import redaction


@pytest.fixture(autouse=True)
def forget_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the known secrets be after a test what they were before."""
    for name in ("_forms", "_encoded"):
        monkeypatch.setattr(redaction, name, getattr(redaction, name))
