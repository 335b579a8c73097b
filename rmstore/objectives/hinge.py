"""Hinge: pairs that are right by a margin no longer count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rmstore.errors import OptionError
from rmstore.objectives.base import Labels, PairwiseObjective


class Hinge(PairwiseObjective):
    """Distance by which the gap misses one margin for all pairs.

    The rewards carry no probability: fit a temperature before reading them as one.

    Expects:
        Hard labels; ``prob`` and ``margin`` are ignored. Option ``m`` (default 1) is the margin and fixes the scale.

    Formula:
        max(0, m - D). Its curvature is 0 wherever it exists, so heads that need one use a first-order method.

    Compare with:
        ``bt`` (smooth; never quite satisfied), ``margin`` (smooth, a margin per pair).

    Source:
        RankSVM (Joachims, KDD 2002); arXiv 2505.07271, code ``LinkedIn-XFACT/RM-Robustness``.
    """

    name = "hinge"
    defaults = {"m": 1.0}

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        if self.options["m"] == 0:
            raise OptionError("m of the objective 'hinge' is 0", hint="a zero reward would be perfect; try m = 1")

    def of_gap(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return max(0, m - D)."""
        return np.maximum(0, self.options["m"] - gap)

    def slope(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return -1 where the margin is missed, else 0."""
        return -(gap < self.options["m"]).astype(np.float64)

    def bend(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return 0."""
        return np.zeros_like(gap, dtype=np.float64)
