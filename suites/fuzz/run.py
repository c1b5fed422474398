"""Fuzz one reader, guided by coverage: `python -m suites.fuzz.run TARGET [libFuzzer's options]`.

Needs atheris, which is no dependency: `make fuzz` says how to have it. What breaks a reader is
kept in `suites/fuzz/seeds` as `crash-DIGEST` (`timeout-`, `oom-`), to be named by what it is, and
is replayed by every `make test`. Inputs that merely reach more are forgotten.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).with_name("seeds")
SECONDS = 20
"""Wall seconds that one input may take."""
MEBIBYTES = 2048
"""Memory that the process may take."""
ABSENT = """atheris is not here, and is no dependency. Install it in an environment of your own:
  python3.11 -m venv .venv-fuzz
  .venv-fuzz/bin/python -m pip install --require-hashes -r requirements.lock
  .venv-fuzz/bin/python -m pip install atheris
  make fuzz ONLY=snapshot FUZZ_PYTHON=.venv-fuzz/bin/python"""


def main(arguments: list[str]) -> int:
    """Fuzz until something is found or the time given is over.

    Returns:
        3 without atheris, 4 for a target that there is not; else libFuzzer ends the process.
    """
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        print(ABSENT, file=sys.stderr)
        return 3
    with atheris.instrument_imports(include=["fixtures", "policies", "yaml", "suites.fuzz"]):
        from suites.fuzz.targets import TARGETS
    if not arguments or arguments[0] not in TARGETS:
        print(f"name one of {', '.join(TARGETS)}: make fuzz ONLY=snapshot", file=sys.stderr)
        return 4
    limits = [f"-timeout={SECONDS}", f"-rss_limit_mb={MEBIBYTES}", "-max_len=4096"]
    options = [*limits, f"-artifact_prefix={SEEDS}/", *arguments[1:]]
    # libFuzzer adds what it grows to the first folder: not to the seeds.
    grown = tempfile.mkdtemp(prefix="fuzz-")
    atheris.Setup([sys.argv[0], *options, grown, str(SEEDS)], TARGETS[arguments[0]])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
