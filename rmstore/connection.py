"""Opens stores: in-memory root, store attached as ``rm``, macros and functions in the root."""

from __future__ import annotations

import atexit
import re
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from rmstore import disk, migrate, safe_query, spilling
from rmstore.api import Store
from rmstore.errors import RmstoreError, StoreError, StoreLockedError, StoreVersionError
from rmstore.functions import register
from rmstore.stop import Stop
from rmstore.store import quote_identifier, quote_literal

ROW_GROUP_SIZE = 12_288
"""Rows per row group: small groups keep tables under a million rows parallel and commits cheap (README, decision 2)."""

FUNCTIONS = "rmstore_functions"

_WRONG_OPTIMIZERS = frozenset({"common_subplan"})

_open: weakref.WeakSet[Store] = weakref.WeakSet()
"""Stores with a connection of ours; the engine's binding fills stderr at exit where one is still open."""


@atexit.register
def _close_all() -> None:
    for store in list(_open):
        store.close()


def connect(
    path: str | Path = ":memory:",
    *,
    read_only: bool = False,
    create: bool = True,
    memory_limit: str | None = None,
    threads: int | None = None,
    compat: str | None = None,
    safe: bool = False,
    timeout: float | None = None,
) -> Store:
    """Open a store, creating or migrating it where needed.

    Args:
        path: a file, or ``:memory:``.
        read_only: share the file with other readers; nothing can be written.
        create: make the store where there is none.
        memory_limit: limit of the engine, such as ``2GB``.
        threads: threads of the engine; all cores by default.
        compat: oldest DuckDB that shall read the file, such as ``1.5``; only when it is made.
        safe: for the SQL of strangers: read-only, no files, no network, limits; see :mod:`rmstore.safe_query`.
        timeout: seconds that one query of a safe store may take.

    Raises:
        StoreLockedError: another process holds the file.
        StoreVersionError: the file was written by a newer rmstore, or is old and opened read-only.
        StoreError: there is no such store, or the file is not one.
        Interrupted: Ctrl-C arrived before it was open.
    """
    file = None if str(path) == ":memory:" else Path(path)
    if safe and file is None:
        raise StoreError("a store in memory has nothing for strangers", hint="give the path of a store")
    if file is not None and not file.exists() and (read_only or safe or not create):
        raise StoreError(f"there is no store at {str(file)!r}", hint=f"rmstore --store {file} init")
    config: dict[str, str | bool | int | float | list[str]] = {"temp_directory": str(spilling.folder(file))}
    if safe:
        read_only, memory_limit, threads = True, memory_limit or safe_query.MEMORY, threads or safe_query.THREADS
    if memory_limit:
        config["memory_limit"] = memory_limit
    if threads:
        config["threads"] = threads
    con = duckdb.connect(":memory:", config=config)
    try:
        with Stop().heard(con):
            _attach_file(con, file, read_only=read_only, compat=compat)
            if file is not None and not read_only:
                spilling.clear(file)
            with _readable(file):
                _bring_up_to_date(con, read_only=read_only)
            store = _equip(
                con, file, read_only=read_only, functions="memory", search_path="rm.main,memory.main",
                kind=safe_query.SafeStore if safe else Store,
            )  # fmt: skip
            if isinstance(store, safe_query.SafeStore):
                store.timeout = timeout or safe_query.TIMEOUT
                store.shut()
    except BaseException:
        con.close()
        raise
    _open.add(store)
    return store


def attach(con: duckdb.DuckDBPyConnection, store: str | Path | None = None, *, read_only: bool = False) -> Store:
    """Give a connection that the user opened the SQL functions of rmstore.

    Nothing is created in the user's own database: macros live in an attached in-memory database, and
    heads live in the store, or in memory for the life of this connection where no store is given.

    Args:
        con: an open DuckDB connection.
        store: file of a store, attached as ``rm``; None keeps heads in memory.
        read_only: attach the store for reading.
    """
    attached = {row[0] for row in con.execute("select database_name from duckdb_databases()").fetchall()}
    if "rm" in attached:
        raise StoreError(
            "this connection already has a database called 'rm'", hint="detach it, or use another connection"
        )
    file = None if store is None else Path(store)
    if file is None:
        warnings.warn("no store given: heads live in memory and go with this connection", stacklevel=2)
    with Stop().heard(con):
        _attach_file(con, file, read_only=read_only, compat=None)
        with _readable(file):
            _bring_up_to_date(con, read_only=read_only)
        con.execute(f"attach ':memory:' as {FUNCTIONS}")
        database, schema = con.execute("select current_database(), current_schema()").fetchone() or ("memory", "main")
        home = f"{quote_identifier(database)}.{quote_identifier(schema)}"
        path = f"{home},{FUNCTIONS}.main,rm.main"
        return _equip(con, file, read_only=read_only, functions=FUNCTIONS, search_path=path, owns_connection=False)


def _attach_file(con: duckdb.DuckDBPyConnection, file: Path | None, *, read_only: bool, compat: str | None) -> None:
    # not guessed from the ending: a file of data would be opened as a database in memory, which keeps nothing
    options = ["type duckdb", "read_only" if read_only else f"row_group_size {ROW_GROUP_SIZE}"]
    if compat:
        options.append(f"storage_version {quote_literal(_storage_version(compat))}")
    if file is None:
        con.execute("attach ':memory:' as rm")
        return
    if not file.parent.is_dir():
        raise StoreError(f"the folder {str(file.parent)!r} does not exist", hint="make it first, or give another path")
    if file.is_dir():
        raise StoreError(f"{str(file)!r} is a folder and no store", hint="give the file of a store, or of a new one")
    disk.check_rights(file, write=not read_only)
    try:
        con.execute(f"attach {quote_literal(str(file))} as rm ({', '.join(options)})")
    except duckdb.Error as problem:
        raise _opening_error(file, str(problem)) from problem


@contextmanager
def _readable(file: Path | None) -> Iterator[None]:
    """Turn what the engine cannot read of a file that it opened, such as one cut short, into an error of ours."""
    try:
        yield
    except (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException) as problem:
        if file is None:
            raise
        raise _opening_error(file, str(problem)) from problem


def migrate_file(file: Path, *, dry_run: bool = False) -> list[migrate.Migration]:
    """Bring a store up to date and return what it lacked; with ``dry_run`` only look.

    Raises:
        StoreError: there is no store, or it cannot be opened.
    """
    if not file.exists():
        raise StoreError(f"there is no store at {str(file)!r}", hint=f"rmstore --store {file} init")
    con = duckdb.connect(":memory:")
    try:
        with Stop().heard(con), _readable(file):
            _attach_file(con, file, read_only=dry_run, compat=None)
            if dry_run:
                return migrate.pending(con)
            con.execute("use rm")
            return migrate.apply(con)
    finally:
        con.close()


def _storage_version(compat: str) -> str:
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?", compat):
        raise StoreError(f"{compat!r} is not a DuckDB version", hint="such as 1.5")
    return "v" + compat + (".0" if compat.count(".") == 1 else "")


def _opening_error(file: Path, text: str) -> RmstoreError:
    if "could not set lock" in text.lower():
        holder = re.search(r"Conflicting lock is held in (.+) \(PID (\d+)\)", text)
        who = f" by {holder[1]} (process {holder[2]})" if holder else " by another process"
        return StoreLockedError(
            f"the store {str(file)!r} is held{who}",
            hint="wait for it or stop it; beside a writer not even reading is possible, read an exported snapshot",
        )
    if "already attached" in text.lower():
        return StoreLockedError(
            f"the store {str(file)!r} is open in this process already",
            hint="use that Store, in threads its cursor(), or close() it first",
        )
    if _is_ours(file) and re.search(r"read .*bytes|corrupt|truncated|checksum", text, re.IGNORECASE):
        return StoreError(
            f"{str(file)!r} is a DuckDB file that was cut short or damaged: {text.splitlines()[0][:200]}",
            hint="bring it back from a copy; what was exported from it, rmstore snapshot import takes into a new store",
        )
    if re.search(r"not a valid DuckDB|truncated|corrupt|read .*bytes|magic", text, re.IGNORECASE):
        return StoreError(f"{str(file)!r} is not a DuckDB file", hint="give the path of a store, or of a new file")
    if re.search(r"version|newer", text, re.IGNORECASE):
        return StoreVersionError(
            f"{str(file)!r} was written by a newer DuckDB than {duckdb.__version__}",
            hint="pip install -U duckdb; stores that older ones read are made by rmstore init --compat 1.5",
        )
    return disk.no_room(text) or StoreError(f"cannot open {str(file)!r}: {text}")


def _is_ours(file: Path) -> bool:
    """Return whether a file begins as the engine's files do: a checksum, then four letters."""
    try:
        with file.open("rb") as opened:
            return opened.read(12)[8:] == b"DUCK"
    except OSError:
        return False


def _bring_up_to_date(con: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
    if not read_only:
        previous = con.execute("select current_setting('search_path')").fetchone()
        con.execute("use rm")
        try:
            migrate.apply(con)
        finally:
            con.execute("set search_path = " + quote_literal(previous[0] if previous else ""))
    elif migrate.pending(con):
        raise StoreVersionError("the store needs a migration", hint="open it for writing once: rmstore migrate")


def _mend_engine(con: duckdb.DuckDBPyConnection) -> None:
    """Switch off what gives wrong results in the engine, beside what the user has switched off.

    ``common_subplan`` of DuckDB 2.0.0 takes two columns of one subquery for the same, now and then: a union of the
    chosen and the rejected ids of ``rm_pairs`` had the chosen ones alone.
    """
    query = "select current_setting('disabled_optimizers'), list(name) from duckdb_optimizers()"
    ((setting, known),) = con.execute(query).fetchall()
    off = {name for name in str(setting or "").split(",") if name}
    wanted = off | _WRONG_OPTIMIZERS.intersection(known)
    if wanted != off:
        con.execute(f"set disabled_optimizers = {quote_literal(','.join(sorted(wanted)))}")


def _equip(
    con: duckdb.DuckDBPyConnection,
    file: Path | None,
    *,
    read_only: bool,
    functions: str,
    search_path: str,
    owns_connection: bool = True,
    kind: type[Store] = Store,
) -> Store:
    """Register the Python functions, then the macros that name them; those of reports wait for the first report."""
    store = kind(
        con,
        path=file,
        read_only=read_only,
        functions=functions,
        search_path=search_path,
        owns_connection=owns_connection,
    )
    _mend_engine(con)
    con.execute(f"use {functions}")
    register(store)
    store.make_macros("macros")
    store.make_macros("methods")
    con.execute(f"set search_path = {quote_literal(search_path)}")
    return store
