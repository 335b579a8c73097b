"""Data sets that a store holds: list, show, drop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from rmstore import withdrawals
from rmstore.doctor import embedding_tables
from rmstore.errors import StoreError, UnknownNameError
from rmstore.store import Store, statement, utc_now

_BY_DATASET = ("prompt_sources", "generations", "preferences", "ratings", "step_labels")
_BY_CONTENT = ("snapshot_members", "renderings", "steps", "responses", "prompts")


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


def drop_dataset(
    store: Store, name: str, *, force: bool = False, reason: str | None = None, dry_run: bool = False
) -> dict[str, Any]:
    """Remove a data set, with the prompts, responses and vectors that no other data set holds, and return what went.

    All of it is one transaction. The row of the data set, with its licence, and those of its files stay, so that heads
    and reports still know what they were made from. Snapshots that lose members, and heads that saw its prompts in
    training, get a row in ``withdrawals``; the weights of a head stay, and only training again makes it forget.
    Ingesting the same files again makes a new data set: what was withdrawn from a snapshot stays withdrawn; a response
    that another data set of the snapshot holds never left it, and shows its rows of both again.

    The engine leaves deleted rows in free blocks of the file until something overwrites them: where nothing may
    remain, ``gc`` with ``compact`` writes a file without them. Exported folders and reports are out of reach.

    Args:
        store: an open store.
        name: name of the data set.
        force: also where snapshots hold its responses; those lose members, and count them as withdrawn.
        reason: why, kept with the withdrawals.
        dry_run: do everything, then undo it.

    Returns:
        n_<table> for every table that lost rows, n_vectors, ``snapshots`` (snapshot, n_withdrawn) and ``heads``
        (head, n_groups).

    Raises:
        UnknownNameError: there is no such data set.
        StoreError: snapshots hold its responses and ``force`` is not given, or the store is open read-only.
        Interrupted: Ctrl-C arrived before the commit; nothing was removed.
    """
    store.check_writable("drop a data set")
    place = {"name": name, "dataset_id": _dataset_id(store, name)}
    result = None
    try:
        # Ctrl-C stops the deletes; the commit after them is not told as stopped, for what it removed is gone.
        with store.finishing(), store.atomic() as cursor, store.interruptible(cursor):
            store.check()
            result = _drop(store, cursor, place, force=force or dry_run, reason=reason)
            if dry_run:
                raise _UndoError
    except _UndoError:
        pass
    else:
        store.cache.clear()
    if result is None:
        raise RuntimeError("the drop ended without a result")
    return {"dataset": name, "dry_run": dry_run, **result}


def _drop(
    store: Store, cursor: duckdb.DuckDBPyConnection, place: Mapping[str, Any], *, force: bool, reason: str | None
) -> dict[str, Any]:
    def run(query: str, **identifiers: str) -> list[tuple[Any, ...]]:
        text = statement(f"datasets/{query}", **identifiers)
        values = {key: value for key, value in place.items() if f"${key}" in text}
        return store.execute(cursor, text, values).fetchall()

    name = place["name"]
    for part in ("responses", "prompts", "members", "groups", "items", "texts"):
        run(f"stage_{part}")
    snapshots = run("held_by_snapshots")
    if snapshots and not force:
        raise StoreError(
            f"{len(snapshots)} snapshots hold responses of {name!r}: {', '.join(_holder(row) for row in snapshots)}",
            hint="drop the snapshots first, or use force: they lose these responses and count them as withdrawn",
        )
    heads = withdrawals.record(store, cursor, name, reason)
    run("withdraw")
    removed = {f"n_{table}": run(f"delete_{table}")[0][0] for table in (*_BY_DATASET, *_BY_CONTENT)}
    removed["n_vectors"] = sum(run("delete_vectors", table=table)[0][0] for table in embedding_tables(store))
    now = utc_now()
    store.execute(cursor, statement("datasets/mark_dropped"), {"dataset_id": place["dataset_id"], "now": now})
    return {
        **removed,
        "snapshots": [{"snapshot": reference, "n_withdrawn": count} for reference, count, _ in snapshots],
        "heads": [{"head": reference, "n_groups": count} for reference, count in heads],
    }


def _holder(row: tuple[Any, ...]) -> str:
    reference, _, is_dropped = row
    return f"{reference} (dropped, kept for its heads)" if is_dropped else str(reference)


def _dataset_id(store: Store, name: str) -> int:
    known = {row["name"]: int(row["dataset_id"]) for row in store.run("datasets/names")}
    if name not in known:
        raise UnknownNameError("data set", name, known)
    return known[name]
