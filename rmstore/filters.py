"""The operator's own SQL: checked to be one expression or one query before it joins a statement."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from rmstore.errors import InputError, QueryError
from rmstore.store import Store

_EMPTY = ("where_clause", "having", "qualify", "sample", "group_expressions", "group_sets", "modifiers")
_FAULTS = re.compile(r"(Binder|Catalog|Conversion|Invalid Input|Invalid Type|Out of Range) Error: ")
"""Errors of the engine that an expression can cause; a full disk or too little memory is not its fault."""


def one_expression(store: Store, text: str, *, what: str = "--where") -> str:
    """Return the text if it is exactly one SQL expression.

    It is safe as an item of a select list, where it was checked; put it on lines of its own.

    Raises:
        InputError: it does not parse, or is more than one expression.
    """
    hint = "one condition, such as split = 'train' and dataset = 'hh'"
    tree = _tree(store, f"select (\n{text}\n)", text, what, hint)
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
        raise InputError(f"{what} is not one expression: {text!r}", hint=hint)
    return text


def one_query(store: Store, text: str, *, what: str = "--match") -> str:
    """Return the text, without a final semicolon, if it is exactly one query that reads.

    Raises:
        InputError: it does not parse, is several statements, or would write.
    """
    tidy = text.strip().rstrip(";")
    hint = "one SELECT that only reads"
    if any(len(_tree(store, query, text, what, hint)) != 1 for query in (tidy, f"from (\n{tidy}\n)")):
        raise InputError(f"{what} is not one query: {text!r}", hint=hint)
    return tidy


@contextmanager
def blaming(text: str, columns: Callable[[], Sequence[str]], *, what: str = "--where") -> Iterator[None]:
    """Say that an expression is at fault for what the engine refuses in the block, and not the SQL around it.

    Args:
        text: the expression.
        columns: gives the names that it may use; asked for where it is at fault.
        what: the option that it came from.

    Raises:
        InputError: it names what is not there, aggregates, or fails on a value.
    """
    try:
        yield
    except QueryError as problem:
        reason = problem.problem.splitlines()[0]
        if not _FAULTS.match(reason):
            raise
        raise InputError(
            f"{what} {text!r} cannot be used: {_FAULTS.sub('', reason)}", hint=f"it may name {', '.join(columns())}"
        ) from problem


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
