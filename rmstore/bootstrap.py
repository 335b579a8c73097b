"""Draws of a bootstrap over groups: how often each replicate counts each group.

A count is a Poisson variable of mean 1, so a replicate needs neither the number of groups nor their order (Chamandy et
al. 2012, "Estimating uncertainty for massive data streams"). It comes from integers alone, so it is the same on every
machine and whatever the threads.
"""

from __future__ import annotations

import numpy as np

_STEP = np.uint64(0x9E3779B97F4A7C15)
_THRESHOLDS = (24109, 48219, 60273, 64292, 65296, 65497, 65531)
"""65536 times the chance of at most 0, 1, 2 ... of a Poisson variable of mean 1: mean and variance are 1 to 1e-4."""
_GROUPS = 4_096
"""Groups whose counts are held at a time, as float64."""
_COUNTS = np.searchsorted(np.array(_THRESHOLDS), np.arange(65536), side="right").astype(np.uint8)


def poisson_counts(keys: np.ndarray, replicates: int) -> np.ndarray:
    """Return how often every replicate counts every group.

    Args:
        keys: (n,) uint64, one per group, as good as random: a hash of the seed and the group.
        replicates: how many.

    Returns:
        (n, replicates) uint8 with mean 1; a row depends on its own key alone, and its start not on ``replicates``.
    """
    blocks = np.arange(1, (replicates + 3) // 4 + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        bits = _mixed(keys[:, None].astype(np.uint64) + blocks[None, :] * _STEP)
    return _COUNTS[bits.astype("<u8").view("<u2")][:, :replicates]


def totals(keys: np.ndarray, values: np.ndarray, replicates: int) -> np.ndarray:
    """Return the totals of every replicate, over groups as often as it counts them.

    Args:
        keys: (n,) uint64, one per group, as for :func:`poisson_counts`.
        values: what a group adds to each of k totals, (n, k).
        replicates: how many.

    Returns:
        (replicates, k) float64.
    """
    found = np.zeros((replicates, values.shape[1]))
    for start in range(0, len(keys), _GROUPS):
        block = slice(start, start + _GROUPS)
        found += poisson_counts(keys[block], replicates).T.astype(np.float64) @ values[block]
    return found


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Return SplitMix64's output for every state (Steele, Lea and Flood 2014, "Fast splittable generators")."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
