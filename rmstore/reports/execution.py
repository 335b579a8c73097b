"""One run of a report: parameters bound, folds and condition laid over its tables, rows read, or those of two heads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from rmstore import __version__, head_store
from rmstore.errors import OptionError, QueryError, ReportError
from rmstore.reports import compare as report_compare
from rmstore.reports import conditions
from rmstore.reports import folds as report_folds
from rmstore.reports import provenance as report_provenance
from rmstore.reports.checking import check_parameters, compare_columns
from rmstore.reports.cover import Covers
from rmstore.reports.header import Column, Report
from rmstore.reports.parameters import Bound, bind
from rmstore.reports.units import units_sql, used
from rmstore.store import Store

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Job:
    """What to run.

    Attributes:
        report: the report.
        params: its parameters by name; references may be of any form.
        folds: number of folds whose heads stand in for the one that is given.
        where: the operator's own condition.
        compare: reference of a head whose run is put beside that of the first head.
    """

    report: Report
    params: Mapping[str, Any] = field(default_factory=dict)
    folds: int | None = None
    where: str | None = None
    compare: str | None = None


@dataclass(frozen=True)
class Done:
    """A finished run.

    Attributes:
        report: the report; of a comparison one that describes its columns.
        bound: parameters, heads and snapshots as they were resolved.
        table: the rows.
        provenance: where they came from.
    """

    report: Report
    bound: Bound
    table: pa.Table
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Side:
    """A cursor that reads what one head makes of the data, with a record of what lies over it."""

    cursor: duckdb.DuckDBPyConnection
    bound: Bound
    folds: dict[str, Any] | None
    kept: list[dict[str, Any]]
    notes: list[str]


def prepare(store: Store, job: Job) -> Bound:
    """Return the parameters of a job, resolved, when everything that needs no data has been checked.

    Raises:
        UnknownNameError: no such head, snapshot, data set, subset or attribute.
        OptionError: a parameter is unknown or does not fit.
        InputError: the condition is none, or names what is not there.
        ReportError: the report is not what its header says, a parameter is missing, or it cannot be asked for this.
    """
    refuse(job.report, check_parameters(store, job.report))
    if job.compare is not None:
        report_compare.line_of(job.report)
    conditions.check(store, job.report, job.where)
    return bind(store, job.report, report_folds.defaults(job.report, dict(job.params), job.folds))


def execute(store: Store, job: Job, bound: Bound | None = None) -> Done:
    """Run a job and return its rows with where they came from; nothing is written.

    Args:
        store: an open store.
        job: what to run.
        bound: what :func:`prepare` gave, if it was called.
    """
    started, created_at = time.perf_counter(), datetime.now(UTC).replace(microsecond=0)
    report, bound = job.report, bound or prepare(store, job)
    everything, comparison = bound, None
    if job.compare is None:
        with opened_side(store, job, bound) as side:
            table = _rows(store, side, report)
        notes = side.notes + report_provenance.notes(store, report, bound, table)
    else:
        other = rival(store, bound, job.compare)
        with opened_side(store, job, bound) as side:
            left = _units(store, side, report)
        with opened_side(store, job, other) as second:
            right = _units(store, second, report)
        table = report_compare.pair(store, report_compare.line_of(report), left, right)
        everything = replace(bound, heads={**bound.heads, "compare": _first(other)})
        comparison, first = _first(other).reference, _first(bound).reference
        notes = [*dict.fromkeys(side.notes + second.notes), *report_compare.notes(table)]
        notes += report_provenance.notes(store, report, everything, table)
        report = report_compare.as_report(report, table, first, comparison)
    provenance = {
        "report": job.report.name,
        "title": report.title,
        "sql": job.report.sql,
        "sql_sha256": job.report.sha256,
        "parameters": bound.values,
        "where": None if job.where is None else {"sql": job.where, "kept": side.kept},
        "folds": side.folds,
        "compare": comparison,
        **report_provenance.sources(store, everything),
        "notes": notes,
        "n_rows": table.num_rows,
        "seconds": round(time.perf_counter() - started, 3),
        "created_at": created_at.isoformat(),
        "rmstore": __version__,
        "duckdb": duckdb.__version__,
    }
    return Done(report, everything, table, provenance)


def units(store: Store, job: Job, bound: Bound) -> pa.Table:
    """Return the units of a job by cell and group: its keys, ``group_id``, ``unit_n`` and ``unit_total``."""
    with opened_side(store, job, bound) as side:
        return _units(store, side, job.report)


def rival(store: Store, bound: Bound, reference: str) -> Bound:
    """Return the parameters with another head in the place of the first, on the same snapshot.

    Raises:
        UnknownNameError: no such head.
        OptionError: it is the head itself.
        ReportError: the report was given no head that another could stand for.
    """
    if bound.head is None:
        raise ReportError(
            "this run has no head that another could stand for",
            hint="two runs that differ otherwise are set beside each other by rmstore report diff RUN RUN",
        )
    other = head_store.resolve(store, reference)
    if other.head_id == bound.head.head_id:
        raise OptionError(
            f"compare is {reference!r}, which is {other.reference}, the head itself",
            hint="give another head, or another version of it",
        )
    name = next(iter(bound.heads))
    values = {**bound.values, name: other.reference}
    return replace(bound, values=values, heads={**bound.heads, name: other})


@contextmanager
def opened_side(store: Store, job: Job, bound: Bound) -> Iterator[Side]:
    """Give a cursor with the folds and the condition of a job laid over the tables that its report reads."""
    with store.cursor("report_macros") as cursor:
        covers = Covers(store, cursor)
        with report_folds.prepared(store, covers, bound, job.folds) as (folds, notes):
            kept = conditions.lay(store, covers, job.report, bound, job.where)
            yield Side(cursor, bound, folds, kept, notes + conditions.notes(kept, job.where))


def refuse(report: Report, problems: Sequence[str]) -> None:
    """Raise a ReportError if there are problems with a report."""
    if problems:
        raise ReportError(
            f"report {report.name!r} ({report.path}) is not what its header says: {'; '.join(problems)}",
            hint=f"rmstore report check {report.name}{'' if report.is_builtin else ' --reports FOLDER'}",
        )


def _first(bound: Bound) -> Any:
    assert bound.head is not None
    return bound.head


def _rows(store: Store, side: Side, report: Report) -> pa.Table:
    """Return the rows of the SQL, whose columns must be those of the header."""
    with _naming(report), store.interruptible(side.cursor), store.translated():
        relation = side.cursor.sql(report.sql, params=side.bound.values)
        found = [Column(*pair) for pair in zip(relation.columns, map(str, relation.types), strict=True)]
        refuse(report, compare_columns(report, found))
        return relation.to_arrow_table()


def _units(store: Store, side: Side, report: Report) -> pa.Table:
    sql = units_sql(report)
    with _naming(report), store.interruptible(side.cursor), store.translated():
        return side.cursor.sql(sql, params=used(side.cursor, sql, side.bound.values)).to_arrow_table()


@contextmanager
def _naming(report: Report) -> Iterator[None]:
    """Name the report in what the engine says of its SQL, and its file where the SQL is wrong."""
    try:
        yield
    except QueryError as problem:
        said = problem.problem.removeprefix("Invalid Input Error: ")  # of error('...'), by which SQL refuses a value
        place = f" ({report.path})" if said == problem.problem else ""
        raise ReportError(f"report {report.name!r}{place}: {said}") from problem
