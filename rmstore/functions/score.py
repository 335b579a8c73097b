"""Scoring: thin columns around :class:`rmstore.kernels.Scorer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore import head_store
from rmstore.functions.base import sql_function

if TYPE_CHECKING:
    from rmstore.kernels import Scorer
    from rmstore.store import Store


@sql_function("_rm_head_id", "INTEGER")
def head_id(store: Store, references: pa.ChunkedArray) -> pa.Array:
    """Return the head that each reference means; the engine folds a constant, so a query resolves it once."""
    dictionary = references.combine_chunks().dictionary_encode()
    texts = dictionary.dictionary.to_pylist()
    found = [None if text is None else head_store.resolve(store, text).head_id for text in texts]
    return pa.array(found, type=pa.int32()).take(dictionary.indices)


@sql_function("_rm_score", "FLOAT")
def score(store: Store, heads: pa.ChunkedArray, inputs: pa.ChunkedArray) -> pa.Array:
    """Return the reward of every input: member mean minus the stored reference mean."""
    return _by_head(store, heads, (inputs,), pa.float32(), lambda scorer, column: scorer.score(column))


@sql_function("_rm_score_members", "FLOAT[]")
def score_members(store: Store, heads: pa.ChunkedArray, inputs: pa.ChunkedArray) -> pa.Array:
    """Return the reward of every member, standardised on the reference set."""
    kind = pa.list_(pa.float32())
    return _by_head(store, heads, (inputs,), kind, lambda scorer, column: scorer.members(column))


@sql_function("_rm_step_prob", "DOUBLE")
def step_prob(store: Store, heads: pa.ChunkedArray, inputs: pa.ChunkedArray) -> pa.Array:
    """Return P(step is right) of every input by a head whose score is a logit."""
    return _by_head(store, heads, (inputs,), pa.float64(), lambda scorer, column: scorer.prob(column))


@sql_function("_rm_win_prob", "DOUBLE")
def win_prob(store: Store, heads: pa.ChunkedArray, first: pa.ChunkedArray, second: pa.ChunkedArray) -> pa.Array:
    """Return P(first preferred) for every two inputs."""
    return _by_head(store, heads, (first, second), pa.float64(), lambda scorer, a, b: scorer.win_prob(a, b))


def _by_head(
    store: Store,
    heads: pa.ChunkedArray,
    columns: tuple[pa.ChunkedArray, ...],
    kind: pa.DataType,
    call: Callable[..., pa.Array],
) -> pa.Array:
    """Call one scorer per distinct head of the batch; mostly there is one."""
    if heads.null_count == len(heads) or any(column.null_count == len(column) for column in columns):
        return pa.nulls(len(heads), kind)
    numbers = heads.to_numpy()
    if heads.null_count == 0 and (numbers == numbers[0]).all():
        return call(_scorer(store, numbers[0]), *columns)
    parts, positions = [], []
    for number in np.unique(numbers[~np.isnan(numbers)]) if heads.null_count else np.unique(numbers):
        rows = np.flatnonzero(numbers == number)
        parts.append(call(_scorer(store, number), *(column.take(pa.array(rows)) for column in columns)))
        positions.append(rows)
    order = np.full(len(heads), -1, np.int64)
    order[np.concatenate(positions)] = np.arange(sum(len(part) for part in parts))
    return pa.concat_arrays(parts).take(pa.array(order, mask=order < 0))


def _scorer(store: Store, number: float) -> Scorer:
    return head_store.scorer(store, int(number))
