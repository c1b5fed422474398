"""Fuzz one reader, guided by coverage: `python -m suites.fuzz.run TARGET [libFuzzer's options]`.

Needs atheris, which is no dependency: `pip install atheris` in an environment of your own. What it
finds is kept in `suites/fuzz/seeds`, named by what it is, and is replayed by every `make test`.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).with_name("seeds")
SECONDS = 20


def main(arguments: list[str]) -> int:
    """Fuzz until something is found or the time given is over."""
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        print("atheris is not here: pip install atheris", file=sys.stderr)
        return 3
    with atheris.instrument_imports(include=["fixtures", "policies", "yaml", "suites.fuzz"]):
        from suites.fuzz.targets import TARGETS
    if not arguments or arguments[0] not in TARGETS:
        print(f"name one of {', '.join(TARGETS)}", file=sys.stderr)
        return 4
    options = [f"-timeout={SECONDS}", "-max_len=4096", *arguments[1:]]
    atheris.Setup([sys.argv[0], *options, str(SEEDS)], TARGETS[arguments[0]])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
