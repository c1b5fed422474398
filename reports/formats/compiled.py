"""Templates as they were compiled before: half the time of a document is theirs otherwise.

They lie where Python keeps its own compiled modules, with the same trust: whoever can write there
can change the modules as well. One is used only for the very text, options and version it was
made of; where nothing can be written, nothing is kept.
"""

from __future__ import annotations

import hashlib
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket

FOLDER = "__pycache__"


class Compiled(FileSystemBytecodeCache):
    """Compiled templates in a folder of Python's beside them."""

    def __init__(self, templates: Path, options: Path) -> None:
        """Keep what is made of these templates with the options that a module says."""
        said = hashlib.sha256(options.read_bytes()).hexdigest()[:8]
        made_by = f"{sys.implementation.cache_tag}.jinja-{version('jinja2')}.{said}"
        self._folder = templates / FOLDER
        super().__init__(str(self._folder), f"%s.{made_by}.template")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take a template that is kept; one that cannot be read is compiled anew."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template; a folder that cannot be written is no reason to fail."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            super().dump_bytecode(bucket)
