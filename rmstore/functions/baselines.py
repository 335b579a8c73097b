"""Baselines that learn from the training split, as a table of guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore.functions.base import sql_function
from rmstore.functions.rows import snapshot_of
from rmstore.learned_guesses import learned_guesses

if TYPE_CHECKING:
    from rmstore.store import Store

_GUESS = "STRUCT(preference_id VARCHAR, response_only DOUBLE, neighbour DOUBLE)"


@sql_function("_rm_learned_guesses", f"{_GUESS}[]", side_effects=True)
def guesses(store: Store, *columns: pa.ChunkedArray) -> pa.Array:
    """Return the guesses for the votes of a snapshot, split, data set and subset, one list per row."""
    lists = []
    for reference, split, dataset, subset in zip(*(column.to_pylist() for column in columns), strict=True):
        found = learned_guesses(store, snapshot_of(store, reference), split=split, dataset=dataset, subset=subset)
        lists.append(pa.StructArray.from_arrays(
            [found.preference_ids.combine_chunks(), found.response_only, found.neighbour],
            names=["preference_id", "response_only", "neighbour"],
        ))  # fmt: skip
    offsets = [0]
    for one in lists:
        offsets.append(offsets[-1] + len(one))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.concat_arrays(lists))
