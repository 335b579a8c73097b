"""Best-of-n in SQL: a curve per prompt from the list of its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore.best_of_n import curves
from rmstore.errors import OptionError
from rmstore.functions.base import sql_function

if TYPE_CHECKING:
    from rmstore.store import Store


@sql_function("_rm_bon_curves", "DOUBLE[][]")
def bon_curves(store: Store, candidates: pa.ChunkedArray, most: pa.ChunkedArray) -> pa.Array:
    """Return the best-of-n curves of every prompt, one per value, over n from 1 to ``most`` or to its candidates.

    A candidate is a struct: first the key that the pick goes by, then its values. A value curve is a list of NULLs
    where a key or one of the values is NULL, NaN or infinite.
    """
    column = candidates.combine_chunks()
    if not len(column):
        return pa.array([], pa.list_(pa.list_(pa.float64())))
    rows = column.flatten()
    fields = np.stack([_numbers(field) for field in rows.flatten()])
    sizes = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    shown = np.minimum(sizes, _limits(most, sizes))
    starts = np.cumsum(sizes) - sizes
    kinds = len(fields) - 1
    places = kinds * (np.cumsum(shown) - shown)
    filled = np.empty(kinds * int(shown.sum()))
    for size, largest in np.unique(np.stack([sizes, shown])[:, sizes > 0], axis=1).T:
        here = np.flatnonzero((sizes == size) & (shown == largest))
        block = fields[:, starts[here][:, None] + np.arange(size)]
        filled[places[here][:, None] + np.arange(kinds * largest)] = _of_one_size(block, int(largest))
    ends = np.concatenate([[0], np.cumsum(np.repeat(shown, kinds))]).astype(np.int32)
    inner = pa.ListArray.from_arrays(pa.array(ends), pa.array(filled, from_pandas=True))
    return pa.ListArray.from_arrays(pa.array(np.arange(0, len(ends), kinds, dtype=np.int32)), inner)


def _of_one_size(block: np.ndarray, largest: int) -> np.ndarray:
    """Return curves, (prompts, kinds * largest), of prompts with as many candidates; NaN where a number is missing.

    Args:
        block: key and values of every candidate, (1 + kinds, prompts, size).
        largest: the largest n.
    """
    missing = ~np.isfinite(block).all(axis=2)
    found = curves(np.nan_to_num(block[0]), np.nan_to_num(block[1:]), largest)
    found[missing[1:] | missing[0]] = np.nan
    return found.transpose(1, 0, 2).reshape(len(block[0]), -1)


def _limits(most: pa.ChunkedArray, sizes: np.ndarray) -> np.ndarray:
    """Return the largest n of every prompt, at least 1; its number of candidates where it is NULL."""
    given = _numbers(most.combine_chunks())
    if (given < 1).any():
        raise OptionError(f"the most candidates to pick from is {np.nanmin(given):g}", hint="1 or more")
    return np.where(np.isnan(given), sizes, given).astype(np.int64)


def _numbers(field: pa.Array) -> np.ndarray:
    """Return a column as float64, NaN where it is NULL."""
    return field.cast(pa.float64()).to_numpy(zero_copy_only=False)
