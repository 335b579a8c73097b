"""Where the engine puts what does not fit its memory: beside the store, in a folder of this connection alone."""

from __future__ import annotations

import itertools
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

_numbers = itertools.count(1)
"""Two connections of a process need two folders: the engine gives its files the same names in each."""


def folder(file: Path | None) -> Path:
    """Return the folder for the temporary files of a new connection; the engine makes it when it needs it.

    It is ``<store>.<process>-<number>.tmp``, or one in the system's temporary folder for a store in memory or in a
    folder that cannot be written. The engine removes it when the connection is closed.
    """
    name = f"{os.getpid()}-{next(_numbers)}.tmp"
    if file is not None and os.access(file.resolve().parent, os.W_OK):
        return file.resolve().with_name(f"{file.name}.{name}")
    return Path(tempfile.gettempdir()) / f"rmstore.{name}"


def clear(file: Path) -> None:
    """Remove what killed processes left beside a store.

    Only for who holds the store for writing: then no other process has it open, so every such folder is left over.
    """
    leftover = re.compile(re.escape(file.name) + r"\.\d+-\d+\.tmp")
    for place in file.resolve().parent.iterdir():
        if leftover.fullmatch(place.name) and place.is_dir() and not place.is_symlink():
            with suppress(OSError):  # what is not the engine's keeps its folder, and harms nobody
                for part in place.glob("duckdb_temp_*"):
                    part.unlink()
                place.rmdir()
