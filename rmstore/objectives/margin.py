"""Bradley-Terry with a margin per pair: clear preferences should be far apart."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import GapObjective, Labels, logistic_variance, sigmoid, softplus


class Margin(GapObjective):
    """Bradley-Terry loss after the gap the label asks for has been taken off.

    Expects:
        ``margin`` per pair, 0 where none is known; ``prob`` is ignored.

    Formula:
        softplus(-(D - margin)); margin 0 is ``bt``, bit for bit.

    Compare with:
        ``bt`` (no margin), ``hinge`` (one margin for all pairs, no reward beyond it).

    Source:
        arXiv 2307.09288, equation 2; huggingface/trl, ``trl/trainer/reward_trainer.py``.
    """

    name = "margin"

    def of_gap(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return softplus(-(D - margin))."""
        return softplus(-(gap - labels.margin))

    def slope(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return -sigmoid(-(D - margin))."""
        return -sigmoid(-(gap - labels.margin))

    def bend(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the logistic variance at D - margin."""
        return logistic_variance(gap - labels.margin)
