"""Nearest neighbours in SQL: ids in, neighbours out, the vectors read from a snapshot in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore.errors import OptionError
from rmstore.functions.base import sql_function
from rmstore.functions.rows import snapshot_of
from rmstore.kernels import read_fields, read_matrix
from rmstore.member_vectors import member_vectors
from rmstore.neighbours import QUERY_BLOCK, Base, Metric
from rmstore.sides import strings
from rmstore.store import fill_in, statement
from rmstore.vectors import vectors_relation

if TYPE_CHECKING:
    from rmstore.records import SnapshotInfo
    from rmstore.store import Store

MOST = 1000
"""Neighbours that may be asked for."""
RESULT = "STRUCT(id VARCHAR, neighbour_id VARCHAR, place INTEGER, similarity DOUBLE)[]"
_FIELDS = [("id", pa.string()), ("neighbour_id", pa.string()), ("place", pa.int32()), ("similarity", pa.float64())]
_AT_ONCE = 16 * QUERY_BLOCK


@sql_function("_rm_nearest", RESULT, side_effects=True)
def nearest_rows(store: Store, *columns: pa.ChunkedArray) -> pa.Array:
    """Return a list of neighbours per row; see the macro ``_rm_neighbours`` for the arguments."""
    lists = [column.combine_chunks() for column in columns]
    found = []
    for row in range(len(lists[0])):
        snapshot, part, judged, base, k, metric = (values[row] for values in lists)
        pairs = tuple(_ids_and_groups(values) for values in (judged, base))
        found.append(_found(store, snapshot.as_py(), part.as_py(), pairs, k.as_py(), metric.as_py()))
    offsets = np.cumsum([0, *map(len, found)], dtype=np.int32)
    empty = pa.array([], type=pa.struct(_FIELDS))
    return pa.ListArray.from_arrays(pa.array(offsets), pa.concat_arrays([empty, *found]))


@sql_function("_rm_prompts_sql", "VARCHAR")
def prompts_sql(store: Store, references: pa.ChunkedArray) -> pa.Array:
    """Return the query of ``_rm_prompt_vectors(snapshot)``; the engine reads it while it binds."""
    return pa.array([prompts_text(snapshot_of(store, reference)) for reference in references.to_pylist()])


def prompts_text(info: SnapshotInfo) -> str:
    """Return a query for prompt_id and embedding of the prompts that the encoder of a snapshot embedded alone."""
    values = {"vectors": vectors_relation(info), "encoder_id": str(int(info.encoder_id))}
    return fill_in(statement("rows/prompts"), values)


def _ids_and_groups(values: pa.ListScalar) -> tuple[pa.Array, pa.Array]:
    """Return ids and groups as text; a NULL list, of a query without rows, is empty."""
    rows = values.values
    if rows is None:
        return pa.array([], pa.string()), pa.array([], pa.string())
    return strings(rows.field("id")), strings(rows.field("group"))


def _found(
    store: Store,
    snapshot: str | None,
    part: str,
    pairs: tuple[tuple[pa.Array, pa.Array], ...],
    k: int | None,
    metric: Metric,
) -> pa.StructArray:
    """Return the neighbours of one call.

    Raises:
        OptionError: ``k`` is no number of neighbours.
    """
    if k is None or not 1 <= k <= MOST:
        raise OptionError(f"k is {k}", hint=f"a whole number from 1 to {MOST}")
    (ids, groups, queries), (base_ids, base_groups, base) = (_vectors(store, snapshot, part, *pair) for pair in pairs)
    if not len(queries) or not len(base):
        return pa.array([], type=pa.struct(_FIELDS))
    blocks, among = [], Base(base, groups=base_groups, metric=metric)
    for start in range(0, len(queries), _AT_ONCE):
        store.check()
        block = slice(start, start + _AT_ONCE)
        blocks.append(among.nearest(queries[block], k, groups=groups[block]))
    indices, similarities = (np.concatenate(part) for part in zip(*blocks, strict=True))
    rows, places = np.nonzero(indices >= 0)
    columns = [
        ids.take(pa.array(rows)),
        base_ids.take(pa.array(indices[rows, places])),
        pa.array(places.astype(np.int32) + 1),
        pa.array(similarities[rows, places]),
    ]
    return pa.StructArray.from_arrays(columns, names=[name for name, _ in _FIELDS])


def _vectors(
    store: Store, snapshot: str | None, part: str, ids: pa.Array, groups: pa.Array
) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """Return ids in their order, groups and vectors of those that have one."""
    info = snapshot_of(store, snapshot)
    parts = {"prompts": prompts_text(info)} if part == "prompt" else {"members": member_vectors(info)}
    query = fill_in(statement(f"neighbours/{part}s"), parts)
    with store.cursor() as cursor:
        cursor.register("neighbour_ids", pa.table({"id": ids}))
        rows = store.arrow(cursor, query)
    if not rows.num_rows:
        return pa.array([], pa.string()), np.empty(0, object), np.empty((0, 0), np.float32)
    matrix, _ = read_matrix(rows["embedding"], read_fields(rows["embedding"]), what=f"{part} of {info.reference}")
    group = dict(zip(ids.to_pylist(), groups.to_pylist(), strict=True))
    found = rows["id"].combine_chunks()
    return found, np.array([group[key] for key in found.to_pylist()]), matrix
