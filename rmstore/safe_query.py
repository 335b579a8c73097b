"""A stranger's SQL: it may read the tables of a store and score with its heads, for a while, and nothing else.

Two fences, each enough for most of what strangers try. The engine is locked: the store is attached read-only, and
files, network, extensions, secrets and settings are shut (sql/queries/safe/lock.sql). And every statement is read
before it runs: one query, of functions that are known to stay inside. The engine's makers say of their own locks that
they do not replace those of the operating system: give strangers a container or a machine of their own as well.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rmstore import api, safe_parser
from rmstore import store as engine
from rmstore.errors import Interrupted, QueryError
from rmstore.store import statement

if TYPE_CHECKING:
    import duckdb

TIMEOUT, MEMORY, THREADS = 30.0, "2GB", 2
"""Seconds, memory of the engine and threads that a stranger has unless told otherwise."""

GRACE = 5.0
"""Seconds after which a query that was to stop counts as one that does not listen."""

PARSING = 10.0
"""Seconds that reading the text may always take; most go by before the process that reads it has begun."""

LONGEST = 20_000
"""Characters of SQL that are read; the parser needs far more memory than the text it reads."""

_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
"""Queries that read. Others stand where these do, such as an INSERT in a WITH."""

_TABLES = {
    "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary", "histogram",
    "histogram_values", "duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_schemas", "duckdb_tables",
    "duckdb_types", "duckdb_views", "pragma_version", "version", "show_tables", "show",
}  # fmt: skip
"""Functions in place of a table that read no file, no pointer and no text of SQL; those of rmstore are added."""

_NEVER = {
    "getenv", "current_setting", "getvariable", "write_log", "nextval", "currval", "setval", "setseed", "sleep_ms",
    "pg_sleep", "parse_duckdb_log_message", "variant_bytes_to_variant", "variant_to_parquet_variant",
    "json_deserialize_sql",
}  # fmt: skip
"""Functions of a value that tell of the machine, keep something, or only take time."""

_HIDDEN = re.compile(
    r"(duckdb_(settings|secrets|logs|log_contexts|databases|temporary_files|external|prepared|variables|extensions)"
    r"|pragma_(database|storage|user)|pg_settings).*"
)
"""Views of the engine that tell of the machine or of other queries."""


class SafeStore(api.Store):
    """A store for the SQL of strangers; ``rmstore.connect(path, safe=True)`` gives one.

    Only :meth:`sql` and :meth:`query` read what they are given before they run it; give a stranger's text to nothing
    else.

    Attributes:
        timeout: seconds that one call may take.
    """

    is_safe = True
    timeout: float = TIMEOUT

    def shut(self) -> None:
        """Shut the connection; what opens files was done before."""
        self.con.execute(statement("safe/lock"))

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn engine errors into ours; the engine's advice on settings is of no use here."""
        try:
            with super().translated():
                yield
        except (QueryError, MemoryError) as problem:
            if isinstance(problem, QueryError) and "Out of Memory" not in str(problem):
                raise
            what = "the query needs more memory than it may have"
            raise QueryError(what, hint="ask for less, or give it more") from None

    def sql(self, query: str, params: engine.Parameters = None) -> duckdb.DuckDBPyRelation:
        """Run queries that only read and return the last result; see :meth:`rmstore.store.Store.sql`.

        Raises:
            QueryError: something in it is not allowed, took too long, or needs too much memory.
            RmstoreError: what a function of ours found wrong.
        """
        texts = self.allowed(query)
        if len(texts) > 1 and params:
            raise QueryError("several statements and parameters at once", hint="give one statement, or no parameters")
        with time_limit(self, self.timeout, self.con):
            *before, last = texts
            for text in before:
                super().sql(text)
            return super().sql(last, params)

    def allowed(self, query: str) -> list[str]:
        """Return the statements of a text if all of them only read what a stranger may see.

        Raises:
            QueryError: it is no SQL, or does more than that.
        """
        if len(query) > LONGEST:
            raise QueryError(f"the SQL has {len(query):,} characters, {LONGEST:,} are allowed")
        try:
            return self.checked(safe_parser.parse(query, max(self.timeout, PARSING)))
        except safe_parser.ParserError as problem:
            raise QueryError(str(problem)) from None

    def checked(self, found: safe_parser.Parsed) -> list[str]:
        """Return the statements that were parsed if all of them only read.

        Raises:
            QueryError: one does more than that.
        """
        if not found:
            raise QueryError("there is no SQL in the text")
        for text, tree in found:
            self._check(text, tree)
        return [text for text, _ in found]

    def _check(self, text: str, tree: Any) -> None:
        if tree is None or len(tree["statements"]) != 1:
            raise QueryError(
                f"this is no query that only reads: {' '.join(text.split())[:60]!r}",
                hint="SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE and EXPLAIN are allowed; PIVOT needs IN (...)",
            )
        known = self._table_functions()
        for kind, name in _named(tree):
            _check_name(kind, name.lower(), known)

    def _table_functions(self) -> set[str]:
        if "table functions" not in self.cache:
            self.cache["table functions"] = {row["name"] for row in self.run("safe/table_functions")}
        names: set[str] = self.cache["table functions"]
        return names


@contextmanager
def time_limit(
    store: engine.Store,
    seconds: float | None,
    *cursors: duckdb.DuckDBPyConnection,
    overdue: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Stop what runs on the cursors, and our own functions, when the block has taken that long.

    Args:
        store: whose functions run.
        seconds: how long; None is for ever.
        cursors: what is interrupted.
        overdue: called where the engine has not stopped after ``GRACE`` seconds more: some of its functions never look.

    Raises:
        QueryError: it has.
    """
    if seconds is None:
        yield
        return
    done, late = threading.Event(), threading.Event()

    def watch() -> None:
        if not done.wait(seconds):
            late.set()
        began = time.monotonic()
        while late.is_set() and not done.wait(0.05):  # again and again: one call may fall between two statements
            store.stop.set()
            for cursor in cursors:
                cursor.interrupt()
            if overdue is not None and time.monotonic() - began > GRACE:
                overdue()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    except Interrupted:
        if not late.is_set():
            raise
        raise QueryError(
            f"the query took longer than {seconds:g} s", hint="ask for less, or give it more time"
        ) from None
    finally:
        done.set()
        thread.join()
        if late.is_set():
            store.stop.clear()


def _named(tree: Any) -> Iterator[tuple[str, str]]:
    """Give every query node, function and table of a syntax tree; a loop, for a tree may be deep."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        if not isinstance(node, Mapping):
            continue
        todo += node.values()
        kind = str(node.get("type", ""))
        if kind.endswith("_NODE"):
            yield "node", kind
        if "function_name" in node:
            yield "function", str(node["function_name"])
        if kind == "BASE_TABLE":
            yield "table", str(node["table_name"])


def _check_name(kind: str, name: str, table_functions: set[str]) -> None:
    if kind == "node":
        if name.upper() not in _NODES:
            raise QueryError(f"a query of strangers only reads, this has an {name.split('_')[0].upper()}")
        return
    ours = name.startswith("rm_")
    if kind == "table":
        allowed = not _HIDDEN.fullmatch(name)
    elif name in table_functions:
        allowed = ours or name in _TABLES
    else:
        allowed = not name.startswith(("_rm_", "rm_train")) and name not in _NEVER
    if not allowed:
        raise QueryError(
            f"{name!r} is not allowed here", hint="a query of strangers reads tables and scores with heads, no more"
        )
