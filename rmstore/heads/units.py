"""Inputs and ratings in units that a network learns in, whatever units they come in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rmstore.heads.base import Pairs
from rmstore.objectives.base import Objective

LEAST = 1e-15
"""Standard deviation of ratings up to which it is rounding alone."""


def standardised(train: Pairs) -> tuple[np.ndarray, np.ndarray, np.float32]:
    """Return all items shifted and scaled so that the training items have mean 0 and mean square 1, and by what.

    One scale for all columns: a head learns the same whatever the unit of the vectors, and no column grows.
    """
    share = np.bincount(np.concatenate([train.chosen, train.rejected]), minlength=len(train.items)) / (2 * len(train))
    centre = share.astype(np.float32) @ train.items
    items = train.items - centre
    spread = np.float32(np.sqrt(share @ np.einsum("nd,nd->n", items, items) / items.shape[1]) or 1.0)
    items /= spread
    return items, centre, spread


def in_units(train: Pairs, valid: Pairs | None, objective: Objective) -> tuple[Pairs, Pairs | None, np.float32]:
    """Return the rows with ratings in units of their standard deviation in training, and that unit; 1 for others.

    A network starts with rewards of about 1 and moves by steps of one size: ratings from 0 to 100 would be out of
    reach, and those from 0 to 0.001 be drowned. A head multiplies its last layer by the unit again.
    """
    if train.value is None or objective.name != "squared":
        return train, valid, np.float32(1)
    share = train.weight / train.weight.sum()
    spread = np.sqrt(share @ (train.value - share @ train.value) ** 2)
    unit = np.float32(spread if spread > LEAST else 1)
    return _divided(train, unit), None if valid is None else _divided(valid, unit), unit


def in_their_unit(record: dict[str, Any], unit: np.float32) -> dict[str, Any]:
    """Return the record of a training with its squared error in the unit of the ratings."""
    return {name: value * float(unit) ** 2 if name == "valid_loss" else value for name, value in record.items()}


def _divided(rows: Pairs, unit: np.float32) -> Pairs:
    return rows if rows.value is None else replace(rows, value=rows.value / unit)
