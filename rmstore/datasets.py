"""Data sets that a store holds: list, show, drop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb

from rmstore.errors import StoreError, UnknownNameError
from rmstore.store import Store, statement

_BY_DATASET = ("prompt_sources", "generations", "preferences", "ratings", "step_labels")
_BY_CONTENT = ("snapshot_members", "steps", "responses", "prompts")


class _UndoError(Exception):
    """Leaves the transaction of a dry run."""


def list_datasets(store: Store) -> list[dict[str, Any]]:
    """Return the data sets by name, with their format, licence, source and counts."""
    return store.run("datasets/list", {"name": None})


def show_dataset(store: Store, name: str) -> dict[str, Any]:
    """Return what :func:`list_datasets` says of one data set, with its files, splits, subsets, ratings and step labels.

    Raises:
        UnknownNameError: there is no such data set.
    """
    _dataset_id(store, name)
    about = store.run("datasets/list", {"name": name})[0]
    for part in ("files", "splits", "subsets", "policies", "attributes", "labels"):
        about[part] = store.run(f"datasets/{part}", {"name": name})
    return about


def drop_dataset(store: Store, name: str, *, force: bool = False, dry_run: bool = False) -> dict[str, Any]:
    """Remove a data set, with the prompts and responses that no other data set holds, and return what was removed.

    All of it is one transaction. The row of the data set and those of its files stay, so that heads and reports still
    know what they were made from.

    Args:
        store: an open store.
        name: name of the data set.
        force: also where snapshots hold its responses; those lose members, and count them as withdrawn.
        dry_run: do everything, then undo it.

    Raises:
        UnknownNameError: there is no such data set.
        StoreError: snapshots hold its responses and ``force`` is not given, or the store is open read-only.
    """
    if store.read_only:
        raise StoreError(f"{store.path} is open read-only", hint="open it without read_only to drop a data set")
    dataset = {"dataset_id": _dataset_id(store, name)}
    result = None
    try:
        with store.atomic() as cursor, store.interruptible(cursor):
            result = _drop(store, cursor, name, dataset, force=force, dry_run=dry_run)
            if dry_run:
                raise _UndoError
    except _UndoError:
        pass
    else:
        store.cache.clear()
    if result is None:
        raise RuntimeError("the drop ended without a result")
    return result


def _drop(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    name: str,
    dataset: Mapping[str, int],
    *,
    force: bool,
    dry_run: bool,
) -> dict[str, Any]:
    def run(query: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return store.execute(cursor, statement(f"datasets/{query}"), params).fetchall()

    run("stage_drop", dataset)
    run("stage_drop_prompts", dataset)
    snapshots = run("held_by_snapshots")
    if snapshots and not (force or dry_run):
        raise StoreError(
            f"{len(snapshots)} snapshots hold responses of {name!r}: {', '.join(row[0] for row in snapshots)}",
            hint="drop the snapshots first, or use force: they lose these responses and count them as withdrawn",
        )
    run("withdraw")
    removed = {f"n_{table}": run(f"delete_{table}", dataset)[0][0] for table in _BY_DATASET}
    removed |= {f"n_{table}": run(f"delete_{table}")[0][0] for table in _BY_CONTENT}
    run("mark_dropped", {**dataset, "now": datetime.now(UTC).replace(tzinfo=None)})
    withdrawn = [{"snapshot": reference, "n_withdrawn": count} for reference, count in snapshots]
    return {"dataset": name, "dry_run": dry_run, **removed, "snapshots": withdrawn}


def _dataset_id(store: Store, name: str) -> int:
    known = {row["name"]: int(row["dataset_id"]) for row in store.run("datasets/names")}
    if name not in known:
        raise UnknownNameError("data set", name, known)
    return known[name]
