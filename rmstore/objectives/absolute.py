"""Bradley-Terry with a zero point: chosen above it, rejected below."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import Hessian, Labels, Objective, Sides, logistic_variance, sigmoid, softplus


class Absolute(Objective):
    """Bradley-Terry plus a classification of each side by itself, so that the sign of a reward means something.

    Expects:
        Hard labels; ``prob`` and ``margin`` are ignored.

    Formula:
        softplus(-D) + softplus(-chosen) + softplus(rejected).

    Compare with:
        ``bt`` (no zero point), ``classification`` (the last two parts alone).

    Source:
        arXiv 2505.07271, baseline in the code ``LinkedIn-XFACT/RM-Robustness``.
    """

    name = "absolute"
    sees = "sides"

    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the three losses added."""
        return softplus(rejected - chosen) + softplus(-chosen) + softplus(rejected)

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the slopes of the three parts."""
        slope = -sigmoid(rejected - chosen)
        return slope - sigmoid(-chosen), sigmoid(rejected) - slope

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the logistic variance at the gap and at either reward."""
        bend = logistic_variance(chosen - rejected)
        return bend + logistic_variance(chosen), bend + logistic_variance(rejected)

    def hessian(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Hessian:
        """Return the second derivatives of the three parts."""
        both, up, down = (weight * logistic_variance(x) for x in (chosen - rejected, chosen, rejected))

        def multiply(along_chosen: np.ndarray, along_rejected: np.ndarray) -> Sides:
            bent = both * (along_chosen - along_rejected)
            return bent + up * along_chosen, down * along_rejected - bent

        return multiply
