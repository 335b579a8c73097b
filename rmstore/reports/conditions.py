"""The operator's own condition on a report: laid over the table functions that the header's ``filter`` line names.

It filters rows and learns nothing, so it lies over the folds; what a baseline learns from reads ``_rm_all_pairs``,
which is never covered. A function that reads a covered one is filtered with it: ``rm_rewards`` reads ``rm_rows``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from rmstore.errors import ReportError
from rmstore.filters import blaming, columns, one_condition
from rmstore.reports.cover import Covers
from rmstore.reports.files import list_reports
from rmstore.reports.header import Report
from rmstore.reports.parameters import Bound
from rmstore.store import Store, fill_in, quote_identifier, statement

_OF_HEAD = ("head", "snapshot")
_ARGUMENTS = {"rm_rewards": _OF_HEAD, "rm_reward_votes": _OF_HEAD, "rm_step_rewards": _OF_HEAD, "rm_votes": ()}
"""What a table function needs, where it is not the snapshot alone."""


def check(store: Store, report: Report, where: str | None) -> None:
    """Refuse a condition that a report does not take, or that is none, before anything is read.

    The condition is described over empty stand-ins of the table functions that it filters.

    Raises:
        ReportError: the report takes no condition.
        InputError: the text is not one expression, or names a column that is not there.
    """
    if where is None:
        return
    if not report.filter:
        able = ", ".join(one.name for one in list_reports() if one.filter) or "none of the built-in ones"
        raise ReportError(
            f"report {report.name!r} takes no condition",
            hint=f"these do: {able}; a report of your own does with a line '-- filter: rm_pairs' in its header",
        )
    with _stubs(store) as cursor:
        for name in report.filter:
            one_condition(store, cursor, where, _stub(name))


def lay(store: Store, covers: Covers, report: Report, bound: Bound, where: str | None) -> list[dict[str, Any]]:
    """Cover the functions that a condition filters; return how many rows of each it keeps.

    Rows are counted where the report names the snapshot, and the head where one is needed; that also finds a condition
    which fails on a value before the report runs.

    Raises:
        InputError: the condition fails on a value, or reads the function that it filters.
    """
    if where is None:
        return []
    kept = []
    for name in report.filter:
        count = _counter(store, covers, name, bound)
        before = count() if count else None
        covers.lay(name, statement(f"reports/filters/{name}"), {"where": where})
        if count:
            with blaming(where, lambda name=name: _columns(store, name)):  # type: ignore[misc]
                kept.append({"table": name, "n": before, "n_kept": count()})
    return kept


def notes(kept: list[dict[str, Any]], where: str | None) -> list[str]:
    """Return what a reader should know of a condition: that it leaves nothing."""
    return [
        f"--where {where!r} keeps none of the {row['n']} rows of {row['table']}"
        for row in kept
        if row["n"] and not row["n_kept"]
    ]


def _counter(store: Store, covers: Covers, name: str, bound: Bound) -> Callable[[], int] | None:
    """Return what counts the rows of a function for the first head and snapshot; None where the report has none."""
    held = {"head": bound.head, "snapshot": bound.snapshot}
    params = {key: found.reference for key in _needed(name) if (found := held[key]) is not None}
    if len(params) < len(_needed(name)):
        return None
    arguments = ", ".join(f"${key}" for key in params)
    query = fill_in(statement("reports/filters/count"), {"table": quote_identifier(name), "arguments": arguments})
    return lambda: int(store.execute(covers.cursor, query, params).fetchall()[0][0])


@contextmanager
def _stubs(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a cursor with empty stand-ins of the functions that conditions filter."""
    with store.cursor() as cursor:
        store.execute(cursor, statement("reports/stubs")).fetchall()
        yield cursor


def _needed(name: str) -> tuple[str, ...]:
    return _ARGUMENTS.get(name, ("snapshot",))


def _stub(name: str) -> str:
    return f"from {quote_identifier(name)}({', '.join('null' for _ in _needed(name))})"


def _columns(store: Store, name: str) -> list[str]:
    with _stubs(store) as cursor:
        return columns(store, cursor, _stub(name))
