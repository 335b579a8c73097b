"""Log loss on single items: rewards that are the log-odds of being right."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import ItemObjective, logistic_variance, sigmoid, softplus


class Logistic(ItemObjective):
    """Cross-entropy between the label of an item, such as a reasoning step, and the sigmoid of its reward.

    Expects:
        ``value`` per item in [0, 1]: 1 right, 0 wrong, between them a share, such as of completions that succeed.

    Formula:
        value * softplus(-reward) + (1 - value) * softplus(reward).

    Compare with:
        ``squared`` (values on any scale), ``classification`` (labels from pairs).

    Source:
        Step labels of process reward models, arXiv 2501.07301: soft labels are the value itself, hard ones 0 or 1.
    """

    name = "logistic"

    def of_item(self, reward: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return the cross-entropy."""
        return value * softplus(-reward) + (1 - value) * softplus(reward)

    def slope(self, reward: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return sigmoid(reward) - value, mixed from both directions to stay precise in both tails."""
        return (1 - value) * sigmoid(reward) - value * sigmoid(-reward)

    def bend(self, reward: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return the logistic variance, whatever the label."""
        return logistic_variance(reward)
