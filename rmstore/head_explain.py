"""Why an input has its reward: contributions of a linear head's fields, and the training pairs it resembles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from rmstore import head_store, snapshots
from rmstore.encoders.layouts import parse_layout
from rmstore.errors import InputError, OptionError
from rmstore.features import struct_of_inputs
from rmstore.heads.linear import LinearHead
from rmstore.kernels import Field, Scorer, read_matrix, standardise
from rmstore.objectives import learns_from_items
from rmstore.records import HeadInfo, SnapshotInfo
from rmstore.store import Store, fill_in, statement

MOST = 1000
"""Pairs each way that may be asked for."""


def explain(store: Store, head_id: int, column: pa.Array, k: int = 5) -> dict[str, Any] | None:
    """Return reward, parts, pairs and note of one input, or None for NULL; the macro ``rm_explain`` says what they are.

    Args:
        store: an open store.
        head_id: number of the head.
        column: the input, a column of one row.
        k: pairs each way.

    Raises:
        InputError: the input does not fit the head.
        OptionError: ``k`` is no number of pairs.
    """
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST:
        raise OptionError(f"k is {k!r}", hint=f"a whole number from 1 to {MOST}")
    scorer = head_store.scorer(store, head_id)
    reward = scorer.score(column)[0].as_py()
    if reward is None:
        return None
    matrix, _ = read_matrix(column, scorer.fields, what=f"input of {scorer.name!r}")
    pairs, note = _pairs(store, head_id, scorer, matrix[0], k)
    return {"reward": reward, "parts": _parts(scorer, matrix), "pairs": pairs, "note": note}


def explain_response(
    store: Store, text: str, response: str, *, snapshot: str | None = None, k: int = 5
) -> dict[str, Any]:
    """Return why a response of a snapshot has its reward.

    Args:
        store: an open store.
        text: reference of the head.
        response: id of the response.
        snapshot: where its vector is; by default the snapshot that the head was trained on.
        k: pairs each way.

    Raises:
        UnknownNameError: no such head or snapshot.
        InputError: the snapshot has no such response, or does not give what the head takes; or the head has no
            snapshot and none is given.
    """
    info = head_store.resolve(store, text)
    source = _own_snapshot(store, info) if snapshot is None else snapshots.resolve(store, snapshot)
    if source is None:
        raise InputError(f"head {info.reference} knows no snapshot of this store", hint="say --snapshot NAME")
    names = [field["name"] for field in info.inputs]
    reads = "embedding" if names == [""] else struct_of_inputs(names)
    query = fill_in(statement("heads/explain_response"), {"input": reads})
    values = {"head": info.reference, "snapshot": source.reference, "response": response, "k": k}
    rows = store.rows(query, values)
    if not rows:
        raise InputError(
            f"{source.reference} has no response {response!r}",
            hint=f"ids: rmstore query \"select response_id from rm_rows('{source.reference}')\"",
        )
    found: dict[str, Any] = rows[0]["explanation"]
    return found


def _parts(scorer: Scorer, matrix: np.ndarray) -> list[dict[str, Any]]:
    """Return what each field and the constant add to the reward of a linear head; other heads have no such parts."""
    head = scorer.head
    if not isinstance(head, LinearHead):
        return []
    weights = head.weights.mean(axis=0).astype(np.float64)
    products = weights * standardise(matrix, scorer.fields)[0].astype(np.float64)
    parts, start = [], 0
    for field in scorer.fields:
        own = slice(start, start + field.width)
        value = float(matrix[0, start]) if field.is_scalar else None
        parts.append({"part": field.name or "vector", "value": value, "contribution": float(products[own].sum())})
        start += field.width
    constant = float(head.bias.mean(dtype=np.float64)) - scorer.reference_mean
    return [*parts, {"part": "constant", "value": None, "contribution": constant}]


def _pairs(store: Store, head_id: int, scorer: Scorer, row: np.ndarray, k: int) -> tuple[list[dict[str, Any]], str]:
    """Return the nearest pairs and what was searched, or none and why."""
    info = next(info for info in head_store.list_heads(store) if info.head_id == head_id)
    source = _own_snapshot(store, info)
    if source is None:
        return [], "no pairs: the head was trained on vectors that no snapshot of this store holds"
    if learns_from_items(info.objective):
        return [], "no pairs: the head was trained on single items"
    if not head_store.group_ids(store, head_id):
        return [], "no pairs: the query that trained the head gave no prompts, so which groups it saw is unknown"
    width = parse_layout(source.layout).width(source.dim)
    places = _vectors(scorer.fields, width)
    if len(places) != 1:
        return [], f"no pairs: {len(places)} fields of the input have the width of the vectors of {source.reference}"
    query = fill_in(statement("heads/explain"), {"width": str(int(width))})
    vector = row[places[0]].tolist()
    values = {"head_id": head_id, "snapshot": source.reference, "vector": vector, "k": k}
    rows = store.rows(query, values)
    if not rows:
        return [], f"no pairs: no vote of {source.reference} lies in the groups that the head saw"
    searched = rows[0]["n_searched"]
    pairs = [{name: value for name, value in found.items() if name != "n_searched"} for found in rows]
    return pairs, f"searched {searched} pairs of {source.reference} in the groups that the head saw"


def _vectors(fields: tuple[Field, ...], width: int) -> list[slice]:
    """Return where in the input the fields are that could be a vector of the snapshot."""
    places, start = [], 0
    for field in fields:
        if not field.is_scalar and field.width == width:
            places.append(slice(start, start + field.width))
        start += field.width
    return places


def _own_snapshot(store: Store, info: HeadInfo) -> SnapshotInfo | None:
    own = [found for found in snapshots.list_snapshots(store) if found.snapshot_id == info.snapshot_id]
    return own[0] if own else None
