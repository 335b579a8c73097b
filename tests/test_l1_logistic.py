"""L1 logistic regression reaches the optimum of liblinear's objective."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from rmstore.l1_logistic import fit, losses, sigmoid


def problem(seed, n=150):
    """Return features with a constant one, soft wins, and weights."""
    rng = np.random.default_rng(seed)
    features = np.column_stack([np.ones(n), np.tanh(rng.normal(0.5, 1, n)), rng.normal(0, 1.3, n)])
    wins = sigmoid(features @ rng.normal(0, 1.5, 3) + rng.normal(0, 1, n))
    return features, wins, rng.integers(0, 3, n).astype(float)


def objective(found, features, wins, weights, strength):
    return np.abs(found).sum() + strength * (weights * losses(features @ found, wins)).sum()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("strength", [1e-3, 3e-2, 0.3, 10.0, 1e4])
def test_the_optimum_is_that_of_liblinear(seed, strength):
    features, wins, weights = problem(seed)
    found = fit(features, wins, weights[None], np.array([strength]))[0]
    # liblinear knows no soft labels: each row once as a win and once as a loss
    other = LogisticRegression(
        l1_ratio=1.0, solver="liblinear", fit_intercept=False, C=strength, tol=1e-10, max_iter=100_000
    ).fit(
        np.concatenate([features, features]), np.repeat([1, 0], len(wins)),
        sample_weight=np.concatenate([weights * wins, weights * (1 - wins)]),
    )  # fmt: skip
    ours, theirs = (objective(one, features, wins, weights, strength) for one in (found, other.coef_[0]))
    assert ours <= theirs * (1 + 1e-9) and ours == pytest.approx(theirs, rel=1e-6)
    assert found == pytest.approx(other.coef_[0], abs=1e-3)
    assert ((found == 0) == (np.abs(other.coef_[0]) < 1e-9)).all()


def test_problems_side_by_side_are_as_alone():
    features, wins, weights = problem(7)
    strengths = np.array([0.01, 1.0, 100.0])
    many = np.stack([weights, np.ones_like(weights), np.arange(len(weights)) % 2])
    together = fit(features, wins, many, strengths)
    for row, strength, found in zip(many, strengths, together, strict=True):
        assert fit(features, wins, row[None], np.array([strength]))[0] == pytest.approx(found, abs=1e-7)


def test_wins_without_exception_have_a_finite_fit():
    found = fit(np.ones((20, 1)), np.ones(20), np.ones((1, 20)), np.array([1e4]))[0]
    # the slope of 20 losses at 1 - p = 1 / (20 C) balances the penalty
    assert sigmoid(found)[0] == pytest.approx(1 - 1 / (20 * 1e4), abs=1e-9)


def test_a_weak_slope_leaves_zero():
    # at 0 the slope is C * sum(win - 0.5) = 0.9, less than the penalty
    assert fit(np.ones((10, 1)), np.full(10, 0.59), np.ones((1, 10)), np.array([1.0]))[0] == pytest.approx([0])
    # above it: 10 (0.7 - p) = 1
    assert sigmoid(fit(np.ones((10, 1)), np.full(10, 0.7), np.ones((1, 10)), np.array([1.0]))[0]) == pytest.approx(
        [0.6]
    )
