"""Kendall's tau-b against scipy."""

import numpy as np
import pytest
from scipy import stats

from rmstore import rank_correlation
from rmstore.rank_correlation import kendall


@pytest.mark.parametrize("n", [2, 3, 11, 60])
def test_tau_b_is_that_of_scipy(monkeypatch, n):
    monkeypatch.setattr(rank_correlation, "_PAIRS", 500)  # several blocks
    rng = np.random.default_rng(n)
    x, y = rng.integers(0, 5, (2, 40, n)).astype(float)
    x[0], y[1] = 2, 3
    expected = [
        stats.kendalltau(*pair).statistic if np.ptp(pair, axis=1).all() else np.nan for pair in zip(x, y, strict=True)
    ]
    assert kendall(x, y) == pytest.approx(np.array(expected), abs=1e-12, nan_ok=True)
    assert np.isnan(kendall(x, y)[:2]).all()


def test_one_candidate_has_no_order():
    assert np.isnan(kendall(np.ones((3, 1)), np.ones((3, 1)))).all()


def test_lists_in_sql(store):
    query = """
        select _rm_kendall(points) from (values
            (1, [{'x': 1, 'y': 1}, {'x': 2, 'y': 3}, {'x': 3, 'y': 2}]), (2, null), (3, [{'x': 1, 'y': 1}]),
            (4, [{'x': 1, 'y': 2}, {'x': 2, 'y': 1}])) as lists (number, points)
        order by number
    """
    assert [row[0] for row in store.sql(query).fetchall()] == [pytest.approx(1 / 3), None, None, -1]
