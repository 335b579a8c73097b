"""Baselines that learn: who may teach whom, caps, level guesses and what nobody knows."""

import numpy as np
import pytest

from rmstore import baselines
from rmstore.baselines import Votes


def votes(rows):
    """Votes from (chosen, rejected, chosen fold, rejected fold, is judged)."""
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Votes(*columns[:2], *(column.astype(np.int8) for column in columns[2:4]), columns[4].astype(bool))


def test_no_vote_is_judged_by_what_saw_its_groups():
    given = votes([(0, 1, 0, 0, 1), (2, 3, 1, 1, 1), (4, 5, -1, -1, 1), (0, 3, 0, 1, 1), (4, 2, -1, 1, 1)])
    assert given.home.tolist() == [0, 1, baselines.OUTSIDE, baselines.NOWHERE, 1]
    assert given.homes == [-1, 0, 1]
    assert given.teaching(-1).tolist() == [0, 1, 3]  # both sides train
    assert given.teaching(0).tolist() == [1]
    assert given.teaching(1).tolist() == [0]
    assert given.judged_items(1).tolist() == [2, 3, 4]


def test_win_shares_count_what_teaches():
    given = votes([(0, 1, 0, 0, 0), (0, 1, 0, 0, 0), (1, 0, 0, 0, 0), (2, 3, -1, -1, 1)])
    np.testing.assert_allclose(baselines.win_shares(given, -1, 4), [2 / 3, 1 / 3, np.nan, np.nan])
    assert baselines.neighbourhood(given, -1, 4).tolist() == [0, 1]


def test_the_first_of_too_many_teach():
    n = baselines.MOST_VOTES + 5
    item = np.arange(n)
    given = Votes(2 * item, 2 * item + 1, np.zeros(n, np.int8), np.zeros(n, np.int8), np.zeros(n, bool))
    assert np.array_equal(baselines.lessons(given, -1), np.arange(baselines.MOST_VOTES))
    assert np.array_equal(baselines.neighbourhood(given, -1, 2 * n), np.arange(baselines.MOST_NEIGHBOURS))


def test_a_neighbour_lends_its_share():
    """Two clusters, in one of which everything won; fewer responses than neighbours are all of them."""
    angle = np.array([0.0, 0.01] * 10 + [1.5, 1.51] * 10 + [0.02, 1.52])
    items = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    rows = [(i, 20 + i, 0, 0, 0) for i in range(20)] + [(41, 40, -1, -1, 1), (40, 41, -1, -1, 1)]
    given = votes(rows)
    score = baselines.neighbour(given, -1, items, np.arange(42))
    assert score(items[[40, 41]]).tolist() == [1.0, 0.0]
    found = baselines.guesses(given, {-1: score}, [(np.array([40]), items[[40]]), (np.array([41]), items[[41]])])
    assert np.isnan(found[:20]).all() and found[20:].tolist() == [0, 1]
    few = votes([(0, 20, 0, 0, 0), (41, 40, -1, -1, 1)])
    score = baselines.neighbour(few, -1, items, np.arange(42))
    assert baselines.guesses(few, {-1: score}, [(np.arange(40, 42), items[40:])])[1] == 0.5


def test_of_equal_vectors_the_first_lend_their_shares_in_whatever_company_they_are_asked():
    rng = np.random.default_rng(2)
    items = np.tile(rng.standard_normal((300, 384)), (7, 1)).astype(np.float32)  # ten neighbours are one and a part
    won = rng.permutation(2100)
    given = votes([(int(won[2 * i]), int(won[2 * i + 1]), 0, 0, 0) for i in range(1050)])
    score, queries = baselines.neighbour(given, -1, items, np.arange(2100)), rng.standard_normal((600, 384))
    queries = queries.astype(np.float32)
    together = score(queries)
    assert np.array_equal(together, np.concatenate([score(queries[i : i + 50]) for i in range(0, 600, 50)]))
    wins = np.isin(np.arange(2100), won[::2])
    cosines = (queries.astype(float) @ items[:300].T) / np.linalg.norm(items[:300], axis=1)
    nearest = np.argsort(-cosines, axis=1)[:, :2]
    expected = [[*wins[one::300], *wins[two::300][:3]] for one, two in nearest]
    np.testing.assert_allclose(together, np.mean(expected, axis=1), atol=1e-12)


def test_the_head_on_responses_finds_a_direction_and_leaves_equal_ones_level():
    rng = np.random.default_rng(4)
    items = rng.standard_normal((400, 5)).astype(np.float32)
    order = np.argsort(items[:, 0].reshape(-1, 2), axis=1)
    rows = [(2 * i + int(order[i, 1]), 2 * i + int(order[i, 0]), 0, 0, 0) for i in range(190)]
    rows += [(2 * i + int(order[i, 1]), 2 * i + int(order[i, 0]), -1, -1, 1) for i in range(190, 199)]
    items[399] = items[398]
    given = votes([*rows, (398, 399, -1, -1, 1)])
    score = baselines.response_only(given, -1, items, np.arange(400))
    found = baselines.guesses(given, {-1: score}, [(np.arange(400), items)])
    assert found[190:199].mean() > 0.8 and found[199] == 0.5


@pytest.mark.parametrize("learn", [baselines.response_only, baselines.neighbour])
def test_where_nothing_teaches_there_is_no_learner(learn):
    given = votes([(0, 1, -1, -1, 1)])
    assert learn(given, -1, np.eye(2, dtype=np.float32), np.arange(2)) is None


def test_equal_vectors_teach_no_direction():
    given = votes([(0, 1, 0, 0, 0), (0, 1, -1, -1, 1)])
    assert baselines.response_only(given, -1, np.ones((2, 3), np.float32), np.arange(2)) is None
