"""Reports: SQL in, a table with its provenance out, a file where one is asked for, a row in ``report_runs``.

========================  ==========================================================================================
reading a report          ``files`` finds it, ``header`` reads its contract, ``parameters`` binds values, ``checking``
                          runs the contract against the engine
running it                ``execution``; ``cover`` lays ``folds``, ``conditions`` and ``units`` over what it reads;
                          ``provenance`` says where the rows came from, ``rows`` when two results are the same
runs beside each other    ``compare`` pairs two heads, ``diff`` two runs, ``rerun`` repeats one that ``record`` reads
many at once              ``batch`` works off a ``plan``; ``inputs`` and their ``reach`` say what is still true
what a person sees        ``output`` chooses the format, ``view`` and ``text`` the figures; ``markdown``, ``html``
the picture               ``chart`` is declared, ``points`` are its marks, ``picture`` draws them with ``scales`` and a
                          ``theme``, ``drawing`` renders
the page                  ``site`` of ``results`` and their ``headline``; ``kept`` pictures are not drawn again
========================  ==========================================================================================
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rmstore.hashing import canonical_json
from rmstore.records import ReportResult
from rmstore.reports.chart import Chart
from rmstore.reports.checking import check
from rmstore.reports.execution import Done, Job, execute
from rmstore.reports.files import get, list_reports
from rmstore.reports.header import Column, Comparison, Parameter, Report
from rmstore.reports.output import check_ending, write
from rmstore.store import Store, statement

__all__ = ["Chart", "Column", "Comparison", "Parameter", "Report", "check", "finish", "get", "list_reports", "run"]


def run(
    store: Store,
    name: str,
    params: Mapping[str, Any] | None = None,
    *,
    to: str | Path | None = None,
    dirs: Sequence[str | Path] = (),
    folds: int | None = None,
    where: str | None = None,
    compare: str | None = None,
) -> ReportResult:
    """Run a report and return its rows with where they came from; ``report_runs`` gains a row.

    Args:
        store: an open store.
        name: name of the report.
        params: parameters by name; references are resolved once, and the exact versions are recorded.
        to: a file; its ending says the format. A Parquet file carries the provenance in its key-value metadata.
        dirs: folders with more reports.
        folds: score every group with a head trained like the given one on the other folds; see ``reports.folds``.
        where: one SQL expression, which filters the table functions of the header's ``filter`` line.
        compare: reference of a second head; the rows are then the difference of the measure, see ``reports.compare``.

    Raises:
        UnknownNameError: no such report, head, snapshot, data set, subset or attribute.
        OptionError: a parameter is unknown or does not fit, or the file's ending means no format.
        InputError: the condition is none, names a column that is not there, or fails on a value.
        ReportError: the report is not what its header says, a parameter is missing, or it takes no condition or
            compares no runs.
        StoreError: the file cannot be written; the store is as it was.
    """
    job = Job(get(name, dirs), dict(params or {}), folds, where, compare)
    target = Path(to) if to is not None else None
    if target is not None:
        check_ending(target, None if compare else job.report)
    return finish(store, execute(store, job), target)


def finish(store: Store, done: Done, target: Path | None) -> ReportResult:
    """Write the rows of a finished run to a file, where one is asked for, and enter the run in ``report_runs``."""
    run_id = None if store.read_only else str(uuid.uuid4())
    provenance = {**done.provenance, "run_id": run_id}
    if target is not None:
        write(store, done.report, done.table, target, provenance)
    if run_id is not None:
        _record(store, done, provenance, target)
    return ReportResult(done.provenance["report"], done.table, provenance, target)


def _record(store: Store, done: Done, provenance: Mapping[str, Any], output: Path | None) -> None:
    keys = ("run_id", "report", "sql_sha256", "seconds", "n_rows", "created_at")
    head, snapshot = done.bound.head, done.bound.snapshot
    with store.atomic() as cursor:
        cursor.execute(
            statement("reports/record"),
            {
                **{key: provenance[key] for key in keys},
                "parameters": canonical_json(provenance["parameters"]),
                "head_id": head.head_id if head else None,
                "snapshot_id": snapshot.snapshot_id if snapshot else None,
                "provenance": canonical_json(provenance),
                "output": str(output.resolve()) if output else None,
            },
        )
