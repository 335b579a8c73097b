"""An objective with its kinks rounded, for solvers that need curvature where hinge has none."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import GapObjective, Labels


class Rounded(GapObjective):
    """The mean of an objective over gaps within ``width`` of the given one.

    The derivative of that mean is a difference of the objective itself, and its curvature a difference of slopes: both
    are exact, and both exist at a kink.
    """

    name = "rounded"

    def __init__(self, objective: GapObjective, width: float) -> None:
        super().__init__()
        self.objective, self.width = objective, width

    def of_gap(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the loss itself; nothing here needs its mean."""
        return self.objective.of_gap(gap, labels)

    def slope(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the slope of the mean."""
        of, w = self.objective.of_gap, self.width
        return (of(gap + w, labels) - of(gap - w, labels)) / (2 * w)

    def bend(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the second derivative of the mean."""
        of, w = self.objective.slope, self.width
        return (of(gap + w, labels) - of(gap - w, labels)) / (2 * w)
