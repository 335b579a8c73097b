"""Where the numbers of a report came from, as its provenance says it, and what a reader of them should know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from rmstore import withdrawals
from rmstore.objectives import learns_from_items
from rmstore.records import HeadInfo, SnapshotInfo
from rmstore.reports.header import Report
from rmstore.reports.parameters import Bound
from rmstore.store import Store


def sources(store: Store, bound: Bound) -> dict[str, Any]:
    """Return heads, snapshots and data sets of a run, with fingerprints, licences and file hashes."""
    return {
        "heads": {key: _about_head(store, head) for key, head in bound.heads.items()},
        "snapshots": {key: _about_snapshot(store, snapshot) for key, snapshot in bound.snapshots.items()},
        "datasets": _datasets(store, bound),
    }


def notes(store: Store, report: Report, bound: Bound, table: pa.Table) -> list[str]:
    """Return what a reader of the numbers should know."""
    found = []
    heads = bound.heads.values()
    relative = [head.reference for head in heads if head.within_prompt and not learns_from_items(head.objective)]
    crossing = "n_cross" in table.column_names and any(table["n_cross"].to_pylist())
    if relative and (report.levels or crossing):
        found.append(
            f"{', '.join(relative)} was trained on pairs within prompts only, so nothing fixed the level of a prompt; "
            "this report compares rewards of different prompts"
        )
    found += [
        f"{snapshot.n_withdrawn} of {snapshot.n_rows} responses of {snapshot.reference} were withdrawn with dropped "
        "data sets since it was frozen, so these figures are not those of before"
        for snapshot in dict.fromkeys(bound.snapshots.values())
        if snapshot.n_withdrawn
    ]
    if table.num_rows and "n_seen" in table.column_names and table["n_seen"].null_count == table.num_rows:
        found.append("which groups the head saw in training is not known, so none is left out")
    if _all_seen(report, table):
        names = ", ".join(head.reference for head in bound.heads.values())
        more = "; --folds 5 judges every group by a head that did not" if report.folds else ""
        found.append(f"{names} saw every group here in training (n_seen), so there is nothing to judge{more}")
    if nothing := why_nothing(store, report, bound, table):
        found.append(nothing)
    if store.read_only:
        found.append("the store is read-only, so report_runs has no row of this run")
    return found


def why_nothing(store: Store, report: Report, bound: Bound, table: pa.Table) -> str:
    """Return why a run has no rows, or none with a fraction in it; empty where it has."""
    if not table.num_rows:
        return _why_empty(store, report, bound.values, bound.snapshot)
    fractions = [column for column in table.columns if pa.types.is_floating(column.type)]
    if not (report.chart or report.compare) or not fractions or any(one.null_count < len(one) for one in fractions):
        return ""
    said = [text for text in table["missing"].to_pylist() if text] if "missing" in table.column_names else []
    there = bound.snapshot.reference if bound.snapshot else "the store"
    other = f"{there} holds none of what it counts, or too little (rmstore report show {report.name})"
    return f"no row has a figure: {said[0] if said else other}"


def _all_seen(report: Report, table: pa.Table) -> bool:
    """Return whether the measure is NULL in every row, and some row left out what the head saw."""
    measure = report.compare.metric if report.compare else report.chart.measures[0] if report.chart else ""
    if not {measure, "n_seen"} <= set(table.column_names):
        return False
    return bool(table[measure].null_count == table.num_rows and any(table["n_seen"].to_pylist()))


def _why_empty(store: Store, report: Report, values: Mapping[str, Any], snapshot: SnapshotInfo | None) -> str:
    if snapshot is None or "split" not in values:
        return f"the report has no rows; what it counts says rmstore report show {report.name}"
    counts = store.run("reports/splits", {"snapshot": snapshot.reference})
    held = ", ".join(f"{row['split']} {row['n_responses']} and {row['n_votes']}" for row in counts)
    why = f"nothing in {snapshot.reference} fits split {values['split']!r}"
    if any(values["split"] in {row["split"], "all"} for row in counts):
        there = f"what {snapshot.reference} has in split {values['split']!r}"
        why = f"{there} is nothing that {report.name} counts with these parameters"
    return f"the report has no rows: {why}; responses and votes there: {held or 'none'}"


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
