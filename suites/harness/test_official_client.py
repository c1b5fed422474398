"""The official client is imported whole, whichever threads ask for it at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TWO_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
sys.setswitchinterval(1e-6)
from fixtures.cluster.access.transport import official_client
with ThreadPoolExecutor(4) as pool:
    found = [job.result() for job in [pool.submit(official_client) for _ in range(4)]]
assert all(client.ApiClient and client.rest.RESTClientObject for client in found)
"""


def test_threads_that_import_it_at_once_all_have_it() -> None:
    code = [sys.executable, "-c", TWO_THREADS]
    done = subprocess.run(code, cwd=Path(__file__).parents[2], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
