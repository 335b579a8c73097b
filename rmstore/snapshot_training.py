"""Training on a snapshot: its preferences, its ratings or its steps as the rows of a training query."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from rmstore import snapshots
from rmstore.errors import InputError, UnknownNameError
from rmstore.features import FEATURES, struct_of_inputs
from rmstore.filters import blaming, columns, one_condition
from rmstore.recipes import ON_PAIRS, ON_RATINGS, ON_STEPS, Recipe
from rmstore.records import Progress, SnapshotInfo, silent
from rmstore.store import Store, fill_in, quote_literal, statement
from rmstore.training import TrainResult, train


def train_snapshot(
    store: Store,
    name: str,
    *,
    snapshot: str,
    recipe: Recipe = ON_PAIRS,
    where: str | None = None,
    features: Sequence[str] = (),
    progress: Progress = silent,
) -> TrainResult:
    """Train a head on the preferences of a snapshot's responses; this is what ``rmstore train`` runs.

    Args:
        store: an open store.
        name: name of the head.
        snapshot: reference of the snapshot.
        recipe: head, objective and their options.
        where: one SQL condition over the columns of ``rm_pairs``, such as ``dataset = 'hh'``.
        features: side features beside the vector, such as ``log_len``.
        progress: told how far the fit is.

    Raises:
        InputError: the snapshot has no preferences, or too few pass.
    """
    info = snapshots.resolve(store, snapshot)
    query, rows = pairs_of_snapshot(store, info, where=where, features=features)
    _refuse_nothing(rows, where, info)
    if not len(rows):
        _point_to_ratings(store, info, name)
    return train(store, name, rows, recipe, snapshot=info.reference, training_sql=query, progress=progress)


def train_ratings(
    store: Store,
    name: str,
    *,
    snapshot: str,
    attributes: Sequence[str] = (),
    recipe: Recipe = ON_RATINGS,
    where: str | None = None,
    progress: Progress = silent,
) -> TrainResult:
    """Train a head on the ratings of a snapshot's responses; this is what ``rmstore train --ratings`` runs.

    Args:
        store: an open store.
        name: name of the head.
        snapshot: reference of the snapshot.
        attributes: what was rated; all attributes if there is none.
        recipe: head, objective and their options.
        where: one SQL condition over the columns of ``rm_ratings``.
        progress: told how far the fit is.
    """
    info = snapshots.resolve(store, snapshot)
    names = list(attributes)
    if names and (unknown := set(names) - set(known := _attributes(store, info))):
        raise UnknownNameError("rated attribute", min(unknown), known)
    values = {"snapshot": info.reference, "attributes": names or None}
    query, rows = _read(store, "rm_ratings", statement("training/ratings_of_snapshot"), values, where)
    _refuse_nothing(rows, where, info)
    if absent := set(names) - set(rows.field("attribute").unique().to_pylist()):
        passes = f" that passes --where {where!r}" if where else ""
        raise InputError(f"{info.reference} has no rating of {min(absent)!r}{passes}", hint="leave this attribute out")
    return train(
        store, name, rows, recipe, form="ratings", snapshot=info.reference, training_sql=query, progress=progress
    )


def train_steps(
    store: Store,
    name: str,
    *,
    snapshot: str,
    source: str | None = None,
    recipe: Recipe = ON_STEPS,
    where: str | None = None,
    progress: Progress = silent,
) -> TrainResult:
    """Train a head on the labelled reasoning steps of a snapshot; this is what ``rmstore train --steps`` runs.

    Args:
        store: an open store.
        name: name of the head.
        snapshot: reference of the snapshot, whose steps are embedded.
        source: whose labels; by default what all sources of a step agree on.
        recipe: head, objective and their options.
        where: one SQL condition over the columns of ``rm_steps``.
        progress: told how far the fit is.
    """
    info = snapshots.resolve(store, snapshot)
    values = {"snapshot": info.reference, "source": source}
    query, rows = _read(store, "rm_steps", statement("training/steps_of_snapshot"), values, where)
    _refuse_nothing(rows, where, info)
    return train(
        store, name, rows, recipe, form="steps", snapshot=info.reference, training_sql=query, progress=progress
    )


def pairs_of_snapshot(
    store: Store, info: SnapshotInfo, *, where: str | None = None, features: Sequence[str] = ()
) -> tuple[str, pa.StructArray]:
    """Return the query over ``rm_pairs`` and its rows, in the shape that :func:`rmstore.training.train` takes."""
    sides = [f"{side}_id" for side in ("chosen", "rejected")]
    for feature in features:
        if feature not in FEATURES:
            raise UnknownNameError("side feature", feature, FEATURES)
    if features:
        sides = [struct_of_inputs(("e", *features), side=side) for side in ("chosen", "rejected")]
    text = fill_in(statement("training/pairs_of_snapshot"), {"chosen": sides[0], "rejected": sides[1]})
    return _read(store, "rm_pairs", text, {"snapshot": info.reference}, where)


def _refuse_nothing(rows: pa.StructArray, where: str | None, info: SnapshotInfo) -> None:
    """Refuse a condition that nothing passes."""
    if where and not len(rows):
        raise InputError(
            f"nothing of {info.reference} passes --where {where!r}", hint="rmstore query shows what its columns hold"
        )


def _point_to_ratings(store: Store, info: SnapshotInfo, name: str) -> None:
    """Refuse a snapshot without preferences where its ratings can train a head."""
    known = _attributes(store, info)
    if known:
        raise InputError(
            f"snapshot {info.reference!r} has no preferences; its responses are rated for {', '.join(known)}",
            hint=f"rmstore train {name} --snapshot {info.reference} --attribute {shlex.quote(known[0])}",
        )


def _attributes(store: Store, info: SnapshotInfo) -> list[str]:
    """Return what the responses of a snapshot were rated for."""
    return [row["attribute"] for row in store.run("training/attributes", {"snapshot_id": info.snapshot_id})]


def _read(
    store: Store, function: str, text: str, values: Mapping[str, Any], where: str | None
) -> tuple[str, pa.StructArray]:
    """Return a query over a function of a snapshot, with the operator's own condition, and its rows as structs.

    Raises:
        InputError: the condition is none, or fails on a value.
    """
    cursor, source = store.cursor(), f"from {function}({quote_literal(values['snapshot'])})"
    condition = f"\nwhere ({one_condition(store, cursor, where, source)})" if where else ""
    query = fill_in(text, {"condition": condition})
    with blaming(where, lambda: columns(store, cursor, source)):
        table = store.arrow(cursor, query, values)
    arrays = [column.combine_chunks() for column in table.columns]
    return query, pa.StructArray.from_arrays(arrays, names=table.column_names)
