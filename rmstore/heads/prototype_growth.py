"""Prototypes of one class of vectors: weighted k-means, then an infinite mixture that grows where nothing is near."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LLOYD = 20
"""Most rounds of k-means."""
FEW = 0.01
"""Share of the class below which a prototype counts as empty; what asks for a new one weighs at least as much."""
LOOKED_AT = 2000
"""Vectors beyond the reach that are compared with each other."""


def distances(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return squared distances (n, k) of vectors (n, d) to centres (k, d), never negative."""
    found = np.einsum("nd,nd->n", x, x)[:, None] - 2 * x @ centres.T + np.einsum("kd,kd->k", centres, centres)
    return np.maximum(found, 0)


def k_means(x: np.ndarray, weight: np.ndarray, k: int, draw: np.random.Generator) -> np.ndarray:
    """Return at most k centres (k, d): k-means++ (Arthur and Vassilvitskii 2007), then Lloyd's rounds.

    Fewer come back where there are fewer distinct vectors.

    Args:
        x: vectors, (n, d).
        weight: positive weight of each, (n,).
        k: how many centres.
        draw: draws the first centres.
    """
    if k == 1:
        return np.average(x, axis=0, weights=weight)[None]
    centres = x[draw.choice(len(x), p=weight / weight.sum())][None]
    scale = np.average(distances(x, centres)[:, 0], weights=weight)
    while len(centres) < k:
        far = weight * distances(x, centres).min(axis=1)
        if far.sum() <= 1e-6 * scale * weight.sum():  # rounding aside, every vector is a centre
            break
        centres = np.concatenate([centres, x[draw.choice(len(x), p=far / far.sum())][None]])
    nearest = None
    for _ in range(LLOYD):
        before, nearest = nearest, distances(x, centres).argmin(axis=1)
        if before is not None and (before == nearest).all():
            break
        centres = _means(x, weight[:, None] * (nearest[:, None] == np.arange(len(centres))), centres)
    return centres


def grow(
    x: np.ndarray, weight: np.ndarray, centres: np.ndarray, tau: float, reach: float, most: int,
    rounds: int, check: Callable[[], None],
) -> np.ndarray:  # fmt: skip
    """Return the centres after some rounds of an infinite mixture, as many as the data ask for.

    A round assigns every vector softly, q_k proportional to exp(-|x - p_k|^2 / tau), moves each prototype to its
    weighted mean, drops those that hold next to nothing, and adds one among the vectors that lie beyond the reach of
    all: where most of them lie within reach of each other, and nowhere if each of them is alone. The last round adds
    none, so that no prototype is left unmoved.

    Args:
        x: vectors, (n, d).
        weight: positive weight of each, (n,).
        centres: the prototypes to begin with, (k, d).
        tau: width of the soft assignment, in squared distance.
        reach: squared distance beyond which a vector asks for a prototype of its own.
        most: never more prototypes than this.
        rounds: how many.
        check: called before every round; stops by raising.
    """
    for left in reversed(range(rounds)):
        check()
        away = distances(x, centres)
        share = np.exp((away.min(axis=1, keepdims=True) - away) / tau)
        share *= (weight / share.sum(axis=1))[:, None]
        held = share.sum(axis=0) >= FEW * weight.sum()
        centres = _means(x, share[:, held], centres[held])
        if left and len(centres) < most:
            centres = np.concatenate([centres, _asked_for(x, weight, centres, reach)])
    return centres


def _asked_for(x: np.ndarray, weight: np.ndarray, centres: np.ndarray, reach: float) -> np.ndarray:
    """Return the vector where a prototype is missing most, (1, d), or none, (0, d)."""
    beyond = np.flatnonzero(distances(x, centres).min(axis=1) > reach)
    beyond = beyond[:: -(-len(beyond) // LOOKED_AT) or 1]
    near = distances(x[beyond], x[beyond]) <= reach
    mass = near @ weight[beyond]
    wanted = (near.sum(axis=1) > 1) & (mass >= FEW * weight.sum())
    return x[beyond[wanted]][mass[wanted].argmax()][None] if wanted.any() else x[:0]


def _means(x: np.ndarray, share: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the weighted mean of every column of shares (n, k); a centre without weight stays."""
    mass = share.sum(axis=0)
    means = share.T @ x / np.where(mass > 0, mass, 1)[:, None]
    return np.where(mass[:, None] > 0, means, centres)
