"""Whether what signs is installed: nothing else of this package can be imported without it."""

from __future__ import annotations

from importlib.util import find_spec

from fixtures.core.errors import BadInput


def require() -> None:
    """Make sure that attestations can be made and checked.

    Raises:
        BadInput: The extra is not installed.
    """
    if find_spec("securesystemslib") is None:
        raise BadInput(
            "Attestations need the package securesystemslib, which is not installed",
            next_command="pip install '.[attest]'",
        )
