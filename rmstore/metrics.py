"""What is measured on the rewards of pairs (names as in trl) and of single items."""

from __future__ import annotations

import numpy as np

from rmstore.heads.base import Pairs
from rmstore.heads.pairs import effective
from rmstore.objectives.base import Objective

Metrics = dict[tuple[str, str], tuple[float, int]]
"""(split, metric) -> (value, number of rows)."""


def measure(
    split: str,
    rows: Pairs,
    rewards: np.ndarray,
    attributes: np.ndarray | None,
    temperature: float,
    objective: Objective,
) -> Metrics:
    """Return the metrics of one split.

    Args:
        split: name of the split.
        rows: its pairs or items.
        rewards: reward of every item, (n,) float64.
        attributes: predicted ratings by attribute, (n, k), of a head whose reward is none of them.
        temperature: divides logits.
        objective: says whether rows are pairs, chances or ratings.
    """
    if not len(rows) or not rows.weight.sum() > 0:
        return {}
    if objective.sees != "item":
        found = pair_metrics(rows, rewards, temperature)
    else:
        predicted = rewards[rows.chosen]
        if attributes is not None:
            number = 0 if rows.attribute is None else rows.attribute
            predicted = attributes[rows.chosen, number].astype(np.float64)
        found = (
            chance_metrics(rows, predicted / temperature)
            if objective.name == "logistic"
            else error_metrics(rows, predicted)
        )
    return {(split, metric): value for metric, value in found.items()}


def fit_temperature(rewards: np.ndarray, valid: Pairs, objective: Objective) -> tuple[float, str]:
    """Return T > 0 that minimises the NLL of sigmoid(logit / T) on validation rows, else 1, and where it comes from.

    Where every row is right, ever smaller T would do. So T is at least what makes the mean logit as sure as n rows can
    show, by the rule of succession: sigmoid(mean / T) <= (n + 1) / (n + 2), n being the effective number of rows.
    """
    if objective.name == "squared":
        return 1.0, "none: ratings are no logits"
    if len(valid) < 10 or not valid.weight.sum() > 0:
        return 1.0, "none: too few validation rows"
    logit, label = _logits(rewards, valid, objective)
    found = best_temperature(logit, label, valid.weight)
    return (1.0, "none: every logit is 0") if found is None else (found, "valid")


def best_temperature(logit: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float | None:
    """Return T > 0 that minimises the NLL of sigmoid(logit / T) within the bound of :func:`fit_temperature`.

    Args:
        logit: (n,); with n weights above 0.
        label: P(first preferred), (n,) in [0, 1].
        weight: (n,).

    Returns:
        T, at most e^6 times the mean size of a logit; None where every logit is 0.
    """
    from scipy.optimize import minimize_scalar

    if not np.abs(logit).max() > 0:
        return None
    scale = float(np.abs(logit).mean())

    def loss(log_temperature: float) -> float:
        return nll(logit / (scale * np.exp(log_temperature)), label, weight)

    surest = np.log(effective(weight) + 1)  # the logit of (n + 1) / (n + 2)
    found = minimize_scalar(loss, bounds=(-np.log(surest), 6), method="bounded", options={"xatol": 1e-6})
    return float(scale * np.exp(found.x))


def _logits(rewards: np.ndarray, rows: Pairs, objective: Objective) -> tuple[np.ndarray, np.ndarray]:
    if objective.sees == "item":
        assert rows.value is not None
        return rewards[rows.chosen], rows.value
    return rewards[rows.chosen] - rewards[rows.rejected], rows.prob


def nll(logit: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """Return the weighted mean of -(h log p + (1 - h) log(1 - p)), p = sigmoid(logit), h the label in [0, 1]."""
    losses = label * np.logaddexp(0, -logit) + (1 - label) * np.logaddexp(0, logit)
    return float(losses @ weight / weight.sum())


def pair_metrics(pairs: Pairs, rewards: np.ndarray, temperature: float) -> dict[str, tuple[float, int]]:
    """Return accuracy (ties of rewards count half), NLL, mean margin and the rewards' range."""
    n, total = len(pairs), pairs.weight.sum()
    chosen, rejected = rewards[pairs.chosen], rewards[pairs.rejected]
    decided = pairs.prob > 0.5
    both = np.concatenate([chosen, rejected])
    values = {
        "nll": (nll((chosen - rejected) / temperature, pairs.prob, pairs.weight), n),
        "margin": (float((chosen - rejected) @ pairs.weight / total), n),
        "min_reward": (float(both.min()), n),
        "mean_reward": (float(both.mean()), n),
        "max_reward": (float(both.max()), n),
    }
    if pairs.weight[decided].sum() > 0:
        right = (chosen > rejected) + 0.5 * (chosen == rejected)
        share = float(right[decided] @ pairs.weight[decided] / pairs.weight[decided].sum())
        values["accuracy"] = (share, int(decided.sum()))
    return values


def chance_metrics(rows: Pairs, logit: np.ndarray) -> dict[str, tuple[float, int]]:
    """Return accuracy at one half, over the rows whose label is not one half itself, and NLL."""
    assert rows.value is not None
    values = {"nll": (nll(logit, rows.value, rows.weight), len(rows))}
    decided = (rows.value != 0.5) & (rows.weight > 0)
    if decided.any():
        right = np.where(logit == 0, 0.5, (logit > 0) == (rows.value > 0.5))
        share = float(right[decided] @ rows.weight[decided] / rows.weight[decided].sum())
        values["accuracy"] = (share, int(decided.sum()))
    return values


def error_metrics(rows: Pairs, predicted: np.ndarray) -> dict[str, tuple[float, int]]:
    """Return the mean squared error and R^2 within attributes: 1 - error / variance around each attribute's mean."""
    assert rows.value is not None
    attribute = np.zeros(len(rows), np.int64) if rows.attribute is None else rows.attribute
    total = np.bincount(attribute, rows.weight)
    means = np.bincount(attribute, rows.weight * rows.value) / np.where(total > 0, total, 1)
    error = float(rows.weight @ (predicted - rows.value) ** 2 / rows.weight.sum())
    variance = float(rows.weight @ (rows.value - means[attribute]) ** 2 / rows.weight.sum())
    values = {"mse": (error, len(rows))}
    if variance > 0:
        values["r2"] = (1 - error / variance, len(rows))
    return values
