"""Boosting of LightGBM members on pairs, with any objective that is a function of two rewards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rmstore.errors import InputError
from rmstore.heads.base import Pairs, Poll
from rmstore.heads.pairs import compact, labels, mean_loss
from rmstore.objectives.base import Objective

if TYPE_CHECKING:
    from lightgbm import Booster

TREES, TREES_UNWATCHED = 500, 200
"""Most trees with validation pairs, and trees without."""
SMALL = 4_000_000
"""Numbers in the items below which one thread trains: on a busy machine threads that wait for each other took ten times
as long."""


class Trainer:
    """The pairs as LightGBM sees them: distinct items, binned once for all members."""

    def __init__(self, train: Pairs, valid: Pairs | None, objective: Objective, settings: Mapping[str, Any]) -> None:
        from lightgbm import Dataset

        self._objective, self._settings = objective, settings
        self._train, self._valid = compact(train), valid and compact(valid)
        if (self._train.items == self._train.items[0]).all():
            raise InputError(
                f"all {len(self._train.items)} training items are the same vector, which no tree can split",
                hint="check the input column",
            )
        self._params = {
            "verbosity": -1,
            "deterministic": True,
            "force_col_wise": True,
            "metric": "none",
            "learning_rate": settings["lr"],
            "num_leaves": settings["leaves"],
            "min_data_in_leaf": max(1, min(settings["min_leaf"], len(self._train.items) // 20)),
            "max_bin": settings["max_bin"],
            "feature_fraction": settings["feature_fraction"],
            "lambda_l2": settings["l2"],
            "num_threads": settings["threads"] or int(self._train.items.size < SMALL),
        }
        self._rows = np.concatenate([self._train.chosen, self._train.rejected])
        self._known, self._one = labels(self._train), min(1.0, self._train.weight.max())
        self._level = _level(self._train, objective)

        def begin(pairs: Pairs) -> np.ndarray | None:
            return np.full(len(pairs.items), self._level) if self._level else None

        self._data = Dataset(
            self._train.items, params=dict(self._params), init_score=begin(self._train), free_raw_data=False
        )
        self._watched = (
            [self._data.create_valid(self._valid.items, init_score=begin(self._valid))] if self._valid else []
        )

    def boost(
        self, weight: np.ndarray, seed: tuple[int, int], poll: Poll, start: Booster | None = None
    ) -> tuple[str, int, float]:
        """Return LightGBM's text of a booster, its number of trees and its validation loss (NaN without).

        With ``start`` trees are added to those of a booster, which stays as it is if none lowers the validation loss.
        """
        import lightgbm

        most = self._settings["trees"] or (TREES if self._valid else TREES_UNWATCHED)
        callbacks: list[Callable] = [_before_each_tree(lambda number: poll(number / most, f"tree {number + 1}"))]
        if self._valid:
            callbacks.append(lightgbm.early_stopping(self._settings["patience"], verbose=False))
        booster = lightgbm.train(
            self._params
            | {
                "objective": lambda rewards, _: self._derivatives(rewards, weight),
                "feature_fraction_seed": int(np.random.default_rng(seed).integers(2**31)),
            },
            self._data,
            num_boost_round=most,
            valid_sets=self._watched,
            valid_names=["valid"] * len(self._watched),
            feval=self._validation,
            callbacks=callbacks,
            init_model=start,
        )
        best = booster.best_iteration or booster.num_trees()
        loss = booster.best_score["valid"]["loss"] if self._valid else np.nan
        if start is None:
            _lift(booster, self._level)
        elif self._valid:
            rewards = np.asarray(start.predict(self._valid.items, raw_score=True))
            before = mean_loss(self._objective, rewards, self._valid)
            if before <= loss:
                return start.model_to_string(), start.num_trees(), before
        return booster.model_to_string(num_iteration=best), best, float(loss)

    def _validation(self, rewards: np.ndarray, _: Any) -> tuple[str, float, bool]:
        """Return name, value and "higher is better" of the loss, as LightGBM asks for it."""
        assert self._valid is not None
        return "loss", mean_loss(self._objective, rewards, self._valid), False

    def _derivatives(self, rewards: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return gradient and curvature of every item, summed over the pairs it is in."""
        pairs, known, weight = self._train, self._known, weight / self._one
        total = weight.sum()
        chosen, rejected = rewards[pairs.chosen], rewards[pairs.rejected]
        slopes = self._objective.weighted_gradient(chosen, rejected, known, weight / total)
        bends = self._objective.curvature(chosen, rejected, known)
        if not (bends[0].any() or bends[1].any()):  # hinge: count pairs instead, as LightGBM does for absolute errors
            bends = np.ones_like(weight), np.ones_like(weight)

        def per_item(sides: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
            return np.bincount(self._rows, np.concatenate(sides), len(pairs.items))

        return per_item((slopes[0] * total, slopes[1] * total)), per_item((weight * bends[0], weight * bends[1]))


def _level(pairs: Pairs, objective: Objective) -> float:
    """Return the one reward that suits all single items best, where trees begin; 0 for pairs, whose level is free."""
    level = 0.0
    if objective.sees != "item":
        return level
    known, share = labels(pairs), pairs.weight / pairs.weight.sum()
    for _ in range(50):
        same = np.full(len(pairs), level)
        slope = objective.weighted_gradient(same, same, known, share)[0].sum()
        if abs(slope) < 1e-6:
            break
        level -= slope / (share @ objective.curvature(same, same, known)[0])
    return float(level)


def _lift(booster: Booster, level: float) -> None:
    """Add the level that training began from to the first tree: LightGBM itself leaves it out of predictions."""
    if level:
        leaves = booster.dump_model(num_iteration=1)["tree_info"][0]["num_leaves"]
        for leaf in range(leaves):
            booster.set_leaf_output(0, leaf, booster.get_leaf_output(0, leaf) + level)


def _before_each_tree(call: Callable[[int], None]) -> Callable[[Any], None]:
    """Return a LightGBM callback that passes on the number of trees so far."""

    def callback(environment: Any) -> None:
        call(environment.iteration - environment.begin_iteration)

    callback.before_iteration = True  # type: ignore[attr-defined]
    return callback
