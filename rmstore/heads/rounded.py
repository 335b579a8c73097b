"""An objective with its kinks rounded, for solvers that need curvature where hinge has none."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import Labels, Objective


class Rounded(Objective):
    """The mean of an objective over rewards within ``width`` of the given ones.

    The derivative of that mean is a difference of the objective itself, and its curvature a difference of slopes: both
    are exact, and both exist at a kink. Sides of a pointwise objective are rounded one at a time.
    """

    name = "rounded"

    def __init__(self, objective: Objective, width: float) -> None:
        super().__init__()
        self.objective, self.width = objective, width

    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the loss itself; nothing here needs its mean."""
        return self.objective.loss(chosen, rejected, labels)

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Return the slopes of the mean."""
        of, w = self.objective.loss, self.width
        return (
            (of(chosen + w, rejected, labels) - of(chosen - w, rejected, labels)) / (2 * w),
            (of(chosen, rejected + w, labels) - of(chosen, rejected - w, labels)) / (2 * w),
        )

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Return the second derivatives of the mean."""
        of, w = self.objective.gradient, self.width
        return (
            (of(chosen + w, rejected, labels)[0] - of(chosen - w, rejected, labels)[0]) / (2 * w),
            (of(chosen, rejected + w, labels)[1] - of(chosen, rejected - w, labels)[1]) / (2 * w),
        )
