"""Terms that are added to the loss of pairs, one class per term."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from rmstore.errors import InputError
from rmstore.objectives.base import (
    GapObjective,
    Hessian,
    Labels,
    Objective,
    Sides,
    logistic_variance,
    sigmoid,
    softplus,
)


class Term(Objective):
    """Something added to a loss, already multiplied by its strength.

    Attributes:
        keys: the options that describe it.
    """

    keys: ClassVar[tuple[str, ...]]

    def __init__(self, strengths: Mapping[str, Any]) -> None:
        self.options = {key: strengths[key] for key in self.keys}
        self.strength = strengths[self.name]


class Center(Term):
    """Keeps rewards around 0, pair by pair: strength * (chosen + rejected)^2.

    Source: huggingface/trl ``center_rewards_coefficient`` (0.01 recommended there), after arXiv 2312.09244, equation 2.
    """

    name, sees, keys = "center", "sides", ("center",)

    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the squared sum."""
        return self.strength * (chosen + rejected) ** 2

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the same slope for both sides."""
        slope = 2 * self.strength * (chosen + rejected)
        return slope, slope

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return a constant."""
        bend = np.full_like(chosen, 2 * self.strength)
        return bend, bend

    def hessian(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Hessian:
        """Return the second derivatives: only the sum of a direction matters."""
        bend = 2 * self.strength * weight

        def multiply(along_chosen: np.ndarray, along_rejected: np.ndarray) -> Sides:
            bent = bend * (along_chosen + along_rejected)
            return bent, bent

        return multiply


class PriorCap(Term, GapObjective):
    """Caps the gap of a pair by a prior, which is small where the two sides are alike (PCRM).

    strength * softplus(-(d - D)) with d = b1 / (similarity + b2) + b3. With strength 1 the optimum of a lone pair under
    ``bt`` is D = d / 2. The numbers are ``pcrm_b1``, ``pcrm_b2`` and ``pcrm_b3``; similarity comes from
    ``rm_length_similarity`` or ``rm_cosine_similarity``. A fixed d is b1 = 0 and b3 = d. Source: arXiv 2404.00978.
    """

    name, sees, keys = "pcrm", "gap", ("pcrm", "pcrm_b1", "pcrm_b2", "pcrm_b3")

    def of_gap(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the price of a gap beyond the prior."""
        return self.strength * softplus(gap - self._most(labels))

    def slope(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the chance that the gap is too large."""
        return self.strength * sigmoid(gap - self._most(labels))

    def bend(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the logistic variance at the distance to the prior."""
        return self.strength * logistic_variance(gap - self._most(labels))

    def _most(self, labels: Labels) -> np.ndarray | float:
        b1, b2, b3 = (self.options[f"pcrm_b{number}"] for number in (1, 2, 3))
        if b1 == 0:
            return b3
        if labels.similarity is None:
            raise InputError(
                "pcrm needs to know how alike the sides of a pair are",
                hint="rm_train(..., similarity := rm_length_similarity(chosen_chars, rejected_chars)), or pcrm_b1: 0",
            )
        return b1 / (labels.similarity + b2) + b3


class MeanTerm(Term):
    """A convex function of one weighted mean over a batch: its Hessian has rank one.

    Attributes:
        mix: weight of the chosen and of the rejected rewards in the mean.
    """

    sees = "sides"
    mix: ClassVar[tuple[float, float]]

    @abstractmethod
    def derivatives(self, mean: float) -> tuple[float, float, float]:
        """Return value, slope and second derivative at the mean."""

    def _mean(self, chosen: np.ndarray, rejected: np.ndarray, weight: np.ndarray) -> float:
        return float(self.mix[0] * (weight @ chosen) + self.mix[1] * (weight @ rejected))

    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the term of the whole batch under equal weights, once per pair."""
        equal = np.full(len(chosen), 1 / max(len(chosen), 1))
        return np.full(len(chosen), self.value(chosen, rejected, labels, equal))

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return p times the gradient of the mean loss, which is what every pair contributes."""
        equal = np.full(len(chosen), 1 / max(len(chosen), 1))
        up, down = self.weighted_gradient(chosen, rejected, labels, equal)
        return up * len(chosen), down * len(chosen)

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return 0: the diagonal of a rank-one matrix over a batch vanishes with its size."""
        return np.zeros(len(chosen)), np.zeros(len(chosen))

    def value(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> float:
        """Return the term of the batch."""
        return self.derivatives(self._mean(chosen, rejected, weight))[0]

    def weighted_gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Sides:
        """Return the gradient of ``value``: every pair pushes in proportion to its weight."""
        slope = self.derivatives(self._mean(chosen, rejected, weight))[1]
        return slope * self.mix[0] * weight, slope * self.mix[1] * weight

    def hessian(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Hessian:
        """Return the second derivatives: only the mean of a direction matters."""
        bend = self.derivatives(self._mean(chosen, rejected, weight))[2]

        def multiply(along_chosen: np.ndarray, along_rejected: np.ndarray) -> Sides:
            bent = bend * self._mean(along_chosen, along_rejected, weight)
            return bent * self.mix[0] * weight, bent * self.mix[1] * weight

        return multiply


class BatchSum(MeanTerm):
    """Batch-wise sum-to-zero regularisation (BSR): strength * B * (mean of the 2 B rewards of a batch)^2.

    Holds the mean of a batch at 0, not every pair. B is ``bsr_batch`` (16 in the released recipe) whatever the number
    of pairs that a head takes at once, so that a strength means the same; 1e-3 in the paper. Source: arXiv 2505.07271.
    """

    name, keys, mix = "bsr", ("bsr", "bsr_batch"), (0.5, 0.5)

    def derivatives(self, mean: float) -> tuple[float, float, float]:
        """Return the scaled square and its derivatives."""
        scale = self.strength * self.options["bsr_batch"]
        return scale * mean**2, 2 * scale * mean, 2 * scale


class Positive(MeanTerm):
    """Keeps the mean chosen reward above 0: strength * softplus(-mean). Source: code of GRM, arXiv 2406.10216."""

    name, keys, mix = "positive", ("positive",), (1.0, 0.0)

    def derivatives(self, mean: float) -> tuple[float, float, float]:
        """Return softplus of the negative mean and its derivatives."""
        at = np.array(mean)
        return (
            float(self.strength * softplus(-at)),
            float(-self.strength * sigmoid(-at)),
            float(self.strength * logistic_variance(at)),
        )


PENALTIES: Mapping[str, type[Term]] = {term.name: term for term in (Center, Positive, BatchSum, PriorCap)}
