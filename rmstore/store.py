"""A connection to a store: queries, transactions and errors with their own type."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from rmstore import disk, resources
from rmstore.errors import QueryError, RmstoreError, StoreError
from rmstore.stop import Stop, stopped

Parameters = Mapping[str, Any] | Sequence[Any] | None


def quote_identifier(name: str) -> str:
    """Return a name quoted for SQL; the only way a name becomes SQL text.

    Example:
        >>> quote_identifier('a"b')
        '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Return a string literal, for the few statements (attach, copy) that take no parameter.

    Example:
        >>> quote_literal("it's")
        "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


class Store:
    """An open store. Make one with ``rmstore.connect`` or ``rmstore.attach``.

    Attributes:
        con: the root connection; use :meth:`cursor` in threads.
        path: the file, or None for a store in memory.
        read_only: True where nothing can be written.
        stop: set by Ctrl-C; long work polls it through :meth:`check`.
        cache: loaded heads and encoders, by what they are; versions never change, so nothing goes stale.
        is_safe: True where strangers ask, see :mod:`rmstore.safe_query`.
    """

    is_safe = False

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        *,
        path: Path | None,
        read_only: bool,
        functions: str,
        search_path: str,
        owns_connection: bool = True,
    ) -> None:
        self.con, self.path, self.read_only = con, path, read_only
        self.stop = Stop()
        self.lock = threading.RLock()
        self.cache: dict[Any, Any] = {}
        self._functions, self._search_path, self._owns_connection = functions, search_path, owns_connection
        self._made: set[str] = set()
        self._remembered: dict[str, RmstoreError] = {}
        self._tracers: list[Callable[[str], None]] = []

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Store {self.path or 'in memory'}{' (read only)' if self.read_only else ''}>"

    def close(self) -> None:
        """Close the store; a connection that the user opened stays open."""
        self.cache.clear()
        if self._owns_connection:
            self.con.close()

    def make_macros(self, folder: str) -> None:
        """Make the SQL functions of a folder of ``sql``, where this store has not done so yet."""
        with self.lock:
            if folder in self._made:
                return
            with self.con.cursor() as cursor:
                cursor.execute(f"use {quote_identifier(self._functions)}")
                for name in resources.names("sql", folder):
                    cursor.execute(resources.text("sql", f"{folder}/{name}"))
            self._made.add(folder)

    def cursor(self, macros: str | None = None) -> duckdb.DuckDBPyConnection:
        """Return a cursor of its own transaction that finds the tables of the store by bare name.

        Close it in threads: DuckDB 1.5 can lock up where a cursor is left to the collector beside running functions.

        Args:
            macros: a folder of ``sql`` whose functions the cursor needs, beyond those that are always there.
        """
        if macros is not None:
            self.make_macros(macros)
        cursor = self.con.cursor()
        cursor.execute(f"set search_path = {quote_literal(self._search_path)}")
        return cursor

    def sql(self, query: str, params: Parameters = None) -> duckdb.DuckDBPyRelation:
        """Run one or more statements and return the last result, held in memory as a relation.

        It runs on the root connection, which keeps temporary tables and transactions; threads use :meth:`cursor`.

        Args:
            query: SQL; ``$name`` takes its value from ``params``.
            params: values by name, or in order for ``?``.

        Raises:
            RmstoreError: what a function of ours found wrong, with its own type.
            QueryError: the engine refused the SQL.
            Interrupted: Ctrl-C arrived.
        """
        with self.interruptible(self.con), self.translated():
            self._tell(query)
            relation = self.con.sql(query, params=params) if params else self.con.sql(query)
            if relation is None:  # DuckDB 1.5 returns nothing for statements without a result
                return self.con.sql('select 0::bigint as "Count"')
            return _run_once(relation)

    def rows(
        self, query: str, params: Parameters = None, *, cursor: duckdb.DuckDBPyConnection | None = None
    ) -> list[dict[str, Any]]:
        """Return the result of a query as a list of dicts, for results of a page or so."""
        if cursor is None:
            with self.cursor() as own:
                return self.rows(query, params, cursor=own)
        result = self.execute(cursor, query, params)
        columns = [column[0] for column in result.description or []]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    def value(self, query: str, params: Parameters = None) -> Any:
        """Return the first column of the first row, or None where there is no row."""
        with self.cursor() as cursor:
            row = self.execute(cursor, query, params).fetchone()
            return row[0] if row else None

    def run(self, name: str, params: Parameters = None, **identifiers: str) -> list[dict[str, Any]]:
        """Run the statement ``sql/queries/<name>.sql`` and return its rows as dicts."""
        return self.rows(statement(name, **identifiers), params)

    def execute(
        self, cursor: duckdb.DuckDBPyConnection, query: str, params: Parameters = None
    ) -> duckdb.DuckDBPyConnection:
        """Run SQL on a cursor, with errors as :meth:`sql` raises them."""
        self._tell(query)
        with self.translated():
            return cursor.execute(query, params) if params else cursor.execute(query)

    def check_writable(self, purpose: str) -> None:
        """Raise StoreError if the store is open read-only; ``purpose`` is the verb of what it has to be open for."""
        if self.read_only:
            raise StoreError(f"{self.path} is open read-only", hint=f"open it without read_only to {purpose}")

    @contextmanager
    def atomic(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a cursor inside one transaction: all of it, or nothing on an error."""
        self.check_writable("write")
        with self.lock:
            cursor = self.cursor()
            cursor.execute("begin transaction")
            try:
                with self.translated():
                    yield cursor
                    cursor.execute("commit")
            except BaseException:
                with suppress(duckdb.Error):
                    cursor.execute("rollback")
                raise
            finally:
                cursor.close()

    @contextmanager
    def trace(self, tracer: Callable[[str], None]) -> Iterator[None]:
        """Call ``tracer`` with the text of every statement that runs inside the block."""
        self._tracers.append(tracer)
        try:
            yield
        finally:
            self._tracers.remove(tracer)

    def arrow(self, cursor: duckdb.DuckDBPyConnection, query: str, params: Parameters = None) -> pa.Table:
        """Return the result of a query on a cursor as an arrow table, with errors as :meth:`sql` raises them."""
        self._tell(query)
        with self.translated():
            return cursor.sql(query, params=params).to_arrow_table()

    def _tell(self, query: str) -> None:
        for tracer in self._tracers:
            tracer(query)

    def remember(self, error: RmstoreError) -> None:
        """Keep an error that is about to cross the engine, which passes on its text only."""
        if len(self._remembered) > 100:
            self._remembered.clear()
        self._remembered[str(error)] = error

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn engine errors of the block into RmstoreErrors; our own come back with their type."""
        try:
            yield
        except duckdb.Error as problem:
            if self.stop.is_set() or isinstance(problem, duckdb.InterruptException):
                raise stopped() from None
            text = str(problem)
            for message, original in self._remembered.items():
                if message in text:
                    raise original from None
            raise disk.no_room(text) or QueryError(_tidy(text)) from problem

    def check(self) -> None:
        """Raise Interrupted if Ctrl-C arrived; long work calls this often, and before it writes."""
        self.stop.check()

    def interruptible(self, *cursors: duckdb.DuckDBPyConnection) -> AbstractContextManager[None]:
        """Let Ctrl-C stop the block, also inside a SQL function; outside the main thread this does nothing."""
        return self.stop.heard(*cursors)

    def finishing(self) -> AbstractContextManager[None]:
        """Take Ctrl-C as too late once the :meth:`interruptible` part of the block is over: a commit is then reported.

        What arrives before that part stops it. Outside the main thread this does nothing.
        """
        return self.stop.too_late()


def utc_now() -> datetime:
    """Return the time as stores keep it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def statement(name: str, **identifiers: str) -> str:
    """Return ``sql/queries/<name>.sql`` with ``{identifier}`` replaced by the quoted name.

    Values never go this way; they are parameters.
    """
    text = resources.text("sql", f"queries/{name}.sql")
    return fill_in(text, {key: quote_identifier(identifier) for key, identifier in identifiers.items()})


def fill_in(text: str, parts: Mapping[str, str]) -> str:
    """Return SQL with each ``{name}`` replaced by its part, which the program made: numbers, quoted names, literals.

    Example:
        >>> fill_in("select {n} from {t}", {"n": "1", "t": quote_identifier("a b")})
        'select 1 from "a b"'
    """
    for name, part in parts.items():
        text = text.replace("{" + name + "}", part)
    return text


def _run_once(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Run a relation and keep its rows, so that reading it twice trains nothing twice."""
    if hasattr(relation, "materialize"):
        return relation.materialize()
    return relation.execute()  # type: ignore[operator]  # DuckDB 1.5


def _tidy(text: str) -> str:
    """Drop the engine's wrapping from the text of a Python error raised inside a function."""
    return re.sub(r"^Invalid Input Error: Python exception occurred while executing the UDF: ", "", text)
