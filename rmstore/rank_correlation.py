"""Kendall's rank correlation of many short lists at once."""

from __future__ import annotations

import numpy as np

_PAIRS = 4_000_000
"""Pairs of candidates that are compared at a time."""


def kendall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return tau-b of every row: (concordant - discordant) / sqrt(pairs untied in x * pairs untied in y), Kendall 1945.

    Args:
        x: (rows, n), finite.
        y: the same shape.

    Returns:
        (rows,), NaN where x or y does not vary.
    """
    rows, n = x.shape
    first, second = np.triu_indices(n, 1)
    found = np.full(rows, np.nan)
    step = max(1, _PAIRS // max(1, len(first)))
    for start in range(0, rows, step):
        block = slice(start, start + step)
        order = [_signs(values[block, first], values[block, second]) for values in (x, y)]
        agreed = np.einsum("ij,ij->i", *order)
        untied = np.prod([np.einsum("ij,ij->i", one, one).astype(np.float64) for one in order], axis=0)
        np.divide(agreed, np.sqrt(untied), out=found[block], where=untied > 0)
    return found


def _signs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first > second).astype(np.int32) - (first < second)
