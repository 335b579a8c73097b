"""Bradley-Terry with soft labels: ties, judge probabilities, label smoothing."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import GapObjective, Labels, logistic_variance, sigmoid, softplus


class Soft(GapObjective):
    """Cross-entropy between P(chosen preferred) and its Bradley-Terry prediction.

    Expects:
        ``prob`` per pair; 0.5 is a tie, 1 a hard label. Label smoothing s is ``prob = 1 - s``.

    Formula:
        prob * softplus(-D) + (1 - prob) * softplus(D). The optimum of a lone pair is D = logit(prob); prob 1 is ``bt``,
        bit for bit.

    Compare with:
        ``bt`` (every label is certain), ``margin`` (strength of a preference instead of doubt about it).

    Source:
        Conservative DPO (Mitchell, A note on DPO with noisy preferences, 2023) after arXiv 2305.18290; smoothing 0.1 in
        the code of GRM, arXiv 2406.10216.
    """

    name = "soft"
    uses_ties = True

    def of_gap(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the cross-entropy at D."""
        return labels.prob * softplus(-gap) + (1 - labels.prob) * softplus(gap)

    def slope(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return sigmoid(D) - prob, mixed from both directions so that prob 1 rounds as ``bt`` does."""
        return (1 - labels.prob) * sigmoid(gap) - labels.prob * sigmoid(-gap)

    def bend(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return sigmoid(D) sigmoid(-D), whatever the label."""
        return logistic_variance(gap)
