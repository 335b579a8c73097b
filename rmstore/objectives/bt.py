"""Bradley-Terry: the log-likelihood of a hard preference."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import GapObjective, Labels, logistic_variance, sigmoid, softplus


class BradleyTerry(GapObjective):
    """Negative log-likelihood of the chosen response winning under the Bradley-Terry model.

    Every pair is a hard label: ``prob`` and ``margin`` are ignored, so ties belong to ``soft``.

    Expects:
        Pairs whose chosen response was preferred.

    Formula:
        softplus(-D), with D = reward of chosen - reward of rejected; P(chosen wins) = sigmoid(D).

    Compare with:
        ``margin`` (asks for a gap), ``soft`` (uncertain labels), ``classification`` (single responses).

    Source:
        Bradley and Terry, Biometrika 39 (1952); reward modelling as in arXiv 2203.02155, equation 1.
    """

    name = "bt"

    def of_gap(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return softplus(-D)."""
        return softplus(-gap)

    def slope(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return -sigmoid(-D)."""
        return -sigmoid(-gap)

    def bend(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return sigmoid(D) sigmoid(-D)."""
        return logistic_variance(gap)
