"""Taking verbosity out of attributes: subtract as much of one of them as it takes for the others not to follow it."""

from __future__ import annotations

from typing import Any

import numpy as np

STRENGTHS = (0, 0.01, 0.025, 0.05, 0.075, 0.1, 0.125, *(round(0.15 + 0.05 * step, 2) for step in range(17)))
"""Candidates for lam, from weak to strong (code of ArmoRM)."""
TOLERATED = 0.03
"""Spearman correlation with verbosity at which an attribute no longer follows it."""
MOST = 20_000
"""Reference items beyond which evenly spaced ones stand for all; correlations are then known to better than 0.01."""


def debias(rewards: np.ndarray, names: tuple[str, ...], verbosity: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the transformation T of ``r' = r T`` and, by attribute, lam and the correlation before and after.

    r'_k = r_k - lam_k r_verbosity with the smallest lam_k at which Spearman(r'_k, r_verbosity) <= 0.03; 1 where no
    candidate gets there. Verbosity's own lam is 1, so its column becomes 0 (ArmoRM, arXiv 2406.12845). The candidates
    are meant for attributes on one scale; here these are standard deviations of each attribute's values.

    Args:
        rewards: of the reference items, one column per attribute, (n, k).
        names: of the attributes.
        verbosity: the attribute to take out.
    """
    place = names.index(verbosity)
    rewards = rewards[:: -(-len(rewards) // MOST)].astype(np.float64)
    length = rewards[:, place]
    ranks = _ranks(length)
    transform = np.eye(len(names))
    told = []
    for column, name in enumerate(names):
        lam, before, after = 1.0, correlation(_ranks(rewards[:, column]), ranks), 0.0
        if column != place:
            lam, after = _weakest(rewards[:, column], length, ranks)
        transform[place, column] -= lam
        told.append({"attribute": name, "lam": lam, "before": before, "after": after})
    return transform, {"attribute": verbosity, "spearman": told}


def spearman(left: np.ndarray, right: np.ndarray) -> float:
    """Return the rank correlation, ties at their mean rank; 0 where either side is constant."""
    return correlation(_ranks(left), _ranks(right))


def correlation(left: np.ndarray, right: np.ndarray) -> float:
    """Return the correlation; 0 where either side is constant."""
    left, right = left - left.mean(), right - right.mean()
    size = np.sqrt((left @ left) * (right @ right))
    return float(left @ right / size) if size > 0 else 0.0


def _weakest(reward: np.ndarray, length: np.ndarray, ranks: np.ndarray) -> tuple[float, float]:
    """Return the weakest lam that is enough, else 1, and the correlation that is left."""
    for lam in STRENGTHS:
        left = correlation(_ranks(reward - lam * length), ranks)
        if left <= TOLERATED:
            return float(lam), left
    return 1.0, correlation(_ranks(reward - length), ranks)


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return rankdata(values)
