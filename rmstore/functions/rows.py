"""SQL text of ``rm_rows`` and ``rm_pairs``: the vectors of one snapshot, put together from the parts of its layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore import snapshots
from rmstore.errors import InputError
from rmstore.functions.base import sql_function
from rmstore.member_vectors import member_vectors
from rmstore.store import fill_in, statement

if TYPE_CHECKING:
    from rmstore.records import SnapshotInfo
    from rmstore.store import Store


@sql_function("_rm_rows_sql", "VARCHAR")
def rows_sql(store: Store, references: pa.ChunkedArray) -> pa.Array:
    """Return the query of ``rm_rows(snapshot)``; the engine reads it while it binds."""
    return pa.array([_text(store, reference, "rows/rows") for reference in references.to_pylist()])


@sql_function("_rm_pairs_sql", "VARCHAR")
def pairs_sql(store: Store, references: pa.ChunkedArray) -> pa.Array:
    """Return the query of ``rm_pairs(snapshot)``; the engine reads it while it binds."""
    return pa.array([_text(store, reference, "rows/pairs") for reference in references.to_pylist()])


def _text(store: Store, reference: str | None, name: str) -> str:
    """Return a file of sql/queries/rows with numbers, quoted names and the terms of the layout set in."""
    info = snapshot_of(store, reference)
    return fill_in(statement(name), {"members": member_vectors(info), **snapshot_numbers(store, info)})


def snapshot_of(store: Store, reference: str | None) -> SnapshotInfo:
    """Return the snapshot that the argument of a table macro means.

    Raises:
        InputError: it is NULL.
        UnknownNameError: there is no such snapshot.
    """
    if reference is None:
        raise InputError("the snapshot is NULL", hint="give its name, such as 'hh' or 'hh@2'")
    return snapshots.resolve(store, str(reference))


def snapshot_numbers(store: Store, info: SnapshotInfo) -> dict[str, str]:
    """Return the parts of a query that are numbers: of the snapshot, its encoder and its data sets."""
    homes = store.run("rows/dataset_ids", {"names": list(info.datasets)})
    return {
        "dataset_ids": ", ".join(str(int(row["dataset_id"])) for row in homes) or "null",
        "snapshot_id": str(int(info.snapshot_id)),
        "encoder_id": str(int(info.encoder_id)),
    }
