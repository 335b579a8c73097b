"""What every head does with pairs: check them, weigh them, draw bootstraps, measure a loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rmstore.errors import InputError, OptionError
from rmstore.heads.base import Pairs
from rmstore.objectives.base import Labels, Objective

MERGES = (None, "weights")


def check(train: Pairs, valid: Pairs | None, members: int, merge: str | None) -> Pairs | None:
    """Check what every fit is given; return the validation pairs, or None where they weigh nothing.

    Raises:
        InputError: there is nothing to learn from, or the pairs do not fit the items.
        OptionError: ``members`` or ``merge`` is not possible.
    """
    if members < 1:
        raise OptionError(f"members is {members}", hint="give 1 for a single head, 5 for an ensemble")
    if merge not in MERGES:
        raise OptionError(f"merge is {merge!r}", hint="leave it out, or give 'weights' to average the members")
    _check_pairs(train, "training")
    if not train.weight.any():
        raise InputError(f"the weights of all {len(train)} training pairs are 0", hint="give some pair a weight")
    if valid is None or not len(valid):
        return None
    _check_pairs(valid, "validation")
    return valid if valid.weight.any() else None


def _check_pairs(pairs: Pairs, what: str) -> None:
    if not len(pairs):
        raise InputError(f"there are no {what} pairs", hint="check the query or the split that selects them")
    if pairs.items.ndim != 2 or not pairs.items.shape[1]:
        raise InputError(f"items have shape {pairs.items.shape}", hint="give one row of at least one number per item")
    rows = np.concatenate([pairs.chosen, pairs.rejected])
    absent = rows[(rows < 0) | (rows >= len(pairs.items))]
    if len(absent):
        raise InputError(f"a {what} pair names item {absent[0]} of {len(pairs.items)}", hint="items count from 0")
    wrong = pairs.weight[~((pairs.weight >= 0) & np.isfinite(pairs.weight))]
    if len(wrong):
        raise InputError(f"a {what} pair has weight {wrong[0]}", hint="weights are finite and at least 0")


def check_items(items: np.ndarray, dim: int) -> np.ndarray:
    """Return the items as float32.

    Raises:
        InputError: they are not rows of the head's width.
    """
    if items.ndim != 2 or items.shape[1] != dim:
        raise InputError(
            f"the head takes vectors of width {dim}, the items have shape {items.shape}",
            hint="score with the encoder and layout that the head was trained on",
        )
    return np.asarray(items, dtype=np.float32)


def compact(pairs: Pairs) -> Pairs:
    """Return the same pairs over the items that they use."""
    seen = np.zeros(len(pairs.items), dtype=bool)
    seen[pairs.chosen] = seen[pairs.rejected] = True
    if seen.all():
        return pairs
    at = np.cumsum(seen) - 1
    return replace(pairs, items=pairs.items[seen], chosen=at[pairs.chosen], rejected=at[pairs.rejected])


def labels(pairs: Pairs) -> Labels:
    """Return what an objective needs to know about the pairs."""
    return Labels(prob=pairs.prob, margin=pairs.margin)


def mean_loss(objective: Objective, rewards: np.ndarray, pairs: Pairs) -> float:
    """Return the weighted mean loss of the pairs, given the reward of every item, (n,)."""
    wide = rewards.astype(np.float64)
    losses = objective.loss(wide[pairs.chosen], wide[pairs.rejected], labels(pairs))
    return float(losses @ pairs.weight / pairs.weight.sum())


def bootstrap(pairs: Pairs, seed: int, member: int) -> np.ndarray:
    """Return the pairs' weights after drawing groups with replacement, (p,) float64.

    Groups of weight 0 are left out, so some pair always counts. Where there is one group only, pairs are drawn instead.
    """
    live = pairs.weight > 0
    _, unit = np.unique(pairs.group[live], return_inverse=True)
    if unit.max() == 0:
        unit = np.arange(len(unit))
    n_units = unit.max() + 1
    drawn = np.random.default_rng([seed, member]).integers(n_units, size=n_units)
    weight = np.zeros(len(pairs))
    weight[live] = pairs.weight[live] * np.bincount(drawn, minlength=n_units)[unit]
    return weight
