"""Rated items from the rows of a training query: ratings by attribute, and labels of reasoning steps."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rmstore.errors import InputError
from rmstore.objectives.base import Objective
from rmstore.records import SnapshotInfo
from rmstore.sides import find_sides, texts
from rmstore.store import Store
from rmstore.training_set import LARGEST, TrainingSet, assemble, numbers, read_marks, refuse


def read_ratings(
    store: Store, rows: pa.StructArray, *, snapshot: SnapshotInfo | None, objective: Objective, seed: int
) -> TrainingSet:
    """Return the rated items of a training query; an item without a value, or without a vector, is skipped.

    Args:
        store: for ids, prompts and vectors.
        rows: fields item, value, attribute, prompt, weight, split; one that was not given is null.
        snapshot: where ids find their vectors.
        objective: 'logistic' needs values between 0 and 1.
        seed: draws the validation groups.

    Raises:
        InputError: nothing to train on, or a value that no rating can have.
    """
    if not len(rows):
        raise InputError("there are no ratings to train on", hint="check the query that selects them")
    value, marks = numbers(rows, "value", np.nan), read_marks(rows)
    hint = f"a rating is a finite number of at most {LARGEST:g}, or NULL"
    refuse(value, np.isnan(value) | (np.abs(value) <= LARGEST), "value", hint)
    if objective.name == "logistic":
        hint = "a label lies between 0 (wrong) and 1 (right); objective := 'squared' takes any scale"
        refuse(value, np.isnan(value) | ((value >= 0) & (value <= 1)), "value", hint)
    sides = find_sides(store, [("item", rows.field("item"))], prompt=marks.prompt, snapshot=snapshot)
    keep = sides.present & ~np.isnan(value)
    if not keep.any():
        raise InputError(
            f"no rating of {len(rows)} can be learned from: {int(np.isnan(value).sum())} without a value, "
            f"{int((~sides.present).sum())} without a vector",
            hint="check the join that gives values and vectors",
        )
    item, ones = sides.items[0][keep], np.ones(int(keep.sum()))
    columns = {
        "chosen": item, "rejected": item, "prob": ones, "margin": 0 * ones, "weight": marks.weight[keep],
        "value": value[keep],
    }  # fmt: skip
    names: tuple[str, ...] = ()
    column = rows.field("attribute")
    if pa.types.is_string(column.type) or column.null_count < len(column):  # DuckDB 1.5 gives a bare NULL as numbers
        attribute = texts(column)[keep]
        refuse(attribute, attribute != "", "attribute", "name what was rated in every row, or leave attribute out")
        distinct, columns["attribute"] = np.unique(attribute.astype(str), return_inverse=True)
        names = tuple(distinct.tolist())
    return assemble(columns, marks, sides, keep, seed=seed, attributes=names)
