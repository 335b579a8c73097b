"""The contract of every training objective, and what the pairwise ones share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar, SupportsFloat

import numpy as np

from rmstore.errors import OptionError, UnknownNameError


@dataclass(frozen=True)
class Labels:
    """What is known about each pair beside its two rewards, every array of shape (p,) float64.

    Attributes:
        prob: P(chosen preferred), 1 for a hard label.
        margin: reward margin the label asks for, 0 where none is given.
    """

    prob: np.ndarray
    margin: np.ndarray


class Objective(ABC):
    """A loss over the rewards of pairs; weights are applied by the head, not here."""

    name: ClassVar[str]
    pairwise: ClassVar[bool] = True
    """True where the loss depends on the rewards through chosen - rejected alone."""
    defaults: ClassVar[Mapping[str, float]] = {}
    """Options and their defaults; every option is a finite number of at least 0."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = dict(self.defaults)
        for option, value in (options or {}).items():
            if option not in self.defaults:
                unknown = UnknownNameError(f"option of the objective {self.name!r}", option, self.defaults)
                raise OptionError(unknown.problem, hint=unknown.hint)
            if isinstance(value, bool) or not isinstance(value, SupportsFloat) or not 0 <= float(value) < inf:
                raise OptionError(
                    f"{option} of the objective {self.name!r} is {value!r}", hint="give a finite number of at least 0"
                )
            self.options[option] = float(value)

    @abstractmethod
    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the loss of every pair, (p,), from rewards of shape (p,)."""

    @abstractmethod
    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Return d loss / d chosen and d loss / d rejected, each (p,)."""

    @abstractmethod
    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Return the non-negative second derivatives with respect to chosen and to rejected, each (p,).

        For a pairwise objective both equal the second derivative in chosen - rejected.
        """


class PairwiseObjective(Objective):
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
        """Return the loss of every pair, (p,)."""
        return self.of_gap(chosen - rejected, labels)

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Return the slope in D and its negative: what lifts one side lowers the other."""
        slope = self.slope(chosen - rejected, labels)
        return slope, -slope

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Return the second derivative in D, twice."""
        bend = self.bend(chosen - rejected, labels)
        return bend, bend


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
