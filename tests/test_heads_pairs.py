"""Checks, bootstraps and losses that every head shares."""

from dataclasses import replace

import numpy as np
import pytest

from rmstore.errors import InputError, OptionError
from rmstore.heads.base import Pairs
from rmstore.heads.linear import LinearHead
from rmstore.heads.pairs import (
    DIVERSITIES,
    batches,
    bootstrap,
    check,
    check_convex,
    compact,
    effective,
    labels,
    mean_loss,
    member_weights,
    part,
    same_kind,
)
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


def test_a_part_is_four_fifths_of_the_groups():
    pairs = make_pairs(np.repeat(np.arange(50), 3))
    weight = part(pairs, 0, 0)
    assert set(weight) == {0, 1}
    assert len({group for group in range(50) if weight[pairs.group == group].all()}) == 40
    assert weight.sum() == 120


def test_parts_differ_by_seed_and_member():
    pairs = make_pairs(np.arange(50))
    assert len({part(pairs, seed, member).tobytes() for seed in (0, 1) for member in (0, 1)}) == 4


@pytest.mark.parametrize("diversity", DIVERSITIES)
def test_a_single_member_takes_all_pairs(diversity):
    pairs = replace(make_pairs(np.arange(30)), weight=np.linspace(0, 2, 30))
    np.testing.assert_array_equal(member_weights(pairs, diversity, 3, 1), pairs.weight[None])


def test_members_weigh_pairs_by_their_diversity():
    pairs = make_pairs(np.arange(30))
    np.testing.assert_array_equal(member_weights(pairs, "seed", 3, 2), np.ones((2, 30)))
    for diversity, draw in (("bootstrap", bootstrap), ("split", part)):
        expected = np.stack([draw(pairs, 3, 0), draw(pairs, 3, 1)])
        np.testing.assert_array_equal(member_weights(pairs, diversity, 3, 2), expected)


def generators(members):
    return [np.random.default_rng([0, member]) for member in range(members)]


def test_batches_hold_every_pair_once_per_member():
    found = list(batches(make_pairs(np.arange(50)), generators(2), 16))
    assert {batch.shape for batch in found} == {(2, 13), (2, 12)}
    for member in np.concatenate(found, axis=1):
        assert sorted(member) == list(range(50))
    assert not np.array_equal(*np.concatenate(found, axis=1))


def test_batches_keep_choices_together():
    choice = np.repeat([4, 9, 2, 7, 1, 5], [1, 5, 2, 2, 3, 1])
    pairs = replace(make_pairs(np.arange(14)), choice=np.random.default_rng(0).permutation(choice))
    found = list(batches(pairs, generators(3), 5))
    assert len(found) > 1
    for member in range(3):
        rows = [batch[member][batch[member] >= 0] for batch in found]
        assert sorted(np.concatenate(rows)) == list(range(14))
        seen = [set(pairs.choice[part]) for part in rows]
        assert sum(map(len, seen)) == 6


def test_labels_of_some_rows():
    pairs = replace(make_pairs(np.arange(9)), prob=np.linspace(0.5, 1, 9), choice=np.arange(9) // 2)
    some = labels(pairs, np.array([8, 0]))
    np.testing.assert_array_equal(some.prob, [1, 0.5])
    np.testing.assert_array_equal(some.choice, [4, 0])
    assert some.value is None and some.similarity is None
    assert labels(pairs).prob is pairs.prob


def test_a_loss_that_is_not_convex_is_refused_by_name():
    check_convex("linear", OBJECTIVES["bt"]())
    with pytest.raises(OptionError, match="linear head cannot train the objective 'norm', which is not convex"):
        check_convex("linear", OBJECTIVES["norm"]())


def test_a_fit_goes_on_from_its_own_kind_and_width_alone():
    head = LinearHead(np.ones((1, 2), dtype=np.float32), np.zeros(1, dtype=np.float32))
    pairs = make_pairs(np.arange(9))
    assert same_kind(LinearHead, head, pairs) is head
    with pytest.raises(OptionError, match="of width 1 cannot go on from a linear head of width 2"):
        same_kind(LinearHead, head, replace(pairs, items=ITEMS[:, :1]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_is_named(bad):
    items = ITEMS.copy()
    items[7, 1] = bad
    with pytest.raises(InputError, match=f"item 7 holds {bad}.*\n.*not finite"):
        check(replace(make_pairs(np.arange(9)), items=items), None, 1, None)


def test_vectors_whose_sum_overflows_are_finite_all_the_same():
    items = np.full_like(ITEMS, 3e38)
    assert check(replace(make_pairs(np.arange(9)), items=items), None, 1, None) is None


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
def test_the_effective_number_of_rows_is_of_ratios_alone(unit):
    assert effective(np.full(7, unit)) == pytest.approx(7)
    assert effective(unit * np.array([2.0, 1.0, 1.0])) == pytest.approx(16 / 6)
