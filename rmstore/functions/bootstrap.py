"""Bootstrap draws in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore.bootstrap import poisson_counts, totals
from rmstore.errors import OptionError
from rmstore.functions.base import sql_function

if TYPE_CHECKING:
    from rmstore.store import Store

MOST_REPLICATES = 100_000


@sql_function("_rm_poisson_counts", "UTINYINT[]")
def counts(store: Store, keys: pa.ChunkedArray, replicates: pa.ChunkedArray) -> pa.Array:
    """Return how often each replicate counts a group, by the group's key."""
    if not len(keys):
        return pa.array([], pa.list_(pa.uint8()))
    n = _number(replicates)
    drawn = poisson_counts(keys.to_numpy(), n)
    offsets = np.arange(0, drawn.size + 1, n, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(drawn.ravel()))


@sql_function("_rm_bootstrap_totals", "DOUBLE[][]")
def bootstrap_totals(store: Store, entries: pa.ChunkedArray, replicates: pa.ChunkedArray) -> pa.Array:
    """Return, for every list of entries, the totals of each replicate: one list of totals per replicate.

    An entry is a struct: the group's key, the number of a total from 0 on, and what the group adds to it.
    """
    column = entries.combine_chunks()
    found = [_totals_of(rows.values, _number(replicates)) for rows in column]
    return pa.array(found, pa.list_(pa.list_(pa.float64())))


def _totals_of(entries: pa.StructArray | None, replicates: int) -> list[np.ndarray] | None:
    if entries is None or not len(entries):
        return None
    keys, places, values = (part.to_numpy(zero_copy_only=False) for part in entries.flatten())
    groups, group = np.unique(keys.astype(np.uint64), return_inverse=True)
    places = places.astype(np.int64)
    width = int(places.max()) + 1
    dense = np.bincount(group * width + places, values.astype(np.float64), len(groups) * width)
    return list(totals(groups, dense.reshape(len(groups), width), replicates))


def _number(replicates: pa.ChunkedArray) -> int:
    n = replicates[0].as_py()
    if n is None or not 1 <= n <= MOST_REPLICATES:
        raise OptionError(f"replicates is {n}", hint=f"1 to {MOST_REPLICATES}; 1000 is usual")
    return int(n)
