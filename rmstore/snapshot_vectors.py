"""The files of vectors of an exported snapshot: sorted by item, without a sort that carries the vectors.

The engine sorts ids and streams the vectors as they lie; :mod:`rmstore.reordering` puts them in order.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from rmstore.records import SnapshotInfo
from rmstore.reordering import Reordered
from rmstore.store import Store, fill_in, quote_identifier, statement
from rmstore.vectors import vectors_table

STORED = {"f32": {"embedding": "FLOAT[]"}, "f16": {"embedding": "USMALLINT[]"},
          "i8": {"embedding": "TINYINT[]", "scale": "FLOAT"}}  # fmt: skip
"""Columns that hold a vector, by precision; see :mod:`rmstore.precision`."""

_GROUP = 24 << 20
"""Bytes of vectors in a row group: what a reader holds in memory at a time."""

_BATCH = 16 << 20
"""Bytes of vectors that come from the engine at a time."""

_TYPES = {"VARCHAR": pa.string(), "INTEGER": pa.int32(), "FLOAT": pa.float32(), "UINTEGER": pa.uint32(),
          "USMALLINT": pa.uint16(), "TINYINT": pa.int8()}  # fmt: skip


def vector_columns(precision: str) -> dict[str, str]:
    """Return the columns of a file of vectors with their types."""
    items = {"item_id": "VARCHAR", "text_id": "VARCHAR", "n_tokens": "INTEGER", "n_cut": "INTEGER"}
    return {**items, **STORED[precision], "checksum": "UINTEGER"}


def count_items(store: Store, cursor: duckdb.DuckDBPyConnection, info: SnapshotInfo, part: str) -> int:
    """Number the items of a part that have a vector, by id, in a table of the cursor; return how many they are."""
    text = statement("exchange/export/items", vectors=vectors_table(info))
    found = store.execute(cursor, text, {"part": part, "encoder_id": info.encoder_id}).fetchall()
    return int(found[0][0])


def write_vectors(store: Store, cursor: duckdb.DuckDBPyConnection, info: SnapshotInfo, n: int, to: Path) -> None:
    """Write the n vectors that :func:`count_items` found, with their items, to a Parquet file.

    Floats hardly compress (zstd takes a tenth off and twice the time), so they are stored as they are. Halves and whole
    steps are 32-bit integers in Parquet; a dictionary makes two bytes and one of them again.

    Raises:
        StoreError: a text has no vector any more, or two.
    """
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _type(kind)) for name, kind in vector_columns(info.precision).items()])
    numbers = schema.field("embedding").type.value_type.to_pandas_dtype()
    width = info.dim * np.dtype(numbers).itemsize
    group = max(2_048, _GROUP // width // 2_048 * 2_048)
    options = {
        "compression": "none",
        "use_dictionary": ["embedding.list.element"] if info.precision != "f32" else False,
        "write_statistics": ["item_id"],
        "store_schema": False,
    }
    with Reordered(n, width, stretch=2 * group, folder=to.parent) as vectors:
        rest = _put(store, cursor, info, vectors)
        with pq.ParquetWriter(to, schema, **options) as writer:
            first = 0
            for stretch in vectors.read():
                store.check()
                last = first + len(stretch)
                between = {"first": first, "last": last - 1}
                ids = store.arrow(cursor, statement("exchange/export/items_between"), between)
                columns = {name: ids[name] for name in ids.column_names}
                columns["embedding"] = _lists(stretch.view(numbers))
                columns |= {name: pa.array(column[first:last]) for name, column in rest.items()}
                writer.write_table(pa.table(columns).select(schema.names).cast(schema), row_group_size=group)
                first = last


def _put(
    store: Store, cursor: duckdb.DuckDBPyConnection, info: SnapshotInfo, vectors: Reordered
) -> dict[str, np.ndarray]:
    """Put every vector at its place, and return the other numbers of the vectors, which fit memory, by place."""
    parts = {
        "stored": ", ".join(quote_identifier(name) for name in STORED[info.precision]),
        "encoder_id": str(int(info.encoder_id)),  # no parameter: with one, the engine keeps the result in memory
    }
    text = fill_in(statement("exchange/export/vectors", vectors=vectors_table(info)), parts)
    rest = {name: np.zeros(vectors.n, _TYPES[kind].to_pandas_dtype()) for name, kind in _numbers(info).items()}
    with store.translated():
        for batch in cursor.sql(text).to_arrow_reader(max(2_048, _BATCH // vectors.width)):
            store.check()
            places = batch["place"].to_numpy()
            vectors.put(places, batch["embedding"].flatten().to_numpy().reshape(len(places), info.dim))
            for name, column in rest.items():
                column[places] = batch[name].to_numpy()
    return rest


def _numbers(info: SnapshotInfo) -> dict[str, str]:
    """Return the columns that hold one number per vector, with their types."""
    names = {**STORED[info.precision], "checksum": "UINTEGER"}
    return {name: kind for name, kind in names.items() if name != "embedding"}


def _type(kind: str) -> pa.DataType:
    inner = _TYPES[kind.removesuffix("[]")]
    return pa.list_(pa.field("element", inner)) if kind.endswith("[]") else inner


def _lists(matrix: np.ndarray) -> pa.Array:
    n, width = matrix.shape
    return pa.ListArray.from_arrays(pa.array(np.arange(n + 1, dtype=np.int32) * width), pa.array(matrix.reshape(-1)))
