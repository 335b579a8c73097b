"""Best-of-n in closed form: what the best of n candidates by one number is worth in others, for every n at once.

Of the C(N, n) ways to draw n of N candidates, C(i - 1, n - 1) have the one of ascending rank i as their best, so its
weight is C(i - 1, n - 1) / C(N, n): no draws, no noise (the unbiased estimator in the code of arXiv 2310.02743).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rmstore.heads.blas import one_blas_thread

_NEGLIGIBLE = 1e-20
"""Weights below this are 0: a thousand of them are below the rounding of the largest value."""
_COLUMNS = 64
"""Values of n that are multiplied at a time, so that ranks without weight for any of them are left out."""


@lru_cache(maxsize=8)
def weights(size: int, most: int) -> np.ndarray:
    """Return the chance that the candidate of ascending rank i is the best of n, column n - 1 of row i - 1.

    By w(N) = n / N and w(i) = w(i + 1) (i - n + 1) / i, to 1e-14.

    Args:
        size: number of candidates N.
        most: the largest n; no more than ``size``.

    Returns:
        (size, most) float64, read-only, whose columns sum to 1.
    """
    n = np.arange(1, most + 1, dtype=np.float64)
    table = np.zeros((size, most))
    row = n / size
    table[size - 1] = row
    for rank in range(size - 1, 0, -1):
        row = row * np.maximum(rank - n + 1, 0) / rank
        row[row < _NEGLIGIBLE] = 0
        table[rank - 1] = row
    table.flags.writeable = False
    return table


def by_rank(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the values in ascending order of the keys; candidates with equal keys share the mean of their values.

    Args:
        keys: what the pick goes by, (prompts, size), finite.
        values: what a pick is worth, (kinds, prompts, size).
    """
    order = np.argsort(keys, axis=1)
    order += np.arange(len(keys))[:, None] * keys.shape[1]
    ascending = keys.ravel()[order]
    found = np.stack([kind.ravel()[order] for kind in values])
    level = ascending[:, 1:] == ascending[:, :-1]
    tied = level.any(axis=1)
    if tied.any():
        found[:, tied] = _shared(found[:, tied], level[tied])
    return found


def curves(keys: np.ndarray, values: np.ndarray, most: int | None = None) -> np.ndarray:
    """Return what the best of n by key is worth on average over all draws without replacement, for n = 1, 2 ...

    Args:
        keys: what the pick goes by, (prompts, size), finite.
        values: what a pick is worth, (kinds, prompts, size), finite.
        most: the largest n; all of ``size`` where it is None or more.

    Returns:
        (kinds, prompts, most): n = 1 is the mean, n = size the value of the best by key.

    Example:
        >>> curves(np.array([[3.0, 1.0, 2.0]]), np.array([[[30.0, 10.0, 20.0]]])).round(2).tolist()
        [[[20.0, 26.67, 30.0]]]
    """
    kinds, prompts, size = values.shape
    shares = weights(size, size if most is None else min(size, most))
    ranked = by_rank(keys, values).reshape(kinds * prompts, size)
    found = np.empty((kinds * prompts, shares.shape[1]))
    with one_blas_thread():
        for start in range(0, shares.shape[1], _COLUMNS):
            part = shares[:, start : start + _COLUMNS]
            lowest = int(part.any(axis=1).argmax())
            found[:, start : start + _COLUMNS] = ranked[:, lowest:] @ part[lowest:]
    return found.reshape(kinds, prompts, -1)


def _shared(values: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return values by rank, (kinds, prompts, size), averaged over runs of ranks.

    Args:
        values: values by rank.
        level: whether a rank has the key of the rank below it, (prompts, size - 1).
    """
    first = np.concatenate([np.ones((len(level), 1), bool), ~level], axis=1)
    run = np.cumsum(first.ravel()) - 1
    counts = np.bincount(run)
    means = [np.bincount(run, kind.ravel()) / counts for kind in values]
    return np.stack([mean[run].reshape(first.shape) for mean in means])
