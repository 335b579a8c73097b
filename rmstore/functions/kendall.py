"""Kendall's rank correlation in SQL, which has none: one value per list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore.functions.base import sql_function

if TYPE_CHECKING:
    from rmstore.store import Store


@sql_function("_rm_kendall", "DOUBLE")
def kendall(store: Store, points: pa.ChunkedArray) -> pa.Array:
    """Return tau-b of every list of structs x, y: pairs in the same order less pairs in the other, ties taken out.

    NULL where one of them does not vary.
    """
    from scipy.stats import kendalltau

    column = points.combine_chunks()
    rows = column.flatten()
    x, y = (np.asarray(field.cast(pa.float64()).to_numpy(zero_copy_only=False)) for field in rows.flatten())
    ends = np.cumsum(column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))
    parts = zip(np.split(x, ends[:-1]), np.split(y, ends[:-1]), strict=True) if len(column) else ()
    found = [kendalltau(*part).statistic if _vary(*part) else np.nan for part in parts]
    return pa.array(found, pa.float64(), from_pandas=True)


def _vary(x: np.ndarray, y: np.ndarray) -> bool:
    return len(x) > 1 and np.ptp(x) > 0 and np.ptp(y) > 0
