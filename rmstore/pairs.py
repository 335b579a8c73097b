"""Pairs from SQL: arrow columns into distinct items, index pairs and splits, in one canonical order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rmstore.encoders.layouts import parse_layout
from rmstore.errors import InputError
from rmstore.grouping import SPLITS, component_names, components, distinct, draw_valid
from rmstore.heads.base import Pairs
from rmstore.kernels import Field, describe, read_fields, read_matrix
from rmstore.records import SnapshotInfo
from rmstore.store import Store, statement


@dataclass(frozen=True)
class TrainingPairs:
    """Pairs ready to fit; the order of the rows in the query left no trace.

    Attributes:
        chosen, rejected, prob, margin, weight, group: as in :class:`rmstore.heads.base.Pairs`, (p,).
        split: position in ``SPLITS`` of every pair, (p,).
        fields: what an item is made of.
        n_skipped: rows of the query that hold no usable pair.
        group_ids: groups of the store that training and validation pairs belong to.
        within_prompt: whether every pair lies within one prompt; None where that is unknown.
        identity: hash of the items: of their ids and snapshot, or of the vectors themselves.
        notes: what the user should know.
        read_items: returns the distinct items, (n, d) float32, scalar fields not yet standardised.
    """

    chosen: np.ndarray
    rejected: np.ndarray
    prob: np.ndarray
    margin: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    split: np.ndarray
    fields: tuple[Field, ...]
    n_skipped: int
    group_ids: tuple[str, ...]
    within_prompt: bool | None
    identity: str
    notes: tuple[str, ...]
    read_items: Callable[[], np.ndarray]

    def __len__(self) -> int:
        return len(self.chosen)

    def digest(self) -> str:
        """Return the hash of everything but the vectors' own bits: identity, pairs, labels and splits."""
        digest = hashlib.sha256(self.identity.encode())
        for column in (self.chosen, self.rejected, self.prob, self.margin, self.weight, self.group, self.split):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()

    def part(self, name: str, items: np.ndarray) -> Pairs:
        """Return the pairs of one split over the given items."""
        rows = self.split == SPLITS.index(name)
        return Pairs(
            items=items, chosen=self.chosen[rows], rejected=self.rejected[rows], prob=self.prob[rows],
            margin=self.margin[rows], weight=self.weight[rows], group=self.group[rows],
        )  # fmt: skip


@dataclass(frozen=True)
class _Votes:
    """The labels of the query, one row per vote; ``split`` is -1 where the query leaves it open."""

    prob: np.ndarray
    margin: np.ndarray
    weight: np.ndarray
    split: np.ndarray
    prompt: np.ndarray | None
    names_splits: bool


@dataclass(frozen=True)
class _Sides:
    """The two items of every vote, -1 where one is missing, and what is known about their prompts.

    ``group`` keys the vote's group as text, None where only the items tell; ``known`` holds the group ids of the
    store per side, empty where unknown; ``split`` is what the store says, -1 where it is silent.
    """

    chosen: np.ndarray
    rejected: np.ndarray
    n_items: int
    fields: tuple[Field, ...]
    identity: str
    read_items: Callable[[], np.ndarray]
    group: np.ndarray | None
    known: tuple[np.ndarray, ...]
    split: np.ndarray | None
    within_prompt: np.ndarray | None
    notes: tuple[str, ...]


def read_pairs(
    store: Store, rows: pa.StructArray, *, snapshot: SnapshotInfo | None, uses_ties: bool, seed: int
) -> TrainingPairs:
    """Return the pairs of a training query.

    Args:
        store: for ids, prompts and vectors.
        rows: fields chosen, rejected, prompt, weight, margin, prob, split; one that was not given is null.
        snapshot: where ids find their vectors.
        uses_ties: True where the objective learns from prob = 0.5; otherwise ties are skipped.
        seed: draws the validation groups.

    Raises:
        InputError: nothing to train on, or a value that no pair can have.
    """
    if not len(rows):
        raise InputError("there are no pairs to train on", hint="check the query that selects them")
    votes = _read_votes(rows)
    kinds = [rows.field(side).type for side in ("chosen", "rejected")]
    if _is_id(kinds[0]) != _is_id(kinds[1]) and not any(pa.types.is_null(kind) for kind in kinds):
        raise InputError(
            f"chosen is {kinds[0]}, but rejected is {kinds[1]}", hint="give two ids with snapshot, or two vectors"
        )
    if _is_id(kinds[0]):
        sides = _sides_by_id(store, rows, snapshot)
    else:
        sides = _sides_by_vector(store, rows, votes.prompt)
        _refuse_other_width(sides.fields, snapshot)
    return _assemble(votes, sides, uses_ties=uses_ties, seed=seed)


def _read_votes(rows: pa.StructArray) -> _Votes:
    prob = _numbers(rows, "prob", 1.0)
    _refuse(prob, (prob >= 0) & (prob <= 1), "prob", "P(chosen preferred) lies between 0 and 1")
    margin, weight = _numbers(rows, "margin", 0.0), _numbers(rows, "weight", 1.0)
    _refuse(margin, np.isfinite(margin), "margin", "a margin is a finite number")
    _refuse(weight, np.isfinite(weight) & (weight >= 0), "weight", "a weight is finite and at least 0")
    texts = rows.field("split")
    names_splits = not pa.types.is_null(texts.type)
    for value in texts.unique().drop_null().to_pylist():
        if value not in SPLITS:
            raise InputError(f"split is {value!r}", hint="'train', 'valid', 'test', or NULL to let rmstore draw")
    places = pc.index_in(texts.cast(pa.string()), value_set=pa.array(SPLITS))
    split = places.fill_null(-1).to_numpy().astype(np.int8)
    prompt = rows.field("prompt")
    keys = None if pa.types.is_null(prompt.type) else _texts(prompt)
    return _Votes(prob, margin, weight, split, keys, names_splits)


def _sides_by_vector(store: Store, rows: pa.StructArray, prompt: np.ndarray | None) -> _Sides:
    fields = read_fields(rows.field("chosen"))
    if (other := read_fields(rows.field("rejected"))) != fields:
        raise InputError(f"chosen is {describe(fields)}, but rejected is {describe(other)}")
    matrices, masks = zip(
        *(read_matrix(rows.field(side), fields, what=f"{side} input") for side in ("chosen", "rejected")), strict=True
    )
    items, numbers = distinct(np.concatenate(matrices))
    sides, start = [], 0
    for matrix, mask in zip(matrices, masks, strict=True):
        side = np.full(len(rows), -1, np.int64)
        side[slice(None) if mask is None else mask] = numbers[start : start + len(matrix)]
        sides.append(side)
        start += len(matrix)
    known: tuple[np.ndarray, ...] = ()
    group: np.ndarray | None = None
    split: np.ndarray | None = None
    notes: tuple[str, ...] = ("no prompt given: pairs that share a vector stay on one side of the validation split",)
    if prompt is not None:
        found = _groups_of_prompts(store, prompt)
        known = (np.array([found.get(key, ("", ""))[0] for key in prompt], dtype=object),)
        group = np.array([found.get(key, (key, ""))[0] for key in prompt], dtype=object)
        split = np.array([SPLITS.index(found[key][1]) if key in found else -1 for key in prompt], np.int8)
        notes = ()
    return _Sides(
        sides[0], sides[1], len(items), fields, hashlib.sha256(items.tobytes()).hexdigest(), lambda: items,
        group, known, split, None, notes,
    )  # fmt: skip


def _sides_by_id(store: Store, rows: pa.StructArray, snapshot: SnapshotInfo | None) -> _Sides:
    if snapshot is None:
        raise InputError(
            "chosen and rejected are ids, but no snapshot says which vectors they have",
            hint="rm_train(..., snapshot := 'hh@1'), or give the vectors themselves",
        )
    texts = [_texts(rows.field(side)) for side in ("chosen", "rejected")]
    ids = pa.table({"id": pa.array(np.unique(np.concatenate(texts)).tolist(), type=pa.string())}).filter(
        pc.field("id") != ""
    )
    cursor = store.cursor()
    cursor.register("training_ids", ids)
    found = store.arrow(cursor, statement("training/pairs_by_id"), {"snapshot_id": snapshot.snapshot_id})
    members = found.to_pydict()
    number = {key: row for row, key in enumerate(members["id"])}
    chosen, rejected = (np.array([number.get(key, -1) for key in side], np.int64) for side in texts)
    prompts = np.array([*members["prompt_id"], ""], dtype=object)
    groups = np.array([*members["group_id"], ""], dtype=object)
    splits = np.array([*(SPLITS.index(split) for split in members["split"]), -1], np.int8)
    pair_split = np.maximum(splits[chosen], splits[rejected])  # test beats valid beats train
    n_outside = int(((chosen < 0) | (rejected < 0)).sum())
    notes = (f"{n_outside} pairs name a response outside {snapshot.reference}",) if n_outside else ()

    def read_items() -> np.ndarray:
        cursor.register("training_ids", pa.table({"id": pa.array(members["id"], type=pa.string())}))
        rows = store.arrow(cursor, statement("training/vectors"), {"snapshot": snapshot.reference})
        vectors = rows["embedding"]
        matrix, mask = read_matrix(vectors, read_fields(vectors), what=f"embedding of {snapshot.reference}")
        if mask is not None or len(matrix) != len(number):
            raise InputError(f"{snapshot.reference} lacks vectors of some of its members", hint="rmstore doctor")
        return matrix

    return _Sides(
        chosen, rejected, len(number), (Field("", _width(snapshot)),),
        hashlib.sha256("\n".join([snapshot.fingerprint, *members["id"]]).encode()).hexdigest(), read_items,
        groups[chosen], (groups[chosen], groups[rejected]), pair_split, prompts[chosen] == prompts[rejected], notes,
    )  # fmt: skip


def _refuse_other_width(fields: tuple[Field, ...], snapshot: SnapshotInfo | None) -> None:
    if snapshot is None or fields[0].name:
        return
    if (width := _width(snapshot)) != fields[0].width:
        raise InputError(
            f"chosen and rejected are {describe(fields)}, but the vectors of {snapshot.reference} have width {width}",
            hint="leave snapshot out, or give its vectors",
        )


def _width(snapshot: SnapshotInfo) -> int:
    """Return the width of the vectors that ``rm_rows`` gives for a snapshot."""
    return parse_layout(snapshot.layout).width(snapshot.dim)


def _assemble(votes: _Votes, sides: _Sides, *, uses_ties: bool, seed: int) -> TrainingPairs:
    """Drop what is no pair, orient, split, and sort."""
    tie = votes.prob == 0.5
    keep = (sides.chosen >= 0) & (sides.rejected >= 0) & (sides.chosen != sides.rejected)
    if not uses_ties:
        keep &= ~tie
    if not keep.any():
        _refuse_empty(tie, sides)
    swap = votes.prob[keep] < 0.5
    first, second = sides.chosen[keep], sides.rejected[keep]
    chosen, rejected = np.where(swap, second, first), np.where(swap, first, second)
    prob = np.where(swap, 1 - votes.prob[keep], votes.prob[keep])
    margin = np.where(swap, -votes.margin[keep], votes.margin[keep]) + 0.0  # no -0.0: it would hash as another value
    component = components(*_linked(sides, keep))
    keys = component_names(component, sides.group[keep] if sides.group is not None else None)
    split = votes.split[keep].copy()
    if sides.split is not None and not votes.names_splits:
        split = sides.split[keep].copy()
    draw_valid(split, component, keys, seed)
    trained = split < SPLITS.index("test")
    known = {group for side in sides.known for group in side[keep][trained] if group}
    order = np.lexsort((component, split, votes.weight[keep], margin, prob, rejected, chosen))
    _, group = np.unique(component[order], return_inverse=True)
    within = None if sides.within_prompt is None else bool(sides.within_prompt[keep].all())
    return TrainingPairs(
        chosen[order], rejected[order], prob[order], margin[order], votes.weight[keep][order], group.astype(np.int64),
        split[order], sides.fields, int((~keep).sum()), tuple(sorted(known)), within, sides.identity, sides.notes,
        sides.read_items,
    )  # fmt: skip


def _refuse_empty(tie: np.ndarray, sides: _Sides) -> None:
    same = sides.chosen == sides.rejected
    missing = (sides.chosen < 0) | (sides.rejected < 0)
    if missing.all():
        raise InputError(
            f"none of the {len(tie)} pairs has both vectors: chosen or rejected is NULL, or not in the snapshot",
            hint="; ".join(sides.notes) or "check the join that gives the vectors",
        )
    raise InputError(
        f"no pair of {len(tie)} can be learned from: {int(tie.sum())} ties, {int((same & ~missing).sum())} of an item "
        f"with itself, {int(missing.sum())} without vectors",
        hint="objective := 'soft' learns from ties" if tie.any() else "check what the query gives on both sides",
    )


def _linked(sides: _Sides, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the edges that tie pairs together: over group keys where prompts are known, else over items."""
    if sides.group is None:
        return sides.chosen[keep], sides.rejected[keep], sides.n_items
    ends = sides.known if len(sides.known) == 2 else (sides.group, sides.group)
    joined = np.concatenate([ends[0][keep], ends[1][keep]]).astype(str)
    names, numbers = np.unique(joined, return_inverse=True)
    half = len(numbers) // 2
    return numbers[:half], numbers[half:], len(names)


def _groups_of_prompts(store: Store, prompt: np.ndarray) -> dict[str, tuple[str, str]]:
    """Return prompt key -> (group id, split) for keys that are prompt ids or group ids of the store."""
    cursor = store.cursor()
    cursor.register("training_keys", pa.table({"key": pa.array(np.unique(prompt.astype(str)).tolist(), pa.string())}))
    with store.translated():
        rows = cursor.execute(statement("training/groups")).fetchall()
    return {key: (group, split) for key, group, split in rows}


def _is_id(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or isinstance(kind, pa.UuidType)


def _texts(column: pa.Array) -> np.ndarray:
    """Return a column as text, NULL as empty."""
    if isinstance(column.type, pa.UuidType):
        return np.array(["" if value is None else str(value) for value in column.to_pylist()], dtype=object)
    return np.array(column.cast(pa.string()).fill_null("").to_pylist(), dtype=object)


def _numbers(rows: pa.StructArray, name: str, missing: float) -> np.ndarray:
    column = rows.field(name)
    if pa.types.is_null(column.type):
        return np.full(len(rows), missing)
    try:
        return column.cast(pa.float64()).fill_null(missing).to_numpy(zero_copy_only=False)
    except pa.ArrowException as problem:
        raise InputError(f"{name} is {column[0].as_py()!r}", hint=f"a {name} is a number, or NULL") from problem


def _refuse(values: np.ndarray, good: np.ndarray, name: str, hint: str) -> None:
    if not good.all():
        raise InputError(f"{name} is {values[~good][0]} in {int((~good).sum())} of {len(values)} pairs", hint=hint)
