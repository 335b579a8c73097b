"""Which pairs belong together, and which validate."""

import numpy as np

from rmstore.grouping import component_names, components, distinct, draw_valid


def test_distinct_rows_and_their_numbers():
    rows = np.array([[1, 2], [3, 4], [1, 2], [3, 5]], np.float32)
    items, number = distinct(rows)
    assert len(items) == 3
    np.testing.assert_array_equal(items[number], rows)


def test_the_order_of_distinct_rows_depends_on_content_alone():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((500, 7)).astype(np.float32)
    shuffled = rows[rng.permutation(500)]
    np.testing.assert_array_equal(distinct(rows)[0], distinct(shuffled)[0])


def test_both_zeros_are_one_value():
    items, number = distinct(np.array([[0.0, 1.0], [-0.0, 1.0]], np.float32))
    assert len(items) == 1
    assert number.tolist() == [0, 0]


def test_rows_that_differ_in_one_bit_stay_apart():
    row = np.linspace(0, 1, 64, dtype=np.float32)
    near = np.repeat(row[None], 64, axis=0)
    near[np.arange(64), np.arange(64)] = np.nextafter(row, np.float32(2))
    assert len(distinct(np.concatenate([row[None], near]))[0]) == 65


def test_pairs_that_share_an_item_are_one_component():
    component = components(np.array([0, 1, 4]), np.array([1, 2, 5]), 6)
    assert component.tolist() == [0, 0, 4]
    assert component_names(component, None) == {0: "0", 4: "4"}
    assert component_names(component, np.array(["b", "a", "c"], dtype=object)) == {0: "a", 4: "c"}


def drawn(n_groups, seed=0, start=-1):
    component = np.repeat(np.arange(n_groups), 2)
    split = np.full(2 * n_groups, start, np.int8)
    draw_valid(split, component, {number: f"group {number}" for number in range(n_groups)}, seed)
    return split.reshape(-1, 2)


def test_a_tenth_of_the_groups_validates_and_no_group_is_torn():
    split = drawn(2_000)
    assert (split[:, 0] == split[:, 1]).all()
    assert 0.08 < (split == 1).mean() < 0.12
    assert set(np.unique(split)) == {0, 1}


def test_few_groups_all_train_and_named_splits_are_kept():
    assert (drawn(19) == 0).all()
    assert (drawn(100, start=2) == 2).all()


def test_the_draw_follows_the_seed():
    assert (drawn(500, seed=0) == drawn(500, seed=0)).all()
    assert (drawn(500, seed=0) != drawn(500, seed=1)).any()
