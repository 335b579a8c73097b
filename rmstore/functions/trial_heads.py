"""Heads that a report trains for itself, as SQL sees them: votes with marks in, rewards out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rmstore import snapshots
from rmstore.errors import InputError
from rmstore.functions.base import sql_function
from rmstore.recipes import Recipe, parse_options
from rmstore.sides import texts
from rmstore.trial_heads import run_trials

if TYPE_CHECKING:
    from rmstore.store import Store

RESULT = "STRUCT(responses VARCHAR[], trials STRUCT(trial INTEGER, temperature DOUBLE, rewards FLOAT[])[])"
"""The judged responses, and of every trial that had votes, numbered from 1, their rewards in the same order."""

_TRIAL = pa.struct([("trial", pa.int32()), ("temperature", pa.float64()), ("rewards", pa.list_(pa.float32()))])
_FOUND = pa.struct([("responses", pa.list_(pa.string())), ("trials", pa.list_(_TRIAL))])
_ONE_SWEEP = threading.Lock()
"""Two sweeps of one query would hold their vectors twice, while BLAS has every core busy with one."""


@sql_function("_rm_trials", RESULT, side_effects=True)
def trials(store: Store, snapshot: pa.ChunkedArray, votes: pa.ChunkedArray, *settings: pa.ChunkedArray) -> pa.Array:
    """Return the trials of every row; see the macro of 100_trial_heads.sql, which makes one."""
    names, lists = snapshot.to_pylist(), votes.combine_chunks()
    judged = settings[0].combine_chunks()
    keys = ("seeds", "head", "objective", "options")
    given = [
        dict(zip(keys, values, strict=True))
        for values in zip(*(column.to_pylist() for column in settings[1:]), strict=True)
    ]
    with _ONE_SWEEP:
        rows = [
            _run(store, names[row], _list_at(lists, row), _list_at(judged, row), one) for row, one in enumerate(given)
        ]
    return pa.array(rows, _FOUND)


def _run(
    store: Store, snapshot: str | None, votes: pa.StructArray, judged: pa.Array, given: dict[str, Any]
) -> dict[str, Any]:
    if snapshot is None:
        raise InputError("the snapshot is NULL", hint="give its name, such as 'hh' or 'hh@2'")
    options = parse_options(given["options"])
    recipes = [Recipe(given["head"], given["objective"], seed=seed, options=options) for seed in given["seeds"]]
    found = run_trials(store, snapshots.resolve(store, snapshot), votes, judged, recipes)
    trials = [
        {"trial": number, "temperature": trial.temperature, "rewards": trial.rewards.to_numpy()}
        for number, trial in enumerate(found, start=1)
        if trial is not None
    ]
    return {"responses": texts(judged), "trials": trials}


def _list_at(lists: pa.ListArray, row: int) -> pa.Array:
    """Return one list without copying it; a NULL list, of a query without rows, is empty."""
    start, stop = lists.offsets[row].as_py(), lists.offsets[row + 1].as_py()
    return lists.values.slice(start, stop - start)
