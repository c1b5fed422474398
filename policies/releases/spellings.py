"""Releases as people write them: `2.18`, `v25.4.4`, `2025.10.7`, `EDGE-25.4.4`, `latest`.

The border of the command line and of scenarios; behind it a release is its tag, and what stands in
a cluster's objects is never read this way.
"""

from __future__ import annotations

import re

from policies.releases import catalogue
from policies.releases.grammar import LogicalVersion, Version, parse

_NUMBERS = re.compile(
    r"(?P<channel>edge|stable)?[-_ ]?v?"
    r"(?P<a>[0-9]{1,4})\.(?P<b>[0-9]{1,3})(?:\.(?P<c>[0-9]{1,3}))?(?P<suffix>-[0-9a-z.]+)?",
    re.ASCII,
)
_LATEST = re.compile(r"(?:(edge|stable)-)?(?:latest|newest)(?:-(edge|stable))?", re.ASCII)
_ANCHORS = {"newest-anchor": -1, "previous-anchor": -2}


def resolve(text: str) -> Version:
    """Return the release that somebody means; what the text itself says when there is none such.

    - A year in full, as edge charts have it, or its last two digits name an edge: `2025.10.7`.
    - A logical version names its newest stable release; from 2.15 on, without any, its anchor, or
      where the project advises against that the newest edge that it does not advise against.
    - `latest` is the newest edge that nothing is said against, `latest-stable` the last stable.
    - `newest-anchor` and `previous-anchor` are the edges that the two newest logical versions
      start with: the newest hop between two of them.
    """
    known = catalogue()
    if known.release(parse(text)) is not None:
        return parse(text)
    name = text.strip().lower()
    if name in _ANCHORS:
        return parse(known.logical_versions[_ANCHORS[name]].anchor)
    if match := _LATEST.fullmatch(name):
        return _latest("stable" if "stable" in match.groups() else "edge")
    match = _NUMBERS.fullmatch(name)
    if match is None:
        return parse(name if known.release(parse(name)) is not None else text)
    logical = _logical(match["channel"] or "", match) if not match["suffix"] else ""
    candidates = (logical, _edge(match), _stable(match))
    named = (tag for tag in candidates if tag and known.release(parse(tag)) is not None)
    return parse(next(named, text))


def _latest(channel: str) -> Version:
    known = catalogue()
    releases = known.stables if channel == "stable" else known.edges
    fit = [r.version for r in releases if not (r.advice and r.advice.against)]
    return fit[-1] if fit else releases[-1].version


def _logical(channel: str, found: re.Match[str]) -> str:
    """Resolve `2.18` to a release of it; `2.18.0` too, where no stable release has that name."""
    known = catalogue()
    patch = int(found["c"] or 0)
    if patch or known.logical(f"{int(found['a'])}.{int(found['b'])}") is None:
        return ""
    wanted = LogicalVersion(major=int(found["a"]), minor=int(found["b"]))
    stables = [r.tag for r in known.stables if r.logical == str(wanted)]
    if found["c"] is not None and stables:
        return ""
    if channel != "edge" and stables:
        return stables[-1]
    return "" if channel == "stable" else _edge_of(str(wanted))


def _edge_of(logical: str) -> str:
    """Return its anchor, or where that is advised against the newest edge that is not."""
    known = catalogue()
    anchor, row = known.anchor(logical), known.logical(logical)
    if anchor is None or row is None:
        return ""
    if not (anchor.advice and anchor.advice.against):
        return anchor.tag
    fit = [tag for tag in row.edges if not ((said := known.advice(parse(tag))) and said.against)]
    return fit[-1] if fit else anchor.tag


def _edge(found: re.Match[str]) -> str:
    year, month, number = int(found["a"]), int(found["b"]), int(found["c"] or -1)
    year -= 2000 if year >= 2000 else 0
    if found["channel"] == "stable" or number < 0 or not 10 <= year <= 99:
        return ""
    return f"edge-{year}.{month}.{number}{found['suffix'] or ''}"


def _stable(found: re.Match[str]) -> str:
    if found["channel"] == "edge" or found["c"] is None:
        return ""
    numbers = ".".join(str(int(found[part])) for part in "abc")
    return f"stable-{numbers}{found['suffix'] or ''}"
