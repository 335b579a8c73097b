"""Nearest neighbours against scikit-learn and by hand."""

import numpy as np
import pytest

from rmstore import neighbours
from rmstore.neighbours import Base, nearest, unit


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Many blocks on little data, so that every merge happens."""
    monkeypatch.setattr(neighbours, "QUERY_BLOCK", 17)
    monkeypatch.setattr(neighbours, "BASE_BLOCK", 23)


def draw(seed, n, m, d=8):
    rng = np.random.default_rng(seed)
    shift = rng.normal(size=d)  # away from the origin, where euclidean and cosine disagree
    return (rng.normal(size=(n, d)) + shift).astype(np.float32), (rng.normal(size=(m, d)) + shift).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("n, m, k", [(60, 150, 1), (60, 150, 10), (5, 23, 23), (40, 24, 7)])
def test_equals_scikit_learn(metric, n, m, k):
    from sklearn.neighbors import NearestNeighbors

    queries, base = draw(1, n, m)
    peer = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(base.astype(np.float64))
    distances, places = peer.kneighbors(queries.astype(np.float64))
    indices, similarities = nearest(queries, base, k, metric=metric)
    assert np.array_equal(indices, places)
    expected = 1 - distances if metric == "cosine" else -distances
    np.testing.assert_allclose(similarities, expected, atol=1e-12)


def test_inner_products_are_not_normalised():
    queries, base = draw(2, 30, 90)
    products = queries.astype(np.float64) @ base.astype(np.float64).T
    indices, similarities = nearest(queries, base, 4, metric="inner")
    assert np.array_equal(indices, np.argsort(-products, axis=1, kind="stable")[:, :4])
    np.testing.assert_allclose(similarities, -np.sort(-products, axis=1)[:, :4], atol=1e-12)


def test_rows_of_the_own_group_are_no_neighbours():
    queries, base = draw(3, 40, 100)
    query_groups, base_groups = np.arange(40) % 6, np.arange(100) % 7
    cosines = unit(queries).astype(np.float64) @ unit(base).astype(np.float64).T
    cosines[query_groups[:, None] == base_groups[None, :]] = -np.inf
    labels = [np.array([f"g{group}" for group in groups]) for groups in (query_groups, base_groups)]
    for pair in ((query_groups, base_groups), labels):
        indices, _ = nearest(queries, base, 5, query_groups=pair[0], base_groups=pair[1])
        assert np.array_equal(indices, np.argsort(-cosines, axis=1)[:, :5])


@pytest.mark.parametrize("k", [1, 6, 40])
def test_the_winners_of_heats_are_a_bar_that_the_nearest_clear(monkeypatch, k):
    """Blocks of many heats, and with own groups and equal vectors, which the bar must let through."""
    monkeypatch.setattr(neighbours, "HEATS", 12)
    monkeypatch.setattr(neighbours, "BASE_BLOCK", 700)
    queries, base = draw(7, 50, 1600)
    base[800:] = base[:800]
    groups, base_groups = np.arange(50) % 3, np.arange(1600) % 4
    products = queries.astype(np.float64) @ base.astype(np.float64).T
    products[groups[:, None] == base_groups[None, :]] = -np.inf
    indices, _ = nearest(queries, base, k, query_groups=groups, base_groups=base_groups, metric="inner")
    assert np.array_equal(indices, np.argsort(-products, axis=1, kind="stable")[:, :k])


def test_a_base_serves_many_calls():
    queries, base = draw(8, 40, 90)
    among = Base(base, groups=np.array([f"group {i % 9}" for i in range(90)]))
    whole = among.nearest(queries, 4, groups=np.array([f"group {i % 20}" for i in range(40)]))  # 9 to 19 are not there
    for start in (0, 15, 30):
        block = slice(start, start + 15)
        labels = np.array([f"group {i % 20}" for i in range(40)])[block]
        part = among.nearest(queries[block], 4, groups=labels)
        assert np.array_equal(part[0], whole[0][block]) and np.array_equal(part[1], whole[1][block])
    outside = np.arange(40) % 20 >= 9
    assert np.array_equal(whole[0][outside], nearest(queries, base, 4)[0][outside])


def test_what_is_missing_is_minus_one_and_nan():
    queries, base = draw(4, 3, 2)
    indices, similarities = nearest(queries, base, 3)
    assert (indices[:, 2] == -1).all() and np.isnan(similarities[:, 2]).all() and (indices[:, :2] >= 0).all()
    indices, _ = nearest(queries, base, 2, query_groups=np.zeros(3), base_groups=np.array([0, 1]))
    assert indices.tolist() == [[1, -1]] * 3
    indices, similarities = nearest(queries, base[:0], 2)
    assert (indices == -1).all() and np.isnan(similarities).all()
    assert nearest(queries[:0], base, 2, metric="euclidean")[0].shape == (0, 2)


def test_equal_vectors_come_in_the_order_of_the_base():
    base = np.array([[1, 0], [0, 1], [1, 0], [2, 0]] * 20, np.float32)
    indices, similarities = nearest(np.array([[3, 0]], np.float32), base, 5)
    assert indices.tolist() == [[0, 2, 3, 4, 6]]
    assert similarities.tolist() == [[1.0] * 5]
    assert nearest(np.array([[3, 0]], np.float32), base, 2, metric="euclidean")[0].tolist() == [[3, 7]]


def test_a_vector_of_zeros_has_cosine_zero_with_all():
    indices, similarities = nearest(np.zeros((1, 2)), np.array([[-1.0, 0.0], [0.0, 1.0]]), 2)
    assert (indices.tolist(), similarities.tolist()) == ([[0, 1]], [[0.0, 0.0]])


def test_distances_survive_a_large_shift():
    queries, base = draw(5, 20, 60)
    queries[:10] = base[:10]
    indices, similarities = nearest(queries + 300, base + 300, 1, metric="euclidean")
    assert indices[:10, 0].tolist() == list(range(10))
    assert (similarities[:10] == 0).all()


def test_blocks_change_nothing(monkeypatch):
    queries, base = draw(6, 70, 130)
    small = nearest(queries, base, 6)
    monkeypatch.setattr(neighbours, "QUERY_BLOCK", 1024)
    monkeypatch.setattr(neighbours, "BASE_BLOCK", 8192)
    whole = nearest(queries, base, 6)
    assert np.array_equal(small[0], whole[0]) and np.array_equal(small[1], whole[1])


def test_threads_change_nothing(monkeypatch):
    queries, base = draw(9, 200, 130)
    found = {}
    for n_threads in (1, 4):
        monkeypatch.setattr(neighbours, "blas_threads", lambda n=n_threads: n)
        found[n_threads] = nearest(queries, base, 6)
    assert np.array_equal(found[1][0], found[4][0]) and np.array_equal(found[1][1], found[4][1])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"k": 0}, "k is 0"),
        ({"base": np.ones((2, 3))}, r"\(2, 3\)"),
        ({"base": np.ones(2)}, r"the base is \(2,\)"),
        ({"base": np.array([[1.0, np.inf]])}, "base hold a value that is not finite"),
        ({"query_groups": np.zeros(1)}, "one side alone"),
        ({"queries": np.array([[np.nan, 1.0]])}, "queries hold a value that is not finite"),
    ],
)
def test_bad_input_is_named(change, message):
    given = {"queries": np.ones((1, 2)), "base": np.ones((2, 2)), "k": 1, **change}
    with pytest.raises(ValueError, match=message):
        nearest(**given)
