"""Repeats a recorded run: the same SQL on the same head and snapshot, and says whether the rows are the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from rmstore import __version__, head_store, snapshots
from rmstore.errors import ReportError, RmstoreError, UnknownNameError
from rmstore.reports import record
from rmstore.reports.execution import Done, Job, execute, prepare
from rmstore.reports.files import get
from rmstore.reports.header import Report, parse
from rmstore.reports.parameters import Bound
from rmstore.reports.record import Recorded
from rmstore.reports.rows import differences
from rmstore.store import Store

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Rerun:
    """What :func:`rerun` found.

    Attributes:
        report: name of the report.
        is_equal: whether the rows are the same; None where those of then were not kept.
        differences: row, column, recorded and now of every cell that differs.
        table: the rows of now.
        provenance: of now.
        notes: what is not as it was, although heads and snapshots are.
    """

    report: str
    is_equal: bool | None
    differences: list[dict[str, Any]]
    table: pa.Table
    provenance: dict[str, Any]
    notes: list[str]


def rerun(store: Store, source: str | Path, *, dirs: Sequence[str | Path] = (), trust: bool = False) -> Rerun:
    """Repeat a run and compare its rows with those that were recorded; the repetition itself is not recorded.

    Args:
        store: a store with the head and snapshot of the run.
        source: a file that a report wrote, or a run id of this store (its first digits are enough).
        dirs: folders with more reports.
        trust: run SQL that comes from the file alone. Without it the report must be among those known here, with the
            recorded hash, and a condition must have been recorded by this store.

    Raises:
        UnknownNameError: there is no such file or run.
        ReportError: the provenance is not whole; the report is another here; a head or snapshot is gone or another; or
            SQL of the file would have to be trusted.
        BadFileError: the file cannot be read.
    """
    recorded = record.load(store, source)
    done = repeat(store, recorded, dirs=dirs, trust=trust)
    notes = [*_changes(recorded.provenance, done.provenance), *done.provenance["notes"]]
    if recorded.file is None:
        notes.append("the rows of then were not kept in a file, or it is gone: there is nothing to compare with")
        return Rerun(done.provenance["report"], None, [], done.table, done.provenance, notes)
    found = differences(record.rows(store, recorded, like=done.table), done.table)
    return Rerun(done.provenance["report"], not found, found, done.table, done.provenance, notes)


def repeat(store: Store, recorded: Recorded, *, dirs: Sequence[str | Path] = (), trust: bool = False) -> Done:
    """Run what was recorded once more; see :func:`rerun` for what it refuses."""
    job, bound = job_of(store, recorded, dirs=dirs, trust=trust)
    return execute(store, job, bound)


def job_of(
    store: Store, recorded: Recorded, *, dirs: Sequence[str | Path] = (), trust: bool = False
) -> tuple[Job, Bound]:
    """Return the job of a recorded run with its parameters, when head, snapshot and SQL are those of then."""
    said = recorded.provenance
    report = _report(recorded, dirs, trust)
    where = said["where"]["sql"] if said["where"] else None
    if where is not None and not (trust or recorded.is_own):
        raise ReportError(
            f"{recorded.name} was made with --where {where!r}, which this store did not record",
            hint="read it; --trust runs it",
        )
    for key, part in said["heads"].items():
        _check_same(recorded, "head", key, part, lambda text: head_store.resolve(store, text).fingerprint)
    for key, part in said["snapshots"].items():
        _check_same(recorded, "snapshot", key, part, lambda text: snapshots.resolve(store, text).fingerprint)
    folds = said["folds"]["k"] if said["folds"] else None
    job = Job(report, said["parameters"], folds, where, said["compare"])
    bound = prepare(store, job)
    loose = [name for name, value in bound.values.items() if value != said["parameters"].get(name)]
    if loose:
        raise ReportError(f"the provenance of {recorded.name} is not whole: it says nothing of {', '.join(loose)}")
    return job, bound


def _report(recorded: Recorded, dirs: Sequence[str | Path], trust: bool) -> Report:
    """Return the report with the recorded SQL: from the house, or where that is known or trusted, from the record."""
    said = recorded.provenance
    name, digest = said["report"], said["sql_sha256"]
    try:
        here = get(name, dirs)
        if here.sha256 == digest:
            return here
        why = f"report {name!r} has other SQL here ({here.sha256[:12]}) than {recorded.name} ({digest[:12]})"
    except UnknownNameError:
        why = f"no report called {name!r} is known here, and {recorded.name} was made with one"
    if trust or recorded.is_own:
        return parse(said["sql"], name=name, path=f"the provenance of {recorded.name}")
    raise ReportError(why, hint="--reports names its folder; --trust runs the SQL that the file brings: read it first")


def _check_same(recorded: Recorded, kind: str, key: str, part: dict[str, Any], now: Callable[[str], str]) -> None:
    """Refuse a head or snapshot that is gone, or that another one of the same name has taken the place of."""
    reference, then = part["reference"], part["fingerprint"]
    try:
        here = now(reference)
    except RmstoreError as problem:  # unknown, or dropped
        raise ReportError(
            f"{kind} {reference!r} ({key}) of {recorded.name} is not in this store: {problem.problem}",
            hint=f"its fingerprint is {then}; the run can be repeated where it was made, or with an imported {kind}",
        ) from None
    if here != then:
        raise ReportError(
            f"{kind} {reference!r} ({key}) is another one here: its fingerprint is {here}, {recorded.name} says {then}",
            hint="the run can be repeated in the store that it was made in",
        )


def _changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what is not as it was: versions, and what was withdrawn since."""
    found = [
        f"{name} was {then.get(name)}, it is {version}"
        for name, version in (("rmstore", __version__), ("duckdb", duckdb.__version__))
        if then.get(name) != version
    ]
    for key, part in now["snapshots"].items():
        before = then["snapshots"].get(key, {}).get("n_withdrawn")
        if before != part["n_withdrawn"]:
            found.append(f"of {part['reference']} {before} responses were withdrawn then, {part['n_withdrawn']} now")
    return found
