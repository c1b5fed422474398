"""`python -m benchmarks [NAME]`: measure all, or one; print a table and write the figures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks import cluster, documents, embedded, policies, prober, rehearsals, verify_scale
from benchmarks.harness import Measure

ALL: dict[str, Callable[[], list[Measure]]] = {
    "embedded-ready": cluster.embedded_ready,
    "embedded": embedded.measure,
    "policies": policies.measure,
    "documents": documents.measure,
    "start": rehearsals.start,
    "default-hop": rehearsals.default_hop,
    "two-hops": rehearsals.two_hops,
    "prober": prober.measure,
    "verify-scale": verify_scale.measure,
}
RESULT = Path(".rehearsals") / "benchmarks.json"


def main(names: list[str]) -> int:
    unknown = [n for n in names if n not in ALL]
    if unknown:
        print(f"no benchmark {unknown[0]}; there are: {', '.join(ALL)}", file=sys.stderr)
        return 4
    measures = [m for name in names or ALL for m in ALL[name]()]
    for m in measures:
        goal = "" if m.goal is None else f"{'<=' if m.direction == 'lower' else '>='} {m.goal:g}"
        met = {True: "met", False: "MISSED", None: ""}[m.met]
        print(f"{m.name:<44} {m.value:>10g} {m.unit:<6} +-{m.noise:<8.3g} {goal:<10} {met}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_bytes(msgspec.json.format(msgspec.json.encode(measures)))
    print(f"written to {RESULT}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
