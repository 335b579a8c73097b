"""Rows of a training query as examples in one canonical order, with their groups and splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rmstore.errors import InputError
from rmstore.grouping import SPLITS, component_names, components, draw_valid
from rmstore.heads.base import Pairs
from rmstore.kernels import Field
from rmstore.sides import Sides, texts

LARGEST = 1e15
"""Weight or rating beyond which sums of squares leave the range of float32."""


@dataclass(frozen=True)
class TrainingSet:
    """Pairs or single items ready to fit; the order of the rows in the query left no trace.

    Attributes:
        columns: arrays of :class:`rmstore.heads.base.Pairs` by name, each (p,).
        attributes: names that ``attribute`` numbers.
        split: position in ``SPLITS`` of every row, (p,).
        fields: what an item is made of.
        n_skipped: rows of the query that hold nothing usable.
        group_ids: groups of the store that training and validation rows belong to.
        within_prompt: whether every pair lies within one prompt; None where that is unknown.
        identity: hash of the items: of their ids and snapshot, or of the vectors themselves.
        notes: what the user should know.
        read_items: returns the distinct items, (n, d) float32, scalar fields not yet standardised.
    """

    columns: Mapping[str, np.ndarray]
    attributes: tuple[str, ...]
    split: np.ndarray
    fields: tuple[Field, ...]
    n_skipped: int
    group_ids: tuple[str, ...]
    within_prompt: bool | None
    identity: str
    notes: tuple[str, ...]
    read_items: Callable[[], np.ndarray]

    def __len__(self) -> int:
        return len(self.split)

    def digest(self) -> str:
        """Return the hash of everything but the vectors' own bits: identity, labels and splits."""
        digest = hashlib.sha256("\n".join([self.identity, *self.attributes]).encode())
        for name in sorted(self.columns):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.columns[name]).tobytes())
        digest.update(self.split.tobytes())
        return digest.hexdigest()

    def part(self, name: str, items: np.ndarray) -> Pairs:
        """Return the rows of one split over the given items."""
        rows = self.split == SPLITS.index(name)
        taken = {column: values[rows] for column, values in self.columns.items()}
        return Pairs(items=items, **taken, attributes=self.attributes)


@dataclass(frozen=True)
class Marks:
    """What every training row may carry beside its items and its label.

    Attributes:
        weight: finite and at least 0, (p,).
        split: position in ``SPLITS``, -1 where the query leaves it open, (p,).
        names_splits: whether the query has a say in splits at all.
        prompt: key of the prompt as text, or None.
    """

    weight: np.ndarray
    split: np.ndarray
    names_splits: bool
    prompt: np.ndarray | None


def read_marks(rows: pa.StructArray) -> Marks:
    """Return weight, split and prompt of the rows.

    Raises:
        InputError: a weight is negative or beyond all measure, or a split has another name.
    """
    weight = numbers(rows, "weight", 1.0)
    hint = f"a weight is at least 0 and at most {LARGEST:g}"
    refuse(weight, (weight >= 0) & (weight <= LARGEST), "weight", hint)
    names = rows.field("split")
    for value in names.unique().drop_null().to_pylist():
        if value not in SPLITS:
            raise InputError(f"split is {value!r}", hint="'train', 'valid', 'test', or NULL to let rmstore draw")
    places = pc.index_in(names.cast(pa.string()), value_set=pa.array(SPLITS))
    prompt = rows.field("prompt")
    keys = None if pa.types.is_null(prompt.type) else texts(prompt)
    split = places.fill_null(-1).to_numpy().astype(np.int8)
    return Marks(weight, split, not pa.types.is_null(names.type), keys)


def assemble(
    columns: Mapping[str, np.ndarray],
    marks: Marks,
    sides: Sides,
    keep: np.ndarray,
    *,
    seed: int,
    attributes: tuple[str, ...] = (),
) -> TrainingSet:
    """Split the rows and sort them.

    Args:
        columns: arrays by name, of the kept rows only.
        marks: of all rows.
        sides: of all rows.
        keep: which rows are used, (p,) bool.
        seed: draws the validation groups.
        attributes: names that the column ``attribute`` numbers.

    Raises:
        InputError: some rows have a prompt and others have none; these would validate, or train, as if they shared one.
    """
    if sides.group is not None and (n_without := int((sides.group[keep] == "").sum())):
        raise InputError(
            f"prompt is NULL or empty in {n_without} of {int(keep.sum())} rows",
            hint="give the prompt of every row, or leave prompt out",
        )
    component = components(*_linked(sides, keep))
    keys = component_names(component, sides.group[keep] if sides.group is not None else None)
    split = marks.split[keep].copy()
    if sides.split is not None and not marks.names_splits:
        split = sides.split[keep].copy()
    draw_valid(split, component, keys, seed)
    trained = split < SPLITS.index("test")
    known = {group for side in sides.known for group in side[keep][trained] if group}
    within = None if sides.within_prompt is None else bool(sides.within_prompt[keep].all())
    ordered, split = in_order(columns, split, component)
    return TrainingSet(
        ordered, attributes, split, sides.fields, int((~keep).sum()), tuple(sorted(known)), within, sides.identity,
        sides.notes, sides.read_items,
    )  # fmt: skip


def in_order(
    columns: Mapping[str, np.ndarray], split: np.ndarray, component: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the columns and their splits in the canonical order, with the column ``group`` numbering components."""
    order = np.lexsort((component, split, *(columns[name] for name in reversed(list(columns)))))
    _, group = np.unique(component[order], return_inverse=True)
    ordered = {name: values[order] for name, values in columns.items()}
    return {**ordered, "group": group.astype(np.int64)}, split[order]


def _linked(sides: Sides, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the edges that tie rows together: over group keys where prompts are known, else over items."""
    if sides.group is None:
        return sides.items[0][keep], sides.items[-1][keep], sides.n_items
    ends = sides.known if len(sides.known) == 2 else (sides.group, sides.group)
    joined = np.concatenate([ends[0][keep], ends[1][keep]]).astype(str)
    names, numbers = np.unique(joined, return_inverse=True)
    half = len(numbers) // 2
    return numbers[:half], numbers[half:], len(names)


def numbers(rows: pa.StructArray, name: str, missing: float) -> np.ndarray:
    """Return a field of the rows as float64, with ``missing`` for NULL.

    Raises:
        InputError: the field holds no numbers.
    """
    column = rows.field(name)
    if pa.types.is_null(column.type):
        return np.full(len(rows), missing)
    try:
        return column.cast(pa.float64()).fill_null(missing).to_numpy(zero_copy_only=False)
    except pa.ArrowException as problem:
        raise InputError(f"{name} is {column[0].as_py()!r}", hint=f"a {name} is a number, or NULL") from problem


def refuse(values: np.ndarray, good: np.ndarray, name: str, hint: str) -> None:
    """Refuse a column with a value that is not good.

    Raises:
        InputError: names the first one.
    """
    if not good.all():
        raise InputError(f"{name} is {values[~good][0]} in {int((~good).sum())} of {len(values)} rows", hint=hint)
