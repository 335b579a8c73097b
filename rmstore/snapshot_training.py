"""Training on a snapshot: its preferences, its ratings or its steps as the rows of a training query."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from rmstore import snapshots
from rmstore.errors import InputError, UnknownNameError
from rmstore.features import FEATURES, struct_of_inputs
from rmstore.filters import one_condition
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
    if not len(rows) and where is None:
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
    query = fill_in(
        statement("training/ratings_of_snapshot"), {"condition": _condition(store, info, "rm_ratings", where)}
    )
    names = list(attributes)
    rows = _struct_of(store, query, {"snapshot": info.reference, "attributes": names or None})
    if names and (absent := set(names) - set(rows.field("attribute").unique().to_pylist())):
        raise UnknownNameError("rated attribute", min(absent), _attributes(store, info))
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
    query = fill_in(statement("training/steps_of_snapshot"), {"condition": _condition(store, info, "rm_steps", where)})
    rows = _struct_of(store, query, {"snapshot": info.reference, "source": source})
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
    parts = {"chosen": sides[0], "rejected": sides[1], "condition": _condition(store, info, "rm_pairs", where)}
    query = fill_in(statement("training/pairs_of_snapshot"), parts)
    return query, _struct_of(store, query, {"snapshot": info.reference})


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


def _condition(store: Store, info: SnapshotInfo, function: str, where: str | None) -> str:
    """Return the operator's own condition on the rows of a function as the end of a query, or nothing."""
    source = f"from {function}({quote_literal(info.reference)})"
    return f"\nwhere ({one_condition(store, where, source)})" if where else ""


def _struct_of(store: Store, query: str, params: Mapping[str, Any]) -> pa.StructArray:
    """Return the rows of a query as one array of structs."""
    table = store.arrow(store.cursor(), query, params)
    columns = [column.combine_chunks() for column in table.columns]
    return pa.StructArray.from_arrays(columns, names=table.column_names)
