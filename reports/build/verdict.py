"""The verdict of a report: the suite's own exit code, held against the findings."""

from __future__ import annotations

from collections.abc import Sequence

from fixtures.evidence.records import VERDICTS, RunEnded
from policies.verdicts.wording import verb
from reports.model.report import Entry, Unfound, VerdictLine

NAMED = 6
"""Controls named in a headline."""


def verdict_of(
    ended: RunEnded | None,
    entries: Sequence[Entry],
    without: Sequence[Unfound],
    *,
    unprobed: bool = False,
) -> tuple[VerdictLine, str]:
    """Return the verdict, and what is contradictory about it (empty when nothing is).

    A violated blocker in the ledger is never reported as anything better than `violated`, whatever
    the closing record says. A ledger without a closing record is `interrupted`. That an upgrade's
    traffic was not probed stands beside every verdict that reads as a pass.
    """
    failing = [e for e in entries if e.fails]
    code = 2 if ended is None else ended.exit_code
    problem = ""
    if failing and code in (0, 5, 6):
        problem = (
            f"The closing record says exit code {code}, yet {_number(failing)} violated:"
            " the findings count."
        )
        code = 1
    elif failing and ended is None:
        code = 1
    reason = (
        "The ledger has no closing record: the rehearsal was killed, or is still running."
        if ended is None
        else ended.reason
    )
    line = VerdictLine(
        word=VERDICTS.get(code, "broken"),
        exit_code=code,
        headline=_headline(code, entries, without) + _beside(code, unprobed=unprobed),
        reason=reason,
    )
    return line, problem


def _beside(code: int, *, unprobed: bool) -> str:
    said = " Traffic was not probed: nothing is said of outages."
    return said if unprobed and code in (0, 6) else ""


def _headline(code: int, entries: Sequence[Entry], without: Sequence[Unfound]) -> str:
    failing = [e for e in entries if e.fails]
    if code == 0:
        return _all_hold(entries, without)
    if code == 1 and failing:
        return f"{_number(failing)} violated: {_by_cause(failing)}."
    if code == 1:
        return "A test failed, although no finding is a violated blocker."
    if code == 6:
        missing = _not_assessed(entries, without)
        named = f": {_names(missing)}" if missing else ""
        return f"Nothing is violated, but required controls could not be assessed{named}."
    if code == 2:
        return "The rehearsal was interrupted. What had not run by then is not judged."
    if code == 4:
        return "The scenario or the command line cannot be used. Nothing was rehearsed."
    if code == 5:
        return "No test was collected. Nothing was rehearsed."
    return "The rehearsal itself broke. There is no verdict on the upgrade."


def _by_cause(failing: Sequence[Entry]) -> str:
    """Name the causes, and behind them what follows from them."""
    causes = [e.control for e in failing if not e.follows]
    rest = [e.control for e in failing if e.follows and e.control not in causes]
    follow = f"; {_names(rest)} {verb(len(set(rest)), 'follows', 'follow')}" if rest else ""
    return f"{_names(causes)}{follow}"


def _all_hold(entries: Sequence[Entry], without: Sequence[Unfound]) -> str:
    missing = _not_assessed(entries, without)
    if not missing:
        absent = any(e.required and e.status == "not applicable" for e in entries)
        return f"Every required control {'that applies here ' if absent else ''}holds."
    count = len(missing)
    return (
        f"Every control that was assessed holds. {count} required"
        f" {'control was' if count == 1 else 'controls were'} not: {_names(missing)}."
    )


def _not_assessed(entries: Sequence[Entry], without: Sequence[Unfound]) -> list[str]:
    """Return required controls that have no judgement, once each."""
    found = [e.control for e in entries if e.required and e.status == "not assessed"]
    found += [u.control for u in without if u.required]
    return list(dict.fromkeys(found))


def _number(failing: Sequence[Entry]) -> str:
    count = len({e.control for e in failing})
    return "1 blocker is" if count == 1 else f"{count} blockers are"


def _names(controls: Sequence[str]) -> str:
    once = list(dict.fromkeys(controls))
    more = f" and {len(once) - NAMED} more" if len(once) > NAMED else ""
    return ", ".join(once[:NAMED]) + more
