"""What rehearsals read and compile; `warm` forks its processes from one that has done so."""

from __future__ import annotations

import gc
from pathlib import Path
from tempfile import TemporaryDirectory

from fixtures.cluster.access.transport import official_client
from reports.build.report import build
from reports.formats.html import render
from suites.reports.samples import healthy_sample

official_client()
with TemporaryDirectory() as _folder:
    render(build(healthy_sample().write(Path(_folder) / "sample")))  # catalogues and templates
gc.freeze()
