"""Squared error: rewards that predict a rating."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import ItemObjective


class Squared(ItemObjective):
    """Half the squared distance between a reward and the rating of its item.

    Expects:
        ``value`` per item, on any scale.

    Formula:
        0.5 * (reward - value)^2; with an l2 penalty on a linear head this is ridge regression.

    Compare with:
        ``logistic`` (values are chances), ``bt`` (preferences instead of ratings).

    Source:
        Ridge stage of ArmoRM, arXiv 2406.12845; least squares otherwise.
    """

    name = "squared"

    def of_item(self, reward: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return half the squared distance."""
        return 0.5 * (reward - value) ** 2

    def slope(self, reward: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return the distance."""
        return reward - value

    def bend(self, reward: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Return 1."""
        return np.ones_like(reward)
