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
def guesses(store: Store, references: pa.ChunkedArray, votes: pa.ChunkedArray) -> pa.Array:
    """Return the guesses for a list of votes of a snapshot, by preference id as text; one list per row."""
    lists = []
    for row, reference in enumerate(references.to_pylist()):
        asked = votes.slice(row, 1).combine_chunks().flatten()
        if not len(asked):
            lists.append(_structs(pa.array([], pa.string()), pa.array([], pa.float64()), pa.array([], pa.float64())))
            continue
        found = learned_guesses(store, snapshot_of(store, reference), asked)
        lists.append(_structs(found.preference_ids, found.response_only, found.neighbour))
    offsets = [0]
    for one in lists:
        offsets.append(offsets[-1] + len(one))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.concat_arrays(lists))


def _structs(ids: pa.Array, response_only: pa.Array, neighbour: pa.Array) -> pa.StructArray:
    return pa.StructArray.from_arrays(
        [ids, response_only, neighbour], names=["preference_id", "response_only", "neighbour"]
    )
