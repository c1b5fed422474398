"""Whether what signs is installed: nothing else of this package can be imported without it."""

from __future__ import annotations

from importlib.util import find_spec

from fixtures.core.errors import BadInput


def require(*, keyless: bool = False) -> None:
    """Make sure that attestations can be made and checked.

    Args:
        keyless: By an identity, which needs Sigstore's own library.

    Raises:
        BadInput: The extra is not installed.
    """
    package = "sigstore" if keyless else "securesystemslib"
    if find_spec(package) is None:
        raise BadInput(
            f"Such attestations need the package {package}, which is not installed",
            next_command="pip install '.[attest]'",
        )
