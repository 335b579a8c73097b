"""Ridge regression of rated attributes, each on the items that were rated for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rmstore.errors import InputError
from rmstore.heads.attributes import ARRAYS, Attributes, from_arrays
from rmstore.heads.base import Pairs

DECADES = tuple(10.0**decade for decade in range(-4, 5))
"""Strengths that are tried, of a |w|^2 beside the *sum* of squared errors (ArmoRM, arXiv 2406.12845)."""
BLOCK = 8_192
"""Rows taken to float64 at a time, which bounds memory."""
SMALLEST = 1e-10
"""Share of the largest eigenvalue below which a direction is rounding error, where items are fewer than columns."""


@dataclass(frozen=True)
class _Rows:
    """The rated items of one attribute, values in the units of the fit."""

    items: np.ndarray
    row: np.ndarray
    value: np.ndarray
    weight: np.ndarray

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the items by block as float64, with their places."""
        for start in range(0, len(self.row), BLOCK):
            place = slice(start, start + BLOCK)
            yield place, self.items[self.row[place]].astype(np.float64)


@dataclass(frozen=True)
class _Basis:
    """Items turned so that their weighted second moments are diagonal: what the fits of all strengths share.

    Attributes:
        mean: subtracted from the items, (d,); 0 without an intercept.
        axes: (d, r), orthonormal columns.
        power: second moment along every axis, (r,).
        has_mean: whether the fit has an intercept.
    """

    mean: np.ndarray
    axes: np.ndarray
    power: np.ndarray
    has_mean: bool

    def turned(self, rows: _Rows) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the items by block along the axes, (b, r), with their places."""
        for place, block in rows.blocks():
            yield place, (block - self.mean) @ self.axes


def fit_attributes(
    train: Pairs, valid: Pairs | None, *, l2: float | None, standardise: bool, poll: Callable[[float], None]
) -> tuple[Attributes, list[dict[str, Any]]]:
    """Fit ``w = (X^T X + a I)^-1 X^T y`` for every attribute on its own rows alone.

    Each attribute's a is the candidate with the lowest squared error on its validation rows, as published. Where it has
    none, the error on every row left out in turn decides, which is exact and needs no second fit; rows of one prompt
    being alike, that choice leans to weak penalties (adaptation). A weight of 2 counts as two rows.

    Args:
        train: items with ``value`` and, for several attributes, ``attribute``.
        valid: the same for validation.
        l2: strength of all attributes, or None to choose.
        standardise: centre items and values and divide the values by their standard deviation, per attribute
            (adaptation: the paper's fit has no intercept, on values that all lie in one narrow range).
        poll: told the share that is done.

    Returns:
        The attributes, and name, rows, strength and R^2 of each.

    Raises:
        InputError: no training row of an attribute counts.
    """
    names = train.attributes or ("value",)
    strengths = np.array(DECADES if l2 is None else [l2])
    bases: dict[bytes, _Basis] = {}
    columns: list[tuple[np.ndarray, float, float, float]] = []
    record = []
    for number, name in enumerate(names):
        poll(number / len(names))
        rows = _rated(train, number)
        if not rows.weight.any():
            raise InputError(f"attribute {name!r} has no training row that counts", hint="leave it out")
        centre, scale = _units(rows) if standardise else (0.0, 1.0)
        rows = _in_units(rows, centre, scale)
        key = rows.row.tobytes() + rows.weight.tobytes()
        if key not in bases:  # data sets mostly rate all attributes of an item, so one turn serves them all
            bases = {key: _turn(rows, has_mean=standardise)}
        watch = None if valid is None else _in_units(_rated(valid, number), centre, scale)
        if watch is not None and not watch.weight.sum() > 0:
            watch = None
        weights, told = _fit_one(rows, watch, bases[key], strengths)
        columns.append((weights, -float(bases[key].mean @ weights), centre, scale))
        record.append({"attribute": name, **told})
    arrays = dict(zip(ARRAYS, (np.array(column) for column in zip(*columns, strict=True)), strict=False))
    return from_arrays(names, arrays), record


def _rated(pairs: Pairs, attribute: int) -> _Rows:
    """Return the rows of one attribute."""
    assert pairs.value is not None
    there = slice(None) if pairs.attribute is None else pairs.attribute == attribute
    return _Rows(pairs.items, pairs.chosen[there], pairs.value[there], pairs.weight[there])


def _units(rows: _Rows) -> tuple[float, float]:
    """Return weighted mean and standard deviation of the values; 0 and 1 where there is nothing to go by."""
    total = rows.weight.sum()
    mean = float(rows.weight @ rows.value / total)
    spread = float(np.sqrt(rows.weight @ (rows.value - mean) ** 2 / total))
    return mean, spread if spread > 1e-12 * max(abs(mean), 1e-300) else 1.0


def _in_units(rows: _Rows, centre: float, scale: float) -> _Rows:
    return _Rows(rows.items, rows.row, (rows.value - centre) / scale, rows.weight)


def _turn(rows: _Rows, *, has_mean: bool) -> _Basis:
    """Return the eigenvectors of X^T X, or of X X^T where that is smaller."""
    n, d = len(rows.row), rows.items.shape[1]
    total = rows.weight.sum()
    mean = np.zeros(d)
    if has_mean:
        for place, block in rows.blocks():
            mean += rows.weight[place] @ block / total
    root = np.sqrt(rows.weight)[:, None]
    if n >= d:
        moments = np.zeros((d, d))
        for place, block in rows.blocks():
            block = (block - mean) * root[place]
            moments += block.T @ block
        power, axes = np.linalg.eigh(moments)
        return _Basis(mean, axes, np.maximum(power, 0), has_mean)
    x = (rows.items[rows.row].astype(np.float64) - mean) * root
    power, sides = np.linalg.eigh(x @ x.T)
    real = power > SMALLEST * max(power.max(initial=0.0), 1e-300)
    return _Basis(mean, x.T @ (sides[:, real] / np.sqrt(power[real])), power[real], has_mean)


def _fit_one(
    rows: _Rows, watch: _Rows | None, basis: _Basis, strengths: np.ndarray
) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the weights of one attribute, (d,), and what is told of it."""
    along = np.zeros(len(basis.power))
    for place, turned in basis.turned(rows):
        along += turned.T @ (rows.weight[place] * rows.value[place])
    shrunk = along[:, None] / (basis.power[:, None] + strengths)
    told: dict[str, Any] = {"n": len(rows.row), "n_valid": 0 if watch is None else len(watch.row)}
    inside, left_out = _errors(rows, basis, shrunk, strengths)
    errors = left_out
    if watch is not None:
        errors = _errors(watch, basis, shrunk, None)[0]
    best = int(np.argmin(errors))
    told |= {"l2": float(strengths[best]), "l2_from": "given" if len(strengths) == 1 else "left out"}
    told |= {"train_r2": _r2(inside[best], rows), "left_out_r2": _r2(left_out[best], rows)}
    if watch is not None:
        told["l2_from"] = "given" if len(strengths) == 1 else "valid"
        told["valid_r2"] = _r2(errors[best], watch)
    return basis.axes @ shrunk[:, best], told


def _errors(
    rows: _Rows, basis: _Basis, shrunk: np.ndarray, strengths: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted squared errors of all strengths, (s,), and with strengths also those of rows left out.

    A row left out errs by its residual over 1 - h, where h is its own pull on its prediction (PRESS).
    """
    inside, left_out = np.zeros(shrunk.shape[1]), np.zeros(shrunk.shape[1])
    share = rows.weight / rows.weight.sum() if basis.has_mean else 0 * rows.weight
    for place, turned in basis.turned(rows):
        error = rows.value[place, None] - turned @ shrunk
        inside += rows.weight[place] @ error**2
        if strengths is not None:
            pull = turned**2 @ (1 / (basis.power[:, None] + strengths)) * rows.weight[place, None]
            left = error / np.maximum(1 - pull - share[place, None], 1e-9)
            left_out += rows.weight[place] @ left**2
    return inside, left_out


def _r2(error: float, rows: _Rows) -> float | None:
    """Return 1 - error / spread around the rows' own mean; None where all values are equal."""
    mean, _ = _units(rows)
    spread = float(rows.weight @ (rows.value - mean) ** 2)
    return None if not spread > 0 else float(1 - error / spread)
