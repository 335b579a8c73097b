"""Results of the operator's SQL, streamed from a cursor to stdout."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from rmstore.cli.output import plain, print_plain, print_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Statement

    from rmstore.api import Store

BATCH = 2_000


def subset(statement: Statement, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that a statement takes."""
    return {name: values[name] for name in statement.named_parameters}


def last_result(store: Store, cursor: DuckDBPyConnection, statements: list[Statement], values: dict[str, Any]) -> None:
    """Run statements in order; the result of the last is left on the cursor."""
    for statement in statements:
        store.execute(cursor, statement.query, subset(statement, values))


def write_rows(cursor: DuckDBPyConnection, shape: str, *, limit: int) -> None:
    """Write the result of a cursor as ``table``, ``json`` or ``csv``; all of it but on a terminal's table."""
    columns = [column[0] for column in cursor.description]
    {"table": _write_table, "json": _write_json, "csv": _write_csv}[shape](cursor, columns, limit)


def _batches(cursor: DuckDBPyConnection) -> Iterator[list[tuple[Any, ...]]]:
    while batch := cursor.fetchmany(BATCH):
        yield batch


def _write_table(cursor: DuckDBPyConnection, columns: list[str], limit: int) -> None:
    if not sys.stdout.isatty():
        first = True
        for batch in _batches(cursor):
            print_plain(batch, columns, header=first)
            first = False
        if first:
            print_plain([], columns)
        return
    rows = cursor.fetchmany(limit + 1) if limit else cursor.fetchall()
    shown = rows[:limit] if limit else rows
    print_rows(shown, columns)
    if len(rows) > len(shown):
        click.echo(f"the first {limit} rows; --rows 0, --csv, --json or --to FILE give all", err=True)


def _write_json(cursor: DuckDBPyConnection, columns: list[str], limit: int) -> None:
    columns = _told_apart(columns)
    separator = "[\n"
    for batch in _batches(cursor):
        for row in batch:
            record = {name: plain(value) for name, value in zip(columns, row, strict=True)}
            click.echo(separator + json.dumps(record, ensure_ascii=False), nl=False)
            separator = ",\n"
    click.echo("\n]" if separator == ",\n" else "[]")


def _told_apart(columns: list[str]) -> list[str]:
    """Return the names with a number behind each repetition, as files have them: an object keeps a key only once."""
    names: list[str] = []
    for column in columns:
        name, number = column, 0
        while name in names or (number and name in columns):
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return names


def _write_csv(cursor: DuckDBPyConnection, columns: list[str], limit: int) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for batch in _batches(cursor):
        writer.writerows([[_csv_cell(value) for value in row] for row in batch])


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(plain(value), ensure_ascii=False) if isinstance(value, list | tuple | dict) else value
