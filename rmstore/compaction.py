"""Compaction: the store in a fresh file without the space that deleted rows left, put in the place of the old one.

The engine reuses free space and never gives it back. While the copy is made the store is attached for reading, so
that no thread and no process can write what the copy would lack; the old file stays whole until one rename replaces
it, so that a kill at any moment leaves the one or the other.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from rmstore import disk
from rmstore.errors import NoRoomError, StoreError, StoreLockedError
from rmstore.records import Progress, silent
from rmstore.store import Store, fill_in, quote_literal, statement

PART = ".compact"
"""Ending of the copy while it is made; a dot, the name of the store and the number of the process come before it."""

_COPY = "_rm_compact"
_PATIENCE = 5.0
"""Seconds to wait for transactions of other threads, which hold the file that they began with."""


@dataclass(frozen=True)
class Compaction:
    """Bytes of the file before and after, and the seconds that it took."""

    n_before: int
    n_after: int
    seconds: float


def compact(store: Store, *, progress: Progress = silent) -> Compaction:
    """Write the store anew and return how much smaller it is; its content and the open ``Store`` stay as they are.

    The storage version and the size of row groups stay. It needs free disk for all that the store holds. Other
    threads of this process cannot write while it runs, and cannot read for moments at its beginning and end.

    Args:
        store: an open store in a file.
        progress: told what is done.

    Raises:
        NoRoomError: the disk has too little room; the store is as it was.
        StoreError: the store is in memory or open read-only, a transaction is open, or the copy is not the same; the
            store is as it was.
        StoreLockedError: a transaction of another thread does not end, or another process took the file.
        Interrupted: Ctrl-C arrived; the store is as it was.
    """
    began = time.monotonic()
    if store.path is None:
        raise StoreError("a store in memory has no file to compact", hint="only a store in a file gives space back")
    store.check_writable("compact it")
    _refuse_transaction(store)
    file = store.path.resolve()
    part = file.with_name(f".{file.name}.{os.getpid()}{PART}")
    with store.lock:
        cursor = store.con.cursor()
        _clear_leftovers(file)
        _remove(part)
        ((version, row_group_size, n_used),) = store.execute(cursor, statement("compaction/facts")).fetchall()
        options = [f"row_group_size {int(row_group_size)}"] if row_group_size else []
        log = file.with_name(file.name + ".wal")
        n_before = sum(place.stat().st_size for place in (file, log) if place.exists())
        _check_room(file, min(n_used, n_before) + n_before - file.stat().st_size)
        with _only_read(store, cursor, options):
            try:
                if log.exists():  # letting go of a file brings its log in, where there is room for that
                    raise StoreError(
                        f"{str(log)!r} could not be brought into the store",
                        hint="make room on its disk, then run the same again; nothing is lost",
                    )
                progress(0, 1, "copying")
                _copy(store, cursor, part, [*options, f"storage_version {quote_literal(version)}"])
                shutil.copymode(file, part)
                _sync(part)
                store.check()
                part.replace(file)
                _sync(file.parent)
            finally:
                _remove(part)
        progress(1, 1, "copied")
    return Compaction(n_before, file.stat().st_size, time.monotonic() - began)


def _refuse_transaction(store: Store) -> None:
    """Refuse where the root connection is inside a transaction: what it writes would go with the old file."""
    try:
        store.con.execute("begin transaction")
    except duckdb.TransactionException:
        raise StoreError("a transaction is open on this store", hint="commit it, or roll it back, first") from None
    store.con.execute("rollback")


def _check_room(file: Path, n_used: int) -> None:
    n_free = shutil.disk_usage(file.parent).free
    if n_free < n_used:
        free = f"{n_used / 1e6:,.0f} MB of free disk, and there are {n_free / 1e6:,.0f} MB"
        raise NoRoomError(str(file), f"compacting it needs {free}")


@contextmanager
def _only_read(store: Store, cursor: duckdb.DuckDBPyConnection, options: list[str]) -> Iterator[None]:
    """Attach the store for reading during the block, and for writing again after it, whichever file is there then."""
    try:
        store.execute(cursor, statement("compaction/detach", database="rm"))
        _attach(store, cursor, ["read_only"])
        yield
    finally:
        _detach(cursor, "rm")
        _attach(store, cursor, options)


def _detach(cursor: duckdb.DuckDBPyConnection, database: str) -> None:
    """Detach a database where it is attached: an error or Ctrl-C may have come before that."""
    if cursor.execute(statement("compaction/attached"), {"database": database}).fetchall()[0][0]:
        cursor.execute(statement("compaction/detach", database=database))


def _attach(store: Store, cursor: duckdb.DuckDBPyConnection, options: list[str]) -> None:
    """Attach the file of the store as ``rm``; the engine refuses while a transaction that began before goes on."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            cursor.execute(_attach_text(Path(store.path or ""), "rm", options))
            return
        except duckdb.Error as problem:
            if time.monotonic() > until:
                raise StoreLockedError(
                    f"the store {str(store.path)!r} cannot be opened again: a transaction of another thread goes on,"
                    f" or another process has it ({problem})",
                    hint="nothing is lost: end what uses it, close this Store, and open it again",
                ) from problem
        time.sleep(0.05)


def _attach_text(file: Path, database: str, options: list[str]) -> str:
    text = statement("compaction/attach", database=database)
    return fill_in(text, {"file": quote_literal(str(file)), "options": ", ".join(options)}).replace(" ()", "")


def _copy(store: Store, cursor: duckdb.DuckDBPyConnection, part: Path, options: list[str]) -> None:
    """Write everything of the store to a new file, and make sure that everything is there."""
    try:
        store.execute(cursor, _attach_text(part, _COPY, options))
        with store.interruptible(cursor):
            store.execute(cursor, statement("compaction/copy", database=_COPY))
            _compare(store, cursor)
            store.execute(cursor, statement("compaction/checkpoint", database=_COPY))
    finally:
        _detach(cursor, _COPY)


def _compare(store: Store, cursor: duckdb.DuckDBPyConnection) -> None:
    """Compare definitions and numbers of rows; the engine checks the blocks themselves by their checksums."""
    old, new = (
        store.execute(cursor, statement("compaction/inventory"), {"database": name}).fetchall()
        for name in ("rm", _COPY)
    )
    unlike = [entry[0] for entry in sorted(set(old) ^ set(new))]
    for schema, table in store.execute(cursor, statement("compaction/tables")).fetchall():
        text = statement("compaction/count", database=_COPY, schema=schema, table=table)
        n_old, n_new = store.execute(cursor, text).fetchall()[0]
        unlike += [] if n_old == n_new else [f"table {schema}.{table}: {n_new} rows of {n_old}"]
    if unlike:
        raise StoreError(
            f"the copy is not the same as the store: {', '.join(unlike[:3])}",
            hint="the store is as it was; export what differs, drop it, and try again",
        )


def _clear_leftovers(file: Path) -> None:
    """Remove the copies of processes that were killed."""
    pattern = re.compile(rf"\.{re.escape(file.name)}\.(\d+){re.escape(PART)}")
    for place in file.parent.iterdir():
        found = pattern.fullmatch(place.name.removesuffix(".wal"))
        if found and not disk.is_running(int(found[1])):
            _remove(place.with_name(found[0]))


def _remove(part: Path) -> None:
    """Remove a copy that is no longer, or was never, in use."""
    for leftover in (part, part.with_name(part.name + ".wal")):
        leftover.unlink(missing_ok=True)


def _sync(place: Path) -> None:
    """Make what was written to a file, or the names in a folder, outlive a loss of power."""
    with suppress(PermissionError):  # some systems open no folder
        number = os.open(place, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
