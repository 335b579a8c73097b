"""Bradley-Terry on directions: the gap as a share of the rewards' own size."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import Hessian, Labels, Objective, Sides, logistic_variance, sigmoid, softplus

TINY = 1e-12
"""Added to the squared size, so that two rewards of 0 have a loss."""


class Norm(Objective):
    """Bradley-Terry loss of the gap divided by the length of (chosen, rejected).

    The loss does not change when all rewards are multiplied by a number, so nothing is gained by ever larger rewards.
    It is not convex, and a penalty on weights would shrink them to nothing: heads that go to a minimum refuse it.

    Expects:
        Hard labels; ``prob`` and ``margin`` are ignored.

    Formula:
        softplus(-D / sqrt(chosen^2 + rejected^2)); the quotient lies in [-sqrt 2, sqrt 2].

    Compare with:
        ``bt`` (rewards may grow without end), ``bt`` with the term ``bsr`` (bounds the mean instead of the size).

    Source:
        arXiv 2505.07271, baseline in the code ``LinkedIn-XFACT/RM-Robustness``.
    """

    name = "norm"
    sees = "sides"
    is_convex = False

    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return softplus of the negative quotient."""
        return softplus(-self._share(chosen, rejected)[0])

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the slopes by the quotient rule."""
        share, up, down = self._slopes(chosen, rejected)
        slope = -sigmoid(-share)
        return slope * up, slope * down

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the squared slopes of the quotient times the logistic variance, the Gauss-Newton part."""
        share, up, down = self._slopes(chosen, rejected)
        bend = logistic_variance(share)
        return bend * up**2, bend * down**2

    def hessian(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Hessian:
        """Return the Gauss-Newton part: the outer product of the slopes times the logistic variance."""
        share, up, down = self._slopes(chosen, rejected)
        bend = weight * logistic_variance(share)

        def multiply(along_chosen: np.ndarray, along_rejected: np.ndarray) -> Sides:
            bent = bend * (up * along_chosen + down * along_rejected)
            return up * bent, down * bent

        return multiply

    @staticmethod
    def _share(chosen: np.ndarray, rejected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = np.sqrt(chosen**2 + rejected**2 + TINY)
        return (chosen - rejected) / size, size

    @classmethod
    def _slopes(cls, chosen: np.ndarray, rejected: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the quotient and its derivatives with respect to either side."""
        share, size = cls._share(chosen, rejected)
        return share, 1 / size - share * chosen / size**2, -1 / size - share * rejected / size**2
