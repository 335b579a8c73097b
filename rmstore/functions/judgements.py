"""SQL text of what heads say in the place of people: several side by side, or one for the votes of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore import head_store, snapshots
from rmstore.errors import InputError
from rmstore.features import FEATURES
from rmstore.functions.base import sql_function
from rmstore.functions.rewards import check_match
from rmstore.store import fill_in, quote_literal, statement

if TYPE_CHECKING:
    from rmstore.records import HeadInfo, SnapshotInfo
    from rmstore.store import Store


@sql_function("_rm_judgements_sql", "VARCHAR")
def judgements_sql(store: Store, names: pa.ChunkedArray, heads: pa.ChunkedArray) -> pa.Array:
    """Return the query of ``_rm_judgements(snapshot, heads)``; the engine reads it while it binds."""
    return pa.array([_text(store, *pair) for pair in zip(names.to_pylist(), heads.to_pylist(), strict=True)])


@sql_function("_rm_cast_sql", "VARCHAR")
def cast_sql(store: Store, *columns: pa.ChunkedArray) -> pa.Array:
    """Return the query of ``_rm_cast(head, snapshot, annotator, source)``; the engine reads it while it binds."""
    return pa.array([_cast(*given) for given in zip(*(column.to_pylist() for column in columns), strict=True)])


def _cast(head: str | None, snapshot: str | None, annotator: str | None, source: str | None) -> str:
    if head is None:
        if snapshot is not None:
            raise InputError(
                f"snapshot {snapshot!r} needs a head to judge it",
                hint="give the head too, such as 'helpful@3'; votes are read whatever snapshot they are in",
            )
        return statement("rows/votes")
    for name, value in (("annotator", annotator), ("source", source)):
        if value is not None:
            raise InputError(
                f"{name} is {value!r}, but head {head} judges in the place of votes",
                hint=f"leave out {name} or the head",
            )
    if snapshot is None:
        raise InputError(f"head {head} needs a snapshot to judge", hint="give the snapshot too, such as 'hh@1'")
    return fill_in(statement("rows/reward_votes"), {"head": quote_literal(head), "snapshot": quote_literal(snapshot)})


def _text(store: Store, name: str | None, listed: str | None) -> str:
    if name is None:
        if listed is not None:
            raise InputError(f"heads {listed!r} need a snapshot to judge", hint="give the snapshot too, such as 'hh@1'")
        return statement("rows/no_judgements")
    snapshot = snapshots.resolve(store, name)
    chosen = _listed(store, snapshot, listed) if listed is not None else _fitting(store, snapshot)
    parts = [
        fill_in(
            statement("rows/judgements"),
            {
                "head": quote_literal(head.reference),
                "snapshot": quote_literal(snapshot.reference),
                "temperature": repr(float(head.temperature)),
            },
        )
        for head in chosen
    ]
    return "\nunion all\n".join(parts) if parts else statement("rows/no_judgements")


def _listed(store: Store, snapshot: SnapshotInfo, listed: str) -> list[HeadInfo]:
    """Return the heads that a text of references names, separated by commas."""
    found = {}
    for reference in listed.split(","):
        head = head_store.resolve(store, reference.strip())
        check_match(head, snapshot)
        found[head.head_id] = head
    return list(found.values())


def _fitting(store: Store, snapshot: SnapshotInfo) -> list[HeadInfo]:
    """Return of every name the version that the bare name means, where it can score the snapshot."""
    names = sorted({head.name for head in head_store.list_heads(store)})
    return [head for head in (head_store.resolve(store, name) for name in names) if _fits(head, snapshot)]


def _fits(head: HeadInfo, snapshot: SnapshotInfo) -> bool:
    vectors = [field["name"] for field in head.inputs if field["name"] not in FEATURES]
    return head.encoder_key == snapshot.encoder_key and head.layout in (None, snapshot.layout) and len(vectors) == 1
