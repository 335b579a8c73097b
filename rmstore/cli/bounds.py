"""Bounds of the operating system around a query of a stranger: what the engine's own limits do not catch.

The engine counts the memory of its tables and sorts, not that of one huge string or list, and cannot be interrupted
while it makes one. So the process itself has a bound, and ends itself when it is long overdue.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import click

BESIDE = 1 << 30
"""Bytes beside the engine's own: the interpreter, heads, an encoder."""

_UNITS = {"": 1, "k": 1_000, "m": 1_000**2, "g": 1_000**3, "t": 1_000**4}


def bound_memory(size: str) -> None:
    """Let this process have what it has now, what the engine may have, and room for heads; then allocations fail.

    Linux alone counts what a process writes to; elsewhere nothing is bounded.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        return
    import resource

    used = re.search(r"VmData:\s*(\d+) kB", status.read_text(encoding="ascii"))
    most = n_bytes(size) + BESIDE + (int(used[1]) << 10 if used else 0)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def n_bytes(size: str) -> int:
    """Return the bytes of a size as the engine writes it.

    Example:
        >>> n_bytes("2GB"), n_bytes("512 MiB")
        (2000000000, 536870912)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", size, re.IGNORECASE)
    if not found:
        raise click.BadParameter(f"{size!r} is not a size; such as 1GB or 512MiB", param_hint="--memory")
    number, unit, binary = float(found[1]), found[2].lower(), bool(found[3])
    return int(number * (1 << 10 * "kmgt".index(unit) + 10 if unit and binary else _UNITS[unit]))


def give_up() -> None:
    """End the process at once, for the engine does not listen; a store that is open for reading takes no harm."""
    sys.stderr.write(
        "error: the query took too long and could not be stopped, so the process was\nhint: ask for less\n"
    )
    sys.stderr.flush()
    os._exit(1)
