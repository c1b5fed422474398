"""Running programs: streams, time limits, process groups, and what never leaves in a fact."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.process import (
    LOOK_SECONDS,
    TargetEnded,
    ToolError,
    ToolFlood,
    ToolTimeout,
    redact,
    run,
    to_fact,
)
from policies.facts.observations import CommandRun

KEY = "MHcCAQEEIJ8rWm0tqzO9wXv0mYq0l3nJt5bq7c2m1d4e6f8g0h2i"
PEM = f"-----BEGIN EC PRIVATE KEY-----\n{KEY}\n-----END EC PRIVATE KEY-----\n"
PYTHON = sys.executable


def test_both_streams_and_the_exit_code_are_kept() -> None:
    code = "import sys; sys.stdout.write(sys.stdin.read()); sys.stderr.write('no'); sys.exit(3)"
    done = run([PYTHON, "-c", code], stdin=b"in", timeout=30)
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"in", b"no")
    assert done.started.tzinfo is not None
    assert done.argv[0] == PYTHON


def test_a_late_program_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    child = f"import time, pathlib; time.sleep(1.5); pathlib.Path({str(mark)!r}).touch()"
    parent = (
        "import subprocess, sys, time; print('begun', flush=True);"
        f"subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    )
    with pytest.raises(ToolTimeout) as late:
        run([PYTHON, "-c", parent], timeout=1.0)
    assert b"begun" in late.value.stdout
    assert "-c" in late.value.where
    time.sleep(1.0)  # a real process would have made the file by now
    assert not mark.exists()


def test_a_program_that_waits_for_a_cluster_that_died_is_killed(tmp_path: Path) -> None:
    """A real process stands for the cluster; the program would wait for a minute."""
    cluster = subprocess.Popen([PYTHON, "-c", "import time; time.sleep(60)"])
    waits = "import sys, time; print('waiting', flush=True); sys.stdin.read(); time.sleep(60)"
    looks = 0

    def alive() -> bool:
        nonlocal looks
        looks += 1
        if looks == 2:
            cluster.kill()
            cluster.wait()
        return cluster.poll() is None

    with pytest.raises(TargetEnded, match="cluster ended") as ended:
        run([PYTHON, "-c", waits], stdin=b"x" * 200_000, timeout=50, alive=alive)

    assert looks == 2
    assert ended.value.stdout == b"waiting\n"
    assert LOOK_SECONDS <= 2.5  # noticed within 5 s


def test_a_program_that_writes_without_end_is_killed() -> None:
    code = "import sys\nwhile True: sys.stdout.write('y' * 1000)"

    with pytest.raises(ToolFlood, match="more than 100000 bytes") as flood:
        run([PYTHON, "-c", code], timeout=60, most=100_000)

    assert 0 < len(flood.value.stdout) <= 100_000


def test_a_program_that_closed_its_streams_is_waited_for() -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(7)"

    assert run([PYTHON, "-c", code], timeout=60).exit_code == 7


def test_a_program_that_is_slow_to_read_is_given_all_of_it() -> None:
    """On a busy machine it starts to read after the first look."""
    code = (
        f"import sys, time; time.sleep({1.5 * LOOK_SECONDS});"
        "sys.stdout.write(str(len(sys.stdin.read())))"
    )
    done = run([PYTHON, "-c", code], stdin=b"x" * 300_000, timeout=60)
    assert done.stdout == b"300000"


def test_a_program_may_end_without_reading_all_it_was_given() -> None:
    done = run([PYTHON, "-c", "print('no')"], stdin=b"x" * 300_000, timeout=60)
    assert (done.exit_code, done.stdout) == (0, b"no\n")


def test_a_program_longer_than_a_look_keeps_all_it_said() -> None:
    code = (
        "import sys, time; sys.stdout.write(sys.stdin.read()); sys.stdout.flush();"
        f"time.sleep({1.5 * LOOK_SECONDS}); print('end')"
    )
    done = run([PYTHON, "-c", code], stdin=b"x" * 200_000, timeout=50)
    assert done.stdout == b"x" * 200_000 + b"end\n"


def test_a_missing_program_says_what_to_do() -> None:
    with pytest.raises(ToolError) as missing:
        run(["/nonexistent/linkerd", "version"], timeout=5)
    assert "/nonexistent/linkerd version" in str(missing.value)
    assert "next" in str(missing.value)


@pytest.mark.parametrize(
    "secret",
    [
        PEM,
        PEM[:90],
        base64.b64encode(PEM.encode()).decode(),
        "Authorization: Bearer abcdefghijklmnop",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "password: hunter2hunter2",
        '"tls.key": "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCk1IY0NBUUVF"',
        "keyPEM: c29tZS1zZWNyZXQta2V5",
        "client-key-data: c29tZS1zZWNyZXQta2V5",
        "data: " + "QUJD" * 40,
    ],
)
def test_secrets_are_redacted(secret: str) -> None:
    shown = redact(f"before {secret} after")
    for part in secret.replace('"', " ").split():
        if len(part) > 11 and not part.endswith(":"):
            assert part not in shown


@given(st.text(), st.text(max_size=200), st.integers(0, 40))
def test_no_key_survives_in_a_fact(before: str, after: str, lines: int) -> None:
    text = f"{before}\n{PEM}" + "line\n" * lines + after
    done = run_result(text.encode("utf-8", "replace"))
    assert KEY not in msgspec.json.encode(to_fact(done, "stand-in", "edge-25.4.4")).decode()


def run_result(stdout: bytes, *argv: str):
    from datetime import UTC, datetime

    from fixtures.core.process import Completed

    line = argv or ("linkerd", "upgrade")
    return Completed(line, 0, stdout, b"", 0.1, datetime(2026, 1, 1, tzinfo=UTC))


def test_ordinary_words_stay_readable() -> None:
    text = 'secret/linkerd-config-overrides configured\ndeployment.apps/web "token" unchanged'
    assert redact(text) == text


def test_a_fact_survives_json_and_names_the_command_as_typed() -> None:
    done = run_result(b"a\n" * 100, "kubectl", "apply", "-f", "-")
    fact = to_fact(done, "real", "v1.31.0")
    assert msgspec.json.decode(msgspec.json.encode(fact), type=CommandRun) == fact
    assert fact.line == "kubectl apply -f -"
    assert fact.stdout_bytes == 200
    assert fact.stdout_tail.count("a") == 30
