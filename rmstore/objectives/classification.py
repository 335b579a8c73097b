"""Classification: single responses, winners against losers."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import Labels, Objective, logistic_variance, sigmoid, softplus


class Classification(Objective):
    """Binary cross-entropy of each response by itself: chosen is 1, rejected is 0, the reward is the logit.

    Only the order has to be right, and the log-odds of winning are monotone in the reward. Effects of the prompt do not
    cancel here, so with within-prompt pairs and strong prompt effects it needs more data than ``bt``.

    Expects:
        ``prob`` per pair, 1 for a hard label; below 1 each side counts as winner and as loser in that proportion.

    Formula:
        prob * (softplus(-chosen) + softplus(rejected)) + (1 - prob) * (softplus(chosen) + softplus(-rejected)).

    Compare with:
        ``bt`` and ``soft``, which see the difference of the two rewards alone.

    Source:
        arXiv 2411.04991 (CLF heads); code ``holarissun/RewardModelingBeyondBradleyTerry``.
    """

    name = "classification"
    sees = "sides"

    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the summed cross-entropy of both responses."""
        agree = softplus(-chosen) + softplus(rejected)
        return labels.prob * agree + (1 - labels.prob) * (softplus(chosen) + softplus(-rejected))

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Return prediction - label of either response."""
        doubt = 1 - labels.prob
        return (
            doubt * sigmoid(chosen) - labels.prob * sigmoid(-chosen),
            labels.prob * sigmoid(rejected) - doubt * sigmoid(-rejected),
        )

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Return the logistic variance of either response."""
        return logistic_variance(chosen), logistic_variance(rejected)
