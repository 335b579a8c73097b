"""Hinge: pairs that are right by a margin no longer count."""

from __future__ import annotations

import numpy as np

from rmstore import options as opt
from rmstore.objectives.base import GapObjective, Labels, Objective
from rmstore.objectives.rounded import Rounded


class Hinge(GapObjective):
    """Distance by which the gap misses one margin for all pairs.

    The rewards carry no probability: fit a temperature before reading them as one.

    Expects:
        Hard labels; ``prob`` and ``margin`` are ignored.

    Options:
        m: the gap from which on a pair costs nothing; fixes the scale of rewards.

    Formula:
        max(0, m - D). Its curvature is 0 wherever it exists, so heads that need one use a first-order method.

    Compare with:
        ``bt`` (smooth; never quite satisfied), ``margin`` (smooth, a margin per pair).

    Source:
        RankSVM (Joachims, KDD 2002); arXiv 2505.07271, code ``LinkedIn-XFACT/RM-Robustness``.
    """

    name = "hinge"
    table = {"m": opt.number(1.0, 0, open_low=True)}

    def rounded(self, width: float) -> Objective:
        """Return the loss with its corner rounded over ``width``."""
        return Rounded(self, width)

    def of_gap(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return max(0, m - D)."""
        return np.maximum(0, self.options["m"] - gap)

    def slope(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return -1 where the margin is missed, else 0."""
        return -(gap < self.options["m"]).astype(np.float64)

    def bend(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return 0."""
        return np.zeros_like(gap, dtype=np.float64)
