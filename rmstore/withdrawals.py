"""Withdrawals: what snapshots and heads lost when a data set they were made of was dropped.

A snapshot loses members. A head loses nothing, since its weights cannot forget: the row says that data it was trained
on is gone, and only training again helps.
"""

from __future__ import annotations

from typing import Any

import duckdb

from rmstore.store import Store, statement, utc_now


def record(store: Store, cursor: duckdb.DuckDBPyConnection, dataset: str, reason: str | None) -> list[tuple[str, int]]:
    """Enter what the data set that a transaction drops takes from whom, and return the heads with their groups.

    Args:
        store: an open store.
        cursor: of the transaction, with the tables ``_rm_lost_members`` and ``_rm_withdrawn_groups``.
        dataset: name of the data set.
        reason: why it is dropped.

    Returns:
        Reference of every head that saw groups of prompts of the data set, with their number.
    """
    values = {"name": dataset, "reason": reason, "now": utc_now()}
    store.execute(cursor, statement("withdrawals/record_snapshots"), values).fetchall()
    store.execute(cursor, statement("withdrawals/stage_heads"), {"name": dataset}).fetchall()
    store.execute(cursor, statement("withdrawals/record_heads"), values).fetchall()
    return store.execute(cursor, statement("withdrawals/heads")).fetchall()


def of_snapshot(store: Store, snapshot_id: int) -> list[dict[str, Any]]:
    """Return what a snapshot lost: dataset, n_responses, reason, withdrawn_at."""
    return _dated(store.run("withdrawals/of_snapshot", {"snapshot_id": snapshot_id}))


def of_head(store: Store, head_id: int) -> list[dict[str, Any]]:
    """Return which data a head was trained on is gone: dataset, n_groups, reason, withdrawn_at."""
    return _dated(store.run("withdrawals/of_head", {"head_id": head_id}))


def _dated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "withdrawn_at": row["withdrawn_at"].isoformat(" ", "seconds")} for row in rows]
