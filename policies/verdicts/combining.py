"""Several verdicts as one: for a control that is made of parts."""

from __future__ import annotations

from collections.abc import Sequence

from policies.verdicts.findings import (
    Item,
    Verdict,
    excepting,
    holds,
    not_applicable,
    not_assessed,
    violated,
)


def combined(parts: Sequence[Verdict], *, holds_as: str) -> Verdict:
    """Combine parts: violated when any is; else not assessed when any is; else it holds.

    A part that is not applicable says nothing; the whole is not applicable when every part is.

    Items of all parts are kept. The message of a violation is that of the violated parts, in
    their order; cause and next command are those of the first.
    """
    items: list[Item] = [i for p in parts for i in p.items]
    bad = [p for p in parts if p.status == "violated"]
    if bad:
        return violated(
            "; ".join(p.summary for p in bad),
            expected="; ".join(dict.fromkeys(p.expected for p in bad)),
            seen="; ".join(p.seen for p in bad),
            items=items,
            cause=next((p.cause for p in bad if p.cause), ""),
            next_command=next((p.next_command for p in bad if p.next_command), ""),
        )
    unknown = [p.reason for p in parts if p.status == "not assessed"]
    if unknown:
        return not_assessed("; ".join(unknown))
    absent = [p.reason for p in parts if p.status == "not applicable"]
    if absent and len(absent) == len(parts):
        return not_applicable("; ".join(dict.fromkeys(absent)))
    return holds(
        excepting(holds_as, items), seen="; ".join(p.seen for p in parts if p.seen), items=items
    )
