"""What is measured on the rewards of pairs; names as in trl."""

from __future__ import annotations

import numpy as np

from rmstore.heads.base import Pairs


def fit_temperature(rewards: np.ndarray, valid: Pairs) -> tuple[float, str]:
    """Return T > 0 that minimises the NLL of sigmoid(D / T) on validation pairs, else 1."""
    if len(valid) < 10 or not valid.weight.sum() > 0:
        return 1.0, "none: too few validation pairs"
    from scipy.optimize import minimize_scalar

    gap = rewards[valid.chosen] - rewards[valid.rejected]
    if not np.abs(gap).max() > 0:
        return 1.0, "none: every gap is 0"
    scale = float(np.abs(gap).mean())

    def nll(log_temperature: float) -> float:
        return pair_nll(gap / (scale * np.exp(log_temperature)), valid)

    found = minimize_scalar(nll, bounds=(-6, 6), method="bounded", options={"xatol": 1e-6})
    return float(scale * np.exp(found.x)), "valid"


def pair_nll(gap: np.ndarray, pairs: Pairs) -> float:
    """Return the weighted mean of -(h log p + (1 - h) log(1 - p)), p = sigmoid(gap), h the label's probability."""
    losses = pairs.prob * np.logaddexp(0, -gap) + (1 - pairs.prob) * np.logaddexp(0, gap)
    return float(losses @ pairs.weight / pairs.weight.sum())


def pair_metrics(
    split: str, pairs: Pairs, rewards: np.ndarray, temperature: float
) -> dict[tuple[str, str], tuple[float, int]]:
    """Return accuracy, NLL, mean margin and the rewards' range of one split (names as in trl)."""
    if not len(pairs) or not pairs.weight.sum() > 0:
        return {}
    n, total = len(pairs), pairs.weight.sum()
    chosen, rejected = rewards[pairs.chosen], rewards[pairs.rejected]
    decided = pairs.prob > 0.5
    both = np.concatenate([chosen, rejected])
    values = {
        "nll": (pair_nll((chosen - rejected) / temperature, pairs), n),
        "margin": (float((chosen - rejected) @ pairs.weight / total), n),
        "min_reward": (float(both.min()), n),
        "mean_reward": (float(both.mean()), n),
        "max_reward": (float(both.max()), n),
    }
    if pairs.weight[decided].sum() > 0:
        right = (chosen > rejected) + 0.5 * (chosen == rejected)
        share = float(right[decided] @ pairs.weight[decided] / pairs.weight[decided].sum())
        values["accuracy"] = (share, int(decided.sum()))
    return {(split, metric): value for metric, value in values.items()}
