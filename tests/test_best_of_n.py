"""Best-of-n in closed form: weights by binomials, the same in SQL, and lists of candidates with gaps."""

from math import comb

import numpy as np
import pytest

from rmstore.best_of_n import by_rank, curves, weights


@pytest.mark.parametrize("size", [1, 2, 7, 60])
def test_weights_are_shares_of_subsets(size):
    expected = [
        [comb(rank - 1, n - 1) / comb(size, n) for n in range(1, size + 1)] for rank in range(1, size + 1)
    ]  # fmt: skip
    assert weights(size, size) == pytest.approx(np.array(expected), rel=1e-12, abs=1e-20)


@pytest.mark.parametrize("size", [500, 3000])
def test_weights_sum_to_one(size):
    table = weights(size, 500)
    assert table.sum(axis=0) == pytest.approx(np.ones(500), abs=1e-12)
    assert table[:, 0] == pytest.approx(np.full(size, 1 / size))
    assert (table >= 0).all() and not table.flags.writeable
    ranks = np.arange(1, size + 1)
    n = np.arange(1, 501)
    assert ranks @ table == pytest.approx(n * (size + 1) / (n + 1), rel=1e-12)


def test_weights_in_sql_are_the_same(store):
    found = store.sql("select weights from _rm_bon_weights([40]) order by n").fetchnumpy()["weights"]
    assert pytest.approx(weights(40, 40), abs=1e-13) == np.stack([np.asarray(row) for row in found]).T


def test_inputs_stay_as_they_are():
    rng = np.random.default_rng(0)
    keys, values = rng.integers(0, 5, (3, 20)).astype(float), rng.normal(size=(2, 3, 20))
    before = keys.copy(), values.copy()
    curves(keys, values)
    assert (keys == before[0]).all() and (values == before[1]).all()


def test_equal_keys_share_their_mean():
    found = by_rank(np.array([[2.0, 1.0, 2.0], [1.0, 2.0, 3.0]]), np.array([[[4.0, 7.0, 8.0], [1.0, 2.0, 3.0]]]))
    assert found.tolist() == [[[7.0, 6.0, 6.0], [1.0, 2.0, 3.0]]]


def test_curves_in_sql_come_by_value_and_size(store):
    query = """
        with candidates (prompt, "by", x, y) as (
            values (1, 1, 10, 0), (1, 2, 20, 1), (2, 5, 7, 3), (3, 1, 2, 5), (3, 1, 4, 5), (3, 0, 0, 8))
        select prompt, _rm_bon_curves(list({'by': "by", 'x': x, 'y': y}), most) as curves
        from candidates cross join (values (null), (2)) as limits (most)
        group by prompt, most order by most nulls first, prompt
    """
    assert [row[1] for row in store.sql(query).fetchall()] == [
        [[15, 20], [0.5, 1]],
        [[7], [3]],
        [[2, 3, 3], [6, 5, 5]],
        [[15, 20], [0.5, 1]],
        [[7], [3]],
        [[2, 3], [6, 5]],
    ]


def test_a_missing_number_leaves_that_curve_without_values(store):
    query = """
        select _rm_bon_curves([{'by': 1, 'x': null, 'y': 3}, {'by': 2, 'x': 1, 'y': 5}], null),
               _rm_bon_curves([{'by': 'nan'::double, 'x': 1}, {'by': 2, 'x': 1}], null)
    """
    assert store.sql(query).fetchall() == [([[None, None], [4.0, 5.0]], [[None, None]])]


def test_no_candidates_have_no_curve(store):
    assert store.sql("select _rm_bon_curves(list({'by': 1, 'x': 2}), null) from range(0)").fetchall() == [([[]],)]
