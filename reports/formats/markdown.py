"""Text of anybody inside Markdown (CommonMark, GitHub's, GitLab's): read as text, never as markup.

Text of letters, digits and plain punctuation stands as it is, with code spans where it quotes
with backticks. All else is one code span, in which neither markup nor mentions, references, links,
emoji, mathematics or quick actions are read.
"""

from __future__ import annotations

import re

from reports.formats.wording import arrows, one_line

LIMIT = 300
"""Characters of one piece of text; the report has all of it."""
_PLAIN = re.compile(r"(?!.*www\.)(?:[^\W_]|[ ,;()/'\".?=+>\u2192\xa0-]|:(?= |$))*", re.IGNORECASE)
_BLOCK = re.compile(r"[-+=>/]|\d+[.)](?: |$)")
"""What begins a block where it begins a line: a list, a quotation, a heading, a quick action."""
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9._~/#?=&%+-]*)?")
_BACKTICKS = re.compile("`+")


def told(text: str, limit: int = LIMIT) -> str:
    """Return text of anybody on one line; what could act as markup stands in a code span."""
    line = arrows(one_line(text))
    shown = line if len(line) <= limit else line[: limit - 3] + "..."
    pieces = shown.split("`")
    plain, quoted = pieces[::2], pieces[1::2]
    if len(plain) == len(quoted) or not all(quoted) or not all(map(_PLAIN.fullmatch, plain)):
        return code(shown, limit)
    return code(shown, limit) if _BLOCK.match(shown) else shown


def code(text: str, limit: int = LIMIT) -> str:
    """Return text of anybody as a code span on one line; empty when there is none."""
    line = one_line(text)
    if not line:
        return ""
    shown = line if len(line) <= limit else line[: limit - 3] + "..."
    runs = {len(run) for run in _BACKTICKS.findall(shown)}
    fence = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    padding = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def address(text: str) -> str:
    """Return the address of a page if that is what the text is; else empty."""
    return text if _ADDRESS.fullmatch(text) else ""
