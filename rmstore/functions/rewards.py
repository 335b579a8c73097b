"""SQL text of ``rm_rewards``: which snapshot goes with which head, and how its rows become inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore import head_store, snapshots
from rmstore.errors import InputError
from rmstore.features import struct_of_inputs
from rmstore.functions.base import sql_function
from rmstore.sides import STEP_LAYOUT
from rmstore.store import fill_in, quote_literal, statement

if TYPE_CHECKING:
    from rmstore.records import HeadInfo, SnapshotInfo
    from rmstore.store import Store


@sql_function("_rm_rewards_sql", "VARCHAR")
def rewards_sql(store: Store, heads: pa.ChunkedArray, names: pa.ChunkedArray) -> pa.Array:
    """Return the query of ``rm_rewards(head, snapshot)``; the engine reads it while it binds."""
    return pa.array([_text(store, *pair) for pair in zip(heads.to_pylist(), names.to_pylist(), strict=True)])


def check_match(head: HeadInfo, snapshot: SnapshotInfo) -> None:
    """Refuse a snapshot whose vectors are not of the kind the head was trained on.

    Raises:
        InputError: encoder or layout differ.
    """
    check_encoder(head, snapshot)
    if head.layout is not None and head.layout != snapshot.layout:
        raise InputError(
            f"head {head.reference} was trained on layout {head.layout!r}, "
            f"but {snapshot.reference} has {snapshot.layout!r}",
            hint=(
                "it scores reasoning steps: rm_step_rewards or rm_step_prob"
                if head.layout == STEP_LAYOUT
                else f"make a snapshot with layout {head.layout!r}"
            ),
        )


def check_encoder(head: HeadInfo, snapshot: SnapshotInfo) -> None:
    """Refuse a snapshot of another encoder than that the head was trained on.

    Raises:
        InputError: the encoder differs.
    """
    if head.encoder_key is not None and head.encoder_key != snapshot.encoder_key:
        raise InputError(
            f"head {head.reference} was trained on another encoder than that of {snapshot.reference} "
            f"({snapshot.encoder})",
            hint=f"train a head on {snapshot.reference}, or embed its responses with the head's encoder",
        )


def _text(store: Store, head: str | None, snapshot: str | None) -> str:
    if head is None or snapshot is None:
        raise InputError("the head or the snapshot is NULL", hint="rm_rewards('helpful', 'hh@1')")
    info, source = head_store.resolve(store, head), snapshots.resolve(store, snapshot)
    check_match(info, source)
    names = [field["name"] for field in info.inputs]
    reads = "embedding" if names == [""] else struct_of_inputs(names)
    parts = {"head_id": str(info.head_id), "snapshot": quote_literal(source.reference), "input": reads}
    return fill_in(statement("rewards"), parts)
