"""Reports by folds: every group is scored by a head that was trained, like the given one, on the other groups.

The SQL of the report stays as it is. On the cursor that runs it, ``rm_rewards`` and ``rm_pairs`` are covered by macros
(:mod:`rmstore.reports.cover`) that read the fold heads, which live in memory for that run and are never stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from rmstore.errors import OptionError, ReportError
from rmstore.features import FEATURES, struct_of_inputs
from rmstore.recipes import Recipe
from rmstore.reports.cover import Covers
from rmstore.reports.files import list_reports
from rmstore.reports.header import Report
from rmstore.reports.parameters import Bound
from rmstore.snapshot_training import pairs_of_snapshot
from rmstore.store import Store, fill_in, statement
from rmstore.training import fit_rows

if TYPE_CHECKING:
    import duckdb

    from rmstore.kernels import Scorer
    from rmstore.records import HeadInfo, SnapshotInfo


def defaults(report: Report, given: dict[str, Any], folds: int | None) -> dict[str, Any]:
    """Return the parameters with ``split`` at 'all' where folds are asked for: every group is held out once.

    Raises:
        ReportError: the report does not run by folds.
        OptionError: fewer than two folds.
    """
    if folds is None:
        return given
    if not report.folds:
        able = ", ".join(one.name for one in list_reports() if one.folds)
        raise ReportError(f"report {report.name!r} does not run by folds", hint=f"these do: {able}")
    if folds < 2:
        raise OptionError(f"folds is {folds}", hint="2 or more; 5 is usual")
    return {**given, "split": given.get("split") or "all"}


@contextmanager
def prepared(
    store: Store, covers: Covers, bound: Bound, folds: int | None
) -> Iterator[tuple[dict[str, Any] | None, list[str]]]:
    """Train the fold heads, lay them over the cursor, and give a record of it and notes; forget all at the end.

    Raises:
        ReportError: the report has not exactly one head and one snapshot.
        InputError: the other folds hold too few pairs to train on.
    """
    if folds is None:
        yield None, []
        return
    head, snapshot = bound.head, bound.snapshot
    if head is None or snapshot is None or len(bound.heads) > 1 or len(bound.snapshots) > 1:
        raise ReportError(
            f"folds is {folds}, but this run has no head, or several heads or snapshots",
            hint="give one head and one snapshot, such as --head helpful@3",
        )
    recipe = Recipe(head.kind, head.objective, head.members, head.merge, head.seed, head.options)
    features = _features(head)
    cursor = covers.cursor
    _check_folds(store, cursor, snapshot, folds)
    scorers, n_used = [], []
    for fold in range(folds):
        fitted, n = _fit(store, snapshot, recipe, features, folds, fold)
        scorers.append(fitted)
        n_used.append(n)
    numbers = _hold(store, scorers)
    try:
        before = _count(store, cursor, snapshot)
        reads = struct_of_inputs(("e", *features)) if features else "embedding"
        parts = {"first": str(numbers[0]), "folds": str(folds), "input": reads}
        covers.lay("rm_rewards", statement("reports/fold_rewards"), parts)
        covers.lay("rm_pairs", statement("reports/fold_pairs"), parts)
        scales = ", ".join(f"{scorer.temperature:.17e}" for scorer in scorers)
        scaled = fill_in(statement("reports/fold_temperatures"), {"temperatures": f"[{scales}]", "folds": str(folds)})
        store.execute(cursor, scaled).fetchall()
        record = {"k": folds, "n_used": n_used, "recipe": {**vars(recipe), "features": features}}
        yield record, _notes(head, before - _count(store, cursor, snapshot))
    finally:
        for number in numbers:
            store.cache.pop(("scorer", number), None)


def _check_folds(store: Store, cursor: duckdb.DuckDBPyConnection, snapshot: SnapshotInfo, folds: int) -> None:
    """Refuse more folds than there are groups to hold out: most would be empty, and each costs a fit."""
    query = "select count(distinct group_id) from rm_pairs($snapshot)"
    n_groups = int(store.execute(cursor, query, {"snapshot": snapshot.reference}).fetchall()[0][0])
    if n_groups >= 2 and folds > n_groups:
        raise OptionError(
            f"folds is {folds}, but the votes of {snapshot.reference} have {n_groups} groups", hint="5 is usual"
        )


def _features(head: HeadInfo) -> list[str]:
    """Return the side features of a head's input; beside them there must be one vector, which the snapshot gives."""
    names = [field["name"] for field in head.inputs]
    features = [name for name in names if name in FEATURES]
    if len(names) - len(features) != 1:
        raise ReportError(
            f"head {head.reference} takes {', '.join(names)}, which the rows of a snapshot do not give",
            hint=f"folds work for heads on one vector and {', '.join(FEATURES)}",
        )
    return features


def _fit(
    store: Store, snapshot: SnapshotInfo, recipe: Recipe, features: list[str], folds: int, fold: int
) -> tuple[Scorer, int]:
    """Return the head of one fold and the number of pairs it learned from; of them the valid split only chooses."""
    where = fill_in(statement("reports/fold_condition"), {"folds": str(folds), "fold": str(fold)})
    _, rows = pairs_of_snapshot(store, snapshot, where=where, features=features)
    names = [field.name for field in rows.type]
    columns = {name: rows.field(name) for name in names}
    columns["split"] = pc.if_else(pc.equal(columns["split"], "valid"), "valid", "train")
    fitted = fit_rows(store, pa.StructArray.from_arrays(list(columns.values()), names=names), recipe, snapshot=snapshot)
    return fitted.scorer, len(rows)


def _hold(store: Store, scorers: list[Scorer]) -> list[int]:
    """Keep scorers in memory under numbers that no stored head has, descending from the first; return the numbers."""
    with store.lock:
        taken = [key[1] for key in store.cache if key[0] == "scorer"]
        first = min([0, *taken]) - 1
        numbers = [first - fold for fold in range(len(scorers))]
        for number, scorer in zip(numbers, scorers, strict=True):
            store.cache["scorer", number] = scorer
    return numbers


def _count(store: Store, cursor: duckdb.DuckDBPyConnection, snapshot: SnapshotInfo) -> int:
    query = "select count(*) from rm_pairs($snapshot)"
    return int(store.execute(cursor, query, {"snapshot": snapshot.reference}).fetchall()[0][0])


def _notes(head: HeadInfo, n_between: int) -> list[str]:
    notes = [f"every group is scored by a head trained like {head.reference} on all votes of the other folds"]
    if n_between:
        notes.append(f"{n_between} votes are left out: their sides lie in different folds")
    return notes
