"""Intervals of means and paired differences by group, worked out apart from the macros of sql/macros."""

import numpy as np
from scipy import stats


def wilson(mean, variance, groups, n):
    """Wilson's interval of a share for as many of n units as have this variance."""
    n = min(n, mean * (1 - mean) / variance)
    t = stats.t.ppf(0.975, groups - 1)
    middle, half = mean + t**2 / (2 * n), t * np.sqrt(mean * (1 - mean) / n + t**2 / (4 * n**2))
    return (middle - half) / (1 + t**2 / n), (middle + half) / (1 + t**2 / n)


def paired_share(mean, variance, groups):
    """The differences of shares from which the mean lies t standard errors, these going like the root of 1 - d^2."""
    c = stats.t.ppf(0.975, groups - 1) ** 2 * variance / (1 - mean**2)
    low, high = sorted(np.roots([1 + c, -2 * mean, mean**2 - c]).real)
    return low, high


def mean_variance(n, total):
    """Variance of sum(total) / sum(n) when whole groups are drawn."""
    n, total = np.asarray(n, float), np.asarray(total, float)
    residual = total - total.sum() / n.sum() * n
    return len(n) / (len(n) - 1) * (residual**2).sum() / n.sum() ** 2
