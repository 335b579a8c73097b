"""Checks, bootstraps and losses that every head shares."""

from dataclasses import replace

import numpy as np
import pytest

from rmstore.heads.base import Pairs
from rmstore.heads.pairs import bootstrap, compact, mean_loss
from rmstore.objectives import OBJECTIVES

ITEMS = np.arange(40, dtype=np.float32).reshape(20, 2)


def make_pairs(group):
    group = np.asarray(group)
    p = len(group)
    rows = np.arange(p) % 9
    return Pairs(ITEMS, rows + 3, rows + 4, np.ones(p), np.zeros(p), np.ones(p), group)


def test_bootstrap_draws_whole_groups_as_many_as_there_are():
    pairs = make_pairs(np.repeat([7, 7, 100, 3, 5, 12], 4))
    weight = bootstrap(pairs, 0, 0)
    first = {group: weight[pairs.group == group] for group in np.unique(pairs.group)}
    assert all((drawn == drawn[0]).all() for drawn in first.values())
    assert sum(drawn[0] for drawn in first.values()) == 5
    assert set(weight) <= set(range(6))


def test_bootstrap_multiplies_the_weights_it_finds():
    pairs = make_pairs(np.arange(50))
    counts = bootstrap(pairs, 0, 3)
    np.testing.assert_array_equal(bootstrap(replace(pairs, weight=np.full(50, 0.3)), 0, 3), 0.3 * counts)
    assert counts.sum() == 50


def test_bootstraps_depend_on_seed_and_member_alone():
    pairs = make_pairs(np.arange(50))
    draws = [bootstrap(pairs, seed, member) for seed, member in ((0, 0), (0, 1), (1, 0), (1, 1))]
    assert len({draw.tobytes() for draw in draws}) == 4
    np.testing.assert_array_equal(bootstrap(pairs, 1, 1), draws[3])


def test_bootstrap_never_draws_only_silent_groups():
    weight = np.zeros(50)
    weight[[4, 30]] = 1, 2
    pairs = replace(make_pairs(np.arange(50)), weight=weight)
    for member in range(20):
        drawn = bootstrap(pairs, 0, member)
        assert drawn.sum() > 0
        assert set(np.flatnonzero(drawn)) <= {4, 30}


def test_bootstrap_of_a_single_group_draws_pairs():
    weight = bootstrap(make_pairs(np.zeros(50, dtype=int)), 0, 0)
    assert len(set(weight)) > 1
    assert weight.sum() == 50


def test_bootstrap_leaves_a_third_out():
    left_out = [np.mean(bootstrap(make_pairs(np.arange(1000)), 0, member) == 0) for member in range(20)]
    assert np.mean(left_out) == pytest.approx(np.exp(-1), abs=0.01)


def test_compact_keeps_the_vectors_of_every_pair():
    pairs = make_pairs(np.arange(9))
    small = compact(pairs)
    assert len(small.items) == 10
    for side in ("chosen", "rejected"):
        np.testing.assert_array_equal(small.items[getattr(small, side)], pairs.items[getattr(pairs, side)])
    assert compact(small) is small


def test_mean_loss_weighs_pairs():
    pairs = replace(make_pairs(np.arange(2)), weight=np.array([1.0, 3.0]))
    rewards = np.zeros(20, dtype=np.float32)
    rewards[4] = 2.0  # rejected by the first pair, chosen by the second
    expected = (np.log1p(np.exp(2)) + 3 * np.log1p(np.exp(-2))) / 4
    assert mean_loss(OBJECTIVES["bt"](), rewards, pairs) == pytest.approx(expected)
