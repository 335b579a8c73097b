"""Bootstrap draws in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore.bootstrap import poisson_counts
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
    n = replicates[0].as_py()
    if n is None or not 1 <= n <= MOST_REPLICATES:
        raise OptionError(f"replicates is {n}", hint=f"1 to {MOST_REPLICATES}; 1000 is usual")
    drawn = poisson_counts(keys.to_numpy(), int(n))
    offsets = np.arange(0, drawn.size + 1, n, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(drawn.ravel()))
