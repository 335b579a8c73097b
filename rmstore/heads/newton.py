"""Linear reward heads by Newton's method: a few dozen passes over the vectors instead of hundreds.

What is minimised is the weighted mean loss plus l2 / 2 |w|^2. The minimum over a sample of the pairs comes first, where
there are many. Each Newton system is then solved by conjugate gradients, preconditioned with the shape of the Hessian
on that sample, no further than the step is good for. Rewards are linear in the weights, so a line search needs no pass.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rmstore.heads.base import Pairs
from rmstore.heads.blas import one_blas_thread
from rmstore.heads.pairs import compact, labels
from rmstore.objectives.base import Objective, Sees

if TYPE_CHECKING:
    from scipy.sparse import csr_array

STEPS = 100
CG_STEPS = 250
PRECISE, ROUGH, GLIMPSE = 1e-13, 1e-8, 1e-3
"""What may be left to gain, in units of the mean loss: rounding; what hardly matters; the error of a sample."""
BENT = 100.0
"""A Newton step that gains g leaves about this times g^2, because the loss is no parabola."""
ROUGHEST = 0.06
"""Share of a step's gain that its solution may miss at most."""
ROUNDING = (1.0, 0.3, 0.1, 0.03)
"""Half-widths over which kinks are rounded, in units of the loss at reward 0."""
SAMPLE, WIDE = 24, 1024
"""Rows per column in the sample that shows the shape of the Hessian; above ``WIDE`` columns, ``WIDE`` rows in all."""
MANY = 4
"""Times the sample that there must be pairs for its minimum to be worth finding first."""


class Design:
    """The linear map from weights to what an objective looks at, built once and shared by every fit.

    An objective that sees the gap has one row per pair; one that sees single items has a row per item, one that sees
    both sides the chosen rows above the rejected ones, and these two have an intercept as last unknown. Vectors stay
    float32, sums over pairs are float64.

    Attributes:
        penalty: 1 for a weight, 0 for the intercept, (width,) float64.
        n_pairs: number of pairs.
    """

    def __init__(self, vectors: np.ndarray, pick: csr_array | None, penalty: np.ndarray, n_pairs: int) -> None:
        """Rows are those of ``vectors``, or sums of them if there is a ``pick``."""
        self._vectors, self._pick, self.penalty, self.n_pairs = vectors, pick, penalty, n_pairs

    @classmethod
    def of(cls, pairs: Pairs, *, sees: Sees) -> Design:
        """Return the design of some pairs."""
        from scipy.sparse import csr_array

        pairs, p = compact(pairs), len(pairs)
        at, vectors = np.concatenate([pairs.chosen, pairs.rejected]), pairs.items
        penalty = np.ones(vectors.shape[1] + (sees != "gap"))
        if sees == "gap":
            signs, rows, n_rows = np.repeat(np.array([1, -1], dtype=np.float32), p), np.tile(np.arange(p), 2), p
        else:
            n_rows = p if sees == "item" else 2 * p
            at, signs, rows = at[:n_rows], np.ones(n_rows, dtype=np.float32), np.arange(n_rows)
            vectors = np.column_stack([vectors, np.ones(len(vectors), dtype=np.float32)])
            penalty[-1] = 0
        pick = csr_array((signs, (rows, at)), shape=(n_rows, len(vectors)))
        # differences are the shorter table where few pairs share items, and lose nothing to a direction that all share
        shorter = n_rows < len(vectors)
        return cls(pick @ vectors if shorter else vectors, None if shorter else pick, penalty, p)

    def forward(self, weights: np.ndarray) -> np.ndarray:
        """Return the rows' values under the weights, float64."""
        values = (self._vectors @ weights.astype(np.float32)).astype(np.float64)
        return values if self._pick is None else self._pick @ values

    def backward(self, values: np.ndarray) -> np.ndarray:
        """Return the transpose of ``forward`` applied to one value per row, float64."""
        per_vector = values if self._pick is None else values @ self._pick
        return (per_vector.astype(np.float32) @ self._vectors).astype(np.float64)

    @cached_property
    def sample(self) -> np.ndarray:
        """Numbers of the pairs that stand for all of them; all if there are not many."""
        width = len(self.penalty)
        size = max(SAMPLE * width, 4 * WIDE) if width <= WIDE else WIDE
        if size >= self.n_pairs:
            return np.arange(self.n_pairs)
        return np.sort(np.random.default_rng(0).choice(self.n_pairs, size, replace=False))

    @cached_property
    def few(self) -> Design:
        """The sample as a design of its own."""
        rows = self._vectors if self._pick is None else self._pick
        at = np.concatenate([self.sample + start for start in range(0, rows.shape[0], self.n_pairs)])
        rows = rows[at] if len(at) < rows.shape[0] else rows
        return Design(rows if self._pick is None else rows @ self._vectors, None, self.penalty, len(self.sample))

    @cached_property
    def scale(self) -> float:
        """Mean squared length of a sample of rows, the intercept apart: the natural unit of ``l2``; 1 if all are 0."""
        rows = self.few._vectors
        return float(np.square(rows[:, self.penalty > 0]).sum(dtype=np.float64) / len(rows)) or 1.0

    def spectrum(self, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return eigenvalues (r,) and eigenvectors (width, r) of the sample's outer products.

        Args:
            share: weight of every row of the sample; they sum to 1.
        """
        rows = self.few._vectors * np.sqrt(share, dtype=np.float32)[:, None]
        if len(rows) >= rows.shape[1]:
            values, vectors = np.linalg.eigh((rows.T @ rows).astype(np.float64))
            return np.maximum(values, 0), vectors
        values, left = np.linalg.eigh((rows @ rows.T).astype(np.float64))
        seen = values > 1e-6 * values[-1]
        return values[seen], (rows.T @ left[:, seen]) / np.sqrt(values[seen])


class Loss:
    """The weighted mean loss of some pairs as a function of a design's rows, with its two derivatives.

    Attributes:
        design: where the rows come from.
    """

    def __init__(self, design: Design, pairs: Pairs, objective: Objective) -> None:
        self.design, self._objective, self._pairs = design, objective, pairs
        self._labels, self._weight = labels(pairs), pairs.weight / pairs.weight.sum()
        self._still = np.zeros(len(pairs))
        self._spectrum: tuple[np.ndarray, np.ndarray] | None = None

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

    def few(self) -> Loss | None:
        """Return the loss of the design's sample of pairs; None if that is most of them, or weighs nothing."""
        other, at = copy(self), self.design.sample
        if len(at) * MANY > self.design.n_pairs or not self._weight[at].any():
            return None
        other.design, other._labels = self.design.few, labels(self._pairs, at)
        other._weight, other._still = self._weight[at] / self._weight[at].sum(), self._still[at]
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

    def bend(self, rows: np.ndarray) -> np.ndarray:
        """Return the second derivatives, each with respect to one row alone."""
        up, down = self._objective.curvature(*self._sides(rows), self._labels)
        return self._rows((self._weight * up, self._weight * down))

    @property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues and eigenvectors of the Hessian, up to a factor, where ``sharpen`` saw it or with equal bends."""
        if self._spectrum is None:
            n_rows = len(self.design.few._vectors)
            self._spectrum = self.design.spectrum(np.full(n_rows, 1 / n_rows))
        return self._spectrum

    def sharpen(self, bends: np.ndarray) -> None:
        """Take the shape of the Hessian from the second derivatives of the sample."""
        self._spectrum = self.design.spectrum(bends / bends.sum())

    def _sides(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self._objective.sees != "sides":
            return rows, self._still
        chosen, rejected = np.split(rows, 2)
        return chosen, rejected

    def _rows(self, sides: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.concatenate(sides) if self._objective.sees == "sides" else sides[0]


def glimpse(loss: Loss, l2: float, tick: Callable[[], None]) -> np.ndarray:
    """Return the minimum over a sample of the pairs, where there are many; the loss remembers its shape there.

    It is within the sample's error of the minimum over all pairs, at a fraction of the price.
    """
    origin, few = np.zeros(len(loss.design.penalty)), loss.few()
    if few is None:
        return origin
    with one_blas_thread():  # on a busy machine threads would mostly wait for each other here
        weights = minimise(few, l2, origin, tick, GLIMPSE)
        bends = few.bend(few.design.forward(weights))
        if bends.any():
            loss.sharpen(bends)
    return weights


def minimise(loss: Loss, l2: float, start: np.ndarray, tick: Callable[[], None], gain: float = PRECISE) -> np.ndarray:
    """Return the weights at the minimum of loss + l2 / 2 |w|^2, float64.

    Stops when no more than ``gain`` is left, as far as can be told. ``tick`` is called before every pass.
    A loss without curvature (hinge) has its kinks rounded, less and less; it ends within 0.1 % of its minimum.
    """
    still = 0 * loss.design.forward(start)
    if loss.bend(still).any():
        return _newton(loss, l2, start, tick, gain)
    for width in ROUNDING:
        start = _newton(loss.rounded(width * loss.value(still)), l2, start, tick, max(gain, 1e-5 * width))
    return start


def _newton(loss: Loss, l2: float, start: np.ndarray, tick: Callable[[], None], gain: float) -> np.ndarray:
    design, ridge = loss.design, l2 * loss.design.penalty
    weights, rows = start, design.forward(start)
    slopes = loss.slope(rows)
    for _ in range(STEPS):
        gradient = design.backward(slopes) + ridge * weights
        if not gradient.any():
            break
        step, along, left = _newton_step(loss, rows, l2, -gradient, gain, tick)
        promised = -(gradient @ step)
        length, slopes = _line_search(loss, rows, slopes, along, ridge * weights @ step, ridge * step @ step)
        weights, rows = weights + length * step, rows + length * along
        # what rounding alone promises is no descent: no length would do, however often it were tried
        if promised <= gain or (length == 1 and max(left, BENT * promised**2) <= gain):
            break
    return weights


def _newton_step(
    loss: Loss, at: np.ndarray, l2: float, target: np.ndarray, gain: float, tick: Callable[[], None]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Solve (design' H design + l2) x = target by conjugate gradients, H the loss's.

    Returns:
        x; ``design.forward(x)``; what an exact x would gain beyond this one, by the measure of the preconditioner.
    """
    design, hessian, bend = loss.design, loss.hessian(at), float(loss.bend(at).sum())
    ridge, (values, vectors) = l2 * design.penalty, loss.spectrum
    unseen = 1 / (bend * values[:1].sum() + l2)  # directions outside the sample are like its weakest
    change = 1 / (bend * values + l2) - unseen

    def precondition(x: np.ndarray) -> np.ndarray:
        return unseen * x + vectors @ (change * (x @ vectors))

    step, along, residual = np.zeros_like(target), np.zeros_like(at), target
    search = rich = precondition(residual)
    power = residual @ rich
    enough = min(ROUGHEST * power, max(BENT * power**2, gain / 2))
    for _ in range(CG_STEPS):
        tick()
        rows = design.forward(search)
        image = design.backward(hessian(rows)) + ridge * search
        length = power / (search @ image)
        step, along, residual = step + length * search, along + length * rows, residual - length * image
        rich = precondition(residual)
        power, before = residual @ rich, power
        if power <= enough:
            break
        search = rich + power / before * search
    return step, along, power


def _line_search(
    loss: Loss, rows: np.ndarray, slopes: np.ndarray, along: np.ndarray, pull: float, stiffness: float
) -> tuple[float, np.ndarray]:
    """Return a length at which the convex objective no longer falls steeply along the step, and the slopes there.

    The length is 1 near the minimum. Only slopes are compared: they stay exact where differences of the objective drown
    in rounding. Rows are linear in the length, so no pass over the vectors is needed; the penalty's slope is
    pull + length * stiffness, and ``slopes`` are the loss's at length 0.
    """
    length, allowed = 1.0, -0.5 * (float(slopes @ along) + pull)
    while True:
        slopes = loss.slope(rows + length * along)
        if float(slopes @ along) + pull + length * stiffness <= allowed or length <= 1e-10:
            return length, slopes
        length *= 0.5
