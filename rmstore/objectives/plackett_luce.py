"""Plackett-Luce: the log-likelihood of a ranking, choice by choice."""

from __future__ import annotations

import numpy as np

from rmstore.objectives.base import GapObjective, Hessian, Labels, Sides


class PlackettLuce(GapObjective):
    """Negative log-likelihood of each item of a ranking being chosen over all that follow it.

    A ranking of k items is k - 1 choices; a choice over n others is n pairs with one number in ``choice``. Each of them
    carries the loss of the whole choice, and 1 / n of its weight. Two items, or no ``choice``, make this ``bt``.

    Expects:
        ``choice`` per pair; ``prob`` and ``margin`` are ignored.

    Formula:
        log(1 + sum over the pairs of the choice of exp(-D)), which is -log(exp(r) / sum of exp over what was left).

    Compare with:
        ``bt`` on all pairs of a ranking, which counts the same evidence up to k - 1 times.

    Source:
        Plackett, Applied Statistics 24 (1975); Luce, Individual Choice Behavior (1959); arXiv 2305.18290, equation 18.
    """

    name = "plackett_luce"

    def of_gap(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the loss of the choice that each pair belongs to."""
        at, _ = _choices(gap, labels)
        top, total = _total(gap, at)
        return (top + np.log(total))[at]

    def slope(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return minus the chance of the pair's rejected item, times the number of pairs that share the weight."""
        at, size = _choices(gap, labels)
        return -_chance(gap, at) * size[at]

    def bend(self, gap: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the variance of the chance: the diagonal of the Hessian."""
        at, size = _choices(gap, labels)
        chance = _chance(gap, at)
        return chance * (1 - chance) * size[at]

    def value(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> float:
        """Return the loss of every choice times the weight of its pairs; pairs of weight 0 are not in the choice."""
        gap, at, total = _weighed(chosen - rejected, labels, weight)
        top, odds = _total(gap, at)
        return float(total @ (top + np.log(odds)))

    def weighted_gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Sides:
        """Return minus the chance of every rejected item times the weight of the whole choice."""
        gap, at, total = _weighed(chosen - rejected, labels, weight)
        slope = -total[at] * _chance(gap, at)
        return slope, -slope

    def hessian(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Hessian:
        """Return the second derivatives, diag(c) - c c' over the chances c of every choice."""
        gap, at, total = _weighed(chosen - rejected, labels, weight)
        chance = _chance(gap, at)

        def multiply(along_chosen: np.ndarray, along_rejected: np.ndarray) -> Sides:
            pushed = chance * (along_chosen - along_rejected)
            bent = total[at] * (pushed - chance * np.bincount(at, pushed, len(total))[at])
            return bent, -bent

        return multiply


def _choices(gap: np.ndarray, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of every pair's choice, (p,), and the number of pairs in each choice."""
    if labels.choice is None:
        return np.arange(len(gap)), np.ones(len(gap))
    _, at, size = np.unique(labels.choice, return_inverse=True, return_counts=True)
    return at, size


def _weighed(gap: np.ndarray, labels: Labels, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gaps, infinite where a pair weighs nothing, each pair's choice, and the weight of every choice."""
    at, size = _choices(gap, labels)
    return np.where(weight > 0, gap, np.inf), at, np.bincount(at, weight, len(size))


def _total(gap: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest exponent of every choice, at least 0, and 1 + sum exp(-D) over exp of it."""
    top = np.zeros(at.max() + 1 if len(at) else 0)
    np.maximum.at(top, at, -gap)
    return top, np.exp(-top) + np.bincount(at, np.exp(-gap - top[at]), len(top))


def _chance(gap: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the chance that the pair's rejected item had been chosen."""
    top, total = _total(gap, at)
    return np.exp(-gap - top[at]) / total[at]
