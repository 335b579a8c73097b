"""The heads of a leaderboard: which can score a snapshot, and the query that scores it with all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore import head_store
from rmstore.encoders.layouts import parse_layout
from rmstore.errors import InputError, OptionError
from rmstore.features import FEATURES, struct_of_inputs
from rmstore.functions.base import sql_function
from rmstore.functions.rewards import check_match
from rmstore.functions.rows import snapshot_of
from rmstore.store import fill_in, quote_literal, statement

if TYPE_CHECKING:
    from rmstore.records import HeadInfo, SnapshotInfo
    from rmstore.store import Store

VERSIONS = ("default", "all")
"""Which versions of a head take part: the one that its bare name means, or every one."""

_ENTRANT = pa.struct([("head_id", pa.int32()), ("reason", pa.string())])


@sql_function("_rm_entrant_list", "STRUCT(head_id INTEGER, reason VARCHAR)[]", side_effects=True)
def entrant_list(store: Store, references: pa.ChunkedArray, versions: pa.ChunkedArray) -> pa.Array:
    """Return the heads of a store, each with the reason why it cannot score the snapshot, NULL where it can."""
    rows = [
        [
            {"head_id": head.head_id, "reason": _reason(head, snapshot_of(store, reference))}
            for head in _heads(store, which)
        ]
        for reference, which in zip(references.to_pylist(), versions.to_pylist(), strict=True)
    ]
    return pa.array(rows, pa.list_(_ENTRANT))


@sql_function("_rm_leaderboard_sql", "VARCHAR")
def leaderboard_sql(store: Store, references: pa.ChunkedArray, versions: pa.ChunkedArray) -> pa.Array:
    """Return the query that scores a snapshot with all heads that can; the engine reads it while it binds."""
    given = zip(references.to_pylist(), versions.to_pylist(), strict=True)
    return pa.array([_text(store, snapshot_of(store, reference), which) for reference, which in given])


def _heads(store: Store, which: str | None) -> Iterator[HeadInfo]:
    if which not in VERSIONS:
        raise OptionError(f"versions is {which!r}", hint=f"one of {', '.join(VERSIONS)}")
    heads = head_store.list_heads(store)
    if which == "all":
        yield from heads
        return
    for name in sorted({head.name for head in heads}):
        yield head_store.resolve(store, name)


def _reason(head: HeadInfo, snapshot: SnapshotInfo) -> str | None:
    """Return why a head cannot score the rows of a snapshot, None where it can."""
    try:
        check_match(head, snapshot)
        _input(head)
    except InputError as problem:
        return problem.problem
    width = parse_layout(snapshot.layout).width(snapshot.dim)
    wanted = [field["width"] for field in head.inputs if field["name"] not in FEATURES]
    if wanted != [width]:
        return f"head {head.reference} takes vectors of width {wanted[0] if wanted else 0}, the snapshot's have {width}"
    return None


def _input(head: HeadInfo) -> str:
    names = [field["name"] for field in head.inputs]
    return "embedding" if names == [""] else struct_of_inputs(names)


def _text(store: Store, snapshot: SnapshotInfo, which: str | None) -> str:
    heads = [head for head in _heads(store, which) if _reason(head, snapshot) is None]
    parts = {
        "heads": ", ".join(str(int(head.head_id)) for head in heads),
        "rewards": ", ".join(f"_rm_score({int(head.head_id)}, {_input(head)})" for head in heads),
        "snapshot": quote_literal(snapshot.reference),
    }
    return fill_in(statement("reports/leaderboard"), parts)
