"""Preference pairs from the rows of a training query: which count, which way round, and what is known of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rmstore.errors import InputError
from rmstore.objectives.base import Objective
from rmstore.records import SnapshotInfo
from rmstore.sides import Sides, find_sides
from rmstore.store import Store
from rmstore.training_set import Marks, TrainingSet, assemble, numbers, read_marks, refuse

EXTRAS = ("similarity", "chosen_logp", "rejected_logp")
"""Numbers of a pair that a query may give, and some objective or head reads."""


def read_pairs(
    store: Store, rows: pa.StructArray, *, snapshot: SnapshotInfo | None, objective: Objective, seed: int
) -> TrainingSet:
    """Return the pairs of a training query.

    Args:
        store: for ids, prompts and vectors.
        rows: fields chosen, rejected, prompt, weight, margin, prob, split, similarity, chosen_logp, rejected_logp; one
            that was not given is null. A field ``choice`` may number the choices of rankings.
        snapshot: where ids find their vectors.
        objective: says whether ties are used.
        seed: draws the validation groups.

    Raises:
        InputError: nothing to train on, or a value that no pair can have.
    """
    if not len(rows):
        raise InputError("there are no pairs to train on", hint="check the query that selects them")
    prob, margin = numbers(rows, "prob", 1.0), numbers(rows, "margin", 0.0)
    refuse(prob, (prob >= 0) & (prob <= 1), "prob", "P(chosen preferred) lies between 0 and 1")
    refuse(margin, np.isfinite(margin), "margin", "a margin is a finite number")
    extras = _extras(rows)
    marks = read_marks(rows)
    sides = find_sides(
        store, [(side, rows.field(side)) for side in ("chosen", "rejected")], prompt=marks.prompt, snapshot=snapshot
    )
    chosen, rejected = sides.items
    tie = prob == 0.5
    keep = sides.present & (chosen != rejected)
    if not objective.uses_ties:
        keep &= ~tie
    if not keep.any():
        _refuse_empty(tie, sides)
    swap = prob[keep] < 0.5
    turned = {"chosen_logp": "rejected_logp", "rejected_logp": "chosen_logp"}
    columns = {
        "chosen": np.where(swap, rejected[keep], chosen[keep]),
        "rejected": np.where(swap, chosen[keep], rejected[keep]),
        "prob": np.where(swap, 1 - prob[keep], prob[keep]),
        "margin": np.where(swap, -margin[keep], margin[keep]) + 0.0,  # no -0.0: it would hash as another value
        "weight": marks.weight[keep],
        **{name: np.where(swap, extras[turned.get(name, name)][keep], extras[name][keep]) for name in extras},
    }
    if "choice" in _names(rows):
        columns["choice"] = _choices(columns, rows.field("choice").to_numpy()[keep], marks, keep)
        columns["weight"] = columns["weight"] / np.bincount(columns["choice"])[columns["choice"]]
    return assemble(columns, marks, sides, keep, seed=seed)


def _names(rows: pa.StructArray) -> list[str]:
    return [field.name for field in rows.type]


def _extras(rows: pa.StructArray) -> dict[str, np.ndarray]:
    """Return the further numbers that the query gives; both log-probabilities, or none.

    Raises:
        InputError: one is missing in a row, or is not possible.
    """
    found = {
        name: numbers(rows, name, np.nan)
        for name in EXTRAS
        if name in _names(rows) and not pa.types.is_null(rows.field(name).type)
    }
    for name, values in found.items():
        refuse(values, np.isfinite(values), name, "give a finite number in every row, or leave it out")
    if "similarity" in found:
        values = found["similarity"]
        refuse(values, (values >= 0) & (values <= 1), "similarity", "how alike two sides are lies between 0 and 1")
    if ("chosen_logp" in found) != ("rejected_logp" in found):
        raise InputError("one side has a log-probability and the other has none", hint="give both, or neither")
    return found


def _choices(columns: dict[str, np.ndarray], choice: np.ndarray, marked: Marks, keep: np.ndarray) -> np.ndarray:
    """Return numbers of the choices that do not depend on the order of the rows.

    A choice is known by its chosen item and the set of the others, for which a sum of random marks stands, and by its
    weight, split and prompt. Choices that are alike in all this can change places without any difference.
    """
    _, at = np.unique(choice, return_inverse=True)
    n = at.max() + 1
    marks = np.random.default_rng(20250204).integers(2**62, size=columns["rejected"].max() + 1)
    others, first, weight = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n)
    split, prompt = np.zeros(n, np.int64), np.zeros(n, np.int64)
    np.add.at(others, at, marks[columns["rejected"]])
    first[at], weight[at], split[at] = columns["chosen"], columns["weight"], marked.split[keep]
    if marked.prompt is not None:
        _, prompt[at] = np.unique(marked.prompt[keep].astype(str), return_inverse=True)
    place = np.empty(n, np.int64)
    place[np.lexsort((prompt, split, weight, others, first))] = np.arange(n)
    return place[at]


def _refuse_empty(tie: np.ndarray, sides: Sides) -> None:
    missing = ~sides.present
    same = (sides.items[0] == sides.items[1]) & ~missing
    if missing.all():
        raise InputError(
            f"none of the {len(tie)} pairs has both vectors: chosen or rejected is NULL, or not in the snapshot",
            hint="; ".join(sides.notes) or "check the join that gives the vectors",
        )
    raise InputError(
        f"no pair of {len(tie)} can be learned from: {int(tie.sum())} ties, {int(same.sum())} of an item "
        f"with itself, {int(missing.sum())} without vectors",
        hint="objective := 'soft' learns from ties" if tie.any() else "check what the query gives on both sides",
    )
