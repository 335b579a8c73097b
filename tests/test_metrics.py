"""What is measured on rewards: by hand, and the temperature of known probabilities."""

from dataclasses import replace

import numpy as np
import pytest

from rmstore.heads.base import Pairs
from rmstore.metrics import fit_temperature, measure, nll
from rmstore.objectives import OBJECTIVES

BT, SQUARED, LOGISTIC = (OBJECTIVES[name]() for name in ("bt", "squared", "logistic"))


def pairs(chosen, rejected, **known):
    n = len(chosen)
    filled = {"prob": np.ones(n), "margin": np.zeros(n), "weight": np.ones(n), "group": np.arange(n)} | known
    return Pairs(np.zeros((n, 1), np.float32), np.asarray(chosen), np.asarray(rejected), **filled)


def pair_metrics(split, votes, rewards, temperature):
    return measure(split, votes, rewards, None, temperature, BT)


def drawn(temperature, n=40_000):
    """Rewards, and votes drawn from sigmoid(D / temperature)."""
    rng = np.random.default_rng(3)
    rewards = rng.normal(size=2 * n) * 2
    left, right = np.arange(n), np.arange(n, 2 * n)
    wins = rng.random(n) < 1 / (1 + np.exp(-(rewards[left] - rewards[right]) / temperature))
    return rewards, pairs(np.where(wins, left, right), np.where(wins, right, left))


def test_by_hand_a_tie_of_rewards_counts_half():
    rewards = np.array([2.0, 1.0, 1.0, 0.0])
    found = pair_metrics("test", pairs([0, 1, 3], [1, 2, 0]), rewards, 1.0)
    gaps = np.array([1.0, 0.0, -2.0])
    assert found["test", "accuracy"] == (pytest.approx(1.5 / 3), 3)
    assert found["test", "nll"][0] == pytest.approx(np.log1p(np.exp(-gaps)).mean())
    assert found["test", "margin"][0] == pytest.approx(gaps.mean())
    assert [found["test", f"{name}_reward"][0] for name in ("min", "mean", "max")] == pytest.approx([0, 7 / 6, 2])


def test_votes_without_a_winner_count_in_the_loss_alone():
    rewards = np.array([2.0, 1.0])
    found = pair_metrics("valid", pairs([0, 1], [1, 0], prob=np.array([1.0, 0.5])), rewards, 1.0)
    assert found["valid", "accuracy"] == (1.0, 1) and found["valid", "nll"][1] == 2
    assert pair_metrics("valid", pairs([], []), rewards, 1.0) == {}


def test_weight_two_is_two_rows():
    rewards = np.array([0.3, -1.0, 0.8])
    once = pairs([0, 1], [1, 2], weight=np.array([2.0, 1.0]))
    twice = pairs([0, 0, 1], [1, 1, 2])
    for metric in ("accuracy", "nll", "margin"):
        found = (pair_metrics("train", votes, rewards, 2.0)["train", metric][0] for votes in (once, twice))
        assert next(found) == pytest.approx(next(found))


@pytest.mark.parametrize("temperature", [0.25, 1.0, 6.0])
def test_the_temperature_of_drawn_votes_is_found(temperature):
    rewards, votes = drawn(temperature)
    found, basis = fit_temperature(rewards, votes, BT)
    assert basis == "valid" and found == pytest.approx(temperature, rel=0.05)
    gap = rewards[votes.chosen] - rewards[votes.rejected]
    best = nll(gap / found, votes.prob, votes.weight)
    assert best <= min(nll(gap / (found * factor), votes.prob, votes.weight) for factor in (0.98, 1.02))


def test_the_temperature_leaves_accuracy_alone_and_follows_the_unit():
    rewards, votes = drawn(1.0, n=2_000)
    shares = {pair_metrics("valid", votes, rewards, t)["valid", "accuracy"] for t in (0.1, 1.0, 10.0)}
    assert len(shares) == 1
    assert fit_temperature(rewards * 8, votes, BT)[0] == pytest.approx(
        8 * fit_temperature(rewards, votes, BT)[0], rel=1e-4
    )


@pytest.mark.parametrize("n", [10, 1000])
def test_the_temperature_of_votes_that_are_all_right_is_no_surer_than_their_number(n):
    rng = np.random.default_rng(n)
    rewards = rng.normal(size=2 * n)
    rewards[:n] += 100
    votes = pairs(np.arange(n), np.arange(n, 2 * n))
    found, basis = fit_temperature(rewards, votes, BT)
    typical = np.mean(rewards[:n] - rewards[n:]) / found
    assert basis == "valid" and 1 / (1 + np.exp(-typical)) == pytest.approx((n + 1) / (n + 2), rel=1e-6)
    heavier = replace(votes, weight=np.full(n, 7.0))
    assert fit_temperature(rewards, heavier, BT)[0] == pytest.approx(found)


def test_too_little_to_go_by_gives_one():
    rewards, votes = drawn(1.0, n=2_000)
    few = pairs(votes.chosen[:9], votes.rejected[:9])
    assert fit_temperature(rewards, few, BT)[0] == 1
    assert fit_temperature(np.zeros_like(rewards), votes, BT)[0] == 1
    assert fit_temperature(rewards, replace(votes, weight=np.zeros(len(votes.chosen))), BT)[0] == 1


def test_errors_of_ratings_by_hand():
    rated = pairs([0, 1, 2], [0, 1, 2], value=np.array([1.0, 2.0, 6.0]), weight=np.array([1.0, 1.0, 2.0]))
    found = measure("test", rated, np.array([1.0, 3.0, 5.0]), None, 1.0, SQUARED)
    error, variance = (0 + 1 + 2) / 4, (2.75**2 + 1.75**2 + 2 * 2.25**2) / 4
    assert found == {("test", "mse"): (error, 3), ("test", "r2"): (pytest.approx(1 - error / variance), 3)}


def test_each_attribute_is_predicted_by_its_own_member_and_explained_around_its_own_mean():
    rated = pairs([0, 1, 0, 1], [0, 1, 0, 1], value=np.array([1.0, 3.0, 10.0, 30.0]))
    rated = replace(rated, attribute=np.array([0, 0, 1, 1]), attributes=("short", "long"))
    exact = np.array([[1.0, 10.0], [3.0, 30.0]])
    found = measure("test", rated, np.zeros(2), exact, 1.0, SQUARED)
    assert found["test", "mse"] == (0, 4) and found["test", "r2"] == (1, 4)
    means = np.array([[2.0, 20.0], [2.0, 20.0]])
    assert measure("test", rated, np.zeros(2), means, 1.0, SQUARED)["test", "r2"][0] == pytest.approx(0)


def test_steps_count_as_right_beyond_one_half():
    rated = pairs([0, 1, 2, 3], [0, 1, 2, 3], value=np.array([1.0, 0.0, 0.0, 0.5]))
    rewards = np.array([2.0, -1.0, 1.0, 9.0])
    found = measure("test", rated, rewards, None, 2.0, LOGISTIC)
    assert found["test", "accuracy"] == (pytest.approx(2 / 3), 3)
    losses = [np.log1p(np.exp(-1)), np.log1p(np.exp(-0.5)), np.log1p(np.exp(0.5)), np.logaddexp(0, 4.5) - 2.25]
    assert found["test", "nll"] == (pytest.approx(np.mean(losses)), 4)


def test_ratings_have_no_temperature_and_steps_have_one():
    rng = np.random.default_rng(5)
    rewards = rng.normal(size=30_000)
    label = (rng.random(30_000) < 1 / (1 + np.exp(-rewards / 3))).astype(float)
    rated = pairs(np.arange(30_000), np.arange(30_000), value=label)
    assert fit_temperature(rewards, rated, SQUARED)[0] == 1
    assert fit_temperature(rewards, rated, LOGISTIC)[0] == pytest.approx(3, rel=0.1)
