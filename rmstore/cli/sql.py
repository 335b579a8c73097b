"""``query`` and ``shell``: the operator's own SQL."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rmstore.cli.options import Settings, assignments, command, literal, opened
from rmstore.errors import QueryError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Statement

    from rmstore.api import Store

_WRITES = re.compile(r"\brm_train", re.IGNORECASE)
_READING = {"SELECT", "EXPLAIN", "SET", "PRAGMA", "VARIABLE_SET"}
_NO_ROWS = {"SET", "VARIABLE_SET", "CREATE", "DROP", "ALTER", "ATTACH", "DETACH", "TRANSACTION", "LOAD"}


@command(
    examples=(
        'rmstore query "select * from rm_heads()"',
        "rmstore query \"select prompt_id, max_by(response_id, rm_score('helpful', embedding))\n"
        "from rm_rows('tour@1') group by all\" --to best.parquet",
        "rmstore query 'select * from rm_rows($s) limit 5' -p s=tour@1 --json",
        "rmstore query - < analysis.sql",
        "rmstore query --safe --timeout 10 --memory 1GB - < of-a-stranger.sql",
    )
)
@click.argument("sql")
@assignments("-p", "--param", about="Value of $NAME, a JSON scalar or else text. Repeatable.", read=literal)
@click.option("--table", "shape", flag_value="table", default="table", help="Print a table (default).")
@click.option("--json", "shape", flag_value="json", help="Print a JSON array.")
@click.option("--csv", "shape", flag_value="csv", help="Print CSV.")
@click.option("--to", type=click.Path(path_type=Path), help="Write .parquet, .csv, .json or .jsonl instead.")
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="Rows shown on a terminal; 0 for all.",
)
@click.option("--safe", is_flag=True, help="For SQL of strangers: read only, no files, no network, limits.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Stop it then.")
@click.option("--memory", metavar="SIZE", help="Memory of the engine, such as 1GB; 2GB with --safe.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the engine; 2 with --safe, else all cores.")
@click.pass_obj
def query(
    settings: Settings,
    sql: str,
    param: dict[str, Any],
    shape: str,
    to: Path | None,
    rows: int,
    safe: bool,
    timeout: float | None,
    memory: str | None,
    threads: int | None,
) -> None:
    """Run SQL with the rm_ functions; - reads it from stdin.

    The tables of the store are found by their bare names. The file is opened for writing only where the
    SQL writes or trains, so that several readers share a store. With --safe it is never written, whatever
    the SQL says: only queries that read run, for 30 seconds unless --timeout says otherwise.
    """
    from rmstore.cli.bounds import give_up
    from rmstore.cli.rows import last_result, write_rows
    from rmstore.safe_query import time_limit

    text = sys.stdin.read() if sql == "-" else sql
    limits: dict[str, Any] = {"memory_limit": memory, "threads": threads}
    with _open_safely(settings, text, timeout, limits) if safe else _open(settings, text, limits) as store:
        statements = parse(text)
        check_parameters(statements, param)
        cursor = store.cursor()
        overdue = give_up if safe else None
        limit = time_limit(store, getattr(store, "timeout", timeout), cursor, overdue=overdue)
        with limit, store.interruptible(cursor), store.translated():
            if to is not None:
                _to_file(store, cursor, statements, param, to)
                return
            last_result(store, cursor, statements, param)
            if cursor.description and not returns_nothing(statements[-1]):
                write_rows(cursor, shape, limit=rows)


def _open(settings: Settings, text: str, limits: dict[str, Any]) -> AbstractContextManager[Store]:
    """Open the store for the operator's SQL, for writing where that writes."""
    return opened(settings, write=needs_writing(parse(text)), **limits)


@contextmanager
def _open_safely(settings: Settings, text: str, timeout: float | None, limits: dict[str, Any]) -> Iterator[Store]:
    """Open the store for SQL of a stranger that was read and is allowed, with bounds around this process."""
    from rmstore.cli.bounds import bound_memory
    from rmstore.safe_query import MEMORY, SafeStore

    os.environ["HF_HUB_OFFLINE"] = "1"  # before the hub's package is loaded, which reads it once
    with opened(settings, safe=True, timeout=timeout, **limits) as store:
        if isinstance(store, SafeStore):
            store.allowed(text)
        bound_memory(limits["memory_limit"] or MEMORY)
        yield store


@command(examples=("rmstore shell", "rmstore shell --read-only", "rmstore shell < statements.sql"))
@click.option("--read-only", is_flag=True, help="Share the file with other readers.")
@click.pass_obj
def shell(settings: Settings, read_only: bool) -> None:
    """Type SQL at a prompt; every statement ends with a semicolon.

    Dot commands: .help .tables .heads .snapshots .reports .timer .quit. Ctrl-C stops a statement, Ctrl-D
    ends the shell.
    """
    import rmstore
    from rmstore.cli.shell import Shell

    with rmstore.connect(settings.store, read_only=read_only, create=False) as store:
        failed = Shell(store).loop()
    if failed:
        raise click.exceptions.Exit(1)


def parse(text: str) -> list[Statement]:
    """Return the statements of a text.

    Raises:
        QueryError: it is not SQL, or there is none.
    """
    import duckdb

    with duckdb.connect() as con:
        try:
            statements = con.extract_statements(text)
        except duckdb.Error as problem:
            raise QueryError(str(problem)) from None
    if not statements:
        raise QueryError("there is no SQL in the text", hint='such as: rmstore query "select * from rm_heads()"')
    return statements


def check_parameters(statements: list[Statement], values: dict[str, Any]) -> None:
    """Refuse values that no statement takes and parameters that have no value."""
    wanted = {name for statement in statements for name in statement.named_parameters}
    for name in sorted(values.keys() - wanted):
        known = ", ".join(f"${name}" for name in sorted(wanted)) or "none"
        raise QueryError(f"the SQL has no parameter ${name}", hint=f"parameters of this SQL: {known}")
    missing = sorted(wanted - values.keys())
    if missing:
        raise QueryError(f"${missing[0]} has no value", hint=f"-p {missing[0]}=VALUE")


def needs_writing(statements: list[Statement]) -> bool:
    """Return True unless every statement only reads; training writes."""
    return any(statement.type.name not in _READING or _WRITES.search(statement.query) for statement in statements)


def returns_nothing(statement: Statement) -> bool:
    """Return True for statements whose result is not worth showing, such as SET."""
    return statement.type.name in _NO_ROWS


def _to_file(
    store: Store, cursor: DuckDBPyConnection, statements: list[Statement], values: dict[str, Any], to: Path
) -> None:
    import duckdb

    from rmstore.cli.output import counted
    from rmstore.cli.rows import last_result, subset
    from rmstore.export import copy_options, export

    copy_options(to)  # an unknown ending is refused before anything runs
    *before, last = statements
    last_result(store, cursor, before, values)
    if last.type.name == "SELECT" and not store.is_safe:
        n_rows = export(store, last.query, to, subset(last, values), cursor=cursor)
    else:
        relation = cursor.sql(last.query, params=subset(last, values))
        if relation is None or returns_nothing(last):
            raise QueryError("the last statement has no rows to write", hint="end with a SELECT")
        with duckdb.connect() as writer:  # a safe store is shut to files, also to the operator's
            writer.register("_rm_result", relation.to_arrow_table())
            n_rows = export(store, "select * from _rm_result", to, cursor=writer)
    click.echo(f"{counted(n_rows, 'row')} in {to}", err=True)
