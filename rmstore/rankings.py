"""Ranked lists from the rows of a training query, as the choices that a Plackett-Luce likelihood is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from rmstore.errors import InputError
from rmstore.objectives.base import Objective
from rmstore.pairs import read_pairs
from rmstore.records import SnapshotInfo
from rmstore.store import Store
from rmstore.training_set import TrainingSet


def read_rankings(
    store: Store, rows: pa.StructArray, *, snapshot: SnapshotInfo | None, objective: Objective, seed: int
) -> TrainingSet:
    """Return the choices of a training query over rankings: each item is chosen over all that follow it.

    Args:
        store: for ids, prompts and vectors.
        rows: fields ranked (inputs or ids, best first), prompt, weight, split; one that was not given is null.
        snapshot: where ids find their vectors.
        objective: says whether ties are used.
        seed: draws the validation groups.

    Raises:
        InputError: nothing to train on, or ``ranked`` is no list of at least two.
    """
    if not len(rows):
        raise InputError("there are no rankings to train on", hint="check the query that selects them")
    lists = rows.field("ranked")
    if not (pa.types.is_list(lists.type) or pa.types.is_large_list(lists.type)):
        raise InputError(
            f"ranked is {lists.type}, not a list", hint="list(embedding order by reward desc), grouped by prompt"
        )
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    if not (lengths >= 2).any():
        raise InputError(f"none of the {len(rows)} rankings has two items", hint="a ranking is a list, best first")
    first, second, row = _choices_of(lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    values = lists.flatten()
    expanded = {
        "chosen": _at(values, starts[row] + first),
        "rejected": _at(values, starts[row] + second),
        "choice": pa.array(starts[row] + first),
        **{name: rows.field(name).take(pa.array(row)) for name in ("prompt", "weight", "split")},
        **{name: pa.nulls(len(row)) for name in ("margin", "prob")},
    }
    pairs = pa.StructArray.from_arrays(list(expanded.values()), names=list(expanded))
    read = read_pairs(store, pairs, snapshot=snapshot, objective=objective, seed=seed)
    if not (n_short := int((lengths < 2).sum())):
        return read
    notes = (*read.notes, f"{n_short} rankings of fewer than two items were left out")
    return replace(read, n_skipped=read.n_skipped + n_short, notes=notes)


def _choices_of(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return place of the chosen item, place of the other and number of the ranking, one entry per pair."""
    parts = []
    for length in np.unique(lengths[lengths >= 2]):
        first, second = np.triu_indices(length, 1)
        rows = np.flatnonzero(lengths == length)
        parts.append((np.tile(first, len(rows)), np.tile(second, len(rows)), np.repeat(rows, len(first))))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore[return-value]


def _at(values: pa.Array, places: np.ndarray) -> pa.DictionaryArray:
    """Return the values at some places, each vector kept once."""
    return pa.DictionaryArray.from_arrays(pa.array(places), values)
