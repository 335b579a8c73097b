"""Runs reports: parameters in, a table with its provenance out, to a file where one is asked for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from rmstore import __version__, report_folds, report_output, withdrawals
from rmstore.errors import QueryError, ReportError
from rmstore.hashing import canonical_json
from rmstore.records import HeadInfo, ReportResult, SnapshotInfo
from rmstore.report_chart import Chart
from rmstore.report_check import check, check_parameters, compare_columns
from rmstore.report_files import get, list_reports
from rmstore.report_header import Column, Comparison, Parameter, Report
from rmstore.report_parameters import Bound, bind
from rmstore.store import Store, statement

__all__ = ["Chart", "Column", "Comparison", "Parameter", "Report", "check", "get", "list_reports", "run"]


def run(
    store: Store,
    name: str,
    params: Mapping[str, Any] | None = None,
    *,
    to: str | Path | None = None,
    dirs: Sequence[str | Path] = (),
    folds: int | None = None,
) -> ReportResult:
    """Run a report and return its rows with where they came from; ``report_runs`` gains a row.

    Args:
        store: an open store.
        name: name of the report.
        params: parameters by name; references are resolved once, and the exact versions are recorded.
        to: a file; its ending (.parquet, .csv, .json, .jsonl) says the format. A Parquet file carries the provenance in
            its key-value metadata, any other in ``<file>.provenance.json`` beside it.
        dirs: folders with more reports.
        folds: score every group with a head trained like the given one on the other folds; see ``report_folds``.

    Raises:
        UnknownNameError: no such report, head, snapshot, data set or attribute.
        OptionError: a parameter is unknown or does not fit, or the file's ending means no format.
        ReportError: the report is not what its header says, or a parameter is missing.
        StoreError: the file cannot be written; the store is as it was.
    """
    started, created_at = time.perf_counter(), datetime.now(UTC).replace(microsecond=0)
    report = get(name, dirs)
    _refuse(report, check_parameters(store, report))
    target = Path(to) if to is not None else None
    if target is not None:
        report_output.check_ending(target)
    given = report_folds.defaults(report, dict(params or {}), folds)
    bound = bind(store, report, given)
    cursor = store.cursor()
    with report_folds.prepared(store, cursor, bound, folds) as (fold_record, notes):
        table = _rows(store, cursor, report, bound)
    notes += _notes(store, report, bound, table)
    provenance = {
        "report": report.name,
        "title": report.title,
        "sql": report.sql,
        "sql_sha256": report.sha256,
        "parameters": bound.values,
        "folds": fold_record,
        "heads": {key: _about_head(store, head) for key, head in bound.heads.items()},
        "snapshots": {key: _about_snapshot(store, snapshot) for key, snapshot in bound.snapshots.items()},
        "datasets": _datasets(store, bound),
        "notes": notes,
        "n_rows": table.num_rows,
        "seconds": round(time.perf_counter() - started, 3),
        "created_at": created_at.isoformat(),
        "rmstore": __version__,
        "duckdb": duckdb.__version__,
    }
    if target is not None:
        report_output.write(store, report, table, target, provenance)
    if not store.read_only:
        _record(store, bound, provenance, target)
    return ReportResult(report.name, table, provenance, target)


def _rows(store: Store, cursor: duckdb.DuckDBPyConnection, report: Report, bound: Bound) -> pa.Table:
    """Return the rows of the SQL, whose columns must be those of the header."""
    try:
        with store.interruptible(cursor), store.translated():
            relation = cursor.sql(report.sql, params=bound.values)
            found = [Column(*pair) for pair in zip(relation.columns, map(str, relation.types), strict=True)]
            _refuse(report, compare_columns(report, found))
            return relation.to_arrow_table()
    except QueryError as problem:
        raise ReportError(f"report {report.name!r} ({report.path}): {problem.problem}") from problem


def _refuse(report: Report, problems: Sequence[str]) -> None:
    if problems:
        raise ReportError(
            f"report {report.name!r} ({report.path}) is not what its header says: {'; '.join(problems)}",
            hint=f"rmstore report check {report.name}",
        )


def _notes(store: Store, report: Report, bound: Bound, table: pa.Table) -> list[str]:
    """Return what a reader of the numbers should know."""
    notes = []
    relative = [head.reference for head in bound.heads.values() if head.within_prompt]
    crossing = "n_cross" in table.column_names and any(table["n_cross"].to_pylist())
    if relative and (report.levels or crossing):
        notes.append(
            f"{', '.join(relative)} was trained on pairs within prompts only, so nothing fixed the level of a prompt; "
            "this report compares rewards of different prompts"
        )
    notes += [
        f"{snapshot.n_withdrawn} of {snapshot.n_rows} responses of {snapshot.reference} were withdrawn with dropped "
        "data sets since it was frozen, so these figures are not those of before"
        for snapshot in dict.fromkeys(bound.snapshots.values())
        if snapshot.n_withdrawn
    ]
    if table.num_rows and "n_seen" in table.column_names and table["n_seen"].null_count == table.num_rows:
        notes.append("which groups the head saw in training is not known, so none is left out")
    if not table.num_rows:
        notes.append(_why_empty(store, bound))
    if store.read_only:
        notes.append("the store is read-only, so report_runs has no row of this run")
    return notes


def _why_empty(store: Store, bound: Bound) -> str:
    if bound.snapshot is None or "split" not in bound.values:
        return "the report has no rows"
    counts = store.run("reports/splits", {"snapshot": bound.snapshot.reference})
    held = ", ".join(f"{row['split']} {row['n_responses']} and {row['n_votes']}" for row in counts)
    return (
        f"the report has no rows: nothing in {bound.snapshot.reference} fits split {bound.values['split']!r}; "
        f"responses and votes there: {held or 'none'}"
    )


def _about_head(store: Store, head: HeadInfo) -> dict[str, Any]:
    return {
        "reference": head.reference,
        "fingerprint": head.fingerprint,
        "kind": head.kind,
        "objective": head.objective,
        "training_sql": head.training_sql,
        "encoder_key": head.encoder_key,
        "layout": head.layout,
        "within_prompt": head.within_prompt,
        "datasets": store.run("reports/head_datasets", {"snapshot_id": head.snapshot_id}),
        "withdrawn": withdrawals.of_head(store, head.head_id),
    }


def _about_snapshot(store: Store, snapshot: SnapshotInfo) -> dict[str, Any]:
    return {
        "reference": snapshot.reference,
        "fingerprint": snapshot.fingerprint,
        "encoder": snapshot.encoder,
        "encoder_key": snapshot.encoder_key,
        "layout": snapshot.layout,
        "n_rows": snapshot.n_rows,
        "n_withdrawn": snapshot.n_withdrawn,
        "withdrawn": withdrawals.of_snapshot(store, snapshot.snapshot_id),
    }


def _datasets(store: Store, bound: Bound) -> list[dict[str, Any]]:
    """Return the data sets of the snapshots, dropped ones too, or all of the store where the report reads none."""
    names = sorted({name for snapshot in bound.snapshots.values() for name in snapshot.datasets})
    rows = store.run("reports/datasets", {"names": names or None})
    return [{**row, "files": row["files"] or []} for row in rows]


def _record(store: Store, bound: Bound, provenance: Mapping[str, Any], output: Path | None) -> None:
    values = {key: provenance[key] for key in ("report", "sql_sha256", "seconds", "n_rows", "created_at")}
    with store.atomic() as cursor:
        cursor.execute(
            statement("reports/record"),
            {
                **values,
                "run_id": str(uuid.uuid4()),
                "parameters": canonical_json(provenance["parameters"]),
                "head_id": bound.head.head_id if bound.head else None,
                "snapshot_id": bound.snapshot.snapshot_id if bound.snapshot else None,
                "provenance": canonical_json(provenance),
                "output": str(output.resolve()) if output else None,
            },
        )
