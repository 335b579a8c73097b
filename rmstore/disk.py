"""A disk that is full or cannot be written, told with the place and the next step."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rmstore.errors import NoRoomError, StoreError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REASON = re.compile("|".join(re.escape(os.strerror(number)) for number in _FULL), re.IGNORECASE)
_PLACE = re.compile(r'(?:file|directory) \\?"(.+?)\\?"')


def no_room(text: str) -> NoRoomError | None:
    """Return what an engine's message says of a full disk, or None where it is about something else.

    Example:
        >>> print(no_room('IO Error: Could not write file "lab.duckdb.wal": No space left on device').problem)
        no room left to write 'lab.duckdb.wal': No space left on device
        >>> no_room("Parser Error: syntax error") is None
        True
    """
    reason = _REASON.search(text)
    if reason is None:
        return None
    place = _PLACE.search(text)
    return NoRoomError(place[1] if place else "the store", reason[0])


def check_rights(file: Path, *, write: bool) -> None:
    """Refuse a store that cannot be read or written, before the engine makes anything.

    Raises:
        StoreError: the right to read the file, or to write it and its folder, is not there.
    """
    if write and not os.access(file.resolve().parent, os.W_OK):
        raise StoreError(
            f"the store {str(file)!r} cannot be written: its folder is read-only",
            hint="open it read-only, or copy it to a folder that can be written",
        )
    if file.exists() and not os.access(file, os.W_OK if write else os.R_OK):
        raise StoreError(
            f"the store {str(file)!r} cannot be {'written' if write else 'read'}: the file does not allow it",
            hint="open it read-only, or copy it" if write else "ask its owner",
        )


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what goes wrong with writing a file or folder in the block into an error that names the place.

    Raises:
        NoRoomError: the disk, the quota or the largest size of a file is reached.
        StoreError: the place cannot be written for another reason.
    """
    try:
        yield
    except NoRoomError as problem:
        raise NoRoomError(str(place), problem.reason) from problem
    except OSError as problem:
        reason = problem.strerror or str(problem)
        if problem.errno in _FULL:
            raise NoRoomError(str(place), reason) from problem
        raise StoreError(f"cannot write {str(place)!r}: {reason}", hint="give another path") from problem


def is_running(process: int) -> bool:
    """Return whether a process of this machine runs: the name of a file that is not complete carries its number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, as somebody else
        return True
    return True
