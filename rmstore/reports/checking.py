"""Checks a report against its own header: parameters, column names and column types, without any data."""

from __future__ import annotations

import re
from typing import Any

import duckdb

from rmstore.errors import QueryError, ReportError
from rmstore.reports.header import Column, Report
from rmstore.reports.units import units_sql, used
from rmstore.store import Store, statement

_EXAMPLES: dict[str, Any] = {
    "HEAD": "head@1",
    "SNAPSHOT": "snapshot@1",
    "VARCHAR": "all",
    "DOUBLE": 1.0,
    "INTEGER": 1,
    "BOOLEAN": True,
}
_NUMBER = re.compile(r"(TINY|SMALL|BIG|HUGE|U\w*)?INT(EGER)?\b|DOUBLE|FLOAT|DECIMAL", re.IGNORECASE)


def check(store: Store, report: Report) -> list[str]:
    """Return what is wrong with a report, nothing if it is sound.

    The statement is described, not run: empty stand-ins take the place of functions that need a head or a snapshot.

    Args:
        store: any store; it may be empty.
        report: what to check.
    """
    problems = check_parameters(store, report)
    if problems:
        return problems
    values = {param.name: _EXAMPLES[param.type] if param.default is None else param.default for param in report.params}
    with store.cursor("report_macros") as cursor:
        try:
            store.execute(cursor, statement("reports/stubs")).fetchall()
            rows = store.execute(cursor, "describe\n" + report.sql, values).fetchall()
        except QueryError as problem:
            return [f"the SQL does not bind: {problem.problem}"]
        problems = compare_columns(report, [Column(row[0], str(row[1])) for row in rows])
        return problems or _check_units(store, cursor, report, values)


def _check_units(store: Store, cursor: duckdb.DuckDBPyConnection, report: Report, values: dict[str, Any]) -> list[str]:
    """Return how the compare line and the SQL differ: keys, group, number and total of every unit must be there."""
    if report.compare is None:
        return []
    try:
        sql = "describe\n" + units_sql(report)
        rows = store.execute(cursor, sql, used(cursor, sql, values)).fetchall()
    except ReportError as problem:
        return [f"compare: {problem.problem}"]
    except QueryError as problem:
        return [f"compare: {problem.problem}"]
    found = {row[0]: str(row[1]) for row in rows}
    said = {column.name: column.type for column in report.columns}
    problems = [
        f"compare: {key} is {found[key]} in {report.compare.units}, the column is {said[key]}"
        for key in report.compare.keys
        if _plain(found[key]) != _plain(said[key])
    ]
    return problems + [
        f"compare: {said} is {found[name]} in {report.compare.units}, and no number"
        for name, said in (("unit_n", report.compare.n), ("unit_total", report.compare.total))
        if not _NUMBER.match(found[name])
    ]


def check_parameters(store: Store, report: Report) -> list[str]:
    """Return how the ``$parameters`` of the SQL and those of the header differ; the SQL must be one SELECT."""
    try:
        with store.cursor() as cursor:
            statements = cursor.extract_statements(report.sql)
    except duckdb.Error as problem:
        return [f"the SQL cannot be read: {problem}"]
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        return [f"the file holds {len(statements)} statements, or one that is no SELECT; a report is one SELECT"]
    used, declared = set(statements[0].named_parameters), {param.name for param in report.params}
    problems = [f"${name} is used, but not a parameter in the header" for name in sorted(used - declared)]
    return problems + [f"{name} is a parameter in the header, but never used" for name in sorted(declared - used)]


def compare_columns(report: Report, found: list[Column]) -> list[str]:
    """Return how the columns of the header and those of the SQL differ, in names, order and types."""
    declared = [column.name for column in report.columns]
    names = [column.name for column in found]
    problems = [f"column {name} is in the header, but not in the SQL" for name in declared if name not in names]
    problems += [f"column {name} is in the SQL, but not in the header" for name in names if name not in declared]
    if problems:
        return problems
    if declared != names:
        return [f"the columns come as {', '.join(names)}, the header says {', '.join(declared)}"]
    return [
        f"column {have.name} is {have.type}, the header says {said.type}"
        for said, have in zip(report.columns, found, strict=True)
        if _plain(said.type) != _plain(have.type)
    ]


def _plain(kind: str) -> str:
    return re.sub(r"\s+", "", kind).upper()
