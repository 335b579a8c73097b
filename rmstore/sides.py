"""The items behind the rows of a training query, from ids or vectors, and what the store knows of their prompts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rmstore.encoders.layouts import parse_layout
from rmstore.errors import InputError
from rmstore.grouping import SPLITS, distinct
from rmstore.kernels import Field, describe, read_fields, read_matrix
from rmstore.member_vectors import member_vectors
from rmstore.records import SnapshotInfo
from rmstore.store import Store, fill_in, statement

BATCH = 1 << 22
"""Numbers in a batch of vectors, about."""
STEP_LAYOUT = "step"
"""Layout of a head over reasoning steps: the prompt with the response up to a step, as ``rm_steps`` gives it."""


@dataclass(frozen=True)
class Sides:
    """The items of every row, one column per side, -1 where one is missing, and what is known about their prompts.

    Attributes:
        items: item number of every row, one array (p,) per side: chosen and rejected, or a single one.
        n_items: number of distinct items.
        fields: what an item is made of.
        identity: hash of the items: of their ids and snapshot, or of the vectors themselves.
        read_items: returns the distinct items, (n, d) float32, scalar fields not yet standardised.
        group: key of the row's group as text; None where only the items tell.
        known: group ids of the store per side, empty text where unknown.
        split: what the store says, -1 where it is silent; None where it was not asked.
        within_prompt: whether the sides answer one prompt; None where unknown.
        notes: what the user should know.
    """

    items: tuple[np.ndarray, ...]
    n_items: int
    fields: tuple[Field, ...]
    identity: str
    read_items: Callable[[], np.ndarray]
    group: np.ndarray | None
    known: tuple[np.ndarray, ...]
    split: np.ndarray | None
    within_prompt: np.ndarray | None
    notes: tuple[str, ...]

    @property
    def present(self) -> np.ndarray:
        """True where no side is missing, (p,)."""
        return np.logical_and.reduce([side >= 0 for side in self.items])


def find_sides(
    store: Store, columns: Sequence[tuple[str, pa.Array]], *, prompt: np.ndarray | None, snapshot: SnapshotInfo | None
) -> Sides:
    """Return the items of one or two columns of inputs, or of ids with a snapshot.

    Args:
        store: for ids, prompts and vectors.
        columns: name and values of every side; a dictionary array is read once per distinct place.
        prompt: key of every row's prompt as text, or None.
        snapshot: where ids find their vectors; with ``STEP_LAYOUT`` they are ids of steps.

    Raises:
        InputError: the columns hold no inputs, or not the same kind of them.
    """
    kinds = [(name, _content(column)) for name, column in columns]
    ids = [_is_id(kind) for _, kind in kinds]
    if len(set(ids)) > 1 and not any(pa.types.is_null(kind) for _, kind in kinds):
        (first, first_kind), (other, other_kind) = kinds
        raise InputError(
            f"{first} is {first_kind}, but {other} is {other_kind}", hint="give two ids with snapshot, or two vectors"
        )
    if ids[0]:
        return _by_id(store, columns, snapshot)
    sides = _by_vector(store, columns, prompt)
    _refuse_other_width(sides.fields, snapshot, " and ".join(name for name, _ in columns))
    return sides


def texts(column: pa.Array) -> np.ndarray:
    """Return a column as text, NULL as empty."""
    if isinstance(column.type, pa.UuidType):
        return np.array(["" if value is None else str(value) for value in column.to_pylist()], dtype=object)
    return np.array(column.cast(pa.string()).fill_null("").to_pylist(), dtype=object)


def strings(column: pa.Array) -> pa.Array:
    """Return a column of ids as text, NULL where one is NULL or empty."""
    if isinstance(column.type, pa.UuidType):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    text = column.cast(pa.string())
    return pc.if_else(pc.equal(text, ""), None, text)


def _content(column: pa.Array) -> pa.DataType:
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def _by_vector(store: Store, columns: Sequence[tuple[str, pa.Array]], prompt: np.ndarray | None) -> Sides:
    named = [(name, *_places(column)) for name, column in columns]
    fields = read_fields(named[0][1])
    for name, values, _ in named[1:]:
        if (other := read_fields(values)) != fields:
            raise InputError(f"{named[0][0]} is {describe(fields)}, but {name} is {describe(other)}")
    matrices, masks = zip(
        *(read_matrix(values, fields, what=f"{name} input") for name, values, _ in named), strict=True
    )
    items, numbers = distinct(np.concatenate(matrices))
    sides, start = [], 0
    for (_, values, places), matrix, mask in zip(named, matrices, masks, strict=True):
        side = np.full(len(values) + 1, -1, np.int64)  # the last place stands for NULL
        side[:-1][slice(None) if mask is None else mask] = numbers[start : start + len(matrix)]
        sides.append(side[:-1] if places is None else side[places])
        start += len(matrix)
    known: tuple[np.ndarray, ...] = ()
    group: np.ndarray | None = None
    split: np.ndarray | None = None
    notes: tuple[str, ...] = ("no prompt given: rows that share a vector stay on one side of the validation split",)
    if prompt is not None:
        found = _groups_of_prompts(store, prompt)
        known = (np.array([found.get(key, ("", ""))[0] for key in prompt], dtype=object),)
        group = np.array([found.get(key, (key, ""))[0] for key in prompt], dtype=object)
        split = np.array([SPLITS.index(found[key][1]) if key in found else -1 for key in prompt], np.int8)
        notes = ()
    return Sides(
        tuple(sides), len(items), fields, hashlib.sha256(items.tobytes()).hexdigest(), lambda: items, group, known,
        split, None, notes,
    )  # fmt: skip


def _places(column: pa.Array) -> tuple[pa.Array, np.ndarray | None]:
    """Return the values of a column, and where each row finds its own; None where they are the rows."""
    if not pa.types.is_dictionary(column.type):
        return column, None
    return column.dictionary, column.indices.cast(pa.int64()).fill_null(-1).to_numpy()


def _by_id(store: Store, columns: Sequence[tuple[str, pa.Array]], snapshot: SnapshotInfo | None) -> Sides:
    names = " and ".join(name for name, _ in columns)
    if snapshot is None:
        raise InputError(
            f"{names} are ids, but no snapshot says which vectors they have",
            hint="give snapshot := 'hh@1', or the vectors themselves",
        )
    keys = [
        strings(column.dictionary_decode() if pa.types.is_dictionary(column.type) else column) for _, column in columns
    ]
    ids = pa.table({"id": pc.unique(pa.concat_arrays(keys)).drop_null()})
    cursor = store.cursor()
    cursor.register("training_ids", ids)
    what = "step" if snapshot.layout == STEP_LAYOUT else "response"
    found = store.arrow(cursor, statement(f"training/{what}s"), {"snapshot_id": snapshot.snapshot_id})
    members = found.to_pydict()
    places = (pc.index_in(side, value_set=pa.array(members["id"], pa.string())).fill_null(-1) for side in keys)
    sides = tuple(side.to_numpy().astype(np.int64) for side in places)
    prompts = np.array([*members["prompt_id"], ""], dtype=object)
    groups = np.array([*members["group_id"], ""], dtype=object)
    splits = np.array([*(SPLITS.index(split) for split in members["split"]), -1], np.int8)
    split = np.maximum.reduce([splits[side] for side in sides])  # test beats valid beats train
    n_outside = int((np.minimum.reduce(sides) < 0).sum())
    notes = (f"{n_outside} rows name a {what} outside {snapshot.reference}",) if n_outside else ()

    def read_items() -> np.ndarray:
        matrix, rows = read_vectors(store, snapshot, found["id"])
        if (rows < 0).any():
            raise InputError(f"{snapshot.reference} lacks vectors of some of its members", hint="rmstore doctor")
        return matrix

    within = np.logical_and.reduce([prompts[side] == prompts[sides[0]] for side in sides])
    return Sides(
        sides, len(members["id"]), (Field("", _width(snapshot)),),
        hashlib.sha256("\n".join([snapshot.fingerprint, *members["id"]]).encode()).hexdigest(), read_items,
        groups[sides[0]], tuple(groups[side] for side in sides), split, within, notes,
    )  # fmt: skip


def read_vectors(
    store: Store, snapshot: SnapshotInfo, ids: pa.Array | pa.ChunkedArray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of those ids that a snapshot holds, in the order of the ids, and where each id has its own.

    They come in batches and go to their places one by one: sorting whole vectors took the engine six times as long.

    Args:
        store: an open store.
        snapshot: of responses, or with ``STEP_LAYOUT`` of steps.
        ids: distinct ids as text, (n,).

    Returns:
        The vectors, (m, d) float32, and the row of every id, (n,) int64, -1 for one without a vector.

    Raises:
        InputError: a vector is not finite.
    """
    field = Field("", _width(snapshot))
    held, has = np.empty((len(ids), field.width), np.float32), np.zeros(len(ids), bool)
    if snapshot.layout == STEP_LAYOUT:
        kind, query, params = "step", statement("training/step_vectors"), {"snapshot": snapshot.reference}
    else:
        kind, params = "response", None
        query = fill_in(statement("training/response_vectors"), {"members": member_vectors(snapshot)})
    what = f"{kind} embedding of {snapshot.reference}"
    with store.cursor() as cursor:
        cursor.register("training_ids", pa.table({"id": ids, "place": pa.array(np.arange(len(ids)))}))
        with store.translated():
            for batch in cursor.sql(query, params=params).to_arrow_reader(max(2_048, BATCH // field.width)):
                store.check()
                matrix, mask = read_matrix(batch["embedding"], (field,), what=what)
                place = batch["place"].to_numpy()
                place = place if mask is None else place[mask]
                held[place], has[place] = matrix, True
    return (held if has.all() else held[has]), np.where(has, np.cumsum(has) - 1, -1)


def _refuse_other_width(fields: tuple[Field, ...], snapshot: SnapshotInfo | None, names: str) -> None:
    if snapshot is None or fields[0].name:
        return
    if (width := _width(snapshot)) != fields[0].width:
        raise InputError(
            f"{names} are {describe(fields)}, but the vectors of {snapshot.reference} have width {width}",
            hint="leave snapshot out, or give its vectors",
        )


def _width(snapshot: SnapshotInfo) -> int:
    """Return the width of the vectors that ``rm_rows``, or ``rm_steps``, gives for a snapshot."""
    if snapshot.layout == STEP_LAYOUT:
        return snapshot.dim
    return parse_layout(snapshot.layout).width(snapshot.dim)


def _groups_of_prompts(store: Store, prompt: np.ndarray) -> dict[str, tuple[str, str]]:
    """Return prompt key -> (group id, split) for keys that are prompt ids or group ids of the store."""
    cursor = store.cursor()
    cursor.register("training_keys", pa.table({"key": pa.array(np.unique(prompt.astype(str)).tolist(), pa.string())}))
    with store.translated():
        rows = cursor.execute(statement("training/groups")).fetchall()
    return {key: (group, split) for key, group, split in rows}


def _is_id(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or isinstance(kind, pa.UuidType)
