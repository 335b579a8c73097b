"""The operator's own SQL: checked to be one expression or one query before it joins a statement."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from rmstore.errors import InputError, QueryError
from rmstore.store import Store, fill_in, statement

_EMPTY = ("where_clause", "having", "qualify", "sample", "group_expressions", "group_sets", "modifiers")
_FAULTS = re.compile(r"(Binder|Catalog|Conversion|Invalid Input|Invalid Type|Out of Range) Error: ")
"""Errors of the engine that an expression can cause; a full disk or too little memory is not its fault."""


def one_condition(store: Store, cursor: duckdb.DuckDBPyConnection, text: str, source: str) -> str:
    """Return the text if it is exactly one condition over the columns of a query, which is described and not run.

    Args:
        store: where the query would run.
        cursor: a cursor that has what the query needs.
        text: the condition.
        source: the query.

    Raises:
        InputError: it is not one expression, names what is not there, aggregates, or has no truth value.
    """
    _check_expression(store, text)
    with blaming(text, lambda: columns(store, cursor, source)):
        query = fill_in(statement("filters/condition"), {"source": source, "where": text})
        kind = store.execute(cursor, query).fetchall()[-1][1]
    if kind != "BOOLEAN":
        raise InputError(
            f"--where {text!r} is a value of type {kind}, not a condition", hint="compare it with something"
        )
    return text


def columns(store: Store, cursor: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    """Return what a condition over a query may name."""
    query = fill_in(statement("filters/columns"), {"source": source})
    return [row[0] for row in store.execute(cursor, query).fetchall()]


def one_query(store: Store, text: str) -> str:
    """Return the text, without a final semicolon, if it is exactly one query that reads.

    Raises:
        InputError: it does not parse, is several statements, or would write.
    """
    tidy = text.strip().rstrip(";")
    hint = "one SELECT that only reads"
    if any(len(_tree(store, query, text, "--match", hint)) != 1 for query in (tidy, f"from (\n{tidy}\n)")):
        raise InputError(f"--match is not one query: {text!r}", hint=hint)
    return tidy


@contextmanager
def blaming(text: str | None, columns: Callable[[], Sequence[str]]) -> Iterator[None]:
    """Say that a condition is at fault for what the engine refuses in the block, and not the SQL around it.

    Args:
        text: the condition; None where there is none to blame.
        columns: gives the names that it may use; asked for where it is at fault.

    Raises:
        InputError: it names what is not there, aggregates, or fails on a value.
    """
    try:
        yield
    except QueryError as problem:
        reason = problem.problem.splitlines()[0]
        if text is None or not _FAULTS.match(reason):
            raise
        raise InputError(
            f"--where {text!r} cannot be used: {_FAULTS.sub('', reason)}", hint=f"it may name {', '.join(columns())}"
        ) from problem


def _check_expression(store: Store, text: str) -> None:
    """Refuse what is more than one SQL expression; put it on lines of its own where it joins a statement."""
    hint = "one condition, such as split = 'train' and dataset = 'hh'"
    tree = _tree(store, f"select (\n{text}\n)", text, "--where", hint)
    nodes = [entry["node"] for entry in tree]
    alone = (
        text.strip()
        and len(nodes) == 1
        and nodes[0]["type"] == "SELECT_NODE"
        and not any(nodes[0].get(key) for key in _EMPTY)
    )
    if not (
        alone
        and len(nodes[0]["select_list"]) == 1
        and nodes[0]["from_table"]["type"] == "EMPTY"
        and not nodes[0]["cte_map"]["map"]
    ):
        raise InputError(f"--where is not one expression: {text!r}", hint=hint)


def _tree(store: Store, query: str, text: str, what: str, hint: str) -> list[dict[str, Any]]:
    try:
        row = store.cursor().execute("select json_serialize_sql($query::varchar)", {"query": query}).fetchone()
        parsed = json.loads(row[0]) if row else {}
    except duckdb.Error as problem:
        parsed = {"error": True, "error_message": str(problem)}
    if parsed.get("error"):
        reason = str(parsed.get("error_message", "")).splitlines()[0]
        raise InputError(f"{what} does not parse: {text!r}: {reason}", hint=hint)
    statements: list[dict[str, Any]] = parsed["statements"]
    return statements
