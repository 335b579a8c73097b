"""The contract of every training objective, and what those that see the gap alone share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from rmstore.errors import InputError
from rmstore.options import Option, fill

Sees = Literal["gap", "sides", "item"]
"""What a loss looks at: chosen - rejected alone, both rewards, or the chosen reward alone (single items)."""
Sides = tuple[np.ndarray, np.ndarray]
"""One number per pair for the chosen side, (p,), and one for the rejected side, (p,)."""
Hessian = Callable[[np.ndarray, np.ndarray], Sides]
"""Second derivatives of a batch's loss, as a function that multiplies them by a direction in both rewards."""


@dataclass(frozen=True)
class Labels:
    """What is known about each pair beside its two rewards, every array of shape (p,).

    Attributes:
        prob: P(chosen preferred), 1 for a hard label.
        margin: reward margin the label asks for, 0 where none is given.
        value: what a single item was given.
        similarity: how alike the two sides are, in [0, 1].
        choice: number of the choice that the pair belongs to.
    """

    prob: np.ndarray
    margin: np.ndarray
    value: np.ndarray | None = None
    similarity: np.ndarray | None = None
    choice: np.ndarray | None = None


class Objective(ABC):
    """A loss over the rewards of pairs, or of single items.

    Most losses are a sum over pairs and define ``loss``, ``gradient`` and ``curvature``, without weights. What couples
    the pairs of a batch (a choice among several items, a term on a mean) also redefines ``value``,
    ``weighted_gradient`` and ``hessian``, which is what heads call to train.
    """

    name: ClassVar[str]
    sees: Sees = "gap"
    is_convex: bool = True
    uses_ties: ClassVar[bool] = False
    """True where prob = 0.5 teaches something; otherwise ties are left out."""
    table: ClassVar[Mapping[str, Option]] = {}
    """The options by name."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = fill(f"the objective {self.name!r}", self.table, options or {})

    @abstractmethod
    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the loss of every pair, (p,), from rewards of shape (p,)."""

    @abstractmethod
    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return d loss / d chosen and d loss / d rejected."""

    @abstractmethod
    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the second derivatives with respect to chosen and to rejected, or upper bounds; none is negative."""

    def value(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> float:
        """Return the weighted loss of a batch; the weights, (p,), sum to about 1."""
        return float(weight @ self.loss(chosen, rejected, labels))

    def weighted_gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Sides:
        """Return the gradient of ``value``."""
        up, down = self.gradient(chosen, rejected, labels)
        return weight * up, weight * down

    def hessian(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Hessian:
        """Return the second derivatives of ``value``, or of a convex bound on it."""
        up, down = (weight * side for side in self.curvature(chosen, rejected, labels))
        return lambda along_chosen, along_rejected: (up * along_chosen, down * along_rejected)

    def rounded(self, width: float) -> Objective:
        """Return the objective with its kinks rounded over the width, for solvers that need curvature."""
        return self


class GapObjective(Objective):
    """An objective that is a function of D = chosen - rejected; members write it and its derivatives in D."""

    @abstractmethod
    def of_gap(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the loss at D, (p,)."""

    @abstractmethod
    def slope(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return d loss / d D, (p,)."""

    @abstractmethod
    def bend(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the second derivative in D, (p,)."""

    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the loss of every pair."""
        return self.of_gap(chosen - rejected, labels)

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the slope in D and its negative: what lifts one side lowers the other."""
        slope = self.slope(chosen - rejected, labels)
        return slope, -slope

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the second derivative in D, twice."""
        bend = self.bend(chosen - rejected, labels)
        return bend, bend

    def hessian(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Hessian:
        """Return the second derivatives: only the gap of a direction matters."""
        bend = weight * self.bend(chosen - rejected, labels)

        def multiply(along_chosen: np.ndarray, along_rejected: np.ndarray) -> Sides:
            bent = bend * (along_chosen - along_rejected)
            return bent, -bent

        return multiply


class ItemObjective(Objective):
    """An objective over single items: a function of the chosen reward and ``labels.value``."""

    sees = "item"

    @abstractmethod
    def of_item(self, reward: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return the loss, (p,)."""

    @abstractmethod
    def slope(self, reward: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return the derivative, (p,)."""

    @abstractmethod
    def bend(self, reward: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return the second derivative, (p,)."""

    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the loss of every item."""
        return self.of_item(chosen, _given(labels.value))

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the slope; there is no rejected side."""
        return self.slope(chosen, _given(labels.value)), np.zeros_like(chosen)

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the second derivative; there is no rejected side."""
        return self.bend(chosen, _given(labels.value)), np.zeros_like(chosen)


def _given(value: np.ndarray | None) -> np.ndarray:
    if value is None:
        raise InputError(
            "an objective over single items needs the value of each",
            hint="rm_train_ratings or rm_train_steps gives them",
        )
    return value


def softplus(x: np.ndarray) -> np.ndarray:
    """Return log(1 + exp(x)) without overflow; logaddexp(0, x), written so that NumPy vectorises it."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), precise in both tails."""
    tail = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, tail) / (1 + tail)


def logistic_variance(x: np.ndarray) -> np.ndarray:
    """Return sigmoid(x) * sigmoid(-x), the second derivative of softplus."""
    tail = np.exp(-np.abs(x))
    return tail / (1 + tail) ** 2
