"""Where a command's document goes: printed by the name of its format, or written to a file."""

from __future__ import annotations

from pathlib import Path

from fixtures.core.errors import BadInput
from fixtures.core.whole_file import write_whole

KINDS = {
    "html": "html",
    "htm": "html",
    "xml": "junit",
    "junit": "junit",
    "json": "json",
    "txt": "text",
    "text": "text",
    "md": "md",
    "markdown": "md",
}
"""Words and endings of files -> formats."""


def kind_of(output: str, kinds: tuple[str, ...]) -> str:
    """Return the format that an output names, by itself or by the ending of a file.

    Raises:
        BadInput: There is none of that name.
    """
    ending = Path(output).suffix.removeprefix(".") or output
    kind = KINDS.get(ending, "")
    if kind not in kinds:
        endings = ", ".join(f".{e}" for e, k in KINDS.items() if k in kinds)
        raise BadInput(
            f"There is no format {output}",
            where="-o",
            expected=f"{', '.join(kinds)}, or a file that ends in {endings}",
        )
    return kind


def is_printed(output: str) -> bool:
    """Return whether an output is the name of a format, not of a file."""
    return output in KINDS


def write(text: str, output: Path) -> None:
    """Write a document whole, or not at all.

    Raises:
        BadInput: It cannot be written there.
    """
    try:
        write_whole(output, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise BadInput(
            "The document cannot be written",
            where=f"-o {output}",
            seen=error.strerror or str(error),
            next_command="name another file with -o",
        ) from None
