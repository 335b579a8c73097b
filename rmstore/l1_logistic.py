"""Logistic regression with an L1 penalty, for few features and many weightings of the same rows at once."""

from __future__ import annotations

from itertools import product

import numpy as np

_HALVINGS = 30


def fit(
    features: np.ndarray,
    wins: np.ndarray,
    weights: np.ndarray,
    strengths: np.ndarray,
    *,
    tolerance: float = 1e-8,
    iterations: int = 100,
) -> np.ndarray:
    """Return the coefficients that minimise ``|w|_1 + C * sum_i weight_i * loss_i`` for every weighting and its C.

    The loss is ``softplus(u) - win * u`` with ``u = features @ w``: a row with a soft label is one that wins and one
    that loses, weighted. There is no intercept but a constant feature, penalised like any other: the objective of
    liblinear (Fan et al. 2008, solver 6). Newton steps on the penalised quadratic, each halved until it helps.

    Args:
        features: (n, p), p small: a step looks at 3 ** p patterns of signs.
        wins: (n,) in [0, 1].
        weights: (b, n), not negative; a row per problem.
        strengths: (b,) C of every problem, as in scikit-learn: a large one hardly penalises.
        tolerance: largest change of a coefficient in the last step, relative to the largest coefficient or 1.
        iterations: at most.

    Returns:
        (b, p) coefficients.
    """
    outer = (features[:, :, None] * features[:, None, :]).reshape(len(features), -1)
    n_features = features.shape[1]
    scaled = weights * strengths[:, None]
    found = np.zeros((len(weights), n_features))
    logits = np.zeros(weights.shape)
    values = _objective(found, logits, wins, scaled)
    for _ in range(iterations):
        chance = sigmoid(logits)
        slope = (scaled * (chance - wins)) @ features
        curve = ((scaled * chance * (1 - chance)) @ outer).reshape(-1, n_features, n_features)
        step = _penalised_minimum(found, slope, curve) - found
        if np.abs(step).max(initial=0.0) < tolerance * (1 + np.abs(found).max(initial=0.0)):
            break
        found, logits, values = _descended(found, step, values, features, wins, scaled)
    return found


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-u)) without overflow, any shape."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


def losses(logits: np.ndarray, wins: np.ndarray) -> np.ndarray:
    """Return softplus(u) - win * u, any shapes that broadcast."""
    return np.logaddexp(0, logits) - wins * logits


def _objective(found: np.ndarray, logits: np.ndarray, wins: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    return np.abs(found).sum(axis=1) + (scaled * losses(logits, wins)).sum(axis=1)


def _penalised_minimum(found: np.ndarray, slope: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Return where the quadratic model plus the L1 norm is least: the best of its minima for every pattern of signs."""
    n_features = found.shape[1]
    pull = slope - np.einsum("bij,bj->bi", curve, found)
    curve = curve + 1e-12 * (1 + np.abs(curve).max(axis=(1, 2), keepdims=True)) * np.eye(n_features)
    best, least = np.zeros_like(found), np.zeros(len(found))
    for pattern in product((-1.0, 0.0, 1.0), repeat=n_features):
        signs = np.array(pattern)
        used = np.flatnonzero(signs)
        if not len(used):
            continue
        point = np.zeros_like(found)
        point[:, used] = -np.linalg.solve(curve[:, used][:, :, used], (pull[:, used] + signs[used])[:, :, None])[
            :, :, 0
        ]
        value = np.einsum("bi,bi->b", pull + np.einsum("bij,bj->bi", curve, point) / 2, point) + np.abs(point).sum(
            axis=1
        )
        better = (point[:, used] * signs[used] > 0).all(axis=1) & (value < least)
        best[better], least[better] = point[better], value[better]
    return best


def _descended(
    found: np.ndarray, step: np.ndarray, values: np.ndarray, features: np.ndarray, wins: np.ndarray, scaled: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the coefficients after the step, with their logits and objectives; steps that do not help are halved."""
    length = np.ones(len(found))
    for _ in range(_HALVINGS):
        tried = found + length[:, None] * step
        logits = tried @ features.T
        reached = _objective(tried, logits, wins, scaled)
        worse = reached > values + 1e-12 * np.abs(values)
        if not worse.any():
            break
        length = np.where(worse, length / 2, length)
    return tried, logits, reached
