"""The temperature that suits a head's reward gaps best, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore.functions.base import sql_function
from rmstore.metrics import best_temperature

if TYPE_CHECKING:
    from rmstore.store import Store

FEWEST = 10
"""Votes below which no temperature is fitted, as in training."""


@sql_function("_rm_best_temperature", "DOUBLE")
def fitted(store: Store, votes: pa.ChunkedArray) -> pa.Array:
    """Return T > 0 that minimises the NLL of sigmoid(gap / T), for every list of structs gap, prob.

    NULL for fewer than ten votes, or where every gap is 0.
    """
    column = votes.combine_chunks()
    return pa.array([_of(rows.values) for rows in column], pa.float64())


def _of(votes: pa.StructArray | None) -> float | None:
    if votes is None or len(votes) < FEWEST:
        return None
    gap, prob = (field.cast(pa.float64()).to_numpy(zero_copy_only=False) for field in votes.flatten())
    return best_temperature(gap, prob, np.ones(len(gap)))
