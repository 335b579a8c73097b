"""Kendall's rank correlation in SQL, which has none: one value per list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore.functions.base import sql_function
from rmstore.rank_correlation import kendall as tau

if TYPE_CHECKING:
    from rmstore.store import Store


@sql_function("_rm_kendall", "DOUBLE")
def kendall(store: Store, points: pa.ChunkedArray) -> pa.Array:
    """Return tau-b of every list of structs x, y; NULL where one of them does not vary, or the list is NULL."""
    column = points.combine_chunks()
    if not len(column):
        return pa.array([], pa.float64())
    fields = [field.cast(pa.float64()).to_numpy(zero_copy_only=False) for field in column.flatten().flatten()]
    sizes = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    starts = np.cumsum(sizes) - sizes
    found = np.full(len(sizes), np.nan)
    for size in np.unique(sizes[sizes > 1]):
        here = np.flatnonzero(sizes == size)
        places = starts[here][:, None] + np.arange(size)
        found[here] = tau(fields[0][places], fields[1][places])
    return pa.array(found, from_pandas=True)
