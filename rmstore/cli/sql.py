"""``query`` and ``shell``: the operator's own SQL."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rmstore.cli.options import Settings, assignments, command, opened
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
    )
)
@click.argument("sql")
@assignments("-p", "--param", about="Value of $NAME, a JSON scalar or else text. Repeatable.", scalars=True)
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
@click.pass_obj
def query(settings: Settings, sql: str, param: dict[str, Any], shape: str, to: Path | None, rows: int) -> None:
    """Run SQL with the rm_ functions; - reads it from stdin.

    The tables of the store are found by their bare names. The file is opened for writing only where the
    SQL writes or trains, so that several readers share a store.
    """
    from rmstore.cli.rows import last_result, write_rows

    text = sys.stdin.read() if sql == "-" else sql
    statements = parse(text)
    check_parameters(statements, param)
    with opened(settings, write=needs_writing(statements)) as store:
        cursor = store.cursor()
        with store.interruptible(cursor), store.translated():
            if to is not None:
                _to_file(store, cursor, statements, param, to)
                return
            last_result(store, cursor, statements, param)
            if cursor.description and not returns_nothing(statements[-1]):
                write_rows(cursor, shape, limit=rows)


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
    from rmstore.cli.output import counted
    from rmstore.cli.rows import last_result, subset
    from rmstore.export import copy_options, export

    copy_options(to)  # an unknown ending is refused before anything runs
    *before, last = statements
    last_result(store, cursor, before, values)
    if last.type.name == "SELECT":
        n_rows = export(store, last.query, to, subset(last, values), cursor=cursor)
    else:
        relation = cursor.sql(last.query, params=subset(last, values))
        if relation is None or returns_nothing(last):
            raise QueryError("the last statement has no rows to write", hint="end with a SELECT")
        cursor.register("_rm_result", relation.to_arrow_table())
        n_rows = export(store, "select * from _rm_result", to, cursor=cursor)
    click.echo(f"{counted(n_rows, 'row')} in {to}", err=True)
