"""Linear reward heads by Newton's method: a few dozen passes over the vectors instead of hundreds.

What is minimised is the weighted mean loss plus l2 / 2 |w|^2. Each Newton system is solved by conjugate gradients,
preconditioned with the shape of the Hessian on a sample of the rows: three or four passes a step. Rewards are linear in
the weights, so a line search needs no pass at all.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property

import numpy as np

from rmstore.heads.base import Pairs
from rmstore.heads.pairs import compact, labels
from rmstore.objectives.base import Objective, Sees

STEPS = 100
CG_STEPS = 250
PRECISE, ROUGH = 1e-9, 1e-6
"""Gains of a Newton step, in units of the mean loss, below which the next is rounding, or hardly matters."""
ROUNDING = (1.0, 0.3, 0.1, 0.03)
"""Half-widths over which kinks are rounded, in units of the loss at reward 0."""
SAMPLE, WIDE = 24, 1024
"""Rows per column in the sample that shows the shape of the Hessian; above ``WIDE`` columns, ``WIDE`` rows in all."""


class Design:
    """The linear map from weights to what an objective looks at, built once and shared by every fit.

    An objective that sees the gap has one row per pair; one that sees single items has a row per item, one that sees
    both sides the chosen rows above the rejected ones, and these two have an intercept as last unknown. Vectors stay
    float32, sums over pairs are float64.

    Attributes:
        penalty: 1 for a weight, 0 for the intercept, (width,) float64.
    """

    def __init__(self, pairs: Pairs, *, sees: Sees) -> None:
        from scipy.sparse import csr_array

        pairs, p = compact(pairs), len(pairs)
        at, vectors = np.concatenate([pairs.chosen, pairs.rejected]), pairs.items
        self.penalty = np.ones(vectors.shape[1] + (sees != "gap"))
        if sees == "gap":
            signs, rows, n_rows = np.repeat(np.array([1, -1], dtype=np.float32), p), np.tile(np.arange(p), 2), p
        else:
            n_rows = p if sees == "item" else 2 * p
            at, signs, rows = at[:n_rows], np.ones(n_rows, dtype=np.float32), np.arange(n_rows)
            vectors = np.column_stack([vectors, np.ones(len(vectors), dtype=np.float32)])
            self.penalty[-1] = 0
        pick = csr_array((signs, (rows, at)), shape=(n_rows, len(vectors)))
        # differences are the shorter table where few pairs share items, and lose nothing to a direction that all share
        shorter = n_rows < len(vectors)
        self._vectors: np.ndarray = pick @ vectors if shorter else vectors
        self._pick: csr_array | None = None if shorter else pick

    def forward(self, weights: np.ndarray) -> np.ndarray:
        """Return the rows' values under the weights, float64."""
        values = (self._vectors @ weights.astype(np.float32)).astype(np.float64)
        return values if self._pick is None else self._pick @ values

    def backward(self, values: np.ndarray) -> np.ndarray:
        """Return the transpose of ``forward`` applied to one value per row, float64."""
        per_vector = values if self._pick is None else values @ self._pick
        return (per_vector.astype(np.float32) @ self._vectors).astype(np.float64)

    @property
    def scale(self) -> float:
        """Mean squared length of a sample of rows, the intercept apart: the natural unit of ``l2``; 1 if all are 0."""
        return float(np.square(self._sample[:, self.penalty > 0]).sum(dtype=np.float64) / len(self._sample)) or 1.0

    @cached_property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues (r,) and eigenvectors (width, r) of the rows' mean outer product, from a sample."""
        sample = self._sample
        if len(sample) >= sample.shape[1]:
            values, vectors = np.linalg.eigh((sample.T @ sample).astype(np.float64) / len(sample))
            return np.maximum(values, 0), vectors
        values, left = np.linalg.eigh((sample @ sample.T).astype(np.float64) / len(sample))
        seen = values > 1e-6 * values[-1]
        return values[seen], (sample.T @ left[:, seen]) / np.sqrt(len(sample) * values[seen])

    @cached_property
    def _sample(self) -> np.ndarray:
        rows = self._vectors if self._pick is None else self._pick
        width = len(self.penalty)
        size = max(SAMPLE * width, 4 * WIDE) if width <= WIDE else WIDE
        if size < rows.shape[0]:
            rows = rows[np.sort(np.random.default_rng(0).choice(rows.shape[0], size, replace=False))]
        return rows if self._pick is None else rows @ self._vectors


class Loss:
    """The weighted mean loss of some pairs as a function of a design's rows, with its two derivatives.

    Attributes:
        design: where the rows come from.
    """

    def __init__(self, design: Design, pairs: Pairs, objective: Objective) -> None:
        self.design, self._objective, self._labels = design, objective, labels(pairs)
        self._weight = pairs.weight / pairs.weight.sum()
        self._still = np.zeros(len(pairs))

    def reweighted(self, weight: np.ndarray) -> Loss:
        """Return the loss of the same pairs under other weights."""
        other = copy(self)
        other._weight = weight / weight.sum()
        return other

    def rounded(self, width: float) -> Loss:
        """Return the loss of an objective whose kinks are rounded over the width."""
        other = copy(self)
        other._objective = self._objective.rounded(width)
        return other

    def value(self, rows: np.ndarray) -> float:
        """Return the loss."""
        return self._objective.value(*self._sides(rows), self._labels, self._weight)

    def slope(self, rows: np.ndarray) -> np.ndarray:
        """Return the derivative with respect to every row."""
        return self._rows(self._objective.weighted_gradient(*self._sides(rows), self._labels, self._weight))

    def hessian(self, rows: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return the second derivatives with respect to the rows, as a function of a direction."""
        multiply = self._objective.hessian(*self._sides(rows), self._labels, self._weight)
        return lambda along: self._rows(multiply(*self._sides(along)))

    def bend(self, rows: np.ndarray) -> float:
        """Return the sum of the second derivatives, each with respect to one row alone."""
        sides = self._objective.curvature(*self._sides(rows), self._labels)
        return float(self._weight @ sides[0] + (self._weight @ sides[1] if self._objective.sees == "sides" else 0))

    def _sides(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self._objective.sees != "sides":
            return rows, self._still
        chosen, rejected = np.split(rows, 2)
        return chosen, rejected

    def _rows(self, sides: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.concatenate(sides) if self._objective.sees == "sides" else sides[0]


def minimise(loss: Loss, l2: float, start: np.ndarray, tick: Callable[[], None], gain: float = PRECISE) -> np.ndarray:
    """Return the weights at the minimum of loss + l2 / 2 |w|^2, float64.

    Stops after a step that promised to lower the objective by less than ``gain``. ``tick`` is called before every pass.
    A loss without curvature (hinge) has its kinks rounded, less and less; it ends within 0.1 % of its minimum.
    """
    still = 0 * loss.design.forward(start)
    if loss.bend(still) > 0:
        return _newton(loss, l2, start, tick, gain)
    for width in ROUNDING:
        start = _newton(loss.rounded(width * loss.value(still)), l2, start, tick, max(gain, 1e-5 * width))
    return start


def _newton(loss: Loss, l2: float, start: np.ndarray, tick: Callable[[], None], gain: float) -> np.ndarray:
    design, ridge = loss.design, l2 * loss.design.penalty
    weights, rows, first = start, design.forward(start), 0.0
    for _ in range(STEPS):
        gradient = design.backward(loss.slope(rows)) + ridge * weights
        norm = float(np.linalg.norm(gradient))
        first = first or norm
        if norm == 0:
            break
        tolerance = min(0.25, (norm / first) ** 0.5) * norm
        step, along = _newton_step(loss, rows, l2, -gradient, tolerance, tick)
        length = _line_search(loss, rows, along, ridge * weights @ step, ridge * step @ step)
        weights, rows = weights + length * step, rows + length * along
        if -gradient @ step <= gain:
            break
    return weights


def _newton_step(
    loss: Loss, at: np.ndarray, l2: float, target: np.ndarray, tolerance: float, tick: Callable[[], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Solve (design' H design + l2) x = target by conjugate gradients, H the loss's; return x and design.forward(x)."""
    design, hessian, bend = loss.design, loss.hessian(at), loss.bend(at)
    ridge, (values, vectors) = l2 * design.penalty, design.spectrum
    unseen = 1 / (bend * values[:1].sum() + l2)  # directions outside the sample are like its weakest
    change = 1 / (bend * values + l2) - unseen

    def precondition(x: np.ndarray) -> np.ndarray:
        return unseen * x + vectors @ (change * (x @ vectors))

    step, along, residual = np.zeros_like(target), np.zeros_like(at), target
    search = rich = precondition(residual)
    power = residual @ rich
    for _ in range(CG_STEPS):
        tick()
        rows = design.forward(search)
        image = design.backward(hessian(rows)) + ridge * search
        length = power / (search @ image)
        step, along, residual = step + length * search, along + length * rows, residual - length * image
        if np.linalg.norm(residual) <= tolerance:
            break
        rich = precondition(residual)
        power, before = residual @ rich, power
        search = rich + power / before * search
    return step, along


def _line_search(loss: Loss, rows: np.ndarray, along: np.ndarray, pull: float, stiffness: float) -> float:
    """Return a length at which the convex objective no longer falls steeply along the step; 1 near the minimum.

    Only slopes are compared: they stay exact where differences of the objective drown in rounding. Rows are linear in
    the length, so no pass over the vectors is needed; the penalty's slope is pull + length * stiffness.
    """

    def slope(length: float) -> float:
        return float(loss.slope(rows + length * along) @ along) + pull + length * stiffness

    length, allowed = 1.0, -0.5 * slope(0.0)
    while slope(length) > allowed and length > 1e-10:
        length *= 0.5
    return length
