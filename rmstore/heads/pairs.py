"""What every head does with pairs: check them, weigh them, draw bootstraps, measure a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np

from rmstore.errors import InputError, OptionError
from rmstore.heads.base import Head, Pairs
from rmstore.objectives.base import Labels, Objective

MERGES = (None, "weights")
DIVERSITIES = ("seed", "bootstrap", "split")
PART = 0.8
"""Share of the groups that a member trains on under diversity 'split'."""


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
    _check_items(train.items)
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
    for name in ("prob", "margin", "value", "similarity"):
        known = getattr(pairs, name)
        if known is not None and not np.isfinite(known).all():
            raise InputError(f"a {what} pair has {name} {known[~np.isfinite(known)][0]}", hint="give a finite number")


def _check_items(items: np.ndarray) -> None:
    with np.errstate(all="ignore"):
        suspicious = not np.isfinite(np.ones(len(items), dtype=items.dtype) @ items).all()  # one quick pass, no copy
    for row, column in np.argwhere(~np.isfinite(items))[:1] if suspicious else ():
        raise InputError(f"item {row} holds {items[row, column]}", hint="leave out vectors that are not finite")


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


Kind = TypeVar("Kind", bound=Head)


def same_kind(kind: type[Kind], start: Head, train: Pairs) -> Kind:
    """Return the head that a fit goes on from.

    Raises:
        OptionError: it is of another kind or width than the head to be trained.
    """
    if not isinstance(start, kind) or start.dim != train.items.shape[1]:
        raise OptionError(
            f"a {kind.kind} head over vectors of width {train.items.shape[1]} cannot go on from a {start.kind} head "
            f"of width {start.dim}",
            hint="start from a head of the same kind and input",
        )
    return start


def compact(pairs: Pairs) -> Pairs:
    """Return the same pairs over the items that they use."""
    seen = np.zeros(len(pairs.items), dtype=bool)
    seen[pairs.chosen] = seen[pairs.rejected] = True
    if seen.all():
        return pairs
    at = np.cumsum(seen) - 1
    return replace(pairs, items=pairs.items[seen], chosen=at[pairs.chosen], rejected=at[pairs.rejected])


def labels(pairs: Pairs, rows: np.ndarray | None = None) -> Labels:
    """Return what an objective needs to know about the pairs, or about some rows of them."""
    known = (getattr(pairs, field.name) for field in fields(Labels))
    return Labels(*(array if array is None or rows is None else array[rows] for array in known))


def mean_loss(objective: Objective, rewards: np.ndarray, pairs: Pairs) -> float:
    """Return the weighted mean loss of the pairs, given the reward of every item, (n,)."""
    wide = rewards.astype(np.float64)
    return objective.value(wide[pairs.chosen], wide[pairs.rejected], labels(pairs), pairs.weight / pairs.weight.sum())


def effective(weight: np.ndarray) -> float:
    """Return Kish's effective number of rows, (sum w)^2 / sum w^2, which equals their number under equal weights."""
    share = weight / weight.max()  # squares of very small or large weights are no numbers
    return float(share.sum() ** 2 / (share @ share))


def check_convex(kind: str, objective: Objective) -> None:
    """Refuse a loss that has no single minimum, for heads that go there in second-order steps.

    Raises:
        OptionError: the objective is not convex in the rewards.
    """
    if not objective.is_convex:
        raise OptionError(
            f"the {kind} head cannot train the objective {objective.name!r}, which is not convex",
            hint="train 'mlp', or another objective",
        )


def batches(pairs: Pairs, draws: Sequence[np.random.Generator], size: int) -> Iterator[np.ndarray]:
    """Yield the batches of one pass in an order of every member's own, (members, b) row numbers.

    The pairs of one choice stay together; batches are then of unequal length and padded with -1. Otherwise all batches
    of a pass have nearly the same length and no padding.
    """
    if pairs.choice is None:
        orders = np.stack([draw.permutation(len(pairs)) for draw in draws])
        yield from np.array_split(orders, -(-len(pairs) // size), axis=1)
        return
    order = np.argsort(pairs.choice, kind="stable")
    choices = np.split(order, np.flatnonzero(np.diff(pairs.choice[order])) + 1)
    per_batch = max(1, round(size * len(choices) / len(pairs)))
    orders = np.stack([draw.permutation(len(choices)) for draw in draws])
    for part in np.array_split(orders, -(-len(choices) // per_batch), axis=1):
        rows = [np.concatenate([choices[choice] for choice in member]) for member in part]
        longest = max(map(len, rows))
        yield np.stack([np.pad(row, (0, longest - len(row)), constant_values=-1) for row in rows])


def member_weights(pairs: Pairs, diversity: str, seed: int, members: int) -> np.ndarray:
    """Return the weight of every pair for every member, (members, p) float64.

    Args:
        pairs: the training pairs.
        diversity: 'seed' gives all members the same weights; 'bootstrap' draws groups with replacement; 'split' gives
            each member another 80 % of the groups.
        seed: with the member's number, seeds its draw.
        members: how many; a single member always takes all pairs as they are.
    """
    if members == 1 or diversity == "seed":
        return np.tile(pairs.weight, (members, 1))
    draw = {"bootstrap": bootstrap, "split": part}[diversity]
    return np.stack([draw(pairs, seed, member) for member in range(members)])


def bootstrap(pairs: Pairs, seed: int, member: int) -> np.ndarray:
    """Return the pairs' weights after drawing groups with replacement, (p,) float64."""
    return _drawn(pairs, lambda n, draw: np.bincount(draw.integers(n, size=n), minlength=n), seed, member)


def part(pairs: Pairs, seed: int, member: int) -> np.ndarray:
    """Return the pairs' weights with a fifth of the groups left out, (p,) float64."""

    def keep(n: int, draw: np.random.Generator) -> np.ndarray:
        kept = np.zeros(n)
        kept[draw.permutation(n)[: max(1, round(PART * n))]] = 1
        return kept

    return _drawn(pairs, keep, seed, member)


def _drawn(
    pairs: Pairs, counts: Callable[[int, np.random.Generator], np.ndarray], seed: int, member: int
) -> np.ndarray:
    """Return the weights times how often each group was drawn.

    Groups of weight 0 are left out, so some pair always counts. Where there is one group only, pairs are drawn instead.
    """
    live = pairs.weight > 0
    _, unit = np.unique(pairs.group[live], return_inverse=True)
    if unit.max() == 0:
        unit = np.arange(len(unit))
    weight = np.zeros(len(pairs))
    weight[live] = pairs.weight[live] * counts(unit.max() + 1, np.random.default_rng([seed, member]))[unit]
    return weight
