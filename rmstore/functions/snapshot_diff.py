"""SQL text of ``rm_snapshot_diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore.functions.base import sql_function
from rmstore.functions.rows import snapshot_of
from rmstore.snapshot_diff import diff_sql

if TYPE_CHECKING:
    from rmstore.store import Store


@sql_function("_rm_snapshot_diff_sql", "VARCHAR")
def snapshot_diff_sql(store: Store, old: pa.ChunkedArray, new: pa.ChunkedArray) -> pa.Array:
    """Return the query of ``rm_snapshot_diff(old, new)``; the engine reads it while it binds."""
    pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
    return pa.array([diff_sql(store, snapshot_of(store, one), snapshot_of(store, other)) for one, other in pairs])
